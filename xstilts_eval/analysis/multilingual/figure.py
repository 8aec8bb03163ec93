"""The picture of a multilingual report: D against corpus size, one panel per group of languages, and by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.features import SIZE_LABELS
from xstilts_eval.analysis.multilingual.analyse import GROUPS, Contrast, Mean, MultilingualReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(report: MultilingualReport) -> Figure:
    """Panels share both scales; the line is the group's mean with its interval; the last panel shows every class."""
    groups = [group for group in GROUPS if any(row.group == group for row in report.rows)]
    classes = sorted({row.resource_class for row in report.rows if row.resource_class is not None})
    panels = len(groups) + (len(classes) > 1)
    colours = figures.colour_of([row.family for row in report.rows])
    from matplotlib.lines import Line2D

    with figures.drawing(0.6 + 3.1 * panels, 3.8, ncols=panels, sharey=True, squeeze=False) as (figure, axes):
        sized = [10**row.log_size for row in report.rows if row.log_size is not None]
        for axis, group in zip(axes[0], groups, strict=False):
            rows = [row for row in report.rows if row.group == group]
            mean = next(m for m in report.means if m.group == group)
            _panel(axis, rows, mean, colours)
            axis.set_xlabel(SIZE_LABELS[report.size])
            if sized:
                axis.set_xlim(min(sized) / 2.2, max(sized) * 2.2)
        if len(classes) > 1:
            _by_class(axes[0][-1], report, classes, colours)
        axes[0][0].set_ylabel("D: multilingual minus English (points)")
        dashed = Line2D([], [], color="#777777", linestyle="--", label="mean of the group, 95 % over languages")
        handles = [*figures.legend_handles(colours), dashed]
        figure.legend(handles=handles, loc="outside lower left", ncols=min(6, len(handles)), fontsize=7,
                      handletextpad=0.1)  # fmt: skip
        mix = ", ".join(code for code in report.mix if code != "en")
        figure.suptitle(f"{report.benchmark} · {report.models[1]} against {report.models[0]} · in the mix: {mix}",
                        x=0.01, ha="left", fontsize=10)  # fmt: skip
        figure.draw_without_rendering()  # labels are placed by where points are on the final page
        for axis, group in zip(axes[0], groups, strict=False):
            _labels(axis, [row for row in report.rows if row.group == group and row.log_size is not None])
        return figure


def _panel(axes: Axes, rows: list[Contrast], mean: Mean, colours: dict[str, str]) -> None:
    shown = [row for row in rows if row.log_size is not None]
    axes.axhline(0, color="#555555", linewidth=0.8)
    axes.axhline(mean.mean, color="#777777", linewidth=1, linestyle="--")
    if mean.half_width:
        axes.axhspan(mean.mean - mean.half_width, mean.mean + mean.half_width, color="#777777", alpha=0.1, linewidth=0)
    for row in shown:
        axes.errorbar(10 ** float(row.log_size or 0), row.value, yerr=row.half_width, fmt="o", markersize=5,
                      color=colours[row.family], ecolor=colours[row.family], elinewidth=1, alpha=0.9)  # fmt: skip
    axes.set_xscale("log")
    half = "" if mean.half_width is None else f" ± {mean.half_width:.1f}"
    hidden = f" ({len(rows) - len(shown)} without a size)" if len(shown) < len(rows) else ""
    axes.set_title(f"{mean.group}, n {mean.n}{hidden}\nmean D {mean.mean:+.1f}{half}")


def _labels(axes: Axes, rows: list[Contrast]) -> None:
    xs = [10 ** float(row.log_size or 0) for row in rows]
    figures.label_points(axes, xs, [row.value for row in rows], [row.language for row in rows])


def _by_class(axes: Axes, report: MultilingualReport, classes: list[int], colours: dict[str, str]) -> None:
    """All points of every class side by side, the median as a bar."""
    axes.axhline(0, color="#555555", linewidth=0.8)
    for place, level in enumerate(classes):
        rows = [row for row in report.rows if row.resource_class == level]
        offsets = np.linspace(-0.22, 0.22, len(rows)) if len(rows) > 1 else [0.0]
        for offset, row in zip(offsets, rows, strict=True):
            filled = "none" if row.group == GROUPS[0] else colours[row.family]
            axes.plot(place + offset, row.value, "o", color=colours[row.family], markerfacecolor=filled, markersize=5)
        middle = float(np.median([row.value for row in rows]))
        axes.plot([place - 0.3, place + 0.3], [middle, middle], color="#222222", linewidth=1.4)
    counts = [sum(row.resource_class == level for row in report.rows) for level in classes]
    axes.set_xticks(range(len(classes)), [f"{c}\nn {n}" for c, n in zip(classes, counts, strict=True)])
    axes.set_xlim(-0.6, len(classes) - 0.4)
    axes.set_xlabel("resource class (Joshi et al. 2020)")
    axes.set_title("all languages by class\nopen: in the mix; bar: median")
