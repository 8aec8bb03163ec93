"""`xstilts translate`: the command's options; the work is in `translation.run`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import listed
from xstilts_eval.errors import SettingError


def translate(
    task: str = typer.Argument(help="Training task of pairs, options or answer spans (mnli, hellaswag, squad …)."),
    to: str = typer.Option(..., "--to", help="Languages, separated by commas."),
    model: str = typer.Option(..., "--model", help="NLLB, M2M-100 or OPUS-MT: a folder or owner/name@revision."),
    split: str = typer.Option("train", help="English split: train or dev."),
    data: str | None = typer.Option(None, help="Data folder with the task's English files; default: XSTILTS_DATA."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Data folder to write into; default: --data."),
    limit: int | None = typer.Option(None, min=1, help="Only the first N examples."),
    batch_tokens: int | None = typer.Option(None, min=1, help="Padded source tokens times beams in one batch."),
    beams: int = typer.Option(4, min=1, help="Beams; 1 is greedy search."),
    dtype: str = typer.Option("float32", help="float32, bfloat16 or float16."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace translations made with other settings."),
) -> None:
    """Translate a training task's data into other languages.

    English examples are translated, answer spans included.

    The same call goes on where a killed one was. Answers are marked in their sentence before it is translated; examples
    whose marks come back broken are dropped, counted by reason and listed in the manifest beside the file. Of several
    answers to one question the first is carried over.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from xstilts_eval.tasks.documents import resolve_folder
    from xstilts_eval.translation.run import plan, run
    from xstilts_eval.translation.translator import Options, open_model

    options = Options(beams=beams, dtype=dtype, batch_tokens=batch_tokens)
    options.check()
    job = plan(task, listed(to), split, limit, overwrite)
    folder, origin = resolve_folder(data)
    if output is None and origin == "sample":
        raise SettingError("the bundled sample is not written into; give --output, or --data with a folder of your own")
    translator = open_model(model, options)
    run(job, folder, output or folder, translator, printing.say, show_progress=True)
