"""The picture of a distance report: outcome against distance, what size leaves of it, slopes without each family."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.distance.analyse import FOR_REGRESSION, DistanceReport, Point
from xstilts_eval.analysis.features import SIZE_LABELS
from xstilts_eval.analysis.stats.regression import Vector

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES = {"gain": "Gain (points)", "gap": "Gap to English (points)", "score": "Score (points)"}


def draw(report: DistanceReport) -> Figure:
    """Two or three panels: the outcome against distance, its added-variable plot, leave-one-family-out."""
    has_fit = report.regression is not None
    panels = 3 if has_fit else 2
    ratios = [1.25, 1.0, 0.75] if has_fit else [1.3, 0.8]
    with figures.drawing(3.6 * panels, 3.9, ncols=panels, width_ratios=ratios) as (figure, axes):
        _scatter(axes[0], report)
        if has_fit:
            _added_variable(axes[1], report)
        _without(axes[-1], report)
        scope = ", ".join(report.benchmarks)
        title = f"{report.model} · {scope} · {report.n} languages (area: {SIZE_LABELS[report.size]}; shape: script)"
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        return figure


def _scatter(axes: Axes, report: DistanceReport) -> None:
    points = report.points
    by = "family" if len(report.benchmarks) == 1 else "benchmark"
    colours = figures.colour_of([getattr(point, by) for point in points])
    for point in points:
        _mark(axes, point, point.distance, point.value, colours[getattr(point, by)], point.half_width)
    x, y = np.array([p.distance for p in points]), np.array([p.value for p in points])
    if report.n >= FOR_REGRESSION and len(report.benchmarks) == 1:
        _band(axes, x, y)
    _zero(axes, report)
    axes.set_xlabel(f"{report.by} distance to English")
    axes.set_ylabel(_TITLES.get(report.outcome, report.outcome))
    rank = next((f.spearman for f in report.features if f.name == report.by), None)
    title = (
        f"ρ = {rank.estimate:.2f} [{rank.low:.2f}, {rank.high:.2f}], n {rank.n}" if rank else "all benchmarks together"
    )
    axes.set_title(f"{title}\n{report.level.short}" if report.level else title)
    figures.legend(axes, colours)
    axes.margins(x=0.08)
    highest = {point.language: point for point in sorted(points, key=lambda point: point.value)}.values()
    if len(highest) <= 60:
        figures.label_points(
            axes, [p.distance for p in highest], [p.value for p in highest], [p.language for p in highest]
        )


def _mark(axes: Axes, point: Point, x: float, y: float, colour: str, half: float | None) -> None:
    if half:
        axes.errorbar(x, y, yerr=half, color=colour, alpha=0.35, linewidth=1, zorder=1)
    marker = figures.MARKERS.get(point.script, figures.OTHER_MARKER)
    axes.scatter(
        [x], [y], s=figures.area(point.log_size), marker=marker, color=colour, edgecolor="white", linewidth=0.6
    )


def _band(axes: Axes, x: Vector, y: Vector) -> None:
    """Least-squares line with the 95 % band of the mean."""
    fit = stats.linregress(x, y)
    grid = np.linspace(x.min(), x.max(), 60)
    line = fit.intercept + fit.slope * grid
    left = y - fit.intercept - fit.slope * x
    scale = np.sqrt((left**2).sum() / (len(x) - 2))
    spread = (
        stats.t.ppf(0.975, len(x) - 2)
        * scale
        * np.sqrt(1 / len(x) + (grid - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    )
    axes.plot(grid, line, color="#555555", linewidth=1.2, zorder=0)
    axes.fill_between(grid, line - spread, line + spread, color="#888888", alpha=0.15, linewidth=0, zorder=0)


def _added_variable(axes: Axes, report: DistanceReport) -> None:
    """What corpus size leaves of the distance, against what it leaves of the outcome."""
    points = [point for point in report.points if point.log_size is not None]
    size = np.array([point.log_size for point in points], dtype=np.float64)
    x, y = (_left_by(size, np.array([getattr(point, name) for point in points])) for name in ("distance", "value"))
    colours = figures.colour_of([point.family for point in report.points])
    for point, a, b in zip(points, x, y, strict=True):
        _mark(axes, point, float(a), float(b), colours[point.family], None)
    _band(axes, x, y)
    partial = next((f.partial for f in report.features if f.name == report.by), None)
    if partial:
        axes.set_title(f"size held fixed: r = {partial.estimate:.2f} [{partial.low:.2f}, {partial.high:.2f}]")
    axes.set_xlabel(f"{report.by} distance, {SIZE_LABELS[report.size]} removed")
    axes.set_ylabel(f"{report.outcome}, size removed (points)")
    axes.margins(x=0.08)
    figures.label_points(axes, list(x), list(y), [point.language for point in points])


def _left_by(size: Vector, column: Vector) -> Vector:
    fit = stats.linregress(size, column)
    left: Vector = column - fit.intercept - fit.slope * size
    return left


def _without(axes: Axes, report: DistanceReport) -> None:
    """Rank correlation without each family, or the pooled slope where benchmarks are fitted together."""
    rows: list[tuple[str, float, float, float]] = []
    whole = next((f.spearman for f in report.features if f.name == report.by), None)
    if whole:
        rows.append(("all families", whole.estimate, whole.low, whole.high))
    for one in report.without:
        if one.spearman:
            rows.append((f"without {one.family}", one.spearman.estimate, one.spearman.low, one.spearman.high))
    if report.mixed:
        rows.append((f"slope ({report.mixed.method})", report.mixed.estimate, report.mixed.low, report.mixed.high))
    places = np.arange(len(rows))[::-1]
    for place, (_, value, low, high) in zip(places, rows, strict=True):
        axes.plot([low, high], [place, place], color=figures.COLOURS[0], linewidth=1.4, alpha=0.6)
        axes.plot([value], [place], "o", color=figures.COLOURS[0], markersize=5)
    axes.axvline(0, color="#555555", linewidth=0.8)
    axes.set_yticks(places, [row[0] for row in rows], fontsize=7.5)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_title("leave one family out" if report.without else "pooled slope, 95 %")
    axes.set_xlabel(f"ρ with {report.by} distance" if not report.mixed else "points per unit of distance")


def _zero(axes: Axes, report: DistanceReport) -> None:
    if report.outcome == "gain":
        axes.axhline(0, color="#555555", linewidth=0.8)
