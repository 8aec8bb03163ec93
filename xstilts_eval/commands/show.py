"""`xstilts show`: the command's options; the work is in `results.show` and, for published models, in `zoo.views`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import typer

from xstilts_eval.commands.options import ONLY_TASKS, listed


def show(
    results: list[str] = typer.Argument(help="Results files, output folders, runs with seed-N inside, or zoo:MODEL."),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    languages: bool = typer.Option(True, help="Show the table by language."),
    types: bool = typer.Option(False, "--types", help="Show scores of each entity type, from the samples."),
    json_: bool = typer.Option(False, "--json", help="Print JSON: one object, or a list for several RESULTS."),
) -> None:
    """Show what was run, on what data, with which checkpoint.

    Scoreboard, counts and signatures at a glance.
    """
    from xstilts_eval import printing
    from xstilts_eval.results import run, sides
    from xstilts_eval.results import show as showing
    from xstilts_eval.selection import leaves

    only = leaves(listed(tasks))
    pages = []
    for given in results:
        if given.startswith(sides.ZOO):
            pages.append(_published(given, json_, only))
            continue
        shown = [showing.read(folder, types, only) for folder in run.places(Path(given), inner)]
        pages += [showing.as_json(one) if json_ else showing.terminal(one, languages) for one in shown]
    if json_:
        printing.write_json(pages[0] if len(pages) == 1 else pages, "-")
        return
    for number, page in enumerate(pages):
        if number:
            printing.say()
        printing.show(page)


def _published(given: str, as_json: bool, only: Collection[str] | None) -> Any:
    from xstilts_eval.results import sides
    from xstilts_eval.zoo import views
    from xstilts_eval.zoo.manifest import load
    from xstilts_eval.zoo.selection import selected

    zoo = load()
    model, stage = zoo.parse(given.removeprefix(sides.ZOO))
    entry, records = zoo.model(model), selected(zoo.of(model, stage), only)
    if as_json:
        return {"model": entry.model_dump(), "records": [record.model_dump() for record in records]}
    return views.model_page(zoo, entry, records)
