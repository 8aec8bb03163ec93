"""Labels beside points: each where it hides the least, and none where it would hide another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from xstilts_eval.figures.scene import Point, Text, text_width

SIZE = 9
"""Font size of what stands beside a point."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
_PLACES = ((1, -0.6), (1, 0.9), (-1, -0.6), (-1, 0.9), (0, -1.3), (0, 1.3), (1, -1.7), (-1, -1.7), (1, 1.9), (-1, 1.9))
"""Sides of a point (right 1, left -1), and how far down in heights of a label."""
_HIDDEN = 0.1
"""Share of a label that another may hide."""


def around(point: Point, radius: float) -> Box:
    """What a point of that size covers."""
    x, y = point
    return x - radius, y - radius, x + radius, y + radius


def placed(labels: Iterable[tuple[Point, str, float]], covered: Sequence[Box]) -> Iterator[Text]:
    """Labels (point, text, the point's radius), each at the first of ten places where it hides the least.

    `covered` is what they keep off where they can. A label that would hide another one everywhere is left out.
    """
    taken: list[Box] = []
    for point, text, radius in labels:
        boxes = [_box(point, offset, text_width(text, SIZE), radius) for offset in _PLACES]
        costs = [(_hidden(box, taken), _hidden(box, covered)) for box in boxes]
        best = min(range(len(boxes)), key=lambda number: (sum(costs[number]), number))
        left, top, right, bottom = boxes[best]
        if costs[best][0] > _HIDDEN * (right - left) * (bottom - top):
            continue
        taken.append(boxes[best])
        yield Text((left + right) / 2, (top + bottom) / 2, text, "soft", SIZE, "middle")


def _box(point: Point, place: tuple[int, float], width: float, radius: float) -> Box:
    """What a label covers."""
    side, down = place
    middle = point[0] + side * (width / 2 + radius + 1.0)
    centre = point[1] + down * SIZE + (math.copysign(max(0.0, radius - 3.6), down) if not side else 0.0)
    return middle - width / 2, centre - SIZE / 2, middle + width / 2, centre + SIZE / 2


def _hidden(box: Box, others: Sequence[Box]) -> float:
    """Square pixels that a box shares with others."""
    return sum(
        max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in others
    )
