"""`xstilts report`: the command's options; the work is in `report.content`, `page` and `raster`."""

from __future__ import annotations

from pathlib import Path

import typer

from xstilts_eval import printing
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.errors import SettingError
from xstilts_eval.language_distances import MEASURES
from xstilts_eval.wording import BASELINE_HELP


def report(
    runs: list[str] = typer.Argument(
        help="PATH or NAME=PATH: a results file, an output folder of xstilts eval or lm_eval, or seed-N/INNER in it."
    ),
    output: Path = typer.Option(Path("report.html"), "--output", "-o", help="The page to write."),
    figures: Path | None = typer.Option(None, help="Write every figure as SVG, PNG and PDF into this folder."),
    markdown: Path | None = typer.Option(None, help="Write a summary in Markdown to this file."),
    baseline: str | None = typer.Option(None, help=f"{BASELINE_HELP} 'none': none."),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    inner: str = typer.Option("eval", help="Folders of the results inside each seed-N, separated by commas."),
    distance: str = typer.Option("syntactic", help=f"Distance to English: {', '.join(MEASURES)}."),
    title: str = typer.Option("Zero-shot cross-lingual transfer", help="Heading of the page."),
) -> None:
    """One page about runs: scores, gains over a baseline, transfer gaps, training, signatures. It needs no network."""
    from xstilts_eval.report import content, files
    from xstilts_eval.selection import leaves

    files.check(output, figures, markdown)
    parts = tuple(listed(inner))
    if not parts:
        raise SettingError("--inner is empty; name the folder of the results inside each seed-N, as in --inner eval")
    found = content.gather(runs, parts, baseline, distance, printing.remark, leaves(listed(tasks)))
    for warning in found.warnings:
        printing.remark(f"warning: {warning}")
    for line in files.write(found, title, output, figures, markdown):
        printing.say(line)
