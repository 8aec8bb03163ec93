"""The figure about morphology."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xstilts_eval.analysis import figures
from xstilts_eval.analysis.morphology.analyse import MorphologyReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {"c_wals": "C_WALS (0–1)", "mattr": "moving-average type–token ratio", "type_token": "type–token ratio",
          "entropy": "entropy of words (bits)", "ud_features": "features per word (PUD)"}  # fmt: skip


def draw(report: MorphologyReport) -> Figure:
    """The value (or D_l) against complexity, and where there are two models their scores language by language."""
    pairs = [row for row in report.rows if row.subword is not None and row.byte is not None]
    colours = figures.colour_of([row.family for row in report.rows])
    height = max(4.2, 0.15 * len(pairs))
    with figures.drawing(4.6 * (2 if pairs else 1), height, ncols=2 if pairs else 1, squeeze=False) as (figure, axes):
        axis = axes[0][0]
        for row in report.rows:
            colour = colours[row.family]
            axis.errorbar(row.complexity, row.value, yerr=row.half_width, fmt="o", color=colour, elinewidth=0.9)
        if pairs or report.outcome == "gain":
            axis.axhline(0, color="#555555", linewidth=0.8)
        axis.set_xlabel(LABELS[report.by])
        axis.set_ylabel(f"{report.models[0]}: {report.outcome} (points)")
        rho = report.spearman
        title = f"ρ = {rho.estimate:.2f} [{rho.low:.2f}, {rho.high:.2f}], n {rho.n}"
        axis.set_title(f"{title}\n{report.level.short}" if report.level else title)
        axis.margins(x=0.08)
        figures.legend(axis, colours)
        xs, ys = [row.complexity for row in report.rows], [row.value for row in report.rows]
        figures.label_points(axis, xs, ys, [row.language for row in report.rows])
        for place, row in enumerate(pairs):
            axes[0][1].plot([row.subword, row.byte], [place, place], color="#bbbbbb", zorder=1)
            axes[0][1].plot(row.subword, place, "o", color=figures.COLOURS[0], markersize=8, fillstyle="none",
                            label="sub-words" if not place else None)  # fmt: skip
            axes[0][1].plot(row.byte, place, "s", color=figures.COLOURS[1], markersize=4,
                            label="bytes" if not place else None)  # fmt: skip
        if pairs:
            axes[0][1].set_yticks(
                range(len(pairs)), [f"{row.language} {row.complexity:.2f}" for row in pairs], fontsize=7
            )
            axes[0][1].set_xlabel(f"{report.outcome} (points)")
            axes[0][1].set_title(f"by {LABELS[report.by]}, highest on top")
            axes[0][1].legend()
        figure.suptitle(f"{report.benchmark} · {len(report.rows)} languages", x=0.01, ha="left", fontsize=10)
        return figure
