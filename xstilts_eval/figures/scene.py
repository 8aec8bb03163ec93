"""A figure as a list of marks in pixels, origin top left, colours by role; `svg` and `raster` draw it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

PIXELS = 96.0
"""Of a scene per inch, as in CSS."""
SIZE = 11
"""Font size of ordinary text, pixels; 9, 10 and 13 are the others."""
GLYPH, WIDE, SQUARE = 0.62, 0.76, 1.0
"""Widths over the font size of ordinary characters, of capitals, and of the widest and East Asian ones: those of DejaVu
Sans, the widest of the fonts in question, rounded up."""

COLOURS = {
    "ink": ("#1b1f24", "#e8eaed"),
    "soft": ("#5c6670", "#a3acb5"),
    "grid": ("#dfe3e8", "#33393f"),
    "page": ("#ffffff", "#15181b"),
    "heat": ("#5fa3dc", "#275a8c"),
    "gain": ("#5cc3a0", "#1f6b4f"),
    "loss": ("#f0a06a", "#8a4a1c"),
    "up": ("#00724f", "#3ecb99"),
    "down": ("#b5440b", "#ff9a5c"),
    "base": ("#7b8794", "#8d98a4"),
    "s0": ("#0072b2", "#56a8e0"),
    "s1": ("#d55e00", "#f0883e"),
    "s2": ("#009e73", "#35c796"),
    "s3": ("#aa4499", "#d98bc8"),
    "s4": ("#b98a00", "#e6bd3c"),
    "s5": ("#4b3f9e", "#9d92ee"),
}
"""Roles, light and dark. Series: blue, vermilion, green, purple, yellow of Okabe and Ito's set (the last two darkened
to keep 3:1 against white) and an indigo, told apart by readers with the common colour deficiencies. Numbers stand on
``heat``, ``gain`` and ``loss`` in ``ink``, which has 4.5:1 there at any opacity."""
SERIES = 6

Point = tuple[float, float]


@dataclass(frozen=True)
class Rect:
    x: float
    y: float
    width: float
    height: float
    paint: str
    opacity: float = 1.0
    tip: str = ""


@dataclass(frozen=True)
class Line:
    points: tuple[Point, ...]
    paint: str
    width: float = 1.0
    is_dashed: bool = False


@dataclass(frozen=True)
class Area:
    points: tuple[Point, ...]
    paint: str
    opacity: float = 0.18


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    paint: str
    is_open: bool = False
    tip: str = ""


@dataclass(frozen=True)
class Text:
    """`y` is the middle of the line; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    paint: str = "ink"
    size: int = SIZE
    anchor: str = "start"
    is_bold: bool = False


@dataclass(frozen=True)
class Row:
    """Marks that stand in one line, `height` high from `y`; a page may put lines in another order, by any of `keys`."""

    marks: tuple[Rect | Line | Area | Dot | Text, ...]
    y: float
    height: float
    keys: tuple[tuple[str, str], ...]


Mark = Rect | Line | Area | Dot | Text | Row


@dataclass(frozen=True)
class Scene:
    """`label` says in words what is drawn; `title` is what stands over a panel."""

    width: float
    height: float
    marks: tuple[Mark, ...]
    label: str
    title: str = ""


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.end - self.start)

    def clipped(self, value: float) -> float:
        """The pixel of a value moved to the nearer end of the scale where it lies outside."""
        return self(min(max(value, self.low), self.high))


def text_width(text: str, size: float = SIZE) -> float:
    """About how many pixels wide a text is drawn, rather more than less."""
    shares = (SQUARE if c >= "\u2e80" or c in "mMwW%@" else WIDE if c.isupper() else GLYPH for c in text)
    return size * sum(shares)


def shortened(text: str, length: int) -> str:
    """At most `length` characters, the middle left out."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round values between `low` and `high`."""
    if high <= low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    return [
        round(place * step, 10) for place in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]


def tick_text(value: float) -> str:
    """The shortest way to write a tick."""
    return f"{value:g}".replace("-", "−")


def packed(scenes: Sequence[Scene], columns: int, gap: float, label: str) -> Scene:
    """Scenes in columns of one width, each under the column that is the shortest so far, as one."""
    wide = max(scene.width for scene in scenes)
    heights = [0.0] * columns
    marks: list[Mark] = []
    for scene in scenes:
        column = heights.index(min(heights))
        marks += [moved(mark, column * (wide + gap), heights[column]) for mark in scene.marks]
        heights[column] += scene.height + gap
    return Scene(columns * (wide + gap) - gap, max(heights) - gap, tuple(marks), label)


def tile(scenes: Sequence[Scene], columns: int, gap: float, label: str) -> Scene:
    """Scenes side by side in rows, as one."""
    marks: list[Mark] = []
    top = width = 0.0
    for start in range(0, len(scenes), columns):
        row = scenes[start : start + columns]
        left = 0.0
        for scene in row:
            marks += [moved(mark, left, top) for mark in scene.marks]
            left += scene.width + gap
        width = max(width, left - gap)
        top += max(scene.height for scene in row) + gap
    return Scene(width, max(top - gap, 0.0), tuple(marks), label)


def smallest_text(scene: Scene) -> float:
    """Font size of the smallest text, pixels; that of ordinary text where there is none."""
    marks = [inner for mark in scene.marks for inner in (mark.marks if isinstance(mark, Row) else (mark,))]
    return min((mark.size for mark in marks if isinstance(mark, Text)), default=SIZE)


def padded(scene: Scene, margin: float) -> Scene:
    """The scene with a margin on all sides."""
    marks = tuple(moved(mark, margin, margin) for mark in scene.marks)
    return replace(scene, width=scene.width + 2 * margin, height=scene.height + 2 * margin, marks=marks)


def moved(mark: Mark, x: float, y: float) -> Mark:
    """The mark shifted to the right and down."""
    if isinstance(mark, Row):
        inner = tuple(moved(one, x, y) for one in mark.marks)
        return replace(mark, marks=inner, y=mark.y + y)  # type: ignore[arg-type]
    if isinstance(mark, Line | Area):
        return replace(mark, points=tuple((px + x, py + y) for px, py in mark.points))
    return replace(mark, x=mark.x + x, y=mark.y + y)
