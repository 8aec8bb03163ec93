"""English text cut into what a translation model reads at a time: sentences, halved where they are too long.

Translation models are trained on single sentences; longer input makes them leave parts out. A rule that misses a
boundary costs little, one that cuts "Dr. Smith" costs a translation: when in doubt, nothing is cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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
_CLAUSE = re.compile(r"(?<=[,;:–—])\s+")
_SPACE = re.compile(r"\s+")


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
        if _inside(left, right, keep) or (group == "space" and not _ends_sentence(text, match.end("end"))):
            continue
        found.append(Piece(start, left, gap))
        start, gap = right, "\n" * match[group].count("\n") or " "
    return [*found, Piece(start, end, gap)] if end > start else found


def halves(text: str, piece: Piece, keep: Span | None = None) -> tuple[Piece, Piece] | None:
    """`piece` cut near its middle, behind a comma or the like if one is near, outside `keep`; None where it cannot."""
    middle, quarter = (piece.start + piece.end) // 2, (piece.end - piece.start) // 4

    def nearest(pattern: re.Pattern[str]) -> Span | None:
        gaps = [match.span() for match in pattern.finditer(text, piece.start, piece.end)]
        inner = [gap for gap in gaps if piece.start < gap[0] and gap[1] < piece.end and not _inside(*gap, keep)]
        return min(inner, key=lambda gap: abs(gap[0] - middle), default=None)

    clause = nearest(_CLAUSE)
    gap = clause if clause and abs(clause[0] - middle) <= quarter else nearest(_SPACE)
    if gap is None:
        return None
    return Piece(piece.start, gap[0], piece.gap), Piece(gap[1], piece.end, " ")


def fitting(text: str, piece: Piece, fits: Callable[[str, Piece], bool], keep: Span | None = None) -> list[Piece]:
    """`piece`, or its halves, quarters … that `fits` accepts; a part that cannot be cut comes back as it is."""
    if fits(text, piece) or (two := halves(text, piece, keep)) is None:
        return [piece]
    return [part for half in two for part in fitting(text, half, fits, keep)]


def _inside(left: int, right: int, keep: Span | None) -> bool:
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
