"""The picture of a scaling report: outcome against size, one panel per kind of bases and way of counting."""

from __future__ import annotations

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.scaling.analyse import BARE, TOTAL, Fit, ScalingReport, Sized
from xstilts_eval.figures.panel import Axis, Panel, columns, logarithmic, sheet, spanning
from xstilts_eval.figures.scene import Scene
from xstilts_eval.wording import counted

_YLABEL = {"gain": "Gain (points)", "score": "Score (points)", "gap": "Gap to English (points)"}


_LEAST = 250.0


def draw(report: ScalingReport, width: float) -> dict[str, Scene]:
    """A panel a kind of bases, on the same points scale; without embeddings in ``body``; bands are 95 % of the mean."""
    kinds = sorted({point.bases for point in report.points}, reverse=True)
    countings = [TOTAL, BARE] if any(point.bare is not None for point in report.points) else [TOTAL]
    paints = figures.paint_of([point.group for point in report.points])
    ends = [point.value + side * (point.half_width or 0.0) for point in report.points for side in (-1, 1)]
    edges = [edge for fit in report.fits for band in fit.bands for edge in (*band.low, *band.high)]
    zero = [0.0] if report.outcome == "gain" else []
    up = spanning([*ends, *edges, *zero], _YLABEL[report.outcome])
    title = f"{report.benchmark} · {counted(len(report.points), 'model')}"
    side, inner = columns(width, len(kinds), _LEAST)
    drawn = {}
    for counting in countings:
        panels = [_panel(report, kind, counting, up, paints, inner) for kind in kinds]
        drawn["" if counting == TOTAL else "body"] = sheet(title, panels, figures.entries(paints), side)
    return drawn


def _size(point: Sized, counting: str) -> float | None:
    return point.parameters if counting == TOTAL else point.bare


def _panel(report: ScalingReport, kind: str, counting: str, up: Axis, paints: dict[str, str], width: float) -> Scene:
    points = [(point, size) for point in report.points if point.bases == kind and (size := _size(point, counting))]
    fit = next((f for f in report.fits if (f.bases, f.counting) == (kind, counting)), None)
    sizes = [size for _, size in points] + [2.0**x for band in (fit.bands if fit else ()) for x in band.log2]
    title = [f"{kind} bases", _found(fit) if fit else f"no fit: {report.refused.get(f'{kind}, {counting}', '')}"]
    panel = Panel(title, logarithmic(sizes, counting, (1, 3), _billions, room=1.3), up, width)
    if report.outcome == "gain":
        panel.across(0.0)
    for band in fit.bands if fit else ():
        grid = [2.0**x for x in band.log2]
        panel.band(list(zip(grid, band.low, band.high, strict=True)), paints[band.group])
        panel.line(list(zip(grid, band.fit, strict=True)), paints[band.group])
    for point, size in points:
        panel.dot(
            size, point.value, paints[point.group], half=point.half_width, tip=f"{point.model}: {point.value:.2f}"
        )
        panel.say(size, point.value, point.model)
    return panel.scene()


def _found(fit: Fit) -> str:
    d = fit.doubling
    return f"{d.estimate:+.2f} per doubling [{d.low:.2f}, {d.high:.2f}], n {d.n}"


def _billions(value: float) -> str:
    return f"{value / 1e9:.3g} B" if value >= 1e9 else f"{value / 1e6:.3g} M"
