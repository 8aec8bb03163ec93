"""The picture of a relatedness report: gains as a heat map, CKA by layer, and estimates against gains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.relatedness.analyse import RelatednessReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(report: RelatednessReport) -> Figure:
    """A heat map centred at 0 (bold: the interval leaves out 0); CKA with the base and English alignment by layer."""
    panels = 1 + 2 * bool(report.similarity)
    with figures.drawing(4.6 * panels, 3.9, ncols=panels, squeeze=False) as (figure, axes):
        _heat(figure, axes[0][0], report)
        if report.similarity:
            _base(axes[0][1], report)
            _alignment(axes[0][2], report)
        return figure


def _heat(figure: Figure, axes: Axes, report: RelatednessReport) -> None:
    tasks = list(dict.fromkeys(cell.intermediate for cell in report.cells))
    targets = list(dict.fromkeys(cell.target for cell in report.cells))
    grid = np.full((len(tasks), len(targets)), np.nan)
    for cell in report.cells:
        grid[tasks.index(cell.intermediate), targets.index(cell.target)] = cell.gain
    bound = float(np.nanmax(np.abs(grid))) or 1.0
    image = axes.imshow(grid, cmap="RdBu", vmin=-bound, vmax=bound, aspect="auto")
    for cell in report.cells:
        is_clear = cell.half_width is not None and abs(cell.gain) > cell.half_width
        axes.text(
            targets.index(cell.target), tasks.index(cell.intermediate),
            f"{cell.gain:+.1f}" + (f"\n±{cell.half_width:.1f}" if cell.half_width is not None else ""),
            ha="center", va="center", fontsize=8, fontweight="bold" if is_clear else "normal",
            color="white" if abs(cell.gain) > 0.6 * bound else "#222222",
        )  # fmt: skip
    axes.set_xticks(range(len(targets)), [target.partition("_")[2] for target in targets])
    axes.set_yticks(range(len(tasks)), tasks)
    axes.grid(False)
    axes.set_title("mean gain over languages (points)")
    figure.colorbar(image, ax=axes, shrink=0.8)


def _base(axes: Axes, report: RelatednessReport) -> None:
    """CKA of the representations before and after, one line per task, shaded over languages."""
    colours = figures.colour_of([one.intermediate for one in report.similarity])
    for task, colour in colours.items():
        values = np.array([one.with_base for one in report.similarity if one.intermediate == task])
        _shaded(axes, values, colour, task)
    axes.set_title(f"CKA with the base (n {report.similarity[0].inputs} a language)")
    axes.legend(loc="lower left")
    axes.set_ylim(top=1.02)


def _alignment(axes: Axes, report: RelatednessReport) -> None:
    """CKA of English with the other languages, mean; of the base, in grey, their range too."""
    pairs = [one for one in report.similarity if one.aligned is not None and one.aligned_before is not None]
    colours = figures.colour_of([one.intermediate for one in report.similarity])
    if pairs:
        first = pairs[0].intermediate
        base = np.array([one.aligned_before for one in pairs if one.intermediate == first])
        _shaded(axes, base, "#555555", "base", "--")
    for task, colour in colours.items():
        values = np.array([one.aligned for one in pairs if one.intermediate == task])
        if len(values):
            axes.plot(range(values.shape[1]), values.mean(axis=0), "-o", markersize=3.5, color=colour, label=task)
    axes.set_title("CKA of English with others (band: range, base)")
    axes.legend(loc="best")


def _shaded(axes: Axes, values: np.ndarray, colour: str, label: str, line: str = "-") -> None:
    """Mean over languages [languages, layers] with their range."""
    layers = np.arange(values.shape[1])
    axes.plot(layers, values.mean(axis=0), line, marker="o", markersize=3.5, color=colour, label=label)
    axes.fill_between(layers, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.1, linewidth=0)
    axes.set_xlabel("layer (0: embeddings); band: range over languages")
    axes.set_ylabel("debiased linear CKA")
    axes.set_xticks(layers)
