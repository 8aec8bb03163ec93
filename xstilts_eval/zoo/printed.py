"""A published model as tables for papers, and its records as rows."""

from __future__ import annotations

from collections.abc import Sequence

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.paper import MADE, Cell, Column, Rows, Table
from xstilts_eval.zoo.manifest import AVERAGE, Model, Record, Zoo

_DERIVED, _RECALLED = "~", "r"
"""Signs of a mean that was formed here, and of a number that was read nowhere."""
_MOST_DIGITS = 2


def tables(zoo: Zoo, model: Model, records: Sequence[Record]) -> list[Table]:
    """One for each stage, setting, benchmark and task: a row per metric and source, a column per language."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        name = record.family if record.family != "none" else record.task
        groups.setdefault((record.stage, record.setting, record.benchmark, name), []).append(record)
    return [_table(zoo, model, group, members) for group, members in groups.items()]


def _table(zoo: Zoo, model: Model, group: tuple[str, ...], records: Sequence[Record]) -> Table:
    stage, setting, benchmark, name = group
    codes = _codes(name, records)
    lines: dict[tuple[str, str], dict[str, Record]] = {}
    for record in records:
        lines.setdefault((record.metric, record.source), {})[record.language] = record
    sources = list(dict.fromkeys(source for _, source in lines))
    marks = {mark for record in records for mark in _marks(record)}
    notes = [f"Scores from 0 to 100, as published; stage: {stage}, {setting}"]
    notes += [f"{_DERIVED} is a mean that was formed of published ones"] if _DERIVED in marks else []
    notes += [f"{_RECALLED} was read in no source"] if _RECALLED in marks else []
    task = FAMILIES[name].title if name in FAMILIES else name
    return Table(
        name="-".join(group),
        caption=f"{model.name}, {benchmark}, {task} ({stage}, {setting})",
        columns=(Column("Metric", is_text=True), Column("Source", is_text=True), *map(Column, codes)),
        rows=tuple(
            (Cell(text=metric), Cell(text=source), *(_cell(found.get(code)) for code in codes))
            for (metric, source), found in lines.items()
        ),
        notes=(*notes, *(f"{key}: {zoo.sources[key].title}, {zoo.sources[key].table}" for key in sources)),
        comments=(MADE, *(f"{key}: {zoo.sources[key].url}" for key in sources)),
        keys=2,
    )


def _codes(name: str, records: Sequence[Record]) -> list[str]:
    """English first, then in the dataset's order, the mean last."""
    known = FAMILIES[name].languages if name in FAMILIES else ()
    order = {code: place for place, code in enumerate(known)}
    english = FAMILIES[name].spelled("en") if name in FAMILIES else "en"
    found = dict.fromkeys(record.language for record in records)
    return sorted(found, key=lambda code: (code == AVERAGE, code != english, order.get(code, len(order))))


def _cell(record: Record | None) -> Cell:
    if record is None:
        return Cell()
    digits = 0
    while digits < _MOST_DIGITS and 0.5 * 10.0**-digits > record.half_digit + 1e-12:
        digits += 1
    return Cell(record.percent, marks=_marks(record), digits=digits)


def _marks(record: Record) -> str:
    return (_DERIVED if record.derived else "") + (_RECALLED if record.confidence == "recalled" else "")


def rows(records: Sequence[Record]) -> Rows:
    """Every field of every record, and its value on the scale from 0 to 100."""
    names = tuple(Record.model_fields)
    return Rows(
        "records",
        (*names, "percent"),
        tuple((*(getattr(record, name) for name in names), record.percent) for record in records),
    )
