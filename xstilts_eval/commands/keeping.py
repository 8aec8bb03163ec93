"""``--keep-paths``, of every command that writes files which name others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer

from xstilts_eval.commands.adding import adding

KEEP_HELP = "Write absolute paths as they are; default: names relative to the run."


def keeping(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with ``--keep-paths``."""

    @functools.wraps(command)
    def run(*args: Any, keep_paths: bool, **options: Any) -> Any:
        from xstilts_eval.paths import keeping_paths

        with keeping_paths(keep_paths):
            return command(*args, **options)

    return adding(run, command, {"keep_paths": (bool, typer.Option(False, "--keep-paths", help=KEEP_HELP))})
