"""`xstilts regress`: parse, judge, print and write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.errors import MissingData, SettingError

ZOO = "zoo:"
"""What --against begins with that is a model of the zoo, whatever lies in the folder."""


def regress(
    results: list[Path] = typer.Argument(help="Results files or output folders of one checkpoint."),
    against: str = typer.Option(..., help="Results of another run, or MODEL or MODEL@STAGE of the zoo."),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    tolerance: float | None = typer.Option(
        None, min=0, help="Against results: points that a mean may move; without it a paired test decides."
    ),
    setting: str | None = typer.Option(None, help="Against the zoo: only numbers of this setting, e.g. zero-shot."),
    source: str | None = typer.Option(None, help="Against the zoo: only numbers of this source, by its key."),
    zoo: Path | None = typer.Option(None, help="Another zoo file; default: the shipped one."),
    allow_missing: bool = typer.Option(False, "--allow-missing", help="Let pass what the run has no score of."),
    every: bool = typer.Option(False, "--all", help="Against the zoo: show every number, also what decides nothing."),
    markdown: Path | None = typer.Option(None, help="Write Markdown for a pull request to this file."),
    junit: Path | None = typer.Option(None, help="Write JUnit XML to this file."),
    json_: str | None = typer.Option(None, "--json", help="Write JSON to this file; '-' prints it."),
) -> None:
    """Tell whether scores have drifted.

    From another run on the same documents, or from the published numbers of a model.

    Exit code 0: nothing has drifted, and something was compared. 1: not so. 2: an error.
    """
    from xstilts_eval.selection import leaves
    from xstilts_eval.writing import check_files

    check_files(markdown, junit, json_)
    only = leaves(listed(tasks))
    files = _Files(markdown, junit, json_)
    if not against.startswith(ZOO) and Path(against).exists():
        if setting or source or zoo or every:
            raise SettingError(f"{against} is a folder of results; --setting, --source, --zoo and --all are of the zoo")
        has_passed = _against_results(results, against, tolerance, allow_missing, only, files)
    else:
        if tolerance is not None:
            raise SettingError(
                f"--tolerance is for results, and {against} is no file or folder; numbers of the zoo have their own "
                "tolerances"
            )
        model = against.removeprefix(ZOO)
        if "/" in model and not zoo:
            raise MissingData(f"{against} does not exist; give the results of a run, or the name of a model of the zoo")
        has_passed = _against_zoo(results, model, (setting, source), zoo, allow_missing, every, only, files)
    if not has_passed:
        raise typer.Exit(1)


class _Files:
    """Where the outcome goes beside the terminal."""

    def __init__(self, markdown: Path | None, junit: Path | None, json_: str | None) -> None:
        self.markdown, self.junit, self.json = markdown, junit, json_

    def write(
        self,
        markdown: Callable[[], str],
        junit: Callable[[], str],
        as_json: Callable[[], Any],
        terminal: Callable[[], Any],
    ) -> None:
        from xstilts_eval import printing
        from xstilts_eval.writing import write_atomically

        if self.markdown:
            write_atomically(self.markdown, markdown())
        if self.junit:
            write_atomically(self.junit, junit())
        if self.json:
            printing.write_json(as_json(), self.json)
        if self.json != "-":
            printing.show(terminal())


def _against_results(
    results: list[Path],
    against: str,
    tolerance: float | None,
    allow_missing: bool,
    only: frozenset[str] | None,
    files: _Files,
) -> bool:
    from xstilts_eval.results import drift, drift_outputs, sides

    if len(results) > 1:
        raise SettingError(f"against results one run is compared, got {len(results)}; give one folder or file")
    given = [against, str(results[0])]
    if Path(given[0]).resolve() == Path(given[1]).resolve():
        raise SettingError(f"{against} is compared with itself; give another run")
    reference, new = (
        sides.of_run(text, name, only=only) for text, name in zip(given, sides.short_names(given), strict=True)
    )
    report = drift.regress(reference, new, tolerance, allow_missing)
    files.write(
        lambda: drift_outputs.markdown(report),
        lambda: drift_outputs.junit(report),
        lambda: drift_outputs.as_json(report),
        lambda: drift_outputs.terminal(report),
    )
    return report.has_passed


def _against_zoo(
    results: list[Path],
    against: str,
    numbers: tuple[str | None, str | None],
    zoo: Path | None,
    allow_missing: bool,
    every: bool,
    only: frozenset[str] | None,
    files: _Files,
) -> bool:
    from xstilts_eval.results import record
    from xstilts_eval.zoo import gating, manifest, regress_outputs, regression

    known = manifest.load(zoo)
    model, stage = known.parse(against)
    choice = gating.Choice(model, stage, *numbers, only)
    report = regression.regress(known, choice, [record.read(path) for path in results], allow_missing)
    files.write(
        lambda: regress_outputs.markdown(report),
        lambda: regress_outputs.junit(report),
        lambda: regress_outputs.as_json(report),
        lambda: regress_outputs.terminal(report, every),
    )
    return report.has_passed
