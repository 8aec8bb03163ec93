"""The picture of a scaling report: outcome against size, one panel per kind of bases and way of counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.scaling.analyse import BARE, TOTAL, Fit, ScalingReport, Sized
from xstilts_eval.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_YLABEL = {"gain": "Gain (points)", "score": "Score (points)", "gap": "Gap to English (points)"}


def draw(report: ScalingReport) -> Figure:
    """Panels [kind of bases × counting], the same points scale in all; bands are 95 % of the mean."""
    kinds = sorted({point.bases for point in report.points}, reverse=True)
    countings = [TOTAL, BARE] if any(point.bare is not None for point in report.points) else [TOTAL]
    panels = [(kind, counting) for kind in kinds for counting in countings]
    colours = figures.colour_of([point.group for point in report.points])
    with figures.drawing(4.1 * len(panels), 3.6, ncols=len(panels), sharey=True, squeeze=False) as (figure, axes):
        for place, (axis, (kind, counting)) in enumerate(zip(axes[0], panels, strict=True)):
            points = [point for point in report.points if point.bases == kind]
            fit = next((f for f in report.fits if (f.bases, f.counting) == (kind, counting)), None)
            reason = report.refused.get(f"{kind}, {counting}", "")
            _panel(axis, [p for p in points if _size(p, counting)], counting, fit, reason, colours)
            if place == 0:
                axis.set_ylabel(_YLABEL[report.outcome])
            axis.set_title(f"{kind} bases\n{axis.get_title(loc='left')}")
        figure.suptitle(f"{report.benchmark} · {counted(len(report.points), 'model')}", x=0.01, ha="left", fontsize=10)
        return figure


def _size(point: Sized, counting: str) -> float | None:
    return point.parameters if counting == TOTAL else point.bare


def _panel(
    axes: Axes, points: list[Sized], counting: str, fit: Fit | None, reason: str, colours: dict[str, str]
) -> None:
    from matplotlib.ticker import LogLocator

    xs = [float(_size(point, counting) or 0) for point in points]
    for point, x in zip(points, xs, strict=True):
        axes.errorbar(x, point.value, yerr=point.half_width, fmt="o", color=colours[point.group], markersize=6)
    for band in fit.bands if fit else ():
        grid = np.exp2(band.log2)
        axes.plot(grid, band.fit, color=colours[band.group], linewidth=1.3)
        axes.fill_between(grid, band.low, band.high, color=colours[band.group], alpha=0.12, linewidth=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(_billions)
    axes.minorticks_off()
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_xlabel(counting)
    if fit:
        d = fit.doubling
        axes.set_title(f"{d.estimate:+.2f} per doubling [{d.low:.2f}, {d.high:.2f}], n {d.n}")
    else:
        axes.set_title(f"no fit: {reason}"[:60])
    if points and points[0].outcome == "gain":
        axes.axhline(0, color="#555555", linewidth=0.8)
    axes.margins(x=0.12, y=0.12)
    figures.label_points(axes, xs, [point.value for point in points], [point.model for point in points])


def _billions(value: float, _: object = None) -> str:
    return f"{value / 1e9:.3g} B" if value >= 1e9 else f"{value / 1e6:.3g} M"
