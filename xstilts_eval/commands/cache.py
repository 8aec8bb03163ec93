"""`xstilts cache`: the answers that are kept; the work is in `store.upkeep`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xstilts_eval import printing
from xstilts_eval.errors import SettingError
from xstilts_eval.wording import counted

if TYPE_CHECKING:
    from xstilts_eval.store.upkeep import Entry

app = typer.Typer(no_args_is_help=True, help="Answers that are kept, so that no model is asked twice.")
STORE_HELP = "The store's folder; default: XSTILTS_STORE, else in the cache."
_MEGABYTE = 1_000_000


@app.command("show")
def cache_show(
    store: str = typer.Option("", help=STORE_HELP),
    json_: bool = typer.Option(False, "--json", help="Print JSON, a record for every file."),
) -> None:
    """Show what is kept.

    Checkpoint by checkpoint: tasks, answers, size, and when they were last used.
    """
    from xstilts_eval.store import upkeep
    from xstilts_eval.tables import terminal_table

    folder = _folder(store)
    found = list(upkeep.entries(folder))
    if json_:
        printing.write_json([_record(entry) for entry in found], "-")
        return
    groups: dict[str, list[Entry]] = {}
    for entry in found:
        groups.setdefault(entry.head.checkpoint if entry.head else "(damaged)", []).append(entry)
    rows = [_row(name, entries) for name, entries in sorted(groups.items())]
    if rows:
        printing.show(terminal_table(("checkpoint", "tasks", "answers", "MB", "unused for"), rows))
    printing.say(f"{folder}: {counted(len(found), 'file')}, {_megabytes(sum(entry.size for entry in found))} MB")


@app.command("verify")
def cache_verify(store: str = typer.Option("", help=STORE_HELP)) -> None:
    """Compare every file with its checksum.

    Exit code 1: one is damaged. Such files are never used.
    """
    from xstilts_eval.store import upkeep

    folder = _folder(store)
    found = list(upkeep.entries(folder, whole=True))
    damaged = [entry for entry in found if entry.fault]
    for entry in damaged:
        printing.say(entry.fault)
    printing.say(f"{folder}: {counted(len(found), 'file')}, {len(damaged)} damaged")
    if damaged:
        raise typer.Exit(1)


@app.command("prune")
def cache_prune(
    store: str = typer.Option("", help=STORE_HELP),
    unused: float | None = typer.Option(None, "--unused", help="Files that were not used for this many days."),
    checkpoint: str = typer.Option("", help="Files of the checkpoint of this name."),
    damaged: bool = typer.Option(False, "--damaged", help="Files that cannot be used."),
    all_: bool = typer.Option(False, "--all", help="All files."),
) -> None:
    """Remove files that an option names."""
    from xstilts_eval.store import upkeep

    folder = _folder(store)
    if unused is None and not (checkpoint or damaged or all_):
        raise SettingError("say what is to go: --unused DAYS, --checkpoint NAME, --damaged or --all")
    unwanted = [
        entry
        for entry in upkeep.entries(folder, whole=damaged)
        if all_
        or (unused is not None and entry.unused >= unused)
        or (checkpoint and entry.head and entry.head.checkpoint == checkpoint)
        or (damaged and entry.fault)
    ]
    freed = upkeep.remove(folder, unwanted) if unwanted else 0
    printing.say(f"{folder}: removed {counted(len(unwanted), 'file')}, {_megabytes(freed)} MB")


def _folder(store: str) -> Path:
    from xstilts_eval.store import answers

    found = answers.folder(store or None)
    if found is None:
        raise SettingError(f"the store is off ({answers.PLACE}={answers.OFF}); give --store FOLDER")
    return found


def _row(name: str, entries: Sequence[Entry]) -> tuple[str, ...]:
    answers = sum(entry.head.documents for entry in entries if entry.head)
    tasks = len({entry.head.leaf for entry in entries if entry.head})
    size, unused = _megabytes(sum(entry.size for entry in entries)), min(entry.unused for entry in entries)
    return name, f"{tasks:,}", f"{answers:,}", size, counted(int(unused), "day")


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:,.1f}"


def _record(entry: Entry) -> dict[str, object]:
    head = entry.head
    about = {"leaf": head.leaf, "checkpoint": head.checkpoint, "documents": head.documents} if head else {}
    more = {"about": head.about} if head else {"fault": entry.fault}
    return {"file": str(entry.path), "bytes": entry.size, "days_unused": round(entry.unused, 2), **about, **more}
