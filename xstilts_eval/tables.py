"""Tables for the terminal and for Markdown, from a header and rows of strings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from xstilts_eval.foreign import Markup, safe
from xstilts_eval.wording import ABSENT

if TYPE_CHECKING:
    from xstilts_eval.data.status import Row

_WRAPPING = frozenset({"metrics", "note", "licence", "path", "datasets"})
_TEXT = _WRAPPING | {
    "category", "family", "dataset", "language", "pair", "side", "kind", "group", "model", "architecture",
}  # fmt: skip
_NARROWEST = 32
"""Characters that a column of running text needs at least, or what it has."""
_BETWEEN = 3
"""Characters from one column to the next."""


def terminal_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    title: str | None = None,
    keys: int = 1,
    texts: Collection[str] = (),
) -> FittedTable:
    """A plain table; text columns to the left, numbers to the right. The first `keys` columns say what a row is.

    Columns hold text by their usual names, or because `texts` has theirs.
    """
    cells = tuple(tuple(one_line(cell) if isinstance(cell, str) else cell for cell in row) for row in rows)
    names = frozenset(safe(name, "terminal") for name in texts)
    return FittedTable(tuple(safe(name, "terminal") for name in header), cells, title, keys, names)


def one_line(text: object, style: str = "") -> Text:
    """A line of text for the terminal, whoever wrote it."""
    return Text(safe(text, "terminal"), style)


@dataclass(frozen=True)
class FittedTable:
    """A table that never cuts a number: where the terminal is too narrow it comes in parts, each with the `keys`."""

    header: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    title: str | None
    keys: int
    texts: frozenset[str] = frozenset()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for number, columns in enumerate(self._parts(options.max_width)):
            if number:
                yield ""
            yield self._table(columns, None if number else self.title)

    def _parts(self, width: int) -> list[list[int]]:
        """Columns of every part: as many as fit, at least one beside the keys."""
        keys = list(range(self.keys))
        start = sum(self._width(column) + _BETWEEN for column in keys) - _BETWEEN
        parts, used = [keys], start
        for column in range(self.keys, len(self.header)):
            more = self._width(column) + _BETWEEN
            if used + more > width and len(parts[-1]) > self.keys:
                parts.append(keys)
                used = start
            parts[-1] = [*parts[-1], column]
            used += more
        return parts

    def _width(self, column: int) -> int:
        """Characters that a column needs."""
        widest = max((row[column].cell_len for row in self.rows), default=0)
        if self.header[column] in _WRAPPING:
            widest = min(widest, _NARROWEST)
        return max(widest, len(self.header[column]))

    def _table(self, columns: Sequence[int], title: str | None) -> Table:
        shown = Table(
            title=one_line(title) if title else None, title_justify="left", header_style="bold", show_edge=False,
            pad_edge=False,
        )  # fmt: skip
        for name in (self.header[column] for column in columns):
            shown.add_column(
                Text(name),
                justify="left" if name in _TEXT | self.texts else "right",
                no_wrap=name not in _WRAPPING,
                overflow="fold",
            )
        for row in self.rows:
            shown.add_row(*(row[column] for column in columns))
        return shown


def is_text(column: str) -> bool:
    """Whether a column of this name holds text and stands to the left."""
    return column in _TEXT


def without_empty(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows without the columns in which no row says anything, such as p where there are no samples."""
    keep = [i for i in range(len(header)) if any(row[i].strip() not in ("", ABSENT) for row in rows)]
    return [header[i] for i in keep], [[row[i] for i in keep] for row in rows]


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; cells are texts, but for those that are `Markup`."""
    lines = [f"| {' | '.join(map(in_markdown, header))} |", "|" + "---|" * len(header)]
    return lines + [f"| {' | '.join(map(in_markdown, row))} |" for row in rows]


def in_markdown(text: str) -> str:
    """The Markdown that shows a text; `Markup` stays what it is."""
    return text if isinstance(text, Markup) else safe(text, "markdown")


def status_report(rows: Iterable[Row], title: str) -> Group:
    """``xstilts data status``: for every family what was found, language by language, and what is missing and why."""
    families: dict[str, list[Row]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    parts: list[RenderableType] = [one_line(title, "bold"), ""]
    for family, members in families.items():
        found = [row for row in members if row.rows]
        parts.append(
            one_line(f"{family}: {len(found)} of {len(members)} languages · licence: {members[0].licence}", "bold")
        )
        if found:
            lines = [(row.language, f"{row.rows:,}", row.path, "; ".join(row.notes)) for row in found]
            keep = 4 if any(row.notes for row in found) else 3
            parts.append(terminal_table(("language", "rows", "path", "note")[:keep], [line[:keep] for line in lines]))
        if missing := [row for row in members if not row.rows and not row.is_unusable]:
            codes = " ".join(row.language for row in missing)
            parts += [one_line(f"missing: {codes}", "yellow"), one_line(f"  {'; '.join(missing[0].notes)}", "yellow")]
        for row in members:
            if row.is_unusable:
                said = (f"cannot be used: {row.language}", f"  {'; '.join(row.notes)}")
                parts += [one_line(line, "red") for line in said]
        parts.append("")
    return Group(*parts)
