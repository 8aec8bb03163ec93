"""`xstilts bundle`: shows and makes checkpoint folders; the work is in `bundle` and `models.bundle_report`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.errors import SettingError

app = typer.Typer(no_args_is_help=True, help="Checkpoint folders that serve datasets.")


@app.command("show")
def bundle_show(
    folder: Path = typer.Argument(help="Folder of the bundle."),
    json_: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show and check a bundle.

    Its parts with class, labels, size and hash; no file may be missing or changed.
    """
    from xstilts_eval.models.bundle_report import report, table

    parts = report(folder)
    if json_:
        printing.write_json(parts, "-")
    else:
        printing.show(table(parts))
    if any(part.get("problem") for part in parts["parts"]):
        raise typer.Exit(1)


@app.command("make")
def bundle_make(
    output: Path = typer.Argument(help="Folder of the bundle to write."),
    encoder: str | None = typer.Option(None, help="What serves retrieval: a folder (copied) or owner/name@revision."),
    head: list[str] = typer.Option([], help="DATASET=folder or DATASET=owner/name@revision; once per dataset."),
    label_order: list[str] = typer.Option([], help="DATASET=a|b|c, for a head whose own names say nothing."),
    first_piece: list[str] = typer.Option([], help="DATASET=text, for a tagger trained on a word's first text."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace another bundle."),
) -> None:
    """Put checkpoints together into one bundle.

    Folders are copied, hub checkpoints referred to.
    """
    from xstilts_eval import bundle
    from xstilts_eval.models.bundle_report import refuse_label_order

    heads, orders = _pairs(head, "--head"), _pairs(label_order, "--label-order")
    if not (encoder or heads):
        raise SettingError("give --encoder, --head DATASET=CHECKPOINT, or both")
    pieces = _pairs(first_piece, "--first-piece")
    made = bundle.make(output, encoder, heads, orders, overwrite, refuse_label_order, pieces)
    printing.say(f"{output}: encoder {made.encoder or 'none'}; heads for {', '.join(made.heads) or 'no dataset'}")


def _pairs(given: list[str], option: str) -> dict[str, str]:
    """``DATASET=VALUE`` options as a dictionary; raises `SettingError`, also for a dataset given twice."""
    found: dict[str, str] = {}
    for text in given:
        family, sign, value = text.partition("=")
        if not (sign and family and value):
            raise SettingError(f"cannot read {option} {text!r}; write {option} DATASET=…")
        if family in found:
            raise SettingError(f"{option} is given twice for {family} ({found[family]} and {value}); keep one")
        found[family] = value
    return found
