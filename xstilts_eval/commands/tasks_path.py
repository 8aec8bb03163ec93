"""`xstilts tasks-path`: where the task files are; the work is in `paths` and `tasks.generate`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.errors import SettingError


def tasks_path(
    output: Path | None = typer.Option(
        None, "--output", "-o", help="Write the YAMLs of your own datasets (--include, installed packages) here."
    ),
) -> None:
    """Print the folder of task files for lm_eval.

    It is for `lm_eval --include_path`; with --output it is that of your own datasets.
    """
    from xstilts_eval import own_datasets
    from xstilts_eval.paths import tasks_path as path

    if output is None:
        printing.say(path())
        return
    from xstilts_eval.tasks import generate

    datasets = own_datasets.own()
    if not datasets:
        raise SettingError("--output writes datasets of your own, and there is none: give --include FILE.py")
    generate.write_own(output, datasets)
    printing.say(output)
