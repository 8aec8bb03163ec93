"""``--include FILE``, which every command takes: datasets of the user's own, registered before the command runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from xstilts_eval.commands.adding import adding

INCLUDE_HELP = "Python file with a dataset of your own (docs/own-dataset.md); may be repeated."


def including(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with ``--include FILE``, and with the datasets of installed packages."""

    @functools.wraps(command)
    def run(*args: Any, include: list[Path], **options: Any) -> Any:
        from xstilts_eval import own_datasets

        for path in include:
            own_datasets.include(path)
        own_datasets.load_installed()
        return command(*args, **options)

    return adding(run, command, {"include": (list[Path], typer.Option([], "--include", help=INCLUDE_HELP))})
