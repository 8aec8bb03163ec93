"""The picture of a multilingual report: D against corpus size, one panel per group of languages, and by class."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.features import SIZE_LABELS
from xstilts_eval.analysis.multilingual.analyse import GROUPS, Contrast, Mean, MultilingualReport
from xstilts_eval.figures.panel import Axis, Panel, logarithmic, sheet, spanning
from xstilts_eval.figures.scene import Scene

_WIDTH = 310.0


def draw(report: MultilingualReport) -> Scene:
    """Panels share both scales; the line is the group's mean with its interval; the last panel shows every class."""
    classes = sorted({row.resource_class for row in report.rows if row.resource_class is not None})
    paints = figures.paint_of([row.family for row in report.rows])
    sized = [10**row.log_size for row in report.rows if row.log_size is not None]
    across = logarithmic(sized, SIZE_LABELS[report.size])
    ends = [row.value + side * (row.half_width or 0.0) for row in report.rows for side in (-1, 1)]
    ends += [mean.mean + side * (mean.half_width or 0.0) for mean in report.means for side in (-1, 1)]
    up = spanning([0.0, *ends], "D: multilingual minus English (points)", 0.05)
    panels = []
    for group in GROUPS:
        if rows := [row for row in report.rows if row.group == group]:
            mean = next(one for one in report.means if one.group == group)
            panels.append(_panel(rows, mean, across, up, paints))
    if len(classes) > 1:
        panels.append(_by_class(report, classes, up, paints))
    mix = ", ".join(code for code in report.mix if code != "en")
    title = f"{report.benchmark} · {report.models[1]} against {report.models[0]} · in the mix: {mix}"
    return sheet(title, panels, [*figures.entries(paints), ("soft", "dashed: mean of the group, 95 % over languages")])


def _panel(rows: Sequence[Contrast], mean: Mean, across: Axis, up: Axis, paints: dict[str, str]) -> Scene:
    shown = [(row, 10**row.log_size) for row in rows if row.log_size is not None]
    half = "" if mean.half_width is None else f" ± {mean.half_width:.1f}"
    hidden = f" ({len(rows) - len(shown)} without a size)" if len(shown) < len(rows) else ""
    title = [f"{mean.group}, n {mean.n}{hidden}", f"mean D {mean.mean:+.1f}{half}"]
    panel = Panel(title, across, up, _WIDTH)
    panel.across(0.0)
    if mean.half_width:
        panel.stripe(mean.mean - mean.half_width, mean.mean + mean.half_width, "base")
    panel.across(mean.mean, is_dashed=True)
    for row, size in shown:
        panel.dot(size, row.value, paints[row.family], half=row.half_width, tip=f"{row.language}: {row.value:+.2f}")
        panel.say(size, row.value, row.language)
    return panel.scene()


def _by_class(report: MultilingualReport, classes: Sequence[int], up: Axis, paints: dict[str, str]) -> Scene:
    """All points of every class side by side, the median as a bar."""
    by_class = [[row for row in report.rows if row.resource_class == level] for level in classes]
    counts = zip(classes, by_class, strict=True)
    ticks = tuple((place, f"{level} (n {len(rows)})") for place, (level, rows) in enumerate(counts))
    across = Axis(-0.6, len(classes) - 0.4, "resource class (Joshi et al. 2020)", ticks)
    panel = Panel(["all languages by class", "open: in the mix; bar: median"], across, up, _WIDTH)
    panel.across(0.0)
    for place, rows in enumerate(by_class):
        for number, row in enumerate(rows):
            offset = 0.44 * number / (len(rows) - 1) - 0.22 if len(rows) > 1 else 0.0
            tip = f"{row.language}: {row.value:+.2f}"
            panel.dot(place + offset, row.value, paints[row.family], is_open=row.group == GROUPS[0], tip=tip)
        middle = statistics.median(row.value for row in rows)
        panel.line([(place - 0.3, middle), (place + 0.3, middle)], "ink", 1.6)
    return panel.scene()
