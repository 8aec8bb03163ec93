"""Intervals over the seeds of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xstilts_eval.metrics import significance

FEWEST_SEEDS = 3
"""Below it there is no interval over seeds: that of two runs is 12.7 standard errors wide."""


def over_seeds(values: Sequence[float]) -> float | None:
    """Half-width of the 95 % t-interval over seeds; None for too few of them."""
    return significance.t_half_width(values) if len(values) >= FEWEST_SEEDS else None


def joint_half_width(documents: float | None, by_seed: Sequence[float]) -> float | None:
    """Half-widths over test documents and over seeds in quadrature; with few seeds that of the documents alone.

    None without the documents' part: the seeds alone would make a score look more certain than it is.
    """
    return None if documents is None else math.hypot(documents, over_seeds(by_seed) or 0.0)
