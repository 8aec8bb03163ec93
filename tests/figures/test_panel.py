"""Panels: values at their pixels, logarithmic ticks, labels apart from each other and from points, shapes."""

from __future__ import annotations

import itertools
import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts_eval.figures import charts, svg
from xstilts_eval.figures.charts import Placed, Value
from xstilts_eval.figures.panel import SHAPES, Axis, Panel, logarithmic, of_rows, sheet, spanning
from xstilts_eval.figures.scene import Area, Dot, Line, Rect, Scene, Text, text_width


def panel(x: Axis | None = None, y: Axis | None = None) -> Panel:
    return Panel(["a title"], x or Axis(0.0, 10.0, "x"), y or Axis(0.0, 100.0, "y"))


def marks(scene: Scene, kind: type) -> list[object]:
    return [mark for mark in scene.marks if isinstance(mark, kind)]


def test_a_value_lies_on_its_tick() -> None:
    drawn = panel()
    drawn.dot(4.0, 60.0, "s0", half=20.0)
    scene = drawn.scene()
    (dot,) = (mark for mark in scene.marks if isinstance(mark, Dot))
    names = {mark.text: mark for mark in scene.marks if isinstance(mark, Text)}
    assert dot.x == pytest.approx(names["4"].x) and dot.y == pytest.approx(names["60"].y)
    (whisker,) = (mark for mark in scene.marks if isinstance(mark, Line) and mark.paint == "s0")
    assert [y for _, y in whisker.points] == pytest.approx([names["40"].y, names["80"].y])


def test_powers_of_ten_are_evenly_spaced() -> None:
    axis = logarithmic([2.0, 3000.0], "x", room=3.0)
    assert [text for _, text in axis.written()] == ["1", "10", "100", "1000"]
    drawn = panel(x=axis)
    places = [drawn.place(value, 0.0)[0] for value in (1.0, 10.0, 100.0, 1000.0)]
    steps = [b - a for a, b in itertools.pairwise(places)]
    assert steps == pytest.approx([steps[0]] * 3)
    assert [value for value, _ in logarithmic([2e8, 2e9], "x", (1, 3)).written()] == pytest.approx([1e8, 3e8, 1e9, 3e9])


def test_the_first_row_is_on_top() -> None:
    drawn = panel(y=of_rows(["first", "second"]))
    assert drawn.place(0.0, 0.0)[1] < drawn.place(0.0, -1.0)[1]
    names = {mark.text: mark.y for mark in drawn.scene().marks if isinstance(mark, Text)}
    assert names["first"] == pytest.approx(drawn.place(0.0, 0.0)[1])


def test_a_band_ends_with_the_axis() -> None:
    drawn = panel()
    drawn.band([(0.0, -50.0, 50.0), (10.0, 50.0, 150.0)], "s0")
    (area,) = (mark for mark in drawn.scene().marks if isinstance(mark, Area))
    top, bottom = drawn.place(0.0, 100.0)[1], drawn.place(0.0, 0.0)[1]
    assert [y for _, y in area.points] == pytest.approx([drawn.place(0, 50)[1], top, drawn.place(0, 50)[1], bottom])


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(1.0, 9.0), st.floats(10.0, 90.0)), min_size=1, max_size=1))
def test_a_label_hides_no_point_of_its_own(points: list[tuple[float, float]]) -> None:
    drawn = panel()
    for x, y in points:
        drawn.dot(x, y, "s0", 6.0)
        drawn.say(x, y, "sw", 6.0)
    scene = drawn.scene()
    (label,) = (mark for mark in scene.marks if isinstance(mark, Text) and mark.text == "sw")
    (dot,) = (mark for mark in scene.marks if isinstance(mark, Dot))
    apart_x = abs(label.x - dot.x) - text_width("sw", 9) / 2 - dot.radius
    apart_y = abs(label.y - dot.y) - 4.5 - dot.radius
    assert max(apart_x, apart_y) > -0.01


def test_labels_of_points_in_one_place_do_not_hide_each_other() -> None:
    drawn = panel()
    for name in ("aa", "bb", "cc", "dd"):
        drawn.dot(5.0, 50.0, "s0")
        drawn.say(5.0, 50.0, name)
    placed = [mark for mark in drawn.scene().marks if isinstance(mark, Text) and mark.text in ("aa", "bb", "cc", "dd")]
    for one, other in itertools.combinations(placed, 2):
        assert abs(one.x - other.x) >= text_width("aa", 9) - 0.01 or abs(one.y - other.y) >= 9 - 0.01


def test_labels_without_room_are_left_out_and_the_others_keep_apart() -> None:
    """Fifty points on a few square pixels; around one point there are ten places."""
    points = [Placed(0.5 + number / 1e4, f"{number:02}", Value(0.0, None, "s0", "")) for number in range(50)]
    scene = charts.scatter("x", points, "distance", "gain", ((0.0, 1.0), (-1.0, 1.0)))
    placed = [mark for mark in scene.marks if isinstance(mark, Text) and mark.size == 9]
    assert 4 <= len(placed) < 12 and len(marks(scene, Dot)) == 50
    for one, other in itertools.combinations(placed, 2):
        shared = (text_width("00", 9) - abs(one.x - other.x)) * (9 - abs(one.y - other.y))
        assert abs(one.x - other.x) > text_width("00", 9) or abs(one.y - other.y) > 9 or shared < 0.12 * 9 * 11.2


@pytest.mark.parametrize("stroke", ["across", "down", "aslant", "interval"])
def test_a_label_is_crossed_by_no_line(stroke: str) -> None:
    """The first place of each label here is one that the line crosses."""
    drawn = panel()
    points = {f"p{number}": (2.0 + number, 20.0 + 10.0 * number) for number in range(6)}
    for name, (x, y) in points.items():
        if stroke != "aslant":
            x, y = (x, 49.0) if stroke == "across" else (4.9, y)
        drawn.dot(x, y, "s0", half=15.0 if stroke == "interval" else None)
        drawn.say(x, y, name)
    if stroke == "across":
        drawn.across(51.0)
    elif stroke == "down":
        drawn.down(5.1)
    elif stroke == "aslant":
        drawn.line([(0.0, 1.0), (10.0, 101.0)], "soft")
    scene = drawn.scene()
    boxes = boxes_of(scene, set(points))
    assert boxes
    lines = [mark.points for mark in scene.marks if isinstance(mark, Line) and mark.paint in ("soft", "s0")]
    assert len(lines) == (len(points) if stroke == "interval" else 1)
    for ((x, y), (to_x, to_y)), (left, top, right, bottom) in itertools.product(lines, boxes.values()):
        for step in range(1001):
            at_x, at_y = x + (to_x - x) * step / 1000, y + (to_y - y) * step / 1000
            assert not (left + 0.1 < at_x < right - 0.1 and top + 0.1 < at_y < bottom - 0.1)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_stands_around_its_point(shape: str) -> None:
    drawn = panel()
    drawn.dot(5.0, 50.0, "s0", 4.0, shape, tip="here")
    scene = drawn.scene()
    x, y = drawn.place(5.0, 50.0)
    for area in marks(scene, Area):
        assert isinstance(area, Area)
        assert sum(px for px, _ in area.points) / len(area.points) == pytest.approx(x)
        assert all(math.hypot(px - x, py - y) == pytest.approx(4.6) for px, py in area.points)
    assert (len(marks(scene, Dot)), len(marks(scene, Area)), len(marks(scene, Rect))) == (
        (1, 0, 0) if shape == "circle" else (0, 1, 1)
    )
    assert "<title>here</title>" in svg.document(scene)


def test_a_sheet_has_title_panels_and_legend() -> None:
    whole = sheet("the sheet", [panel().scene(), panel().scene()], [("s0", "Uralic")])
    texts = [mark.text for mark in whole.marks if isinstance(mark, Text)]
    assert texts[0] == "the sheet" and texts.count("a title") == 2 and texts[-1] == "Uralic"
    assert whole.width > 2 * panel().width


def test_an_axis_over_one_value_has_an_extent() -> None:
    assert spanning([3.0]).low < 3.0 < spanning([3.0]).high
    assert spanning([]).low < spanning([]).high


def boxes_of(scene: Scene, names: set[str]) -> dict[str, tuple[float, float, float, float]]:
    found = {}
    for mark in scene.marks:
        if isinstance(mark, Text) and mark.text in names:
            half = text_width(mark.text, mark.size) / 2
            found[mark.text] = (mark.x - half, mark.y - mark.size / 2, mark.x + half, mark.y + mark.size / 2)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_no_labels_of_190_points_collide(seed: int) -> None:
    """Boxes of labels share nothing with each other, with points, or with the frame; some points stay without."""
    random = Random(seed)
    points = {f"{chr(97 + n % 26)}{n}x_Latn": (random.gauss(5, 1.5), random.gauss(50, 15)) for n in range(190)}
    drawn = Panel(["t"], Axis(0.0, 10.0, "x"), Axis(0.0, 100.0, "y"), 588.0)
    for name, (x, y) in points.items():
        drawn.dot(x, y, "s0", 3.0)
        drawn.say(x, y, name, 3.0)
    boxes = boxes_of(drawn.scene(), set(points))
    assert 15 <= len(boxes) < 190
    for one, other in itertools.combinations(boxes.values(), 2):
        wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
        assert min(wide, high) <= 0.01 or wide * high <= 0.5
    for name, (left, top, right, bottom) in boxes.items():
        assert left >= 0 and right <= 588 and top >= 0
        apart = {
            other: math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))
            for other, place in points.items() for x, y in [drawn.place(*place)]
        }  # fmt: skip
        assert apart[name] <= min(apart.values()) + 1.0, "a label stands nearest to its own point"
        assert min(apart.values()) >= 2.0
