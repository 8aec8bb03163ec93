"""What commands print and write: tables for the terminal, JSON to a file or to the output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts_eval.errors import SettingError
from xstilts_eval.writing import write_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

_PIPED = 150
"""Columns where there is no terminal: room for every column of the widest table."""


def show(what: RenderableType) -> None:
    """Print to a terminal in its own width, to files and pipes with room for every column."""
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=max(console.width, _PIPED))).print(what)


def write_json(value: Any, target: str) -> None:
    """Write JSON to a file, or print it for ``-``; raises `SettingError` for NaN, and what `write_atomically` does."""
    try:
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise SettingError(f"{target}: a value is NaN or infinite and cannot be written as JSON") from error
    if target == "-":
        print(text)
    else:
        write_atomically(Path(target), text + "\n")
