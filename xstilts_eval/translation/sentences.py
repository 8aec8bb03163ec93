"""English text cut into what a translation model reads at a time: sentences, halved where they are too long.

Translation models are trained on single sentences; longer input makes them leave parts out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from xstilts_eval.data.sentences import Piece, Span, overlaps, sentences

__all__ = ["Piece", "Span", "fitting", "halves", "sentences"]

_CLAUSE = re.compile(r"(?<=[,;:–—])\s+")
_SPACE = re.compile(r"\s+")


def halves(text: str, piece: Piece, keep: Span | None = None) -> tuple[Piece, Piece] | None:
    """`piece` cut near its middle, behind a comma or the like if one is near, outside `keep`; None where it cannot."""
    middle, quarter = (piece.start + piece.end) // 2, (piece.end - piece.start) // 4

    def nearest(pattern: re.Pattern[str]) -> Span | None:
        gaps = [match.span() for match in pattern.finditer(text, piece.start, piece.end)]
        inner = [gap for gap in gaps if piece.start < gap[0] and gap[1] < piece.end and not overlaps(*gap, keep)]
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
