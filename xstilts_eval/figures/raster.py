"""A scene as PNG or PDF, painted by matplotlib: the marks of the page, so that a figure looks the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xstilts_eval import extras
from xstilts_eval.figures.scene import COLOURS, PIXELS, Area, Dot, Line, Mark, Rect, Row, Scene, Text

DPI = 200
LONGEST = 16000
"""Most pixels of a side of a picture; larger figures get fewer to the inch."""


def is_installed() -> bool:
    """Whether the library that paints is there; SVG needs none."""
    return find_spec("matplotlib") is not None


def without(formats: str) -> str:
    """Why there are no files of these formats, and what to do."""
    return f"no {formats}: they need matplotlib; {extras.install('figures')}"


def save(scene: Scene, path: Path, width: float | None = None) -> None:
    """Write by the ending of `path`: ``.png`` (white ground) or ``.pdf`` (vectors, text as text); `width` in inches."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    scale = width * PIXELS / scene.width if width else 1.0
    inches = (scale * scene.width / PIXELS, scale * scene.height / PIXELS)
    figure = Figure(figsize=inches, dpi=min(DPI, LONGEST / max(inches)))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, scene.width), ylim=(scene.height, 0))
    axes.set_axis_off()
    ground = _Ground(axes, scale * 72 / PIXELS)
    for order, mark in enumerate(scene.marks):
        _paint(ground, mark, order)
    dates = {"CreationDate": None} if path.suffix == ".pdf" else {}
    with rc_context({"pdf.fonttype": 42}):
        figure.savefig(path, metadata={"Title": scene.label, **dates})


@dataclass(frozen=True)
class _Ground:
    """What is painted on; `points` of a pixel."""

    axes: Any
    points: float


def _paint(ground: _Ground, mark: Mark, order: int) -> None:
    if isinstance(mark, Row):
        for one in mark.marks:
            _paint(ground, one, order)
        return
    if isinstance(mark, Rect) and not mark.opacity:
        return  # what answers to the mouse
    painters: dict[type, Callable[[_Ground, Any, str, int], None]] = {
        Rect: _rect, Line: _line, Area: _area, Dot: _dot, Text: _text,
    }  # fmt: skip
    painters[type(mark)](ground, mark, COLOURS[mark.paint][0], order)


def _rect(ground: _Ground, mark: Rect, colour: str, order: int) -> None:
    from matplotlib.patches import Rectangle

    ground.axes.add_patch(
        Rectangle((mark.x, mark.y), mark.width, mark.height, fc=colour, alpha=mark.opacity, lw=0, zorder=order)
    )


def _line(ground: _Ground, mark: Line, colour: str, order: int) -> None:
    xs, ys = zip(*mark.points, strict=True)
    style = (0, (3, 3)) if mark.is_dashed else "-"
    width = mark.width * ground.points
    ground.axes.plot(xs, ys, color=colour, lw=width, ls=style, zorder=order, solid_joinstyle="round")


def _area(ground: _Ground, mark: Area, colour: str, order: int) -> None:
    from matplotlib.patches import Polygon

    ground.axes.add_patch(Polygon(mark.points, fc=colour, alpha=mark.opacity, lw=0, zorder=order))


def _dot(ground: _Ground, mark: Dot, colour: str, order: int) -> None:
    from matplotlib.patches import Circle

    inside = COLOURS["page"][0] if mark.is_open else colour
    edge = 1.6 * ground.points if mark.is_open else 0
    ground.axes.add_patch(Circle((mark.x, mark.y), mark.radius, fc=inside, ec=colour, lw=edge, zorder=order))


def _text(ground: _Ground, mark: Text, colour: str, order: int) -> None:
    anchor = {"start": "left", "middle": "center", "end": "right"}[mark.anchor]
    weight = "bold" if mark.is_bold else "normal"
    ground.axes.text(
        mark.x, mark.y, mark.text, color=colour, size=mark.size * ground.points, ha=anchor, va="center_baseline",
        weight=weight, zorder=order, parse_math=False, family="DejaVu Sans",
    )  # fmt: skip
