"""``--keep-paths``, of every command that writes files which name others."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import typer

KEEP_HELP = "Write absolute paths as they are; default: names relative to the run."


def keeping(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with ``--keep-paths``."""

    @functools.wraps(command)
    def run(*args: Any, keep_paths: bool, **options: Any) -> Any:
        from xstilts_eval.paths import keeping_paths

        with keeping_paths(keep_paths):
            return command(*args, **options)

    given = inspect.signature(command)
    option = typer.Option(False, "--keep-paths", help=KEEP_HELP)
    own = inspect.Parameter("keep_paths", inspect.Parameter.KEYWORD_ONLY, default=option, annotation=bool)
    run.__signature__ = given.replace(parameters=[*given.parameters.values(), own])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "keep_paths": bool}
    return run
