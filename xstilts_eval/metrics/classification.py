"""Accuracy over segments (XNLI, PAWS-X, over line numbers Tatoeba), and F1 of classes, weighted or not."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.metrics.base import Metric, Scores, Statistics, ratio


def _count(gold: Hashable, predicted: Hashable) -> Statistics:
    return (int(gold == predicted), 1)


def _finish(statistics: Sequence[float]) -> Scores:
    correct, segments = statistics
    return {"acc": ratio(correct, segments)}


ACCURACY: Metric[Hashable, Hashable] = Metric(
    name="acc", names=("acc",), counts=("correct", "segments"), count=_count, finish=_finish
)


def one_hot(gold: int, predicted: int, classes: int) -> list[int]:
    """Counts of one document, addable over documents: correct, predicted and gold of each class, [3 x classes]."""
    counts = [0] * (3 * classes)
    counts[gold] += int(gold == predicted)
    counts[classes + predicted] += 1
    counts[2 * classes + gold] += 1
    return counts


def weighted_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 (0-1) of each class, averaged by its share of the gold classes; `sums` [..., 3 x classes] as `one_hot` counts.

    Equals scikit-learn's `f1_score(average="weighted", zero_division=0)`.
    """
    scores, _, gold = _class_f1(sums)
    total = gold.sum(axis=-1)
    mean: NDArray[np.float64] = (scores * gold).sum(axis=-1) / np.where(total > 0, total, 1)
    return mean


WEIGHTED_F1 = "weighted_f1|avg:weighted|zero:0|v1"
"""Signature of `weighted_f1`."""


def macro_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 (0-1) of each class that is in gold or predicted, plain mean; `sums` [..., 3 x classes] as `one_hot` counts.

    Equals scikit-learn's `f1_score(average="macro", zero_division=0)` without `labels`.
    """
    scores, there, _ = _class_f1(sums)
    classes = there.sum(axis=-1)
    mean: NDArray[np.float64] = scores.sum(axis=-1) / np.where(classes > 0, classes, 1)
    return mean


MACRO_F1 = "macro_f1|avg:macro|zero:0|v1"
"""Signature of `macro_f1`."""


def _class_f1(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """F1 of each class, whether the class is in gold or predicted, and its gold count; each [..., classes]."""
    correct, predicted, gold = np.split(sums, 3, axis=-1)
    whole = predicted + gold
    return np.divide(2 * correct, whole, out=np.zeros_like(whole), where=whole > 0), whole > 0, gold
