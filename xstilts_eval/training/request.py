"""From what a user asks of `xstilts train` to a recipe, its cost, or its training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval import printing, processes
from xstilts_eval.errors import SettingError
from xstilts_eval.training import planning, recipe, run
from xstilts_eval.training.recipe import Recipe
from xstilts_eval.training.stage import Plan


def recipe_of(
    name: str | None,
    base: str | None,
    intermediate: Sequence[str],
    targets: Sequence[str],
    seeds: Sequence[str],
    changes: Sequence[str],
) -> Recipe:
    """The recipe called `name` with the given changes, or one made of tasks; raises `SettingError` for both."""
    if name is not None:
        if intermediate or targets:
            raise SettingError("give a recipe, or --base with --intermediate and --targets, not both")
        found = recipe.read(recipe.find(name), base)
    else:
        if base is None:
            raise SettingError("give a recipe, or --base with --intermediate and --targets; shipped recipes: "
                               + ", ".join(recipe.shipped()))  # fmt: skip
        found = recipe.quick(base, intermediate, targets)
    if base is not None:
        model, sign, revision = base.rpartition("@")
        pinned = sign and not Path(base).expanduser().is_dir()
        found = found.model_copy(
            update={"base": recipe.Base(model=model, revision=revision) if pinned else recipe.Base(model=base)}
        )
    if seeds:
        found = recipe.validated(found.model_dump() | {"seeds": [_number(seed) for seed in seeds]}, "--seeds")
    pairs = {}
    for change in changes:
        key, sign, value = change.partition("=")
        if not sign:
            raise SettingError(f"--set {change!r}: write targets.NAME=VALUE or intermediate.NAME=VALUE")
        pairs[key] = value
    return recipe.overridden(found, pairs) if pairs else found


def _number(text: str) -> int:
    if not text.isdigit():
        raise SettingError(f"--seeds {text!r}: seeds are whole numbers, separated by commas")
    return int(text)


def plan(
    wanted: Recipe, output: Path, data: str | None, stages: Path | None, on: str | None
) -> tuple[list[planning.StageCost], planning.Machine]:
    """The cost of every stage of every seed; stages that seeds or targets share are counted once."""
    machine = planning.Machine.of(on)
    found: dict[str, Plan] = {}
    for seed in wanted.seeds:
        for one in run.plans(wanted, seed, data, without_data=True):
            found.setdefault(one.key, one)
    return planning.costs(list(found.values()), stages or output.parent / "stages", machine), machine


def train(
    wanted: Recipe,
    output: Path,
    data: str | None,
    stages: Path | None,
    report_to: Sequence[str],
    overwrite: bool,
    wait: bool = False,
) -> list[Path]:
    """Train, saying what happens on the first process only."""
    check_trackers(report_to)
    speaks = processes.is_first() and not printing.is_quiet()
    say = printing.say_all if speaks else _silent
    return run.run(wanted, output, data, stages, report_to, overwrite, say, wait)


def check_trackers(names: Sequence[str]) -> None:
    """Raise `SettingError` for a tracker that transformers does not know or that is not installed."""
    from transformers.integrations import get_available_reporting_integrations
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            raise SettingError(f"--report-to {name}: transformers knows {', '.join(sorted(INTEGRATION_TO_CALLBACK))}")
        if name not in get_available_reporting_integrations():
            raise SettingError(f"--report-to {name}: the package {name} is not installed; pip install {name}")


def _silent(line: str) -> None:
    del line
