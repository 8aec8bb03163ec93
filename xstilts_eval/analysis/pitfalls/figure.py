"""The figure about pitfalls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.pitfalls.analyse import PitfallReport
from xstilts_eval.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(report: PitfallReport) -> Figure:
    """Scores (with their intervals) beside what the neighbours predict, lowest difference on top."""
    rows = report.shortfalls
    colours = figures.colour_of([row.family for row in rows])
    with figures.drawing(6.4, 1.3 + 0.24 * len(rows)) as (figure, axes):
        for place, row in enumerate(reversed(rows)):
            axes.plot([row.predicted, row.score], [place, place], color="#bbbbbb", linewidth=1.4, zorder=1)
            axes.errorbar(row.score, place, xerr=row.half_width, fmt="o", color=colours[row.family], markersize=6)
            axes.plot(row.predicted, place, "|", color="#222222", markersize=11, markeredgewidth=1.8)
        labels = [f"{row.name} ({row.language}){' *' if row.adjusted_p < 0.05 else ''}" for row in reversed(rows)]
        axes.set_yticks(range(len(rows)), labels, fontsize=8)
        axes.set_xlabel("score (points); bar: what the neighbours predict; *: p (BH) < .05")
        axes.set_title(f"{report.model} · {report.benchmark} · {counted(len(rows), 'language')}")
        axes.margins(y=0.05)
        figures.legend(axes, colours)
        return figure
