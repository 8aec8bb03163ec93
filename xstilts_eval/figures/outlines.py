"""Text as outlines, so that a figure looks the same where its font is not installed."""

from __future__ import annotations

from functools import cache
from typing import Any

from xstilts_eval.figures.scene import Text

MIDDLE = 0.346
"""Of the font size, from the baseline up to the middle of DejaVu Sans: half of its ascent (.928) less its descent."""


def outline(mark: Text) -> str | None:
    """The data of an SVG path that looks like the text, its middle at `y`; None where the font lacks a character."""
    from matplotlib.textpath import text_to_path

    font, index = _font(mark.is_bold)
    if not mark.text.strip() or any(character not in index for character in mark.text):
        return None
    points, codes = text_to_path.get_text_path(font, mark.text, ismath=False)
    scale = mark.size / text_to_path.FONT_SCALE
    width = text_to_path.get_text_width_height_descent(mark.text, font, ismath=False)[0] * mark.size / font.get_size()
    left = mark.x - {"start": 0.0, "middle": width / 2, "end": width}[mark.anchor]
    base = mark.y + MIDDLE * mark.size
    return _path([(left + x * scale, base - y * scale) for x, y in points], list(map(int, codes)))


@cache
def _font(is_bold: bool) -> tuple[Any, frozenset[str]]:
    """The font and the characters that it has."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = FontProperties(family="DejaVu Sans", weight="bold" if is_bold else "normal")
    return font, frozenset(map(chr, get_font(findfont(font)).get_charmap()))


_MOVE, _LINE, _QUADRATIC, _CUBIC, _CLOSE = 1, 2, 3, 4, 79
"""matplotlib's codes of what a point does; curves have two and three points."""


def _path(points: list[tuple[float, float]], codes: list[int]) -> str:
    letters = {_MOVE: ("M", 1), _LINE: ("L", 1), _QUADRATIC: ("Q", 2), _CUBIC: ("C", 3)}
    parts: list[str] = []
    place = 0
    while place < len(codes):
        if codes[place] == _CLOSE:
            parts.append("Z")
            place += 1
            continue
        letter, count = letters[codes[place]]
        parts.append(letter + " ".join(f"{x:.2f} {y:.2f}" for x, y in points[place : place + count]))
        place += count
    return "".join(parts)
