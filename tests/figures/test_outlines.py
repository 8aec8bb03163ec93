"""Text as outlines: where matplotlib's own drawing of the same text has its ink; fonts of PDF files; widths."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from xstilts_eval.analysis import figures
from xstilts_eval.errors import SettingError
from xstilts_eval.figures import svg
from xstilts_eval.figures.panel import Axis, Panel, columns, sheet
from xstilts_eval.figures.scene import PIXELS, Rect, Scene, Text

pytest.importorskip("matplotlib")
from xstilts_eval.figures import outlines, raster


def ends(path: str) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the points of a path."""
    numbers = np.array([float(number) for number in re.findall(r"-?\d+\.\d+", path)]).reshape(-1, 2)
    (left, top), (right, bottom) = numbers.min(axis=0), numbers.max(axis=0)
    return left, top, right, bottom


@pytest.mark.parametrize(("anchor", "is_bold"), [("start", False), ("middle", True), ("end", False)])
def test_outlines_lie_where_the_picture_has_its_text(anchor: str, is_bold: bool, tmp_path: Path) -> None:
    """The ink of the PNG, whose text matplotlib places itself, to a pixel of the scene."""
    from matplotlib.image import imread

    mark = Text(100.0, 40.0, "ρ = 0.41 Hxg", size=13, anchor=anchor, is_bold=is_bold)
    raster.save(Scene(200.0, 80.0, (mark,), "t"), tmp_path / "t.png")
    ink = np.argwhere(imread(tmp_path / "t.png")[..., 0] < 0.5) * PIXELS / raster.DPI
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0)
    path = outlines.outline(mark)
    assert path is not None
    assert ends(path) == pytest.approx((left, top, right, bottom), abs=1.2)


def test_a_file_of_outlines_holds_no_text_but_what_the_font_lacks() -> None:
    marks = (Text(0.0, 9.0, "<b> & é"), Text(0.0, 20.0, "漢字"), Rect(0.0, 0.0, 1.0, 1.0, "s0", tip="a tip"))
    made = svg.document(Scene(100.0, 30.0, marks, "the label"), outline=outlines.outline)
    assert made.count("<text") == 1 and "漢字</text>" in made
    assert 'aria-label="&lt;b&gt; &amp; é"' in made and "<title>a tip</title>" in made
    assert outlines.outline(Text(0.0, 0.0, " ")) is None


def test_every_file_of_a_figure_is_written_with_its_font_inside(tmp_path: Path) -> None:
    panel = Panel(["a title"], Axis(0.0, 1.0, "x"), Axis(0.0, 1.0, "y"), columns(figures.pixels(3.3), 1, 0.0)[1])
    scene = sheet("sheet", [panel.scene()])
    assert scene.width == pytest.approx(3.3 * 96)
    written = figures.save(scene, tmp_path / "a.b")
    assert [path.name for path in written] == ["a.b.svg", "a.b.png", "a.b.pdf"]
    assert b"/FontFile2" in written[2].read_bytes(), "TrueType, embedded"
    box = re.search(rb"/MediaBox \[ *0 0 ([\d.]+)", written[2].read_bytes())
    assert box is not None and float(box[1]) == pytest.approx(3.3 * 72, abs=0.1)
    assert "<text" not in written[0].read_text(encoding="utf-8")


def test_widths_that_nothing_fits_into_are_refused() -> None:
    with pytest.raises(SettingError, match=r"--width 0\.5: a figure is 2\.5 to 30 inches wide"):
        figures.pixels(0.5)
    assert columns(600.0, 3, 170.0)[0] == 3 and columns(400.0, 3, 170.0)[0] == 2 and columns(200.0, 3, 170.0)[0] == 1
