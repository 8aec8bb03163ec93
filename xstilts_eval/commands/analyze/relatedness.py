"""`xstilts analyze relatedness`: the command's options; the work is in `analysis.relatedness`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xstilts_eval import paper
from xstilts_eval.commands.analyze.options import INCHES, WIDTH
from xstilts_eval.commands.options import ONLY_TASKS, listed
from xstilts_eval.commands.paper import for_papers
from xstilts_eval.errors import MissingData, SettingError
from xstilts_eval.wording import BASELINE_HELP

if TYPE_CHECKING:
    from xstilts_eval.analysis.relatedness.analyse import Similarity


@for_papers
def relatedness(
    given: list[Path] = typer.Argument(
        metavar="RUNS", help="Runs with different intermediate tasks and one without, scored in the same way."
    ),
    reference: str | None = typer.Option(None, "--baseline", help=BASELINE_HELP),
    tasks: str = typer.Option("", "--tasks", "-t", help=ONLY_TASKS),
    inner: list[str] = typer.Option(["eval"], help="Folder of the results in each seed-N; may be repeated."),
    texts: Path | None = typer.Option(None, help="Folder of parallel text (FLORES): CKA before and after, by layer."),
    languages: str = typer.Option("en,de,es,fi,fr,hi,ru,tr,zh", help="With --texts: languages, English first."),
    data: str | None = typer.Option(
        None, help="Data folder with the targets' English documents; default: XSTILTS_DATA, else the bundled sample."
    ),
    models: bool = typer.Option(
        True, "--models/--no-models", help="Ask encoders and intermediate heads about those documents: LEEP, LogME …"
    ),
    estimates: Path | None = typer.Option(
        None, help="CSV with intermediate (a run's name), target (xtreme_udpos), estimate and value: others' estimates."
    ),
    limit: int = typer.Option(500, min=4, help="Documents per target, and sentences per language; CKA wants 500."),
    encoder: list[str] = typer.Option(
        [], help="RUN=FOLDER: the run's bundle, stage or encoder, where it is not where it was trained."
    ),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder for the JSON and the figure."),
    width: float = typer.Option(INCHES, help=WIDTH),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
    *,
    tables: paper.Wanted,
) -> None:
    """Which intermediate task helps which target?

    And do similarity of representations and transferability tell?
    """
    tables.check()
    from xstilts_eval.analysis import figures

    pixels = figures.pixels(width)
    from xstilts_eval import selection
    from xstilts_eval.analysis import observations
    from xstilts_eval.analysis.publish import publish
    from xstilts_eval.analysis.relatedness import analyse, figure, measure, text
    from xstilts_eval.results.sides import over_baseline

    first, others = over_baseline([*map(str, given)], reference)
    baseline, runs = Path(first), [*map(Path, others)]
    wanted = selection.leaves(listed(tasks))
    read = [observations.over_inners(run, baseline, inner, only=wanted) for run in runs]
    gains = [row for rows, _ in read for row in rows]
    cells = analyse.cells(gains)
    known = analyse.read_estimates(estimates) if estimates else {}
    similar: list[Similarity] = []
    notes = [line for _, lines in read for line in lines]
    if texts or models:
        found = measure.checkpoints([baseline, *runs], inner[0], _folders(encoder))
        notes.append(f"models of one seed each: {', '.join(f'{one.name} {one.folder}' for one in found)}")
    if texts:
        codes = listed(languages)
        similar = measure.similarity(found, texts, codes, limit)
        known["CKA with the base"] = analyse.drift(cells, similar)
        notes += [f"{limit} sentences a language; the debiased CKA wants 500"] if limit < 500 else []
    if models:
        targets = list(dict.fromkeys(cell.target for cell in cells))
        measured = measure.estimates(found[1:], targets, data, limit)
        known = measured.estimates | known
        notes += measured.notes
    report = analyse.analyse(cells, similar, known, notes, gains)
    shown = text.show(report)
    publish(report, shown, lambda: figure.draw(report, pixels), output, "relatedness", overwrite, tables)


def _folders(given: Sequence[str]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for text in given:
        name, sign, folder = text.partition("=")
        if not sign:
            raise SettingError(f"cannot read --encoder {text!r}; write RUN=FOLDER")
        if not Path(folder).is_dir():
            raise MissingData(f"--encoder {text}: {folder} does not exist")
        named[name] = Path(folder)
    return named
