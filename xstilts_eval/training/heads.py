"""`xstilts fit-head`: the smallest real path from a base encoder to a bundle: a recipe with one target.

A stage that is planned and trained as those of recipes are; only English data is read, for training and for the
development score. What is different is the bundle: a head, which may be put beside others, and the base for retrieval.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts_eval import bundle
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.errors import MissingData, SettingError
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.models.encoder import Loaded
from xstilts_eval.models.heads import HEADS
from xstilts_eval.models.source import Source
from xstilts_eval.training import development, stage, store
from xstilts_eval.training.material import Material
from xstilts_eval.training.recipe import TaskEntry

if TYPE_CHECKING:
    from xstilts_eval.training.loop import Outcome

NAME = "fit-head"
MIN_LENGTH = 16
"""As for inference, see `models.arguments`."""
SPLITS, DTYPES, FIRST_PIECES = ("train", "dev"), ("float32", "bfloat16"), ("any", "text")


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


def fit(settings: Settings, output: Path, overwrite: bool = False, into: bool = False) -> str:
    """Train a head on top of the base (all weights move), write it as a bundle, return a one-line report.

    `output` is a new bundle or, with `into`, an existing one of the same base whose other heads are kept.

    Raises `SettingError` for options that do not fit or an occupied `output`, `MissingData` without English data,
    `UnfitCheckpoint` for a base that cannot be read, `NumericError` when the loss is no longer finite.
    """
    family = _checked(settings)
    source = Source(settings.base)
    store.check_output(output, overwrite, into)
    if source.folder is None:
        raise MissingData(f"{settings.base} is not a folder; fit-head works on a local base encoder")
    old = store.existing(output, source) if into else None
    plan = planned(settings, source)
    (material,) = plan.materials
    head, outcome = train(plan)
    used, unit = plan.settings, family.kind.rows
    epochs = "1 epoch" if used.epochs == 1 else f"{used.epochs:g} epochs"
    what = (
        f"{NAME} {family.name} en {settings.split}: {material.counts['trained']:,} of {material.counts['examples']:,} "
        f"{material.source} {unit}, {epochs}, lr {used.learning_rate:g}, batch {used.batch_size}, "
        f"length {head.max_length}, {used.precision}, seed {plan.seed}"
        + (f", first piece {used.first_piece}" if used.first_piece != "any" else "")
    )
    made = bundle.Bundle(
        encoder="encoder",
        heads={name: bundle.Head(path=family.name, first_piece=used.first_piece) for name in material.task.serves},
        retrieval=resolve(settings.base).retrieval,
        parent=source.identity,
        recipe=what,
        seed=plan.seed,
        data_revisions={f"{family.name}.en.{settings.split}": f"{material.source}@{material.revision}"},
        versions=stage.versions(),
    )
    if old is None:
        store.write(output, made, head, source)
    else:
        store.add(output, old, made, head, source)
    loss = f"{outcome.seconds:.0f} s, loss {outcome.losses[0][1]:.2f} → {outcome.losses[-1][1]:.2f}"
    score = _scored(material, outcome) or _no_score(settings.split)
    return f"{family.title} head for {', '.join(material.task.serves)}: {what}; {loss}, {score} → {output}"


def train(plan: stage.Plan) -> tuple[Loaded, Outcome]:
    """The head of a stage with one task, ready to run on the CPU, and how its training went; nothing is kept of it."""
    import transformers

    from xstilts_eval.training import fit as stages

    transformers.set_seed(plan.seed)
    with tempfile.TemporaryDirectory() as scratch:
        learner = stages.Heads(plan, plan.parent.base, Path(scratch))
        outcome, _ = stages.train(learner, Path(scratch), keep_checkpoints=False)
    learner.model.cpu().eval()
    return learner.loaded(plan.materials[0]), outcome


def planned(settings: Settings, source: Source) -> stage.Plan:
    """The one stage: the defaults for warm-up, decay and clipping, one evaluation, at the end, and no checkpoints."""
    family = find_family(settings.family)
    values = {
        "learning_rate": settings.learning_rate,
        "epochs": settings.epochs or HEADS.of(family.kind).epochs,
        "batch_size": settings.batch_size,
        "max_length": settings.max_length,
        "limit": settings.limit,
        "precision": settings.dtype,
        "first_piece": settings.first_piece,
        "selection": "last",
        "evaluate_every": 0,
    }
    target = TaskEntry.model_validate({"name": family.name, "split": settings.split})
    parent = stage.Parent(source, source.identity)
    return stage.plan((target,), parent, "defaults", values, settings.seed, settings.data, NAME, reuse_heads="never")


def _checked(settings: Settings) -> Family:
    """The family; raises `SettingError` for one that has no head to be fitted, and for options that do not fit it."""
    family = find_family(settings.family)
    if not _is_fitted(family):
        names = dict.fromkeys(one.name for one in FAMILIES.values() if _is_fitted(one))
        raise SettingError(f"{family.name} needs no head; fit-head fits {', '.join(names)}")
    for name, value, allowed in (
        ("split", settings.split, SPLITS),
        ("dtype", settings.dtype, DTYPES),
        ("first-piece", settings.first_piece, FIRST_PIECES),
    ):
        if value not in allowed:
            raise SettingError(f"--{name} {value!r}; a head can be trained with {' or '.join(allowed)}")
    if settings.first_piece != "any" and not family.kind.by_word:
        raise SettingError(f"--first-piece is for taggers ({', '.join(bundle.tagged())}), not for {family.name}")
    if settings.max_length is not None and settings.max_length < MIN_LENGTH:
        raise SettingError(f"--max-length {settings.max_length} is too short; give at least {MIN_LENGTH}")
    return family


def _is_fitted(family: Family) -> bool:
    has_training = bool(family.learned) or "train" in family.data.files
    return has_training and family.kind in HEADS and HEADS.of(family.kind).epochs > 0


def _scored(material: Material, outcome: Outcome) -> str:
    """Scores on the development documents; "" without any."""
    if not material.development:
        return ""
    shown, found = development.MEASURES[material.task.metric].shown, outcome.scores[-1]
    scores = ", ".join(f"{title} {100 * found[name]:.1f}" for name, title in shown.items())
    return f"{scores} on {len(material.development)} English development {material.task.kind.rows}"


def _no_score(split: str) -> str:
    why = "no English development data" if split == "train" else f"the {split} split was trained on"
    return f"no score: {why}"
