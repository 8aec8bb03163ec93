"""Making the cells of a study: train, score, keep a piece, and remove what no other cell needs."""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts_eval import bundle, evaluation, heap, locking, reading, selection, weights
from xstilts_eval.analysis.relatedness import measure
from xstilts_eval.benchmark import leaf_parts
from xstilts_eval.errors import MissingData, SettingError, UnknownName
from xstilts_eval.models.source import Source
from xstilts_eval.study import pieces
from xstilts_eval.study.grid import Cell, Study
from xstilts_eval.training import run as training
from xstilts_eval.training import stage
from xstilts_eval.training.material import reading_once
from xstilts_eval.training.stage import Plan
from xstilts_eval.writing import write_atomically

Say = Callable[[str], None]
ESTIMATED = 500
"""English documents that transferability is estimated from, as `xstilts analyze relatedness` does."""
_SETTINGS = ".settings"
"""Says in the results of a cell that is being made what it is made with."""
TRAINING = "training"
"""The name under which a piece has the seconds of its stages."""


class _Busy(SettingError):
    """Another process makes the cell."""


@dataclass(frozen=True)
class Task:
    """A cell that is to be made: its stages, or why it is `missing`."""

    cell: Cell
    plans: tuple[Plan, ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Places:
    """Where a study works: results by cell, `runs` and `stages` until a cell is kept, and its `data`."""

    work: Path
    data: str | None

    @property
    def runs(self) -> Path:
        return self.work / "runs"

    @property
    def stages(self) -> Path:
        return self.work / "stages"


def tasks(study: Study, data: str | None, say: Say = lambda _: None) -> list[Task]:
    """What is left to make, in order; a cell whose data is not there, or whose task nobody knows, says so.

    Nothing is trained. Raises what else `weights.folder` and `training.run.plans` raise.
    """
    found = []
    sources: dict[str, Source] = {}
    with reading_once():
        for cell in study.cells:
            if _is_kept(study, cell):
                continue
            name = study.grid.bases[cell.base].weights
            base = sources.get(name) or sources.setdefault(name, Source(str(weights.folder(name, say))))
            try:
                recipe = study.recipe(cell, Path(base.name))
                found.append(Task(cell, tuple(training.plans(recipe, cell.seed, data, base=base))))
            except (MissingData, UnknownName) as error:
                found.append(Task(cell, missing=str(error)))
    return found


def make(study: Study, left: Sequence[Task], places: Places, until: float, say: Say, only: str = "") -> list[str]:
    """Make the cells that are left and have `only` in their name, in order; returns those that were made.

    None is begun after `until` (of `time.monotonic`). A cell that another process is making is passed over. Each is
    kept, with its piece, as soon as it is whole.
    """
    made = []
    for task in left:
        if only not in str(task.cell):
            continue
        if task.missing:
            say(f"{task.cell} is missing: {task.missing}")
            continue
        if time.monotonic() > until:
            say(f"{task.cell} and what comes after it are left for another sitting")
            break
        with _mine(task.cell, places) as is_mine:
            if not is_mine or _is_kept(study, task.cell):
                continue
            _make(study, task, places, say)
            made.append(str(task.cell))
        _clean(task, left, study, places)
    return made


def kept_parts(study: Study, cell: Cell) -> tuple[str, ...]:
    """The parts of a cell that its piece has, made as the grid says now; none where anything but parts was changed."""
    piece = pieces.listed(study).get(str(cell))
    if piece is None or any(part not in study.grid.parts for part in piece.parts):
        return ()
    if piece.settings != study.settings_of(replace(cell, parts=piece.parts)):
        return ()
    return tuple(part for part in cell.parts if part in piece.parts)


def _is_kept(study: Study, cell: Cell) -> bool:
    return kept_parts(study, cell) == cell.parts


@contextmanager
def _mine(cell: Cell, places: Places) -> Iterator[bool]:
    lock = places.work / "locks" / str(cell).replace("/", "_")
    try:
        with locking.held(lock, lambda holder: _Busy(f"{cell} is being made by {holder}")):
            yield True
    except _Busy:
        yield False


def _make(study: Study, task: Task, places: Places, say: Say) -> None:
    cell = task.cell
    there = kept_parts(study, cell)
    say(f"{cell}: {', '.join(part for part in cell.parts if part not in there)}")
    folder, results = places.runs / str(cell), places.work / str(cell)
    begin(study.settings_of(cell), folder, results)
    recipe = study.recipe(cell, Path(task.plans[0].parent.base.name))
    training.run(recipe, folder, places.data, places.stages, say=say, wait=True)
    manifest = bundle.read(folder)
    records = [_record(plan, places) for plan in task.plans]
    write_atomically(results / pieces.STAGES, json.dumps(records, indent=1, ensure_ascii=False) + "\n")
    times = {TRAINING: sum(_seconds(places, plan) for plan in task.plans), **_take_over(study, cell, places, say)}
    for name in cell.parts:
        if name in times:
            continue
        part, started = study.grid.parts[name], time.monotonic()
        heads = {dataset: str(folder / manifest.trained[target].path) for dataset, target in part.heads.items()}
        settings = evaluation.Settings(
            pretrained=str(folder),
            tasks=part.tasks,
            data=places.data,
            split=part.split,
            limit=part.limit,
            model_args=tuple(sorted({**part.model_args, **heads}.items())),
        )
        evaluation.evaluate(settings, results / name, False, say, evaluation.Keeping("off", "none"))
        times[name] = round(time.monotonic() - started, 1)
        heap.give_back()
    if cell.intermediate != study.grid.baseline:
        write_atomically(results / pieces.ESTIMATES, _estimates(study, cell, folder, places))
    piece = pieces.keep(study, cell, results, times, platform.machine())
    say(f"{cell}: kept in {piece}, {piece.stat().st_size / 1024:,.0f} KiB")


def _take_over(study: Study, cell: Cell, places: Places, say: Say) -> dict[str, float]:
    """Put the parts that the cell's piece has among its results; returns the seconds that each took.

    None where a stage of the piece did not go as it went now, on another processor say: all scores of a cell are of
    the same training.
    """
    parts = kept_parts(study, cell)
    if not parts:
        return {}
    beside, results = places.work / "grown", places.work / str(cell)
    found = beside / str(cell)
    shutil.rmtree(found, ignore_errors=True)  # an interruption may have left it without the parts that it had put there
    pieces.unpack(study, beside, [str(cell)])
    now = {stage.key: stage for stage in pieces.stages(results)}
    if all(one.key in now and one.went_as(now[one.key]) for one in pieces.stages(found)):
        for part in parts:
            if not (results / part).exists():  # it does after an interruption
                (found / part).rename(results / part)
    else:
        say(f"{cell}: its training did not go as that of the piece, so that {', '.join(parts)} are scored again")
        parts = ()
    shutil.rmtree(found)
    seconds = pieces.listed(study)[str(cell)].seconds
    return {part: seconds[part] for part in parts}


def begin(settings: str, run: Path, results: Path) -> None:
    """Leave the run and the results of a cell where they are of these settings, an interruption; else they go."""
    marker = results / _SETTINGS
    if marker.is_file() and marker.read_text(encoding="utf-8") == settings:
        return
    for folder in (run, results):
        shutil.rmtree(folder, ignore_errors=True)
    results.mkdir(parents=True)
    write_atomically(marker, settings)


def _estimates(study: Study, cell: Cell, folder: Path, places: Places) -> str:
    """LogME, LEEP and the like of a run, as JSON, for every dataset that it is scored on with a head."""
    names = {leaf_parts(leaf)[0].group for part in cell.parts if study.needed(part)
             for leaf in selection.leaves(study.grid.parts[part].tasks) or ()}  # fmt: skip
    one = measure.Checkpoint(str(cell), folder, folder / "encoder")
    found = measure.estimates([one], sorted(names), places.data, ESTIMATED)
    told = [
        {"estimate": name, "target": target, "value": value}
        for name, rows in sorted(found.estimates.items())
        for target, value in sorted(rows.get(one.name, {}).items())
    ]
    return json.dumps(told, indent=1) + "\n"


def _seconds(places: Places, plan: Plan) -> float:
    return round(stage.read_record(plan.folder(places.stages)).outcome.seconds, 1)


def _record(plan: Plan, places: Places) -> Mapping[str, reading.Json]:
    return reading.json_object(plan.folder(places.stages) / stage.RECORD, "the record of a trained stage")


def _clean(done: Task, left: Iterable[Task], study: Study, places: Places) -> None:
    """Remove the run of a cell that is kept, and its stages but those that another cell will need."""
    if not _is_kept(study, done.cell):
        return
    needed = {plan.key for task in left if not _is_kept(study, task.cell) for plan in task.plans}
    shutil.rmtree(places.runs / str(done.cell), ignore_errors=True)
    for plan in done.plans:
        if plan.key not in needed:
            shutil.rmtree(plan.folder(places.stages), ignore_errors=True)
