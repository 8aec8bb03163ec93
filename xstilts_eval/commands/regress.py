"""`xstilts regress`: parse, judge, print and write."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval.commands.options import ONLY_TASKS, listed


def regress(
    results: list[Path] = typer.Argument(help="Results files or output folders of one checkpoint."),
    against: str = typer.Option(..., help="MODEL or MODEL@STAGE of the zoo."),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    setting: str | None = typer.Option(None, help="Only numbers of this setting, e.g. zero-shot."),
    source: str | None = typer.Option(None, help="Only numbers of this source, by its key in the zoo."),
    zoo: Path | None = typer.Option(None, help="Another zoo file; default: the shipped one."),
    allow_missing: bool = typer.Option(False, "--allow-missing", help="A number without a score of ours may pass."),
    every: bool = typer.Option(False, "--all", help="Show every number, also what decides nothing."),
    markdown: Path | None = typer.Option(None, help="Write Markdown for a pull request to this file."),
    junit: Path | None = typer.Option(None, help="Write JUnit XML to this file."),
    json_: str | None = typer.Option(None, "--json", help="Write JSON to this file; '-' prints it."),
) -> None:
    """Compare scores with the published numbers of a model: reproduced, drifted, missing, or not comparable.

    Exit code 0: every number that can decide is reproduced, and there is one. 1: not so. 2: an error.
    """
    from xstilts_eval import printing
    from xstilts_eval.results import record
    from xstilts_eval.selection import leaves
    from xstilts_eval.writing import check_files, write_atomically
    from xstilts_eval.zoo import gating, manifest, regress_outputs, regression

    check_files(markdown, junit, json_)
    known = manifest.load(zoo)
    model, stage = known.parse(against)
    choice = gating.Choice(model, stage, setting, source, leaves(listed(tasks)))
    report = regression.regress(known, choice, [record.read(path) for path in results], allow_missing)
    if markdown:
        write_atomically(markdown, regress_outputs.markdown(report))
    if junit:
        write_atomically(junit, regress_outputs.junit(report))
    if json_:
        printing.write_json(regress_outputs.as_json(report), json_)
    if json_ != "-":
        printing.show(regress_outputs.terminal(report, every))
    if not report.has_passed:
        raise typer.Exit(1)
