"""Everything that is read has the contrast that WCAG 2.2 asks for (AA), by its own formula, in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xstilts_eval.figures import charts
from xstilts_eval.figures.charts import Labelled, Value
from xstilts_eval.figures.scene import COLOURS, SERIES, Rect, Row, Text

Colour = tuple[float, float, float]
CSS = (Path(charts.__file__).parents[1] / "report" / "page.css").read_text(encoding="utf-8")


def colour(text: str) -> Colour:
    red, green, blue = (int(text[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the first over the second, as a browser blends in sRGB."""
    red, green, blue = (a * share + b * (1 - share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def luminance(of: Colour) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in of]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula_on_known_pairs() -> None:
    assert contrast(colour("#000000"), colour("#ffffff")) == pytest.approx(21)
    assert contrast(colour("#777777"), colour("#ffffff")) == pytest.approx(4.48, abs=0.005)  # WCAG's best-known failure


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("most", [None, 40.0])
def test_numbers_in_the_cells_of_heat_maps(theme: int, most: float | None) -> None:
    """Every half point, of scores from 0 to 100 and of gains from -60 to 60, also beyond the scale's end."""
    roles = {name: colour(pair[theme]) for name, pair in COLOURS.items()}
    numbers = [step / 2 - (0 if most is None else 60) for step in range(241 if most else 201)]
    row = Labelled("x", tuple(Value(number, None, "", "") for number in numbers))
    scene = charts.heat_map("x", ["c"] * len(numbers), [row], most)
    (line,) = [mark for mark in scene.marks if isinstance(mark, Row)]
    cells = [mark for mark in line.marks if isinstance(mark, Rect)]
    texts = [mark for mark in line.marks if isinstance(mark, Text)][1:]
    assert len(cells) == len(texts) == len(numbers)
    for cell, text in zip(cells, texts, strict=True):
        ground = mixed(roles[cell.paint], roles["page"], cell.opacity)
        assert contrast(roles[text.paint], ground) >= 4.5, (text.text, cell.opacity)
    assert {cell.paint for cell in cells} == ({"heat"} if most is None else {"gain", "loss"})


@pytest.mark.parametrize("theme", [0, 1])
def test_texts_and_marks_on_the_page(theme: int) -> None:
    """Texts 4.5:1 on the page and on rows that are pinned or under the mouse; bars, dots and lines 3:1 on the page."""
    roles = {name: colour(pair[theme]) for name, pair in COLOURS.items()}
    shares = [int(share) / 100 for share in re.findall(r"color-mix\(in srgb, var\(--grid\) (\d+)%", CSS)]
    assert shares
    grounds = [roles["page"], *(mixed(roles["grid"], roles["page"], share) for share in shares)]
    for text in ("ink", "soft", "up", "down", "s0"):  # s0: links
        assert min(contrast(roles[text], ground) for ground in grounds) >= 4.5, text
    warning = mixed(roles["s1"], roles["page"], 0.18)
    assert "var(--s1) 18%" in CSS and contrast(roles["ink"], warning) >= 4.5
    assert contrast(roles["page"], roles["ink"]) >= 4.5  # the tip
    for mark in ("base", "up", "down", *(f"s{number}" for number in range(SERIES))):
        assert contrast(roles[mark], roles["page"]) >= 3, mark
    assert "opacity" not in re.sub(r"stroke-opacity", "", CSS), "a faded text has another contrast"
