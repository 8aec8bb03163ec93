"""All numbers of a family at once: a fault too small for any one small test set moves them all the same way.

The null hypothesis is that published and measured are two measurements of one system: which of the two is the larger
is then a matter of chance, item by item. Three tests follow from it.

* *Signs.* Both numbers are rounded to the digits that were printed, so that swapping them swaps the sign and nothing
  else; equal ones are ties and say nothing. Of the others as many should be higher as lower, exactly so (binomial),
  whatever their sizes, metrics and errors.
* *Mean shift.* The mean of the differences over its standard error.
* *Spread.* The sum of the squared differences over their variances: a fault that moves some languages up and others
  down leaves the mean where it was.

What chance can do depends on what the two sides share. Sentence vectors of the same weights on the same items differ by
arithmetic alone, which changes at most a share of `CHANGED` of the answers. Elsewhere the sampling error of both sides
stands, as if each had drawn its own items: too large where they share them, never too small.

Numbers of one family are not independent, and the tests allow for the largest correlation that their differences can
have (`Number.alike`). Families with the same items in every language, and families that need a trained head, whose seed
moves all languages together, may move as one: for them the mean shift has the mean of the single errors, and signs and
spread say nothing.

Averages and metrics beside the family's own are functions of the same answers and do not count again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.zoo.gating import EXACT, LEVEL
from xstilts_eval.zoo.manifest import AVERAGE, Record

FEWEST = 5
"""Numbers of a family below which there is no joint verdict: fewer say little that each does not say alone."""
SHARE = 0.5
"""Part of the level that joint verdicts share; the single numbers share the rest. All of it where there are none."""
POWER = 0.8
"""Chance with which a shift that counts as detectable turns a regression red."""
SHARED = 0.02
"""Correlation that differences of two Tatoeba pairs can have, as they share English sentences.

Differences of two pairs of n and m sentences, s of them the same, correlate by at most s / √(nm), if every shared
sentence flips in both or in neither. Over LASER's files (data/tatoeba/v1, 102 of the 112 pairs) the value that gives
the mean over pairs its variance is .0118 for all, .0100 for XTREME's languages and .0200 for the 16 smallest.
"""
CHANGED = 0.01
"""Share of right answers, at most, that arithmetic makes wrong or the reverse, in retrieval with the same weights.

Measured: all-MiniLM-L6-v2 on the 16 smallest Tatoeba pairs, against float32: in bfloat16 2 of 2,998 queries (.0007), in
float16 none. The rest is room for other machines, precisions and models.
"""
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Number:
    """One published number and ours (None: not scored yet), in points.

    `error` is the standard error of their difference where both sides are samples, `half_digit` half a unit of the
    published one's last digit; `n` documents were scored, and `same_weights` says that no training lies between the
    two numbers. `is_rounded` says that the weights of ours are a quantised copy: `error` then is what rounding was
    measured to do, and the bound on arithmetic does not hold.
    """

    family: str
    metric: str
    language: str
    published: float
    error: float
    n: int | None = None
    same_weights: bool = False
    half_digit: float = 0.0
    measured: float | None = None
    is_rounded: bool = False

    @property
    def difference(self) -> float:
        return (self.measured or 0.0) - self.published

    @property
    def is_frozen(self) -> bool:
        """Whether the two sides are shares of right answers by vectors of one training, on the same items."""
        return self.same_weights and FAMILIES[self.family].is_embedded and self.metric == "acc"

    @property
    def alike(self) -> float:
        """The largest correlation (0-1) of its difference with that of another language, if nothing but chance acts.

        1 where the items are translations of each other, and where something is trained, of which another seed moves
        all languages together.
        """
        return SHARED if self.is_frozen and not FAMILIES[self.family].parallel else 1.0

    @property
    def variance(self) -> float:
        """Of the difference by chance, at most (points²); rounding is uniform."""
        by_chance = self.error**2
        if self.is_frozen and not self.is_rounded and self.n:
            by_chance = min(by_chance, 100**2 * CHANGED / self.n)
        return by_chance + self.half_digit**2 / 3


@dataclass(frozen=True)
class Joint:
    """The verdict on one family; numbers in points, `shift` is the mean of ours minus the published ones.

    `low` and `high` are the ends of the shift's interval at 1 - `level`, `level` being the chance of a false alarm of
    each of its tests. `sign_p` and `spread_p` are None where signs and spread say nothing.
    """

    family: str
    metric: str
    higher: int
    lower: int
    equal: int
    shift: float
    low: float
    high: float
    shift_p: float
    sign_p: float | None
    spread_p: float | None
    level: float
    detectable: float

    @property
    def numbers(self) -> int:
        return self.higher + self.lower + self.equal

    @property
    def fails(self) -> bool:
        return any(p is not None and p < self.level for p in (self.shift_p, self.sign_p, self.spread_p))

    @property
    def verdict(self) -> str:
        return "shifted" if self.fails else "reproduced"


@dataclass(frozen=True)
class Levels:
    """Chances of a false alarm: of `each` single number, and of each test of a family that has a joint verdict."""

    each: float
    joint: Mapping[str, float]

    @property
    def quantile(self) -> float:
        """Standard errors that a single number may differ by."""
        return quantile(self.each)


def levels(numbers: Sequence[Number]) -> Levels:
    """`LEVEL` divided (Bonferroni) over all single numbers and over the tests of all joint verdicts."""
    joint = by_family(numbers)
    single = LEVEL * (1 - SHARE) if joint else LEVEL
    tests = {name: 1 if _correlation(found) == 1 else 3 for name, found in joint.items()}
    return Levels(
        single / max(1, len(numbers)),
        {name: LEVEL * SHARE / len(joint) / count for name, count in tests.items()},
    )


def by_family(numbers: Iterable[Number]) -> dict[str, list[Number]]:
    """What joint verdicts are about: of each family with enough of them, one metric's numbers, one a language.

    The metric is the one with most numbers, of equally many the (first) official one.
    """
    found: dict[str, dict[str, dict[str, Number]]] = {}
    for number in numbers:
        if number.language == AVERAGE:
            continue
        found.setdefault(number.family, {}).setdefault(number.metric, {}).setdefault(number.language, number)
    chosen = {}
    for name, metrics in found.items():
        if name not in FAMILIES:
            continue
        official = FAMILIES[name].official
        order = {metric: place for place, metric in enumerate(reversed(official), start=1)}
        best = max(metrics, key=lambda metric: (len(metrics[metric]), order.get(metric, 0)))
        if len(metrics[best]) >= FEWEST:
            chosen[name] = list(metrics[best].values())
    return chosen


def verdicts(numbers: Sequence[Number], level: Levels) -> tuple[Joint, ...]:
    """One verdict for each family with enough numbers, all of them measured."""
    return tuple(_judged(found, level.joint[name]) for name, found in by_family(numbers).items())


def half_digits(records: Iterable[Record]) -> dict[tuple[str, str], float]:
    """Half a unit of the last printed digit (points) by source and metric, the finest there: 72.1 may be 72.10."""
    found: dict[tuple[str, str], float] = {}
    for record in records:
        place = record.source, record.metric
        found[place] = min(record.half_digit, found.get(place, math.inf))
    return found


def _judged(numbers: Sequence[Number], level: float) -> Joint:
    signs = [_sign(number) for number in numbers]
    higher, lower = signs.count(1), signs.count(-1)
    shift, error, z = fmean(number.difference for number in numbers), error_of_mean(numbers), quantile(level)
    correlation = _correlation(numbers)
    is_free = correlation < 1
    return Joint(
        numbers[0].family, numbers[0].metric, higher, lower, signs.count(0), shift, shift - z * error,
        shift + z * error, _two_sided(shift, error), sign_p(higher, lower, of_signs(correlation)) if is_free else None,
        spread_p(numbers) if is_free else None, level, detectable(numbers, level),
    )  # fmt: skip


def _correlation(numbers: Iterable[Number]) -> float:
    return max(number.alike for number in numbers)


def detectable(numbers: Sequence[Number], level: float) -> float:
    """The mean shift (points) that turns the verdict red with a chance of `POWER`, whatever the signs add."""
    return (quantile(level) + _NORMAL.inv_cdf(POWER)) * error_of_mean(numbers)


def error_of_mean(numbers: Sequence[Number]) -> float:
    """Standard error (points) of the mean difference, of numbers as alike as they can be."""
    variances, correlation = [number.variance for number in numbers], _correlation(numbers)
    alone, together = sum(variances), sum(map(math.sqrt, variances)) ** 2
    return math.sqrt((1 - correlation) * alone + correlation * together) / len(numbers)


def spread_p(numbers: Sequence[Number]) -> float:
    """One-sided p of the sum of squared differences over their variances, by a scaled chi-square (Satterthwaite).

    The difference of n items, a share c of which changed up or down alike, has an excess kurtosis of (1/c - 3)/n;
    samples have less. Correlation r adds r² for each pair of numbers.
    """
    from scipy.special import chdtrc

    count = len(numbers)
    sum_of_squares = sum(number.difference**2 / number.variance for number in numbers if number.variance)
    excess = sum(max(0.0, 1 / CHANGED - 3) / (number.n or math.inf) for number in numbers)
    variance = 2 * count + excess + 2 * count * (count - 1) * _correlation(numbers) ** 2
    scale = variance / (2 * count)
    return float(chdtrc(count / scale, sum_of_squares / scale))


def quantile(level: float) -> float:
    """Standard errors that chance exceeds on either side with this probability."""
    return _NORMAL.inv_cdf(1 - level / 2)


def sign_p(higher: int, lower: int, correlation: float = 0.0) -> float:
    """Two-sided p of the sign test, ties left out: splits at least as uneven as this one, by chance.

    Without correlation it is the exact binomial. With it the differences share one normal factor: given the factor they
    are independent again, and its values are summed over.
    """
    count = higher + lower
    uneven = abs(higher - lower)
    chances = _chances(count, correlation)
    return min(1.0, float(sum(chances[k] for k in range(count + 1) if abs(2 * k - count) >= uneven)))


def of_signs(correlation: float) -> float:
    """The correlation of normal variables whose signs correlate so much.

    Differences made of single steps, one answer more or less, have signs that correlate as they do themselves; those of
    normal variables correlate by 2/π · asin(r).
    """
    return math.sin(math.pi * correlation / 2)


def _chances(count: int, correlation: float) -> NDArray[np.float64]:
    """Probabilities of 0 … `count` positive signs."""
    ways = np.array([math.comb(count, k) for k in range(count + 1)], dtype=np.float64)
    k = np.arange(count + 1)
    if correlation == 0:
        plain: NDArray[np.float64] = ways * 0.5**count
        return plain
    nodes = np.linspace(-8, 8, 1601)
    weights = np.exp(-(nodes**2) / 2)
    slope = math.sqrt(correlation / (1 - correlation))
    positive = np.array([_NORMAL.cdf(slope * node) for node in nodes])[:, None]
    given = ways * positive**k * (1 - positive) ** (count - k)
    mixed: NDArray[np.float64] = weights @ given / weights.sum()
    return mixed


def _sign(number: Number) -> int:
    """1 where ours is higher, -1 where it is lower, 0 where both round to the same printed digits."""
    measured = float(number.measured or 0.0)
    unit = 2 * max(number.half_digit, EXACT)
    printed = round(number.published / unit)
    low, high = (round((measured + step) / unit) for step in (-EXACT, EXACT))
    if low <= printed <= high:
        return 0
    return 1 if low > printed else -1


def _two_sided(shift: float, error: float) -> float:
    if error == 0:
        return 1.0 if abs(shift) <= EXACT else 0.0
    return 2 * (1 - _NORMAL.cdf(abs(shift) / error))
