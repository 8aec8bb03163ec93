"""Labels beside points: each where it hides nothing, and none where there is no such place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from xstilts_eval.figures.scene import Point, Text, text_width

SIZE = 9
"""Font size of what stands beside a point."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
_PLACES = ((1, -0.6), (1, 0.9), (-1, -0.6), (-1, 0.9), (0, -1.3), (0, 1.3), (1, -1.7), (-1, -1.7), (1, 1.9), (-1, 1.9))
"""Sides of a point (right 1, left -1), and how far down in heights of a label."""
_MOST_HIDDEN = 0.5
"""Square pixels of what else is there that a label may lie on."""


def placed(
    labels: Sequence[tuple[Point, str, float]], dots: Sequence[tuple[Point, float]], edges: Sequence[Box]
) -> Iterator[Text]:
    """Labels (point, text, the point's radius), each at the first of ten places where it hides nothing.

    Nothing are other labels, `dots` (points with their radius) and what lies beyond the `edges`. One that would hide
    something everywhere, or stand nearer to another point than to its own, is left out; those far from the middle come
    first.
    """
    covered = [*edges, *((x - size, y - size, x + size, y + size) for (x, y), size in dots)]
    for point, text, radius in sorted(labels, key=_outermost([place for place, _, _ in labels])):
        boxes = [_box(point, offset, text_width(text, SIZE), radius) for offset in _PLACES]
        free = (box for box in boxes if _hidden(box, covered) <= _MOST_HIDDEN)
        own = next((box for box in free if not _is_nearer_to_another(box, point, dots)), None)
        if own is None:
            continue
        covered.append(own)
        left, top, right, bottom = own
        yield Text((left + right) / 2, (top + bottom) / 2, text, "soft", SIZE, "middle")


def _outermost(places: Sequence[Point]) -> Callable[[tuple[Point, str, float]], float]:
    """What labels are sorted by: minus the distance of a point from the middle of all that have one."""
    middle = [sum(column) / len(places) for column in zip(*places, strict=True)]
    spread = [max(max(column) - min(column), 1.0) for column in zip(*places, strict=True)]

    def key(label: tuple[Point, str, float]) -> float:
        return -math.hypot(*((a - b) / size for a, b, size in zip(label[0], middle, spread, strict=True)))

    return key


def _is_nearer_to_another(box: Box, own: Point, dots: Sequence[tuple[Point, float]]) -> bool:
    """Whether a reader would take a label for that of another point."""
    here = _apart(box, own)
    return any(_apart(box, place) < here - 1.0 for place, _ in dots)


def _apart(box: Box, point: Point) -> float:
    """Pixels from a point to the nearest place of a box."""
    return math.hypot(max(box[0] - point[0], 0.0, point[0] - box[2]), max(box[1] - point[1], 0.0, point[1] - box[3]))


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
