"""Prompts of the text kind: the text, and a line that asks for its topic.

Topics are asked for in English in every language, as lm-evaluation-harness 0.4.13 does (`tasks/afrobench/sib`); its
five wordings are other ones, so numbers of its tasks and of these differ.
"""

from __future__ import annotations

from typing import Any

from xstilts_eval.suites import dataset


def topic_text(doc: dict[str, Any]) -> str:
    """The text on a line of its own, and the word that a topic follows."""
    return f"{doc['text']}\nTopic:"


def topics(doc: dict[str, Any]) -> list[str]:
    """The names of the classes, in the order of the labels."""
    return list(dataset(doc["family"]).labels)
