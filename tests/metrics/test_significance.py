"""Paired tests and corrections against published values, other programs, exact enumeration and simulations."""

from __future__ import annotations

import gzip
import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from tests.shared_data import DATA, needs_data
from xstilts_eval.errors import SettingError
from xstilts_eval.metrics import significance as s

BH_1995 = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298]
BH_1995 += [0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]


def accuracy(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points from (right, items)."""
    return np.asarray(100 * totals[:, 0] / totals[:, 1])


def f1(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(200 * totals[:, 0] / (totals[:, 1] + totals[:, 2]))


def right_or_wrong(first: int, second: int, both: int, neither: int) -> tuple[Any, Any]:
    """Two systems' tables from the numbers of items that only the first, only the second, both, neither has right."""
    one = [1] * first + [0] * second + [1] * both + [0] * neither
    other = [0] * first + [1] * second + [1] * both + [0] * neither
    ones = [1.0] * len(one)
    return np.array([one, ones], float).T, np.array([other, ones], float).T


def chunk_counts(n: int, seed: int) -> tuple[Any, Any]:
    """(correct, predicted, gold) of two systems on the same sentences."""
    random = np.random.default_rng(seed)
    gold = random.integers(1, 12, n)
    tables = []
    for rate in (0.7, 0.75):
        correct = random.binomial(gold, rate)
        tables.append(np.stack([correct, correct + random.integers(0, 3, n), gold], axis=1).astype(float))
    return tables[0], tables[1]


# ------------------------------------------------------------------------------------------- many tests


def test_holm_and_benjamini_have_the_values_of_statsmodels() -> None:
    """statsmodels 0.15.0 `multipletests`, values written down in the project's analysis notes, section 8."""
    p = [0.01, 0.04, 0.03, 0.005]
    assert s.holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert s.benjamini_hochberg(p) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert s.benjamini_yekutieli(p) == pytest.approx([0.0417, 0.0833, 0.0833, 0.0417], abs=5e-5)


def test_holm_and_benjamini_have_the_values_of_stdlib() -> None:
    """Test values of stdlib's `padjust` (JavaScript), as in R's `p.adjust`."""
    assert s.holm([0.319, 0.201, 0.4, 0.374, 0.113]) == pytest.approx([0.957, 0.804, 0.957, 0.957, 0.565])
    assert s.benjamini_hochberg([0.008, 0.03, 0.123, 0.6, 0.2]) == pytest.approx([0.04, 0.075, 0.205, 0.6, 0.25])


def test_the_example_of_benjamini_and_hochberg_1995() -> None:
    """Fifteen p-values of their section 3: theirs rejects four at .05, Bonferroni and Holm three."""
    assert sum(p <= 0.05 for p in s.benjamini_hochberg(BH_1995)) == 4
    assert sum(p <= 0.05 for p in s.holm(BH_1995)) == 3
    assert sum(p <= 0.05 / 15 for p in BH_1995) == 3


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_corrections_are_their_definitions(p: list[float]) -> None:
    """p̃_(i) = max over j ≤ i of (m − j + 1) p_(j), and = min over j ≥ i of m p_(j) / j, ranks counted by hand."""
    m, ordered = len(p), sorted(p)
    rank = [sorted(range(m), key=lambda i: (p[i], i)).index(i) + 1 for i in range(m)]
    down = [max(min(1, (m - j + 1) * ordered[j - 1]) for j in range(1, i + 1)) for i in rank]
    up = [min(min(1, m * ordered[j - 1] / j) for j in range(i, m + 1)) for i in rank]
    factor = sum(1 / i for i in range(1, m + 1))
    dependent = [min(min(1, factor * m * ordered[j - 1] / j) for j in range(i, m + 1)) for i in rank]
    assert s.holm(p) == pytest.approx(down)
    assert s.benjamini_hochberg(p) == pytest.approx(up)
    assert s.benjamini_yekutieli(p) == pytest.approx(dependent)


@pytest.mark.slow
def test_corrections_agree_with_statsmodels() -> None:
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    random = np.random.default_rng(7)
    for size in (1, 2, 15, 40):
        p = (random.random(size) ** 3).round(3).tolist()  # with ties
        for ours, name in ((s.holm, "holm"), (s.benjamini_hochberg, "fdr_bh"), (s.benjamini_yekutieli, "fdr_by")):
            assert ours(p) == pytest.approx(list(multipletests(p, method=name)[1]), abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_partial_conjunction_counts_what_holm_rejects(p: list[float]) -> None:
    """With Bonferroni's combination the largest count whose every predecessor holds is Holm's number of rejections."""
    assert s.partial_conjunction(p) == sum(q <= 0.05 for q in s.holm(p))


def test_partial_conjunction_is_not_the_number_of_small_p_values() -> None:
    assert s.partial_conjunction([0.04, 0.03, 0.02, 0.9]) == 0  # three "stars", and not even one holds for sure
    assert s.partial_conjunction([0.001, 0.001, 0.04, 0.9]) == 2
    assert s.partial_conjunction([0.03, 0.03]) == 0  # 1 x p_(2) is below .05, 2 x p_(1) is not
    assert s.partial_conjunction([]) == 0


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_what_is_no_p_value_is_refused(bad: float) -> None:
    for correct in (s.holm, s.benjamini_hochberg, s.benjamini_yekutieli):
        with pytest.raises(SettingError, match="between 0 and 1"):
            correct([0.5, bad])


# ---------------------------------------------------------------------------------------- one pair of systems


def test_mcnemar_and_randomization_agree() -> None:
    """b 15, c 5: exact p .0413895 (scipy's binomial test); sign-flip permutation of the same 100 items .041 ± .001."""
    assert s.mcnemar(15, 5) == pytest.approx(0.0413895, abs=5e-8)
    one, other = right_or_wrong(15, 5, 60, 20)
    assert s.approximate_randomization(one, other, accuracy, draws=200_000) == pytest.approx(0.041, abs=0.001)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test(b: int, c: int) -> None:
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert s.mcnemar(b, c) == pytest.approx(expected) == s.mcnemar(c, b)


@pytest.mark.parametrize(("b", "c"), [(3, 1), (10, 10), (7, 0), (40, 22)])
def test_randomization_of_accuracy_is_mcnemars_test(b: int, c: int) -> None:
    one, other = right_or_wrong(b, c, 30, 10)
    exact = s.mcnemar(b, c)
    error = math.sqrt(exact * (1 - exact) / 50_000)
    assert s.approximate_randomization(one, other, accuracy, 50_000) == pytest.approx(exact, abs=4 * error + 1e-4)


def test_randomization_of_f1_agrees_with_all_sign_patterns() -> None:
    """Ten sentences: 1,024 swaps, all of them scored."""
    one, other = chunk_counts(10, seed=6)
    observed = f1(other.sum(axis=0)[None])[0] - f1(one.sum(axis=0)[None])[0]
    extreme = 0
    for pattern in itertools.product((False, True), repeat=10):
        swap = np.array(pattern)[:, None]
        a, b = np.where(swap, other, one).sum(axis=0)[None], np.where(swap, one, other).sum(axis=0)[None]
        extreme += abs(f1(b)[0] - f1(a)[0]) >= abs(observed) - 1e-9
    exact = extreme / 1024
    assert 0.02 < exact < 0.98
    assert s.approximate_randomization(one, other, f1, 20_000) == pytest.approx(exact, abs=0.015)


def test_equal_systems_get_p_one_where_sacrebleu_says_significant() -> None:
    one, _ = chunk_counts(50, seed=1)
    assert s.approximate_randomization(one, one.copy(), f1) == 1.0
    assert s.randomization_p(np.zeros(100), 0.0) == 1.0 == s.bootstrap_p(np.zeros(100), 0.0)
    assert s.randomization_p(np.zeros(9_999), 1.0) == pytest.approx(1e-4)  # never 0


def test_ties_count_as_extreme() -> None:
    """One discordant item: every swap gives the same absolute difference, so nothing is shown."""
    one, other = right_or_wrong(1, 0, 5, 5)
    assert s.approximate_randomization(one, other, accuracy) == 1.0


@pytest.mark.parametrize("distinct", [True, False])
def test_swapped_sums_have_the_moments_of_coin_flips(distinct: bool) -> None:
    one, other = chunk_counts(400, seed=2) if distinct else right_or_wrong(80, 40, 200, 80)
    if distinct:  # fractions make every row its own kind
        other = other + np.random.default_rng(0).random(other.shape)
    swapped, rest = s.swapped_totals(one, other, 20_000)
    moved = other - one
    np.testing.assert_allclose(swapped + rest, np.broadcast_to((one + other).sum(axis=0), swapped.shape))
    np.testing.assert_allclose(swapped.mean(axis=0), (one + other).sum(axis=0) / 2, rtol=2e-2)
    np.testing.assert_allclose(swapped.std(axis=0), np.sqrt((moved**2).sum(axis=0)) / 2, rtol=3e-2, atol=1e-9)


@pytest.mark.parametrize("distinct", [True, False])
def test_resampled_sums_have_the_moments_of_resampling(distinct: bool) -> None:
    table = np.hstack(chunk_counts(500, seed=3) if distinct else right_or_wrong(80, 40, 300, 80))
    totals = s.bootstrap_totals(table, 20_000)
    np.testing.assert_allclose(totals.mean(axis=0), table.sum(axis=0), rtol=3e-3)
    np.testing.assert_allclose(totals.std(axis=0), table.std(axis=0) * np.sqrt(len(table)), rtol=3e-2, atol=1e-9)
    pairs = np.corrcoef(totals[:, 0], totals[:, table.shape[1] // 2])[0, 1]
    assert pairs == pytest.approx(np.corrcoef(table[:, 0], table[:, table.shape[1] // 2])[0, 1], abs=0.03)


def test_paired_bootstrap_interval_agrees_with_scipy() -> None:
    one, other = chunk_counts(200, seed=4)
    theirs = stats.bootstrap(
        (np.arange(200),),
        lambda i: (f1(other[i].sum(axis=0)[None]) - f1(one[i].sum(axis=0)[None]))[0],
        method="percentile", n_resamples=3000, vectorized=False, rng=1,
    ).confidence_interval  # fmt: skip
    ours = s.percentile_interval(s.paired_bootstrap(one, other, f1, 20_000))
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.25)


def test_small_parts_of_the_draws_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = chunk_counts(300, seed=5)
    table = np.hstack([one, other]) + np.random.default_rng(1).random((300, 6))
    whole = s.bootstrap_totals(table, 500)
    monkeypatch.setattr(s, "_CELLS", 1000)
    np.testing.assert_allclose(s.bootstrap_totals(table, 500), whole)
    with pytest.raises(SettingError, match="at least one draw"):
        s.bootstrap_totals(table, 0)


@pytest.mark.parametrize(
    ("n", "discordant", "points"),
    [(5010, 0.10, 0.9), (2000, 0.06, 1.1), (500, 0.20, 3.9), (1000, 0.15, 2.4), (205, 0.30, 7.5), (1190, 0.20, 2.5)],
)
def test_size_of_the_noise(n: int, discordant: float, points: float) -> None:
    """Half-widths 1.96 sqrt(d / n) for XNLI, PAWS-X, XCOPA, Tatoeba, Tatoeba jv, XQuAD unclustered (analysis notes)."""
    half = round(discordant * n / 2)
    one, other = right_or_wrong(half, half, (n - 2 * half) // 2, n - 2 * half - (n - 2 * half) // 2)
    low, high = s.percentile_interval(s.paired_bootstrap(one, other, accuracy, 20_000))
    assert (high - low) / 2 == pytest.approx(points, abs=0.05 + 0.03 * points)


# -------------------------------------------------------------------------------------------------- sacrebleu


def edited(lines: list[str], system: str) -> list[str]:
    """The rule of the analysis notes: word i of line n is dropped when (i + o) mod k = 0."""
    found = []
    for n, line in enumerate(lines):
        k, o = {"A": (6, 1), "B": (6, 3) if n % 2 else (7, 3), "C": (6, 2)}[system]
        found.append(" ".join(word for i, word in enumerate(line.split()) if (i + o) % k))
    return found


@needs_data
@pytest.mark.parametrize(
    ("metric", "scores", "ar", "bs"),
    [
        ("bleu", (62.0487, 61.1808, 59.5361), (0.06529, 0.00010), (0.03197, 0.00100)),
        ("chrf", (80.6955, 80.3841, 79.4803), (0.40486, 0.00080), (0.15285, 0.00200)),
    ],
)
def test_p_values_of_sacrebleu_on_flores(metric: str, scores: Any, ar: Any, bs: Any) -> None:
    """sacrebleu 2.6.0, seed 12345, 10,000 / 1,000 draws, first 200 English lines of FLORES-200 devtest.

    Its segment statistics, our draws: the same p within the error of both simulations. Its `bs` uses
    |d| − mean |d| > |o|, which is in effect one-sided, so it is formed here from our resamples.
    """
    sacrebleu = pytest.importorskip("sacrebleu.metrics")
    scorer = sacrebleu.BLEU() if metric == "bleu" else sacrebleu.CHRF(word_order=2)
    with gzip.open(DATA / "flores200/devtest/eng_Latn.devtest.gz", "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in itertools.islice(file, 200)]
    tables = [np.array(scorer._extract_corpus_statistics(edited(lines, x), [lines]), float) for x in "ABC"]

    def score(totals: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([scorer._compute_score_from_stats(total.tolist()).score for total in totals])

    assert [score(table.sum(axis=0)[None])[0] for table in tables] == pytest.approx(scores, abs=5e-5)
    for other, p_ar, p_bs in zip(tables[1:], ar, bs, strict=True):
        ours = s.approximate_randomization(tables[0], other, score, draws=4000)
        error = math.sqrt(p_ar * (1 - p_ar) * (1 / 4000 + 1 / 10_000))
        assert ours == pytest.approx(p_ar, abs=4 * error + 5e-4)
        drawn = np.abs(s.paired_bootstrap(tables[0], other, score, draws=4000))
        observed = abs(score(other.sum(axis=0)[None])[0] - score(tables[0].sum(axis=0)[None])[0])
        theirs = (1 + np.sum(drawn - drawn.mean() > observed)) / 4001
        error = math.sqrt(p_bs * (1 - p_bs) * (1 / 4000 + 1 / 1000))
        assert theirs == pytest.approx(p_bs, abs=4 * error + 1.5e-3)


# ------------------------------------------------------------------------------------------ seeds and effects


def test_expected_maximum() -> None:
    """Five runs, best of 2, 3, 5: Dodge et al. 2019 and Tang et al. 2020 (analysis notes, section 8)."""
    runs = [0.80, 0.70, 0.90, 0.82, 0.85]
    assert [s.expected_maximum(runs, n) for n in (2, 3, 5)] == pytest.approx([0.85, 0.86584, 0.88105], abs=5e-6)
    assert [s.expected_maximum(runs, n, unbiased=True) for n in (2, 3, 5)] == pytest.approx([0.859, 0.877, 0.9])
    for n in (0, 6):
        with pytest.raises(SettingError, match=f"best of {n} runs cannot be estimated from 5"):
            s.expected_maximum(runs, n)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=7), st.integers(1, 7))
def test_expected_maximum_is_the_mean_over_all_choices(runs: list[float], n: int) -> None:
    n = min(n, len(runs))
    without = np.mean([max(chosen) for chosen in itertools.combinations(runs, n)])
    assert s.expected_maximum(runs, n, unbiased=True) == pytest.approx(without)
    if len(runs) ** n < 3000:
        assert s.expected_maximum(runs, n) == pytest.approx(
            np.mean([max(c) for c in itertools.product(runs, repeat=n)])
        )


def test_effect_sizes() -> None:
    assert s.relative_error_reduction(80, 85) == pytest.approx(0.25)
    assert s.relative_error_reduction(80, 75) == pytest.approx(-0.25)
    assert s.relative_error_reduction(100, 90) is None
    assert s.discordant_odds(5, 15) == 3 and s.discordant_odds(0, 4) is None


def test_seeds_are_students_and_welchs_tests() -> None:
    one, other = [70.1, 71.4, 69.2, 70.0], [72.0, 72.9, 71.1]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(one), scale=stats.sem(one))
    assert s.t_half_width(one) == pytest.approx((high - low) / 2)
    found = s.welch(one, other)
    welch = stats.ttest_ind(other, one, equal_var=False)
    difference = np.mean(other) - np.mean(one)
    assert s.joint_p(difference, [found]) == pytest.approx(welch.pvalue, rel=1e-6)
    assert found[1] == pytest.approx(welch.df)
    assert s.welch([1.0, 1.0], [2.0, 2.0])[0] == 0.0
    paired = stats.ttest_rel(other, one[:3])
    differences = [b - a for a, b in zip(one, other, strict=False)]
    assert s.joint_p(float(np.mean(differences)), [s.standard_error(differences)]) == pytest.approx(
        paired.pvalue, rel=1e-6
    )
    with pytest.raises(SettingError, match="at least two values, got 1"):
        s.standard_error([1.0])


def test_documents_alone_are_the_normal_test() -> None:
    assert s.joint_p(1.959964, [(1.0, math.inf)]) == pytest.approx(0.05, abs=1e-6)
    assert s.joint_half_width([(2.0, math.inf)]) == pytest.approx(3.919928, abs=1e-5)
    assert s.joint_p(0.0, [(1.0, math.inf)]) == 1.0
    assert s.joint_p(1.0, [(0.0, math.inf)]) == 0.0


@settings(deadline=None, max_examples=50)
@given(st.floats(-20, 20), st.floats(0.01, 5), st.floats(0.01, 5), st.integers(1, 9))
def test_p_and_interval_say_the_same(difference: float, documents: float, seeds: float, freedom: int) -> None:
    parts = [(documents, math.inf), (seeds, float(freedom))]
    gap = abs(difference) - s.joint_half_width(parts)
    if abs(gap) > 1e-6:
        assert (s.joint_p(difference, parts) < 0.05) == (gap > 0)


# ------------------------------------------------------------------------------------------------- coverage


@pytest.mark.slow
def test_t_interval_holds_its_level_at_three_seeds_where_the_bootstrap_does_not() -> None:
    """Normal seeds, nominal 95 %: t .95; percentile bootstrap .75 at 3 and .91 at 10 (analysis notes, section 2)."""
    random = np.random.default_rng(1)
    for count, expected in ((3, 0.75), (10, 0.91)):
        seeds = random.normal(size=(4000, count))
        t = np.array([abs(np.mean(row)) < s.t_half_width(row.tolist()) for row in seeds])
        drawn = random.integers(0, count, (4000, 1000, count))
        means = np.take_along_axis(seeds[:, None], drawn, axis=2).mean(axis=2)
        low, high = np.percentile(means, (2.5, 97.5), axis=1)
        assert t.mean() == pytest.approx(0.95, abs=0.012)
        assert np.mean((low < 0) & (high > 0)) == pytest.approx(expected, abs=0.025)


@pytest.mark.slow
def test_paired_bootstrap_covers_the_true_difference_of_f1() -> None:
    """Sentences drawn from a population of 20,000; 300 of them are scored (Koehn 2004: from about 300 on)."""
    one, other = chunk_counts(20_000, seed=9)
    truth = float(f1(other.sum(axis=0)[None])[0] - f1(one.sum(axis=0)[None])[0])
    random = np.random.default_rng(2)
    inside = []
    for trial in range(800):
        chosen = random.integers(0, 20_000, 300)
        low, high = s.percentile_interval(s.paired_bootstrap(one[chosen], other[chosen], f1, 1000, trial))
        inside.append(low <= truth <= high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.025)


@pytest.mark.slow
def test_randomization_keeps_its_level_and_holm_the_family_wise_one() -> None:
    """Equal systems, ten languages of 200 items: one test errs in about 5 %, the corrected family in at most 5 %."""
    random = np.random.default_rng(3)
    single, family = [], []
    for trial in range(400):
        p = []
        for language in range(10):
            right = (random.random((2, 200)) < 0.6).astype(float)
            one, other = (np.stack([row, np.ones(200)], axis=1) for row in right)
            p.append(s.approximate_randomization(one, other, accuracy, 999, [trial, language]))
        single += [value <= 0.05 for value in p]
        family.append(min(s.holm(p)) <= 0.05)
    assert 0.03 < np.mean(single) <= 0.055
    assert np.mean(family) <= 0.07
