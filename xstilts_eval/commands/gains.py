"""`xstilts gains`: the command's options; the work is in `results.gains`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.wording import BASELINE_HELP
from xstilts_eval.writing import check_files, write_atomically


def gains(
    given: list[Path] = typer.Argument(
        metavar="RUNS...", help="Runs scored in the same way: results of xstilts eval, or seed-N/INNER in a folder."
    ),
    baseline: str | None = typer.Option(None, help=BASELINE_HELP),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    json_: str | None = typer.Option(None, "--json", help="Write JSON to this file; '-' prints it."),
    markdown: Path | None = typer.Option(None, help="Write Markdown to this file."),
) -> None:
    """Points that intermediate training gains over the baseline, by family and language, with 95 % intervals."""
    from xstilts_eval.results import gains as results
    from xstilts_eval.results import sides
    from xstilts_eval.results.alignment import Reader
    from xstilts_eval.results.run import names as run_names
    from xstilts_eval.selection import leaves

    check_files(markdown, json_)
    first, runs = sides.over_baseline([*map(str, given)], baseline)
    reader, only = Reader(), leaves(listed(tasks))
    names = run_names(runs)
    pairings = {
        name: results.pair_seeds(Path(first), Path(run), inner, reader, only)
        for name, run in zip(names, runs, strict=True)
    }
    found = {name: [gain for family in one.families for gain in one.gains(family)] for name, one in pairings.items()}
    left_out = {name: one.left_out for name, one in pairings.items()}
    if json_:
        printing.write_json(results.as_json(found, left_out), json_)
    if markdown:
        write_atomically(markdown, results.markdown(found, left_out))
    if json_ != "-":
        printing.show(results.table(found, left_out))
