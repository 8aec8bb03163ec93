"""`xstilts score`: the command's options; the work is in `results`: `scoreboard`, `scored` and `official`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xstilts_eval import paper, printing
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.commands.paper import COLUMNS_HELP, for_papers
from xstilts_eval.errors import SettingError
from xstilts_eval.writing import check_files, write_atomically

if TYPE_CHECKING:
    from xstilts_eval.results.scored import Run


@for_papers
def score(
    results: list[str] = typer.Argument(
        None, help="PATH or NAME=PATH: results of xstilts eval or lm_eval, or seed-N/INNER in a folder; or zoo:MODEL."
    ),
    predictions: Path | None = typer.Option(None, help="Folder of prediction files in the leaderboard's layout."),
    labels: Path | None = typer.Option(None, help="Folder of label files, same layout."),
    version: str = typer.Option("xtreme", help="With --predictions: xtreme or xtreme-r."),
    allow_incomplete: bool = typer.Option(
        False, "--allow-incomplete", help="With --predictions: score the languages that both folders have."
    ),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    inner: str = typer.Option("eval", help="Folders of the results inside each seed-N, separated by commas."),
    source: list[str] = typer.Option([], help="Source of the zoo that counts where publications disagree."),
    json_: str | None = typer.Option(None, "--json", help="Write JSON to this file; '-' prints it."),
    markdown: Path | None = typer.Option(None, help="Write Markdown to this file."),
    languages: bool = typer.Option(True, help="Show the table by language."),
    columns: str = typer.Option("both", help=COLUMNS_HELP),
    *,
    tables: paper.Wanted,
) -> None:
    """Show the scoreboard of results, or score prediction files.

    Prediction files are scored as the benchmark's own evaluator does.

    Several checkpoints, seeds and models of the zoo stand beside each other; seeds are averaged.
    """
    check_files(markdown, json_)
    tables.check(json_)
    axis = paper.axis(columns)
    if predictions or labels:
        if not (predictions and labels) or results or tasks:
            raise SettingError("scoring files needs --predictions and --labels together, no RESULTS and no --tasks")
        if tables.latex or tables.csv:
            raise SettingError("--latex and --csv make tables of RESULTS; prediction files are scored as --json")
        from xstilts_eval.results.official import score_predictions

        printing.write_json(score_predictions(predictions, labels, version, allow_incomplete), json_ or "-")
        return
    if not results:
        raise SettingError("give RESULTS, or --predictions and --labels")
    from xstilts_eval.results import score_tables, scored
    from xstilts_eval.selection import leaves
    from xstilts_eval.zoo import sides

    only = leaves(listed(tasks))
    runs = scored.read(results, listed(inner), lambda model: sides.read(model, sources=source, only=only), only)
    runs = scored.parts_joined(runs)
    tables.write(lambda: score_tables.tables(runs, axis), lambda: [score_tables.rows(runs)])
    is_shown = json_ != "-" and not tables.prints
    if len(runs) == 1 and not runs[0].is_published and not runs[0].has_seeds:
        _one(runs[0], json_, markdown, languages, is_shown)
    else:
        _beside(runs, json_, markdown, languages, is_shown)


def _one(run: Run, json_: str | None, markdown: Path | None, languages: bool, is_shown: bool) -> None:
    from xstilts_eval.results import render, scoreboard

    (parts,) = run.results.values()
    board = scoreboard.build(parts)
    if json_:
        printing.write_json(board.to_json(), json_)
    if markdown:
        write_atomically(markdown, render.markdown(board))
    if is_shown:
        printing.show(render.terminal(board, languages))


def _beside(runs: Sequence[Run], json_: str | None, markdown: Path | None, languages: bool, is_shown: bool) -> None:
    from xstilts_eval.results import models_render

    if json_:
        printing.write_json(models_render.as_json(runs), json_)
    if markdown:
        write_atomically(markdown, models_render.markdown(runs))
    if is_shown:
        printing.show(models_render.terminal(runs, languages))
