"""`xstilts questions`: the five research questions, answered from the study; the work is in `study.questions`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer

from xstilts_eval import extras, printing
from xstilts_eval.commands.options import STUDY_FOLDER, STUDY_HELP, STUDY_RESULTS


def questions(
    number: int | None = typer.Argument(None, help="Which question; without one all are listed."),
    study: Path = typer.Option(STUDY_FOLDER, help=STUDY_HELP),
    results: Path = typer.Option(STUDY_RESULTS, help="Where the study's results are unpacked."),
) -> None:
    """Answer a research question from the study.

    Shows the commands that do it, and runs them.
    """
    from xstilts_eval.study import grid
    from xstilts_eval.study import questions as asked

    found = grid.read(study)
    if number is None:
        for place, question in asked.read(found).items():
            printing.say(f"{place}. {question.title}")
        return
    extras.need("analysis", "the analyses need")
    asked.answer(found, number, results, _run, printing.say)


def _run(command: list[str]) -> bool:
    """A command of `xstilts` in a process of its own, which says itself what went wrong."""
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", "xstilts_eval", *command], check=False).returncode == 0
