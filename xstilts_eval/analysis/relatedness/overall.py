"""Every intermediate task over all targets, in points and in standard units, on what all runs have scored.

Languages other than English are the units, families resampled. A target's standard unit is the standard deviation of
its gains over languages and intermediate tasks, so that tasks are measured by one rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import norm

from xstilts_eval.analysis.features import known
from xstilts_eval.analysis.observations import ENGLISH, Observation
from xstilts_eval.analysis.stats import pooling, regression
from xstilts_eval.analysis.stats.pooling import Pooled

_NORMAL = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Overall:
    """One intermediate task over the targets and languages that all runs have.

    `worse` of the `tested` cells (language and target, also those that others lack) lose clearly with Holm's correction
    over all cells of all tasks.
    """

    intermediate: str
    pooled: tuple[Pooled, ...]
    worse: int
    tested: int


def overall(gains: Sequence[Observation]) -> tuple[list[Overall], list[str]]:
    """A row per task, and what is not in it because some run lacks it."""
    rows = [row for row in gains if row.language not in (ENGLISH, "avg")]
    tasks = list(dict.fromkeys(row.model for row in rows))
    own_rows = {task: {(row.benchmark, row.language): row for row in rows if row.model == task} for task in tasks}
    cells = {task: {place: row.value for place, row in own.items()} for task, own in own_rows.items()}
    shared = set.intersection(*(set(own) for own in cells.values())) if cells else set()
    families = {code: entry.family or entry.name if (entry := known(code)) else code for _, code in shared}
    by_target = {target: sorted(code for name, code in shared if name == target) for target, _ in sorted(shared)}
    spreads = {
        target: pooling.spread_of([cells[task][target, code] for task in tasks for code in codes])
        for target, codes in by_target.items()
    }
    worse = _worse(rows)
    found = []
    for task in tasks:
        values = {target: {c: cells[task][target, c] for c in codes} for target, codes in by_target.items()}
        by_seed = {target: {c: own_rows[task][target, c].by_seed for c in codes} for target, codes in by_target.items()}
        pooled = tuple(pooling.pool(values, families, spreads=spreads, by_seed=by_seed)) if values else ()
        tested = [is_worse for (name, *_), is_worse in worse.items() if name == task]
        found.append(Overall(task, pooled, sum(tested), len(tested)))
    return found, _lacking(cells, shared)


def _worse(rows: Sequence[Observation]) -> dict[tuple[str, str, str], bool]:
    """Whether a cell with an interval loses after Holm's correction; p from the interval, as of a normal outcome."""
    tested = [row for row in rows if row.half_width]
    p = [float(2 * norm.sf(_NORMAL * abs(row.value) / (row.half_width or 1.0))) for row in tested]
    return {
        (row.model, row.benchmark, row.language): one < 0.05 and row.value < 0
        for row, one in zip(tested, regression.adjusted(p, "holm"), strict=True)
    }


def _lacking(cells: dict[str, dict[tuple[str, str], float]], shared: set[tuple[str, str]]) -> list[str]:
    every = sorted({cell for own in cells.values() for cell in own} - shared)
    if not every:
        return []
    targets = {target: [code for name, code in every if name == target] for target, _ in every}
    kept = {target for target, _ in shared}
    shown = "; ".join(
        f"{target} in {', '.join(codes)}" if target in kept else target for target, codes in targets.items()
    )
    return [f"not in the means over targets, because some run lacks it: {shown}"]
