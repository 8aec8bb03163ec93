"""What all figures share: size, colours, and writing them whole as SVG and PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts_eval.writing import replacing, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999")
"""Okabe & Ito's palette, which colour-blind readers can tell apart."""
MARKERS = {"Latn": "o", "Cyrl": "s", "Arab": "^", "Deva": "D", "Hans": "P", "Jpan": "X", "Kore": "X", "Hang": "X",
           "Thai": "v", "Grek": "h", "Hebr": "<"}  # fmt: skip
OTHER_MARKER = "p"
_STYLE: Any = {
    "font.size": 9, "axes.titlesize": 9.5, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 8, "svg.hashsalt": "xstilts",
    "svg.fonttype": "none", "figure.constrained_layout.use": True,
}  # fmt: skip


@contextmanager
def drawing(width: float, height: float, **grid: Any) -> Iterator[tuple[Figure, Any]]:
    """A figure (inches) and its axes, as ``subplots`` gives them, in the house style; no window is opened."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Plain

    with rc_context(_STYLE):
        figure = Plain(figsize=(width, height))
        yield figure, figure.subplots(**grid)


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write ``stem.svg`` and ``stem.png``, each whole or not at all; the same content gives the same bytes."""
    from matplotlib import rc_context

    text, image = io.StringIO(), io.BytesIO()
    with rc_context(_STYLE):
        figure.savefig(text, format="svg", metadata={"Date": None})
        figure.savefig(image, format="png", dpi=160, metadata={"Software": None})
    write_atomically(stem.with_suffix(".svg"), text.getvalue())
    target = stem.with_suffix(".png")
    with replacing(target) as temporary:
        temporary.write_bytes(image.getvalue())
    return [stem.with_suffix(".svg"), target]


def colour_of(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, the commonest first; beyond eight, grey."""
    order = sorted(set(names), key=lambda name: (-list(names).count(name), name))
    return {name: COLOURS[place] if place < len(COLOURS) else COLOURS[-1] for place, name in enumerate(order)}


def label_points(axes: Axes, xs: Sequence[float], ys: Sequence[float], labels: Sequence[str]) -> None:
    """Write each label beside its point, at the first of eight places that no point and no earlier label takes.

    Call it after limits are set; distances are measured in typographic points.
    """
    figure = axes.figure
    scale = 72 / figure.dpi
    spots = [tuple(scale * value for value in axes.transData.transform((x, y))) for x, y in zip(xs, ys, strict=True)]
    offsets = [(5, 4), (5, -9), (-5, 4), (-5, -9), (0, 7), (0, -13), (12, 10), (-12, 10)]
    taken: list[tuple[float, float, float, float]] = [(x - 3, y - 3, x + 3, y + 3) for x, y in spots]
    frame = [scale * value for value in axes.bbox.extents]
    taken += [(frame[2], -1e4, 1e4, 1e4), (-1e4, -1e4, frame[0], 1e4)]  # beyond the right and left edge
    for (x, y), value, label in zip(spots, zip(xs, ys, strict=True), labels, strict=True):
        width, height = 5.2 * len(label), 8.0
        best = min(offsets, key=lambda o: (_overlap(_box(x, y, o, width, height), taken), offsets.index(o)))
        taken.append(_box(x, y, best, width, height))
        align = "left" if best[0] > 0 else "right" if best[0] < 0 else "center"
        axes.annotate(
            label, value, xytext=best, textcoords="offset points", fontsize=7.5, ha=align, color="#333333",
            bbox={"boxstyle": "square,pad=0.05", "facecolor": "white", "alpha": 0.6, "linewidth": 0},
        )  # fmt: skip


def _box(x: float, y: float, offset: tuple[int, int], width: float, height: float) -> tuple[float, float, float, float]:
    left = x + offset[0] - (0 if offset[0] > 0 else width if offset[0] < 0 else width / 2)
    return left, y + offset[1], left + width, y + offset[1] + height


def _overlap(box: tuple[float, float, float, float], others: Sequence[tuple[float, float, float, float]]) -> float:
    return sum(
        max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in others
    )


def legend_handles(colours: Mapping[str, str]) -> list[Any]:
    """A dot of each colour with its name; names beyond the palette share one entry."""
    from matplotlib.lines import Line2D

    named = {name: colour for name, colour in colours.items() if colour != COLOURS[-1]}
    if rest := [name for name in colours if name not in named]:
        named[rest[0] if len(rest) == 1 else f"{len(rest)} others"] = COLOURS[-1]
    return [
        Line2D([], [], marker="o", linestyle="", color=colour, label=name, markersize=5)
        for name, colour in named.items()
    ]


def legend(axes: Axes, colours: Mapping[str, str]) -> None:
    """A small legend of colours by name."""
    axes.legend(handles=legend_handles(colours), loc="best", fontsize=6.8, handletextpad=0.1, labelspacing=0.25)


def area(log_size: float | None) -> float:
    """Marker area for log₁₀ of a corpus size (28 a decade, held within 18 to 160); unknown is smallest."""
    return 18.0 if log_size is None or not math.isfinite(log_size) else min(160.0, max(18.0, 30 + 28 * log_size))
