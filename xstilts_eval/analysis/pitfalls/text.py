"""The report on pitfalls as a table and a list of examples for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType

from xstilts_eval.analysis import text
from xstilts_eval.analysis.pitfalls.analyse import PitfallReport
from xstilts_eval.analysis.stats import power
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import counted, p_value


def show(report: PitfallReport) -> Group:
    """Languages, lowest first, then examples."""
    header = ("language", "score", "±", "neighbours say", "difference", "z", "p (BH)", "neighbours")
    rows = [
        (s.language, f"{s.score:.1f}", "–" if s.half_width is None else f"{s.half_width:.1f}", f"{s.predicted:.1f}",
         f"{s.difference:+.1f}", f"{s.z:+.2f}", p_value(s.adjusted_p),
         ", ".join(f"{language} {weight:.2f}" for language, weight in s.neighbours))
        for s in report.shortfalls
    ]  # fmt: skip
    parts: list[RenderableType] = [
        f"{report.model} on {report.benchmark}: score minus what similar languages predict (points; usual spread "
        f"{report.spread:.1f})", "", terminal_table(header, rows), "", *power.lines(report.smallest),
    ]  # fmt: skip
    for one in report.examples:
        english = "" if one.english is None else f", in English {one.english:.2f}"
        parts += [
            "", f"{one.leaf} {one.document}: wrong {one.wrong:.2f} (mean of {counted(one.runs, 'run')}{english})",
            f"  {one.text}", f"  expected: {one.target}", f"  given:    {' / '.join(dict.fromkeys(one.answers))}",
        ]  # fmt: skip
    left = [f"- {sentence}" for sentence in text.left_out(report.left_out)]
    return Group(*parts, "", *(f"- {note}" for note in report.notes), *left)
