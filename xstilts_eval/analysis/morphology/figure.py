"""The picture of a morphology report: the outcome against complexity, and two models language by language."""

from __future__ import annotations

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.morphology.analyse import MorphologyReport, Row
from xstilts_eval.figures.charts import legend
from xstilts_eval.figures.panel import Panel, of_rows, sheet, spanning
from xstilts_eval.figures.scene import Scene, tile

LABELS = {"c_wals": "C_WALS (0–1)", "mattr": "moving-average type–token ratio", "type_token": "type–token ratio",
          "entropy": "entropy of words (bits)", "ud_features": "features per word (PUD)"}  # fmt: skip
_ROW = 15.0


def draw(report: MorphologyReport) -> Scene:
    """The value (or D_l) against complexity, and where there are two models their scores language by language."""
    paints = figures.paint_of([row.family for row in report.rows])
    pairs = [row for row in report.rows if row.subword is not None and row.byte is not None]
    panels = [_scatter(report, bool(pairs), paints), *([_pairs(report, pairs)] if pairs else [])]
    title = f"{report.benchmark} · {len(report.rows)} languages"
    return sheet(title, panels, figures.entries(paints))


def _scatter(report: MorphologyReport, has_pairs: bool, paints: dict[str, str]) -> Scene:
    rho = report.spearman
    title = [
        f"ρ = {rho.estimate:.2f} [{rho.low:.2f}, {rho.high:.2f}], n {rho.n}",
        *([report.level.short] if report.level else []),
    ]
    around_zero = has_pairs or report.outcome == "gain"
    ends = [row.value + side * (row.half_width or 0.0) for row in report.rows for side in (-1, 1)]
    up = spanning([*ends, *([0.0] if around_zero else [])], f"{report.models[0]}: {report.outcome} (points)")
    panel = Panel(title, spanning([row.complexity for row in report.rows], LABELS[report.by]), up, 440.0, 380.0)
    if around_zero:
        panel.across(0.0)
    for row in report.rows:
        tip = f"{row.language}: {row.value:.2f}"
        panel.dot(row.complexity, row.value, paints[row.family], half=row.half_width, tip=tip)
        panel.say(row.complexity, row.value, row.language)
    return panel.scene()


def _pairs(report: MorphologyReport, pairs: list[Row]) -> Scene:
    rows = [(row, row.subword, row.byte) for row in reversed(pairs) if row.subword is not None and row.byte is not None]
    across = spanning([value for _, *both in rows for value in both], f"{report.outcome} (points)", 0.05)
    labels = of_rows([f"{row.language} {row.complexity:.2f}" for row, *_ in rows])
    title = f"by {LABELS[report.by]}, highest on top"
    panel = Panel([title], across, labels, 380.0, max(120.0, 60.0 + _ROW * len(rows)))
    for place, (_, subword, byte) in enumerate(rows):
        panel.line([(subword, -place), (byte, -place)], "grid", 2.0)
        panel.dot(subword, -place, "s0", 4.4, is_open=True)
        panel.dot(byte, -place, "s1", shape="square", radius=3.0)
    drawn = panel.scene()
    return tile([drawn, legend([("s0", "sub-words (open)"), ("s1", "bytes")], drawn.width)], 1, 2.0, drawn.label)
