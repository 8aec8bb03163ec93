"""A panel with two axes: points, lines, bands and labels, given in the units of the data, become marks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from xstilts_eval.figures import charts
from xstilts_eval.figures.labels import Box, placed
from xstilts_eval.figures.scene import (
    Area,
    Dot,
    Line,
    Mark,
    Point,
    Rect,
    Scale,
    Scene,
    Text,
    padded,
    shortened,
    text_width,
    tick_text,
    ticks,
    tile,
)

HEIGHT = 320.0
GAP = 22.0
MARGIN = 8.0
_LINE = 15.0
"""Of a title, pixels."""
_EDGE = 12.0
_PIECE = 6.0
"""Pixels of a slanted line that are one box when labels look for room."""
_TITLE = 13
"""Font size of a sheet's title."""
_SIDES = {"square": 4, "diamond": 4, "triangle": 3, "triangle down": 3, "triangle left": 3, "pentagon": 5, "hexagon": 6}
_TURNED = {"square": 45.0, "triangle down": 180.0, "triangle left": 270.0}
"""Degrees by which a corner is turned away from the top."""
SHAPES = ("circle", *_SIDES)


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`; `ticks` are values with their texts, round numbers where none are given."""

    low: float
    high: float
    name: str = ""
    ticks: tuple[tuple[float, str], ...] | None = None
    is_log: bool = False

    def position(self, value: float) -> float:
        return math.log10(value) if self.is_log else value

    def written(self) -> tuple[tuple[float, str], ...]:
        """Where the axis says something, and what."""
        if self.ticks is not None:
            return self.ticks
        return tuple((tick, tick_text(tick)) for tick in ticks(self.low, self.high))


def spanning(values: Iterable[float], name: str = "", margin: float = 0.08) -> Axis:
    """An axis over all values with a margin, a share of what they span, on both sides."""
    known = list(values) or [0.0]
    low, high = min(known), max(known)
    room = margin * (high - low) or 0.5
    return Axis(low - room, high + room, name)


def logarithmic(
    values: Iterable[float],
    name: str,
    factors: Sequence[int] = (1,),
    write: Callable[[float], str] = tick_text,
    room: float = 2.2,
) -> Axis:
    """An axis of powers of ten over positive values, from the least over `room` to the greatest times it.

    A tick for each of `factors` in every power.
    """
    known = list(values) or [1.0]
    low, high = min(known) / room, max(known) * room
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    places = [factor * 10.0**power for power in powers for factor in factors]
    return Axis(low, high, name, tuple((place, write(place)) for place in places if low <= place <= high), is_log=True)


def of_rows(labels: Sequence[str]) -> Axis:
    """An axis of rows, the first on top: row n is at -n."""
    return Axis(0.5 - len(labels), 0.5, "", tuple((-place, label) for place, label in enumerate(labels)))


class Panel:
    """Draws in pixels what it is given in the units of its axes; what comes first lies below."""

    def __init__(self, title: Sequence[str], x: Axis, y: Axis, width: float = charts.WIDTH, height: float = HEIGHT):
        self.width, self.height = width, height
        self._axes = (x, y)
        self._label = f"{', '.join(title)}: {y.name or 'rows'} by {x.name}"
        top = _LINE * len(title) + (20.0 if y.name else 8.0)
        left = max((text_width(text, 10) for _, text in y.written()), default=0.0) + 8.0
        low, high = (y.position(value) for value in (y.low, y.high))
        self._up = Scale(low, high, height - charts.FOOT, top)
        self._across = Scale(x.position(x.low), x.position(x.high), left, width - _EDGE)
        self._marks: list[Mark] = [*self._frame(title, top)]
        self._dots: list[tuple[Point, float]] = []
        self._labels: list[tuple[Point, str, float]] = []
        self._strokes: list[Box] = []

    def _frame(self, title: Sequence[str], top: float) -> Iterable[Mark]:
        x, y = self._axes
        for number, line in enumerate(title):
            most = int(self.width / text_width("n", 11))
            yield Text(0.0, 9.0 + _LINE * number, shortened(line, most), is_bold=number == 0)
        bottom = self._up.start
        for value, text in x.written():
            across = self._across(x.position(value))
            yield Line(((across, top), (across, bottom)), "grid")
            yield Text(across, bottom + 9.0, text, "soft", 10, "middle")
        for value, text in y.written():
            up = self._up(y.position(value))
            yield Line(((self._across.start, up), (self._across.end, up)), "grid")
            yield Text(self._across.start - 5.0, up, text, "soft", 10, "end")
        yield Text((self._across.start + self._across.end) / 2, bottom + 25.0, x.name, "soft", 10, "middle")
        if y.name:
            yield Text(0.0, top - 11.0, y.name, "soft", 10)

    def place(self, x: float, y: float) -> Point:
        """The pixel of a value."""
        return self._across(self._axes[0].position(x)), self._up(self._axes[1].position(y))

    def line(self, points: Sequence[Point], paint: str, width: float = 1.3, is_dashed: bool = False) -> None:
        self._stroke([self.place(*point) for point in points], paint, width, is_dashed)

    def across(self, y: float, paint: str = "soft", is_dashed: bool = False) -> None:
        """A line at `y` from side to side."""
        up = self._up(self._axes[1].position(y))
        self._stroke([(self._across.start, up), (self._across.end, up)], paint, 1.0, is_dashed)

    def down(self, x: float, paint: str = "soft") -> None:
        """A line at `x` from top to bottom."""
        across = self._across(self._axes[0].position(x))
        self._stroke([(across, self._up.end), (across, self._up.start)], paint, 1.0)

    def _stroke(self, points: Sequence[Point], paint: str, width: float, is_dashed: bool = False) -> None:
        """A line that no label crosses."""
        self._marks.append(Line(tuple(points), paint, width, is_dashed))
        self._strokes += [box for one, other in itertools.pairwise(points) for box in _along(one, other)]

    def band(self, points: Sequence[tuple[float, float, float]], paint: str, opacity: float = 0.14) -> None:
        """What lies between `low` and `high` of (x, low, high), cut where the axis ends."""
        edge = [(x, high) for x, _, high in points] + [(x, low) for x, low, _ in reversed(points)]
        ends = sorted((self._up.start, self._up.end))
        pixels = (self.place(*point) for point in edge)
        self._marks.append(Area(tuple((x, min(max(y, ends[0]), ends[1])) for x, y in pixels), paint, opacity))

    def stripe(self, low: float, high: float, paint: str, opacity: float = 0.12) -> None:
        """A band from side to side."""
        top, bottom = (self._up(self._axes[1].position(value)) for value in (high, low))
        across = self._across
        self._marks.append(Rect(across.start, top, across.end - across.start, bottom - top, paint, opacity))

    def dot(
        self,
        x: float,
        y: float,
        paint: str,
        radius: float = 3.6,
        shape: str = "circle",
        is_open: bool = False,
        half: float | None = None,
        half_across: float | None = None,
        tip: str = "",
    ) -> None:
        """A point, its interval (`half` up and down, or across) below it."""
        here = self.place(x, y)
        for right, up in ((0.0, half), (half_across, 0.0)):
            if right or up:
                ends = [self.place(x + sign * (right or 0.0), y + sign * (up or 0.0)) for sign in (-1, 1)]
                self._stroke(ends, paint, 0.9)
        self._dots.append((here, radius))
        if shape == "circle":
            self._marks.append(Dot(*here, radius, paint, is_open, tip))
            return
        self._marks.append(Area(_polygon(*here, radius * 1.15, shape), paint, 0.9))
        if tip:
            self._marks.append(Rect(here[0] - radius, here[1] - radius, 2 * radius, 2 * radius, "page", 0.0, tip))

    def bar(self, x: float, y: float, paint: str = "ink", size: float = 12.0) -> None:
        """An upright stroke at a value."""
        across, up = self.place(x, y)
        self._marks.append(Line(((across, up - size / 2), (across, up + size / 2)), paint, 2.0))

    def say(self, x: float, y: float, text: str, radius: float = 3.6) -> None:
        """A label beside a point of that size, put where it hides nothing once all are known, or left out."""
        self._labels.append((self.place(x, y), text, radius))

    def scene(self) -> Scene:
        return Scene(self.width, self.height, (*self._marks, *self._written()), self._label)

    def _written(self) -> Iterable[Text]:
        """The labels, off each other, the points, the lines and the edges of the panel."""
        end, start = self._across.end, self._across.start
        edges = [(end, -1e4, 1e4, 1e4), (-1e4, -1e4, start, 1e4), (-1e4, self._up.start, 1e4, 1e4),
                 (-1e4, -1e4, 1e4, self._up.end)]  # fmt: skip
        return placed(self._labels, self._dots, [*edges, *self._strokes])


def _along(one: Point, other: Point) -> Iterator[Box]:
    """Boxes of a pixel and more that cover a straight line, each a few pixels long where it is aslant."""
    is_aslant = one[0] != other[0] and one[1] != other[1]
    pieces = max(1, math.ceil(math.dist(one, other) / _PIECE)) if is_aslant else 1
    steps = [tuple(a + (b - a) * number / pieces for a, b in zip(one, other, strict=True))
             for number in range(pieces + 1)]  # fmt: skip
    for (x, y), (to_x, to_y) in itertools.pairwise(steps):
        yield min(x, to_x) - 0.5, min(y, to_y) - 0.5, max(x, to_x) + 0.5, max(y, to_y) + 0.5


def _polygon(x: float, y: float, radius: float, shape: str) -> tuple[Point, ...]:
    sides, turn = _SIDES[shape], _TURNED.get(shape, 0.0)
    angles = [math.radians(turn + 360.0 * number / sides) for number in range(sides)]
    return tuple((x + radius * math.sin(angle), y - radius * math.cos(angle)) for angle in angles)


def columns(width: float, count: int, least: float) -> tuple[int, float]:
    """How many panels stand side by side in a figure of `width`, at least `least` wide each, and how wide they are."""
    side = max(1, min(count, int((width - 2 * MARGIN + GAP) // (least + GAP))))
    return side, (width - 2 * MARGIN - (side - 1) * GAP) / side


def sheet(title: str, panels: Sequence[Scene], entries: Sequence[tuple[str, str]] = (), side: int = 0) -> Scene:
    """A title, panels side by side (`side` in a row, all by default), and below them a legend of (paint, name).

    A title that is too long for one line is broken between its parts, which `` · `` separates.
    """
    body = tile(panels, side or len(panels), GAP, title)
    most = int(body.width / text_width("n", _TITLE))
    lines: list[str] = []
    for part in title.split(" · "):
        longer = f"{lines[-1]} · {part}" if lines else part
        if lines and text_width(longer, _TITLE) <= body.width:
            lines[-1] = longer
        else:
            lines.append(part if text_width(part, _TITLE) <= body.width else shortened(part, most))
    marks = tuple(Text(0.0, 9.0 + 18.0 * place, line, size=_TITLE) for place, line in enumerate(lines))
    head = Scene(body.width, 2.0 + 18.0 * len(lines), marks, "")
    parts = [head, body, *([charts.legend(entries, body.width)] if entries else [])]
    return padded(tile(parts, 1, 6.0, title), MARGIN)
