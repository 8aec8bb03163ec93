"""`xstilts fit-head`: the command's options; the work is in `training.heads`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import DATA_HELP
from xstilts_eval.errors import SettingError


def fit_head(
    base: str = typer.Argument(help="Base encoder: a folder with safetensors weights."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder of the bundle to write."),
    into: Path | None = typer.Option(None, help="Bundle of the same base that gets the head; its others stay."),
    task: str = typer.Option(
        "udpos",
        "--tasks",
        "-t",
        help="A dataset: xnli, pawsx, udpos, panx, sib200, tydiqa; xquad (SQuAD) serves all three of questions.",
    ),
    data: str | None = typer.Option(None, help=DATA_HELP),
    split: str = typer.Option("train", help="English split to train on: train or dev."),
    limit: int | None = typer.Option(None, min=1, help="Train on this many examples, drawn with the seed."),
    epochs: int | None = typer.Option(None, min=1, help="Default: 8 for tagging, 4 for pairs, 2 for questions."),
    learning_rate: float = typer.Option(1e-4, min=0.0, help="Highest rate; a tenth of the steps leads up to it."),
    batch_size: int = typer.Option(16, min=1, help="Examples in a step."),
    max_length: int | None = typer.Option(None, help="Sub-words; default: the benchmark's, 128 or 384."),
    dtype: str = typer.Option("float32", help="float32, or bfloat16 (autocast)."),
    first_piece: str = typer.Option("any", help="Piece of a word that has its tag: any (the first), or text."),
    seed: int = typer.Option(1, help="Draws the new head, the order of the examples and dropout."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace another bundle."),
) -> None:
    """Fit a head on English data and write a bundle.

    It holds the head, and the base for retrieval.
    """
    target = output or into
    if target is None or (output and into):
        raise SettingError("give either --output (a new bundle) or --into (an existing one that gets the head)")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval.training import lean

    lean.import_transformers()
    from xstilts_eval.training.heads import Settings, fit

    settings = Settings(
        base=base,
        family=task,
        data=data,
        split=split,
        limit=limit,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        max_length=max_length,
        dtype=dtype,
        first_piece=first_piece,
        seed=seed,
    )
    printing.say(fit(settings, target, overwrite, into=into is not None))
