"""What a response says: tags out of text, and whether an answer can be one at all.

Heads answer in the canonical form and are always readable; generated text may hold anything. Nothing here guesses: what
cannot be read becomes the filler and makes its document count as unparsed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher


def read_tags(response: str, words: Sequence[str], labels: Sequence[str], filler: str) -> tuple[list[str], bool]:
    """One tag per word from ``TAG TAG …`` or ``word_TAG word_TAG …``, and whether everything could be read.

    Tagged words are aligned with `words` (longest matching blocks; a block that differs but is as long on both sides
    goes word by word), so that one word too many does not shift the rest. A missing word and an unknown tag become
    `filler`: ``O`` for PAN-X and ``X`` for POS, as XTREME fills (spec 2.2).
    """
    allowed = set(labels)
    items = response.split()
    if all(item in allowed for item in items):
        tags: list[str | None] = [*items[: len(words)], *[None] * (len(words) - len(items))]
        return _filled(tags, filler), len(items) == len(words)
    found = _tagged_words(items)
    given = [" ".join(word.split()) for word in words]
    tags = [None] * len(words)
    blocks = SequenceMatcher(None, given, [word for word, _ in found], autojunk=False).get_opcodes()
    for kind, start, end, other_start, other_end in blocks:
        if kind == "equal" or end - start == other_end - other_start:
            tags[start:end] = [tag if tag in allowed else None for _, tag in found[other_start:other_end]]
    return _filled(tags, filler), None not in tags and len(found) == len(words)


def _tagged_words(items: Sequence[str]) -> list[tuple[str, str]]:
    """(Word, tag) of every ``word_TAG``; a word may hold blanks, so pieces without a mark belong to the next one."""
    found = []
    pending: list[str] = []
    for item in items:
        word, mark, tag = item.rpartition("_")
        if mark and tag:
            found.append((" ".join([*pending, word]), tag.upper()))
            pending = []
        else:
            pending.append(item)
    if pending:
        found.append((" ".join(pending), ""))
    return found


def _filled(tags: Sequence[str | None], filler: str) -> list[str]:
    return [tag if tag is not None else filler for tag in tags]


def may_be_extracted(answer: str, context: str) -> bool:
    """Whether an answer could have been taken from its context: it shares at least one word with it.

    Letter case, punctuation and word borders do not matter (Chinese and Thai write none). An empty answer, one in
    another language or a refusal shares nothing. It is scored all the same; this only counts.
    """
    passage = context.casefold()
    return any(word in passage for word in re.findall(r"\w+", answer.casefold()))
