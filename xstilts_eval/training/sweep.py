"""`xstilts sweep`: recipes x bases x seeds as one graph of stages, each distinct stage trained once.

A stage waits for its parent and for nothing else. What a failed one leaves undone is what goes on from it; the same
command later finds the finished stages and goes on in the checkpoints of the others.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from xstilts_eval import faults, reading
from xstilts_eval.errors import DataError, SettingError, XstiltsError
from xstilts_eval.models.source import Source
from xstilts_eval.training import request, run, stage
from xstilts_eval.training.material import reading_once
from xstilts_eval.training.recipe import Base, Recipe
from xstilts_eval.training.stage import Plan, Say

BUSY_SECONDS = 2.0
"""Between two looks at a stage that another process is training."""
State = Literal["trained", "already there", "failed", "skipped"]
LOGS = "logs"


class Job(BaseModel):
    """A stage to train, small enough to be sent: `recipe` holds this stage and those before it.

    Whoever trains it reads the data and finds the stage by its `key`.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    name: str
    seed: int
    parent: str | None
    recipe: Recipe
    data: str | None
    stages: Path

    @property
    def log(self) -> Path:
        """What a worker prints while it trains the stage."""
        return self.stages / LOGS / f"{self.name}-{self.key}.log"

    def __str__(self) -> str:
        return f"stage {self.name} ({self.key}), seed {self.seed}"


@dataclass(frozen=True)
class Result:
    """How a stage ended; `detail` is its summary or what went wrong."""

    key: str
    state: State
    detail: str = ""
    seconds: float = 0.0

    @property
    def is_there(self) -> bool:
        return self.state in ("trained", "already there")


@dataclass(frozen=True)
class Run:
    """A bundle to be: one recipe on one base with one seed; `plans` without their training examples."""

    recipe: Recipe
    output: Path
    plans: tuple[Plan, ...]


@dataclass(frozen=True)
class Sweep:
    """Everything asked for; `jobs` by key, parents before their children."""

    runs: tuple[Run, ...]
    jobs: Mapping[str, Job]
    stages: Path


@dataclass
class Report:
    """How every stage ended, by key, and for every run why it has no bundle ("" where it has one)."""

    results: dict[str, Result] = field(default_factory=dict)
    bundles: dict[Path, str] = field(default_factory=dict)

    @property
    def has_failed(self) -> bool:
        return any(not result.is_there for result in self.results.values()) or any(self.bundles.values())


Execute = Callable[[Sequence[Job], Say], Iterator[Result]]
"""Trains jobs, parents before their children, and yields a result for each as soon as there is one."""


def plan(
    recipes: Sequence[str],
    bases: Sequence[str],
    seeds: Sequence[str],
    changes: Sequence[str],
    output: Path,
    data: str | None,
    stages: Path | None,
    overwrite: bool,
) -> Sweep:
    """Every run and every distinct stage, nothing trained; raises what `run.plans` and `run.check_output` raise.

    Bundles go to ``output/RECIPE/seed-N``, with several bases to ``output/BASE/RECIPE/seed-N``.
    """
    stages = (stages or output / "stages").absolute()
    wanted = _wanted(recipes, bases, seeds, changes, output)
    for folder, one in wanted.items():
        run.check_output(one, folder, overwrite)
    found: list[Run] = []
    jobs: dict[str, Job] = {}
    sources: dict[Base, Source] = {}
    with reading_once():
        for folder, one in wanted.items():
            source = sources.setdefault(one.base, Source(one.base.model, one.base.revision))
            plans = run.plans(one, one.seeds[0], data, base=source)
            for place, planned in enumerate(plans):
                jobs.setdefault(planned.key, _job(one, plans, place, data, stages))
            found.append(Run(one, folder, _light(plans)))
    return Sweep(tuple(found), jobs, stages)


def _wanted(
    recipes: Sequence[str], bases: Sequence[str], seeds: Sequence[str], changes: Sequence[str], output: Path
) -> dict[Path, Recipe]:
    """The folder of each run, and its recipe with a single seed."""
    found: dict[Path, Recipe] = {}
    for base, inner in _bases(bases).items():
        for name in recipes:
            several = request.recipe_of(name, base, (), (), seeds, changes)
            for seed in several.seeds:
                folder = (output / inner / several.name / f"seed-{seed}").absolute()
                if folder in found:
                    raise SettingError(f"two of the recipes are called {several.name}; give each a name of its own")
                found[folder] = several.model_copy(update={"seeds": (seed,)})
    return found


def _bases(bases: Sequence[str]) -> dict[str | None, str]:
    """The folder of each base's runs; none where there is but one base, or each recipe's own."""
    if len(bases) < 2:
        return {bases[0] if bases else None: ""}
    names = [Path(base.partition("@")[0]).name for base in bases]
    clear = [
        base.strip("./~").replace("/", "--") if names.count(name) > 1 else name
        for base, name in zip(bases, names, strict=True)
    ]
    if len(set(bases)) < len(bases) or len(set(clear)) < len(clear):
        raise SettingError(f"--base names one twice: {', '.join(bases)}")
    return dict(zip(bases, clear, strict=True))


def _job(recipe: Recipe, plans: Sequence[Plan], place: int, data: str | None, stages: Path) -> Job:
    one = plans[place]
    before = min(place + 1, len(recipe.intermediate))
    tasks: list[Any] = []
    if place >= len(recipe.intermediate):
        for material in one.materials:  # parts of a joint task come from one entry
            if material.entry not in tasks:
                tasks.append(material.entry)
    targets = recipe.targets.model_copy(update={"tasks": tuple(tasks)})
    return Job(
        key=one.key,
        name=one.name,
        seed=one.seed,
        parent=one.parent.stage.key if one.parent.stage else None,
        recipe=recipe.model_copy(update={"intermediate": recipe.intermediate[:before], "targets": targets}),
        data=data,
        stages=stages,
    )


def _light(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """The same plans, with the same keys, without training examples: a sweep holds many of them."""
    found: dict[str, Plan] = {}
    for one in plans:
        parent = one.parent
        if parent.stage is not None:
            parent = replace(parent, stage=found[parent.stage.key])
        materials = tuple(replace(material, training=()) for material in one.materials)
        found[one.key] = replace(one, parent=parent, materials=materials)
    return tuple(found[one.key] for one in plans)


def carry_out(sweep: Sweep, execute: Execute, say: Say) -> Report:
    """Train what is not there and assemble each bundle as soon as its stages are."""
    report = Report()
    plans = {one.key: one for made in sweep.runs for one in made.plans}
    for key, job in sweep.jobs.items():
        if (result := _already_there(plans[key], job)) is not None:
            report.results[key] = result
    todo = [job for key, job in sweep.jobs.items() if key not in report.results]
    say(
        f"{len(sweep.jobs)} stages for {len(sweep.runs)} bundles: {len(sweep.jobs) - len(todo)} already there, "
        f"{len(todo)} to train"
    )
    _assemble(sweep, report, say)
    lost = {key for key, result in report.results.items() if not result.is_there}
    possible: list[Job] = []
    for job in todo:
        if job.parent in lost:
            lost.add(job.key)
            report.results[job.key] = skipped(job)
        else:
            possible.append(job)
    for result in execute(possible, say):
        report.results[result.key] = result
        say(f"[{len(report.results)}/{len(sweep.jobs)}] {_line(sweep.jobs[result.key], result)}")
        _assemble(sweep, report, say)
    return report


def _already_there(one: Plan, job: Job) -> Result | None:
    try:
        if stage.find(one, job.stages) is None:
            return None
    except XstiltsError as error:  # a stage that was damaged
        return Result(job.key, "failed", str(error))
    stage.remove_left_over(one, job.stages)
    return Result(job.key, "already there")


def _line(job: Job, result: Result) -> str:
    if result.state == "trained":
        return f"trained, seed {job.seed}: {result.detail}"
    return f"{result.state}: {job}" + (f": {result.detail}" if result.detail else "")


def skipped(job: Job) -> Result:
    """The result of a stage whose parent is missing."""
    return Result(job.key, "skipped", f"its parent {job.parent} was not trained")


def _assemble(sweep: Sweep, report: Report, say: Say) -> None:
    """The bundles whose stages have all ended since the last call."""
    for made in sweep.runs:
        ended = [report.results.get(one.key) for one in made.plans]
        if made.output in report.bundles or None in ended:
            continue
        lost = [one for one, result in zip(made.plans, ended, strict=True) if result and not result.is_there]
        report.bundles[made.output] = ", ".join(f"no stage {one.name} ({one.key})" for one in lost)
        if lost:
            continue
        folders = [one.folder(sweep.stages) for one in made.plans]
        try:
            run.assemble(made.recipe, made.recipe.seeds[0], made.plans, folders, made.output, sweep.stages)
            say(f"bundle of recipe {made.recipe.name}, seed {made.recipe.seeds[0]}: {made.output}")
        except (XstiltsError, OSError) as error:
            report.bundles[made.output] = str(error)


def one_by_one(jobs: Sequence[Job], say: Say) -> Iterator[Result]:
    """Train in this process, stage after stage."""
    lost: set[str] = set()
    for job in jobs:
        result = skipped(job) if job.parent in lost else train(job, say)
        if not result.is_there:
            lost.add(job.key)
        yield result


def train(job: Job, say: Say = print) -> Result:
    """Train one stage, unless somebody has; whatever goes wrong is the result's `detail`."""
    started = time.monotonic()
    try:
        state, detail = _train(job, say)
    except Exception as error:  # one stage's, whatever it is: the others go on
        if (said := faults.expected(error)) is None:
            traceback.print_exc()
        state, detail = "failed", f"{type(error).__name__}: {error}" if said is None else said
    return Result(job.key, state, detail, time.monotonic() - started)


def _train(job: Job, say: Say) -> tuple[State, str]:
    one = found(job)
    while True:
        if stage.find(one, job.stages) is not None:
            return "already there", ""
        try:
            say(stage.described(one))
            return "trained", run.summary(one, run.train_stage(one, job.stages))
        except stage.StageBusy as error:
            say(str(error))
        time.sleep(BUSY_SECONDS)


def found(job: Job) -> Plan:
    """The stage's plan, its data read; raises `DataError` when it is no longer what the sweep was planned with."""
    for one in run.plans(job.recipe, job.seed, job.data):
        if one.key == job.key:
            return one
    raise DataError(f"{job}: its data or its base has changed since the sweep began; start the sweep again")


def table(sweep: Sweep, report: Report) -> Any:
    """Every stage with what became of it."""
    from rich.table import Table

    shown = Table(title=_counts(report))
    for name in ("stage", "key", "seed", "goes on from", "runs", "what happened", "time"):
        shown.add_column(name, justify="right" if name in ("seed", "runs", "time") else "left")
    for key, job in sweep.jobs.items():
        users = [made for made in sweep.runs if key in {one.key for one in made.plans}]
        parent = sweep.jobs[job.parent].name + f" ({job.parent})" if job.parent else users[0].recipe.base.model
        result = report.results[key]
        seconds = f"{result.seconds:.0f} s" if result.seconds else ""
        shown.add_row(job.name, key, str(job.seed), parent, str(len(users)), result.state, seconds)
    return shown


def _counts(report: Report) -> str:
    states = [result.state for result in report.results.values()]
    names: tuple[State, ...] = ("trained", "already there", "failed", "skipped")
    return f"{len(states)} stages: " + ", ".join(f"{states.count(name)} {name}" for name in names)


def outcome(sweep: Sweep, report: Report) -> list[str]:
    """A line for every bundle, then one for every failure."""
    lines = [
        f"bundle {made.output}" + (f": not made: {why}" if (why := report.bundles[made.output]) else "")
        for made in sweep.runs
    ]
    failed = [result for result in report.results.values() if result.state == "failed"]
    return lines + [f"failed: {sweep.jobs[result.key]}: {result.detail}" for result in failed]


def main(path: str) -> None:
    """One of the processes that train the stage of a job file together (`torchrun -m xstilts_eval.training.sweep`)."""
    job = Job.model_validate(reading.read_json(Path(path), "a job of a sweep"))
    run.train_stage(found(job), job.stages)


if __name__ == "__main__":
    main(sys.argv[1])
