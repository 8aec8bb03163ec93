"""What the options of several analyses share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xstilts_eval.errors import UnknownName

if TYPE_CHECKING:
    from xstilts_eval.analysis.observations import Outcome

RUN = "Run to analyse: output folder of xstilts eval, or a folder of seed-N/INNER."
TABLE = (
    "CSV with model, benchmark, language, score and optionally outcome, half_width and sizes (see docs/analysis.md)."
)
ONE_TASK = "The dataset, e.g. xnli, as in xstilts eval; needed where several were scored."
INNER = "Folder of the results inside each seed-N; may be given several times."
OUTPUT = "Folder for the JSON and the figures (SVG, PNG, PDF); default: only the table is shown."
INCHES = 6.3
"""Between the margins of a page of A4 or letter paper."""
WIDTH = "Width of the figures in inches; their text has 7 to 10 points at any width."


def outcome_of(name: str) -> Outcome:
    from xstilts_eval.analysis.observations import OUTCOMES

    for known in OUTCOMES:
        if name == known:
            return known
    raise UnknownName.of("outcome", name, OUTCOMES)
