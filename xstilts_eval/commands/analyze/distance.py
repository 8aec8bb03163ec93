"""`xstilts analyze distance`: the command's options; the work is in `analysis.distance`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xstilts_eval import paper
from xstilts_eval.commands.analyze.options import INCHES, INNER, ONE_TASK, OUTPUT, RUN, TABLE, WIDTH, outcome_of
from xstilts_eval.commands.paper import for_papers
from xstilts_eval.errors import SettingError

if TYPE_CHECKING:
    from xstilts_eval.analysis.observations import Observation, Which


@for_papers
def distance(
    run: Path | None = typer.Argument(None, help=RUN),
    baseline: Path | None = typer.Option(None, help="Run without intermediate training; gives gains."),
    inner: list[str] = typer.Option(["eval"], help=INNER),
    table: Path | None = typer.Option(None, help=TABLE),
    zoo: str | None = typer.Option(None, help="Model of the zoo whose published scores are analysed."),
    stage: str | None = typer.Option(None, help="With --zoo: stage of the records."),
    setting: str | None = typer.Option(None, help="With --zoo: setting of the records."),
    source: str | None = typer.Option(None, help="With --zoo: key of the source of the records."),
    model: str | None = typer.Option(None, help="Model of a table that holds several."),
    task: str | None = typer.Option(None, "--tasks", "-t", help=ONE_TASK),
    outcome: str | None = typer.Option(None, help="gain, gap (English minus the language) or score."),
    by: str = typer.Option("syntactic", help="syntactic, phonological, inventory, featural, geographic or genetic."),
    size: str = typer.Option("cc100", help="Corpus the model was pre-trained on: cc100, mc4 or wikipedia."),
    pool: bool = typer.Option(False, "--pool", help="Several benchmarks in one mixed model."),
    output: Path | None = typer.Option(None, "--output", "-o", help=OUTPUT),
    width: float = typer.Option(INCHES, help=WIDTH),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
    *,
    tables: paper.Wanted,
) -> None:
    """Do gains and gaps depend on the distance to English?

    Pre-training size and language families are accounted for.
    """
    tables.check()
    from xstilts_eval.analysis import figures

    pixels = figures.pixels(width)
    from xstilts_eval.analysis.distance import analyse, figure, text
    from xstilts_eval.analysis.observations import Which, select
    from xstilts_eval.analysis.publish import publish

    if sum(given is not None for given in (run, table, zoo)) != 1:
        raise SettingError("give one of RUN, --table and --zoo")
    if baseline is not None and run is None:
        raise SettingError("--baseline belongs to RUN; a table gives gains with outcome=gain")
    rows, lacking = _observations(run, baseline, inner, table, zoo, Which(stage, setting, source, task))
    wanted = outcome_of(outcome or ("gain" if baseline else "gap"))
    report = analyse.analyse(select(rows, wanted, task, model), by, size, pool)
    report = replace(report, notes=(*lacking, *report.notes))
    publish(report, text.show(report), lambda: figure.draw(report, pixels), output, "distance", overwrite, tables)


def _observations(
    run: Path | None,
    baseline: Path | None,
    inner: Sequence[str],
    table: Path | None,
    zoo: str | None,
    which: Which,
) -> tuple[list[Observation], list[str]]:
    from xstilts_eval.analysis import observations, published

    if table:
        return observations.from_table(observations.read_table(table)), []
    if zoo:
        return published.scores(zoo, which), []
    assert run is not None
    return observations.over_inners(run, baseline, inner, which.family)
