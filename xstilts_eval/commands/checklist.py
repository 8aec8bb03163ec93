"""`xstilts checklist`: the command's options; the work is in `checklist.run`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.checklist import CASES, SEED
from xstilts_eval.commands.options import listed


def checklist(
    pretrained: str = typer.Argument(help="Bundle, checkpoint folder or hub id with a span head trained on SQuAD."),
    languages: str = typer.Option("", help="Languages, separated by commas; default: all that have templates."),
    tests: str = typer.Option("", help="Of comparison, intensifiers, properties, profession, animal_vehicle(_v2)."),
    cases: int = typer.Option(CASES, min=1, help="Cases of each test in each language."),
    seed: int = typer.Option(SEED, help="Draws names and values."),
    templates: Path | None = typer.Option(None, help="The official checklist_templates.tsv instead of our templates."),
    output: Path = typer.Option(Path("checklist"), "--output", "-o", help="Folder for table, results, predictions."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an earlier run in the output folder."),
) -> None:
    """Test a question-answering head by MultiCheckList.

    Six behavioural tests, as error rates in percent.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from rich.table import Table

    from xstilts_eval.checklist import run

    planned = run.plan(listed(languages), listed(tests), cases, seed, templates)
    if planned.left_out:
        printing.remark(f"left out, wording depends on values: {', '.join(planned.left_out)}")
    leaves = run.run(pretrained, planned, seed, output, overwrite)
    header, rows = run.grid(leaves)
    table = Table(title=f"MultiCheckList, error rate in percent of {cases} cases a test")
    for name in header:
        table.add_column(name, justify="left" if name == "language" else "right")
    for row in rows:
        table.add_row(*row)
    printing.show(table)
    printing.say(f"results: {output / run.RESULTS}   predictions: {output / run.PREDICTIONS}")
