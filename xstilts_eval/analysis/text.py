"""Reports of `distance` and `scaling` as tables and sentences for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType

from xstilts_eval.analysis.distance import DistanceReport
from xstilts_eval.analysis.level import COLLINEAR, Level
from xstilts_eval.analysis.regression import Correlation, Regression
from xstilts_eval.analysis.scaling_report import ScalingReport
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import p_value


def distance(report: DistanceReport) -> Group:
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
        parts += ["", f"{report.outcome} ~ {report.by} distance + log10 {report.size}", regression(report.regression)]
        parts.append(f"Freedman-Lane permutation p of distance: {p_value(report.permutation_p)}")
    if report.level:
        parts += ["", *level(report.level)]
    if report.level_regression:
        head = f"{report.outcome} ~ {report.by} distance + log10 {report.size} + baseline"
        parts += ["", head, regression(report.level_regression)]
        parts.append(f"Freedman-Lane permutation p of distance: {p_value(report.level_permutation_p or 1.0)}")
    if report.moran:
        i = report.moran
        chance = f"expected {i.expected:.3f}, p {p_value(i.p)}"
        parts.append(f"Moran's I of the residuals, same family: {i.estimate:.3f} ({chance})")
    if report.without:
        parts.append(f"without one family, rho with {report.by} distance: {_without(report)}")
    if report.families:
        parts.append(f"family means: {interval(report.families)}, n {report.families.n}")
    for m in (found for found in (report.mixed, report.level_mixed) if found):
        parts.append(
            f"slope of {report.by} distance over all benchmarks ({m.method}; {m.rows} rows, {m.languages} languages, "
            f"{m.families} families; held fixed: {', '.join(m.controls)} and benchmark): {m.estimate:+.2f} points per "
            f"unit (95 % {m.low:.2f} to {m.high:.2f}, p {p_value(m.p)})"
        )
        parts += [f"  {m.reason}"] if m.reason else []
    return Group(*parts, *_notes([*report.notes, *left_out(report.left_out)]))


def _points(report: DistanceReport) -> RenderableType:
    header = ("language", "benchmark", "family", "script", report.outcome, "±", report.by, f"log10 {report.size}")
    rows = [
        (p.language, p.benchmark, p.family, p.script, f"{p.value:.2f}", number(p.half_width), f"{p.distance:.3f}",
         number(p.log_size))
        for p in report.points
    ]  # fmt: skip
    return terminal_table(header, rows)


def _features(report: DistanceReport) -> RenderableType:
    header = ["feature", "rho [95 %]", "p", "p (BH)", "r [95 %]", "size held fixed", "n"]
    rows = [
        [f.name, interval(f.spearman), p_value(f.spearman.p), p_value(f.adjusted_p), interval(f.pearson),
         f"{interval(f.partial)}, p {p_value(f.partial.p)}" if f.partial else "–", str(f.spearman.n)]
        for f in report.features
    ]  # fmt: skip
    if report.level:
        header.append("baseline held fixed")
        for row, feature in zip(rows, report.features, strict=True):
            row.append(f"{interval(feature.at_level)}, p {p_value(feature.at_level.p)}" if feature.at_level else "–")
    return terminal_table(header, rows)


def level(found: Level) -> list[RenderableType]:
    """The predictor without and with the level of the baseline held fixed; its `conclusion` belongs above."""
    header = ("held fixed", "rho [95 %]", "p", "r [95 %]", "p", "slope [95 %, HC3]")
    rows = [
        (one.held, interval(one.rank), p_value(one.rank.p), interval(one.linear), p_value(one.linear.p),
         f"{one.slope.estimate:+.2f} [{one.slope.low:.2f}, {one.slope.high:.2f}]")
        for one in (found.raw, *found.fixed)
    ]  # fmt: skip
    apart = "not to be told apart" if found.is_collinear else f"told apart up to {COLLINEAR:g}"
    title = (
        f"{found.predictor} beside the level of the baseline, n {found.n}; R with the level {found.with_level:.2f}, "
        f"variance inflation {found.inflation:.1f}: {apart}"
    )
    return [terminal_table(header, rows, title)]


def regression(found: Regression) -> RenderableType:
    """Terms with HC3 errors and intervals."""
    header = ("term", "estimate", "SE", "SE (HC3)", "95 % (HC3)", "p (HC3)", "VIF")
    rows = [
        (t.name, f"{t.estimate:.2f}", f"{t.error:.2f}", f"{t.hc3_error:.2f}", f"{t.low:.2f} to {t.high:.2f}",
         p_value(t.p), "–" if t.name == "intercept" else f"{t.vif:.1f}")
        for t in found.terms
    ]  # fmt: skip
    return terminal_table(header, rows, f"R² {found.r_squared:.3f}, n {found.n}, {found.degrees} degrees of freedom")


def _without(report: DistanceReport) -> str:
    return "; ".join(
        f"{one.family} {one.spearman.estimate:.2f} (n {one.n})" if one.spearman else f"{one.family} – (n {one.n})"
        for one in report.without
    )


def scaling(report: ScalingReport) -> Group:
    """Models, then every fit in a row, then what was not fitted and why."""
    header = ("model", "group", "bases", "parameters", "embeddings", report.outcome, "±")
    rows = [
        (p.model, p.group, p.bases, f"{p.parameters:,.0f}",
         "–" if p.embedding_parameters is None else f"{p.embedding_parameters:,.0f}", f"{p.value:.2f}",
         number(p.half_width))
        for p in sorted(report.points, key=lambda point: (point.bases, point.group, point.parameters))
    ]  # fmt: skip
    fits = []
    for fit in report.fits:
        d, law, end = fit.doubling, fit.power_law, fit.saturating
        fits.append(
            (fit.bases, fit.counting, f"{d.estimate:+.2f}", f"{d.low:.2f} to {d.high:.2f}", p_value(d.p),
             f"{min(d.without.values()):.2f} to {max(d.without.values()):.2f}",
             f"{law.alpha:.3f} ({law.low:.3f} to {law.high:.3f})" if law else "–",
             f"{end.floor:.1f}" if end else "–", f"{d.n} ({d.degrees})")
        )  # fmt: skip
    columns = ("bases", "size", "per doubling", "95 %", "p", "without one model", "alpha", "error left", "n (df)")
    parts: list[RenderableType] = [
        f"{report.outcome} on {report.benchmark}, points against log2 of the parameters", "",
        terminal_table(header, rows), "", terminal_table(columns, fits),
    ]  # fmt: skip
    for fit in report.fits:
        if fit.level:
            parts += ["", f"{fit.bases}, {fit.counting}: {fit.level.conclusion}", *level(fit.level)]
    if more := report.difference:
        parts.append(
            f"a doubling gives {more.first} bases {more.estimate:+.2f} points more than {more.second} ones (95 % "
            f"{more.low:.2f} to {more.high:.2f}, p {p_value(more.p)}, n {more.n})"
        )
    refused = [f"not fitted: {label}: {reason}" for label, reason in report.refused.items()]
    return Group(*parts, *_notes([*refused, *report.notes]))


def interval(found: Correlation) -> str:
    """``estimate [low, high]``."""
    return f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]"


def number(value: float | None) -> str:
    """Two decimals, or a dash for what is not known."""
    return "–" if value is None else f"{value:.2f}"


def left_out(reasons: Mapping[str, str]) -> list[str]:
    """One sentence per reason with the languages it holds for."""
    return [
        f"left out: {', '.join(code for code, why in reasons.items() if why == reason)} ({reason})"
        for reason in dict.fromkeys(reasons.values())
    ]


def _notes(notes: Iterable[str]) -> list[str]:
    return ["", *(f"- {note}" for note in notes)]
