"""`xstilts score`: the command's options; the work is in `results.scoreboard` and `results.official`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.errors import SettingError
from xstilts_eval.writing import check_files, write_atomically


def score(
    results: list[Path] = typer.Argument(None, help="Results files or output folders of xstilts eval or lm_eval."),
    predictions: Path | None = typer.Option(None, help="Folder of prediction files in the leaderboard's layout."),
    labels: Path | None = typer.Option(None, help="Folder of label files, same layout."),
    version: str = typer.Option("xtreme", help="With --predictions: xtreme or xtreme-r."),
    allow_incomplete: bool = typer.Option(
        False, "--allow-incomplete", help="With --predictions: score the languages that both folders have."
    ),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    json_: str | None = typer.Option(None, "--json", help="Write JSON to this file; '-' prints it."),
    markdown: Path | None = typer.Option(None, help="Write Markdown to this file."),
    languages: bool = typer.Option(True, help="Show the table by language."),
) -> None:
    """Make the official scoreboard from results, or score prediction files as the benchmark's evaluator does."""
    check_files(markdown, json_)
    if predictions or labels:
        if not (predictions and labels) or results or tasks:
            raise SettingError("scoring files needs --predictions and --labels together, no RESULTS and no --tasks")
        from xstilts_eval.results.official import score_predictions

        printing.write_json(score_predictions(predictions, labels, version, allow_incomplete), json_ or "-")
        return
    if not results:
        raise SettingError("give RESULTS, or --predictions and --labels")
    from xstilts_eval.results import record, render, scoreboard
    from xstilts_eval.selection import leaves

    only = leaves(listed(tasks))
    runs = [run for path in results if (run := record.read(path).only(only)).leaves]
    if not runs:
        raise SettingError("RESULTS have no result of these --tasks")
    board = scoreboard.build(runs)
    if json_:
        printing.write_json(board.to_json(), json_)
    if markdown:
        write_atomically(markdown, render.markdown(board))
    if json_ != "-":
        printing.show(render.terminal(board, languages))
