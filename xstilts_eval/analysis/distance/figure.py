"""The picture of a distance report: outcome against distance, what size leaves of it, slopes without each family."""

from __future__ import annotations

import numpy as np
from scipy import stats

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.distance.analyse import FOR_REGRESSION, DistanceReport, Point
from xstilts_eval.analysis.features import SIZE_LABELS
from xstilts_eval.analysis.stats.regression import Vector
from xstilts_eval.figures.panel import Panel, columns, of_rows, sheet, spanning
from xstilts_eval.figures.scene import Scene

_ROW = 16.0
_TITLES = {"gain": "Gain (points)", "gap": "Gap to English (points)", "score": "Score (points)"}


def draw(report: DistanceReport, width: float) -> dict[str, Scene]:
    """The outcome against distance; what size leaves of both (``size``); without each family (``families``)."""
    inner = columns(width, 1, 0.0)[1]
    scope = ", ".join(report.benchmarks)
    found = {"": _scatter(report, inner)}
    if report.regression is not None:
        found["size"] = _added_variable(report, inner)
    entries = figures.entries(_paints(report))
    note = f"area: {SIZE_LABELS[report.size]}; shape: script"
    drawn = {part: sheet(f"{report.model} · {scope} · {note}", [panel], entries) for part, panel in found.items()}
    drawn["families"] = sheet(f"{report.model} · {scope} · {report.n} languages", [_without(report, inner)])
    return drawn


def _by(report: DistanceReport) -> str:
    return "family" if len(report.benchmarks) == 1 else "benchmark"


def _paints(report: DistanceReport) -> dict[str, str]:
    return figures.paint_of([getattr(point, _by(report)) for point in report.points])


def _scatter(report: DistanceReport, width: float) -> Scene:
    points, paints = report.points, _paints(report)
    x, y = np.array([p.distance for p in points]), np.array([p.value for p in points])
    rank = next((f.spearman for f in report.features if f.name == report.by), None)
    title = [
        f"ρ = {rank.shown}, n {rank.n}" if rank else "all benchmarks together",
        *([report.level.short] if report.level else []),
    ]
    halves = [figures.whisker(p.half_width, len(points)) or 0.0 for p in points]
    ends = [p.value + side * half for p, half in zip(points, halves, strict=True) for side in (-1, 1)]
    up = spanning([*ends, *([0.0] if report.outcome == "gain" else [])], _TITLES.get(report.outcome, report.outcome))
    panel = Panel(title, spanning(x, f"{report.by} distance to English"), up, width)
    if report.outcome == "gain":
        panel.across(0.0)
    if report.n >= FOR_REGRESSION and len(report.benchmarks) == 1:
        _band(panel, x, y)
    for point in points:
        _mark(panel, point, point.distance, point.value, paints[getattr(point, _by(report))],
              figures.whisker(point.half_width, len(points)))  # fmt: skip
    highest = {point.language: point for point in sorted(points, key=lambda point: point.value)}.values()
    for point in highest:
        panel.say(point.distance, point.value, point.language, figures.radius(point.log_size))
    return panel.scene()


def _mark(panel: Panel, point: Point, x: float, y: float, paint: str, half: float | None) -> None:
    shape = figures.MARKERS.get(point.script, figures.OTHER_MARKER)
    tip = f"{point.language}: {point.value:.2f}"
    panel.dot(x, y, paint, figures.radius(point.log_size), shape, half=half, tip=tip)


def _band(panel: Panel, x: Vector, y: Vector) -> None:
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
    panel.band(list(zip(grid, line - spread, line + spread, strict=True)), "base")
    panel.line(list(zip(grid, line, strict=True)), "soft")


def _added_variable(report: DistanceReport, width: float) -> Scene:
    """What corpus size leaves of the distance, against what it leaves of the outcome."""
    points = [point for point in report.points if point.log_size is not None]
    size = np.array([point.log_size for point in points], dtype=np.float64)
    x, y = (_left_by(size, np.array([getattr(point, name) for point in points])) for name in ("distance", "value"))
    partial = next((f.partial for f in report.features if f.name == report.by), None)
    title = f"size held fixed: r = {partial.shown}" if partial else ""
    panel = Panel(
        [title],
        spanning(x, f"{report.by} distance, {SIZE_LABELS[report.size]} removed"),
        spanning(y, f"{report.outcome}, size removed (points)"),
        width,
    )
    _band(panel, x, y)
    paints = figures.paint_of([point.family for point in report.points])
    for point, a, b in zip(points, x, y, strict=True):
        _mark(panel, point, float(a), float(b), paints[point.family], None)
        panel.say(float(a), float(b), point.language, figures.radius(point.log_size))
    return panel.scene()


def _left_by(size: Vector, column: Vector) -> Vector:
    fit = stats.linregress(size, column)
    left: Vector = column - fit.intercept - fit.slope * size
    return left


def _without(report: DistanceReport, width: float) -> Scene:
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
    name = f"ρ with {report.by} distance" if not report.mixed else "points per unit of distance"
    across = spanning([0.0, *(value for row in rows for value in row[1:])], name, 0.05)
    title = "leave one family out" if report.without else "pooled slope, 95 %"
    panel = Panel([title], across, of_rows([row[0] for row in rows]), width, 60.0 + _ROW * len(rows))
    panel.down(0.0)
    for place, (_, value, low, high) in enumerate(rows):
        panel.line([(low, -place), (high, -place)], "s0")
        panel.dot(value, -place, "s0")
    return panel.scene()
