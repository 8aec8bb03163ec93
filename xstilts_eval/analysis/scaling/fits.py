"""Score or gain against model size: the marginal benefit per doubling, with what a handful of sizes can support.

Estimand: b in ``y = a_group + b log₂ N``, the points that one doubling of the parameters adds, for models made by one
recipe (a group). Sizes are few: intervals are t with n - p degrees of freedom, and the range of b without each model
stands beside them. A level and a gain are different questions; the caller says which one y is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from xstilts_eval.analysis.stats.regression import MINIMUM, Vector, checked
from xstilts_eval.errors import NumericError
from xstilts_eval.wording import counted

PER_GROUP = 3
"""Sizes a group needs for an intercept of its own."""
FOR_THREE = 7
"""Sizes from which the saturating form is more than a drawing (3 parameters)."""


@dataclass(frozen=True)
class Doubling:
    """Points per doubling: estimate with t-interval and p, degrees of freedom, and its range without each model."""

    estimate: float
    low: float
    high: float
    p: float
    n: int
    degrees: int
    r_squared: float
    without: dict[str, float]
    intercepts: dict[str, float]

    @property
    def text(self) -> str:
        return f"{self.estimate:+.2f} points per doubling (95 % {self.low:.2f} to {self.high:.2f}, n {self.n})"


@dataclass(frozen=True)
class Band:
    """The fitted line of one group with its 95 % confidence band: log₂ N, points, low, high."""

    group: str
    log2: Vector
    fit: Vector
    low: Vector
    high: Vector


def per_doubling(
    parameters: ArrayLike,
    y: ArrayLike,
    models: Sequence[str],
    groups: Sequence[str] | None = None,
    weights: ArrayLike | None = None,
) -> tuple[Doubling, list[Band]]:
    """Fit ``y = a_group + b log₂ N``, one slope for all groups; `weights` are inverse variances of y.

    Raises `NumericError` below five points, for one size only, and for a group with fewer than three sizes when there
    are several.
    """  # fmt: skip
    size, outcome = checked(parameters, y, names=["parameters", "the outcome"])
    if (size <= 0).any():
        raise NumericError("numbers of parameters must be above 0")
    labels = list(groups) if groups is not None else ["all"] * len(size)
    order = sorted(set(labels))
    for group in order if len(order) > 1 else ():
        count = len({s for s, label in zip(size, labels, strict=True) if label == group})
        if count < PER_GROUP:
            raise NumericError(
                f"{group} has {counted(count, 'size')}; a group needs {PER_GROUP} for an intercept of its own (leave "
                "it out, or put models of one recipe into one group)"
            )
    x = np.log2(size)
    weight = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    design = _design(x, labels, order)
    beta, covariance, degrees = _least_squares(design, outcome, weight)
    t = float(stats.t.ppf(0.975, degrees))
    error = math.sqrt(covariance[0, 0])
    left = outcome - design @ beta
    centre = np.average(outcome, weights=weight)
    without = {}
    for index, model in enumerate(models):
        keep = np.arange(len(x)) != index
        if np.linalg.matrix_rank(design[keep]) == design.shape[1]:
            without[model] = float(_least_squares(design[keep], outcome[keep], weight[keep])[0][0])
    found = Doubling(
        float(beta[0]), float(beta[0] - t * error), float(beta[0] + t * error),
        float(2 * stats.t.sf(abs(beta[0]) / max(error, 1e-300), degrees)), len(x), degrees,
        float(1 - (weight * left**2).sum() / (weight * (outcome - centre) ** 2).sum()), without,
        dict(zip(order, map(float, beta[1:]), strict=True)),
    )  # fmt: skip
    return found, [_band(group, x, labels, order, beta, covariance, t) for group in order]


@dataclass(frozen=True)
class PowerLaw:
    """``100 - y = c N^-alpha``: alpha with t-interval, and the share of the error that a doubling removes (0-1)."""

    alpha: float
    low: float
    high: float
    removed: float
    n: int


def power_law(parameters: ArrayLike, score: ArrayLike) -> PowerLaw:
    """Power law of the error (100 - score), by least squares on logarithms; for levels only, a gain has no error.

    Raises `NumericError` for scores outside 0-100.
    """
    size, value = checked(parameters, score, names=["parameters", "the score"])
    if (value >= 100).any() or (value < 0).any():
        raise NumericError("the power law describes the error 100 - score; scores must lie in 0-100, below 100")
    found = stats.linregress(np.log(size), np.log(100 - value))
    t = float(stats.t.ppf(0.975, len(size) - 2))
    alpha = -float(found.slope)
    spread = t * float(found.stderr)
    return PowerLaw(alpha, alpha - spread, alpha + spread, 1 - 2**-alpha, len(size))


@dataclass(frozen=True)
class Saturating:
    """``100 - y = floor + c N^-alpha``; `floor` is the error (points) that size does not remove."""

    floor: float
    alpha: float
    n: int
    is_supported: bool


def saturating(parameters: ArrayLike, score: ArrayLike) -> Saturating | None:
    """The same with an error that stays; None where it does not converge. Below seven sizes it is only a drawing."""
    size, value = checked(parameters, score, names=["parameters", "the score"])
    unit = size / np.exp(np.log(size).mean())

    def error(n: NDArray[np.float64], floor: float, scale: float, alpha: float) -> NDArray[np.float64]:
        return floor + scale * n**-alpha

    start = (float(100 - value.max()) / 2, float(100 - value.mean()) / 2, 0.5)
    try:
        (floor, _, alpha), _ = optimize.curve_fit(error, unit, 100 - value, p0=start, maxfev=20_000)
    except (RuntimeError, ValueError):
        return None
    return Saturating(float(floor), float(alpha), len(size), len(size) >= FOR_THREE)


@dataclass(frozen=True)
class Difference:
    """How much more a doubling gives one kind than the other (points), with t-interval, p, points and degrees of
    freedom."""

    first: str
    second: str
    estimate: float
    low: float
    high: float
    p: float
    n: int
    degrees: int


def difference_of_slopes(
    parameters: ArrayLike,
    y: ArrayLike,
    kinds: Sequence[str],
    first: str,
    second: str,
    groups: Sequence[str] | None = None,
) -> Difference:
    """d in ``y = a + b log₂ N + d (first × log₂ N)``: the slope of `first` minus that of `second`.

    The intercept a is one for each group of each kind. Raises `NumericError` for fewer than three sizes in either.
    """
    size, outcome = checked(parameters, y, names=["parameters", "the outcome"])
    keep = [label in (first, second) for label in kinds]
    labels = [label for label in kinds if label in (first, second)]
    x, outcome = np.log2(size[keep]), outcome[keep]
    for group in (first, second):
        count = len({s for s, label in zip(x, labels, strict=True) if label == group})
        if count < PER_GROUP:
            raise NumericError(f"{group} has {count} sizes; a slope of its own needs {PER_GROUP}")
    if len(x) < MINIMUM:
        raise NumericError(f"{counted(len(x), 'point')}: too few for two slopes; at least {MINIMUM} are needed")
    is_first = np.array([label == first for label in labels], dtype=np.float64)
    of_group = groups if groups is not None else kinds
    rows = [(kind, group) for kind, group, kept in zip(kinds, of_group, keep, strict=True) if kept]
    intercepts = [[float(row == one) for row in rows] for one in sorted(set(rows))]
    design = np.column_stack([x * is_first, x, *intercepts])
    beta, covariance, degrees = _least_squares(design, outcome, np.ones(len(x)))
    t, error = float(stats.t.ppf(0.975, degrees)), math.sqrt(covariance[0, 0])
    value = float(beta[0])
    p = float(2 * stats.t.sf(abs(value) / max(error, 1e-300), degrees))
    return Difference(first, second, value, value - t * error, value + t * error, p, len(x), degrees)


def _design(x: Vector, labels: Sequence[str], order: Sequence[str]) -> Vector:
    return np.column_stack([x, *([float(label == group) for label in labels] for group in order)])


def _least_squares(design: Vector, y: Vector, weight: Vector) -> tuple[Vector, Vector, int]:
    """Coefficients, their covariance and degrees of freedom."""
    degrees = len(y) - design.shape[1]
    if degrees < 1:
        raise NumericError(
            f"{counted(len(y), 'point')} cannot fit {design.shape[1]} parameters with an error left over"
        )
    inverse = np.linalg.inv(design.T @ (design * weight[:, None]))
    beta = inverse @ design.T @ (weight * y)
    variance = float((weight * (y - design @ beta) ** 2).sum() / degrees)
    return beta, inverse * variance, degrees


def _band(
    group: str, x: Vector, labels: Sequence[str], order: Sequence[str], beta: Vector, covariance: Vector, t: float
) -> Band:
    own = x[[label == group for label in labels]]
    grid = np.linspace(own.min(), own.max(), 60)
    design = _design(grid, [group] * len(grid), order)
    fit = design @ beta
    spread = t * np.sqrt(np.einsum("ij,jk,ik->i", design, covariance, design))
    return Band(group, grid, fit, fit - spread, fit + spread)
