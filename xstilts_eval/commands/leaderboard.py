"""`xstilts leaderboard`: the command's options; the work is in `report.leaderboard`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import listed
from xstilts_eval.wording import counted


def leaderboard(
    runs: list[str] = typer.Argument(
        help="PATH or NAME=PATH: results of xstilts eval or lm_eval, or seed-N/INNER in a folder; or zoo:MODEL[@STAGE]."
    ),
    output: Path = typer.Option(Path("leaderboard"), "--output", "-o", help="The folder to write."),
    title: str = typer.Option("Leaderboard", help="Heading of the page."),
    inner: str = typer.Option("eval", help="Folders of the results inside each seed-N, separated by commas."),
) -> None:
    """Write a folder of pages about many models.

    A page with all of them, which can be sorted, one for each, and the scores as JSON and CSV. It needs no server.
    """
    from xstilts_eval.report import leaderboard

    found = leaderboard.read(runs, tuple(listed(inner)))
    for warning in found.warnings:
        printing.remark(f"warning: {warning}")
    files = leaderboard.write(found, title, output)
    printing.say(f"leaderboard: {files[0]} ({counted(len(found.runs), 'model')})")
