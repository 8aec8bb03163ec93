"""Runs the encoders and intermediate heads of `relatedness`: similarity with the base, and transferability estimates.

What a run or a target cannot give is left out and told why; nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xstilts_eval.analysis import parallel
from xstilts_eval.analysis.relatedness import analyse, heads, representations
from xstilts_eval.analysis.relatedness.analyse import Similarity
from xstilts_eval.analysis.relatedness.heads import English, IntermediateHead
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import MissingData, NumericError, XstiltsError
from xstilts_eval.results import run as results
from xstilts_eval.tasks.documents import resolve_folder

FEW_UNITS = 500
"""Units below which LogME and H-score of a few hundred dimensions are mostly noise."""


@dataclass(frozen=True)
class Checkpoint:
    """A run's first checkpoint: the bundle or stage it was scored from, and its encoder (None: not on this machine)."""

    name: str
    folder: Path
    encoder: Path | None


@dataclass
class Measured:
    """Similarities, estimates by name, intermediate task and target, and what was left out with the reason."""

    similarity: list[Similarity] = field(default_factory=list)
    estimates: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, run: str, target: str, values: dict[str, float]) -> None:
        """Take estimates of one cell; where several heads give one, the highest stays."""
        for name, value in values.items():
            row = self.estimates.setdefault(name, {}).setdefault(run, {})
            row[target] = max(value, row.get(target, value))

    def say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def checkpoints(runs: Sequence[Path], inner: str, given: dict[str, Path]) -> list[Checkpoint]:
    """The checkpoint of every run's first seed, or the folder given for it (a bundle, a stage or an encoder)."""
    found = []
    for run in runs:
        first = next(iter(results.read(run, inner).results.values()))[0]
        folder = given.get(run.name, first.checkpoint_folder)
        found.append(Checkpoint(run.name, folder, representations.encoder_of(str(folder))))
    return found


def similarity(found: Sequence[Checkpoint], texts: Path, languages: Sequence[str], limit: int) -> list[Similarity]:
    """CKA of every run's encoder with the first one's; raises `MissingData` for an encoder that is not here."""
    lines_of = parallel.texts_of(texts, languages, limit)
    similar: list[Similarity] = []
    base: dict[str, representations.Layers] = {}
    for place, one in enumerate(found):
        if one.encoder is None:
            raise MissingData(
                f"the checkpoint {one.folder} of {one.name} is not here; name it by --encoder {one.name}=FOLDER"
            )
        model = representations.load(one.encoder)
        layers = {code: representations.sentence_layers(model, lines) for code, lines in lines_of.items()}
        if place == 0:
            base = layers
        else:
            similar += analyse.similarity(one.name, base, layers)
    return similar


def estimates(found: Sequence[Checkpoint], targets: Sequence[str], data: str | None, limit: int) -> Measured:
    """LogME, H-scores, LEEP, NCE, label agreement and head type for targets (groups), on their English documents."""
    measured = Measured()
    folder, kind = resolve_folder(data)
    documents = _documents(targets, folder, limit, measured)
    if kind == "sample" and documents:
        measured.say("English documents are those of the bundled sample: too few for estimates, give --data")
    for one in found:
        if one.encoder is None:
            measured.say(f"{one.name}: no estimates, its checkpoint {one.folder} is not here (--encoder)")
            continue
        _heads(one, targets, documents, measured)
        _features(one, one.encoder, documents, measured)
    return measured


def _documents(targets: Sequence[str], folder: Path, limit: int, measured: Measured) -> dict[str, English]:
    found = {}
    for target in targets:
        try:
            found[target] = heads.english(FAMILIES[target], folder, limit)
        except MissingData as error:
            measured.say(f"no LEEP, LogME … for {error}")
            continue
        units = len(found[target].labels)
        few = f"; {FEW_UNITS} are wanted" if units < FEW_UNITS else ""
        what = heads.PROBES.of(FAMILIES[target].kind).units
        measured.say(f"{target}: {units} {what} of the English {found[target].split} documents{few}")
    return found


def _heads(one: Checkpoint, targets: Sequence[str], documents: dict[str, English], measured: Measured) -> None:
    try:
        own: list[IntermediateHead] = heads.of(one.folder)
    except XstiltsError as error:
        measured.say(f"{one.name}: no LEEP, NCE or head type: {error}")
        return
    for target in targets:
        measured.add(one.name, target, {heads.SAME_HEAD: heads.same_type(own, FAMILIES[target])})
    for head in own:
        for target, english in documents.items():
            try:
                measured.add(one.name, target, heads.from_head(head, english))
            except (MissingData, NumericError) as error:
                measured.say(f"{one.name}, {target}: no LEEP: {error}")


def _features(one: Checkpoint, encoder: Path, documents: dict[str, English], measured: Measured) -> None:
    if not documents:
        return
    model = representations.load(encoder)
    for target, english in documents.items():
        try:
            measured.add(one.name, target, analyse.estimates_of(*heads.features(model, english)))
        except NumericError as error:
            measured.say(f"{one.name}, {target}: no LogME: {error}")
