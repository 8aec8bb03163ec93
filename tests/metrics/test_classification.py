"""Accuracy and the shared pattern of all metrics."""

from typing import Any

import numpy as np
import pytest

from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics import qa, retrieval, tagging
from xstilts_eval.metrics.base import Metric, precision_recall_f1, ratio
from xstilts_eval.metrics.classification import ACCURACY

EVERY_METRIC: list[Metric[Any, Any]] = [
    ACCURACY,
    tagging.NER_F1,
    tagging.POS_F1,
    tagging.TOKEN_ACCURACY,
    qa.SQUAD,
    qa.mlqa("zh"),
    retrieval.NEAREST,
    retrieval.PAIRS,
]


def test_accuracy_by_hand():
    gold, predicted = (
        ["entailment", "neutral", "neutral", "contradiction"],
        ["entailment", "neutral", "", "x"],
    )
    assert ACCURACY.corpus_statistics(gold, predicted).tolist() == [[1, 1], [1, 1], [0, 1], [0, 1]]
    assert ACCURACY.corpus_score(gold, predicted) == {"acc": 0.5}
    assert ACCURACY.corpus_score([0, 1], [0, 1]) == {"acc": 1.0}


def test_unequal_numbers_of_segments_are_refused():
    with pytest.raises(PredictionError, match="1 predictions for 2 gold"):
        ACCURACY.corpus_statistics(["a", "b"], ["a"])


@pytest.mark.parametrize("metric", EVERY_METRIC, ids=lambda metric: metric.signature())
def test_every_metric_scores_nothing_as_zero_under_its_declared_names(metric: Metric[Any, Any]):
    empty = metric.corpus_statistics([], [])
    assert empty.shape == (0, len(metric.counts))
    assert metric.score(empty.sum(axis=0)) == dict.fromkeys(metric.names, 0.0)


def test_signatures_are_one_line_and_distinct():
    signatures = [metric.signature() for metric in EVERY_METRIC]
    assert len(set(signatures)) == len(signatures)
    assert tagging.POS_F1.signature() == "chunk_f1|rule:seqeval0.0.12-upos|avg:micro|v1"
    assert qa.mlqa("de").signature() == "qa|norm:mlqa-de|gold:max|v1"
    assert all(" " not in signature and signature.endswith("|v1") for signature in signatures)


def test_undefined_ratios_are_zero():
    assert ratio(0, 0) == 0
    assert precision_recall_f1((0, 0, 3)) == {"f1": 0, "precision": 0, "recall": 0}
    assert precision_recall_f1((0, 2, 3)) == {"f1": 0, "precision": 0, "recall": 0}


def test_statistics_are_addable():
    """The sum over parts of a corpus scores like the whole."""
    random = np.random.default_rng(0)
    gold, predicted = random.integers(3, size=90).tolist(), random.integers(3, size=90).tolist()
    parts = [ACCURACY.corpus_statistics(gold[i : i + 30], predicted[i : i + 30]).sum(axis=0) for i in (0, 30, 60)]
    assert ACCURACY.score(sum(parts)) == ACCURACY.corpus_score(gold, predicted)
