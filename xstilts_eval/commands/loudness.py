"""``--quiet`` and ``--verbose``, which every command takes."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import Any

import typer

from xstilts_eval import faults, printing
from xstilts_eval.commands.adding import Option, adding

QUIET: bool = typer.Option(False, "--quiet", "-q", help="Results and errors alone: no progress, notes, warnings.")
VERBOSE: bool = typer.Option(False, "--verbose", "-v", help="More about the work, and the traceback of an error.")
OPTIONS: dict[str, Option] = {"quiet": (bool, QUIET), "verbose": (bool, VERBOSE)}


def loudness(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with both."""

    @functools.wraps(command)
    def run(*args: Any, quiet: bool, verbose: bool, **options: Any) -> Any:
        if quiet or verbose:  # else as it was said before the command's name
            set_loudness(quiet, verbose)
        return command(*args, **options)

    return adding(run, command, OPTIONS)


def set_loudness(quiet: bool, verbose: bool) -> None:
    """What is shown beside results from here on; neither: remarks, warnings and bars."""
    printing.quieten(quiet)
    logging.getLogger().setLevel(logging.INFO if verbose else logging.ERROR if quiet else logging.WARNING)
    if verbose:
        os.environ[faults.TRACEBACK] = "1"
