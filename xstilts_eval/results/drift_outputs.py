"""A check for drift for the terminal, for a pull request (Markdown), for CI (JUnit XML) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType

from xstilts_eval.junit import Case, suite
from xstilts_eval.results.drift import ALPHA, POWER, Drift, Report
from xstilts_eval.tables import in_markdown, markdown_table, one_line, terminal_table, without_empty
from xstilts_eval.wording import ABSENT, counted, p_value

Row = list[str]
HEADER = [
    "dataset", "languages", "before", "now", "difference", "95 % interval", "p", "p (languages)", "p below", "allowed",
    "detects", "largest change", "verdict",
]  # fmt: skip
_SHOWN = 8
"""Tasks that a sentence names."""


def verdict_line(report: Report) -> str:
    """The outcome in one sentence."""
    compared = f"{counted(len(report.datasets), 'dataset')} against {report.reference.name}"
    seen = report.pooled or report.datasets[0]
    detects = "" if seen.detects is None else f"; a drift of {seen.detects:.2g} points of {seen.name} would show"
    if report.has_passed:
        allowed = f" by more than {report.tolerance:g} points" if report.tolerance is not None else ""
        rest = f", {counted(len(report.missing), 'task')} missing (allowed)" if report.missing else ""
        return f"NO DRIFT: {compared}, none moved{allowed}{rest}{detects if report.tolerance is None else ''}"
    reasons = [f"{one.name} {_signed(one.difference)}{_brackets(one)}" for one in report.drifted]
    if report.missing and not report.may_miss:
        reasons.append(f"{counted(len(report.missing), 'task')} missing")
    return f"DRIFTED: {compared}; {', '.join(reasons)}"


def rows(report: Report) -> list[Row]:
    """One row per dataset, then one for all of them, under `HEADER`; numbers in points."""
    return [_row(one) for one in (*report.datasets, *filter(None, (report.pooled,)))]


def _row(one: Drift) -> Row:
    largest = f"{one.largest[0]} {_signed(one.largest[1])}" if one.largest else ABSENT
    return [
        one.name,
        str(len(one.languages)) if one.family else ABSENT,
        f"{one.reference:.2f}",
        f"{one.score:.2f}",
        _signed(one.difference),
        _brackets(one).strip() or ABSENT,
        p_value(one.p) if one.tolerance is None else ABSENT,
        p_value(one.p_languages) if one.tolerance is None else ABSENT,
        ABSENT if one.level is None else f"{one.level:.2g}",
        ABSENT if one.tolerance is None else f"±{one.tolerance:g}",
        ABSENT if one.detects is None or one.tolerance is not None else f"{one.detects:.2g}",
        largest,
        "drifted" if one.has_drifted else "no drift",
    ]


def lines(report: Report) -> list[str]:
    """What a reader must know beside the table."""
    found = []
    if report.missing:
        found.append(f"missing: {_some(report.missing)}")
    if report.added:
        found.append(f"not in {report.reference.name}: {_some(report.added)}")
    if report.settings:
        pairs = ", ".join(f"{key} {a} / {b}" for key, (a, b) in report.settings.items())
        found.append(f"settings that differ ({report.reference.name} / {report.new.name}): {pairs}")
    if report.tolerance is None:
        found.append(
            f"paired randomization on the same documents, two-sided; drifted where a p is at most its bound, "
            f"{ALPHA:.0%} in all; `detects`: the smallest drift found with a chance of {POWER:.0%}"
        )
    else:
        found.append("with a tolerance differences alone decide, of every dataset and of their mean; nothing is tested")
    return found


def _some(leaves: Sequence[str]) -> str:
    return " ".join(leaves[:_SHOWN]) + (f" and {len(leaves) - _SHOWN} more" if len(leaves) > _SHOWN else "")


def terminal(report: Report) -> RenderableType:
    """The table, what a reader must know, and the outcome."""
    title = f"{report.new.name} against {report.reference.name}, points"
    table = terminal_table(*without_empty(HEADER, rows(report)), texts=("dataset", "verdict"))
    style = "bold green" if report.has_passed else "bold red"
    notes = (one_line(line, "dim") for line in lines(report))
    return Group(one_line(title, "bold"), "", table, "", *notes, one_line(verdict_line(report), style))


def markdown(report: Report) -> str:
    """The outcome, the table, and what a reader must know."""
    mark = "✅" if report.has_passed else "❌"
    table = markdown_table(*without_empty(HEADER, rows(report)))
    notes = (f"- {in_markdown(line)}" for line in lines(report))
    return "\n".join([f"## {mark} {in_markdown(verdict_line(report))}", "", *table, "", *notes, ""])


def junit(report: Report) -> str:
    """One case per dataset, one for all of them, and one for each task that is missing."""
    group = report.reference.name
    cases = [
        Case(group, row[0], "drifted" if one.has_drifted else "", message=_said(row))
        for one, row in zip((*report.datasets, *filter(None, (report.pooled,))), rows(report), strict=True)
    ]
    kind = "" if report.may_miss else "missing"
    cases += [Case(group, leaf, kind, report.may_miss, "not scored") for leaf in report.missing]
    return suite("xstilts regress", group, cases)


def _said(row: Row) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(HEADER[2:], row[2:], strict=True) if value != ABSENT)


def as_json(report: Report) -> dict[str, object]:
    """Everything, numbers in points."""
    return {
        "against": report.reference.name,
        "run": report.new.name,
        "passed": report.has_passed,
        "tolerance": report.tolerance,
        "alpha": ALPHA,
        "power": POWER,
        "datasets": [_drift_json(one) for one in report.datasets],
        "pooled": _drift_json(report.pooled) if report.pooled else None,
        "missing": list(report.missing),
        "added": list(report.added),
        "settings": {name: list(pair) for name, pair in report.settings.items()},
    }


def _drift_json(one: Drift) -> dict[str, object]:
    values = asdict(one) | {"difference": one.difference, "drifted": one.has_drifted}
    return values | {"family": one.family.group if one.family else None}


def _signed(value: float) -> str:
    text = f"{value:+.2f}"
    return text[1:] if float(text) == 0 else text


def _brackets(one: Drift) -> str:
    return f" [{one.interval[0]:+.2f}, {one.interval[1]:+.2f}]" if one.interval else ""
