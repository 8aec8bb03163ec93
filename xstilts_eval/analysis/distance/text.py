"""The report on distance as tables and sentences for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType

from xstilts_eval.analysis import text
from xstilts_eval.analysis.distance.analyse import DistanceReport
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import p_value


def show(report: DistanceReport) -> Group:
    """Languages, correlations, regression, and what kinship does to them."""
    scope = ", ".join(report.benchmarks)
    sure = f"mean {report.mean:+.2f} ± {report.mean_half_width:.2f} over these {report.n} languages"
    parts: list[RenderableType] = [
        f"{report.outcome} of {report.model} on {scope}, points; {sure}",
        *([report.level.conclusion] if report.level else []),
        "",
        _points(report),
    ]
    if report.features:
        parts += ["", _features(report)]
    if report.regression:
        parts += [
            "",
            f"{report.outcome} ~ {report.by} distance + log10 {report.size}",
            text.regression(report.regression),
        ]
        parts.append(f"Freedman-Lane permutation p of distance: {p_value(report.permutation_p)}")
    if report.level:
        parts += ["", *text.level(report.level)]
    if report.level_regression:
        head = f"{report.outcome} ~ {report.by} distance + log10 {report.size} + baseline"
        parts += ["", head, text.regression(report.level_regression)]
        parts.append(f"Freedman-Lane permutation p of distance: {p_value(report.level_permutation_p or 1.0)}")
    if report.moran:
        i = report.moran
        chance = f"expected {i.expected:.3f}, p {p_value(i.p)}"
        parts.append(f"Moran's I of the residuals, same family: {i.estimate:.3f} ({chance})")
    if report.without:
        parts.append(f"without one family, rho with {report.by} distance: {_without(report)}")
    if report.families:
        parts.append(f"family means: {report.families.shown}, n {report.families.n}")
    for m in (found for found in (report.mixed, report.standard, report.level_mixed) if found):
        unit = "standard units" if m is report.standard else "points"
        parts.append(
            f"slope of {report.by} distance over all benchmarks ({m.method}; {m.rows} rows, {m.languages} languages, "
            f"{m.families} families; held fixed: {', '.join(m.controls)} and benchmark): {m.estimate:+.2f} {unit} per "
            f"unit (95 % {m.low:.2f} to {m.high:.2f}, p {p_value(m.p)})"
        )
        parts += [f"  {m.reason}"] if m.reason else []
    parts += text.certainty(report.sure, f"{report.by} distance")
    return Group(*parts, *text.notes([*report.notes, *text.left_out(report.left_out)]))


def _points(report: DistanceReport) -> RenderableType:
    header = ("language", "benchmark", "family", "script", report.outcome, "±", report.by, f"log10 {report.size}")
    rows = [
        (p.language, p.benchmark, p.family, p.script, f"{p.value:.2f}", text.number(p.half_width), f"{p.distance:.3f}",
         text.number(p.log_size))
        for p in report.points
    ]  # fmt: skip
    return terminal_table(header, rows)


def _features(report: DistanceReport) -> RenderableType:
    header = ["feature", "rho [95 %]", "p", "r [95 %]", "size held fixed", "n"]
    rows = [
        [f.name, f.spearman.shown, p_value(f.spearman.p), f.pearson.shown,
         f"{f.partial.shown}, p {p_value(f.partial.p)}" if f.partial else "–", str(f.spearman.n)]
        for f in report.features
    ]  # fmt: skip
    if report.level:
        header.append("baseline held fixed")
        for row, feature in zip(rows, report.features, strict=True):
            row.append(f"{feature.at_level.shown}, p {p_value(feature.at_level.p)}" if feature.at_level else "–")
    return terminal_table(header, rows)


def _without(report: DistanceReport) -> str:
    return "; ".join(
        f"{one.family} {one.spearman.estimate:.2f} (n {one.n})" if one.spearman else f"{one.family} – (n {one.n})"
        for one in report.without
    )
