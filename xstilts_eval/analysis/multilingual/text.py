"""The report on multilingual intermediate training as tables for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType

from xstilts_eval.analysis import observations, text
from xstilts_eval.analysis.multilingual.analyse import Association, MultilingualReport
from xstilts_eval.analysis.stats.pooling import Pooled
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import p_value


def show(report: MultilingualReport) -> Group:
    """Languages by group, means, rank correlations, regression."""
    header = ("language", "family", "group", "English", "multilingual", "D", "±", f"log10 {report.size}", "class")
    every = [*report.rows, *([report.english] if report.english else [])]
    rows = [
        (r.language, r.family, "source" if r is report.english else r.group, text.signed(r.english),
         text.signed(r.multilingual), text.signed(r.value), text.number(r.half_width), text.number(r.log_size),
         "–" if r.resource_class is None else str(r.resource_class))
        for r in every
    ]  # fmt: skip
    means = [
        (
            m.group,
            str(m.n),
            f"{m.mean:+.2f}",
            text.number(m.half_width),
            _families(m.families),
            text.number(m.families.smallest),
            f"{m.clearly_better}",
            f"{m.clearly_worse}",
        )
        for m in report.means
    ]
    covered = max((m.families for m in report.means), key=lambda one: one.seeds).covered
    mix = ", ".join(code for code in report.mix if code != observations.ENGLISH)
    parts: list[RenderableType] = [
        f"{report.benchmark}: gains of {report.models[0]} and {report.models[1]} over one baseline, points; D is the "
        f"second minus the first; in the mix: {mix}", "",
        terminal_table(header, rows), "",
        terminal_table(("group", "languages", "mean D", "± over languages", f"95 %, {covered}", "smallest seen",
                        "clearly better", "clearly worse"), means),
        "", *(_association(one) for one in report.associations),
    ]  # fmt: skip
    for level in report.levels:
        parts += ["", level.conclusion, *text.level(level)]
    if report.regression:
        parts += ["", text.regression(report.regression)]
    parts += text.certainty(report.sure, f"log10 {report.size}")
    refused = [f"- not fitted: {label}: {reason}" for label, reason in report.refused.items()]
    left = [f"- {sentence}" for sentence in text.left_out(report.left_out)]
    return Group(*parts, "", *refused, *(f"- {note}" for note in report.notes), *left)


def _association(one: Association) -> str:
    rhos = [w.spearman.estimate for w in one.without if w.spearman]
    blocks = f"families as blocks [{one.blocks.low:.2f}, {one.blocks.high:.2f}]" if one.blocks else "too few families"
    spread = f"; without one family {min(rhos):.2f} to {max(rhos):.2f}" if rhos else ""
    return (
        f"D and {one.predictor}, {one.scope}: rho {one.spearman.shown}, n {one.spearman.n}, {blocks}{spread}; "
        f"p {p_value(one.spearman.p)}"
    )


def _families(found: Pooled) -> str:
    return "–" if found.low is None else f"[{found.low:+.2f}, {found.high:+.2f}]"
