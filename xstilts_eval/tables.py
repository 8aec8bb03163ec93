"""Tables for the terminal and for Markdown, from a header and rows of strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from xstilts_eval.data.status import Row

_TEXT = frozenset({"category", "family", "language", "pair", "metrics", "note", "path", "licence"})
_WRAPPING = frozenset({"metrics", "note", "licence", "path"})


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


def status_report(rows: Iterable[Row], title: str) -> Group:
    """``xstilts data status``: for every family what was found, language by language, and what is missing and why."""
    families: dict[str, list[Row]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    parts: list[RenderableType] = [Text(title, style="bold"), ""]
    for family, members in families.items():
        found = [row for row in members if row.rows]
        parts.append(
            Text(f"{family}: {len(found)} of {len(members)} languages · licence: {members[0].licence}", "bold")
        )
        if found:
            lines = [(row.language, f"{row.rows:,}", row.path, "; ".join(row.notes)) for row in found]
            keep = 4 if any(row.notes for row in found) else 3
            parts.append(terminal_table(("language", "rows", "path", "note")[:keep], [line[:keep] for line in lines]))
        if missing := [row for row in members if not row.rows]:
            codes = " ".join(row.language for row in missing)
            parts.append(Text(f"missing: {codes}\n  {'; '.join(missing[0].notes)}", style="yellow"))
        parts.append("")
    return Group(*parts)
