"""The report on scaling as tables and sentences for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType

from xstilts_eval.analysis import text
from xstilts_eval.analysis.scaling.analyse import ScalingReport
from xstilts_eval.analysis.stats import power
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import p_value


def show(report: ScalingReport) -> Group:
    """Models, then every fit in a row, then what was not fitted and why."""
    header = ("model", "group", "bases", "parameters", "embeddings", report.outcome, "±")
    rows = [
        (p.model, p.group, p.bases, f"{p.parameters:,.0f}",
         "–" if p.embedding_parameters is None else f"{p.embedding_parameters:,.0f}", f"{p.value:.2f}",
         text.number(p.half_width))
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
            parts += ["", f"{fit.bases}, {fit.counting}: {fit.level.conclusion}", *text.level(fit.level)]
    if more := report.difference:
        parts.append(
            f"a doubling of the {report.counting} gives {more.first} bases {more.estimate:+.2f} points more than "
            f"{more.second} ones (95 % {more.low:.2f} to {more.high:.2f}, p {p_value(more.p)}, n {more.n})"
        )
    parts += ["", *power.lines(report.smallest), *text.page(report.tests)]
    refused = [f"not fitted: {label}: {reason}" for label, reason in report.refused.items()]
    return Group(*parts, *text.notes([*refused, *report.notes]))
