"""Are two systems different? Paired tests on stored statistics, and corrections for many tests.

A *unit* is what was sampled independently (a sentence, a paragraph with its questions). Tables hold the summed counts
of every unit; scores are recomputed from resampled sums, never averaged over units. Differences are taken in whatever
scale the caller's scores have. Definitions: Koehn 2004 (W04-3250; paired bootstrap), Riezler & Maxwell 2005 (W05-0908;
approximate randomization after Noreen 1989), Holm 1979, Benjamini & Hochberg 1995, Benjamini & Yekutieli 2001, Dror et
al. 2017 (Q17-1033; partial conjunction), Dodge et al. 2019 (D19-1224) and Tang et al. 2020 (2004.13705; expected
maximum).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import SettingError
from xstilts_eval.metrics.bootstrap import parts, totals_of_distinct

Array = NDArray[np.float64]
Score = Callable[[Array], Array]
"""Sums of counts [draws, counts] to scores [draws]."""

DRAWS = 10_000
"""Of a randomization: p-values down to 0.0001."""
RESAMPLES = 2_000
"""Of a bootstrap: the ends of a 95 % interval are then known to 0.06 standard errors."""
SEED = 12345
_CELLS = 1 << 16  # draws x units held at once: half a MiB of 8-byte numbers stays in the cache (measured: 2x)
_FEW = 0.1  # below this share of distinct units, drawing how often each kind occurs beats drawing units (measured)
_ZERO = 1e-12  # a difference of equal sums
_ROUNDING = 1e-9  # relative: sums of the same numbers in another order


# ------------------------------------------------------------------------------------------------ draws


def bootstrap_totals(units: Array, draws: int = RESAMPLES, seed: int | Sequence[int] = SEED) -> Array:
    """Sums over resamples with replacement, shape [draws, counts], of a table [units, counts].

    What is paired (two systems, several seeds, languages with the same items) lies side by side among the counts, so
    that all of it sees the same draw.
    """
    random = np.random.default_rng(seed)
    n = len(units)
    distinct, frequency = np.unique(units, axis=0, return_counts=True)
    if len(distinct) <= max(1, _FEW * n):
        return totals_of_distinct(random, distinct, frequency, draws, _CELLS)
    return np.concatenate([_drawn_weights(random, n, size) @ units for size in parts(draws, n, _CELLS)])


def _drawn_weights(random: np.random.Generator, n: int, draws: int) -> Array:
    """How often each of n units occurs in each resample, shape [draws, n]."""
    places = random.integers(0, n, size=(draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(places.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def swapped_totals(
    first: Array, second: Array, draws: int = DRAWS, seed: int | Sequence[int] = SEED
) -> tuple[Array, Array]:
    """Sums of two systems whose outputs are swapped unit by unit with probability 1/2, each [draws, counts].

    Both tables have the shape [units, counts]. Only units on which the systems differ matter, and of several with the
    same difference only how many are swapped, which is binomial.
    """
    random = np.random.default_rng(seed)
    moved = second - first
    moved = moved[np.any(moved != 0, axis=1)]
    start, whole = first.sum(axis=0), (first + second).sum(axis=0)
    if not len(moved):
        swapped = np.tile(start, (draws, 1))
        return swapped, whole - swapped
    kinds, frequency = np.unique(moved, axis=0, return_counts=True)
    if len(kinds) <= max(1, _FEW * len(moved)):
        drawn = [
            random.binomial(frequency, 0.5, (size, len(kinds))) @ kinds for size in parts(draws, len(kinds), _CELLS)
        ]
    else:
        drawn = [_coins(random, size, len(moved)) @ moved for size in parts(draws, len(moved), _CELLS)]
    swapped = start + np.concatenate(drawn)
    return swapped, whole - swapped


def _coins(random: np.random.Generator, draws: int, n: int) -> Array:
    """Zeros and ones with probability 1/2, shape [draws, n]."""
    packed = random.integers(0, 256, size=(draws, -(-n // 8)), dtype=np.uint8)
    return np.unpackbits(packed, axis=1, count=n).astype(np.float64)


# ---------------------------------------------------------------------------------- one pair of systems


def percentile_interval(drawn: Array, level: float = 0.95) -> tuple[float, float]:
    """The middle `level` of the drawn values: percentile bootstrap interval (low, high)."""
    low, high = np.percentile(drawn, (50 * (1 - level), 50 * (1 + level)))
    return float(low), float(high)


def randomization_p(drawn: Array, observed: float) -> float:
    """Two-sided p of an observed difference among differences drawn under the null: (1 + #{|d| ≥ |o|}) / (draws + 1).

    Counts ≥, as discrete metrics need: two systems without a difference get p = 1, never 1 / (draws + 1).
    """
    if abs(observed) < _ZERO:
        return 1.0
    bar = abs(observed) * (1 - _ROUNDING)
    return float(1 + np.count_nonzero(np.abs(drawn) >= bar)) / (len(drawn) + 1)


def bootstrap_p(drawn: Array, observed: float) -> float:
    """Two-sided p from bootstrap differences shifted to the null: (1 + #{|d − mean d| ≥ |o|}) / (draws + 1).

    Smaller than that of randomization on the same data, so with more false alarms (W05-0908): intervals come from
    the bootstrap, p from `randomization_p`.
    """
    return randomization_p(drawn - drawn.mean(), observed)


def approximate_randomization(
    first: Array, second: Array, score: Score, draws: int = DRAWS, seed: int | Sequence[int] = SEED
) -> float:
    """Two-sided p that the two systems' outputs [units, counts] could be swapped; for accuracy that of `mcnemar`."""
    observed = float(score(second.sum(axis=0)[None])[0] - score(first.sum(axis=0)[None])[0])
    if np.array_equal(first, second):
        return 1.0
    one, other = swapped_totals(first, second, draws, seed)
    return randomization_p(score(other) - score(one), observed)


def paired_bootstrap(
    first: Array, second: Array, score: Score, draws: int = RESAMPLES, seed: int | Sequence[int] = SEED
) -> Array:
    """Differences second − first over shared resamples of the units, shape [draws]."""
    width = first.shape[1]
    totals = bootstrap_totals(np.hstack([first, second]), draws, seed)
    return score(totals[:, width:]) - score(totals[:, :width])


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided McNemar p from the numbers of items that only one of two systems has right."""
    from scipy.special import bdtr

    total = only_first + only_second
    return 1.0 if not total else min(1.0, 2 * float(bdtr(min(only_first, only_second), total, 0.5)))


# --------------------------------------------------------------------------------------------- effect sizes


def relative_error_reduction(before: float, after: float) -> float | None:
    """Share of the remaining error (scores in points, 0-100) that went away; None where nothing was left to gain."""
    return (after - before) / (100 - before) if before < 100 else None


def discordant_odds(only_first: int, only_second: int) -> float | None:
    """Odds that the second system is the right one where they disagree; None where the first never is."""
    return only_second / only_first if only_first else None


# -------------------------------------------------------------------------------------------- several seeds


def t_half_width(values: Sequence[float], level: float = 0.95) -> float:
    """Half-width of the t interval of a mean; holds its level with three values, where a bootstrap does not.

    Raises `SettingError` for fewer than two.
    """
    error, freedom = standard_error(values)
    return t_quantile(freedom, level) * error


def standard_error(values: Sequence[float]) -> tuple[float, float]:
    """Standard error of a mean and its degrees of freedom."""
    if len(values) < 2:
        raise SettingError(f"a spread needs at least two values, got {len(values)}")
    return float(np.std(values, ddof=1)) / math.sqrt(len(values)), len(values) - 1


def welch(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Standard error of the difference of two independent means, and Welch–Satterthwaite degrees of freedom."""
    (one, freedom), (other, others) = standard_error(first), standard_error(second)
    error = math.hypot(one, other)
    if error == 0:
        return 0.0, freedom + others
    return error, error**4 / (one**4 / freedom + other**4 / others)


def t_quantile(freedom: float, level: float = 0.95) -> float:
    """The two-sided critical value of Student's t; infinite `freedom` gives the normal's."""
    from scipy.special import ndtri, stdtrit

    tail = 0.5 * (1 + level)
    return float(ndtri(tail) if math.isinf(freedom) else stdtrit(freedom, tail))


def joint_half_width(parts: Sequence[tuple[float, float]], level: float = 0.95) -> float:
    """Half-width of an interval over independent sources of chance, each (standard error, degrees of freedom).

    The half-widths of the sources are added in quadrature.
    """
    return math.hypot(*(t_quantile(freedom, level) * error for error, freedom in parts))


def joint_p(difference: float, parts: Sequence[tuple[float, float]]) -> float:
    """Two-sided p that belongs to `joint_half_width`: one minus the level at which the interval just touches 0."""
    if difference == 0 or not any(error for error, _ in parts):
        return 1.0 if difference == 0 else 0.0
    low, high = 0.0, 1.0 - 1e-12
    if joint_half_width(parts, high) < abs(difference):
        return 1 - high
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if joint_half_width(parts, middle) < abs(difference) else (low, middle)
    return 1 - low


# ------------------------------------------------------------------------------------------------ many tests


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: no false alarm in the whole family with probability 1 − α."""
    values, order = _ordered(p)
    m = len(values)
    stepped = np.minimum(1, (m - np.arange(m)) * values[order])
    return _restored(np.maximum.accumulate(stepped), order)


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's adjusted p-values: the share of false alarms (independence, or positive dependence)."""
    values, order = _ordered(p)
    m = len(values)
    stepped = np.minimum(1, m * values[order] / np.arange(1, m + 1))
    return _restored(np.minimum.accumulate(stepped[::-1])[::-1], order)


def benjamini_yekutieli(p: Sequence[float]) -> list[float]:
    """As `benjamini_hochberg` under any dependence: harmonic factor Σ 1/i."""
    values, order = _ordered(p)
    m = len(values)
    factor = float(np.sum(1 / np.arange(1, m + 1)))
    stepped = np.minimum(1, factor * m * values[order] / np.arange(1, m + 1))
    return _restored(np.minimum.accumulate(stepped[::-1])[::-1], order)


def partial_conjunction(p: Sequence[float], alpha: float = 0.05) -> int:
    """In how many at least the effect is there: the largest u with (m − u + 1) · p_(u) ≤ α, 0 if none.

    Bonferroni's combination, valid under any dependence; not the number of small p-values.
    """
    values, order = _ordered(p)
    m = len(values)
    holds = (m - np.arange(m)) * values[order] <= alpha
    # Every smaller count must hold too; the products need not be monotone.
    return int(np.argmin(holds)) if not holds.all() else m


def _ordered(p: Sequence[float]) -> tuple[Array, NDArray[np.intp]]:
    values = np.asarray(p, dtype=np.float64)
    if not np.all((values >= 0) & (values <= 1)):  # also False for NaN
        raise SettingError(f"p-values lie between 0 and 1, got {next(v for v in p if not 0 <= v <= 1)}")
    return values, np.argsort(values, kind="stable")


def _restored(ordered: Array, order: NDArray[np.intp]) -> list[float]:
    adjusted = np.empty(len(order))
    adjusted[order] = ordered
    return [float(value) for value in adjusted]


def expected_maximum(values: Sequence[float], n: int, unbiased: bool = False) -> float:
    """Expected best of n runs, estimated from B runs, 1 ≤ n ≤ B.

    Dodge et al. 2019 draw with replacement (biased low, less variable: led to fewer wrong conclusions in Dodge et al.
    2021, 2110.00613); `unbiased` is Tang et al. 2020, without replacement. Raises `SettingError` for another n.
    """
    ordered, count = sorted(values), len(values)
    if not 1 <= n <= count:
        raise SettingError(f"the best of {n} runs cannot be estimated from {count}; give 1 to {count}")
    if unbiased:
        weights = [math.comb(i - 1, n - 1) / math.comb(count, n) for i in range(1, count + 1)]
    else:
        weights = [(i / count) ** n - ((i - 1) / count) ** n for i in range(1, count + 1)]
    return math.fsum(weight * value for weight, value in zip(weights, ordered, strict=True))
