"""`xstilts analyze pitfalls`: the command's options; the work is in `analysis.pitfalls`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import paper
from xstilts_eval.commands.analyze.options import INCHES, ONE_TASK, WIDTH
from xstilts_eval.commands.paper import for_papers
from xstilts_eval.errors import SettingError


@for_papers
def pitfalls(
    run: Path | None = typer.Argument(None, help="Output folder of xstilts eval, or a folder of seed-N/INNER."),
    table: Path | None = typer.Option(None, help="CSV with model, benchmark, language and score, without examples."),
    zoo: str | None = typer.Option(None, help="Model of the zoo, without examples."),
    stage: str | None = typer.Option(None, help="With --zoo: stage of the records."),
    setting: str | None = typer.Option(None, help="With --zoo: setting of the records."),
    source: str | None = typer.Option(None, help="With --zoo: key of the source of the records."),
    model: str | None = typer.Option(None, help="Model of a table that holds several."),
    task: str | None = typer.Option(None, "--tasks", "-t", help=ONE_TASK),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    neighbours: int = typer.Option(3, min=1, help="Languages that predict each score."),
    examples: int = typer.Option(10, min=0, help="Examples shown, from the three languages that fall lowest."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder for the JSON and the figure."),
    width: float = typer.Option(INCHES, help=WIDTH),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
    *,
    tables: paper.Wanted,
) -> None:
    """Where does a model fall below its neighbours?

    Languages ranked by how far they fall below similar ones, with the examples that are most often wrong.
    """
    tables.check()
    from xstilts_eval.analysis import figures

    pixels = figures.pixels(width)
    from dataclasses import replace

    from xstilts_eval.analysis import observations, published
    from xstilts_eval.analysis.pitfalls import analyse, figure, samples, text
    from xstilts_eval.analysis.publish import publish
    from xstilts_eval.benchmark import FAMILIES
    from xstilts_eval.results.run import places

    if sum(given is not None for given in (run, table, zoo)) != 1:
        raise SettingError("give one of RUN, --table and --zoo")
    if table:
        rows = observations.from_table(observations.read_table(table))
    elif zoo:
        rows = published.scores(zoo, observations.Which(stage, setting, source, task))
    else:
        assert run is not None
        rows = observations.from_runs(run, None, inner, task)
    report = analyse.analyse(observations.select(rows, "score", task, model), neighbours=neighbours)
    if run and examples:
        lowest = [one.language for one in report.shortfalls[:3]]
        found = samples.read(places(run, inner), FAMILIES[report.benchmark], lowest)
        report = replace(report, examples=tuple(analyse.hardest(found, examples)))
    publish(report, text.show(report), lambda: figure.draw(report, pixels), output, "pitfalls", overwrite, tables)
