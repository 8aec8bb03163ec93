"""Pooled outcomes, families resampled, the smallest effect seen, one correction a page: on tables with known truth."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from xstilts_eval.analysis.stats import multiplicity, pooling, power, regression


def world(seed: int, families: int = 20, each: int = 5, between: float = 2.0, within: float = 1.0) -> Any:
    """Languages in families that differ by `between` (sd), all of mean 0."""
    random = np.random.default_rng(seed)
    names = [f"f{n}" for n in range(families) for _ in range(each)]
    own = {name: random.normal(0, between) for name in set(names)}
    values = {f"l{n}": own[name] + random.normal(0, within) for n, name in enumerate(names)}
    return values, {f"l{n}": name for n, name in enumerate(names)}


def test_intervals_over_families_hold_their_level_where_those_over_languages_do_not():
    """100 languages in 20 families, true mean 0: the t-interval over languages is half as wide as it should be."""
    covered = naive = 0
    for seed in range(100):
        values, families = world(seed)
        points: Any = pooling.pool({"t": values}, families, draws=400, seed=seed)[0]
        covered += points.low <= 0 <= points.high
        column = np.array(list(values.values()))
        naive += abs(column.mean()) <= stats.t.ppf(0.975, 99) * column.std(ddof=1) / 10
    assert covered >= 0.87 * 100 and naive <= 0.75 * 100


def test_standard_units_count_every_target_alike():
    """Target b is a in tenths: points are the mean of 5 and .5, standard units the same for both."""
    values = {f"l{n}": 5.0 + (-1) ** n for n in range(20)}
    tenths = {code: value / 10 for code, value in values.items()}
    families = {code: f"f{n % 10}" for n, code in enumerate(values)}
    points, standard = pooling.pool({"a": values, "b": tenths}, families)
    assert points.mean == pytest.approx(2.75)
    assert standard.mean == pytest.approx(5 / math.sqrt(20 / 19))
    assert (points.targets, points.languages, points.families) == (2, 20, 10)


def test_targets_meet_where_they_can():
    """A target of other languages is a mean of its own; one without spread has no standard units, by name."""
    families = {f"l{n}": f"f{n}" for n in range(12)}
    values = {"a": {f"l{n}": 1.0 + n for n in range(6)}, "b": {f"l{n}": 3.0 for n in range(4, 12)}}
    points, standard = pooling.pool(values, families)
    assert points.mean == pytest.approx((3.5 + 3.0) / 2) and points.languages == 12
    assert standard.left_out == ("b",) and standard.targets == 1
    few = pooling.pool(values, dict.fromkeys(families, "one family"))[0]
    assert few.low is None and few.smallest is None and few.text == "+3.25 points (no interval)"


def test_a_slope_over_families():
    """A planted slope of 4 beside a control of 2; families share a shift and a place."""
    inside = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        families = [f"f{n}" for n in range(25) for _ in range(4)]
        place = {name: random.uniform() for name in set(families)}
        shift = {name: random.normal(0, 1) for name in set(families)}
        x = np.array([place[name] + random.normal(0, 0.05) for name in families])
        size = random.normal(0, 1, 100)
        y = 4 * x + 2 * size + np.array([shift[name] for name in families]) + random.normal(0, 0.5, 100)
        found: Any = pooling.slope(y, x, families, {"size": size}, draws=400, seed=seed)
        inside += found.low <= 4 <= found.high
        assert found.estimate == pytest.approx(regression.regress(y, {"x": x, "size": size})["x"].estimate)
    assert inside >= 0.83 * 30
    assert pooling.slope([1, 2, 3, 4, 5], [1, 2, 1, 2, 3], ["a", "a", "b", "b", "c"]) is None


@pytest.mark.parametrize("degrees", [8, 60])
def test_the_smallest_effect_is_found_in_four_of_five(degrees):
    """t-tests of means whose true value is the smallest effect of their standard error."""
    random = np.random.default_rng(1)
    n = degrees + 1
    effect = power.smallest(1 / math.sqrt(n), degrees)
    samples = random.normal(effect, 1, (20_000, n))
    assert (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("tests", [1, 30])
def test_the_one_effect_among_many_is_found_in_four_of_five(tests):
    """One-sided t-tests by the procedure of Benjamini and Hochberg, with one effect of that size among nulls."""
    random = np.random.default_rng(1)
    effect = power.one_of_many(2.0, 40, tests)
    z = random.normal(0, 1, (4000, tests))
    z[:, 0] += effect / 2.0
    p = stats.t.sf(z / np.sqrt(random.chisquare(40, z.shape) / 40), 40)
    found = [regression.adjusted(list(row), "fdr_bh")[0] < 0.05 for row in p]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


def test_the_smallest_effect_by_known_quantiles():
    assert power.smallest(1.0) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    assert power.of_interval(-1.959964, 1.959964) == pytest.approx(2.801585, abs=1e-5)
    assert math.isinf(power.smallest(1.0, 0))
    # Needed |r| for 80 % power at 5 %, from tables of Fisher's z: .79 of ten, .39 of fifty points.
    assert [round(power.correlation("r", n).value, 2) for n in (10, 50)] == [0.79, 0.39]
    assert "nothing" in power.correlation("r", 3).text


def test_one_correction_for_a_page():
    """Holm of .01 .04 .03 .005 is .03 .06 .06 .02; what was not tested is no test."""
    tests = multiplicity.page([("a", 0.01), ("b", 0.04), ("none", None), ("c", 0.03), ("d", 0.005)])
    assert [round(one.adjusted_p, 4) for one in tests] == [0.03, 0.06, 0.06, 0.02]
    (said,) = multiplicity.lines(tests)
    assert said == "this page makes 4 tests, corrected together by Holm: 2 below .05 over all of them"
    assert "none below" in multiplicity.lines(multiplicity.page([("a", 0.2)]))[0]
