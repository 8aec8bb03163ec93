"""`xstilts analyze pitfalls`: the languages and examples where a model falls below its neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Group, RenderableType

from xstilts_eval.errors import SettingError
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import counted, p_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xstilts_eval.analysis.pitfalls import PitfallReport


def pitfalls(
    run: Path | None = typer.Argument(None, help="Output folder of xstilts eval, or a folder of seed-N/INNER."),
    table: Path | None = typer.Option(None, help="CSV with model, benchmark, language and score, without examples."),
    zoo: str | None = typer.Option(None, help="Model of the zoo, without examples."),
    stage: str | None = typer.Option(None, help="With --zoo: stage of the records."),
    setting: str | None = typer.Option(None, help="With --zoo: setting of the records."),
    source: str | None = typer.Option(None, help="With --zoo: key of the source of the records."),
    model: str | None = typer.Option(None, help="Model of a table that holds several."),
    family: str | None = typer.Option(None, help="Benchmark, e.g. udpos; needed where several were scored."),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    neighbours: int = typer.Option(3, min=1, help="Languages that predict each score."),
    examples: int = typer.Option(10, min=0, help="Examples shown, from the three languages that fall lowest."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder for the JSON and the figure."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
) -> None:
    """Languages ranked by how far they fall below similar ones, with the examples that are most often wrong."""
    from dataclasses import replace

    from xstilts_eval.analysis import observations, pitfall_samples, sources
    from xstilts_eval.analysis import pitfalls as analysis
    from xstilts_eval.analysis.publish import publish
    from xstilts_eval.benchmark import FAMILIES
    from xstilts_eval.results.run import places

    if sum(given is not None for given in (run, table, zoo)) != 1:
        raise SettingError("give one of RUN, --table and --zoo")
    if table:
        rows = observations.from_table(observations.read_table(table))
    elif zoo:
        rows = sources.published(zoo, observations.Which(stage, setting, source, family))
    else:
        assert run is not None
        rows = observations.from_runs(run, None, inner, family)
    report = analysis.analyse(observations.select(rows, "score", family, model), neighbours=neighbours)
    if run and examples:
        lowest = [one.language for one in report.shortfalls[:3]]
        samples = pitfall_samples.read(places(run, inner), FAMILIES[report.benchmark], lowest)
        report = replace(report, examples=tuple(analysis.hardest(samples, examples)))
    publish(report, show(report), lambda: draw(report), output, "pitfalls", overwrite)


def show(report: PitfallReport) -> Group:
    """Languages, lowest first, then examples."""
    from xstilts_eval.analysis import text

    header = ("language", "score", "±", "neighbours say", "difference", "z", "p (BH)", "neighbours")
    rows = [
        (s.language, f"{s.score:.1f}", "–" if s.half_width is None else f"{s.half_width:.1f}", f"{s.predicted:.1f}",
         f"{s.difference:+.1f}", f"{s.z:+.2f}", p_value(s.adjusted_p),
         ", ".join(f"{language} {weight:.2f}" for language, weight in s.neighbours))
        for s in report.shortfalls
    ]  # fmt: skip
    parts: list[RenderableType] = [
        f"{report.model} on {report.benchmark}: score minus what similar languages predict (points; usual spread "
        f"{report.spread:.1f})", "", terminal_table(header, rows),
    ]  # fmt: skip
    for one in report.examples:
        english = "" if one.english is None else f", in English {one.english:.2f}"
        parts += [
            "", f"{one.leaf} {one.document}: wrong {one.wrong:.2f} (mean of {counted(one.runs, 'run')}{english})",
            f"  {one.text}", f"  expected: {one.target}", f"  given:    {' / '.join(dict.fromkeys(one.answers))}",
        ]  # fmt: skip
    left = [f"- {sentence}" for sentence in text.left_out(report.left_out)]
    return Group(*parts, "", *(f"- {note}" for note in report.notes), *left)


def draw(report: PitfallReport) -> Figure:
    """Scores (with their intervals) beside what the neighbours predict, lowest difference on top."""
    from xstilts_eval.analysis import figures

    rows = report.shortfalls
    colours = figures.colour_of([row.family for row in rows])
    with figures.drawing(6.4, 1.3 + 0.24 * len(rows)) as (figure, axes):
        for place, row in enumerate(reversed(rows)):
            axes.plot([row.predicted, row.score], [place, place], color="#bbbbbb", linewidth=1.4, zorder=1)
            axes.errorbar(row.score, place, xerr=row.half_width, fmt="o", color=colours[row.family], markersize=6)
            axes.plot(row.predicted, place, "|", color="#222222", markersize=11, markeredgewidth=1.8)
        labels = [f"{row.name} ({row.language}){' *' if row.adjusted_p < 0.05 else ''}" for row in reversed(rows)]
        axes.set_yticks(range(len(rows)), labels, fontsize=8)
        axes.set_xlabel("score (points); bar: what the neighbours predict; *: p (BH) < .05")
        axes.set_title(f"{report.model} · {report.benchmark} · {counted(len(rows), 'language')}")
        axes.margins(y=0.05)
        figures.legend(axes, colours)
        return figure
