"""A regression report for the terminal, for a pull request (Markdown), for CI (JUnit XML) and for programs (JSON)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

from rich.console import Group, RenderableType
from rich.text import Text

from xstilts_eval.tables import markdown_table, terminal_table, without_empty
from xstilts_eval.wording import ABSENT, counted
from xstilts_eval.zoo.regression import LEVEL, Report, Status, Verdict

Row = list[str]
HEADER = ["family", "language", "metric", "published", "ours", "difference", "allowed", "verdict", "note"]
_FEW = 4
"""Languages that a row names in their own column."""
_MOST_ROWS = 300
"""Rows of one Markdown table: a comment on a pull request ends at 65,536 characters."""
_NOT_IN_XML = re.compile("[^\\t\\n\\r -\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""Characters that XML 1.0 cannot hold (its production 2)."""


def verdict_line(report: Report) -> str:
    """The outcome in one sentence."""
    counts, gating = report.counts, len(report.gating)
    if not gating:
        return f"NOTHING COMPARED: no number of {report.against} here can decide anything"
    found = counts[Status.REPRODUCED]
    if report.has_passed:
        missing = counts[Status.MISSING]
        rest = f", {missing} missing (allowed)" if missing else ""
        return f"REPRODUCED: {found} of {counted(gating, 'number')} of {report.against}{rest}"
    others = [f"{count} {status.value}" for status, count in counts.items() if count and status != Status.REPRODUCED]
    return f"NOT REPRODUCED: {found} of {counted(gating, 'number')} of {report.against}; {', '.join(others)}"


def count_lines(report: Report) -> list[str]:
    """The counts, as sums that add up, and why some records decide nothing."""
    counts = report.counts
    parts = " + ".join(f"{counts[status]} {status.value}" for status in Status)
    idle = len(report.verdicts) - len(report.gating)
    lines = [f"{len(report.gating)} gated = {parts}; {len(report.verdicts)} in the zoo, {idle} not gated"]
    if idle:
        lines[0] += f" ({', '.join(f'{count} {reason}' for reason, count in report.not_gated.items())})"
    sampled = sum(verdict.error is not None for verdict in report.verdicts)
    if sampled:
        lines.append(
            f"{sampled} compared by the sampling error of both sides; chance of a false alarm {LEVEL:.0%} in all"
        )
    return lines


def summary_rows(report: Report) -> tuple[Row, list[Row]]:
    """Gating records by family and metric: counts, and the largest difference in points."""
    header = ["family", "metric", "gated", *(status.value for status in Status), "largest difference"]
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in report.gating:
        groups.setdefault((verdict.record.family, verdict.record.metric), []).append(verdict)
    rows = []
    for (family, metric), verdicts in groups.items():
        counts = [str(sum(verdict.status is status for verdict in verdicts)) for status in Status]
        found = [abs(v.difference) for v in verdicts if v.difference is not None]
        rows.append([family, metric, str(len(verdicts)), *counts, _points(max(found)) if found else ABSENT])
    return header, rows


def rows(verdicts: Iterable[Verdict]) -> list[Row]:
    """One row per record under `HEADER`; numbers in points."""
    return [
        [
            verdict.record.family,
            verdict.record.language,
            verdict.record.metric,
            _points(verdict.record.percent),
            ABSENT if verdict.measured is None else _points(verdict.measured),
            ABSENT if verdict.difference is None else f"{verdict.difference:+.3g}",
            ABSENT if verdict.allowed is None else f"±{verdict.allowed:.2g}",
            verdict.status.value if verdict.gates else "not gated",
            verdict.reason,
        ]
        for verdict in verdicts
    ]


def short_rows(verdicts: Sequence[Verdict]) -> list[Row]:
    """`rows`, in which records without a score of ours that share family, verdict and reason are one row."""
    groups: dict[tuple[str, ...], list[Verdict]] = {}
    for verdict in verdicts:
        record, status = verdict.record, verdict.status.value
        own = (record.language, record.metric) if verdict.measured is not None else ()
        groups.setdefault((record.family, status, verdict.reason, str(verdict.gates), *own), []).append(verdict)
    return [rows(group)[0] if len(group) == 1 else _joined(group) for group in groups.values()]


def _joined(group: Sequence[Verdict]) -> Row:
    languages = list(dict.fromkeys(verdict.record.language for verdict in group))
    metrics = list(dict.fromkeys(verdict.record.metric for verdict in group))
    row = rows(group[:1])[0]
    few = len(languages) <= _FEW
    names = " ".join(languages)
    return [
        row[0], names if few else f"{len(languages)} of them", ", ".join(metrics), *[ABSENT] * 4, row[7],
        row[8] if few else f"{row[8]}: {names}",
    ]  # fmt: skip


def terminal(report: Report, every: bool = False) -> RenderableType:
    """Summary, what is not reproduced (or, with `every`, all records), counts and the outcome."""
    parts: list[RenderableType] = [Text(f"{report.checkpoint} against {report.against}", style="bold"), ""]
    header, summary = summary_rows(report)
    if summary:
        parts += [terminal_table(*without_empty(header, summary), keys=2), ""]
    if shown := rows(report.verdicts) if every else short_rows(_not_reproduced(report)):
        parts += [terminal_table(*without_empty(HEADER, shown), keys=3), ""]
    parts += [Text(line, style="dim") for line in count_lines(report)]
    parts.append(Text(verdict_line(report), style="bold green" if report.has_passed else "bold red"))
    return Group(*parts)


def markdown(report: Report) -> str:
    """The outcome and the counts, then what is not reproduced, then what is, folded away."""
    mark = "✅" if report.has_passed else "❌"
    lines = [f"## {mark} {_cell(verdict_line(report))}", "", f"Checkpoint: {_cell(report.checkpoint)}", ""]
    lines += [f"- {_cell(line)}" for line in count_lines(report)] + [""]
    header, summary = summary_rows(report)
    if summary:
        lines += [*_table(header, summary), ""]
    if wrong := _not_reproduced(report):
        lines += ["### Not reproduced", "", *_table(HEADER, short_rows(wrong)), ""]
    if right := [verdict for verdict in report.gating if verdict.status is Status.REPRODUCED]:
        lines += ["<details><summary>Reproduced</summary>", "", *_table(HEADER, rows(right)), "", "</details>", ""]
    return "\n".join([*lines, "Numbers in points (0-100); `allowed` is the largest difference that passes.", ""])


def junit(report: Report) -> str:
    """One test case per record: a failure turns the regression red, a skipped one decides nothing."""
    failed = sum(report.fails(verdict) for verdict in report.verdicts)
    skipped = sum(_is_skipped(report, verdict) for verdict in report.verdicts)
    cases = [_case(report, verdict) for verdict in report.verdicts]
    if not report.has_passed and not failed:  # nothing was compared: red, though no record says so
        case = ElementTree.Element("testcase", {"classname": "xstilts.regress", "name": "compared", "time": "0"})
        ElementTree.SubElement(case, "failure", {"type": "nothing compared", "message": _xml(verdict_line(report))})
        cases, failed = [*cases, case], 1
    totals = {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "time": "0"}
    root = ElementTree.Element("testsuites", {"name": "xstilts regress"} | totals)
    named = {"name": _xml(report.against), "skipped": str(skipped)}
    suite = ElementTree.SubElement(root, "testsuite", named | totals)
    suite.extend(cases)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def as_json(report: Report) -> dict[str, Any]:
    """Everything, numbers in points."""
    return {
        "against": report.against,
        "checkpoint": report.checkpoint,
        "passed": report.has_passed,
        "gated": len(report.gating),
        "counts": {status.value: count for status, count in report.counts.items()},
        "not_gated": report.not_gated,
        "verdicts": [
            {
                "record": verdict.record.model_dump(mode="json"),
                "status": verdict.status.value,
                "gated": verdict.gates,
                "failed": report.fails(verdict),
                "reason": verdict.reason,
                "published": verdict.record.percent,
                "measured": verdict.measured,
                "difference": verdict.difference,
                "allowed": verdict.allowed,
                "method": verdict.method,
                "signature": verdict.signature,
            }
            for verdict in report.verdicts
        ],
    }


def _not_reproduced(report: Report) -> list[Verdict]:
    """What turns the regression red first, then what was excused."""
    found = [verdict for verdict in report.gating if verdict.status is not Status.REPRODUCED]
    return sorted(found, key=lambda verdict: (not report.fails(verdict), list(Status).index(verdict.status)))


def _case(report: Report, verdict: Verdict) -> ElementTree.Element:
    record = verdict.record
    case = ElementTree.Element(
        "testcase",
        {
            "classname": _xml(f"{report.against}.{record.family}"),
            "name": _xml(f"{record.task} {record.language} {record.metric} ({record.setting}, {record.source})"),
            "time": "0",
        },
    )
    text = ", ".join(f"{name} {value}" for name, value in zip(HEADER[3:], rows([verdict])[0][3:], strict=True) if value)
    if report.fails(verdict):
        ElementTree.SubElement(case, "failure", {"type": verdict.status.value, "message": _xml(text)})
    elif _is_skipped(report, verdict):
        ElementTree.SubElement(case, "skipped", {"message": _xml(text)})
    return case


def _is_skipped(report: Report, verdict: Verdict) -> bool:
    return verdict.status is not Status.REPRODUCED and not report.fails(verdict)


def _xml(text: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _points(value: float) -> str:
    return f"{value:.4g}" if value < 1 else f"{value:.2f}"


def _table(header: Sequence[str], cells: Sequence[Row]) -> list[str]:
    lines = markdown_table(header, ([_cell(cell) for cell in row] for row in cells[:_MOST_ROWS]))
    left_out = len(cells) - _MOST_ROWS
    return lines if left_out <= 0 else [*lines, "", f"… and {left_out} more, in the JSON"]


def _cell(text: str) -> str:
    """Text that cannot break a table, nor become markup."""
    return re.sub(r"([|<>*`\[\]])", r"\\\1", " ".join(text.split()))
