"""Correlation and linear regression over languages, with the uncertainty a few dozen points allow.

Intervals are 95 %. Every function raises `NumericError` for constant, unequal, non-finite or too few numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from xstilts_eval.errors import NumericError
from xstilts_eval.wording import counted

Vector = NDArray[np.float64]
MINIMUM = 5
"""Points below which no fit is made: a line through four leaves two degrees of freedom (t = 4.3)."""
PERMUTATIONS = 10_000
SEED = 1


@dataclass(frozen=True)
class Correlation:
    """A coefficient (-1 to 1) with its interval, two-sided p and number of points; `controls` were held fixed."""

    method: str
    estimate: float
    low: float
    high: float
    p: float
    n: int
    controls: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """``estimate [low, high]``, to two decimals; what rounds to nothing has no sign."""
        estimate, low, high = (f"{round(value, 2) + 0.0:.2f}" for value in (self.estimate, self.low, self.high))
        return f"{estimate} [{low}, {high}]"


@dataclass(frozen=True)
class Coefficient:
    """One term of a regression: estimate, classical and HC3 standard errors, t-interval and p from HC3, VIF.

    `vif` is the variance inflation factor, nan for the intercept; above 5 the term's share cannot be told from that of
    the others.
    """

    name: str
    estimate: float
    error: float
    hc3_error: float
    low: float
    high: float
    p: float
    vif: float


@dataclass(frozen=True)
class Regression:
    """Ordinary least squares: terms, explained share, residuals [points] and fitted values [points]."""

    terms: tuple[Coefficient, ...]
    r_squared: float
    n: int
    residuals: Vector
    fitted: Vector

    @property
    def degrees(self) -> int:
        return self.n - len(self.terms)

    def __getitem__(self, name: str) -> Coefficient:
        return next(term for term in self.terms if term.name == name)


def checked(*columns: ArrayLike, names: Sequence[str] = (), minimum: int = MINIMUM) -> list[Vector]:
    """Columns as float vectors of one length; raises `NumericError` for what no statistic can be computed from."""
    vectors = [np.asarray(column, dtype=np.float64).ravel() for column in columns]
    labels = list(names) or [f"column {number + 1}" for number in range(len(vectors))]
    if len({len(vector) for vector in vectors}) > 1:
        lengths = ", ".join(f"{label} {len(vector)}" for label, vector in zip(labels, vectors, strict=True))
        raise NumericError(f"the columns have different numbers of points ({lengths})")
    count = len(vectors[0])
    if count < minimum:
        raise NumericError(
            f"{counted(count, 'point')}: too few for {' and '.join(labels)}; at least {minimum} are needed"
        )
    for label, vector in zip(labels, vectors, strict=True):
        if not np.isfinite(vector).all():
            raise NumericError(f"{label} holds NaN or infinite numbers; leave those points out")
        if np.ptp(vector) <= 1e-12 * max(1.0, float(np.abs(vector).max())):
            raise NumericError(f"{label} is the same ({vector[0]:g}) at all {count} points; nothing can vary with it")
    return vectors


def spearman(x: ArrayLike, y: ArrayLike) -> Correlation:
    """Rank correlation, the first choice for distances, whose scale means little.

    The interval is Fisher's z with variance (1 + rho²/2) / (n - 3) (Bonett & Wright 2000); p is the t approximation.
    """
    a, b = checked(x, y)
    found = stats.spearmanr(a, b)
    rho = float(found.statistic)
    low, high = _fisher(rho, math.sqrt((1 + rho**2 / 2) / (len(a) - 3)))
    return Correlation("spearman", rho, low, high, float(found.pvalue), len(a))


def pearson(x: ArrayLike, y: ArrayLike) -> Correlation:
    """Linear correlation with Fisher's interval (variance 1 / (n - 3))."""
    a, b = checked(x, y)
    found = stats.pearsonr(a, b)
    r = float(found.statistic)
    low, high = _fisher(r, 1 / math.sqrt(len(a) - 3))
    return Correlation("pearson", r, low, high, float(found.pvalue), len(a))


def partial(x: ArrayLike, y: ArrayLike, controls: Mapping[str, ArrayLike]) -> Correlation:
    """Pearson correlation of what the controls leave of x and y; t with n - 2 - k degrees of freedom."""
    a, b = checked(x, y, minimum=MINIMUM + len(controls))
    design = _design({name: checked(column, names=[name])[0] for name, column in controls.items()}, len(a))
    r = float(np.corrcoef(_remainder(design, a), _remainder(design, b))[0, 1])
    degrees = len(a) - 2 - len(controls)
    t = r * math.sqrt(degrees / max(1e-300, 1 - r**2))
    low, high = _fisher(r, 1 / math.sqrt(len(a) - 3 - len(controls)))
    return Correlation("partial", r, low, high, float(2 * stats.t.sf(abs(t), degrees)), len(a), tuple(controls))


def detectable(n: int, power: float | None = None, alpha: float = 0.05) -> float:
    """The |r| that n points need for p < alpha (`power` None), or to find with this power (Fisher's z)."""
    if n < 4:
        raise NumericError(f"{counted(n, 'point')} can show no correlation; at least 4 are needed")
    if power is None:
        t = stats.t.ppf(1 - alpha / 2, n - 2)
        return float(t / math.sqrt(n - 2 + t**2))
    return math.tanh((stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)) / math.sqrt(n - 3))


def regress(y: ArrayLike, predictors: Mapping[str, ArrayLike], weights: ArrayLike | None = None) -> Regression:
    """Least squares of y on the predictors and an intercept, with HC3 errors (MacKinnon & White 1985).

    Intervals and p use HC3 and n - p degrees of freedom. `weights` are inverse variances. Raises `NumericError` where
    a predictor is a combination of others.
    """
    import statsmodels.api as sm  # type: ignore[import-untyped]

    minimum = max(MINIMUM, len(predictors) + 3)
    columns = checked(y, *predictors.values(), names=["the outcome", *predictors], minimum=minimum)
    design = _design(dict(zip(predictors, columns[1:], strict=True)), len(columns[0]))
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise NumericError(f"{', '.join(predictors)} cannot be told apart: one is a combination of the others")
    model = sm.WLS(columns[0], design, weights=1.0 if weights is None else np.asarray(weights, dtype=np.float64)).fit()
    names = ["intercept", *predictors]
    factors = [math.nan, *inflation(predictors).values()]
    t = float(stats.t.ppf(0.975, model.df_resid))
    terms = tuple(
        Coefficient(name, value, error, robust, value - t * robust, value + t * robust,
                    float(2 * stats.t.sf(abs(value / robust), model.df_resid)), factor)
        for name, value, error, robust, factor in zip(
            names, map(float, model.params), map(float, model.bse), map(float, model.HC3_se), factors, strict=True
        )
    )  # fmt: skip
    return Regression(terms, float(model.rsquared), len(columns[0]), np.asarray(model.resid), model.fittedvalues)


def inflation(predictors: Mapping[str, ArrayLike]) -> dict[str, float]:
    """Variance inflation factors 1 / (1 - R²) of each predictor on the others (flag above 5)."""
    columns = {name: checked(column, names=[name])[0] for name, column in predictors.items()}
    factors = {}
    for name, column in columns.items():
        others = _design({other: values for other, values in columns.items() if other != name}, len(column))
        left = _remainder(others, column)
        factors[name] = float(((column - column.mean()) ** 2).sum() / max(1e-300, (left**2).sum()))
    return factors


def freedman_lane(
    y: ArrayLike,
    x: ArrayLike,
    controls: Mapping[str, ArrayLike],
    permutations: int = PERMUTATIONS,
    seed: int = SEED,
) -> float:
    """Two-sided permutation p of x beside controls: residuals of the model without x are shuffled.

    Freedman & Lane 1983, with the t of x as the statistic and (1 + hits) / (1 + permutations).
    """
    a, b = checked(x, y, minimum=MINIMUM + len(controls))
    reduced = _design({name: checked(column, names=[name])[0] for name, column in controls.items()}, len(a))
    base, left = b - _remainder(reduced, b), _remainder(reduced, b)
    alone = _remainder(reduced, a)
    degrees = len(a) - reduced.shape[1] - 1

    def statistic(outcomes: Vector) -> Vector:
        """|t| of x for outcomes [draws, points]."""
        free = outcomes - outcomes @ _projector(reduced)
        slope = free @ alone / (alone @ alone)
        error = ((free - slope[:, None] * alone) ** 2).sum(axis=1) / degrees
        values: Vector = np.abs(slope) / np.sqrt(error / (alone @ alone))
        return values

    random = np.random.default_rng(seed)
    order = random.permuted(np.tile(np.arange(len(a)), (permutations, 1)), axis=1)
    seen = statistic(b[None])[0]
    hits = int((statistic(base + left[order]) >= seen * (1 - 1e-12)).sum())
    return (1 + hits) / (1 + permutations)


def adjusted(p: Sequence[float], method: str) -> list[float]:
    """p values for a family of tests: ``holm`` for declared ones, ``fdr_bh`` (Benjamini & Hochberg) for exploration."""
    from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

    return [float(value) for value in multipletests(p, method=method)[1]] if len(p) else []


def as_json(value: Any) -> Any:
    """A result as plain data; arrays as lists, nan as None."""
    from dataclasses import fields, is_dataclass

    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [as_json(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _fisher(r: float, error: float) -> tuple[float, float]:
    if abs(r) >= 1 - 1e-12:
        return r, r
    z = math.atanh(r)
    return math.tanh(z - 1.959963984540054 * error), math.tanh(z + 1.959963984540054 * error)


def _design(columns: Mapping[str, Vector], count: int) -> Vector:
    return np.column_stack([np.ones(count), *columns.values()])


def _projector(design: Vector) -> Vector:
    projector: Vector = design @ np.linalg.pinv(design)
    return projector


def _remainder(design: Vector, column: Vector) -> Vector:
    remainder: Vector = column - _projector(design) @ column
    return remainder
