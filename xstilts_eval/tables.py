"""Tables for the terminal and for Markdown, from a header and rows of strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from xstilts_eval.data.status import Row

_TEXT = frozenset({"category", "family", "language", "pair", "metrics", "note", "path", "licence"})
_WRAPPING = frozenset({"metrics", "note", "licence"})


def terminal_table(header: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> Table:
    """A plain rich table; text columns to the left, numbers to the right."""
    table = Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for name in header:
        table.add_column(
            name, justify="left" if name in _TEXT else "right", no_wrap=name not in _WRAPPING, overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    return table


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def status_table(rows: Iterable[Row], title: str) -> Table:
    """One line per leaf of ``xstilts data status``."""
    return terminal_table(
        ("family", "language", "rows", "path", "licence", "note"),
        [
            (
                row.family,
                row.language,
                f"{row.rows:,}" if row.rows else "–",
                row.path or "–",
                row.licence,
                "; ".join(row.notes),
            )
            for row in rows
        ],
        title,
    )
