"""`xstilts push`: the command's options; the work is in `hub_push` and `results.cards`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.wording import counted


def push(
    folder: Path = typer.Argument(help="A bundle, or the output folder of xstilts eval."),
    name: str = typer.Argument(help="Repository on the hub: owner/name. A bundle is a model, results are a dataset."),
    results: Path | None = typer.Option(None, help="Of a bundle: its results, for the model card."),
    samples: bool = typer.Option(
        False, "--samples", help="Of results: the samples too, which hold the datasets' text."
    ),
    private: bool = typer.Option(False, "--private", help="A new repository is private."),
) -> None:
    """Put a bundle or results on the hub, in one commit.

    The token is HF_TOKEN, or that of `hf auth login`; it is written nowhere.
    """
    from xstilts_eval import hub_push
    from xstilts_eval.errors import SettingError

    found = hub_push.look(folder, samples)
    card = ""
    if results is not None:
        if found.kind != "model":
            raise SettingError(f"--results belongs to a bundle, and {folder} holds results itself")
        from xstilts_eval.results import cards, publishing

        there = found.files.get(hub_push.CARD)
        card = cards.with_scores(there.read_text(encoding="utf-8") if there else "", publishing.read(results), name)
    address = hub_push.push(found, name, private, card)
    printing.say(f"{counted(len(found.files.keys() | ({hub_push.CARD} if card else set())), 'file')}: {address}")
