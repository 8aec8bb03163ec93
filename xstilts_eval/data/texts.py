"""Texts with a class each, from tab-separated files with a header."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import files
from xstilts_eval.data.examples import LabelledText
from xstilts_eval.errors import DataError
from xstilts_eval.wording import counted


def table(path: Path, header: Sequence[str], labels: Sequence[str]) -> list[LabelledText]:
    """Rows of a file whose first line is `header`; its columns are id, class and text in the order in which they stand.

    The column called ``text`` is the text, ``category`` the class, and the other one the id. Raises `DataError` with
    file and line for another header, another number of columns, a class that is none of `labels`, an empty text, an
    id that occurs twice, and for a file without rows.
    """
    place, topic = header.index("text"), header.index("category")
    own = next(number for number in range(len(header)) if number not in (place, topic))
    found: dict[str, LabelledText] = {}
    for number, line in files.lines(path):
        cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")]
        if number == 1:
            if cells != [*header]:
                raise DataError(f"{path}, line 1: the columns are {', '.join(cells)}; expected {', '.join(header)}")
            continue
        if len(cells) != len(header):
            raise DataError(f"{path}, line {number}: {counted(len(cells), 'column')}, expected {len(header)}")
        if cells[topic] not in labels:
            raise DataError(f"{path}, line {number}: class {cells[topic]!r}; allowed: {', '.join(labels)}")
        if not cells[place]:
            raise DataError(f"{path}, line {number}: the text is empty")
        if cells[own] in found:
            raise DataError(f"{path}, line {number}: the id {cells[own]!r} occurs twice")
        found[cells[own]] = LabelledText(cells[own], cells[place], labels.index(cells[topic]))
    if not found:
        raise DataError(f"{path} holds no texts")
    return list(found.values())
