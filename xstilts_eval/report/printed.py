"""A report as tables for papers and as rows: scores of all runs and models, and gains over the baseline."""

from __future__ import annotations

from collections.abc import Mapping

from xstilts_eval.paper import Axis, Rows, Table
from xstilts_eval.report.content import Content
from xstilts_eval.results import gain_tables, score_tables
from xstilts_eval.results.gains import Gain


def tables(content: Content, columns: Axis = "both") -> list[Table]:
    """Scores, then gains where there are any."""
    made = score_tables.tables(content.runs, columns)
    if content.baseline and content.comparisons:
        made += gain_tables.tables(content.baseline.name, _gains(content), columns=columns)
    return made


def rows(content: Content) -> list[Rows]:
    """The same two as rows."""
    made = [score_tables.rows(content.runs)]
    if content.baseline and content.comparisons:
        made.append(gain_tables.rows(content.baseline.name, _gains(content)))
    return made


def _gains(content: Content) -> Mapping[str, list[Gain]]:
    """By run: of every family the languages, then their mean."""
    return {
        one.run.name: [
            gain
            for group, mean in one.families.items()
            for gain in dict.fromkeys((*one.languages[group].values(), mean))
        ]
        for one in content.comparisons
    }
