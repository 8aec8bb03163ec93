"""Tables for a paper: typed cells that become LaTeX (booktabs), typed rows that become CSV; one writer for all.

A table too wide for the text, or too long for a page, comes in parts, each with the columns that say what a row is;
`cut` says which.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from rich.console import Group, RenderableType

from xstilts_eval import __version__
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.foreign import Markup, safe
from xstilts_eval.printing import remark, say_all
from xstilts_eval.tables import FittedTable, in_markdown, is_text, markdown_table, one_line, terminal_table
from xstilts_eval.wording import counted
from xstilts_eval.writing import check_files, write_atomically

if TYPE_CHECKING:
    import pandas

Value = str | float | int | bool | None
Axis = Literal["datasets", "languages", "both"]
"""What stands in the columns."""

TEXT_WIDTH = 345.0
"""Points (TeX's) of a line in LaTeX's article class at 10 pt; of both columns of ACL's style 455."""
ABSENT = "--"
AVERAGE = "avg"
"""The language of a mean, as in the zoo."""
BEST = "Bold: the best of its column, as it is printed; what prints alike is bold alike"
MADE = f"made by xstilts-eval {__version__}"
_ROWS = 40
"""Of one part: a page of the article class has 46 lines at 10 pt, the caption, rules and notes among them."""
_THIN, _NARROW, _WIDE = frozenset(".,:;'|!ilj"), frozenset(" ()[]tfr-I"), frozenset("mwMW%@")
_DIGIT, _CAPITAL, _PLUS_MINUS = 5.0, 7.6, 13.5
"""Points in Computer Modern at 10 pt: of a digit, of a capital at most, of ± with its blanks."""
_BOLD = 1.15
_NEGATIVE = re.compile(r"-\d[\d.,]*(?:\s|$)")
_MARKS = {"*": "$^{*}$", "†": r"$^{\dagger}$", "≠": r"$^{\neq}$", "ᵖ": r"\textsuperscript{p}"}


@dataclass(frozen=True)
class Cell:
    """A number with what belongs to it, or text where there is none; neither: the score is absent.

    `half_width` is that of the 95 % interval, `marks` are signs that the notes explain, `is_signed` says that it is a
    difference. A cell that is no `is_rival` is never the best of its column.
    """

    value: float | None = None
    text: str = ""
    half_width: float | None = None
    marks: str = ""
    is_signed: bool = False
    is_rival: bool = True
    digits: int = 1

    @property
    def is_absent(self) -> bool:
        return self.value is None and not self.text

    @property
    def number(self) -> str:
        """The number as it is printed; what rounds to 0 has no sign."""
        if self.value is None:
            return ""
        text = f"{self.value:{'+' if self.is_signed else ''}.{self.digits}f}"
        return text.lstrip("+-") if float(text) == 0 else text

    def plain(self, with_interval: bool = True) -> str:
        """For the terminal."""
        if self.value is None:
            return (self.text or "–") + self.marks
        spread = f" ±{self.half_width:.{self.digits}f}" if with_interval and self.half_width is not None else ""
        return f"{self.number}{self.marks}{spread}"


@dataclass(frozen=True)
class Column:
    """`best` says which of its numbers is printed bold; columns of text stand to the left."""

    title: str
    best: Literal["highest", "lowest"] | None = None
    is_text: bool = False


@dataclass(frozen=True)
class Table:
    """The first `keys` columns say what a row is; a line of white stands before the rows in `breaks`.

    `notes` stand below the table, `comments` only in the source, where nobody prints them by mistake. `name` tells the
    tables of one file apart.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    keys: int = 1
    breaks: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Rows:
    """What a CSV file holds: one line per row under the names of the columns; None where there is nothing."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def axis(name: str) -> Axis:
    """Raises `UnknownName` for what cannot stand in the columns."""
    for known in get_args(Axis):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UnknownName.of("choice of --columns", name, get_args(Axis))


def ends(interval: tuple[float, float] | None) -> tuple[float | None, float | None]:
    """Both ends of an interval, or nothing twice."""
    return interval or (None, None)


# ------------------------------------------------------------------------------------------------------- LaTeX


def latex(tables: Sequence[Table], text_width: float = TEXT_WIDTH, with_intervals: bool = True) -> str:
    """Every table as tabulars of booktabs with their notes below, to be put into floats; the captions are comments."""
    lines = [r"% needs \usepackage{booktabs}"]
    said: set[str] = set()
    for table in tables:
        lines += [f"% {safe(line, 'terminal')}" for line in table.comments if line not in said]
        said |= set(table.comments)
        setting, parts = _set(table, text_width, with_intervals)
        for number, part in enumerate(parts, start=1):
            which = f" (part {number} of {len(parts)}: it is wider or longer than a page)" if len(parts) > 1 else ""
            lines += [f"% {safe(table.caption, 'terminal')}{which}", *setting.begin, *_tabular(part, with_intervals)]
            lines += [*(_notes(part) if number == len(parts) else ()), *setting.end, ""]
    return "\n".join(lines)


def cut(tables: Sequence[Table], text_width: float = TEXT_WIDTH, with_intervals: bool = True) -> list[str]:
    """A sentence about each table that does not fit a page and comes in parts, and one on what helps."""
    said = []
    for table in tables:
        _, parts = _set(table, text_width, with_intervals)
        if len(parts) > 1:
            size = f"{_NORMAL.width(_widths(table, with_intervals)):.0f} points wide"
            size += f", {counted(len(table.rows), 'row')} long" if len(table.rows) > _ROWS else ""
            said.append(f"{table.caption}: about {size}, split into {len(parts)} tables")
    if said:
        said.append(
            f"A page is {text_width:g} points wide and {_ROWS} rows long: --text-width is for another page, "
            "--no-intervals makes cells narrower"
        )
    return said


@dataclass(frozen=True)
class _Setting:
    """How large a table is set: `scale` of 10 pt, points between two columns, commands around it.

    Small letters are cut wider than their size says: Computer Modern's of 8 pt are 0.86 of those of 10 pt.
    """

    scale: float
    between: float
    begin: tuple[str, ...] = ()
    end: tuple[str, ...] = ()

    def width(self, columns: Sequence[float]) -> float:
        return self.scale * sum(columns) + self.between * (len(columns) - 1)


_NORMAL = _Setting(1.0, 12.0)
_SMALL = _Setting(0.86, 6.0, (r"\begingroup\footnotesize\setlength{\tabcolsep}{3pt}%",), (r"\endgroup",))


def _set(table: Table, text_width: float, with_intervals: bool) -> tuple[_Setting, list[Table]]:
    """The table in parts that fit, set small where that makes fewer of them."""
    best, widths = _best(table), _widths(table, with_intervals)
    setting, groups = _NORMAL, _groups(table.keys, widths, _NORMAL, text_width)
    if len(groups) > 1 and len(small := _groups(table.keys, widths, _SMALL, text_width)) < len(groups):
        setting, groups = _SMALL, small
    parts = []
    for columns in groups:
        for first in range(0, max(1, len(table.rows)), _ROWS):
            rows = range(first, min(first + _ROWS, len(table.rows)))
            parts.append(replace(
                table,
                columns=tuple(table.columns[column] for column in columns),
                rows=tuple(tuple(_bold(table.rows[row][c], (row, c) in best) for c in columns) for row in rows),
                breaks=frozenset(row - first for row in rows if row in table.breaks and row > first),
            ))  # fmt: skip
    return setting, parts


def _groups(keys: int, widths: Sequence[float], setting: _Setting, text_width: float) -> list[list[int]]:
    """Columns of every part, the keys in each: as few parts as fit, of about as many columns each."""
    others = list(range(keys, len(widths)))
    for count in range(1, len(others) + 1):
        groups = [
            [*range(keys), *others[len(others) * i // count : len(others) * (i + 1) // count]] for i in range(count)
        ]
        if all(setting.width([widths[column] for column in group]) <= text_width for group in groups):
            return groups
    return [[*range(keys), column] for column in others] or [list(range(keys))]


@dataclass(frozen=True)
class _Bold(Cell):
    is_bold: bool = False


def _bold(cell: Cell, is_bold: bool) -> Cell:
    return _Bold(**cell.__dict__, is_bold=True) if is_bold else cell


def _best(table: Table) -> set[tuple[int, int]]:
    """(row, column) of the best numbers: all that print alike, none where all do or there is no rival."""
    found = set()
    for number, column in enumerate(table.columns):
        rivals = {
            index: row[number].number
            for index, row in enumerate(table.rows)
            if row[number].is_rival and row[number].value is not None
        }
        if column.best is None or len(set(rivals.values())) < 2:
            continue
        choose = max if column.best == "highest" else min
        best = choose(rivals.values(), key=float)
        found |= {(row, number) for row, text in rivals.items() if float(text) == float(best)}
    return found


def _widths(table: Table, with_intervals: bool) -> list[float]:
    best = _best(table)
    return [
        max(
            [_length(column.title)]
            + [
                _cell_width(row[number], with_intervals) * (_BOLD if (index, number) in best else 1)
                for index, row in enumerate(table.rows)
            ]
        )
        for number, column in enumerate(table.columns)
    ]


def _cell_width(cell: Cell, with_intervals: bool) -> float:
    if cell.value is None:
        return _length(cell.text or ABSENT) + 4.0 * len(cell.marks)
    text = cell.number.replace("-", "+")
    width = _length(text) + 4.0 * len(cell.marks)
    if with_intervals and cell.half_width is not None:
        width += _PLUS_MINUS + _length(f"{cell.half_width:.{cell.digits}f}")
    return width


def _length(text: str) -> float:
    """Points that a text takes at most, but for rare letters."""
    return sum(_letter(character) for character in text)


def _letter(character: str) -> float:
    if character in _THIN:
        return 2.9
    if character in _NARROW:
        return 4.0
    if character in _WIDE:
        return 10.3
    if ord(character) >= 0x1100:  # from here on scripts as wide as high
        return 10.0
    return _CAPITAL if character.isupper() or character in "+=<>−±&" else _DIGIT + 0.6 * (not character.isdigit())


def _tabular(table: Table, with_intervals: bool) -> list[str]:
    places = "".join("l" if column.is_text else "r" for column in table.columns)
    lines = [rf"\noindent\begin{{tabular}}{{@{{}}{places}@{{}}}}", r"\toprule"]
    lines += [_line([_tex(column.title) for column in table.columns]), r"\midrule"]
    for index, row in enumerate(table.rows):
        lines += [r"\addlinespace"] if index in table.breaks else []
        lines.append(_line([_tex_cell(cell, with_intervals) for cell in row]))
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _line(cells: Sequence[str]) -> str:
    # A bracket after \\ would be read as its argument.
    return " & ".join(f"{{}}{cell}" if cell.startswith("[") else cell for cell in cells) + r" \\"


def _tex_cell(cell: Cell, with_intervals: bool) -> str:
    marks = "".join(_MARKS.get(mark, rf"\textsuperscript{{{_tex(mark)}}}") for mark in cell.marks)
    if cell.value is None:
        sign = "$-$" if _NEGATIVE.match(cell.text) else ""
        return (sign + _tex(cell.text.removeprefix("-") if sign else cell.text) if cell.text else ABSENT) + marks
    text = cell.number.replace("-", "$-$").replace("+", "$+$")
    if isinstance(cell, _Bold):
        text = rf"\textbf{{{cell.number}}}" if cell.number[0].isdigit() else rf"$\mathbf{{{cell.number}}}$"
    if with_intervals and cell.half_width is not None:
        text += rf" $\pm$ {cell.half_width:.{cell.digits}f}"
    return text + marks


def _comment(text: str) -> str:
    return f"% {safe(text, 'terminal')}"


def _tex(text: str) -> str:
    return safe(text, "tex")


def _notes(table: Table) -> list[str]:
    """Below the last part, as wide as the text, so that nothing but booktabs is needed."""
    if not table.notes:
        return []
    text = " ".join(_tex(note if note.endswith((".", "?")) else f"{note}.") for note in table.notes)
    return ["", r"\smallskip", r"\noindent\begin{minipage}{\linewidth}\footnotesize", text, r"\end{minipage}"]


# --------------------------------------------------------------------------------------- terminal and Markdown


def terminal(table: Table) -> FittedTable:
    """The table for a terminal, the best of every column bold."""
    best = _best(table)
    rows = [
        [one_line(cell.plain(), "bold" if (index, number) in best else "") for number, cell in enumerate(row)]
        for index, row in enumerate(table.rows)
    ]
    texts = [column.title for column in table.columns if column.is_text]
    return terminal_table([column.title for column in table.columns], rows, table.caption, table.keys, texts)


def markdown(table: Table) -> list[str]:
    """Lines of a Markdown table, the best of every column bold, with the notes below."""
    best = _best(table)
    rows = [
        [
            Markup(f"**{in_markdown(text)}**") if (index, number) in best else text
            for number, text in enumerate(map(Cell.plain, row))
        ]
        for index, row in enumerate(table.rows)
    ]
    lines = markdown_table([column.title for column in table.columns], rows)
    return [*lines, *([""] if table.notes else []), *(f"- {in_markdown(note)}" for note in table.notes)]


# --------------------------------------------------------------------------------------------------------- CSV


def csv_text(rows: Rows) -> str:
    """The rows as CSV (RFC 4180 but for line ends): numbers in full, nothing where there is nothing."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_csv_cell(column) for column in rows.columns])
    writer.writerows([[_csv_cell(value) for value in row] for row in rows.rows])
    return file.getvalue()


def _csv_cell(value: Value) -> Value:
    return safe(value, "csv") if isinstance(value, str) else value


def frame(rows: Rows) -> pandas.DataFrame:
    """The rows as pandas has them; raises `SettingError` where it is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise SettingError("to_frame needs pandas; pip install pandas") from error
    return pandas.DataFrame(rows.rows, columns=list(rows.columns))


def _number(text: str) -> Value:
    """A number where a cell is one, nothing where it is absent."""
    if text.strip() in ("", "–"):
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text


# ------------------------------------------------------------------------------------------------ what was asked for


@dataclass(frozen=True)
class Wanted:
    """Files that a command was asked to write, ``-`` for the output, and how tables are set in them."""

    latex: str | None = None
    csv: str | None = None
    text_width: float = TEXT_WIDTH
    with_intervals: bool = True

    def check(self, *others: str | None) -> None:
        """Before any work: raise `SettingError` for what cannot be written, or for two files printed at once.

        `others` are further targets of the command.
        """
        check_files(self.latex, self.csv)
        if [self.latex, self.csv, *others].count("-") > 1:
            raise SettingError("'-' prints one file; give the others a name")

    @property
    def prints(self) -> bool:
        """Whether one of them is printed, in place of what the command shows otherwise."""
        return "-" in (self.latex, self.csv)

    def write(self, tables: Callable[[], Sequence[Table]], rows: Callable[[], Sequence[Rows]]) -> None:
        """What was asked for, with a remark on what is other than that.

        Of several CSV tables the second and later go into files beside the first.
        """
        if self.latex is not None:
            made = tables()
            for sentence in cut(made, self.text_width, self.with_intervals):
                remark(sentence)
            _write(self.latex, latex(made, self.text_width, self.with_intervals))
        if self.csv is not None:
            first, *others = rows()
            _write(self.csv, csv_text(first))
            for more in others:
                if self.csv == "-":
                    remark(f"{more.name} is another table; --csv FILE writes it beside the first")
                else:
                    path = Path(self.csv)
                    beside = path.with_name(f"{path.stem}-{more.name}{path.suffix}")
                    _write(str(beside), csv_text(more))
                    remark(f"{more.name}: {beside}")


def _write(target: str, text: str) -> None:
    if target == "-":
        say_all(text.removesuffix("\n"))
    else:
        write_atomically(Path(target), text)


# ------------------------------------------------------------------------------------------ what a terminal shows


def of_shown(shown: RenderableType) -> list[Table]:
    """The tables of what a terminal shows, as text.

    Of the lines between two tables the last is the caption of the second, the others are notes of the first.
    """
    found: list[Table] = []
    said: list[str] = []
    for part in _flat(shown):
        if isinstance(part, FittedTable):
            number = len(found) + 1
            caption = part.title or (said.pop() if said else f"Table {number}")
            if found:
                found[-1] = replace(found[-1], notes=tuple(said))
                said = []
            columns = tuple(Column(name, is_text=is_text(name)) for name in part.header)
            rows = tuple(tuple(Cell(text=cell.plain) for cell in row) for row in part.rows)
            found.append(Table(f"table-{number}", caption, columns, rows, comments=(MADE,), keys=part.keys))
        elif line := str(part).strip():
            said.append(line)
    if found:
        found[-1] = replace(found[-1], notes=tuple(said))
    return found


def _flat(shown: RenderableType) -> Iterator[RenderableType]:
    if not isinstance(shown, Group):
        yield shown
        return
    for part in shown.renderables:
        yield from _flat(part)


def rows_of(tables: Sequence[Table]) -> list[Rows]:
    """The same as rows, numbers as they were printed."""
    return [
        Rows(
            table.name,
            tuple(column.title for column in table.columns),
            tuple(tuple(_number(cell.text) for cell in row) for row in table.rows),
        )
        for table in tables
    ]
