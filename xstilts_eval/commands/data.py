"""`xstilts data`: what data is there, and what is brought; the work is in `data.status` and `data.fetch`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import DATA_HELP, ONLY_TASKS, listed
from xstilts_eval.wording import counted

app = typer.Typer(no_args_is_help=True, help="What data is there, and how to get the rest.")


@app.command("status")
def data_status(
    data: str | None = typer.Option(None, help=DATA_HELP),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    split: str = typer.Option("test", help="test, dev or train."),
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show what data is there and what is missing.

    Dataset by dataset and language by language: where it was found, rows, licence.
    """
    from dataclasses import asdict

    from xstilts_eval.data.status import status
    from xstilts_eval.selection import leaves
    from xstilts_eval.tasks.documents import resolve_folder

    folder, source = resolve_folder(data)
    rows = status(folder, split, None, source == "sample", source == "hub", leaves(listed(tasks)))
    if json_:
        printing.write_json([asdict(row) for row in rows], "-")
        return
    from xstilts_eval.tables import status_report

    printing.show(status_report(rows, f"{source}: {folder}"))


@app.command("fetch")
def data_fetch(
    given: list[str] = typer.Argument(None, metavar="TASKS", help="As --tasks; default: XTREME's nine datasets."),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    output: Path = typer.Option(..., "--output", "-o", help="Data folder to fill; what it has already is kept."),
    languages: str = typer.Option("", help="Only these languages, separated by commas."),
    split: list[str] = typer.Option(["test"], help="test, dev or train; may be given several times."),
    from_: str = typer.Option("hub", "--from", help="hub (pinned commits) or archives (the publishers' own files)."),
    revision: list[str] = typer.Option(
        [], help="REPOSITORY=COMMIT: another commit, branch or tag than the pinned one."
    ),
    timeout: float | None = typer.Option(None, help="Seconds without an answer; default: HF_HUB_DOWNLOAD_TIMEOUT, 10."),
) -> None:
    """Bring data into a folder in the official layout.

    Call again to go on after an interruption.

    Checksums are compared, fetched.json in the folder says where every file came from, and nothing half-written stays.
    HF_ENDPOINT, HF_TOKEN and HF_HOME are the hub's own settings.
    """
    from xstilts_eval.data import fetch
    from xstilts_eval.selection import select

    names = [*(given or []), *listed(tasks)]
    chosen = select(names) if names else {}
    leaves = [
        (family, language, part)
        for family, language, part in fetch.select([one.group for one in chosen], listed(languages) or None, split)
        if not chosen or language in chosen[family]
    ]
    pins = fetch.parse_revisions(revision)
    summary = fetch.fetch(leaves, output, fetch.parse_origin(from_), pins, timeout, printing.remark)
    absent = len(leaves) - summary.fetched - summary.kept
    there = f"; score them with --data {output} or XSTILTS_DATA={output}" if absent < len(leaves) else ""
    printing.say(
        f"{counted(summary.fetched, 'task')} fetched, {summary.kept} already there, {absent} not to be had "
        f"from {from_}{there}"
    )
    if not there:
        raise typer.Exit(2)
