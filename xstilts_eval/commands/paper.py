"""``--latex`` and ``--csv``, which every command with a table of scores takes; what they write is made by `paper`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer

from xstilts_eval.commands.adding import Option, adding
from xstilts_eval.paper import TEXT_WIDTH, Wanted

COLUMNS_HELP = "Of --latex: datasets or languages in the columns, or a table of each: both."


def for_papers(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with ``--latex``, ``--csv`` and how tables are set; it is given them as `tables`."""

    @functools.wraps(command)
    def run(*args: Any, latex: str | None, csv: str | None, intervals: bool, text_width: float, **options: Any) -> Any:
        return command(*args, tables=Wanted(latex, csv, text_width, intervals), **options)

    own: dict[str, Option] = {
        "latex": (str | None, typer.Option(None, help="Write LaTeX tables (booktabs) to this file; '-' prints them.")),
        "csv": (str | None, typer.Option(None, help="Write CSV, a line per score, to this file; '-' prints it.")),
        "intervals": (bool, typer.Option(True, help="Of --latex: ± in the cells.")),
        "text_width": (
            float, typer.Option(TEXT_WIDTH, min=50, help="Of --latex: points of a line; wider tables are split."),
        ),
    }  # fmt: skip
    return adding(run, command, own, without=["tables"])
