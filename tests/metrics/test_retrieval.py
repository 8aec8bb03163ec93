"""Retrieval scores against scikit-learn and set arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics.base import precision_recall_f1
from xstilts_eval.metrics.retrieval import (
    MAP_20,
    MRR_20,
    NEAREST,
    PAIRS,
    average_precision,
    pair_statistics,
    reciprocal_rank,
    weighted_precision_recall_f1,
)

INDEX_PAIRS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 9)), min_size=1, max_size=30)


@settings(max_examples=200, deadline=None)
@given(INDEX_PAIRS)
def test_weighted_scores_equal_scikit_learn(pairs):
    from sklearn.metrics import precision_recall_fscore_support

    gold, predicted = zip(*pairs, strict=True)
    precision, recall, f1, _ = precision_recall_fscore_support(gold, predicted, average="weighted", zero_division=0)
    scores = weighted_precision_recall_f1(gold, predicted)
    assert scores == pytest.approx({"f1": f1, "precision": precision, "recall": recall}, abs=1e-12)


def test_weighted_scores_of_one_to_one_gold_equal_scikit_learn_at_size():
    from sklearn.metrics import precision_recall_fscore_support

    random = np.random.default_rng(0)
    gold = np.arange(1000)
    predicted = np.where(random.random(1000) < 0.7, gold, random.integers(1000, size=1000))
    precision, recall, f1, _ = precision_recall_fscore_support(gold, predicted, average="weighted", zero_division=0)
    scores = weighted_precision_recall_f1(gold.tolist(), predicted.tolist())
    assert scores == pytest.approx({"f1": f1, "precision": precision, "recall": recall}, abs=1e-12)
    assert scores["recall"] == pytest.approx(NEAREST.corpus_score(gold.tolist(), predicted.tolist())["acc"])


def test_empty_and_unequal_input():
    assert weighted_precision_recall_f1([], []) == {"f1": 0, "precision": 0, "recall": 0}
    with pytest.raises(PredictionError, match="1 retrieved indices for 2 queries"):
        weighted_precision_recall_f1([0, 1], [0])


def test_nearest_accuracy_by_hand():
    assert NEAREST.corpus_score([0, 1, 2, 3], [0, 1, 3, 2]) == {"acc": 0.5}


ID_PAIRS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), max_size=10)


@settings(max_examples=200, deadline=None)
@given(ID_PAIRS, ID_PAIRS)
def test_pair_scores_are_set_arithmetic(gold, predicted):
    """Duplicates and order vanish; the counts per source id add up to the corpus."""
    correct = len({*gold} & {*predicted})
    assert PAIRS.statistics(gold, predicted) == (correct, len({*predicted}), len({*gold}))
    scores = PAIRS.score(PAIRS.statistics(gold, predicted))
    if correct:
        precision, recall = correct / len({*predicted}), correct / len({*gold})
        assert scores["f1"] == pytest.approx(2 / (1 / precision + 1 / recall))
    else:
        assert scores == {"f1": 0, "precision": 0, "recall": 0}
    units = pair_statistics(gold, predicted)
    assert len(units) == len({source for source, _ in gold + predicted})
    assert precision_recall_f1(units.sum(axis=0)) == scores


# Rankings


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 20), st.data())
def test_average_precision_of_whole_rankings_is_scikit_learns(size, data):
    """With all candidates ranked and no more than 20 of them, both divide by the number of right ones."""
    from sklearn.metrics import average_precision_score

    right = data.draw(st.sets(st.integers(0, size - 1), min_size=1))
    order = data.draw(st.permutations(range(size)))
    score = [0.0] * size
    for rank, one in enumerate(order):
        score[one] = 1 - rank / size
    expected = average_precision_score([one in right for one in range(size)], score)
    ranked = [str(one) for one in order]
    assert average_precision({str(one) for one in right}, ranked) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("right", "ranked", "expected"),
    [  # by hand, from the rule of xtreme_spec.md 1.8
        ("ab", "axb", (1 + 2 / 3) / 2),
        ("ab", "aab", 1.0),  # an id that comes again is passed over: b has rank 2
        ("a", "x" * 20 + "a", 1 / 2),  # the same, for nineteen of the twenty x
        ("abc", "a", 1 / 3),
        ("a", "", 0.0),
        ("", "abc", 0.0),
    ],
)
def test_average_precision_by_hand(right, ranked, expected):
    assert average_precision(right, list(ranked)) == pytest.approx(expected)


def test_average_precision_looks_at_twenty_and_asks_for_no_more():
    right = [f"r{number}" for number in range(30)]
    assert average_precision(right, right) == pytest.approx(1.0), "the divisor is min(30, 20)"
    wrong = [f"w{number}" for number in range(20)]
    assert average_precision(right, [*wrong, *right]) == 0


def test_reciprocal_rank_by_hand():
    wrong = [f"w{number}" for number in range(19)]
    assert reciprocal_rank(["q"], ["q"]) == 1
    assert reciprocal_rank(["q"], [*wrong, "q"]) == pytest.approx(1 / 20)
    assert reciprocal_rank(["q"], [*wrong, "w", "q"]) == 0
    assert reciprocal_rank(["q"], []) == 0


def test_rankings_of_a_corpus_are_means_over_queries():
    gold, ranked = [["a"], ["a", "b"]], [["x", "a"], ["a", "b"]]
    assert MRR_20.corpus_score(gold, ranked) == {"mrr_at_20": pytest.approx(0.75)}
    assert MAP_20.corpus_score(gold, ranked) == {"map_at_20": pytest.approx(0.75)}
    assert MAP_20.signature() == "map_at_20|over:min(correct,20)|v1"
