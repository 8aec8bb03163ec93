"""Marks and scales: round ticks, text that fits, valid and escaped SVG, pixels where the marks are."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts_eval.figures import charts, raster, svg
from xstilts_eval.figures.charts import Labelled, Value
from xstilts_eval.figures.scene import (
    COLOURS,
    PIXELS,
    Dot,
    Line,
    Rect,
    Row,
    Scale,
    Scene,
    Text,
    packed,
    shortened,
    text_width,
    ticks,
    tile,
)

EVIL = "</text><script>alert('1')</script>&\"\n\x07"


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4))
def test_ticks_are_round_evenly_spaced_and_inside(low: float, extent: float) -> None:
    found = ticks(low, low + extent)
    assert 2 <= len(found) <= 6
    assert all(low - 1e-6 * extent <= tick <= low + extent + 1e-6 * extent for tick in found)
    step = found[1] - found[0]
    assert all(b - a == pytest.approx(step, rel=1e-6) for a, b in itertools.pairwise(found))
    lead = step / 10 ** math.floor(math.log10(step * 1.000001))
    assert min(abs(lead - round_number) for round_number in (1, 2, 2.5, 5, 10)) < 1e-4


def test_ticks_of_known_axes() -> None:
    assert ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert ticks(-12.7, 4.1) == [-10, -5, 0]
    assert ticks(0, 0.53) == [0, 0.2, 0.4]


@pytest.mark.parametrize("text", ["CommonsenseQA", "control_commonsenseqa", "mmWW@%", "Vietnamese vi", "TyDiQA-GoldP"])
def test_text_is_never_wider_than_it_is_taken_to_be(text: str) -> None:
    """Against the real outlines of DejaVu Sans."""
    path = pytest.importorskip("matplotlib.textpath").TextPath((0, 0), text, size=11)
    real = path.get_extents().width
    assert real <= text_width(text) <= 1.5 * real


def test_long_names_lose_their_middle() -> None:
    assert shortened("abcdefghij", 7) == "abc…hij" and shortened("abc", 7) == "abc"


def test_svg_is_well_formed_and_shows_markup_as_text() -> None:
    marks = (
        Text(1, 2, EVIL),
        Rect(0, 0, 5, 5, "s0", tip=EVIL),
        Dot(3, 3, 2, "up", tip=EVIL),
        Line(((0, 0), (1, 1)), "ink"),
    )
    scene = Scene(10, 10, marks, EVIL)
    for text in (svg.document(scene), svg.inline(scene)):
        root = xml.fromstring(text)
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert names <= {"svg", "title", "style", "text", "rect", "circle", "path"}, "no script has become an element"
    inline = xml.fromstring(svg.inline(scene))
    shown = EVIL.replace("\x07", "\\x07")
    assert inline.attrib["aria-label"] == shown
    assert [element.attrib["data-tip"] for element in inline if "data-tip" in element.attrib] == [shown, shown]


def test_a_png_has_the_colour_of_a_mark_where_the_mark_is(tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    marks = (Rect(10, 20, 30, 10, "s1"), Rect(60, 20, 30, 10, "s0", 0.0, "only for the mouse"), Dot(80, 40, 5, "up"))
    raster.save(Scene(100, 50, marks, "x"), tmp_path / "x.png")
    pixels = image.imread(tmp_path / "x.png")
    scale = raster.DPI / PIXELS
    assert pixels.shape[:2] == (round(50 * scale), round(100 * scale))

    def at(x: float, y: float) -> str:
        return "#" + "".join(f"{round(255 * part):02x}" for part in pixels[int(y * scale), int(x * scale)][:3])

    assert at(25, 25) == COLOURS["s1"][0] and at(80, 40) == COLOURS["up"][0]
    assert at(75, 25) == at(5, 5) == "#ffffff"


def test_a_pdf_is_the_same_every_time_and_keeps_its_text(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    scene = Scene(100, 50, (Text(5, 5, "UD-POS"),), "a figure")
    raster.save(scene, tmp_path / "1.pdf")
    raster.save(scene, tmp_path / "2.pdf")
    first = (tmp_path / "1.pdf").read_bytes()
    assert first == (tmp_path / "2.pdf").read_bytes() and b"/FontDescriptor" in first and b"/Type3" not in first


@pytest.mark.parametrize("width", [2.0, 3.3, 6.9])
def test_a_file_for_print_is_as_wide_as_it_was_asked_for(width: float, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    scene = Scene(200, 50, (Text(5, 5, "UD-POS"),), "a figure")
    raster.save(scene, tmp_path / "x.pdf", width)
    box = re.search(rb"/MediaBox \[([^]]+)\]", (tmp_path / "x.pdf").read_bytes())
    assert box and [float(part) for part in box[1].split()] == pytest.approx([0, 0, 72 * width, 18 * width])
    root = xml.fromstring(svg.document(scene, width))
    assert [root.attrib[name] for name in ("width", "height", "viewBox")] == [
        f"{width:g}in", f"{width / 4:g}in", "0 0 200 50",
    ]  # fmt: skip


def test_the_heads_of_a_narrow_heat_map_stand_in_two_lines() -> None:
    """Nine datasets in a column of 3.3 inches: no name touches its neighbour, no number leaves its cell."""
    names = ["XNLI", "PAWS-X", "UD-POS", "PAN-X", "XQuAD", "MLQA", "TyDiQA", "BUCC", "Tatoeba"]
    row = Labelled("Vietnamese vi", tuple(Value(-12.3, None, "gain", "") for _ in names))
    scene = charts.heat_map("x", names, [row], 15.0, 3.3 * 96)
    heads = [mark for mark in scene.marks if isinstance(mark, Text) and mark.size == 9]
    assert [head.text for head in heads] == names
    for first, second in itertools.combinations(heads, 2):
        apart = abs(first.x - second.x) - (text_width(first.text, 9) + text_width(second.text, 9)) / 2
        assert apart > 0 or abs(first.y - second.y) >= 9, (first.text, second.text)
    (line,) = [mark for mark in scene.marks if isinstance(mark, Row)]
    cells = [mark for mark in line.marks if isinstance(mark, Rect)]
    assert all(cell.width >= text_width("−12.3", 9) for cell in cells) and scene.width < 400


def test_bars_start_at_zero_and_are_as_long_as_their_values() -> None:
    values = [Value(20.0, (10.0, 30.0), "s0", "a"), Value(80.0, None, "s0", "b"), None]
    scene = charts.bars("x", [Labelled(f"r{i}", (value,)) for i, value in enumerate(values)], "points")
    drawn = [mark for mark in scene.marks if isinstance(mark, Rect) and mark.opacity == 1]
    assert len(drawn) == 2, "a missing value has no bar"
    assert drawn[0].x == drawn[1].x and drawn[1].width == pytest.approx(4 * drawn[0].width)
    whisker = next(m for m in scene.marks if isinstance(m, Line) and m.paint == "ink")
    assert whisker.points[1][0] - whisker.points[0][0] == pytest.approx(drawn[0].width)


def test_a_missing_score_is_a_dash_in_the_heat_map_and_zero_a_number() -> None:
    row = Labelled("German de", (Value(0.0, None, "heat", "zero"), None))
    scene = charts.heat_map("x", ["XNLI", "PAWS-X"], [row])
    (line,) = [mark for mark in scene.marks if isinstance(mark, Row)]
    assert [m.text for m in line.marks if isinstance(m, Text)][-2:] == ["0.0", "–"]
    (cell,) = [m for m in line.marks if isinstance(m, Rect)]
    (frame,) = [m for m in line.marks if isinstance(m, Line)]
    assert cell.paint == "heat" and cell.opacity > 0.1 and frame.is_dashed, "a 0 has colour, what is absent a frame"


def test_tiles_keep_every_mark_inside() -> None:
    one = Scene(10, 20, (Rect(0, 0, 10, 20, "s0"),), "")
    found = tile([one, one, one], 2, 5, "all")
    assert (found.width, found.height) == (25, 45)
    assert [(m.x, m.y) for m in found.marks if isinstance(m, Rect)] == [(0, 0), (15, 0), (0, 25)]


def test_panels_of_different_heights_are_packed_under_the_shortest_column() -> None:
    def scene(height: float) -> Scene:
        return Scene(10, height, (Rect(0, 0, 10, height, "s0"),), "")

    found = packed([scene(100), scene(20), scene(30), scene(10)], 2, 5, "all")
    assert [(m.x, m.y) for m in found.marks if isinstance(m, Rect)] == [(0, 0), (15, 0), (15, 25), (15, 60)]
    assert (found.width, found.height) == (25, 100)


def test_values_outside_a_scale_are_drawn_at_its_end() -> None:
    scale = Scale(0, 10, 100, 0)
    assert scale(2.5) == 75 and scale.clipped(99) == 0 and scale.clipped(-1) == 100
