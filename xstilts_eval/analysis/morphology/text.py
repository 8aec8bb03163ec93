"""The report on morphology as a table for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType

from xstilts_eval.analysis import text
from xstilts_eval.analysis.morphology.analyse import MorphologyReport
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import p_value


def show(report: MorphologyReport) -> Group:
    """Languages by complexity, correlations, regression."""
    measures = {one.language: one for one in report.measures}
    names = list(dict.fromkeys(name for one in report.measures for name in one.premium))
    header = ("language", "family", "value", "±", report.by, f"log10 {report.size}",
              *(f"{what} {name}" for name in names for what in ("fertility", "split", "premium")))  # fmt: skip
    rows = []
    for row in report.rows:
        one = measures[row.language]
        cells = [part.get(name) for name in names for part in (one.fertility, one.continuation, one.premium)]
        rows.append((row.language, row.family, f"{row.value:+.2f}", text.number(row.half_width),
                     f"{row.complexity:.3f}", text.number(row.log_size), *map(text.number, cells)))  # fmt: skip
    parts: list[RenderableType] = [
        f"{report.outcome} of {report.models[0]} on {report.benchmark} (points) against {report.by}",
        *([report.level.conclusion] if report.level else []), "",
        terminal_table(header, rows), "",
        f"rho {report.spearman.shown}, p {p_value(report.spearman.p)}; r {report.pearson.shown}, n "
        f"{report.pearson.n}",
    ]  # fmt: skip
    if report.partial:
        parts.append(f"with log10 {report.size} held fixed: r {report.partial.shown}, p {p_value(report.partial.p)}")
    if report.premium:
        parts.append(f"premium: rho {report.premium.shown}, p {p_value(report.premium.p)}")
    if report.regression:
        parts += ["", text.regression(report.regression)]
    if report.level:
        parts += ["", *text.level(report.level)]
    if report.level_regression:
        parts += ["", text.regression(report.level_regression)]
    if report.moran:
        parts.append(f"Moran's I of the residuals: {report.moran.estimate:.3f}, p {p_value(report.moran.p)}")
    parts += text.certainty(report.sure, report.by)
    left = [f"- {sentence}" for sentence in text.left_out(report.left_out)]
    return Group(*parts, "", *(f"- {note}" for note in report.notes), *left)
