"""`xstilts regress`: parse, judge, print and write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xstilts_eval.errors import SettingError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xstilts_eval.benchmark import Family


def regress(
    results: list[Path] = typer.Argument(help="Results files or output folders of one checkpoint."),
    against: str = typer.Option(..., help="MODEL or MODEL@STAGE of the zoo."),
    tasks: str = typer.Option("", "--tasks", "-t", help="Only numbers of these groups or leaves, as in xstilts eval."),
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
    from xstilts_eval.results import record
    from xstilts_eval.zoo import gating, manifest, regress_outputs, regression

    known = manifest.load(zoo)
    model, stage = gating.parse(against, known)
    choice = gating.Choice(model, stage, setting, source, _leaves(tasks))
    report = regression.regress(known, choice, [record.read(path) for path in results], allow_missing)
    if markdown:
        _write(markdown, regress_outputs.markdown(report))
    if junit:
        _write(junit, regress_outputs.junit(report))
    text = json.dumps(regress_outputs.as_json(report), indent=1, ensure_ascii=False) + "\n" if json_ else ""
    if json_ == "-":
        print(text, end="")
    else:
        if json_:
            _write(Path(json_), text)
        _print(regress_outputs.terminal(report, every))
    if not report.has_passed:
        raise typer.Exit(1)


def _leaves(tasks: str) -> dict[Family, list[str]] | None:
    patterns = [part.strip() for part in tasks.split(",") if part.strip()]
    if not patterns:
        return None
    from xstilts_eval.evaluation import select

    return select(patterns)


def _write(path: Path, text: str) -> None:
    from xstilts_eval.writing import write_atomically

    if path.is_dir():
        raise SettingError(f"{path} is a folder; give a file name")
    write_atomically(path, text)


def _print(report: RenderableType) -> None:
    """A terminal's own width; in files and pipes room for every column."""
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=max(console.width, 150))).print(report)
