"""Do estimates of task relatedness tell which intermediate task helps which target?

Cells of an intermediate × target table depend on each other in both directions, so they are never pooled as points: per
target a rank correlation over intermediate tasks, their mean over targets, p by permuting the intermediate tasks
*jointly* for all targets (QAP), and an interval by resampling intermediate tasks. Estimand: agreement of the two
rankings for these targets over intermediate tasks like these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations as orders

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from xstilts_eval.analysis.stats.regression import PERMUTATIONS, SEED, Vector
from xstilts_eval.errors import NumericError
from xstilts_eval.wording import counted

ENOUGH = 6
"""Intermediate tasks that a rank correlation needs here (five have 120 orders: p below .05 for two of them only)."""
RESAMPLES = 2000
Table = Mapping[tuple[str, str], float]
"""Values by (intermediate task, target)."""


@dataclass(frozen=True)
class Agreement:
    """Mean rank correlation (-1 to 1) of an estimate with the gains, with interval, p and what it rests on.

    `by_target` holds the correlation of every target; `regret` maps k to the mean regret (0-1) of the best of the k
    tasks that the estimate ranks first; targets where gains or estimates do not vary are left out.
    """

    estimate: str
    mean: float
    low: float
    high: float
    p: float
    intermediates: int
    by_target: dict[str, float]
    regret: dict[int, float]


def agreement(name: str, estimates: Table, gains: Table, draws: int = PERMUTATIONS, seed: int = SEED) -> Agreement:
    """Rank agreement of estimates with gains over the intermediate tasks that both have in every target.

    Raises `NumericError` with fewer than six such tasks, or when nothing varies. All orders are tried where there are
    at most `draws` of them, else `draws` random ones, with (1 + hits) / (1 + draws).
    """
    targets = sorted({target for _, target in gains} & {target for _, target in estimates})
    tasks = sorted({task for task, _ in gains if all((task, t) in gains and (task, t) in estimates for t in targets)})
    if len(tasks) < ENOUGH or not targets:
        raise NumericError(
            f"{name}: {counted(len(tasks), 'intermediate task')} with estimate and gain in every target; a rank "
            f"correlation over tasks needs {ENOUGH}"
        )
    x = np.array([[estimates[task, target] for task in tasks] for target in targets])
    y = np.array([[gains[task, target] for task in tasks] for target in targets])
    varies = (np.ptp(x, axis=1) > 0) & (np.ptp(y, axis=1) > 0)
    if not varies.any():
        raise NumericError(f"{name}: estimates or gains are the same for all intermediate tasks")
    x, y = x[varies], y[varies]
    kept = [target for target, keep in zip(targets, varies, strict=True) if keep]
    per_target = _ranks_agree(x, y)
    seen = float(per_target.mean())
    low, high = _resampled(x, y, np.random.default_rng(seed))
    return Agreement(
        name, seen, low, high, _qap(x, y, seen, draws, seed), len(tasks),
        dict(zip(kept, map(float, per_target), strict=True)),
        {k: float(np.mean([regret(a, b, k) for a, b in zip(x, y, strict=True)])) for k in (1, 3)},
    )  # fmt: skip


def regret(estimates: Vector, scores: Vector, k: int = 1) -> float:
    """``(best - best of the k ranked first) / (best - worst)``, 0 to 1.

    Of gains, which may be negative, the spread stands where Poth et al. 2021 divide by the best score.
    """
    spread = float(np.ptp(scores))
    chosen = np.argsort(-np.asarray(estimates), kind="stable")[:k]
    return float(scores.max() - np.asarray(scores)[chosen].max()) / spread if spread else 0.0


def _qap(x: Vector, y: Vector, seen: float, draws: int, seed: int) -> float:
    """Two-sided p of the mean correlation under joint permutation of the tasks."""
    ranks_x, ranks_y = _standard(x), _standard(y)
    count = x.shape[1]
    if math.factorial(count) <= draws:
        tried = np.array(list(orders(range(count))))
        values = np.einsum("ti,tpi->p", ranks_x, ranks_y[:, tried]) / len(x)
        return float((np.abs(values) >= abs(seen) - 1e-12).mean())
    random = np.random.default_rng(seed)
    tried = random.permuted(np.tile(np.arange(count), (draws, 1)), axis=1)
    values = np.einsum("ti,tpi->p", ranks_x, ranks_y[:, tried]) / len(x)
    return (1 + int((np.abs(values) >= abs(seen) - 1e-12).sum())) / (1 + draws)


def _ranks_agree(x: Vector, y: Vector) -> Vector:
    """Spearman's correlation along the last axis of x and y."""
    values: Vector = (_standard(x) * _standard(y)).sum(axis=-1)
    return values


def _standard(values: Vector) -> Vector:
    """Ranks along the last axis, centred and of length 1; what is constant becomes 0."""
    ranks = rankdata(values, axis=-1)
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    length = np.sqrt((ranks**2).sum(axis=-1, keepdims=True))
    scaled: NDArray[np.float64] = np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)
    return scaled


def _resampled(x: Vector, y: Vector, random: np.random.Generator) -> tuple[float, float]:
    """Percentile interval over draws of tasks with replacement; draws of one or two tasks only are left out."""
    chosen = random.integers(0, x.shape[1], (RESAMPLES, x.shape[1]))
    chosen = chosen[[len(np.unique(row)) > 2 for row in chosen]]
    low, high = np.percentile(_ranks_agree(x[:, chosen], y[:, chosen]).mean(axis=0), (2.5, 97.5))
    return float(low), float(high)
