"""Accuracy over segments: the metric of XNLI, PAWS-X and (over line numbers) Tatoeba."""

from collections.abc import Hashable, Sequence

from xstilts_eval.metrics.base import Metric, Scores, Statistics, ratio


def _count(gold: Hashable, predicted: Hashable) -> Statistics:
    return (int(gold == predicted), 1)


def _finish(statistics: Sequence[float]) -> Scores:
    correct, segments = statistics
    return {"acc": ratio(correct, segments)}


ACCURACY: Metric[Hashable, Hashable] = Metric(
    name="acc", names=("acc",), counts=("correct", "segments"), count=_count, finish=_finish
)
