"""What commands print and write: lines and tables for the terminal, JSON to a file or to the output.

All that `xstilts` prints passes here, so nothing that a file holds reaches a terminal as a command.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts_eval import foreign
from xstilts_eval.errors import SettingError
from xstilts_eval.writing import write_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

_PIPED = 150
"""Columns where there is no terminal: room for every column of the widest table."""


def say(*lines: object) -> None:
    """Print lines to the output; each stays one, whatever it holds."""
    print(*(foreign.safe(line, "terminal") for line in lines), sep="\n", flush=True)


def say_all(text: str) -> None:
    """Print a text of ours that has several lines."""
    say(*text.split("\n"))


_is_quiet = False


def quieten(is_quiet: bool) -> None:
    """From here on print remarks and bars, or none."""
    global _is_quiet
    _is_quiet = is_quiet


def is_quiet() -> bool:
    """Whether progress is shown to nobody."""
    return _is_quiet


def remark(line: object) -> None:
    """Print what is beside the result, unless the user wants quiet: progress, notes, warnings."""
    if not _is_quiet:
        print(foreign.safe(line, "terminal"), file=sys.stderr, flush=True)


def show(what: RenderableType) -> None:
    """Print to a terminal in its own width, to files and pipes with room for every column."""
    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

    class Safe(Console):
        """Shows texts as they are: no markup, and nothing that a terminal would obey but the styles of ours."""

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
            for part in super().render(renderable, options):
                yield part if part.control else part._replace(text=foreign.visible(part.text))

    console = Safe(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _PIPED)
    console.print(what)


def json_text(value: Any, target: str) -> str:
    """JSON for a file or the terminal; raises `SettingError` for NaN.

    What a terminal would obey is escaped, as JSON allows everywhere in a string: the value stays the same.
    """
    try:
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise SettingError(f"{target}: a value is NaN or infinite and cannot be written as JSON") from error
    return foreign.in_json(text)


def write_json(value: Any, target: str) -> None:
    """Write JSON to a file, or print it for ``-``; raises `SettingError` for NaN, and what `write_atomically` does."""
    text = json_text(value, target)
    if target == "-":
        print(text)
    else:
        write_atomically(Path(target), text + "\n")
