"""What a model thinks aloud before its answer: the marks around it, and an answer without it.

A thought is no answer: it is never scored. One that was opened and never ended leaves no answer at all.
"""

from __future__ import annotations

import re

MARKS = (
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<seed:think>", "</seed:think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
)
"""Beginning and end of a thought in chat templates: Qwen3 and DeepSeek-R1; Magistral; Command A Reasoning; Seed-OSS;
the last three are what such templates are often written with."""

_KNOWN = re.compile("|".join(["enable_thinking", *(re.escape(mark) for pair in MARKS for mark in pair)]))


def is_known_to(template: object) -> bool:
    """Whether a chat template, or one of several by name, can make a model think."""
    texts = template.values() if isinstance(template, dict) else [template]
    return any(isinstance(text, str) and _KNOWN.search(text) for text in texts)


def opening_of(end: str) -> str:
    """The beginning that belongs to the end of a thought; ``<think>`` for an end nobody knows."""
    return next((opening for opening, known in MARKS if known == end), MARKS[0][0])


def answer_of(response: str) -> str | None:
    """The response without the thought in front of it; None for a thought that was opened and never ended."""
    text = response.lstrip()
    for opening, end in MARKS:
        before, mark, after = text.partition(end)
        if mark and (before.startswith(opening) or opening not in before):  # some templates open it in the prompt
            return after.lstrip()
        if text.startswith(opening):
            return None
    return response


def hint(name: str, template: object) -> str | None:
    """What to tell who converses with a model that may think, and decided nothing; None where it cannot."""
    if not is_known_to(template):
        return None
    return (
        f"{name}: its chat template knows thinking, and nothing was decided: answers may begin with a thought, which "
        "uses up their tokens. Give enable_thinking=false, or enable_thinking=true and think_end_token=… (such as "
        "</think>) with a larger max_gen_toks"
    )
