"""Related languages are no independent points: what is left when families are taken out, or counted.

Always shown beside a regression over languages: leave-one-family-out, Moran's I of the residuals, family averages
(Guzmán Naranjo & Becker 2021 show a known effect that vanishes under such control).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xstilts_eval.analysis.stats.regression import (
    MINIMUM,
    PERMUTATIONS,
    SEED,
    Correlation,
    Vector,
    checked,
    pearson,
    regress,
    spearman,
)
from xstilts_eval.errors import NumericError
from xstilts_eval.wording import counted

RESAMPLES = 2000


@dataclass(frozen=True)
class Moran:
    """Moran's I with its expectation -1 / (n - 1) and a two-sided permutation p."""

    estimate: float
    expected: float
    p: float
    n: int


def morans_i(
    values: ArrayLike, groups: Sequence[str], permutations: int = PERMUTATIONS, seed: int = SEED
) -> Moran | None:
    """Do members of one group resemble each other? n/ΣW · e'We / e'e, W = 1 for two of one group (Moran 1950).

    The p counts permutations at least as far from the expectation. None when no two points share a group, or all do.
    """
    (vector,) = checked(values, names=["the residuals"])
    if len(groups) != len(vector):
        raise NumericError(f"{len(vector)} values and {len(groups)} groups")
    names = np.asarray(groups)
    same = (names[:, None] == names[None, :]).astype(np.float64)
    np.fill_diagonal(same, 0)
    pairs = same.sum()
    if pairs in (0, len(vector) * (len(vector) - 1)):
        return None
    centred = vector - vector.mean()
    scale = len(vector) / pairs / (centred @ centred)
    expected = -1 / (len(vector) - 1)
    seen = float(scale * centred @ same @ centred)
    random = np.random.default_rng(seed)
    shuffled = random.permuted(np.tile(centred, (permutations, 1)), axis=1)
    drawn = scale * np.einsum("di,ij,dj->d", shuffled, same, shuffled, optimize=True)
    hits = int((np.abs(drawn - expected) >= abs(seen - expected) - 1e-12).sum())
    return Moran(seen, expected, (1 + hits) / (1 + permutations), len(vector))


@dataclass(frozen=True)
class WithoutFamily:
    """The same coefficient with one family left out; None with fewer than five points left."""

    family: str
    n: int
    pearson: Correlation | None
    spearman: Correlation | None
    slope: float | None


def leave_one_family_out(
    y: ArrayLike, x: ArrayLike, families: Sequence[str], controls: Mapping[str, ArrayLike] | None = None
) -> list[WithoutFamily]:
    """Correlation of x and y, and the slope of x beside the controls, without each family in turn."""
    a, b = checked(x, y)
    names = np.asarray(families)
    found = []
    for family in sorted(set(families)):
        keep = names != family
        count = int(keep.sum())
        if count < MINIMUM or np.ptp(a[keep]) == 0 or np.ptp(b[keep]) == 0:
            found.append(WithoutFamily(family, count, None, None, None))
            continue
        rest = {name: np.asarray(column, dtype=np.float64)[keep] for name, column in (controls or {}).items()}
        slope = _slope(b[keep], {"x": a[keep], **rest})
        found.append(WithoutFamily(family, count, pearson(a[keep], b[keep]), spearman(a[keep], b[keep]), slope))
    return found


def _slope(y: Vector, predictors: Mapping[str, Vector]) -> float | None:
    try:
        return regress(y, predictors)["x"].estimate
    except NumericError:
        return None


def family_means(
    y: ArrayLike, x: ArrayLike, families: Sequence[str]
) -> tuple[tuple[str, ...], Vector, Vector, Correlation | None]:
    """Families, their means of x and of y, and the rank correlation of the means (None below five families)."""
    a, b = checked(x, y)
    order = tuple(sorted(set(families)))
    names = np.asarray(families)
    means = [np.array([column[names == family].mean() for family in order]) for column in (a, b)]
    usable = len(order) >= MINIMUM and all(np.ptp(column) > 0 for column in means)
    return order, means[0], means[1], spearman(*means) if usable else None


@dataclass(frozen=True)
class Blocks:
    """Percentile interval (95 %) of a rank correlation over draws of whole families, and how many these are."""

    low: float
    high: float
    families: int


def block_interval(
    x: ArrayLike, y: ArrayLike, families: Sequence[str], draws: int = RESAMPLES, seed: int = SEED
) -> Blocks | None:
    """Spearman's interval with families resampled whole (cluster bootstrap, Davison & Hinkley 1997, 3.8).

    Members of a family count as one draw, so ten of one family do not pass for ten points; with few families it is too
    narrow. None below five. Draws in which x or y is constant are left out.
    """
    a, b = checked(x, y)
    order, place = np.unique(np.asarray(families), return_inverse=True)
    if len(order) < MINIMUM:
        return None
    chance = np.full(len(order), 1 / len(order))
    weight = np.random.default_rng(seed).multinomial(len(order), chance, size=draws).astype(np.float64)[:, place]
    left, right = (_weighted_ranks(column, weight) for column in (a, b))
    scale = np.sqrt((weight * left**2).sum(axis=1) * (weight * right**2).sum(axis=1))
    usable = scale > 0
    found = (weight * left * right).sum(axis=1)[usable] / scale[usable]
    low, high = np.percentile(found, (2.5, 97.5))
    return Blocks(float(low), float(high), len(order))


def _weighted_ranks(values: Vector, weight: Vector) -> Vector:
    """Midranks [draws, points] of values that occur `weight` [draws, points] times, centred draw by draw."""
    _, place = np.unique(values, return_inverse=True)
    indicator = (place[:, None] == np.arange(place.max() + 1)[None, :]).astype(np.float64)
    counts = weight @ indicator
    ranks = (np.cumsum(counts, axis=1) - counts / 2)[:, place]
    centred: Vector = ranks - (weight * ranks).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    return centred


@dataclass(frozen=True)
class Mixed:
    """Slope of a predictor over pooled tasks: estimate, interval, p, how it was got and what was held fixed.

    `method` is ``mixed`` (REML, Wald), or ``wild-cluster`` where that fit failed or lies on the boundary.
    """

    method: str
    reason: str
    estimate: float
    low: float
    high: float
    p: float
    rows: int
    languages: int
    families: int
    controls: tuple[str, ...]
    variances: dict[str, float]


def pooled(
    y: ArrayLike,
    x: ArrayLike,
    controls: Mapping[str, ArrayLike],
    tasks: Sequence[str],
    languages: Sequence[str],
    families: Sequence[str],
) -> Mixed:
    """Slope of x over several tasks: y ~ x + controls + task + (1 | family) + (1 | language), REML.

    The model of de Vries et al. 2022 with the random effects that one source language leaves. Wald intervals are too
    narrow with few families; where a variance is estimated as 0, or the fit does not converge, ordinary least squares
    with a wild cluster bootstrap over families (Cameron, Gelbach & Miller 2008) takes its place.
    """
    columns = checked(x, y, *controls.values(), names=["the predictor", "the outcome", *controls])
    dummies = [[float(name == task) for name in tasks] for task in sorted(set(tasks))[1:]]
    design = np.column_stack([np.ones(len(columns[0])), columns[0], *columns[2:], *dummies])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise NumericError("the predictors cannot be told apart: one is a combination of the others and of the tasks")
    counts = (len(columns[0]), len(set(languages)), len(set(families)), tuple(controls))
    fitted = _reml(columns[1], design, languages, families)
    if not isinstance(fitted, str):
        return Mixed("mixed", "", *fitted[:4], *counts, fitted[4])
    return Mixed("wild-cluster", fitted, *_wild_cluster(columns[1], design, families), *counts, {})


def _reml(
    y: Vector, design: Vector, languages: Sequence[str], families: Sequence[str]
) -> tuple[float, float, float, float, dict[str, float]] | str:
    """Estimate, interval, p and variances of the mixed fit, or why it cannot be used."""
    import warnings

    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec  # type: ignore[import-untyped]

    effects = {"family": families, "language": languages}
    if len(set(families)) < MINIMUM:
        return f"{counted(len(set(families)), 'family', 'families')}: too few for a variance between them"
    indicators = [
        np.array([[float(name == level) for level in sorted(set(column))] for name in column])
        for column in effects.values()
    ]
    levels = [[sorted(set(column))] for column in effects.values()]
    spec = VCSpec(list(effects), levels, [[indicator] for indicator in indicators])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = MixedLM(y, design, groups=np.ones(len(y)), exog_vc=spec).fit(reml=True)
    except (np.linalg.LinAlgError, ValueError) as error:
        return f"the mixed model cannot be fitted ({error})"
    variances = dict(zip(effects, map(float, fit.vcomp), strict=True)) | {"residual": float(fit.scale)}
    if not fit.converged:
        return "the mixed model does not converge"
    zero = [name for name, value in variances.items() if value < 1e-6 * float(y.var())]
    if zero:
        return f"the mixed model lies on the boundary: no variance of {' and '.join(zero)}"
    slope, spread = float(fit.params[1]), float(fit.bse[1])
    return slope, slope - 1.959964 * spread, slope + 1.959964 * spread, float(fit.pvalues[1]), variances


def _wild_cluster(
    y: Vector, design: Vector, families: Sequence[str], draws: int = 1999
) -> tuple[float, float, float, float]:
    """Slope of column 1, its interval and p: Rademacher weights per family, the null imposed.

    The interval holds the slopes that the test does not reject at 5 %; infinite where it rejects none that far out.
    """
    inverse: Vector = np.asarray(np.linalg.pinv(design), dtype=np.float64)
    order, index = np.unique(np.asarray(families), return_inverse=True)
    members = (index[:, None] == np.arange(len(order))[None, :]).astype(np.float64)
    signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(draws, len(order))) @ members.T
    null = np.delete(design, 1, axis=1)
    projector = null @ np.linalg.pinv(null)

    def t(outcomes: Vector, slope: float) -> Vector:
        coefficients = outcomes @ inverse.T
        sums = ((outcomes - coefficients @ design.T) * inverse[1]) @ members
        values: Vector = (coefficients[:, 1] - slope) / np.sqrt((sums**2).sum(axis=1))
        return values

    def p(slope: float) -> float:
        rest = y - slope * design[:, 1]
        base = projector @ rest
        under = t(base + signs * (rest - base) + slope * design[:, 1], slope)
        seen = abs(float(t(y[None], slope)[0]))
        return (1 + int((np.abs(under) >= seen - 1e-9).sum())) / (1 + draws)

    estimate = float((inverse @ y)[1])
    left = ((y - design @ (inverse @ y)) * inverse[1]) @ members
    error = float(np.sqrt((left**2).sum()))
    return estimate, _edge(p, estimate, -error), _edge(p, estimate, error), p(0.0)


def _edge(p: Callable[[float], float], inside: float, step: float) -> float:
    """Where p falls to .05 on the way from `inside`, by doubling and halving the step; infinite beyond 64 steps."""
    far = 1.0
    while p(inside + far * step) > 0.05:
        far *= 2
        if far > 64:
            return math.copysign(math.inf, step)
    near = 0.0
    for _ in range(20):
        middle = (near + far) / 2
        near, far = (middle, far) if p(inside + middle * step) > 0.05 else (near, middle)
    return inside + far * step
