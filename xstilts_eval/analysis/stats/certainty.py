"""How sure an answer over languages is: families resampled, seeds, what the design could have seen, one correction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from xstilts_eval.analysis.stats import dependence, pooling, power, regression
from xstilts_eval.analysis.stats.dependence import Blocks
from xstilts_eval.analysis.stats.multiplicity import PageTest
from xstilts_eval.analysis.stats.pooling import FamilySlope, OverSeeds, Pooled
from xstilts_eval.analysis.stats.power import Smallest
from xstilts_eval.analysis.stats.regression import Regression
from xstilts_eval.errors import NumericError

T = TypeVar("T")


@dataclass(frozen=True)
class Certainty:
    """`ranks` and `slope` (points per unit, controls held fixed) with families resampled, None below five families."""

    ranks: Blocks | None = None
    slope: FamilySlope | None = None
    pooled: tuple[Pooled, ...] = ()
    seeds: tuple[OverSeeds, ...] = ()
    smallest: tuple[Smallest, ...] = ()
    tests: tuple[PageTest, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The numbers behind an answer, one entry per language and target.

    `x` is the predictor, `by_seed` the outcome of every seed (empty: not known). `fit` is a regression on `term` (the
    predictor) and `controls`, over the entries at `places`.
    """

    predictor: str
    x: Sequence[float]
    y: Sequence[float]
    languages: Sequence[str]
    families: Sequence[str]
    targets: Sequence[str]
    by_seed: Sequence[Sequence[float]] = ()
    fit: Regression | None = None
    term: str = ""
    controls: Mapping[str, ArrayLike] = field(default_factory=dict)
    places: Sequence[int] = ()


def certainty(answer: Answer, tests: Sequence[PageTest]) -> Certainty:
    """Families and seeds resampled, and the smallest effects: the mean, the correlation, the slope."""
    single = len(set(answer.targets)) == 1
    families = dict(zip(answer.languages, answer.families, strict=True))
    by_seed = _by_target(answer, answer.by_seed) if answer.by_seed else None
    pooled = pooling.pool(_by_target(answer, answer.y), families, by_seed=by_seed)
    fitted = [answer.families[place] for place in answer.places]
    x, y = (np.array(column, dtype=np.float64)[list(answer.places)] for column in (answer.x, answer.y))
    slope = pooling.slope(y, x, fitted, answer.controls) if answer.fit else None
    return Certainty(
        dependence.block_interval(answer.x, answer.y, answer.families) if single else None, slope, tuple(pooled),
        _over_seeds(answer, single), _smallest(answer, pooled, slope, single), tuple(tests),
    )  # fmt: skip


def _by_target(answer: Answer, values: Sequence[T]) -> dict[str, dict[str, T]]:
    found: dict[str, dict[str, T]] = {}
    for target, language, value in zip(answer.targets, answer.languages, values, strict=True):
        found.setdefault(target, {})[language] = value
    return found


def _over_seeds(answer: Answer, single: bool) -> tuple[OverSeeds, ...]:
    """Mean and rank correlation of every seed, where all entries have the same number of seeds."""
    counts = {len(values) for values in answer.by_seed}
    if not answer.by_seed or len(counts) != 1 or counts == {0}:
        return ()
    targets = np.array(answer.targets)
    means, ranks = [], []
    for column in np.array(answer.by_seed, dtype=np.float64).T:
        means.append(float(np.mean([column[targets == target].mean() for target in set(answer.targets)])))
        try:
            ranks.append(regression.spearman(answer.x, column).estimate)
        except NumericError:
            single = False
    named = [("mean", means), *([(f"rho with {answer.predictor}", ranks)] if single else [])]
    return tuple(one for what, values in named if (one := pooling.over_seeds(what, values)))


def _smallest(
    answer: Answer, pooled: Sequence[Pooled], slope: FamilySlope | None, single: bool
) -> tuple[Smallest, ...]:
    found = [Smallest("mean", one.smallest, one.unit) for one in pooled if one.smallest is not None]
    if single:
        found.append(power.correlation(f"correlation with {answer.predictor}", len(answer.x)))
    if answer.fit:
        seen = power.slope(answer.predictor, answer.fit, answer.term, "").value
        if slope is not None:
            seen = max(seen, power.of_interval(slope.low, slope.high, slope.families - 1))
        found.append(Smallest(f"slope of {answer.predictor}", seen, "points per unit"))
    return tuple(one for one in found if not math.isnan(one.value))
