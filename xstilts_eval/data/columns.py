"""Files of columns as newer datasets have them: tables with a header, and lines of a word and its tag."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from xstilts_eval.data import files
from xstilts_eval.data.examples import Pair, Tagged
from xstilts_eval.errors import DataError
from xstilts_eval.wording import counted

_FIELD = 1 << 27
"""Longest cell of a quoted table in characters: the csv module's own limit is below a long news article."""


def table(path: Path, columns: Sequence[str], quoted: bool = False) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column of a tab-separated file whose header has `columns`, others beside them.

    With `quoted`, cells are as a CSV writer leaves them and may hold line ends; otherwise quotes are characters.
    Raises `DataError` with file and line for a header that lacks a column, and for rows of another width.
    """
    header: list[str] | None = None
    for number, cells in _quoted(path) if quoted else _plain(path):
        if header is None:
            header = cells
            if missing := [name for name in columns if name not in header]:
                raise DataError(f"{path}, line {number}: no column {', '.join(missing)}; there is {', '.join(header)}")
        elif len(cells) != len(header):
            raise DataError(f"{path}, line {number}: {counted(len(cells), 'column')}, expected {len(header)}")
        else:
            yield number, dict(zip(header, cells, strict=True))


def _plain(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in files.lines(path):
        yield number, [cell.strip() for cell in line.rstrip("\r\n").split("\t")]


def _quoted(path: Path) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(max(_FIELD, csv.field_size_limit()))
    rows = csv.reader(io.StringIO(files.read_text(path), newline=""), delimiter="\t", strict=True)
    try:
        for cells in rows:
            yield rows.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: not a table with quoted cells ({error})") from error


def label(path: Path, number: int, name: str, labels: Sequence[str]) -> int:
    """Place of a class among `labels`; raises `DataError` with file and line."""
    if name not in labels:
        raise DataError(f"{path}, line {number}: class {name!r}; allowed: {', '.join(labels)}")
    return labels.index(name)


def pairs(
    path: Path, labels: Sequence[str], names: Sequence[str] = (), quoted: bool = False, ids: str = ""
) -> list[Pair]:
    """Columns premise, hypothesis and label; `names` are the classes as the file writes them, in the order of `labels`.

    The id is the column `ids`, or the row from 0. Raises `DataError` as `table` does, for an unknown class, for an id
    that occurs twice and for a file without rows.
    """
    columns = ("premise", "hypothesis", "label", *filter(None, [ids]))
    found: dict[str, Pair] = {}
    for number, row in table(path, columns, quoted):
        place = label(path, number, row["label"], names or labels)
        own = row[ids] if ids else str(len(found))
        if own in found:
            raise DataError(f"{path}, line {number}: the id {own!r} occurs twice")
        found[own] = Pair(own, row["premise"], row["hypothesis"], place)
    if not found:
        raise DataError(f"{path} holds no pairs")
    return list(found.values())


def tagged(path: Path, tags: Sequence[str], outside: Collection[str] = ()) -> list[Tagged]:
    """Lines of a word, a blank and its tag, with empty lines between sentences; the id is the sentence from 0.

    Tags in `outside` are read as ``O``. Raises `DataError` with file and line for a line that is no word and tag, for
    an unknown tag, and for a file without sentences.
    """
    allowed, sentences = frozenset(tags), list[Tagged]()
    words: list[tuple[str, str]] = []
    for number, line in files.lines(path):
        if not line.strip():
            _close(sentences, words)
            continue
        word, _, tag = line.strip().rpartition(" ")
        tag = "O" if tag in outside else tag
        if not word.strip() or tag not in allowed:
            raise DataError(f"{path}, line {number}: {line.strip()!r}; expected a word and one of {', '.join(tags)}")
        words.append((word.strip(), tag))
    _close(sentences, words)
    if not sentences:
        raise DataError(f"{path} holds no sentences")
    return sentences


def _close(sentences: list[Tagged], words: list[tuple[str, str]]) -> None:
    if words:
        tokens, tags = zip(*words, strict=True)
        sentences.append(Tagged(str(len(sentences)), tokens, tags))
        words.clear()
