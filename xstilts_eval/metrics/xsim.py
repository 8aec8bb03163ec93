"""Which target line a source line is matched with, by cosine or by margin over the neighbourhood (xsim).

The xsim error of FLORES-200 and LASER is the share of lines matched with another line than their translation. Method:
Artetxe & Schwenk 2019 (arXiv:1811.01136), as in LASER's xsim: k = 4 neighbours, ratio margin; a source's candidates are
its own k nearest targets, and the best margin among them wins. Not symmetric: the other direction is another number.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import SettingError

NEIGHBOURS = 4
Margin = Literal["absolute", "ratio", "distance"]
Similarity = NDArray[np.float32]


def matches(similarity: Similarity, margin: Margin = "ratio", k: int = NEIGHBOURS) -> NDArray[np.intp]:
    """The target matched with each source, shape [sources], from cosines [sources, targets].

    With c the cosine and b half the sum of the mean cosines of the source's and of the target's k nearest: ``ratio``
    c / b, ``distance`` c - b, ``absolute`` c alone, the plain nearest neighbour. Ties go to the lower index; with fewer
    than k lines on a side all of them are neighbours. Raises `SettingError` for another margin or k below 1.
    """
    if margin not in ("absolute", "ratio", "distance") or k < 1:
        raise SettingError(f"margin {margin!r} with k={k}: allowed are absolute, ratio and distance, and k from 1")
    if margin == "absolute":
        return np.asarray(similarity.argmax(axis=1), np.intp)
    candidates = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    cosine = np.take_along_axis(similarity, candidates, axis=1)
    of_source = cosine.mean(axis=1, keepdims=True)
    of_target = -np.sort(-similarity, axis=0)[:k].mean(axis=0)
    neighbourhood = (of_source + of_target[candidates]) / 2
    score = cosine - neighbourhood
    if margin == "ratio":
        score = np.divide(cosine, neighbourhood, out=np.full_like(cosine, -np.inf), where=neighbourhood != 0)
    # Candidates come by cosine: among equal margins the lower line, not the higher cosine, must win.
    best = np.where(score == score.max(axis=1, keepdims=True), candidates, np.iinfo(np.intp).max)
    return np.asarray(best.min(axis=1), np.intp)


def errors(similarity: Similarity, margin: Margin = "ratio", k: int = NEIGHBOURS) -> int:
    """How many of n lines are matched with another line than their own, from cosines [n, n]."""
    return int((matches(similarity, margin, k) != np.arange(len(similarity))).sum())


def signature(margin: Margin = "ratio", k: int = NEIGHBOURS) -> str:
    """Everything that could move the error, in one line."""
    return f"xsim|margin:{margin}|k:{k}|candidates:source|v1"
