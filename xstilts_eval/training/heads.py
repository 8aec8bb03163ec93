"""`xstilts fit-head`: the smallest real path from a base encoder to a bundle, for pairs, tags and answer spans.

One stage without a recipe: the trainer's own rows, loop and scores. Only English data is read, for training and for the
development score.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts_eval import bundle, kinds
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.data import fetch, sources
from xstilts_eval.data.examples import document
from xstilts_eval.errors import FetchError, MissingData, SettingError
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.models.encoder import Loaded
from xstilts_eval.models.source import Source
from xstilts_eval.tasks.documents import resolve_folder
from xstilts_eval.training import stage, store
from xstilts_eval.training.loop import Outcome
from xstilts_eval.training.material import Material
from xstilts_eval.training.recipe import Mixture, TaskEntry
from xstilts_eval.training.rows import Document
from xstilts_eval.training.settings import Resolved, StageSettings, validated
from xstilts_eval.training_tasks import training_task

DEVELOPMENT = 500
"""At most this many English development examples are scored after training."""
MIN_LENGTH = 16
"""As for inference, see `models.arguments`."""
SPLITS, DTYPES, FIRST_PIECES = ("train", "dev"), ("float32", "bfloat16"), ("any", "text")
EPOCHS = {kinds.PAIR: 4, kinds.TEXT: 10, kinds.TAGGED: 8, kinds.QUESTION: 2}
UNITS = {kinds.PAIR: "pairs", kinds.TEXT: "texts", kinds.TAGGED: "sentences", kinds.QUESTION: "questions"}
SHOWN = {
    kinds.PAIR: {"accuracy": "accuracy"},
    kinds.TEXT: {"accuracy": "accuracy"},
    kinds.TAGGED: {"f1": "chunk F1"},
    kinds.QUESTION: {"f1": "F1", "exact_match": "exact match"},
}
"""Development scores in the report, by their names in `development`."""


@dataclass(frozen=True)
class Settings:
    """What one head is fitted with; None means the default of the family's kind, or all examples."""

    base: str
    family: str = "udpos"
    data: str | None = None
    split: str = "train"
    limit: int | None = None
    epochs: int | None = None
    learning_rate: float = 1e-4
    batch_size: int = 16
    max_length: int | None = None
    dtype: str = "float32"
    first_piece: str = "any"
    seed: int = 1


def served(family: Family) -> tuple[str, ...]:
    """Families that a head fitted on `family` serves: XQuAD, MLQA and TyDiQA share one trained on SQuAD.

    TyDiQA's own training data gives a head for TyDiQA alone.
    """
    return ("xquad", "mlqa", "tydiqa") if family.name in ("xquad", "mlqa") else (family.name,)


def fit(settings: Settings, output: Path, overwrite: bool = False, into: bool = False) -> str:
    """Train a head on top of the base (all weights move), write it as a bundle, return a one-line report.

    `output` is a new bundle or, with `into`, an existing one of the same base whose other heads are kept.

    Raises `SettingError` for options that do not fit or an occupied `output`, `MissingData` without English data,
    `UnfitCheckpoint` for a base that cannot be read, `NumericError` when the loss is no longer finite.
    """
    family = find_family(settings.family)
    if family.kind not in EPOCHS:
        raise SettingError(
            f"{family.name} needs no head; fit-head fits "
            + ", ".join(dict.fromkeys(one.name for one in FAMILIES.values() if one.kind in EPOCHS and one.learned))
        )
    unit = UNITS[family.kind]
    source = Source(settings.base)
    _check_settings(settings)
    stage_settings = _stage_settings(settings, family)
    store.check_output(output, overwrite, into)
    if source.folder is None:
        raise MissingData(f"{settings.base} is not a folder; fit-head works on a local base encoder")
    old = store.existing(output, source) if into else None
    loaded, origin = _english(family, settings.split, settings.data)
    training = _documents(loaded.examples, family, settings.limit, settings.seed)
    development, why_none = _development(family, settings)

    head, outcome = train(source, family, training, development, stage_settings, settings.seed)
    what = (
        f"fit-head {family.name} en {settings.split}: {len(training):,} of {len(loaded.examples):,} {origin} "
        f"{unit}, {stage_settings.epochs:g} epochs, lr {settings.learning_rate:g}, "
        f"batch {settings.batch_size}, length {head.max_length}, {settings.dtype}, seed {settings.seed}"
        + (f", first piece {settings.first_piece}" if settings.first_piece != "any" else "")
    )
    made = bundle.Bundle(
        encoder="encoder",
        heads={name: bundle.Head(path=family.name, first_piece=stage_settings.first_piece) for name in served(family)},
        retrieval=resolve(settings.base).retrieval,
        parent=source.identity,
        recipe=what,
        seed=settings.seed,
        data_revisions={f"{family.name}.en.{settings.split}": f"{origin}@{loaded.revision}"},
        versions=stage.versions(),
    )
    if old is None:
        store.write(output, made, head, source)
    else:
        store.add(output, old, made, head, source)
    score = why_none or _scores(family, outcome.scores[-1]) + f" on {len(development)} English development {unit}"
    loss = f"{outcome.seconds:.0f} s, loss {outcome.losses[0][1]:.2f} → {outcome.losses[-1][1]:.2f}"
    return f"{family.title} head for {', '.join(served(family))}: {what}; {loss}, {score} → {output}"


def _check_settings(settings: Settings) -> None:
    for name, value, allowed in (
        ("split", settings.split, SPLITS),
        ("dtype", settings.dtype, DTYPES),
        ("first-piece", settings.first_piece, FIRST_PIECES),
    ):
        if value not in allowed:
            raise SettingError(f"--{name} {value!r}; a head can be trained with {' or '.join(allowed)}")
    if settings.first_piece != "any" and find_family(settings.family).kind is not kinds.TAGGED:
        raise SettingError(f"--first-piece is for taggers (udpos, panx), not for {settings.family}; leave it out")
    if settings.max_length is not None and settings.max_length < MIN_LENGTH:
        raise SettingError(f"--max-length {settings.max_length} is too short; give at least {MIN_LENGTH}")


def _stage_settings(settings: Settings, family: Family) -> StageSettings:
    """A stage's settings: its defaults for warm-up, decay and clipping, and one evaluation, at the end."""
    values = {
        "learning_rate": settings.learning_rate,
        "epochs": settings.epochs or EPOCHS[family.kind],
        "batch_size": settings.batch_size,
        "max_length": settings.max_length,
        "precision": settings.dtype,
        "first_piece": settings.first_piece,
        "selection": "last",
        "evaluate_every": 0,
    }
    return validated(values, "fit-head")


def _english(family: Family, split: str, data: str | None) -> tuple[sources.Loaded, str]:
    """The English examples and where they come from: ``sample``, ``local`` or ``hub``."""
    folder, origin = resolve_folder(data)
    if origin == "sample":
        return sources.load(family, family.spelled("en"), split, folder), origin
    if origin == "hub":
        fetch.ensure(family, family.spelled("en"), split, folder)
    loaded = sources.load(family, family.spelled("en"), split, folder)
    return loaded, fetch.provenance(folder, loaded.files)[0] or "local"


def _documents(examples: Sequence[Any], family: Family, limit: int | None, seed: int) -> list[Document]:
    """All examples, or `limit` of them drawn with the seed, in file order."""
    if limit is not None and limit < len(examples):
        examples = [examples[index] for index in sorted(random.Random(seed).sample(range(len(examples)), limit))]
    return [document(example, family.name, "en") for example in examples]


def _development(family: Family, settings: Settings) -> tuple[list[Document], str]:
    """English development documents, or none and why there is no score."""
    if settings.split != "train":
        return [], f"no score: the {settings.split} split was trained on"
    try:
        loaded, _ = _english(family, "dev", settings.data)
    except (MissingData, FetchError):
        return [], "no score: no English development data"
    return _documents(loaded.examples, family, DEVELOPMENT, settings.seed), ""


def train(
    source: Source,
    family: Family,
    training: Sequence[Document],
    development: Sequence[Document],
    settings: StageSettings,
    seed: int,
) -> tuple[Loaded, Outcome]:
    """A model with a trained head, ready to run on the CPU, and how its training went."""
    import transformers

    from xstilts_eval.training.fit import Heads
    from xstilts_eval.training.fit import train as walk

    material = Material(
        task=training_task(family.name),
        head=family.name,
        labels=family.labels,
        entry=TaskEntry(name=family.name),
        settings=settings,
        training=tuple(training),
        development=tuple(development),
        revision="",
    )
    plan = stage.Plan(
        name=family.name,
        parent=stage.Parent(source, source.identity),
        materials=(material,),
        resolved=Resolved(settings, {}),
        mixture=Mixture(),
        mlm=None,
        seed=seed,
        reuse_heads="never",
        recipe="fit-head",
    )
    transformers.set_seed(seed)
    with tempfile.TemporaryDirectory() as scratch:
        learner = Heads(plan, source, Path(scratch))
        outcome, _ = walk(learner, Path(scratch), keep_checkpoints=False)
    learner.model.cpu().eval()
    return learner.loaded(material), outcome


def _scores(family: Family, found: Mapping[str, float]) -> str:
    return ", ".join(f"{shown} {100 * found[name]:.1f}" for name, shown in SHOWN[family.kind].items())
