"""`xstilts analyze morphology`: the command's options; the work is in `analysis.morphology`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from xstilts_eval import paper
from xstilts_eval.commands.analyze.options import INCHES, ONE_TASK, WIDTH
from xstilts_eval.commands.paper import for_papers
from xstilts_eval.errors import MissingData, SettingError


@for_papers
def morphology(
    table: Path | None = typer.Option(None, help="CSV with model, benchmark, language, score, outcome."),
    subword: str = typer.Option(..., help="Model (with --table) or run: of sub-words, or the only one."),
    byte: str | None = typer.Option(None, help="Model or run of bytes, compared with it language by language."),
    baseline: Path | None = typer.Option(None, help="With runs: the sub-word model's run without intermediate stage."),
    byte_baseline: Path | None = typer.Option(None, help="With runs: the same of the byte model."),
    inner: str = typer.Option("eval", help="Folder of the results inside each seed-N."),
    outcome: str | None = typer.Option(None, help="gain, gap or score; default gain with a baseline, else score."),
    task: str | None = typer.Option(None, "--tasks", "-t", help=ONE_TASK),
    by: str = typer.Option(
        "c_wals", help="c_wals; of FLORES' sentences or --texts: mattr, type_token, entropy; of treebanks: ud_features."
    ),
    size: str = typer.Option("mc4", help="Corpus the models were pre-trained on: cc100, mc4 or wikipedia."),
    texts: Path | None = typer.Option(
        None, help="Folder of parallel text to measure; default: what was measured on FLORES-200's devtest."
    ),
    treebanks: Path | None = typer.Option(None, help="Folder of Universal Dependencies with PUD, for ud_features."),
    tokenizer: list[str] = typer.Option(
        [], help="e5 or minilm, or NAME=FOLDER with --texts; fertility and premium; the first one is held fixed."
    ),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder for the JSON and the figure."),
    width: float = typer.Option(INCHES, help=WIDTH),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
    *,
    tables: paper.Wanted,
) -> None:
    """Do languages of rich morphology transfer worse?

    For one model, or for a byte model against a sub-word model.
    """
    tables.check()
    from xstilts_eval.analysis import figures

    pixels = figures.pixels(width)
    from xstilts_eval.analysis import observations
    from xstilts_eval.analysis.morphology import analyse, figure, measure, text
    from xstilts_eval.analysis.publish import publish

    if by == "ud_features" and treebanks is None:
        raise SettingError("--by ud_features needs --treebanks, a folder with PUD treebanks")
    if treebanks and not treebanks.is_dir():
        raise MissingData(f"{treebanks} does not exist; give a folder with PUD treebanks")

    def rows_of(name: str, base: Path | None) -> list[observations.Observation]:
        if table:
            rows = observations.from_table(observations.read_table(table))
        else:
            rows = observations.from_runs(Path(name), base, inner, task)
        wanted = outcome or ("gain" if base or any(row.outcome == "gain" for row in rows) else "score")
        if wanted not in observations.OUTCOMES:
            raise SettingError(f"unknown outcome {wanted!r}; known: {', '.join(observations.OUTCOMES)}")
        return observations.select(rows, wanted, task, name if table else None)

    arms = [rows_of(subword, baseline), *([rows_of(byte, byte_baseline)] if byte else [])]
    found: Sequence[Any] = analyse.differences(*arms) if byte else arms[0]
    languages = [row[0].language if isinstance(row, tuple) else row.language for row in found]
    measures = measure.measure([code for code in languages if code not in ("en", "avg")], texts, tokenizer)
    if treebanks:
        measures = {
            code: replace(m, ud_features=analyse.from_treebanks(treebanks, code)) for code, m in measures.items()
        }
    first = tokenizer[0].partition("=")[0] if tokenizer else None
    report = analyse.analyse(found, measures, by, size, first, analyse.baselines(*arms))
    compared = [(subword, baseline), *([(byte, byte_baseline)] if byte else [])]
    origin = [measure.SHIPPED] if texts is None and (tokenizer or by in analyse.OF_TEXTS) else []
    lacking = [] if table else [observations.left_out(Path(name), base, inner, task) for name, base in compared]
    report = replace(report, notes=(*(line for lines in lacking for line in lines), *report.notes, *origin))
    publish(report, text.show(report), lambda: figure.draw(report, pixels), output, "morphology", overwrite, tables)
