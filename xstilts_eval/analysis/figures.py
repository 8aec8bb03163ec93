"""What the figures of several analyses share: colours by name, shapes by script, sizes by corpus; writing them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from xstilts_eval.figures import raster, svg
from xstilts_eval.figures.scene import SERIES, Scene
from xstilts_eval.writing import replacing, write_atomically

OTHERS = "base"
"""The paint of names beyond the palette."""
MARKERS = {"Latn": "circle", "Cyrl": "square", "Arab": "triangle", "Deva": "diamond", "Hans": "hexagon",
           "Thai": "triangle down", "Grek": "triangle left", "Hebr": "triangle left"}  # fmt: skip
OTHER_MARKER = "pentagon"


def save(scene: Scene, stem: Path) -> list[Path]:
    """Write ``stem.svg``, and ``stem.png`` where it can be painted, each whole or not at all."""
    written = [stem.with_suffix(".svg")]
    write_atomically(written[0], svg.document(scene))
    if raster.is_installed():
        written.append(stem.with_suffix(".png"))
        with replacing(written[1]) as temporary:
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
