"""The picture of a relatedness report: gains as a heat map, CKA with the base and alignment by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xstilts_eval.analysis.relatedness.analyse import RelatednessReport
from xstilts_eval.figures.charts import legend
from xstilts_eval.figures.panel import Axis, Panel, columns, sheet, spanning
from xstilts_eval.figures.scene import SERIES, Mark, Rect, Scene, Text, shortened, text_width, tile

_BASE = "base"
_LAYERS = "layer (0: embeddings); band: range over languages"
_CELL, _ROW, _HEAD = 74.0, 34.0, 40.0


def draw(report: RelatednessReport, width: float) -> dict[str, Scene]:
    """A heat map around 0 (bold: the interval leaves out 0); by layer CKA with the base, and English's with others."""
    inner = columns(width, 1, 0.0)[1]
    drawn = {"": _heat(report, inner)}
    if report.similarity:
        drawn |= {"base": _base(report, inner), "alignment": _alignment(report, inner)}
    return {part: sheet("intermediate tasks and targets", [panel]) for part, panel in drawn.items()}


def _heat(report: RelatednessReport, inner: float) -> Scene:
    tasks = list(dict.fromkeys(cell.intermediate for cell in report.cells))
    targets = list(dict.fromkeys(cell.target for cell in report.cells))
    bound = max(abs(cell.gain) for cell in report.cells) or 1.0
    left = max(text_width(shortened(task, 28)) for task in tasks) + 8.0
    wide = min(_CELL, (inner - left) / len(targets))
    title = "mean gain over languages (points; orange: a loss)"
    marks: list[Mark] = [Text(0.0, 9.0, title, is_bold=True)]
    for place, target in enumerate(targets):
        marks.append(Text(left + wide * (place + 0.5), _HEAD - 9.0, _short(target, wide), "soft", 10, "middle"))
    for place, task in enumerate(tasks):
        marks.append(Text(left - 6.0, _HEAD + _ROW * (place + 0.5), shortened(task, 28), anchor="end"))
    for cell in report.cells:
        x, y = left + wide * targets.index(cell.target), _HEAD + _ROW * tasks.index(cell.intermediate)
        share = abs(cell.gain) / bound
        paint = "up" if cell.gain >= 0 else "down"
        marks.append(Rect(x + 0.5, y + 0.5, wide - 1, _ROW - 1, paint, 0.05 + 0.85 * share))
        is_clear = cell.half_width is not None and abs(cell.gain) > cell.half_width
        ink, middle = ("page" if share > 0.6 else "ink"), x + wide / 2
        lower = [] if cell.half_width is None else [Text(middle, y + 25.0, f"±{cell.half_width:.1f}", ink, 9, "middle")]
        upper = y + (11.0 if lower else _ROW / 2)
        marks += [Text(middle, upper, f"{cell.gain:+.1f}", ink, anchor="middle", is_bold=is_clear), *lower]
    width = max(left + wide * len(targets), min(text_width(title), inner))
    return Scene(width, _HEAD + _ROW * len(tasks), tuple(marks), f"Heat map: {title}")


def _short(target: str, width: float) -> str:
    return shortened(target.partition("_")[2] or target, max(3, int(width / text_width("n", 10))))


def _paints(report: RelatednessReport) -> dict[str, tuple[str, bool]]:
    """A paint for each task, and whether its line is dashed: those beyond the palette take its colours again."""
    tasks = dict.fromkeys(one.intermediate for one in report.similarity)
    return {task: (f"s{place % SERIES}", place >= SERIES) for place, task in enumerate(tasks)}


def _entry(task: str, paint: str, is_dashed: bool) -> tuple[str, str]:
    return paint, f"{task} (dashed)" if is_dashed else task


def _axes(values: Sequence[np.ndarray], top: float | None = None) -> tuple[Axis, Axis]:
    layers = max(one.shape[1] for one in values)
    every = np.concatenate([one.ravel() for one in values])
    up = spanning([*every.tolist(), *([top] if top is not None else [])], "debiased linear CKA", 0.05)
    return Axis(-0.3, layers - 0.7, _LAYERS, tuple((n, str(n)) for n in range(layers))), up


def _base(report: RelatednessReport, width: float) -> Scene:
    """CKA of the representations before and after, one line per task, shaded over languages."""
    paints = _paints(report)
    values = {
        task: np.array([one.with_base for one in report.similarity if one.intermediate == task]) for task in paints
    }
    panel = Panel(
        [f"CKA with the base (n {report.similarity[0].inputs} a language)"], *_axes([*values.values()], 1.0), width
    )
    for task, (paint, is_dashed) in paints.items():
        _line(panel, values[task], paint, is_shaded=True, is_dashed=is_dashed)
    return _with_legend(panel, [_entry(task, *paint) for task, paint in paints.items()])


def _alignment(report: RelatednessReport, width: float) -> Scene:
    """CKA of English with the other languages, mean; of the base, dashed, their range too."""
    pairs = [one for one in report.similarity if one.aligned is not None and one.aligned_before is not None]
    title = "CKA of English with others (band: range, base)"
    if not pairs:
        return Scene(text_width(title), 30.0, (Text(0.0, 9.0, f"{title}: one language"),), title)
    paints = _paints(report)
    base = np.array([one.aligned_before for one in pairs if one.intermediate == pairs[0].intermediate])
    values = {task: np.array([one.aligned for one in pairs if one.intermediate == task]) for task in paints}
    values = {task: found for task, found in values.items() if len(found)}
    panel = Panel([title], *_axes([base, *values.values()]), width)
    _line(panel, base, _BASE, is_shaded=True, is_dashed=True)
    for task, found in values.items():
        _line(panel, found, paints[task][0], is_dashed=paints[task][1])
    return _with_legend(panel, [(_BASE, "base (dashed)"), *(_entry(task, *paints[task]) for task in values)])


def _line(panel: Panel, values: np.ndarray, paint: str, is_shaded: bool = False, is_dashed: bool = False) -> None:
    """Mean over languages [languages, layers], with their range where it is shaded."""
    layers = range(values.shape[1])
    means = values.mean(axis=0).tolist()
    if is_shaded:
        panel.band(list(zip(layers, values.min(axis=0).tolist(), values.max(axis=0).tolist(), strict=True)), paint, 0.1)
    panel.line(list(zip(layers, means, strict=True)), paint, is_dashed=is_dashed)
    for layer, mean in zip(layers, means, strict=True):
        panel.dot(layer, mean, paint, 2.4)


def _with_legend(panel: Panel, entries: Sequence[tuple[str, str]]) -> Scene:
    drawn = panel.scene()
    return tile([drawn, legend(entries, drawn.width)], 1, 2.0, drawn.label)
