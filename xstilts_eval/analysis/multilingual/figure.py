"""The picture of a multilingual report: D against corpus size, one panel per group of languages, and by class."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.features import SIZE_LABELS
from xstilts_eval.analysis.multilingual.analyse import GROUPS, Contrast, Mean, MultilingualReport
from xstilts_eval.figures.panel import Axis, Panel, columns, logarithmic, sheet, spanning
from xstilts_eval.figures.scene import Scene

_LEAST = 170.0


def draw(report: MultilingualReport, width: float) -> dict[str, Scene]:
    """Panels share both scales; the line is a group's mean with its interval; every class stands in ``classes``."""
    classes = sorted({row.resource_class for row in report.rows if row.resource_class is not None})
    paints = figures.paint_of([row.family for row in report.rows])
    sized = [10**row.log_size for row in report.rows if row.log_size is not None]
    across = logarithmic(sized, SIZE_LABELS[report.size])
    halves = [figures.whisker(row.half_width, len(report.rows)) or 0.0 for row in report.rows]
    ends = [row.value + side * half for row, half in zip(report.rows, halves, strict=True) for side in (-1, 1)]
    ends += [mean.mean + side * (mean.half_width or 0.0) for mean in report.means for side in (-1, 1)]
    up = spanning([0.0, *ends], "D (points)", 0.05)
    groups = [group for group in GROUPS if any(row.group == group for row in report.rows)]
    side, inner = columns(width, len(groups), _LEAST)
    panels = []
    for group in groups:
        rows = [row for row in report.rows if row.group == group]
        mean = next(one for one in report.means if one.group == group)
        panels.append(_panel(rows, mean, across, up, paints, inner, len(report.rows)))
    mix = ", ".join(code for code in report.mix if code != "en")
    title = f"{report.benchmark} · D: {report.models[1]} minus {report.models[0]} · in the mix: {mix}"
    legend = [*figures.entries(paints), ("soft", "dashed: mean of the group, 95 % over languages")]
    drawn = {"": sheet(title, panels, legend, side)}
    if len(classes) > 1:
        by_class = _by_class(report, classes, up, paints, columns(width, 1, 0.0)[1])
        drawn["classes"] = sheet(title, [by_class], figures.entries(paints))
    return drawn


def _panel(
    rows: Sequence[Contrast], mean: Mean, across: Axis, up: Axis, paints: dict[str, str], width: float, among: int
) -> Scene:
    shown = [(row, 10**row.log_size) for row in rows if row.log_size is not None]
    half = "" if mean.half_width is None else f" ± {mean.half_width:.1f}"
    hidden = f"{len(rows) - len(shown)} without a size" if len(shown) < len(rows) else "all with a size"
    title = [f"{mean.group}, n {mean.n}", f"mean D {mean.mean:+.1f}{half}", hidden]
    panel = Panel(title, across, up, width)
    panel.across(0.0)
    if mean.half_width:
        panel.stripe(mean.mean - mean.half_width, mean.mean + mean.half_width, "base")
    panel.across(mean.mean, is_dashed=True)
    for row, size in shown:
        half_width = figures.whisker(row.half_width, among)
        panel.dot(size, row.value, paints[row.family], half=half_width, tip=f"{row.language}: {row.value:+.2f}")
        panel.say(size, row.value, row.language)
    return panel.scene()


def _by_class(
    report: MultilingualReport, classes: Sequence[int], up: Axis, paints: dict[str, str], width: float
) -> Scene:
    """All points of every class side by side, the median as a bar."""
    ordered = sorted(report.rows, key=lambda row: row.language)
    by_class = [[row for row in ordered if row.resource_class == level] for level in classes]
    counts = zip(classes, by_class, strict=True)
    ticks = tuple((place, f"{level} (n {len(rows)})") for place, (level, rows) in enumerate(counts))
    across = Axis(-0.6, len(classes) - 0.4, "resource class (Joshi et al. 2020)", ticks)
    panel = Panel(["all languages by class", "open: in the mix; bar: median"], across, up, width)
    panel.across(0.0)
    for place, rows in enumerate(by_class):
        for number, row in enumerate(rows):
            offset = 0.44 * number / (len(rows) - 1) - 0.22 if len(rows) > 1 else 0.0
            tip = f"{row.language}: {row.value:+.2f}"
            panel.dot(place + offset, row.value, paints[row.family], is_open=row.group == GROUPS[0], tip=tip)
        middle = statistics.median(row.value for row in rows)
        panel.line([(place - 0.3, middle), (place + 0.3, middle)], "ink", 1.6)
    return panel.scene()
