"""Kinds of panels: bars, dumbbells, forest, scatter, curves and heat map. Plain values in, a scene out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from xstilts_eval.figures.labels import placed
from xstilts_eval.figures.scene import (
    SIZE,
    Area,
    Dot,
    Line,
    Mark,
    Point,
    Rect,
    Row,
    Scale,
    Scene,
    Text,
    shortened,
    text_width,
    tick_text,
    ticks,
)
from xstilts_eval.wording import ABSENT, counted, signed

WIDTH = 340.0
"""Of a panel, pixels: a phone's."""
TITLE = 22.0
FOOT = 34.0
_NAME = 20.0
"""Room for the name of a vertical axis, which stands over it."""
_EDGE = 14.0
_MOST_LABEL = 20
_DOT = 3.6

Interval = tuple[float, float]


@dataclass(frozen=True)
class Value:
    """A number with its interval, how it is painted and what it says on hover; `is_clear` fills its mark."""

    value: float
    interval: Interval | None
    paint: str
    tip: str
    is_clear: bool = True


@dataclass(frozen=True)
class Labelled:
    """A row of a panel: its values, None where one is missing; `keys` (name, value) are what rows may be ordered by."""

    label: str
    values: tuple[Value | None, ...]
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Placed:
    """A point of a scatter plot."""

    x: float
    label: str
    at: Value


@dataclass(frozen=True)
class Curve:
    """A line through `points`; `band` is (x, low, high)."""

    paint: str
    points: tuple[Point, ...]
    band: tuple[tuple[float, float, float], ...] = ()


def bars(title: str, rows: Sequence[Labelled], unit: str, width: float = WIDTH) -> Scene:
    """Horizontal bars from 0 with whiskers, a group per row."""
    lanes = max(len(row.values) for row in rows)
    thick = 12.0 if lanes == 1 else max(5.0, 18.0 / lanes)
    height = lanes * thick + 6.0
    left = _label_width(row.label for row in rows)
    top = max((edge for row in rows for value in row.values if value for edge in _ends(value)), default=1.0)
    across = Scale(0.0, _round_up(top), left, width - _EDGE)
    bottom = TITLE + len(rows) * height
    marks = [*_frame(title, across, bottom, unit, width)]
    for place, row in enumerate(rows):
        y = TITLE + place * height + 3.0
        marks.append(_row_label(row.label, left, y + lanes * thick / 2))
        for lane, value in enumerate(row.values):
            if value is None:
                continue
            here = y + lane * thick
            marks.append(Rect(left, here + 0.5, across(value.value) - left, thick - 1.0, value.paint))
            marks += _whisker(value, across, here + thick / 2, "soft" if lanes > 1 else "ink")
            marks.append(Rect(left, here, across.end - left, thick, "page", 0.0, value.tip))
    return Scene(width, bottom + FOOT, tuple(marks), f"Bars: {title}, {unit}, {counted(len(rows), 'row')}", title)


def forest(
    title: str, rows: Sequence[Labelled], unit: str, limits: Interval | None = None, width: float = WIDTH
) -> Scene:
    """Differences around 0 with their intervals, over `limits`; filled where the interval leaves out 0."""
    height = 20.0
    left = _label_width(row.label for row in rows)
    edges = [edge for row in rows for value in row.values if value for edge in _ends(value)]
    low, high = limits or (min([*edges, 0.0]), max([*edges, 0.0]))
    across = Scale(low, high, left + 6.0, width - _EDGE - 6.0)
    bottom = TITLE + len(rows) * height
    marks = [*_frame(title, across, bottom, unit, width), _zero(across, bottom)]
    for place, row in enumerate(rows):
        y = TITLE + (place + 0.5) * height
        marks.append(_row_label(row.label, left, y))
        for value in row.values:
            if value is None:
                marks.append(Text(across(0.0) + 4.0, y, "–", "soft"))
                continue
            marks += _whisker(value, across, y, value.paint, 2.0)
            marks.append(Dot(across(value.value), y, 4.0, value.paint, not value.is_clear))
            marks.append(Rect(left, y - height / 2, width - left, height, "page", 0.0, value.tip))
    return Scene(
        width, bottom + FOOT, tuple(marks), f"Differences: {title}, {unit}, {counted(len(rows), 'row')}", title
    )


def dumbbells(title: str, rows: Sequence[tuple[str, float, float, str, str]], unit: str, width: float = WIDTH) -> Scene:
    """From one value (open) to another (filled) in every row: (label, from, to, paint, tip)."""
    height = 20.0
    left = _label_width(row[0] for row in rows)
    across = Scale(0.0, _round_up(max(max(row[1], row[2]) for row in rows)), left + 6.0, width - _EDGE - 6.0)
    bottom = TITLE + len(rows) * height
    marks = [*_frame(title, across, bottom, unit, width)]
    for place, (label, start, end, paint, tip) in enumerate(rows):
        y = TITLE + (place + 0.5) * height
        marks.append(_row_label(label, left, y))
        marks.append(Line(((across(start), y), (across(end), y)), paint, 2.0))
        marks += [Dot(across(start), y, 4.0, paint, True), Dot(across(end), y, 4.0, paint)]
        marks.append(Rect(left, y - height / 2, width - left, height, "page", 0.0, tip))
    return Scene(width, bottom + FOOT, tuple(marks), f"From the mean to English: {title}, {unit}", title)


def scatter(
    title: str,
    points: Sequence[Placed],
    x_name: str,
    y_name: str,
    limits: tuple[Interval, Interval],
    width: float = WIDTH,
) -> Scene:
    """Points with vertical whiskers, over `limits` of x and y, labelled where there is room."""
    height = 222.0
    across = Scale(*limits[0], 40.0, width - 18.0)
    up = Scale(*limits[1], height - FOOT, TITLE + _NAME)
    marks: list[Mark] = [*_frame(title, across, height - FOOT, x_name, width, up.end), *_side(up, across, y_name)]
    marks.append(Line(((across.start, up(0.0)), (across.end, up(0.0))), "soft"))
    for point in points:
        x = across(point.x)
        if point.at.interval:
            low, high = (up.clipped(edge) for edge in point.at.interval)
            marks.append(Line(((x, low), (x, high)), "grid", 1.5))
    spots = [(across(point.x), up.clipped(point.at.value)) for point in points]
    for point, (x, y) in zip(points, spots, strict=True):
        marks.append(Dot(x, y, _DOT, point.at.paint, not point.at.is_clear, point.at.tip))
    beside = [(spot, point.label, _DOT) for point, spot in zip(points, spots, strict=True)]
    marks += placed(beside, [(spot, _DOT) for spot in spots], [(-1e4, up.start, 1e4, 1e4)])
    return Scene(
        width, height, tuple(marks), f"Scatter: {title}, {y_name} by {x_name}, {counted(len(points), 'point')}", title
    )


def curves(title: str, lines: Sequence[Curve], x_name: str, y_name: str, width: float = WIDTH) -> Scene:
    """Lines with bands, from 0 upwards."""
    height = 222.0
    every = [*(point for line in lines for point in line.points)]
    tops = [y for _, y in every] + [high for line in lines for _, _, high in line.band]
    across = Scale(0.0, max((x for x, _ in every), default=1.0), 40.0, width - 14.0)
    up = Scale(0.0, _round_up(max(tops, default=1.0)), height - FOOT, TITLE + _NAME)
    marks: list[Mark] = [*_frame(title, across, height - FOOT, x_name, width, up.end), *_side(up, across, y_name)]
    for line in lines:
        if line.band:
            edge = [(across(x), up(high)) for x, _, high in line.band]
            edge += [(across(x), up(low)) for x, low, _ in reversed(line.band)]
            marks.append(Area(tuple(edge), line.paint))
    for line in lines:
        marks.append(Line(tuple((across(x), up(y)) for x, y in line.points), line.paint, 1.6))
    return Scene(
        width, height, tuple(marks), f"Curves: {title}, {y_name} by {x_name}, {counted(len(lines), 'line')}", title
    )


def heat_map(
    title: str, columns: Sequence[str], rows: Sequence[Labelled], most: float | None = None, width: float | None = None
) -> Scene:
    """Cells of values, the more coloured the higher; a missing one is an empty frame with a dash.

    Values are points, 0-100; with `most` they are differences, coloured by their sign and up to `most`. Cells are as
    wide as `width` allows, but never narrower than what is written in them.
    """
    high = 16.0
    left = _label_width(row.label for row in rows)
    room = (width - left - _EDGE) / len(columns) if width else _CELL
    wide = min(max(room, _NARROWEST), _CELL if width is None else 2 * _CELL)
    whole = max(left + wide * len(columns) + _EDGE, min(WIDTH, text_width(title, 13)))
    steps = 2 if max(text_width(name, 9) for name in columns) > wide else 1
    head = 10.0 + 10.0 * steps
    marks: list[Mark] = [Text(0.0, 9.0, shortened(title, int(whole / text_width("n", 14))), "ink", 13, is_bold=True)]
    marks += [
        Text(left + wide * (place + 0.5), TITLE + 10.0 * (1 + place % steps), name, "soft", 9, "middle")
        for place, name in enumerate(columns)
    ]
    for line, row in enumerate(rows):
        y = TITLE + head + line * high
        inside: list[Rect | Line | Area | Dot | Text] = [_row_label(row.label, left, y + high / 2)]
        for place, value in enumerate(row.values):
            inside += _cell(value, left + wide * place, y, wide, high, most)
        marks.append(Row(tuple(inside), y, high, row.keys))
    kind = "points" if most is None else "differences in points"
    height = TITLE + head + len(rows) * high + 4.0
    return Scene(whole, height, tuple(marks), f"Heat map: {title}, {kind}", title)


_CELL, _NARROWEST = 46.0, 30.0
"""Width of a cell of a heat map, and the least one: a signed number of three digits."""
_PALEST = 0.12
"""Opacity of a cell with a 0, so that it is none without a value."""


def _cell(
    value: Value | None, x: float, y: float, wide: float, high: float, most: float | None
) -> Iterator[Rect | Line | Text]:
    middle = (x + wide / 2, y + high / 2)
    if value is None:
        corners = ((x + 2, y + 2), (x + wide - 2, y + 2), (x + wide - 2, y + high - 2), (x + 2, y + high - 2))
        yield Line((*corners, corners[0]), "grid", 1.0, is_dashed=True)
        yield Text(*middle, ABSENT, "soft", 9, "middle")
        return
    share = value.value / 100 if most is None else abs(value.value) / (most or 1.0)
    paint = "heat" if most is None else "loss" if value.value < 0 else "gain"
    opacity = _PALEST + (1 - _PALEST) * min(max(share, 0.0), 1.0)
    yield Rect(x + 0.5, y + 0.5, wide - 1, high - 1, paint, opacity, value.tip)
    written = f"{value.value:.1f}" if most is None else signed(value.value)
    yield Text(*middle, written, "ink", 9, "middle", is_bold=most is not None and value.is_clear)


def legend(entries: Sequence[tuple[str, str]], width: float) -> Scene:
    """Swatches with names, (paint, name), in as many lines as they need."""
    marks: list[Mark] = []
    x, y = 0.0, 8.0
    for paint, name in entries:
        needed = 16.0 + text_width(name) + 14.0
        if x and x + needed > width:
            x, y = 0.0, y + 16.0
        marks += [Rect(x, y - 5.0, 10.0, 10.0, paint), Text(x + 15.0, y, name)]
        x += needed
    return Scene(width, y + 12.0, tuple(marks), "Legend")


def _frame(title: str, across: Scale, bottom: float, unit: str, width: float, top: float = TITLE) -> Iterable[Mark]:
    """Title, vertical grid with its numbers, the name of the axis below."""
    yield Text(0.0, 9.0, shortened(title, int(width / text_width("n", 14))), "ink", 13, is_bold=True)
    for tick in ticks(across.low, across.high):
        x = across(tick)
        yield Line(((x, top), (x, bottom)), "grid")
        yield Text(x, bottom + 9.0, tick_text(tick), "soft", 10, "middle")
    yield Text((across.start + across.end) / 2, bottom + 24.0, unit, "soft", 10, "middle")


def _side(up: Scale, across: Scale, name: str) -> Iterable[Mark]:
    """Horizontal grid with its numbers; the name of the axis over it."""
    for tick in ticks(up.low, up.high):
        y = up(tick)
        yield Line(((across.start, y), (across.end, y)), "grid")
        yield Text(across.start - 5.0, y, tick_text(tick), "soft", 10, "end")
    yield Text(0.0, TITLE + 5.0, name, "soft", 10)


def _zero(across: Scale, bottom: float) -> Mark:
    return Line(((across(0.0), TITLE), (across(0.0), bottom)), "soft")


def _label_width(labels: Iterable[str]) -> float:
    return max((text_width(shortened(label, _MOST_LABEL)) for label in labels), default=0.0) + 8.0


def _row_label(label: str, left: float, y: float) -> Text:
    return Text(left - 6.0, y, shortened(label, _MOST_LABEL), "ink", SIZE, "end")


def _whisker(value: Value, across: Scale, y: float, paint: str, width: float = 1.0) -> Iterable[Mark]:
    if value.interval:
        yield Line(tuple((across.clipped(edge), y) for edge in value.interval), paint, width)


def _ends(value: Value) -> tuple[float, ...]:
    return (value.value, *(value.interval or ()))


def _round_up(top: float) -> float:
    """The next round number, at least as large: where an axis that starts at 0 ends."""
    if top <= 0 or not math.isfinite(top):
        return 1.0
    step = ticks(0.0, top)[1] if len(ticks(0.0, top)) > 1 else top
    return math.ceil(top / step - 1e-9) * step
