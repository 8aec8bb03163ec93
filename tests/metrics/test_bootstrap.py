"""Bootstrap intervals against scipy, a naive loop and the binomial distribution."""

import numpy as np
import pytest
from numpy.typing import NDArray

from xstilts_eval.errors import SettingError
from xstilts_eval.metrics.base import precision_recall_f1
from xstilts_eval.metrics.bootstrap import intervals, resampled_totals, sum_by_unit
from xstilts_eval.metrics.classification import ACCURACY
from xstilts_eval.metrics.qa import SQUAD


def chunk_counts(n: int, seed: int) -> NDArray[np.float64]:
    """Random (correct, predicted, gold) per sentence, shape [n, 3]."""
    random = np.random.default_rng(seed)
    gold, predicted = random.integers(0, 5, n), random.integers(0, 5, n)
    correct = random.binomial(np.minimum(gold, predicted), 0.7)
    return np.stack([correct, predicted, gold], axis=1).astype(float)


def naive_f1_interval(statistics: NDArray[np.float64], draws: int, seed: int) -> NDArray[np.float64]:
    """Draw indices with replacement, sum, score, percentiles: the definition as a loop."""
    random = np.random.default_rng(seed)
    scores = []
    for _ in range(draws):
        total = statistics[random.integers(len(statistics), size=len(statistics))].sum(axis=0)
        scores.append(precision_recall_f1(total)["f1"])
    return np.asarray(np.percentile(scores, [2.5, 97.5]))


def test_f1_interval_agrees_with_the_naive_loop():
    statistics = chunk_counts(300, seed=1)
    ours = intervals(statistics, precision_recall_f1, draws=20_000)
    assert ours is not None and ours.keys() == {"f1", "precision", "recall"}
    np.testing.assert_allclose(ours["f1"], naive_f1_interval(statistics, 20_000, seed=9), atol=2e-3)


def test_accuracy_interval_agrees_with_scipy_and_the_binomial():
    from scipy.stats import binom, bootstrap

    correct = (np.arange(400) % 4 != 0).astype(float)  # 300 of 400
    ours = intervals(np.stack([correct, np.ones(400)], axis=1), ACCURACY.score, draws=20_000)
    assert ours is not None
    theirs = bootstrap((correct,), np.mean, method="percentile", n_resamples=20_000, rng=5).confidence_interval
    np.testing.assert_allclose(ours["acc"], theirs, atol=3e-3)
    np.testing.assert_allclose(ours["acc"], binom.ppf([0.025, 0.975], 400, 0.75) / 400, atol=3e-3)


def test_clustered_interval_is_that_of_the_unit_sums_and_wider():
    """20 paragraphs whose five questions are all right or all wrong: 20 independent units, not 100."""
    paragraph = np.repeat(np.arange(20), 5)
    right = (paragraph % 2).astype(float)
    statistics = np.stack([right, right, np.ones(100)], axis=1)
    clustered = intervals(statistics, SQUAD.score, units=paragraph.tolist())
    flat = intervals(statistics, SQUAD.score)
    summed = intervals(sum_by_unit(statistics, paragraph.tolist()), SQUAD.score)
    assert clustered is not None and flat is not None
    assert clustered == summed
    width = {name: high - low for name, (low, high) in clustered.items()}
    assert width["f1"] > 1.8 * (flat["f1"][1] - flat["f1"][0])  # sqrt(5) in theory


def test_unit_sums_keep_the_order_of_first_appearance():
    assert sum_by_unit(np.array([[1.0, 1], [2, 1], [4, 1]]), ["b", "a", "b"]).tolist() == [[5, 2], [2, 1]]
    with pytest.raises(SettingError, match="2 unit ids for 3 segments"):
        sum_by_unit(np.zeros((3, 1)), ["a", "b"])


def test_resampled_totals_have_the_mean_and_variance_of_resampling():
    statistics = chunk_counts(500, seed=3)
    totals = resampled_totals(statistics, draws=20_000)
    np.testing.assert_allclose(totals.mean(axis=0), statistics.sum(axis=0), rtol=2e-3)
    np.testing.assert_allclose(totals.std(axis=0), statistics.std(axis=0) * np.sqrt(500), rtol=2e-2)


def test_same_seed_same_interval_other_seed_other_interval():
    statistics = chunk_counts(200, seed=4)
    assert intervals(statistics, precision_recall_f1) == intervals(statistics, precision_recall_f1)
    assert intervals(statistics, precision_recall_f1) != intervals(statistics, precision_recall_f1, seed=1)


def test_draws_are_made_in_parts_when_many_rows_differ(monkeypatch):
    """The default draws 1,000 times; with all units distinct memory stays bounded by parts of the draws."""
    from xstilts_eval.metrics import bootstrap

    statistics = np.random.default_rng(0).random((50, 2))
    monkeypatch.setattr(bootstrap, "_CELLS", 50 * 7)
    totals = resampled_totals(statistics, draws=1000)
    assert totals.shape == (1000, 2)
    np.testing.assert_allclose(totals.mean(axis=0), statistics.sum(axis=0), rtol=1e-2)


def test_fewer_than_two_units_have_no_interval():
    assert intervals(np.zeros((0, 2)), ACCURACY.score) is None
    assert intervals(np.ones((19, 2)), ACCURACY.score) is None
    assert intervals(np.ones((40, 2)), ACCURACY.score, units=[f"passage {i // 2 % 19}" for i in range(40)]) is None


def test_equal_units_give_a_point():
    assert intervals(np.ones((20, 2)), ACCURACY.score) == {"acc": (1.0, 1.0)}


@pytest.mark.parametrize("setting", [{"draws": 0}, {"level": 1.0}])
def test_bad_settings_are_refused(setting):
    with pytest.raises(SettingError, match="draws >= 1"):
        intervals(np.ones((5, 2)), ACCURACY.score, **setting)
