"""The one pattern of every metric here: segment statistics → sum → corpus score.

Statistics are kept per segment (one document), so that intervals and paired tests resample them without
knowing the metric; scores are fractions from 0 to 1, higher is better, and undefined ratios are 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import PredictionError

Gold = TypeVar("Gold")
Predicted = TypeVar("Predicted")
Statistics = tuple[float, ...]
Scores = dict[str, float]


@dataclass(frozen=True)
class Metric(Generic[Gold, Predicted]):
    """A metric as data: what is counted per segment and how the sums become scores.

    `counts` names and orders the numbers that `count` returns for one segment; `finish` turns their sum over
    segments into scores, one for each of `names`. `choices` are the settings that could move the number, in
    the order of the signature; `version` moves whenever the number could for another reason. `count_all` is
    an optional faster equal of `count` over a whole corpus.
    """

    name: str
    names: tuple[str, ...]
    counts: tuple[str, ...]
    count: Callable[[Gold, Predicted], Statistics]
    finish: Callable[[Sequence[float]], Scores]
    choices: tuple[str, ...] = ()
    version: str = "v1"
    count_all: Callable[[Sequence[Gold], Sequence[Predicted]], NDArray[np.float64]] | None = None

    def statistics(self, gold: Gold, predicted: Predicted) -> Statistics:
        """Counts of one segment, in the order of `counts`; addable over segments."""
        return self.count(gold, predicted)

    def corpus_statistics(self, gold: Sequence[Gold], predicted: Sequence[Predicted]) -> NDArray[np.float64]:
        """Counts of a corpus, shape [segments, counts]; raises `PredictionError` when the lengths differ."""
        if len(gold) != len(predicted):
            raise PredictionError(f"{self.name}: {len(predicted)} predictions for {len(gold)} gold segments")
        if self.count_all is not None:
            return self.count_all(gold, predicted)
        rows = [self.count(g, p) for g, p in zip(gold, predicted, strict=True)]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.counts))

    def score(self, total_statistics: Sequence[float]) -> Scores:
        """Scores (0-1, by name) from the sum of the statistics over segments, shape [counts]."""
        return self.finish(total_statistics)

    def corpus_score(self, gold: Sequence[Gold], predicted: Sequence[Predicted]) -> Scores:
        """Scores of a whole corpus; statistics, sum and score in one call."""
        total: list[float] = self.corpus_statistics(gold, predicted).sum(axis=0).tolist()
        return self.finish(total)

    def signature(self) -> str:
        """Everything that could move the number, in one line: ``chunk_f1|rule:…|avg:micro|v1``."""
        return "|".join((self.name, *self.choices, self.version))


def ratio(part: float, whole: float) -> float:
    """`part / whole`, 0 where undefined."""
    return part / whole if whole else 0.0


def precision_recall_f1(statistics: Sequence[float]) -> Scores:
    """Precision, recall and their harmonic mean from the counts (correct, predicted, gold)."""
    correct, predicted, gold = statistics
    precision, recall = ratio(correct, predicted), ratio(correct, gold)
    return {"f1": ratio(2 * precision * recall, precision + recall), "precision": precision, "recall": recall}
