"""What `embed` requests are answered with: indices and scores as the samples file keeps them, never vectors."""

from __future__ import annotations

from typing import TypedDict


class Nearest(TypedDict):
    """Of a line of a bitext: the nearest source line of its target, and the nearest target line of its source."""

    nearest_source: int
    source_score: float
    nearest_target: int
    target_score: float


class Margins(TypedDict):
    """Of a line of a bitext: the line of the other side with the best margin (xsim)."""

    margin_target: int
    margin_source: int


class NearestByMargin(Nearest, Margins):
    pass


class Ranked(TypedDict):
    """Ids and scores of the nearest candidates, best first."""

    candidates: list[str]
    scores: list[float]


class Mined(TypedDict):
    """Pairs (foreign id, English id, margin score) of a shard, and the threshold they were extracted at."""

    pairs: list[tuple[str, str, float]]
    threshold: float


Response = Nearest | NearestByMargin | Ranked | Mined
