"""`xstilts analyze scaling`: the command's options; the work is in `analysis.scaling`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xstilts_eval import paper
from xstilts_eval.commands.analyze.options import INCHES, ONE_TASK, OUTPUT, TABLE, WIDTH, outcome_of
from xstilts_eval.commands.paper import for_papers
from xstilts_eval.errors import SettingError

if TYPE_CHECKING:
    from xstilts_eval.analysis.scaling.analyse import Sized


@for_papers
def scaling(
    table: Path | None = typer.Option(None, help=f"{TABLE} Needs parameters."),
    runs: Path | None = typer.Option(
        None, help="CSV with model, run and optionally baseline, parameters, embedding_parameters, group, bases."
    ),
    zoo: list[str] = typer.Option([], help="Models of the zoo; once per model."),
    stage: str | None = typer.Option(None, help="With --zoo: stage of the records."),
    setting: str | None = typer.Option(None, help="With --zoo: setting of the records."),
    source: str | None = typer.Option(None, help="With --zoo: key of the source of the records."),
    task: str | None = typer.Option(None, "--tasks", "-t", help=ONE_TASK),
    language: str = typer.Option("avg", help="One language, or avg: the mean over languages."),
    outcome: str | None = typer.Option(None, help="gain or score."),
    inner: str = typer.Option("eval", help="With --runs: folder of the results inside each seed-N."),
    output: Path | None = typer.Option(None, "--output", "-o", help=OUTPUT),
    width: float = typer.Option(INCHES, help=WIDTH),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
    *,
    tables: paper.Wanted,
) -> None:
    """Does a larger model gain more?

    Gain or score against model size: points per doubling, multilingual and monolingual bases side by side.
    """
    tables.check()
    from xstilts_eval.analysis import figures

    pixels = figures.pixels(width)
    from xstilts_eval.analysis.observations import Which
    from xstilts_eval.analysis.publish import publish
    from xstilts_eval.analysis.scaling import analyse, figure, sources, text

    if sum(bool(given) for given in (table, runs, zoo)) != 1:
        raise SettingError("give one of --table, --runs and --zoo")
    wanted = outcome_of(outcome) if outcome else None
    points: Sequence[Sized]
    if table:
        points = sources.sized_from_table(table, language)
    elif runs:
        points = sources.sized_from_runs(runs, inner, language)
    else:
        points = sources.sized_from_zoo(zoo, Which(stage, setting, source, task), language)
    found = sources.chosen(points, task, wanted)
    report = analyse.analyse(found)
    if lacking := sorted({point.model for point in points} - {point.model for point in found}):
        report = replace(report, notes=(*report.notes, f"not scored, so not in the fit: {', '.join(lacking)}"))
    publish(report, text.show(report), lambda: figure.draw(report, pixels), output, "scaling", overwrite, tables)
