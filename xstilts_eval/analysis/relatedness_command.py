"""`xstilts analyze relatedness`: from runs and their encoders to the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xstilts_eval.errors import MissingData, SettingError

if TYPE_CHECKING:
    from xstilts_eval.analysis.relatedness_report import Similarity


def relatedness(
    baseline: Path = typer.Argument(help="Run without an intermediate stage: its results, or seed-N/INNER."),
    runs: list[Path] = typer.Argument(help="Runs with different intermediate tasks, scored in the same way."),
    inner: list[str] = typer.Option(["eval"], help="Folder of the results in each seed-N; may be repeated."),
    texts: Path | None = typer.Option(None, help="Folder of parallel text (FLORES): CKA before and after, by layer."),
    languages: str = typer.Option("en,de,es,fi,fr,hi,ru,tr,zh", help="With --texts: languages, English first."),
    tagged: Path | None = typer.Option(None, help="English CoNLL-U: LogME and H-score for UD-POS."),
    estimates: Path | None = typer.Option(
        None,
        help="CSV with intermediate (a run's name), target (xtreme_udpos), estimate and value: LEEP, sizes, heads …",
    ),
    limit: int = typer.Option(500, min=4, help="Sentences embedded per language; CKA wants 500."),
    encoder: list[str] = typer.Option([], help="RUN=FOLDER, where a run's checkpoint is not where it was trained."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Folder for the JSON and the figure."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older report in the output folder."),
) -> None:
    """Which intermediate task helps or degrades which target, and do similarity and transferability tell?"""
    from xstilts_eval.analysis import observations, relatedness_figure, relatedness_report, relatedness_text
    from xstilts_eval.analysis.publish import publish

    gains = [row for run in runs for name in inner for row in observations.from_runs(run, baseline, name)]
    cells = relatedness_report.cells(gains)
    similar: list[Similarity] = []
    known = relatedness_report.read_estimates(estimates) if estimates else {}
    notes: list[str] = []
    if texts or tagged:
        folders = _folders([baseline, *runs], inner[0], encoder)
        codes = [code.strip() for code in languages.split(",") if code.strip()]
        similar, measured = _measured(folders, texts, codes, tagged, limit)
        known |= measured
        notes.append(f"encoders of one seed each: {', '.join(f'{name} {path}' for name, path in folders.items())}")
        if texts and limit < 500:
            notes.append(f"{limit} sentences a language; the debiased CKA wants 500")
    if similar:
        known["CKA with the base"] = relatedness_report.drift(cells, similar)
    report = relatedness_report.report(cells, similar, known, notes)
    shown = relatedness_text.show(report)
    publish(report, shown, lambda: relatedness_figure.draw(report), output, "relatedness", overwrite)


def _folders(runs: Sequence[Path], inner: str, given: Sequence[str]) -> dict[str, Path]:
    """The encoder of every run's first seed, the baseline's first; raises `MissingData` for one that is not there."""
    from xstilts_eval.analysis.representations import encoder_of
    from xstilts_eval.results import gains, record

    named: dict[str, Path] = {}
    for text in given:
        name, sign, folder = text.partition("=")
        if not sign:
            raise SettingError(f"cannot read --encoder {text!r}; write RUN=FOLDER")
        named[name] = Path(folder)
    found = {}
    for run in runs:
        checkpoint = record.read(gains.seed_folders(run, inner)[0]).checkpoint
        encoder = named.get(run.name) or encoder_of(checkpoint)
        if encoder is None:
            raise MissingData(f"{run}: its checkpoint {checkpoint} is not here; name it by --encoder {run.name}=FOLDER")
        found[run.name] = encoder
    return found


def _measured(
    folders: dict[str, Path], texts: Path | None, languages: Sequence[str], tagged: Path | None, limit: int
) -> tuple[list[Similarity], dict[str, dict[str, dict[str, float]]]]:
    """CKA of every run's encoder with the baseline's, and estimates for UD-POS; one encoder in memory at a time."""
    from xstilts_eval.analysis import relatedness_report, representations
    from xstilts_eval.data import conllu

    parallel = representations.parallel_texts(texts, languages, limit) if texts else {}
    sentences = conllu.read(tagged, "en")[:limit] if tagged else []
    similar: list[Similarity] = []
    estimates: dict[str, dict[str, dict[str, float]]] = {}
    base: dict[str, representations.Layers] = {}
    for place, (name, folder) in enumerate(folders.items()):
        model = representations.load(folder)
        layers = {code: representations.sentence_layers(model, lines) for code, lines in parallel.items()}
        if place == 0:
            base = layers
            continue
        similar += relatedness_report.similarity(name, base, layers)
        if sentences:
            features, tags = representations.word_features(model, sentences)
            for estimate, value in relatedness_report.estimates_of(features, tags).items():
                estimates.setdefault(estimate, {})[name] = {"xtreme_udpos": value}
    return similar, estimates
