"""`xstilts analyze multilingual`: the command's options; the work is in `analysis.multilingual`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import paper
from xstilts_eval.commands.analyze.options import INCHES, ONE_TASK, WIDTH
from xstilts_eval.commands.options import listed
from xstilts_eval.commands.paper import for_papers
from xstilts_eval.errors import SettingError

ARM = "folder of xstilts eval's results or of seed-N/INNER; with --table a model."


@for_papers
def multilingual(
    english: str = typer.Option(..., help=f"Run with English intermediate training: {ARM}"),
    multilingual: str = typer.Option(..., help=f"Run with multilingual intermediate training: {ARM}"),
    baseline: str | None = typer.Option(None, help=f"Run without it: {ARM} Not needed for a table of gains."),
    table: Path | None = typer.Option(None, help="CSV with model, benchmark, language, score, outcome."),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    task: str | None = typer.Option(None, "--tasks", "-t", help=ONE_TASK),
    trained_on: str = typer.Option("", help="Languages of the multilingual data, where the run does not say: ko,sw"),
    size: str = typer.Option("cc100", help="Corpus the base was pre-trained on: cc100, mc4 or wikipedia."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder for the JSON and the figure."),
    width: float = typer.Option(INCHES, help=WIDTH),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
    *,
    tables: paper.Wanted,
) -> None:
    """English-only or multilingual intermediate training?

    By language, resource level and mix.
    """
    tables.check()
    from xstilts_eval.analysis import figures

    pixels = figures.pixels(width)
    from xstilts_eval.analysis import observations
    from xstilts_eval.analysis.multilingual import analyse, figure, sources, text
    from xstilts_eval.analysis.publish import publish
    from xstilts_eval.results.run import in_common, read

    given = listed(trained_on)
    notes: list[str] = []
    if table:
        arms = sources.from_table(observations.read_table(table), baseline, english, multilingual, task)
        mix = sources.the_mix((), given, ())
    else:
        if baseline is None:
            raise SettingError("give --baseline, the run without intermediate training, or gains by --table")
        found = in_common([read(Path(path), inner, Path(path).name) for path in (baseline, english, multilingual)])
        benchmark = sources.benchmark_of(found[2].places[0], task)
        said = [sources.trained_on(one.places, benchmark) for one in found[1:]]
        mix = sources.the_mix(said[1], given, said[0])
        arms = sources.from_runs(found, benchmark)
        seeds = len(found[0].seeds)
        few = [] if seeds > 2 else ["below three seeds intervals of D cover the documents alone"]
        notes = [*few, *sources.notes(found[1].places[0], found[2].places[0], said[0])]
    report = analyse.analyse(arms, mix, size, notes)
    publish(
        report,
        text.show(report),
        lambda: figure.draw(report, pixels),
        output,
        "multilingual",
        overwrite,
        tables,
    )
