"""Correlation and regression against published or independently computed values, slow references, and bad input."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.published import XNLI, XNLI_ORDER
from xstilts_eval.analysis.features import features
from xstilts_eval.analysis.stats import dependence, regression
from xstilts_eval.errors import NumericError

OTHERS = XNLI_ORDER[1:]
ENTRIES = [features(code) for code in OTHERS]
FAMILIES = [entry.family or entry.code for entry in ENTRIES]


def column(name: Any) -> Any:
    return np.array([entry.number(name) for entry in ENTRIES])


def gap(model: Any) -> Any:
    return XNLI[model][0] - np.array(XNLI[model][1:])


SIZE = np.log10(column("cc100"))


# The check values were computed apart from this package, from the same publications and distances.
@pytest.mark.parametrize(("model", "mean", "low", "high"), [("XLM-R Base", 10.28, 7.84, 12.72),
                                                            ("XLM-R Large", 8.79, 6.69, 10.89)])  # fmt: skip
def test_the_mean_gap(model, mean, low, high):
    from xstilts_eval.analysis.distance.analyse import _half_width

    values = gap(model)
    assert round(values.mean(), 2) == mean
    assert (round(values.mean() - _half_width(values), 2), round(values.mean() + _half_width(values), 2)) == (low, high)


def test_correlations_of_the_xnli_gap():
    found: Any = regression.pearson(column("syntactic"), gap("XLM-R Base"))
    assert (round(found.estimate, 3), round(found.low, 2), round(found.high, 2)) == (0.850, 0.58, 0.95)
    assert round(regression.spearman(column("syntactic"), gap("XLM-R Base")).estimate, 3) == 0.919
    for name, value in (("phonological", -0.14), ("inventory", -0.37), ("geographic", 0.60)):
        assert round(regression.pearson(column(name), gap("XLM-R Base")).estimate, 2) == value
    assert round(regression.pearson(SIZE, gap("XLM-R Base")).estimate, 3) == -0.837
    assert round(regression.pearson(SIZE, column("syntactic")).estimate, 2) == -0.68


def test_the_regression_of_the_xnli_gap():
    found: Any = regression.regress(gap("XLM-R Base"), {"distance": column("syntactic"), "size": SIZE})
    assert [round(term.estimate, 2) for term in found.terms] == [11.02, 16.87, -3.67]
    assert [round(term.error, 2) for term in found.terms[1:]] == [5.18, 1.22]
    assert [round(term.hc3_error, 2) for term in found.terms[1:]] == [6.73, 1.52]
    assert round(found.r_squared, 3) == 0.847
    moran: Any = dependence.morans_i(found.residuals, FAMILIES)
    assert (round(moran.estimate, 3), round(moran.expected, 3)) == (-0.158, -0.077)
    assert moran.p == pytest.approx(0.32, abs=0.02)  # permutation noise of 10,000 draws


def test_partial_correlations_of_the_xnli_gap():
    by_distance = regression.partial(column("syntactic"), gap("XLM-R Base"), {"size": SIZE})
    by_size = regression.partial(SIZE, gap("XLM-R Base"), {"distance": column("syntactic")})
    assert (round(by_distance.estimate, 3), round(by_distance.p, 3)) == (0.700, 0.008)
    assert (round(by_size.estimate, 3), round(by_size.p, 3)) == (-0.671, 0.012)


def test_inflation_of_five_predictors():
    names = ("syntactic", "phonological", "inventory", "geographic")
    found: Any = regression.inflation({**{name: column(name) for name in names}, "size": SIZE})
    assert [round(value, 1) for value in found.values()] == [3.5, 1.4, 1.3, 2.0, 2.7]


def test_without_indo_european_six_points_are_left():
    found: Any = {one.family: one for one in dependence.leave_one_family_out(
        gap("XLM-R Base"), column("syntactic"), FAMILIES)}  # fmt: skip
    assert FAMILIES.count("Indo-European") == 8
    assert found["Indo-European"].n == 6
    assert round(found["Indo-European"].pearson.estimate, 2) == 0.80


@pytest.mark.parametrize(("n", "needed", "found"), [(10, 0.63, 0.79), (14, 0.53, 0.69), (20, 0.44, 0.59),
                                                    (40, 0.31, 0.43), (50, 0.28, 0.39)])  # fmt: skip
def test_what_n_languages_can_show(n, needed, found):
    assert (round(regression.detectable(n), 2), round(regression.detectable(n, 0.8), 2)) == (needed, found)


@pytest.mark.parametrize(("p", "holm", "bh"), [
    ((0.01, 0.04, 0.03, 0.005), (0.03, 0.06, 0.06, 0.02), (0.02, 0.04, 0.04, 0.02)),
    ((0.319, 0.201, 0.4, 0.374, 0.113), (0.957, 0.804, 0.957, 0.957, 0.565), None),
    ((0.008, 0.03, 0.123, 0.6, 0.2), None, (0.04, 0.075, 0.205, 0.6, 0.25)),
])  # fmt: skip
def test_adjusted_p(p, holm, bh):
    for method, expected in (("holm", holm), ("fdr_bh", bh)):
        if expected:
            assert regression.adjusted(p, method) == pytest.approx(expected)


def test_benjamini_and_hochbergs_own_example():
    p = (0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759,
         1)  # fmt: skip
    rejected = {method: sum(q <= 0.05 for q in regression.adjusted(p, method)) for method in ("fdr_bh", "holm")}
    assert rejected == {"fdr_bh": 4, "holm": 3}


def test_freedman_lane_agrees_with_the_t_test_for_normal_errors():
    random = np.random.default_rng(3)
    x, z = random.standard_normal((2, 40))
    y = 0.35 * x + z + random.standard_normal(40)
    exact = regression.partial(x, y, {"z": z}).p
    assert regression.freedman_lane(y, x, {"z": z}) == pytest.approx(exact, abs=0.01)


def test_freedman_lane_holds_its_level():
    random = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        z = random.standard_normal(15)
        x = z + random.standard_normal(15)
        y = 3 * z + random.standard_normal(15)  # x matters only through z
        hits += regression.freedman_lane(y, x, {"z": z}, permutations=199) <= 0.05
    assert hits / 200 < 0.09  # 0.05 + 2.6 binomial errors


def test_hc3_against_its_formula():
    random = np.random.default_rng(7)
    x = random.uniform(size=12)
    y = x + x * random.standard_normal(12)
    design = np.column_stack([np.ones(12), x])
    inverse = np.linalg.inv(design.T @ design)
    left = y - design @ inverse @ design.T @ y
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    sandwich = inverse @ (design.T * (left / (1 - leverage)) ** 2) @ design @ inverse
    assert regression.regress(y, {"x": x})["x"].hc3_error == pytest.approx(np.sqrt(sandwich[1, 1]))


@given(st.lists(st.floats(-100, 100), min_size=6, max_size=30, unique=True), st.randoms())
@settings(max_examples=50, deadline=None)
def test_rank_correlation_ignores_every_rising_change(values, random):
    x = np.array(values)
    if np.ptp(np.round(x, 6)) == 0 or len(set(np.round(x, 3))) < len(x):
        return
    y = np.array(random.sample(range(len(x)), len(x)), dtype=float)
    assert regression.spearman(x, y).estimate == pytest.approx(regression.spearman(np.exp(x / 100), y).estimate)


@pytest.mark.parametrize(("x", "y", "message"), [
    ([1, 2, 3, 4], [1, 2, 3, 5], "4 points: too few"),
    ([1, 1, 1, 1, 1], [1, 2, 3, 4, 5], "is the same"),
    ([1, 2, 3, 4, 5], [7, 7, 7, 7, 7], "is the same"),
    ([1, 2, 3, 4, 5], [1, 2, 3, 4, float("nan")], "NaN"),
    ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], "different numbers"),
])  # fmt: skip
def test_what_is_refused(x, y, message):
    for function in (regression.spearman, regression.pearson):
        with pytest.raises(NumericError, match=message):
            function(x, y)


def test_predictors_that_say_the_same_are_refused():
    x = np.arange(12.0)
    with pytest.raises(NumericError, match="combination"):
        regression.regress(np.random.default_rng(1).standard_normal(12), {"a": x, "b": 2 * x + 1})


def test_morans_i_against_the_double_sum():
    random = np.random.default_rng(2)
    e = random.standard_normal(12)
    groups = list("aaabbbbccdee")
    centred = e - e.mean()
    weights = [(i, j) for i in range(12) for j in range(12) if i != j and groups[i] == groups[j]]
    slow = 12 / len(weights) * sum(centred[i] * centred[j] for i, j in weights) / (centred @ centred)
    found: Any = dependence.morans_i(e, groups)
    assert found.estimate == pytest.approx(slow)
    assert dependence.morans_i(e, [str(i) for i in range(12)]) is None


def simulated(families: Any, slope: Any, seed: Any, spread: Any) -> Any:
    """Languages in families, two tasks: y = slope x + family + language + noise."""
    random = np.random.default_rng(seed)
    rows = []
    for family in range(families):
        shift = random.normal(0, spread)
        for member in range(3):
            x, own = random.uniform(), random.normal(0, spread)
            rows += [(slope * x + shift + own + random.normal(0, 1) + 5 * task, x, f"t{task}", f"l{family}-{member}",
                      f"f{family}") for task in range(2)]  # fmt: skip
    return [list(part) for part in zip(*rows, strict=True)]


def test_the_mixed_model_finds_a_slope_and_the_variances():
    y, x, tasks, languages, families = simulated(20, 6.0, 1, 1.5)
    control = np.random.default_rng(9).standard_normal(len(y))
    found: Any = dependence.pooled(y, x, {"noise": control}, tasks, languages, families)
    assert found.method == "mixed"
    assert found.low < 6.0 < found.high
    assert 0.5 < found.variances["residual"] < 1.8
    assert (found.rows, found.languages, found.families) == (120, 60, 20)


def test_the_mixed_model_gives_way_with_a_reason():
    y, x, tasks, languages, families = simulated(4, 6.0, 2, 0.0)
    control = np.random.default_rng(9).standard_normal(len(y))
    found: Any = dependence.pooled(y, x, {"noise": control}, tasks, languages, families)
    assert found.method == "wild-cluster"
    assert "4 families" in found.reason
    assert found.low < found.estimate < found.high


@pytest.mark.slow
def test_the_wild_cluster_interval_is_the_test_turned_round():
    """0 lies inside the interval exactly where p is above .05, and the level holds with eight families."""
    rejected = 0
    for seed in range(40):
        y, x, _, _, families = simulated(8, 0.0, seed, 1.0)
        design = np.column_stack([np.ones(len(y)), x])
        slope, low, high, p = dependence._wild_cluster(np.array(y), design, families, draws=399)
        assert low < slope < high
        assert (low <= 0 <= high) == (p > 0.05)
        rejected += p <= 0.05
    assert rejected <= 6  # 2 expected; 7 or more has probability .005


@pytest.mark.parametrize(
    ("estimate", "low", "high", "shown"),
    [
        (-0.002, -0.154, 0.136, "0.00 [-0.15, 0.14]"),
        (0.5, -0.004, 1.0, "0.50 [0.00, 1.00]"),
        (-0.006, -1, 0, "-0.01 [-1.00, 0.00]"),
    ],
)
def test_what_rounds_to_nothing_has_no_sign(estimate: float, low: float, high: float, shown: str) -> None:
    assert regression.Correlation("Spearman", estimate, low, high, 0.5, 9).shown == shown
