"""Which target line a source line is matched with, by cosine or by margin over the neighbourhood (xsim).

The xsim error of FLORES-200 and LASER is the share of lines matched with another line than their translation. Method:
Artetxe & Schwenk 2019 (arXiv:1811.01136), as in LASER's xsim: k = 4 neighbours, ratio margin; a source's candidates are
its own k nearest targets, and the best margin among them wins. Not symmetric: the other direction is another number.

Where several lines have one vector, ties decide: here the first of them, the last with LASER on today's faiss (1.15.1,
which lists the higher index first). Nothing else differs.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import SettingError
from xstilts_eval.metrics.neighbours import Nearest, nearest_both_ways
from xstilts_eval.metrics.products import Vectors

NEIGHBOURS = 4
Margin = Literal["absolute", "ratio", "distance"]
Matches = tuple[NDArray[np.intp], NDArray[np.intp]]


def matches(source: Vectors, target: Vectors, margin: Margin = "ratio", k: int = NEIGHBOURS) -> Matches:
    """The target matched with each source and the reverse, shapes [n] and [m], from unit vectors [n, d] and [m, d].

    With c the cosine and b half the sum of the mean cosines of the source's and of the target's k nearest: ``ratio``
    c / b, ``distance`` c - b, ``absolute`` c alone, the plain nearest neighbour. Ties go to the lower index; with fewer
    than k lines on a side all of them are neighbours. Raises `SettingError` for another margin or k below 1,
    `NumericError` for NaN or infinite vectors.
    """
    if margin not in ("absolute", "ratio", "distance") or k < 1:
        raise SettingError(f"margin {margin!r} with k={k}: allowed are absolute, ratio and distance, and k from 1")
    forward, backward = nearest_both_ways(source, target, 1 if margin == "absolute" else k)
    return _best(forward, backward, margin), _best(backward, forward, margin)


def _best(own: Nearest, other: Nearest, margin: Margin) -> NDArray[np.intp]:
    """The candidate of the best margin for each line of one side."""
    cosine = own.similarity
    if margin == "absolute":
        return own.index[:, 0]
    neighbourhood = (own.mean()[:, None] + other.mean()[own.index]) / 2
    score = cosine - neighbourhood
    if margin == "ratio":
        score = np.divide(cosine, neighbourhood, out=np.full_like(cosine, -np.inf), where=neighbourhood != 0)
    return own.best(score)[0]


def errors(source: Vectors, target: Vectors, margin: Margin = "ratio", k: int = NEIGHBOURS) -> int:
    """How many of n source lines are matched with another line than their own, from unit vectors [n, d]."""
    return int((matches(source, target, margin, k)[0] != np.arange(len(source))).sum())


def signature(margin: Margin = "ratio", k: int = NEIGHBOURS) -> str:
    """Everything that could move the error, in one line."""
    return f"xsim|margin:{margin}|k:{k}|candidates:source|v1"
