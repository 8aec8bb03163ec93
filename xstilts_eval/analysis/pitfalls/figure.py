"""The picture of a pitfall report: scores beside what similar languages lead one to expect."""

from __future__ import annotations

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.pitfalls.analyse import PitfallReport
from xstilts_eval.figures.panel import Panel, columns, of_rows, sheet, spanning
from xstilts_eval.figures.scene import Scene
from xstilts_eval.wording import counted

_ROW = 22.0


def draw(report: PitfallReport, width: float) -> Scene:
    """Scores (with their intervals) beside what the neighbours predict, lowest difference on top."""
    rows = report.shortfalls[: figures.MOST_ROWS]
    paints = figures.paint_of([row.family for row in rows])
    ends = [row.score + side * (row.half_width or 0.0) for row in rows for side in (-1, 1)]
    across = spanning(
        [*ends, *(row.predicted for row in rows)],
        "score (points); bar: what the neighbours predict; *: p (BH) < .05", 0.04,
    )  # fmt: skip
    labels = [f"{row.name} ({row.language}){' *' if row.adjusted_p < 0.05 else ''}" for row in rows]
    panel = Panel([], across, of_rows(labels), columns(width, 1, 0.0)[1], 50.0 + _ROW * len(rows))
    for place, row in enumerate(rows):
        panel.line([(row.predicted, -place), (row.score, -place)], "grid", 2.0)
        tip = f"{row.name}: {row.score:.1f}, predicted {row.predicted:.1f}"
        panel.dot(row.score, -place, paints[row.family], 4.2, half_across=row.half_width, tip=tip)
        panel.bar(row.predicted, -place)
    whole = counted(len(report.shortfalls), "language")
    shown = whole if len(rows) == len(report.shortfalls) else f"the lowest {len(rows)} of {whole}"
    title = f"{report.model} · {report.benchmark} · {shown}"
    return sheet(title, [panel.scene()], figures.entries(paints))
