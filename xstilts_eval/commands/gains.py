"""`xstilts gains`: the command's options; the work is in `results.gains`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import paper, printing
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.commands.paper import COLUMNS_HELP, for_papers
from xstilts_eval.wording import BASELINE_HELP
from xstilts_eval.writing import check_files, write_atomically


@for_papers
def gains(
    given: list[Path] = typer.Argument(
        metavar="RUNS", help="Runs scored in the same way: results of xstilts eval, or seed-N/INNER in a folder."
    ),
    baseline: str | None = typer.Option(None, help=BASELINE_HELP),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    json_: str | None = typer.Option(None, "--json", help="Write JSON to this file; '-' prints it."),
    markdown: Path | None = typer.Option(None, help="Write Markdown to this file."),
    columns: str = typer.Option("both", help=COLUMNS_HELP),
    *,
    tables: paper.Wanted,
) -> None:
    """Show what training gained over a baseline.

    Points by dataset and language, with 95 % intervals.
    """
    from xstilts_eval.results import gain_tables, sides
    from xstilts_eval.results import gains as results
    from xstilts_eval.results.alignment import Reader
    from xstilts_eval.results.run import names as run_names
    from xstilts_eval.selection import leaves

    check_files(markdown, json_)
    tables.check(json_)
    axis = paper.axis(columns)
    first, runs = sides.over_baseline([*map(str, given)], baseline)
    reader, only = Reader(), leaves(listed(tasks))
    baseline_name, *names = run_names([first, *runs])
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
    tables.write(
        lambda: gain_tables.tables(baseline_name, found, left_out, axis),
        lambda: [gain_tables.rows(baseline_name, found)],
    )
    if json_ != "-" and not tables.prints:
        printing.show(results.table(found, left_out))
