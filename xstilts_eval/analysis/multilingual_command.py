"""`xstilts analyze multilingual`: from three arms to the report, its table and picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Group, RenderableType

from xstilts_eval.errors import SettingError
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import p_value

if TYPE_CHECKING:
    from xstilts_eval.analysis.multilingual import Association, MultilingualReport

ARM = "folder of xstilts eval's results or of seed-N/INNER; with --table a model."


def multilingual(
    english: str = typer.Option(..., help=f"Run with English intermediate training: {ARM}"),
    multilingual: str = typer.Option(..., help=f"Run with multilingual intermediate training: {ARM}"),
    baseline: str | None = typer.Option(None, help=f"Run without it: {ARM} Not needed for a table of gains."),
    table: Path | None = typer.Option(None, help="CSV with model, benchmark, language, score, outcome."),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    family: str | None = typer.Option(None, help="Benchmark, e.g. xnli; needed where several were scored."),
    trained_on: str = typer.Option("", help="Languages of the multilingual data, where the run does not say: ko,sw"),
    size: str = typer.Option("cc100", help="Corpus the base was pre-trained on: cc100, mc4 or wikipedia."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder for the JSON and the figure."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
) -> None:
    """English-only against multilingual intermediate training, by language, resource level and mix."""
    from xstilts_eval.analysis import multilingual as analysis
    from xstilts_eval.analysis import multilingual_figure, observations
    from xstilts_eval.analysis import multilingual_sources as sources
    from xstilts_eval.analysis.publish import publish
    from xstilts_eval.results.run import in_common, read

    given = [code.strip() for code in trained_on.split(",") if code.strip()]
    notes: list[str] = []
    if table:
        arms = sources.from_table(observations.read_table(table), baseline, english, multilingual, family)
        mix = sources.the_mix((), given, ())
    else:
        if baseline is None:
            raise SettingError("give --baseline, the run without intermediate training, or gains by --table")
        found = in_common([read(Path(path), inner, Path(path).name) for path in (baseline, english, multilingual)])
        benchmark = sources.benchmark_of(found[2].places[0], family)
        said = [sources.trained_on(one.places, benchmark) for one in found[1:]]
        mix = sources.the_mix(said[1], given, said[0])
        arms = sources.from_runs(found, benchmark)
        seeds = len(found[0].seeds)
        few = [] if seeds > 2 else ["below three seeds intervals of D cover the documents alone"]
        notes = [*few, *sources.notes(found[1].places[0], found[2].places[0], said[0])]
    report = analysis.analyse(arms, mix, size, notes)
    publish(report, show(report), lambda: multilingual_figure.draw(report), output, "multilingual", overwrite)


def show(report: MultilingualReport) -> Group:
    """Languages by group, means, rank correlations, regression."""
    from xstilts_eval.analysis import observations, text

    header = ("language", "family", "group", "English", "multilingual", "D", "±", f"log10 {report.size}", "class")
    every = [*report.rows, *([report.english] if report.english else [])]
    rows = [
        (r.language, r.family, "source" if r is report.english else r.group, f"{r.english:+.2f}",
         f"{r.multilingual:+.2f}", f"{r.value:+.2f}", text.number(r.half_width), text.number(r.log_size),
         "–" if r.resource_class is None else str(r.resource_class))
        for r in every
    ]  # fmt: skip
    means = [
        (m.group, str(m.n), f"{m.mean:+.2f}", text.number(m.half_width), f"{m.clearly_better}", f"{m.clearly_worse}")
        for m in report.means
    ]
    mix = ", ".join(code for code in report.mix if code != observations.ENGLISH)
    parts: list[RenderableType] = [
        f"{report.benchmark}: gains of {report.models[0]} and {report.models[1]} over one baseline, points; D is the "
        f"second minus the first; in the mix: {mix}", "",
        terminal_table(header, rows), "",
        terminal_table(("group", "languages", "mean D", "± over languages", "clearly better", "clearly worse"), means),
        "", *(_association(one) for one in report.associations),
    ]  # fmt: skip
    for level in report.levels:
        parts += ["", level.conclusion, *text.level(level)]
    if report.regression:
        parts += ["", text.regression(report.regression)]
    refused = [f"- not fitted: {label}: {reason}" for label, reason in report.refused.items()]
    left = [f"- {sentence}" for sentence in text.left_out(report.left_out)]
    return Group(*parts, "", *refused, *(f"- {note}" for note in report.notes), *left)


def _association(one: Association) -> str:
    from xstilts_eval.analysis import text

    rhos = [w.spearman.estimate for w in one.without if w.spearman]
    blocks = f"families as blocks [{one.blocks.low:.2f}, {one.blocks.high:.2f}]" if one.blocks else "too few families"
    spread = f"; without one family {min(rhos):.2f} to {max(rhos):.2f}" if rhos else ""
    return (
        f"D and {one.predictor}, {one.scope}: rho {text.interval(one.spearman)}, n {one.spearman.n}, {blocks}{spread}; "
        f"p {p_value(one.spearman.p)}, Holm {p_value(one.adjusted_p)}"
    )
