"""`xstilts compare`: the command's options; the work is in `results.compare`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import paper
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.commands.paper import COLUMNS_HELP, for_papers
from xstilts_eval.wording import BASELINE_HELP


@for_papers
def compare(
    results: list[str] = typer.Argument(
        help="Results files, output folders, runs with seed-N inside, or zoo:MODEL[@STAGE]; the first is the reference."
    ),
    baseline: str | None = typer.Option(None, help=BASELINE_HELP.replace("RUNS", "RESULTS")),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    source: list[str] = typer.Option([], help="Source of the zoo that counts where publications disagree."),
    allow_different: bool = typer.Option(
        False, "--allow-different", help="Also compare other data, splits, documents or versions, and mark it."
    ),
    draws: int = typer.Option(10_000, min=100, help="Draws of the randomization that gives p."),
    resamples: int = typer.Option(2_000, min=100, help="Resamples of the bootstrap that gives the intervals."),
    seed: int = typer.Option(12345, min=0, help="Seed of both; same seed, same numbers."),
    groups: bool = typer.Option(True, help="Show groups by language family, script and resources."),
    fail_on_loss: bool = typer.Option(
        False, "--fail-on-loss", help="Exit code 1 where a side is worse than the first beyond chance, corrected."
    ),
    json_: str | None = typer.Option(None, "--json", help="Write JSON to this file; '-' prints it."),
    markdown: Path | None = typer.Option(None, help="Write Markdown to this file."),
    columns: str = typer.Option("both", help=COLUMNS_HELP),
    *,
    tables: paper.Wanted,
) -> None:
    """Compare runs with paired intervals and tests.

    By dataset and language, from the samples, corrected over languages.

    All sides are compared with the first. What was scored on other data, splits, documents or versions is refused.
    """
    from xstilts_eval.printing import remark, show, write_json
    from xstilts_eval.results import compare as comparing
    from xstilts_eval.results import compare_render as render
    from xstilts_eval.results import compare_tables
    from xstilts_eval.results.estimates import Options
    from xstilts_eval.results.losses import losses, sentence
    from xstilts_eval.results.sides import over_baseline
    from xstilts_eval.selection import leaves
    from xstilts_eval.writing import check_files, write_atomically
    from xstilts_eval.zoo import sides

    check_files(markdown, json_)
    tables.check(json_)
    axis = paper.axis(columns)
    options = Options(allow_different=allow_different, draws=draws, resamples=resamples, seed=seed)
    given = results
    if baseline is not None:
        first, others = over_baseline(results, baseline)
        given = [first, *others]
    found = comparing.compare(sides.read_all(given, inner, source, leaves(listed(tasks))), options)
    if json_:
        shown = found if json_ == "-" else render.named(found, Path(json_))
        write_json(render.as_json(shown, options), json_)
    if markdown:
        write_atomically(markdown, render.markdown(render.named(found, markdown), options, groups))
    tables.write(lambda: compare_tables.tables(found, axis), lambda: [compare_tables.rows(found)])
    if json_ != "-" and not tables.prints:
        show(render.terminal(found, options, groups))
    if fail_on_loss and (lost := losses(found)):
        remark(sentence(lost))
        raise typer.Exit(1)
