"""A relatedness report as tables and sentences for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType

from xstilts_eval.analysis import text
from xstilts_eval.analysis.relatedness.analyse import RelatednessReport
from xstilts_eval.analysis.stats.pooling import POINTS, STANDARD, Pooled
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import counted, p_value

UNITS = (POINTS, STANDARD)


def show(report: RelatednessReport) -> Group:
    """Gains by task and target, similarity at the last layer, estimates and their agreement with the gains."""
    header = ("intermediate", "target", "mean gain", "±", "English", "gap widens by", "clearly worse in")
    rows = [
        (c.intermediate, c.target, f"{c.gain:+.2f}", _number(c.half_width), _signed(c.english), _signed(c.widening),
         f"{c.worse} of {c.languages}")
        for c in report.cells
    ]  # fmt: skip
    parts: list[RenderableType] = ["gains over the baseline, points", "", terminal_table(header, rows)]
    if any(one.pooled for one in report.overall):
        parts += ["", _overall(report)]
    if report.similarity:
        parts += ["", _similarity(report)]
    if report.estimates:
        parts += ["", _estimates(report)]
    for a in report.agreements:
        parts.append(
            f"{a.estimate}: mean rho {a.mean:.2f} (95 % {a.low:.2f} to {a.high:.2f}; joint permutation p "
            f"{p_value(a.p)}; {counted(a.intermediates, 'task')}, {counted(len(a.by_target), 'target')}; "
            f"regret@1 {a.regret[1]:.2f}; smallest mean rho that the design sees "
            f"{f'{a.smallest:.2f}' if a.smallest < 1 else 'none'})"
        )
        parts += [f"  without {', '.join(a.left_out)}: too few tasks, or nothing varies"] if a.left_out else []
    parts += text.page(report.tests)
    reasons = dict.fromkeys(reason.partition(": ")[2] or reason for reason in report.refused.values())
    refused = [f"- no rank correlation of estimates with gains: {reason}" for reason in reasons]
    return Group(*parts, "", *refused, *(f"- {note}" for note in report.notes))


def _overall(report: RelatednessReport) -> RenderableType:
    first = next(one.pooled[0] for one in report.overall if one.pooled)
    header = ("intermediate", *(f"{unit} [95 %]" for unit in UNITS), "95 % of", "smallest seen", "clearly worse (Holm)")
    rows = [
        (one.intermediate, *(_interval(next((p for p in one.pooled if p.unit == unit), None)) for unit in UNITS),
         one.pooled[0].covered, _number(one.pooled[0].smallest), f"{one.worse} of {one.tested}")
        for one in report.overall
    ]  # fmt: skip
    scope = f"{counted(first.targets, 'target')}, {counted(first.languages, 'language')}"
    families = f"{counted(first.families, 'family', 'families')} resampled"
    return terminal_table(header, rows, f"means over targets without English: {scope}, {families}")


def _interval(found: Pooled | None) -> str:
    if found is None or found.low is None:
        return "–" if found is None else f"{found.mean:+.2f}"
    return f"{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def _similarity(report: RelatednessReport) -> RenderableType:
    header = ("intermediate", "language", "CKA with the base", "English CKA before", "after", "inputs")
    rows = [
        (s.intermediate, s.language, f"{s.with_base[-1]:.3f}", _three(s.aligned_before), _three(s.aligned),
         str(s.inputs))
        for s in report.similarity
    ]  # fmt: skip
    return terminal_table(header, rows, "debiased linear CKA at the last layer")


def _estimates(report: RelatednessReport) -> RenderableType:
    tasks = list(dict.fromkeys(task for table in report.estimates.values() for task in table))
    targets = sorted({t for table in report.estimates.values() for row in table.values() for t in row})
    rows = [
        (task, target, *(_value(table.get(task, {}).get(target)) for table in report.estimates.values()))
        for task in tasks
        for target in targets
    ]
    return terminal_table(("intermediate", "target", *report.estimates), rows, "transferability estimates (English)")


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _three(values: tuple[float, ...] | None) -> str:
    return "–" if values is None else f"{values[-1]:.3f}"
