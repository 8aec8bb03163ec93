"""`xstilts questions`: the five research questions, answered from the study; the work is in `study.questions`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import extras, printing
from xstilts_eval.commands.study import STUDY_HELP, WORK


def questions(
    number: int | None = typer.Argument(None, help="Which question; without one all are listed."),
    study: Path = typer.Option(Path("study"), help=STUDY_HELP),
    results: Path = typer.Option(WORK, help="Where the study's results are unpacked."),
) -> None:
    """Answer a research question from the results that the study has kept.

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


def _run(command: list[str]) -> None:
    """A command of `xstilts` in this process; it is shown by `answer` as it would be typed."""
    from xstilts_eval.cli import app

    typer.main.get_command(app)(command, prog_name="xstilts", standalone_mode=False)
