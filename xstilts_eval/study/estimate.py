"""What a study will cost before anything runs: seconds of every cell, from its stages and from the cells that are kept.

Training is estimated as `xstilts train --plan` does it. Scoring is taken from cells that are kept, in proportion to
the blocks of the base; where no cell has scored a part yet, the estimate says so and leaves it out.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts_eval import weights
from xstilts_eval.models.source import Source
from xstilts_eval.study import pieces
from xstilts_eval.study.grid import Cell, Study
from xstilts_eval.study.pieces import Piece
from xstilts_eval.study.running import Task, kept_parts
from xstilts_eval.training import planning, stage
from xstilts_eval.training.stage import Plan


@dataclass(frozen=True)
class Estimate:
    """Seconds of a cell: stages that no earlier cell trains, and parts; `unknown` are parts that nothing was timed of.

    `missing` says why a cell cannot be made.
    """

    cell: Cell
    training: float
    scoring: float
    unknown: tuple[str, ...]
    missing: str

    @property
    def seconds(self) -> float:
        return self.training + self.scoring


def estimates(study: Study, tasks: Sequence[Task], stages: Path) -> list[Estimate]:
    """The cost of every cell that is left, in order; a stage counts for the first cell that needs it."""
    kept = pieces.listed(study)
    machine = planning.Machine.of(None)
    counted: set[str] = set()
    alike: dict[str, float] = {}
    found = []
    for task in tasks:
        fresh = {plan.key: plan for plan in task.plans if plan.key not in counted}
        counted |= fresh.keys()
        there = kept_parts(study, task.cell)
        times = {part: _seconds(study, task.cell, part, kept) for part in task.cell.parts if part not in there}
        found.append(
            Estimate(
                cell=task.cell,
                training=sum(
                    _training(plan, machine, alike) for plan in fresh.values() if not stage.find(plan, stages)
                ),
                scoring=sum(value for value in times.values() if value is not None),
                unknown=tuple(part for part, value in times.items() if value is None and not task.missing),
                missing=task.missing,
            )
        )
    return found


def _training(plan: Plan, machine: planning.Machine, alike: dict[str, float]) -> float:
    """Seconds of a stage; one that differs in its seed or in what it goes on from takes as long as another."""
    said = {name: value for name, value in plan.identity.items() if name not in ("seed", "parent")}
    key = f"{plan.parent.base.name} {plan.layers} {json.dumps(said, sort_keys=True)}"
    if key not in alike:
        (cost,) = planning.costs([plan], Path(os.devnull), machine)
        alike[key] = cost.seconds
    return alike[key]


def _seconds(study: Study, cell: Cell, part: str, kept: Mapping[str, Piece]) -> float | None:
    """What a part took elsewhere, for as many blocks as this cell has: the median over the cells that are kept."""
    timed = [
        piece.seconds[part] / blocks(study, study.cell(name).base)
        for name, piece in kept.items()
        if part in piece.seconds and name in {str(one) for one in study.cells}
    ]
    return statistics.median(timed) * blocks(study, cell.base) if timed else None


def blocks(study: Study, base: str) -> int:
    """Blocks of a base of the grid."""
    found = study.grid.bases[base]
    return found.layers or planning.layers(Source(str(weights.folder(found.weights))).config)
