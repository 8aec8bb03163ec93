"""A regression report for the terminal, for a pull request (Markdown), for CI (JUnit XML) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType

from xstilts_eval.junit import Case, suite
from xstilts_eval.tables import in_markdown, markdown_table, one_line, terminal_table, without_empty
from xstilts_eval.wording import ABSENT, counted, p_value
from xstilts_eval.zoo.detection import span
from xstilts_eval.zoo.gating import LEVEL
from xstilts_eval.zoo.joint import POWER, SHARE, Joint
from xstilts_eval.zoo.regression import Report, Status, Verdict

Row = list[str]
HEADER = ["dataset", "language", "metric", "published", "ours", "difference", "allowed", "verdict", "note"]
_FEW = 4
"""Languages that a row names in their own column."""
_MOST_ROWS = 300
"""Rows of one Markdown table: a comment on a pull request ends at 65,536 characters."""


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
    others += [f"{family.family} shifted as a whole" for family in report.families if family.fails]
    return f"NOT REPRODUCED: {found} of {counted(gating, 'number')} of {report.against}; {', '.join(others)}"


def count_lines(report: Report) -> list[str]:
    """The counts, as sums that add up, and why some records decide nothing."""
    counts = report.counts
    parts = " + ".join(f"{counts[status]} {status.value}" for status in Status)
    idle = len(report.verdicts) - len(report.gating)
    lines = [f"{len(report.gating)} decide = {parts}; {len(report.verdicts)} in the zoo, {idle} decide nothing"]
    if idle:
        lines[0] += f" ({', '.join(f'{count} {reason}' for reason, count in report.not_gated.items())})"
    copied = sum(verdict.method == "quantised copy" for verdict in report.verdicts)
    if copied:
        lines.append(f"{copied} compared as those of a quantised copy, by the measured effect of rounding its weights")
    sampled = sum(verdict.error is not None for verdict in report.verdicts) - copied
    if sampled:
        together = len(report.families)
        parts = f", {SHARE:.0%} of it for {together} joint verdict{'s'[: together > 1]}" if together else ""
        lines.append(
            f"{sampled} compared by the sampling error of both sides; chance of a false alarm {LEVEL:.0%} in all{parts}"
        )
    return lines


def joint_rows(families: Sequence[Joint]) -> tuple[Row, list[Row]]:
    """Families judged as a whole, one row each; differences in points."""
    header = ["dataset", "metric", "numbers", "lower / equal / higher", "mean shift", "interval"]
    header += ["p (shift)", "p (signs)", "p (spread)", "p below", "detects", "verdict"]
    rows = [
        [
            one.family, one.metric, str(one.numbers), f"{one.lower} / {one.equal} / {one.higher}", f"{one.shift:+.2f}",
            f"{one.low:+.2f} to {one.high:+.2f}", _p(one.shift_p), _p(one.sign_p), _p(one.spread_p),
            f"{one.level:.2g}", f"{one.detectable:.2g}", one.verdict,
        ]
        for one in families
    ]  # fmt: skip
    return header, rows


def _p(value: float | None) -> str:
    return ABSENT if value is None else p_value(value)


def joint_lines(families: Sequence[Joint]) -> list[str]:
    """How the joint verdicts are to be read, once."""
    if not families:
        return []
    return [
        f"numbers of a dataset together: it has shifted where a p is below its bound; intervals are at 1 - that bound, "
        f"and a mean shift as large as `detects` is found with a chance of {POWER:.0%} or more"
    ]


def summary_rows(report: Report) -> tuple[Row, list[Row]]:
    """Gating records by family and metric: counts, the largest difference, and what one record detects, in points."""
    header = ["dataset", "metric", "decide", *(status.value for status in Status), "largest difference", "one detects"]
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in report.gating:
        groups.setdefault((verdict.record.family, verdict.record.metric), []).append(verdict)
    rows = []
    for (family, metric), verdicts in groups.items():
        counts = [str(sum(verdict.status is status for verdict in verdicts)) for status in Status]
        found = [abs(v.difference) for v in verdicts if v.difference is not None]
        largest = _points(max(found)) if found else ABSENT
        rows.append(
            [family, metric, str(len(verdicts)), *counts, largest, span(v.detectable for v in verdicts) or ABSENT]
        )
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
            verdict.status.value if verdict.gates else "decides nothing",
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
    parts: list[RenderableType] = [one_line(f"{report.checkpoint} against {report.against}", "bold"), ""]
    header, summary = summary_rows(report)
    if summary:
        parts += [terminal_table(*without_empty(header, summary), keys=2), ""]
    if report.families:
        parts += [terminal_table(*without_empty(*joint_rows(report.families)), keys=2), ""]
    if shown := rows(report.verdicts) if every else short_rows(_not_reproduced(report)):
        parts += [terminal_table(*without_empty(HEADER, shown), keys=3), ""]
    lines = [*count_lines(report), *joint_lines(report.families)]
    parts += [one_line(line, "dim") for line in lines]
    parts.append(one_line(verdict_line(report), "bold green" if report.has_passed else "bold red"))
    return Group(*parts)


def markdown(report: Report) -> str:
    """The outcome and the counts, then what is not reproduced, then what is, folded away."""
    mark = "✅" if report.has_passed else "❌"
    lines = [f"## {mark} {in_markdown(verdict_line(report))}", "", f"Checkpoint: {in_markdown(report.checkpoint)}", ""]
    lines += [f"- {in_markdown(line)}" for line in count_lines(report)] + [""]
    header, summary = summary_rows(report)
    if summary:
        lines += [*_table(header, summary), ""]
    if report.families:
        together = joint_lines(report.families)
        lines += ["### Datasets as a whole", "", *_table(*joint_rows(report.families)), "", *together, ""]
    if wrong := _not_reproduced(report):
        lines += ["### Not reproduced", "", *_table(HEADER, short_rows(wrong)), ""]
    if right := [verdict for verdict in report.gating if verdict.status is Status.REPRODUCED]:
        lines += ["<details><summary>Reproduced</summary>", "", *_table(HEADER, rows(right)), "", "</details>", ""]
    legend = (
        "Numbers in points (0-100); `allowed` is the largest difference that passes, `one detects` the difference that "
        f"one number shows with a chance of {POWER:.0%}, or for certain where a tolerance decides."
    )
    return "\n".join([*lines, legend, ""])


def junit(report: Report) -> str:
    """One case per record and joint verdict: a failure turns the regression red, a skipped one decides nothing."""
    cases = [_case(report, verdict) for verdict in report.verdicts]
    cases += [_joint_case(report.against, one) for one in report.families]
    if not report.has_passed and not any(case.failed for case in cases):  # red, though no record says so
        cases.append(Case("xstilts.regress", "compared", "nothing compared", message=verdict_line(report)))
    return suite("xstilts regress", report.against, cases)


def as_json(report: Report) -> dict[str, object]:
    """Everything, numbers in points."""
    return {
        "against": report.against,
        "checkpoint": report.checkpoint,
        "passed": report.has_passed,
        "gated": len(report.gating),
        "counts": {status.value: count for status, count in report.counts.items()},
        "not_gated": report.not_gated,
        "families": [
            {**asdict(one), "numbers": one.numbers, "failed": one.fails, "power": POWER} for one in report.families
        ],
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
                "detectable": verdict.detectable,
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


def _case(report: Report, verdict: Verdict) -> Case:
    record = verdict.record
    text = ", ".join(f"{name} {value}" for name, value in zip(HEADER[3:], rows([verdict])[0][3:], strict=True) if value)
    return Case(
        group=f"{report.against}.{record.family}",
        name=f"{record.task} {record.language} {record.metric} ({record.setting}, {record.source})",
        failed=verdict.status.value if report.fails(verdict) else "",
        is_skipped=_is_skipped(report, verdict),
        message=text,
    )


def _joint_case(against: str, one: Joint) -> Case:
    header, (row,) = joint_rows([one])
    text = ", ".join(f"{key} {value}" for key, value in zip(header[2:], row[2:], strict=True) if value)
    name = f"all {one.numbers} numbers, {one.metric}"
    return Case(f"{against}.{one.family}", name, one.verdict if one.fails else "", message=text)


def _is_skipped(report: Report, verdict: Verdict) -> bool:
    return verdict.status is not Status.REPRODUCED and not report.fails(verdict)


def _points(value: float) -> str:
    return f"{value:.4g}" if value < 1 else f"{value:.2f}"


def _table(header: Sequence[str], cells: Sequence[Row]) -> list[str]:
    lines = markdown_table(header, cells[:_MOST_ROWS])
    left_out = len(cells) - _MOST_ROWS
    return lines if left_out <= 0 else [*lines, "", f"… and {left_out} more, in the JSON"]
