"""`xstilts zoo`: list, show, check, add. The work is in `zoo`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import typer

from xstilts_eval import paper, printing
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.commands.paper import for_papers
from xstilts_eval.errors import SettingError
from xstilts_eval.wording import counted

app = typer.Typer(no_args_is_help=True, help="Published numbers with their sources.")
FILE_HELP = "A file of the zoo; default: the shipped model_zoo.yaml."


@app.command("list")
def zoo_list(
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    confidence: str | None = typer.Option(None, help="Only records that were seen, secondary or recalled."),
    file: Path | None = typer.Option(None, help=FILE_HELP),
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the models.

    With architecture, size, number of records and the tasks they have scores of.
    """
    from xstilts_eval.zoo import views
    from xstilts_eval.zoo.manifest import Confidence, load

    zoo = load(file)
    if confidence is not None and confidence not in get_args(Confidence):
        raise SettingError(f"--confidence {confidence!r}; allowed: {', '.join(get_args(Confidence))}")
    rows = views.overview(zoo, listed(tasks), confidence)
    if json_:
        printing.write_json(rows, "-")
    else:
        printing.show(views.overview_table(rows, zoo))


@app.command("show")
@for_papers
def zoo_show(
    model: str = typer.Argument(help="Name of a model, as xstilts zoo list prints it; MODEL@STAGE for one stage."),
    tasks: str = typer.Option("", "--tasks", "-t", help=f"{ONLY_TASKS} 'none': records of tasks that are not here."),
    file: Path | None = typer.Option(None, help=FILE_HELP),
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
    *,
    tables: paper.Wanted,
) -> None:
    """Show one model.

    Its entry, its records with their notes, and the sources.
    """
    from xstilts_eval.zoo import printed, views
    from xstilts_eval.zoo.manifest import load
    from xstilts_eval.zoo.selection import of_names

    tables.check("-" if json_ else None)
    zoo = load(file)
    name, stage = zoo.parse(model)
    entry, records = zoo.model(name), of_names(zoo.of(name, stage), listed(tasks), name)
    if json_:
        content = {"model": entry.model_dump(), "records": [record.model_dump() for record in records]}
        content["sources"] = {record.source: zoo.sources[record.source].model_dump() for record in records}
        printing.write_json(content, "-")
    tables.write(lambda: printed.tables(zoo, entry, records), lambda: [printed.rows(records)])
    if not (json_ or tables.prints):
        printing.show(views.model_page(zoo, entry, records))


@app.command("check")
def zoo_check(
    file: Path | None = typer.Option(None, help=FILE_HELP),
    detects: bool = typer.Option(False, "--detects", help="Show of every model what xstilts regress can detect."),
) -> None:
    """Check a zoo file.

    Schema, duplicates, contradictions, scales, averages, names, licences; exit code 1 if something is wrong.
    """
    from xstilts_eval.zoo import views
    from xstilts_eval.zoo.check import check
    from xstilts_eval.zoo.manifest import load

    zoo = load(file)
    verdict = check(zoo)
    if detects:
        printing.show(views.detection_table(zoo))
    *lines, outcome = views.verdict_lines(verdict)
    printing.say_all("\n".join([*lines, views.detection_line(zoo), outcome]))
    if verdict.errors:
        raise typer.Exit(1)


@app.command("add")
def zoo_add(
    results: Path = typer.Argument(help="Results file or output folder of xstilts eval or lm_eval."),
    source: str = typer.Option(..., "--source", help="Title of what publishes these scores."),
    url: str = typer.Option("none", help="Its address."),
    model: str | None = typer.Option(None, help="Name in the zoo; default: the checkpoint's own."),
    stage: str = typer.Option("base", help="What was trained, such as 'intermediate: squad'."),
    setting: str | None = typer.Option(None, help="Default: zero-shot, or embedding for retrieval."),
    file: Path = typer.Option(Path("zoo/mine.yaml"), help="File to write or to add to; it includes the shipped zoo."),
) -> None:
    """Add the scores of a run to a file of your own.

    With signatures; scores that are there already are refused.
    """
    from xstilts_eval import printing
    from xstilts_eval.zoo.add import add

    added = add(results, source, file, url, model, stage, setting)
    averages = sum(record.derived for record in added)
    scores, means = counted(len(added) - averages, "score"), counted(averages, "average")
    printing.say(f"{scores} and {means} of {added[0].model} added to {file}")
