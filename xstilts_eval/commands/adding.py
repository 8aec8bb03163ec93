"""Options that many commands take alike: how they are added to a command's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

Option = tuple[Any, Any]
"""The type of its value, and what typer is told about it."""


def adding(
    run: Callable[..., Any],
    command: Callable[..., Any],
    options: Mapping[str, Option],
    without: Collection[str] = (),
) -> Callable[..., Any]:
    """`run`, which wraps `command`, with the signature that typer reads: the command's own and these `options`.

    Parameters in `without` are made by `run` and asked of nobody.
    """
    given = inspect.signature(command)
    kept = [parameter for name, parameter in given.parameters.items() if name not in without]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)
        for name, (kind, option) in options.items()
    ]
    run.__signature__ = given.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    annotations = {name: kind for name, kind in command.__annotations__.items() if name not in without}
    run.__annotations__ = annotations | {name: kind for name, (kind, _) in options.items()}
    return run
