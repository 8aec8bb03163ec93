"""Comparisons as tables for papers, and as rows: the reference's scores, each other side's, differences, intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xstilts_eval import paper
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.paper import AVERAGE, BEST, MADE, Axis, Cell, Column, Rows, Table, ends
from xstilts_eval.results import compare
from xstilts_eval.results.compare import ALPHA, FamilyDifference, LanguageDifference
from xstilts_eval.results.estimates import Difference
from xstilts_eval.results.scored import PUBLISHED
from xstilts_eval.results.sides import ZOO, Side

if TYPE_CHECKING:
    import pandas

_COLUMNS = (
    "reference", "side", "suite", "dataset", "language", "languages", "reference_score", "score", "difference", "low",
    "high", "p", "p_holm", "verdict", "units", "note",
)  # fmt: skip

_Found = Mapping[str, Difference]
"""Differences by the title of their column."""


class Comparison(compare.Comparison):
    """A comparison that can be had as a table of pandas, or as LaTeX."""

    def to_frame(self) -> pandas.DataFrame:
        """One row per dataset and language, the same as `xstilts compare --csv`.

        Raises `SettingError` where pandas is not installed.
        """
        return paper.frame(rows([self]))

    def to_latex(self, columns: str = "both", *, intervals: bool = True, text_width: float = paper.TEXT_WIDTH) -> str:
        """The same text as `xstilts compare --latex`; options as of `Results.to_latex`."""
        return paper.latex(tables([self], paper.axis(columns)), text_width, intervals)


def tables(found: Sequence[compare.Comparison], columns: Axis = "both") -> list[Table]:
    """Sides by dataset, and by language, a table for each dataset; of a single dataset that by language alone."""
    families = [family for family in FAMILIES.values() if any(_of(one, family) for one in found)]
    made = []
    if columns == "datasets" or (columns == "both" and len(families) > 1):
        made.append(
            _table("datasets", "Scores by dataset, means over languages", found, [_means(one) for one in found])
        )
    for family in families if columns != "datasets" else ():
        rows = [_languages(_of(one, family)) for one in found]
        if any(rows):
            made.append(_table(family.group, f"{family.title} by language", found, rows))
    return made


def rows(found: Sequence[compare.Comparison]) -> Rows:
    """One line per side, dataset and language; ``avg`` is the mean of the languages, ``gap`` that to English."""
    return Rows("comparison", _COLUMNS, tuple(
        (one.reference.name, one.other.name, family.family.suite, family.family.name, name, len(row.languages),
         row.reference, row.score, row.difference, *ends(row.interval), row.p, row.p_holm, row.verdict,
         row.units if isinstance(row, LanguageDifference) else None,
         "; ".join(filter(None, (*row.different, row.note))))
        for one in found for family in one.families for name, row in _named(family)
    ))  # fmt: skip


def _named(family: FamilyDifference) -> list[tuple[str, Difference]]:
    singles = {AVERAGE: family.average or family.published_average, "gap": family.gap, "kept": family.kept}
    return [*((row.label, row) for row in family.languages), *((name, row) for name, row in singles.items() if row)]


def _of(one: compare.Comparison, family: Family) -> FamilyDifference | None:
    return next((row for row in one.families if row.family == family), None)


def _means(one: compare.Comparison) -> _Found:
    return {row.family.title: mean for row in one.families if (mean := row.average or row.published_average)}


def _languages(found: FamilyDifference | None) -> _Found:
    if found is None or not found.languages:
        return {}
    average = {AVERAGE: found.average} if found.average and len(found.languages) > 1 else {}
    return {row.label: row for row in found.languages} | average


def _table(name: str, caption: str, found: Sequence[compare.Comparison], by_side: Sequence[_Found]) -> Table:
    reference = found[0].reference
    titles = list(dict.fromkeys(title for rows in by_side for title in rows))
    is_holm = any(row.p_holm is not None for rows in by_side for row in rows.values())
    first = {title: row.reference for rows in reversed(by_side) for title, row in rows.items()}
    lines = [[Cell(text=_name(reference)), *(Cell(first[title], marks=_origin(reference)) for title in titles)]]
    breaks = set()
    for one, rows in zip(found, by_side, strict=True):
        if rows:
            breaks.add(len(lines))
            lines += _lines(one.other, [rows.get(title) for title in titles], is_holm)
    sides = [reference, *(one.other for one in found)]
    return Table(
        name=name,
        caption=caption,
        columns=(Column("", is_text=True), *(Column(title, "highest") for title in titles)),
        rows=tuple(map(tuple, lines)),
        notes=_notes(reference, [cell for line in lines for cell in line], is_holm),
        comments=(MADE, *(f"{_name(side)}: {note}" for side in sides for note in side.notes),
                  *(f"  {key}: {title}" for side in sides for key, title in side.sources.items())),
        breaks=frozenset(breaks),
    )  # fmt: skip


def _lines(side: Side, row: Sequence[Difference | None], is_holm: bool) -> list[list[Cell]]:
    """Scores, differences and, where there are any, their intervals."""
    lines = [[Cell(text=_name(side))], [Cell(text="difference")], [Cell(text="95 % interval")]]
    for one in row:
        unlike = "≠" if one and one.different else ""
        sure = "*" if one and _is_sure(one, is_holm) else ""
        score = Cell(one.score, marks=_origin(side) + unlike, is_rival=not unlike) if one else Cell()
        difference = Cell(one.difference, marks=sure + unlike, is_signed=True, is_rival=False) if one else Cell()
        for line, cell in zip(lines, (score, difference, Cell(text=_interval(one))), strict=True):
            line.append(cell)
    return lines if any(cell.text for cell in lines[-1][1:]) else lines[:-1]


def _name(side: Side) -> str:
    return side.name.removeprefix(ZOO)


def _origin(side: Side) -> str:
    return PUBLISHED if side.is_published else ""


def _is_sure(row: Difference, is_holm: bool) -> bool:
    if is_holm and row.p_holm is not None:
        return row.p_holm <= ALPHA
    return row.verdict in ("win", "loss")


def _interval(row: Difference | None) -> str:
    return f"[{row.interval[0]:+.1f}, {row.interval[1]:+.1f}]" if row and row.interval else ""


def _notes(reference: Side, cells: Sequence[Cell], is_holm: bool) -> tuple[str, ...]:
    marks = {mark for cell in cells for mark in cell.marks}
    holm = f"p at most {ALPHA} after Holm's correction over the languages; of means: the interval leaves out 0"
    said = {
        "*": f"* {holm if is_holm else 'the interval leaves out 0'}",
        "≠": "≠ was scored on other data, documents or versions: such a difference means little",
        PUBLISHED: f"{PUBLISHED} was published; everything else was measured",
    }
    first = f"Points from 0 to 100; differences are over {_name(reference)}"
    return (first, BEST, *(note for mark, note in said.items() if mark in marks))
