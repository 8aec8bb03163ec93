"""`xstilts weights`: the folder of real weights that the package index carries."""

from __future__ import annotations

import typer

from xstilts_eval import printing
from xstilts_eval.weights import folder
from xstilts_eval.weights.table import WEIGHTS


def weights(
    name: str | None = typer.Argument(None, help=f"One of {', '.join(WEIGHTS)}; without: what there is."),
) -> None:
    """Print the folder of real weights from the package index.

    They are downloaded and made first where needed.

    xstilts eval "$(xstilts weights e5)"
    """
    if name is None:
        printing.show("\n".join(f"{key}: {entry.title}, {entry.about}" for key, entry in WEIGHTS.items()))
        return
    printing.say(folder(name, printing.remark))
