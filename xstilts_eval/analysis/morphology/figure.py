"""The picture of a morphology report: the outcome against complexity, and two models language by language."""

from __future__ import annotations

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.morphology.analyse import MorphologyReport, Row
from xstilts_eval.figures.charts import legend
from xstilts_eval.figures.panel import Panel, columns, of_rows, sheet, spanning
from xstilts_eval.figures.scene import Scene, tile

LABELS = {"c_wals": "C_WALS (0–1)", "mattr": "moving-average type–token ratio", "type_token": "type–token ratio",
          "entropy": "entropy of words (bits)", "ud_features": "features per word (PUD)"}  # fmt: skip
_ROW = 15.0


def draw(report: MorphologyReport, width: float) -> dict[str, Scene]:
    """The value (or D_l) against complexity; ``models``: the scores of two models by language, of as many as fit."""
    inner = columns(width, 1, 0.0)[1]
    paints = figures.paint_of([row.family for row in report.rows])
    pairs = [row for row in report.rows if row.subword is not None and row.byte is not None]
    title = f"{report.benchmark} · {len(report.rows)} languages"
    drawn = {"": sheet(title, [_scatter(report, bool(pairs), paints, inner)], figures.entries(paints))}
    return drawn | (
        {"models": sheet(title, [_pairs(report, pairs, inner)])} if 0 < len(pairs) <= figures.MOST_ROWS else {}
    )


def _scatter(report: MorphologyReport, has_pairs: bool, paints: dict[str, str], width: float) -> Scene:
    rho = report.spearman
    title = [
        f"ρ = {rho.shown}, n {rho.n}",
        *([report.level.short] if report.level else []),
    ]
    around_zero = has_pairs or report.outcome == "gain"
    halves = [figures.whisker(row.half_width, len(report.rows)) or 0.0 for row in report.rows]
    ends = [row.value + side * half for row, half in zip(report.rows, halves, strict=True) for side in (-1, 1)]
    up = spanning([*ends, *([0.0] if around_zero else [])], f"{report.models[0]}: {report.outcome} (points)")
    panel = Panel(title, spanning([row.complexity for row in report.rows], LABELS[report.by]), up, width, 380.0)
    if around_zero:
        panel.across(0.0)
    for row, half in zip(report.rows, halves, strict=True):
        tip = f"{row.language}: {row.value:.2f}"
        panel.dot(row.complexity, row.value, paints[row.family], half=half, tip=tip)
        panel.say(row.complexity, row.value, row.language)
    return panel.scene()


def _pairs(report: MorphologyReport, pairs: list[Row], width: float) -> Scene:
    rows = [(row, row.subword, row.byte) for row in reversed(pairs) if row.subword is not None and row.byte is not None]
    across = spanning([value for _, *both in rows for value in both], f"{report.outcome} (points)", 0.05)
    labels = of_rows([f"{row.language} {row.complexity:.2f}" for row, *_ in rows])
    title = f"by {LABELS[report.by]}, highest on top"
    panel = Panel([title], across, labels, width, max(120.0, 60.0 + _ROW * len(rows)))
    for place, (_, subword, byte) in enumerate(rows):
        panel.line([(subword, -place), (byte, -place)], "grid", 2.0)
        panel.dot(subword, -place, "s0", 4.4, is_open=True)
        panel.dot(byte, -place, "s1", shape="square", radius=3.0)
    drawn = panel.scene()
    return tile([drawn, legend([("s0", "sub-words (open)"), ("s1", "bytes")], drawn.width)], 1, 2.0, drawn.label)
