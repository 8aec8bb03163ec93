"""What the figures of several analyses share: colours by name, shapes by script, sizes by corpus; writing them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from xstilts_eval.errors import SettingError
from xstilts_eval.figures import outlines, raster, svg
from xstilts_eval.figures.scene import PIXELS, SERIES, Scene
from xstilts_eval.writing import replacing, write_atomically

OTHERS = "base"
"""The paint of names beyond the palette."""
MARKERS = {"Latn": "circle", "Cyrl": "square", "Arab": "triangle", "Deva": "diamond", "Hans": "hexagon",
           "Thai": "triangle down", "Grek": "triangle left", "Hebr": "triangle left"}  # fmt: skip
OTHER_MARKER = "pentagon"


MOST_WHISKERS = 60
MOST_ROWS = 60
"""Rows of a picture that fits on a page."""
NARROWEST, WIDEST = 2.5, 30.0


def pixels(inches: float) -> float:
    """The width of a figure in the pixels of a scene; raises `SettingError` for one that nothing fits into."""
    if not NARROWEST <= inches <= WIDEST:
        raise SettingError(f"--width {inches:g}: a figure is {NARROWEST:g} to {WIDEST:g} inches wide")
    return inches * PIXELS


def whisker(half: float | None, points: int) -> float | None:
    """A point's interval as it is drawn: not at all among so many that theirs would be all one sees."""
    return half if points <= MOST_WHISKERS else None


def save(scene: Scene, stem: Path) -> list[Path]:
    """Write ``stem.svg``, and ``stem.png`` and ``stem.pdf`` where they can be painted, each whole or not at all.

    Text is outlines in the SVG, which needs the same library, and an embedded font in the PDF.
    """
    written = [Path(f"{stem}.svg")]
    if not raster.is_installed():
        write_atomically(written[0], svg.document(scene))
        return written
    write_atomically(written[0], svg.document(scene, outline=outlines.outline))
    for ending in ("png", "pdf"):
        written.append(Path(f"{stem}.{ending}"))
        with replacing(written[-1]) as temporary:
            raster.save(scene, temporary)
    return written


def paint_of(names: Sequence[str]) -> dict[str, str]:
    """A paint for each name, the commonest first; beyond the palette, grey."""
    order = sorted(set(names), key=lambda name: (-list(names).count(name), name))
    return {name: f"s{place}" if place < SERIES else OTHERS for place, name in enumerate(order)}


def entries(paints: Mapping[str, str]) -> list[tuple[str, str]]:
    """A legend's (paint, name); names beyond the palette share one entry."""
    named = [(paint, name) for name, paint in paints.items() if paint != OTHERS]
    rest = [name for name, paint in paints.items() if paint == OTHERS]
    return named + ([(OTHERS, rest[0] if len(rest) == 1 else f"{len(rest)} others")] if rest else [])


def radius(log_size: float | None) -> float:
    """Of a marker, pixels: its area grows with log₁₀ of a corpus size, within bounds; unknown is smallest."""
    area = 18.0 if log_size is None or not math.isfinite(log_size) else min(160.0, max(18.0, 30 + 28 * log_size))
    return math.sqrt(area / math.pi) * 96 / 72
