"""`xstilts train`: the command's options; the work is in `training`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from xstilts_eval import printing, processes
from xstilts_eval.commands.options import DATA_HELP, listed


def train(
    recipe: str | None = typer.Argument(None, help="A recipe: a YAML file, or the name of a shipped one."),
    base: str | None = typer.Option(None, help="Base: a folder or owner/name@commit; replaces the recipe's."),
    intermediate: str = typer.Option("", help="Without a recipe: intermediate tasks, in one stage: squad,hellaswag."),
    targets: str = typer.Option("", help="Without a recipe: tasks to train on, e.g. xquad,udpos."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder of the bundle; default runs/NAME."),
    data: str | None = typer.Option(None, help=DATA_HELP),
    stages: Path | None = typer.Option(
        None, help="Folder of trained stages, shared by recipes; default beside output."
    ),
    seeds: str = typer.Option("", help="Seeds, separated by commas; several give output/seed-N."),
    set_: list[str] = typer.Option([], "--set", help="targets.epochs=1 or intermediate.limit=500; may be repeated."),
    report_to: str = typer.Option("", help="Trackers of transformers, e.g. tensorboard,wandb."),
    wait: bool = typer.Option(False, "--wait", help="Wait for a stage that another process trains, instead of ending."),
    plan: bool = typer.Option(False, "--plan", help="Show stages, steps, tokens, FLOPs, disk and time; train nothing."),
    on: str | None = typer.Option(None, help="With --plan: devices to estimate for, e.g. 8xA100."),
    json_: bool = typer.Option(False, "--json", help="With --plan: print JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace a run that another recipe made in output."),
) -> None:
    """Train what a recipe says and write a bundle.

    Stage by stage; the same command goes on after an interruption.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval.training import planning, request

    wanted = request.recipe_of(recipe, base, listed(intermediate), listed(targets), listed(seeds), set_)
    target = output or Path("runs") / wanted.name
    if plan:
        found, machine = request.plan(wanted, target, data, stages, on)
        if json_:
            printing.write_json(planning.as_json(found, machine), "-")
        else:
            printing.show(planning.table(found, machine))
        return
    made = request.train(wanted, target, data, stages, listed(report_to), overwrite, wait)
    if printing.is_quiet() and processes.is_first():
        printing.say(*made)
