"""Is it the predictor, or the level that a gain starts from?

Gains depend on the level of the baseline: near the floor a model has learned too little to profit, near the ceiling
little is left to gain. Whatever goes with the level, as distance to English does, then goes with the gain. So the
level is held fixed, in two ways that err in opposite directions:

* *baseline*: a gain is after minus before, so chance in the baseline enters it with the other sign. This draws the
  slope on the level down (regression to the mean), and the predictor's share with it.
* *mean of before and after* (Oldham 1962): free of that, but half of the gain is part of it, which draws the slope up.

What chance moves one way in the first it moves the other way in the second, so an effect counts where both show it.
Where the predictor follows the level so closely that its variance inflation factor is above `COLLINEAR`, no fit can
tell the two apart, and none is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from xstilts_eval.analysis.stats import regression
from xstilts_eval.analysis.stats.regression import MINIMUM, Coefficient, Correlation, Vector

COLLINEAR = 5.0
"""Variance inflation factor above which predictor and level cannot be told apart (one level: |r| above .894)."""
FEWEST = MINIMUM + 2
"""Points from which the level can be held fixed: below, fewer than four degrees of freedom are left."""
LEVEL = 0.05
BASELINE, MEAN = "baseline", "mean of before and after"
UNKNOWN = (
    "the level of the baseline is not known, so nothing is held fixed: gains depend on it (floor and ceiling), and "
    "what goes with the level goes with the gain; give a table the column baseline"
)


@dataclass(frozen=True)
class Fixed:
    """The predictor with something held fixed: partial correlations of ranks and of values, and its slope."""

    held: str
    rank: Correlation
    linear: Correlation
    slope: Coefficient

    @property
    def is_clear(self) -> bool:
        return self.linear.p < LEVEL


@dataclass(frozen=True)
class Level:
    """A predictor of gains beside the baseline's level, over the `n` points whose baseline is known.

    `with_level` is the predictor's multiple correlation with the levels (0-1), `inflation` its variance inflation
    factor, the larger of the two ways. `fixed` is empty where the two cannot be told apart, or points are too few;
    `reason` says which.
    """

    predictor: str
    n: int
    with_level: float
    inflation: float
    raw: Fixed
    fixed: tuple[Fixed, ...]
    reason: str

    @property
    def is_collinear(self) -> bool:
        return self.inflation > COLLINEAR

    @property
    def short(self) -> str:
        """A line for a picture, under the raw correlation."""
        if not self.fixed:
            return "not to be told apart from the baseline's level" if self.is_collinear else self.reason
        return f"baseline held fixed: r = {self.fixed[0].linear.shown}"

    @property
    def conclusion(self) -> str:
        """What the rows say, in one sentence."""
        if not self.fixed:
            return self.reason
        same_sign = len({math.copysign(1, one.linear.estimate) for one in (self.raw, *self.fixed)}) == 1
        if same_sign and all(one.is_clear for one in self.fixed):
            return f"{self.predictor} goes with the gain also where the level is held fixed"
        if same_sign and any(one.is_clear for one in self.fixed):
            clear = next(one.held for one in self.fixed if one.is_clear)
            return (
                f"{self.predictor} goes with the gain only where the {clear} is held fixed, not in the other way: no "
                "safe conclusion"
            )
        if not self.raw.is_clear:
            return f"{self.predictor} shows no clear effect, with or without the level held fixed"
        if any(one.slope.low < self.raw.slope.estimate < one.slope.high for one in self.fixed):
            return (
                f"with the level held fixed {self.predictor} shows no clear effect, but one as large as the raw one is "
                f"not ruled out either: these {self.n} points cannot tell them apart"
            )
        return f"the raw effect of {self.predictor} is one of the level: it is gone where the level is held fixed"


def hold(
    predictor: str,
    x: ArrayLike,
    y: ArrayLike,
    baselines: Mapping[str, Sequence[float | None]],
    gains: Mapping[str, Sequence[float]] | None = None,
    controls: Mapping[str, ArrayLike] | None = None,
) -> Level | None:
    """x against y with the levels of one or more baselines held fixed; None where no baseline varies or is known.

    `gains` are those over each baseline, if y is made of them; without it y holds no chance of the baseline, which then
    is the level alone. `controls` are held fixed throughout. Points with an unknown baseline are left out. Raises
    `NumericError` for x or y that do not vary.
    """
    known = np.array([[math.nan if v is None else v for v in values] for values in baselines.values()], dtype=float)
    keep = np.isfinite(known).all(axis=0)
    if keep.sum() < MINIMUM:
        return None
    always = {name: np.asarray(column, dtype=np.float64)[keep] for name, column in (controls or {}).items()}
    a, b = (np.asarray(column, dtype=np.float64)[keep] for column in (x, y))
    levels = apart({name: column[keep] for name, column in zip(baselines, known, strict=True)})
    if not levels:
        return None
    raw = _fixed("nothing", predictor, a, b, always)
    ways = {BASELINE: levels}
    if gains is not None:
        half = {name: np.asarray(gains[name], dtype=np.float64)[keep] / 2 for name in levels}
        ways[MEAN] = {name: column + half[name] for name, column in levels.items()}
    inflation = max(_inflation(a, {**always, **columns}) for columns in ways.values())
    multiple = math.sqrt(max(0.0, 1 - 1 / inflation))
    count = len(a)
    if inflation > COLLINEAR:
        factor = "infinite" if inflation > 1e6 else f"{inflation:.1f}"
        reason = (
            f"{predictor} and the level of the baseline cannot be told apart (variance inflation {factor}, above "
            f"{COLLINEAR:g}; R {multiple:.2f}): gains that depend on the level alone would look the same"
        )
        return Level(predictor, count, multiple, inflation, raw, (), reason)
    if count < FEWEST + len(levels) - 1 + len(always):
        return Level(predictor, count, multiple, inflation, raw, (), f"{count} points are too few to hold it fixed")
    rows = tuple(_fixed(held, predictor, a, b, {**always, **columns}) for held, columns in ways.items())
    return Level(predictor, count, multiple, inflation, raw, rows, "")


def _fixed(held: str, predictor: str, x: Vector, y: Vector, controls: Mapping[str, Vector]) -> Fixed:
    ranks = {name: rankdata(column) for name, column in controls.items()}
    if controls:
        rank = regression.partial(rankdata(x), rankdata(y), ranks)
        linear = regression.partial(x, y, controls)
    else:
        rank, linear = regression.spearman(x, y), regression.pearson(x, y)
    return Fixed(held, rank, linear, regression.regress(y, {predictor: x, **controls})[predictor])


def apart(columns: Mapping[str, Vector]) -> dict[str, Vector]:
    """Columns that vary, without those that are combinations of earlier ones, as where two runs share a baseline."""
    found: dict[str, Vector] = {}
    for name, column in columns.items():
        if np.ptp(column) > 1e-9 and _inflation(column, found) < math.inf:
            found[name] = column
    return found


def _inflation(x: Vector, others: Mapping[str, Vector]) -> float:
    """1 / (1 - R²) of x on the others; infinite where it is a combination of them."""
    design = np.column_stack([np.ones(len(x)), *others.values()])
    left = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
    whole = float(((x - x.mean()) ** 2).sum())
    rest = float((left**2).sum())
    return whole / rest if rest > 1e-12 * whole else math.inf


def why_not(baselines: Sequence[float | None]) -> str:
    """Why `hold` gave nothing."""
    known = [value for value in baselines if value is not None]
    return "the baseline's level is the same everywhere" if len(known) >= MINIMUM and np.ptp(known) == 0 else UNKNOWN
