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

from xstilts_eval.analysis.stats import power
from xstilts_eval.analysis.stats.regression import PERMUTATIONS, SEED, Vector
from xstilts_eval.errors import NumericError
from xstilts_eval.wording import counted

ENOUGH = 6
"""Intermediate tasks that a rank correlation needs here (five have 120 orders: p below .05 for two of them only)."""
PER_TARGET = 4
"""Intermediate tasks with estimate and gain that a target needs to be counted."""
RESAMPLES = 2000
Table = Mapping[tuple[str, str], float]
"""Values by (intermediate task, target)."""


@dataclass(frozen=True)
class Agreement:
    """Mean rank correlation (-1 to 1) of an estimate with the gains, with interval, p and what it rests on.

    `smallest` is the mean that such a table sees in 80 % at 5 %, from the permutations; 1 or more: none.
    `by_target` holds the correlation of every target; `regret` maps k to the mean regret (0-1) of the best of the k
    tasks that the estimate ranks first; targets where gains or estimates do not vary, or fewer than
    `PER_TARGET` tasks have both, are left out, and named in `left_out`.
    """

    estimate: str
    mean: float
    low: float
    high: float
    p: float
    intermediates: int
    by_target: dict[str, float]
    regret: dict[int, float]
    smallest: float
    left_out: tuple[str, ...] = ()


def agreement(name: str, estimates: Table, gains: Table, draws: int = PERMUTATIONS, seed: int = SEED) -> Agreement:
    """Rank agreement of estimates with gains over the intermediate tasks that have both, target by target.

    Raises `NumericError` with fewer than six such tasks, or when nothing varies. All orders are tried where there are
    at most `draws` of them, else `draws` random ones, with (1 + hits) / (1 + draws). A task that a target lacks is left
    out of that target alone.
    """
    both = [cell for cell in gains if cell in estimates]
    tasks, targets = sorted({task for task, _ in both}), sorted({target for _, target in both})
    if len(tasks) < ENOUGH or not targets:
        raise NumericError(
            f"{name}: {counted(len(tasks), 'intermediate task')} with estimate and gain; a rank correlation over tasks "
            f"needs {ENOUGH}"
        )
    x, y = (
        _told_apart(np.array([[table.get((task, target), np.nan) for task in tasks] for target in targets]))
        for table in (estimates, gains)
    )
    usable = np.array([_varies(a, b) for a, b in zip(x, y, strict=True)])
    if not usable.any():
        raise NumericError(
            f"{name}: estimates or gains are the same for all intermediate tasks, or no target has {PER_TARGET} of them"
        )
    x, y = x[usable], y[usable]
    kept = [target for target, keep in zip(targets, usable, strict=True) if keep]
    per_target = _ranks_agree(x, y)
    seen = float(per_target.mean())
    low, high = _resampled(x, y, np.random.default_rng(seed))
    p, error = _qap(x, y, seen, draws, seed)
    return Agreement(
        name, seen, low, high, p, len(tasks), dict(zip(kept, map(float, per_target), strict=True)),
        {k: float(np.mean([_regret(a, b, k) for a, b in zip(x, y, strict=True)])) for k in (1, 3)},
        power.smallest(error), tuple(target for target in targets if target not in kept),
    )  # fmt: skip


def _told_apart(values: Vector) -> Vector:
    """`values` [targets, tasks] to nine digits of a target's largest: less is how a machine adds, and has no rank."""
    largest = np.where(np.isfinite(values), np.abs(values), 0).max(axis=1, keepdims=True)
    rounded: Vector = np.round(values / np.where(largest > 0, largest, 1), 9)
    return rounded


def _varies(x: Vector, y: Vector) -> bool:
    there = np.isfinite(x) & np.isfinite(y)
    return bool(there.sum() >= PER_TARGET and np.ptp(x[there]) > 0 and np.ptp(y[there]) > 0)


def _regret(x: Vector, y: Vector, k: int) -> float:
    there = np.isfinite(x) & np.isfinite(y)
    return regret(x[there], y[there], k)


def regret(estimates: Vector, scores: Vector, k: int = 1) -> float:
    """``(best - best of the k ranked first) / (best - worst)``, 0 to 1.

    Of gains, which may be negative, the spread stands where Poth et al. 2021 divide by the best score.
    """
    spread = float(np.ptp(scores))
    chosen = np.argsort(-np.asarray(estimates), kind="stable")[:k]
    return float(scores.max() - np.asarray(scores)[chosen].max()) / spread if spread else 0.0


def _qap(x: Vector, y: Vector, seen: float, draws: int, seed: int) -> tuple[float, float]:
    """Two-sided p of the mean correlation under joint permutation of the tasks, and its spread under it."""
    count = x.shape[1]
    is_every = math.factorial(count) <= draws
    if is_every:
        tried = np.array(list(orders(range(count))))
    else:
        tried = np.random.default_rng(seed).permuted(np.tile(np.arange(count), (draws, 1)), axis=1)
    if np.isfinite(x).all() and np.isfinite(y).all():
        values = np.einsum("ti,tpi->p", _standard(x), _standard(y)[:, tried]) / len(x)
    else:  # a target counts in the orders that leave it enough tasks
        by_target = _ranks_agree(np.broadcast_to(x[:, None], (len(x), *tried.shape)), y[:, tried])
        values = np.nanmean(by_target[:, np.isfinite(by_target).any(axis=0)], axis=0)
    hits = int((np.abs(values) >= abs(seen) - 1e-12).sum())
    p = hits / len(values) if is_every else (1 + hits) / (1 + len(values))
    return p, float(values.std())


def _ranks_agree(x: Vector, y: Vector) -> Vector:
    """Spearman's correlation along the last axis of x and y, over what both have; nan for fewer than `PER_TARGET`."""
    there = np.isfinite(x) & np.isfinite(y)
    a, b = (_standard(np.where(there, values, np.nan)) for values in (x, y))
    found: Vector = np.where(there.sum(axis=-1) >= PER_TARGET, np.nansum(a * b, axis=-1), np.nan)
    return found


def _standard(values: Vector) -> Vector:
    """Ranks along the last axis, centred and of length 1; what is constant becomes 0, nan stays nan."""
    ranks = rankdata(values, axis=-1, nan_policy="omit")
    there = np.isfinite(ranks)
    ranks = ranks - np.nansum(ranks, axis=-1, keepdims=True) / np.maximum(there.sum(axis=-1, keepdims=True), 1)
    length = np.sqrt(np.nansum(ranks**2, axis=-1, keepdims=True))
    scaled: NDArray[np.float64] = np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)
    return scaled


def _resampled(x: Vector, y: Vector, random: np.random.Generator) -> tuple[float, float]:
    """Percentile interval over draws of tasks with replacement; draws of one or two tasks only are left out."""
    chosen = random.integers(0, x.shape[1], (RESAMPLES, x.shape[1]))
    chosen = chosen[[len(np.unique(row)) > 2 for row in chosen]]
    by_target = _ranks_agree(x[:, chosen], y[:, chosen])
    drawn = np.nanmean(by_target[:, np.isfinite(by_target).any(axis=0)], axis=0)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)
