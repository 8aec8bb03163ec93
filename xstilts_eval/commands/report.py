"""`xstilts report`: the command's options; the work is in `report.content`, `page` and `raster`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import typer

from xstilts_eval import paper, printing
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.commands.paper import COLUMNS_HELP, for_papers
from xstilts_eval.errors import SettingError
from xstilts_eval.language_distances import MEASURES
from xstilts_eval.wording import BASELINE_HELP


@for_papers
def report(
    runs: list[str] = typer.Argument(
        help="PATH or NAME=PATH: results of xstilts eval or lm_eval, or seed-N/INNER in a folder; or zoo:MODEL[@STAGE]."
    ),
    output: Path = typer.Option(Path("report.html"), "--output", "-o", help="The page to write."),
    figures: Path | None = typer.Option(None, help="Write every figure as SVG, PNG and PDF into this folder."),
    width: float | None = typer.Option(
        None,
        metavar="INCHES",
        help="Of figures for print, a panel a file; in ACL's style 3.03 (a column) or 6.3 (both).",
    ),
    markdown: Path | None = typer.Option(None, help="Write a summary in Markdown to this file."),
    baseline: str | None = typer.Option(None, help=f"{BASELINE_HELP} 'none': no gains."),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    source: list[str] = typer.Option([], help="Source of the zoo that counts where publications disagree."),
    inner: str = typer.Option("eval", help="Folders of the results inside each seed-N, separated by commas."),
    distance: str = typer.Option("syntactic", help=f"Distance to English: {', '.join(MEASURES)}."),
    examples: int = typer.Option(
        0,
        min=0,
        help="Documents of every task that a run gained or lost, from the samples; they hold the datasets' text.",
    ),
    title: str = typer.Option("Zero-shot cross-lingual transfer", help="Heading of the page."),
    columns: str = typer.Option("both", help=COLUMNS_HELP),
    *,
    tables: paper.Wanted,
) -> None:
    """Write one page about runs.

    It shows scores, gains over a baseline, transfer gaps, training and signatures, and needs no network.
    """
    from xstilts_eval.report import content, files, printed
    from xstilts_eval.selection import leaves

    files.check(output, figures, markdown, width)
    tables.check()
    axis = paper.axis(columns)
    parts = tuple(listed(inner))
    if not parts:
        raise SettingError("--inner is empty; name the folder of the results inside each seed-N, as in --inner eval")
    found = content.gather(runs, parts, baseline, distance, printing.remark, leaves(listed(tasks)), source, examples)
    found = replace(
        found, made=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC: {shlex.join(['xstilts', *sys.argv[1:]])}"
    )
    for warning in found.warnings:
        printing.remark(f"warning: {warning}")
    tables.write(lambda: printed.tables(found, axis), lambda: printed.rows(found))
    for line in files.write(found, title, output, figures, markdown, width):
        (printing.remark if tables.prints else printing.say)(line)
