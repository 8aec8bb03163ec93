"""English text cut into sentences by rule.

A rule that misses a boundary costs little, one that cuts "Dr. Smith" costs a sentence: when in doubt, nothing is cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Span = tuple[int, int]
"""Characters [start, end) of a text."""

_GAP = re.compile(r"""(?P<end>[.!?…]["'”’)\]]*)(?P<space>[^\S\n]+)(?=["'“‘(\[]*[A-Z0-9])|(?P<line>\s*\n\s*)""")
_TITLES = (
    "mr mrs ms dr prof rev gen col sgt capt lt gov sen rep st jr sr vs no vol fig approx dept inc ltd co corp "
    "jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e cf al"
)
"""Words whose full stop rarely ends a sentence; choice of ours."""
_LAST_WORD = re.compile(r"[\w.]+$")


@dataclass(frozen=True)
class Piece:
    """Characters [start, end) of a text, and what separates them from the piece before: a space or line ends."""

    start: int
    end: int
    gap: str


def sentences(text: str, keep: Span | None = None) -> list[Piece]:
    """The sentences of `text` in order, without the white space around them; no boundary lies inside `keep`."""
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    found: list[Piece] = []
    start, gap = begin, ""
    for match in _GAP.finditer(text, begin, end):
        group = "line" if match["line"] is not None else "space"
        left, right = match.span(group)
        if overlaps(left, right, keep) or (group == "space" and not _ends_sentence(text, match.end("end"))):
            continue
        found.append(Piece(start, left, gap))
        start, gap = right, "\n" * match[group].count("\n") or " "
    return [*found, Piece(start, end, gap)] if end > start else found


def overlaps(left: int, right: int, keep: Span | None) -> bool:
    """Whether characters [left, right) and `keep` share one."""
    return keep is not None and left < keep[1] and right > keep[0]


def _ends_sentence(text: str, end: int) -> bool:
    """Whether the mark before `end` ends a sentence: not behind titles, initials and abbreviations."""
    stem = text[max(0, end - 40) : end].rstrip("\"'”’)]")
    if not stem.endswith(".") or stem.endswith("..."):
        return True
    match = _LAST_WORD.search(stem[:-1])
    word = match[0].lower() if match else ""
    return not (
        word in _TITLES.split() or (len(word) == 1 and word.isalpha()) or re.fullmatch(r"(?:[a-z]\.)+[a-z]", word)
    )
