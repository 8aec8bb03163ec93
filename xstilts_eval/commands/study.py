"""`xstilts study`: plan, run and unpack a study; the work is in `study`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import DATA_HELP, STUDY_FOLDER, STUDY_HELP, STUDY_RESULTS
from xstilts_eval.errors import SettingError
from xstilts_eval.wording import counted
from xstilts_eval.writing import check_files, write_atomically

app = typer.Typer(no_args_is_help=True, help="Bases x intermediate tasks x seeds, kept cell by cell.")
WORK_HELP = "Where results go, by cell, and runs and stages until a cell is kept."
_HOUR = 3600.0


@app.command("plan")
def study_plan(
    study: Path = typer.Option(STUDY_FOLDER, help=STUDY_HELP),
    data: str | None = typer.Option(None, help=DATA_HELP),
    work: Path = typer.Option(STUDY_RESULTS, help=WORK_HELP),
) -> None:
    """Show hours of every cell that is left; train nothing."""
    from xstilts_eval.study import estimate, grid, running
    from xstilts_eval.tables import terminal_table

    found = grid.read(study)
    left = estimate.estimates(found, running.tasks(found, data, printing.say), work / "stages")
    rows: list[tuple[str, ...]] = [
        (str(one.cell), _hours(one.training), _hours(one.scoring), one.missing or _untimed(one.unknown)) for one in left
    ]
    total = sum(one.seconds for one in left if not one.missing)
    rows.append(("all that is left", *(_hours(sum(getattr(one, part) for one in left if not one.missing))
                                       for part in ("training", "scoring")), ""))  # fmt: skip
    printing.show(terminal_table(("cell", "training h", "scoring h", "note"), rows, texts=("cell",)))
    printing.say(
        f"{counted(len(found.cells) - len(left), 'cell')} of {len(found.cells)} kept; about {_hours(total)} hours of "
        "one process on this machine are left"
    )


def _hours(seconds: float) -> str:
    return f"{seconds / _HOUR:.2f}"


def _untimed(parts: tuple[str, ...]) -> str:
    return f"no time known of {', '.join(parts)}" if parts else ""


@app.command("run")
def study_run(
    study: Path = typer.Option(STUDY_FOLDER, help=STUDY_HELP),
    data: str | None = typer.Option(None, help=DATA_HELP),
    work: Path = typer.Option(STUDY_RESULTS, help=WORK_HELP),
    hours: float = typer.Option(2.0, min=0, help="Begin no further cell after so many hours."),
    cells: str = typer.Option("", help="Only cells whose name holds this, as e5-12/none or seed-1."),
) -> None:
    """Make the cells that are left, in order.

    Train, score, keep a piece, remove what no other cell needs. The same command goes on after an interruption; started
    twice, the two share the cells.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval.study import grid, running

    until = time.monotonic() + hours * _HOUR
    found = grid.read(study)
    left = running.tasks(found, data, printing.say)
    if left and not any(cells in str(task.cell) for task in left):
        raise SettingError(f"--cells {cells}: no cell that is left has this in its name; the next is {left[0].cell}")
    made = running.make(found, left, running.Places(work, data), until, printing.say, cells)
    printing.say(f"{counted(len(made), 'cell')} made, {counted(len(left) - len(made), 'cell')} left")


@app.command("unpack")
def study_unpack(
    study: Path = typer.Option(STUDY_FOLDER, help=STUDY_HELP),
    output: Path = typer.Option(
        STUDY_RESULTS, "--output", "-o", help="Results go to OUTPUT/BASE/INTERMEDIATE/seed-N/PART."
    ),
) -> None:
    """Write the results that a study has kept as ordinary results.

    For gains, compare, report and analyze, with --inner PART.
    """
    from xstilts_eval.study import grid, pieces

    made = pieces.unpack(grid.read(study), output)
    printing.say(f"{counted(len(made), 'cell')} in {output}")


@app.command("tables")
def study_tables(
    study: Path = typer.Option(STUDY_FOLDER, help=STUDY_HELP),
    results: Path = typer.Option(STUDY_RESULTS, help="Results are unpacked there."),
    markdown: Path | None = typer.Option(None, help="Write Markdown to this file."),
) -> None:
    """Show gains by base and target, what stages learned, and hours.

    Of all cells that are kept; as Markdown.
    """
    from xstilts_eval.study import grid, tables

    check_files(markdown)
    text = tables.page(tables.Kept.unpacked(grid.read(study), results))
    if markdown:
        write_atomically(markdown, text)
    else:
        printing.say_all(text.rstrip("\n"))
