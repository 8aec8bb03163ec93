"""`xstilts analyze`: the commands' options; every command makes a report, and writes and prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xstilts_eval.analysis.morphology_command import morphology
from xstilts_eval.analysis.multilingual_command import multilingual
from xstilts_eval.analysis.pitfalls_command import pitfalls
from xstilts_eval.analysis.relatedness_command import relatedness
from xstilts_eval.errors import SettingError, UnknownName

if TYPE_CHECKING:
    from xstilts_eval.analysis.observations import Observation, Outcome, Which
    from xstilts_eval.analysis.scaling_report import Sized

HELP = "Research questions: what gains and gaps depend on, with pictures."
app = typer.Typer(no_args_is_help=True, help=HELP)

NEEDED = ("scipy", "statsmodels", "sklearn", "matplotlib")
RUN = "Run to analyse: output folder of xstilts eval, or a folder of seed-N/INNER."
TABLE = (
    "CSV with model, benchmark, language, score and optionally outcome, half_width and sizes (see docs/analysis.md)."
)
INNER = "Folder of the results inside each seed-N; may be given several times."
OUTPUT = "Folder for the JSON and the figure (SVG and PNG); default: only the table is shown."


@app.callback(help=HELP)
def check_libraries() -> None:
    """Refuse, before anything is read, where a library that the analyses need is not installed."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise SettingError(f"the analyses need {', '.join(missing)}; pip install 'xstilts-eval[analysis]'")


@app.command()
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
    family: str | None = typer.Option(None, help="Benchmark, e.g. xnli; needed where several were scored."),
    outcome: str | None = typer.Option(None, help="gain, gap (English minus the language) or score."),
    by: str = typer.Option("syntactic", help="syntactic, phonological, inventory, featural, geographic or genetic."),
    size: str = typer.Option("cc100", help="Corpus the model was pre-trained on: cc100, mc4 or wikipedia."),
    pool: bool = typer.Option(False, "--pool", help="Several benchmarks in one mixed model."),
    output: Path | None = typer.Option(None, "--output", "-o", help=OUTPUT),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
) -> None:
    """Gain or transfer gap against distance to English, with pre-training size and language families accounted for."""
    from xstilts_eval.analysis import distance as analysis
    from xstilts_eval.analysis import distance_figure, text
    from xstilts_eval.analysis.observations import Which, left_out, select
    from xstilts_eval.analysis.publish import publish

    if sum(given is not None for given in (run, table, zoo)) != 1:
        raise SettingError("give one of RUN, --table and --zoo")
    if baseline is not None and run is None:
        raise SettingError("--baseline belongs to RUN; a table gives gains with outcome=gain")
    rows = _observations(run, baseline, inner, table, zoo, Which(stage, setting, source, family))
    wanted = _outcome(outcome or ("gain" if baseline else "gap"))
    report = analysis.analyse(select(rows, wanted, family, model), by, size, pool)
    lacking = [line for name in inner if run for line in left_out(run, baseline, name, family)]
    report = replace(report, notes=(*lacking, *report.notes))
    publish(report, text.distance(report), lambda: distance_figure.draw(report), output, "distance", overwrite)


@app.command()
def scaling(
    table: Path | None = typer.Option(None, help=f"{TABLE} Needs parameters."),
    runs: Path | None = typer.Option(
        None, help="CSV with model, run and optionally baseline, parameters, embedding_parameters, group, bases."
    ),
    zoo: list[str] = typer.Option([], help="Models of the zoo; once per model."),
    stage: str | None = typer.Option(None, help="With --zoo: stage of the records."),
    setting: str | None = typer.Option(None, help="With --zoo: setting of the records."),
    source: str | None = typer.Option(None, help="With --zoo: key of the source of the records."),
    family: str | None = typer.Option(None, help="Benchmark, e.g. xnli; needed where several were scored."),
    language: str = typer.Option("avg", help="One language, or avg: the mean over languages."),
    outcome: str | None = typer.Option(None, help="gain or score."),
    inner: str = typer.Option("eval", help="With --runs: folder of the results inside each seed-N."),
    output: Path | None = typer.Option(None, "--output", "-o", help=OUTPUT),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
) -> None:
    """Gain or score against model size: points per doubling, multilingual and monolingual bases side by side."""
    from xstilts_eval.analysis import scaling_figure, sources, text
    from xstilts_eval.analysis import scaling_report as analysis
    from xstilts_eval.analysis.observations import Which
    from xstilts_eval.analysis.publish import publish

    if sum(bool(given) for given in (table, runs, zoo)) != 1:
        raise SettingError("give one of --table, --runs and --zoo")
    wanted = _outcome(outcome) if outcome else None
    points: Sequence[Sized]
    if table:
        points = sources.sized_from_table(table, language)
    elif runs:
        points = sources.sized_from_runs(runs, inner, language)
    else:
        points = sources.sized_from_zoo(zoo, Which(stage, setting, source, family), language)
    report = analysis.analyse(sources.chosen(points, family, wanted))
    publish(report, text.scaling(report), lambda: scaling_figure.draw(report), output, "scaling", overwrite)


app.command()(relatedness)
app.command()(pitfalls)
app.command()(morphology)
app.command()(multilingual)


def _observations(
    run: Path | None,
    baseline: Path | None,
    inner: Sequence[str],
    table: Path | None,
    zoo: str | None,
    which: Which,
) -> list[Observation]:
    from xstilts_eval.analysis import observations, sources

    if table:
        return observations.from_table(observations.read_table(table))
    if zoo:
        return sources.published(zoo, which)
    assert run is not None
    return [row for name in inner for row in observations.from_runs(run, baseline, name, which.family)]


def _outcome(name: str) -> Outcome:
    from xstilts_eval.analysis.observations import OUTCOMES

    for known in OUTCOMES:
        if name == known:
            return known
    raise UnknownName.of("outcome", name, OUTCOMES)
