"""`xstilts`: registers the commands and starts one. Heavy imports stay inside the commands."""

from __future__ import annotations

import io
import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

import typer

from xstilts_eval import __version__, cycles, faults, printing, waiting
from xstilts_eval.commands import analyze, bundle, cache, data, study, zoo
from xstilts_eval.commands.checklist import checklist
from xstilts_eval.commands.compare import compare
from xstilts_eval.commands.evaluate import evaluate
from xstilts_eval.commands.export import export
from xstilts_eval.commands.fit_head import fit_head
from xstilts_eval.commands.gains import gains
from xstilts_eval.commands.including import including
from xstilts_eval.commands.keeping import keeping
from xstilts_eval.commands.leaderboard import leaderboard
from xstilts_eval.commands.loudness import QUIET, VERBOSE, loudness, set_loudness
from xstilts_eval.commands.push import push
from xstilts_eval.commands.questions import questions
from xstilts_eval.commands.regress import regress
from xstilts_eval.commands.report import report
from xstilts_eval.commands.score import score
from xstilts_eval.commands.show import show
from xstilts_eval.commands.sweep import sweep
from xstilts_eval.commands.tasks_path import tasks_path
from xstilts_eval.commands.train import train
from xstilts_eval.commands.translate import translate
from xstilts_eval.commands.weights import weights

app = typer.Typer(no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)
COMMANDS: dict[str, Callable[..., Any]] = {
    "eval": evaluate, "score": score, "gains": gains, "fit-head": fit_head, "translate": translate,
    "checklist": checklist, "report": report, "regress": regress, "compare": compare, "show": show, "export": export,
    "push": push, "leaderboard": leaderboard, "weights": weights, "train": train, "sweep": sweep,
    "tasks-path": tasks_path, "questions": questions,
}  # fmt: skip
"""In the order of the help page."""
PUBLISHING = frozenset(
    {"eval", "score", "checklist", "report", "regress", "compare", "show", "export", "leaderboard", "train", "sweep"}
)
"""Commands that write where a checkpoint or a run lies."""
GROUPS = {
    "data": data.app, "bundle": bundle.app, "cache": cache.app, "analyze": analyze.app, "study": study.app,
    "zoo": zoo.app,
}  # fmt: skip
"""Commands that have commands of their own."""


@faults.in_one_sentence
def main() -> None:
    """Entry point; `faults` says how it ends."""
    waiting.briefly()
    cycles.searched_seldom()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for stream in (sys.stdout, sys.stderr):  # an output that is not UTF-8 shows what it cannot hold by its escape
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGINT, _interrupt)
    app()


def _interrupt(*_: object) -> None:
    raise faults.Interrupted


def _tell_version(is_wanted: bool) -> None:
    if is_wanted:
        printing.say(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", is_eager=True, callback=_tell_version
    ),
    quiet: bool = QUIET,
    verbose: bool = VERBOSE,
) -> None:
    """Zero-shot cross-lingual transfer: score checkpoints on XTREME, train them, and compare numbers."""
    set_loudness(quiet, verbose)


for _name, _command in COMMANDS.items():
    app.command(_name)(loudness(including(keeping(_command) if _name in PUBLISHING else _command)))
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)
    for _registered in _group.registered_commands:
        if _registered.callback is not None:
            _registered.callback = loudness(including(_registered.callback))


@app.command()
def version() -> None:
    """Print the version."""
    printing.say(__version__)


if __name__ == "__main__":
    main()
