"""Scores of retrieval: nearest-neighbour accuracy, MTEB's weighted P/R/F1, rankings, and pair sets for mining."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics.base import Metric, Scores, Statistics, precision_recall_f1, ratio
from xstilts_eval.metrics.classification import ACCURACY

Pair = tuple[str, str]


def weighted_precision_recall_f1(gold: Sequence[int], predicted: Sequence[int]) -> Scores:
    """Precision, recall, F1 (0-1) per index, averaged with the gold counts as weights.

    Equals scikit-learn's `precision_recall_fscore_support(average="weighted", zero_division=0)`, as MTEB's
    bitext evaluator uses it; `gold` and `predicted` hold one index of the pool per query. Raises
    `PredictionError` when their lengths differ.
    """
    if len(gold) != len(predicted):
        raise PredictionError(f"{len(predicted)} retrieved indices for {len(gold)} queries")
    gold_index, index = np.asarray(gold, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    labels, codes = np.unique(np.concatenate([gold_index, index]), return_inverse=True)
    gold_codes, codes = codes[: len(gold_index)], codes[len(gold_index) :]
    size = len(labels)
    support = np.bincount(gold_codes, minlength=size).astype(np.float64)
    retrieved = np.bincount(codes, minlength=size).astype(np.float64)
    correct = np.bincount(gold_codes[gold_codes == codes], minlength=size).astype(np.float64)
    weights = support / max(len(gold_index), 1)

    def mean(whole: NDArray[np.float64], part: NDArray[np.float64]) -> float:
        values = np.divide(part, whole, out=np.zeros(size), where=whole > 0)
        return float(values @ weights)

    return {
        "f1": mean(retrieved + support, 2 * correct),
        "precision": mean(retrieved, correct),
        "recall": mean(support, correct),
    }


def _count_pairs(gold: Collection[Pair], predicted: Collection[Pair]) -> Statistics:
    gold_set, predicted_set = set(gold), set(predicted)
    return (len(gold_set & predicted_set), len(predicted_set), len(gold_set))


def counts_by_source(gold: Collection[Pair], predicted: Collection[Pair]) -> dict[str, list[int]]:
    """Counts (correct, predicted, gold) by source id that occurs in a pair, ids in order.

    Their sum is the statistic of the whole corpus; the source sentence is the unit that intervals resample.
    """
    gold_set, predicted_set = set(gold), set(predicted)
    rows: dict[str, list[int]] = {}
    for column, pairs in enumerate((gold_set & predicted_set, predicted_set, gold_set)):
        for source, _ in pairs:
            rows.setdefault(source, [0, 0, 0])[column] += 1
    return dict(sorted(rows.items()))  # sets have no order, draws need one


def pair_statistics(gold: Collection[Pair], predicted: Collection[Pair]) -> NDArray[np.float64]:
    """`counts_by_source` without the ids, shape [source ids, 3]."""
    rows = list(counts_by_source(gold, predicted).values())
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3)


RANKED = 20
"""Candidates that count in XTREME-R's rankings (`third_party/utils_mewslix.py:TOP_K`, LAReQA's mAP@20)."""


def average_precision(correct: Collection[str], ranked: Sequence[str], size: int = RANKED) -> float:
    """Average precision (0-1) of the first `size` of the distinct ids in `ranked`.

    Sum over hits of hits so far / rank, over ``min(number of correct ids, size)``: google-research/xtreme @ 838c13b,
    `third_party/utils_lareqa.py:348-383`. An id that came before is passed over. 0 where nothing is correct.
    """
    wanted = set(correct)
    found = [one in wanted for one in dict.fromkeys(ranked)][:size]
    precisions = [sum(found[:rank]) / rank for rank, hit in enumerate(found, 1) if hit]
    return math.fsum(precisions) / min(len(wanted), size) if wanted else 0.0


def reciprocal_rank(correct: Collection[str], ranked: Sequence[str], size: int = RANKED) -> float:
    """1 / rank of the first correct id among the first `size` of `ranked`, else 0 (`utils_mewslix.py:623-692`)."""
    return next((1 / rank for rank, one in enumerate(ranked[:size], 1) if one in correct), 0.0)


NEAREST: Metric[int, int] = Metric(
    name="nearest_acc",
    names=ACCURACY.names,
    counts=("correct", "queries"),
    count=ACCURACY.count,
    finish=ACCURACY.finish,
)
MAP_20: Metric[Collection[str], Sequence[str]] = Metric(
    name="map_at_20",
    names=("map_at_20",),
    counts=("average_precision", "queries"),
    count=lambda gold, ranked: (average_precision(gold, ranked), 1.0),
    finish=lambda total: {"map_at_20": ratio(total[0], total[1])},
    choices=("over:min(correct,20)",),
)
MRR_20: Metric[Collection[str], Sequence[str]] = Metric(
    name="mrr_at_20",
    names=("mrr_at_20",),
    counts=("reciprocal_rank", "queries"),
    count=lambda gold, ranked: (reciprocal_rank(gold, ranked), 1.0),
    finish=lambda total: {"mrr_at_20": ratio(total[0], total[1])},
)
PAIRS: Metric[Collection[Pair], Collection[Pair]] = Metric(
    name="pair_f1",
    names=("f1", "precision", "recall"),
    counts=("correct", "predicted", "gold"),
    count=_count_pairs,
    finish=precision_recall_f1,
    choices=("pairs:set",),
)
