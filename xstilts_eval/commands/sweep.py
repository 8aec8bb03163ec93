"""`xstilts sweep`: the command's options; the work is in `training.sweep`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import DATA_HELP, listed
from xstilts_eval.errors import SettingError


def sweep(
    recipes: list[str] = typer.Argument(help="Recipes: YAML files, or names of shipped ones."),
    base: list[str] = typer.Option([], help="Base: a folder or owner/name@commit; several are compared."),
    seeds: str = typer.Option("", help="Seeds of every recipe, separated by commas; default: each recipe's own."),
    output: Path = typer.Option(Path("runs"), "--output", "-o", help="Bundles go to OUTPUT/[BASE/]RECIPE/seed-N."),
    data: str | None = typer.Option(None, help=DATA_HELP),
    stages: Path | None = typer.Option(None, help="Folder of trained stages; default OUTPUT/stages."),
    set_: list[str] = typer.Option([], "--set", help="targets.epochs=1 or intermediate.limit=500; may be repeated."),
    workers: int | None = typer.Option(
        None, min=0, help="Stages at once; default: one per GPU, or per 4 cores. 0: one by one in this process."
    ),
    gpus_per_stage: float | None = typer.Option(None, min=0, help="Default 1; 0.5: two share one; 8: 8 processes."),
    address: str | None = typer.Option(None, help="A running Ray cluster that shares all folders: auto, or ray://…"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace runs that other recipes made in OUTPUT."),
) -> None:
    """Train recipes x bases x seeds on Ray.

    As one graph of stages; the same command goes on after an interruption.

    Stages that runs share are trained once. A failed stage fails only what goes on from it; exit code 1 then.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval import own_datasets
    from xstilts_eval.training import sweep as sweeps
    from xstilts_eval.training.sweep_ray import Pool

    if workers != 0 and any(own_datasets.file_of(one) for one in own_datasets.own()):
        raise SettingError("Ray's workers do not know the datasets of --include; give --workers 0")
    pool = Pool(workers, gpus_per_stage, address)
    if workers != 0:
        pool.check()
    planned = sweeps.plan(recipes, base, listed(seeds), set_, output, data, stages, overwrite)
    report = sweeps.carry_out(planned, sweeps.one_by_one if workers == 0 else pool.execute, printing.say_all)
    printing.show(sweeps.table(planned, report))
    printing.say(*sweeps.outcome(planned, report))
    if report.has_failed:
        raise typer.Exit(1)
