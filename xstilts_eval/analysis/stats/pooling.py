"""One outcome over several targets: in points, and in units of each target's own spread.

Points of different metrics are different things: a point of F1 is not one of accuracy. In standard units every value is
divided by the standard deviation of its target over languages, so that each target counts alike. Languages are the
units, and languages of one family are no independent ones: intervals come from drawing whole families with replacement,
the same draw for all targets (Davison & Hinkley 1997, 3.8). Chance of training moves all languages of a seed at once,
which no draw of families sees: from three seeds on the half-width of their t-interval is added in quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from xstilts_eval.analysis.stats import power
from xstilts_eval.analysis.stats.dependence import RESAMPLES
from xstilts_eval.analysis.stats.regression import MINIMUM, SEED, Vector, checked
from xstilts_eval.results import seeds
from xstilts_eval.wording import counted

POINTS, STANDARD = "points", "standard units"
_FEWEST_SPREAD = 3
"""Languages that a target needs for a spread of its own."""


@dataclass(frozen=True)
class Pooled:
    """A mean over targets of the means over their languages, with its 95 % interval over families and `seeds`.

    `seeds` is 0 where the interval is of families alone. `smallest` is the smallest mean that the design sees (80 %
    power, 5 %). No interval below five families.
    """

    unit: str
    mean: float
    low: float | None
    high: float | None
    targets: int
    languages: int
    families: int
    smallest: float | None
    left_out: tuple[str, ...] = ()
    seeds: int = 0

    @property
    def text(self) -> str:
        interval = "no interval" if self.low is None else f"95 % {self.low:+.2f} to {self.high:+.2f}, {self.covered}"
        return f"{self.mean:+.2f} {self.unit} ({interval})"

    @property
    def covered(self) -> str:
        """What the interval is of."""
        return f"families and {counted(self.seeds, 'seed')}" if self.seeds else "families alone"

    def with_seeds(self, by_seed: Sequence[float]) -> Pooled:
        """The same with the chance of training in it, from the mean of every seed; as it was below three seeds."""
        half = seeds.over_seeds(by_seed)
        if half is None or self.low is None or self.high is None or self.smallest is None:
            return self
        return replace(
            self,
            low=self.mean - math.hypot(self.mean - self.low, half),
            high=self.mean + math.hypot(self.high - self.mean, half),
            smallest=math.hypot(self.smallest, power.of_interval(-half, half, len(by_seed) - 1)),
            seeds=len(by_seed),
        )


Values = Mapping[str, Mapping[str, float]]
"""By target the values of its languages."""
Seeds = Mapping[str, Mapping[str, Sequence[float]]]
"""By target and language the value of every seed; empty where it is not known."""


def pool(
    values: Values,
    families: Mapping[str, str],
    draws: int = RESAMPLES,
    seed: int = SEED,
    spreads: Mapping[str, float] | None = None,
    by_seed: Seeds | None = None,
) -> list[Pooled]:
    """The outcome in points and, where targets have a spread, in standard units.

    `spreads` are the targets' standard deviations, where several outcomes share them; else those of `values`. A target
    whose values do not vary, or of fewer than three languages, has no standard units and is named there. `by_seed` has
    what `values` are the means of, and goes into the intervals where all have the same number of seeds.
    """
    used = {
        target: spread
        for target, own in values.items()
        if (spread := spread_of(list(own.values())) if spreads is None else spreads.get(target, 0.0)) > 0
    }
    scaled = {
        target: {code: value / spread for code, value in values[target].items()} for target, spread in used.items()
    }
    found = [
        _pooled(values, POINTS, families, draws, seed, ()).with_seeds(
            _of_seeds(by_seed or {}, dict.fromkeys(values, 1.0))
        )
    ]
    if scaled:
        lacking = tuple(target for target in values if target not in scaled)
        of_seeds = _of_seeds(by_seed or {}, used)
        found.append(_pooled(scaled, STANDARD, families, draws, seed, lacking).with_seeds(of_seeds))
    return found


def _of_seeds(by_seed: Seeds, spreads: Mapping[str, float]) -> list[float]:
    """The mean of every seed over the targets, each over its spread; none where languages differ in their seeds."""
    columns = [[*by_seed.get(target, {}).values()] for target in spreads]
    if len({len(row) for rows in columns for row in rows}) != 1 or not all(columns):
        return []
    means = [np.mean(rows, axis=0) / spread for rows, spread in zip(columns, spreads.values(), strict=True)]
    return [float(one) for one in np.mean(means, axis=0)]


def spread_of(values: Sequence[float]) -> float:
    """Standard deviation; 0 for fewer than three values."""
    return float(np.std(values, ddof=1)) if len(values) >= _FEWEST_SPREAD else 0.0


def _pooled(
    values: Values, unit: str, families: Mapping[str, str], draws: int, seed: int, left_out: tuple[str, ...]
) -> Pooled:
    languages = sorted({code for own in values.values() for code in own})
    mean = float(np.mean([np.mean(list(own.values())) for own in values.values()]))
    order, place = np.unique([families[code] for code in languages], return_inverse=True)
    counts = (len(values), len(languages), len(order))
    if len(order) < MINIMUM:
        return Pooled(unit, mean, None, None, *counts, None, left_out)
    weight = family_draws(len(order), draws, seed)[:, place]
    means = []
    for own in values.values():
        column = np.array([own.get(code, 0.0) for code in languages])
        there = np.array([float(code in own) for code in languages])
        total = weight @ there
        means.append(np.where(total > 0, weight @ column / np.maximum(total, 1), np.nan))
    drawn = np.nanmean(np.array(means), axis=0)
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    seen = power.smallest(float(np.nanstd(drawn, ddof=1)), len(order) - 1)
    return Pooled(unit, mean, float(low), float(high), *counts, seen, left_out)


@dataclass(frozen=True)
class OverSeeds:
    """The same number from every seed, and the half-width of its 95 % t-interval; None below three seeds."""

    what: str
    values: tuple[float, ...]
    half_width: float | None

    @property
    def text(self) -> str:
        shown = ", ".join(f"{value:+.2f}" for value in self.values)
        return f"{self.what} of every seed: {shown}{f' (95 % ± {self.half_width:.2f})' if self.half_width else ''}"


def over_seeds(what: str, values: Sequence[float]) -> OverSeeds | None:
    """None below two seeds. Chance of training moves all languages of a seed at once, so seeds are the units here."""
    if len(values) < 2:
        return None
    return OverSeeds(what, tuple(map(float, values)), seeds.over_seeds(values))


def family_draws(families: int, draws: int = RESAMPLES, seed: int = SEED) -> Vector:
    """How often each family is drawn [draws, families]."""
    chance = np.full(families, 1 / families)
    return np.random.default_rng(seed).multinomial(families, chance, size=draws).astype(np.float64)


@dataclass(frozen=True)
class FamilySlope:
    """A slope in points per unit with its 95 % interval over draws of whole families."""

    estimate: float
    low: float
    high: float
    families: int


def slope(
    y: ArrayLike, x: ArrayLike, families: Sequence[str], controls: Mapping[str, ArrayLike] | None = None,
    draws: int = RESAMPLES, seed: int = SEED,
) -> FamilySlope | None:  # fmt: skip
    """Slope of x beside the controls, families resampled whole; None below five families.

    Draws in which the predictors cannot be told apart are left out.
    """
    a, b = checked(x, y)
    order, place = np.unique(np.asarray(families), return_inverse=True)
    if len(order) < MINIMUM:
        return None
    columns = [np.asarray(column, dtype=np.float64) for column in (controls or {}).values()]
    design = np.column_stack([np.ones(len(a)), a, *columns])
    weight = family_draws(len(order), draws, seed)[:, place]
    squares = np.einsum("dn,ni,nj->dij", weight, design, design, optimize=True)
    products = np.einsum("dn,ni,n->di", weight, design, b, optimize=True)
    usable = np.linalg.cond(squares) < 1e12
    drawn = np.linalg.solve(squares[usable], products[usable][..., None])[:, 1, 0]
    low, high = np.percentile(drawn, (2.5, 97.5))
    estimate = np.linalg.lstsq(design, b, rcond=None)[0][1]
    return FamilySlope(float(estimate), float(low), float(high), len(order))
