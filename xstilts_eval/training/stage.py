"""One training run as a step of a recipe: found again by the hash of all it depends on, or trained and written whole.

A stage folder is a bundle with ``stage.json`` beside the manifest. While a stage is trained, its checkpoints lie in a
hidden folder next to it, which one process holds a lock on; the finished folder appears in one rename.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from xstilts_eval import __version__, bundle, fingerprints, locking, processes, reading
from xstilts_eval.errors import DataError, MissingData, SettingError, UnfitCheckpoint
from xstilts_eval.models.source import Source
from xstilts_eval.reading import Json
from xstilts_eval.training.material import Material, expanded, gather, imagined
from xstilts_eval.training.mlm import MlmSettings
from xstilts_eval.training.recipe import Mixture, TaskEntry
from xstilts_eval.training.settings import LATER, SPEED_ONLY, Resolved, StageSettings, resolve
from xstilts_eval.validation import complaint
from xstilts_eval.writing import link_in_place_of, telling_of_a_full_disk, write_atomically

if TYPE_CHECKING:
    from xstilts_eval.training.loop import Outcome

FORMAT = 6
"""Moves whenever the same settings would train other weights."""
RECORD = "stage.json"
Say = Callable[[str], None]


class StageBusy(SettingError):
    """A stage that another process is training."""


@dataclass(frozen=True)
class Parent:
    """What a stage starts from: the base, or an earlier stage of the recipe, trained or yet to be.

    `identity` is the hash of the base's files or the stage's key; `heads` are those it has or will have, by task.
    """

    base: Source
    identity: str
    stage: Plan | None = None

    @property
    def heads(self) -> dict[str, bundle.TrainedHead]:
        return self.stage.trained_heads if self.stage else {}

    def source(self, stages: Path) -> Source:
        """The checkpoint to load: of the base, or of the finished stage."""
        if self.stage is None:
            return self.base
        folder = self.stage.folder(stages)
        manifest = bundle.read(folder)
        return Source(str(folder / (manifest.language_model or manifest.encoder or "encoder")))

    def head(self, material: Material, reuse: str) -> bundle.TrainedHead | None:
        """The trained head that goes on with a task: its own, else the only one of the same kind and labels."""
        if reuse == "never":
            return None
        fitting = {
            name: head
            for name, head in self.heads.items()
            if head.head == material.task.head and head.labels == material.labels
        }
        found = {head.path: head for head in fitting.values()}
        own = fitting.get(material.task.name)
        return own or (next(iter(found.values())) if len(found) == 1 else None)


@dataclass(frozen=True)
class Plan:
    """A stage before it is trained: everything that its hash covers, and how it is shown."""

    name: str
    parent: Parent
    materials: tuple[Material, ...]
    resolved: Resolved
    mixture: Mixture
    mlm: MlmSettings | None
    seed: int
    reuse_heads: str
    recipe: str

    @property
    def settings(self) -> StageSettings:
        return self.resolved.settings

    @property
    def layers(self) -> int | None:
        """Blocks of the encoder that are trained, where a stage on the way asked for fewer than the base has."""
        before = self.parent.stage.layers if self.parent.stage else None
        return self.settings.layers or before

    @property
    def trained_heads(self) -> dict[str, bundle.TrainedHead]:
        """The heads the stage leaves, by task; sub-folders are named by head."""
        return {
            m.task.name: bundle.TrainedHead(
                path=f"heads/{m.head}",
                head=m.task.head,
                labels=m.labels,
                first_piece=m.settings.first_piece if m.task.kind.by_word else "any",
            )
            for m in self.materials
        }

    @property
    def languages(self) -> list[str]:
        """Languages of all labelled data on the way from the base to the end of this stage, sorted."""
        before = self.parent.stage.languages if self.parent.stage else []
        return sorted({*before, *(code for m in self.materials for code in m.entry.source_language)})

    @property
    def identity(self) -> dict[str, Json]:
        """What the stage's hash is made of."""
        kept = {
            name: value
            for name, value in self.settings.model_dump().items()
            if name not in SPEED_ONLY and (name not in LATER or value != LATER[name])
        }
        tasks = []
        for material in self.materials:
            own = {name: getattr(material.settings, name) for name in PER_TASK}
            tasks.append(material.identity | own)
        return {
            "format": FORMAT,
            "parent": self.parent.identity,
            "tasks": tasks,
            "settings": {name: value for name, value in kept.items() if name not in PER_TASK},
            "mixture": self.mixture.model_dump() if len(tasks) > 1 else None,
            "mlm": self.mlm.identity() if self.mlm else None,
            "seed": self.seed,
            "reuse_heads": self.reuse_heads,
        }

    @property
    def key(self) -> str:
        """First 12 hex digits of the sha256 of `identity`."""
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:12]

    def folder(self, stages: Path) -> Path:
        """Where the stage lies once it is trained."""
        return stages / f"{self.name}-{self.key}"


PER_TASK = ("epochs", "batch_size", "max_length", "limit")
"""Settings that the tasks of a mixture may each have their own value of."""


def plan(
    entries: Sequence[TaskEntry],
    parent: Parent,
    preset: str,
    settings: Mapping[str, Any],
    seed: int,
    data: str | None,
    recipe: str,
    mixture: Mixture | None = None,
    mlm: MlmSettings | None = None,
    reuse_heads: str = "matching",
    without_data: bool = False,
) -> Plan:
    """Read the data and settle the settings of a stage; raises what `gather` and `resolve` raise.

    `without_data` lets official sizes stand for data that is not there: enough to plan, not to train.
    """
    found: list[tuple[Material, Resolved]] = []
    for task, head, entry in expanded(entries):
        stray = set(entry.settings) - set(PER_TASK)
        if stray and len(entries) > 1:
            raise SettingError(
                f"recipe {recipe}: {sorted(stray)[0]} of {task.name} belongs to the whole stage; "
                f"a task of a mixture has its own {', '.join(PER_TASK)}"
            )
        resolved = resolve(preset, entry.task.name, {**settings, **entry.settings}, f"recipe {recipe}")
        try:
            material = gather(task, head, entry, resolved.settings, data, seed)
        except MissingData as error:
            if not without_data:
                raise
            material = imagined(task, head, entry, resolved.settings, error)
        found.append((material, resolved))
    first = found[0][1]
    for material, resolved in found[1:]:
        for name in StageSettings.model_fields:
            if name not in PER_TASK and getattr(resolved.settings, name) != getattr(first.settings, name):
                raise SettingError(
                    f"recipe {recipe}: the tasks of a stage disagree on {name} "
                    f"({found[0][0].task.name} {getattr(first.settings, name)}, {material.task.name} "
                    f"{getattr(resolved.settings, name)}); give it in the stage's settings"
                )
    name = "+".join(dict.fromkeys(material.head for material, _ in found))
    return Plan(
        name=name if len(name) <= 60 else f"multi{len(found)}",
        parent=parent,
        materials=tuple(material for material, _ in found),
        resolved=first,
        mixture=mixture or Mixture(),
        mlm=mlm,
        seed=seed,
        reuse_heads=reuse_heads,
        recipe=recipe,
    )


def described(plan: Plan) -> str:
    """Every setting with its value and whether it is inherited, overridden or a default; tasks with their counts."""
    origin = plan.parent.stage
    start = f"stage {origin.name} ({origin.key})" if origin else plan.parent.base.name
    lines = [f"stage {plan.name} ({plan.key}), seed {plan.seed}, from {start}"]
    for material in plan.materials:
        counts = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in material.counts.items() if value)
        lines.append(f"  {material.task.title} [{_languages(material)}, {material.origin}]: {counts}")
        lines += [f"    {note}" for note in material.notes]
    several = len(plan.materials) > 1
    by_origin: dict[str, list[str]] = {}
    for name, value in plan.settings.model_dump().items():
        shown = str(value)
        if several and name in PER_TASK:
            shown = "(" + ", ".join(f"{m.task.name} {getattr(m.settings, name)}" for m in plan.materials) + ")"
        by_origin.setdefault(plan.resolved.origins[name], []).append(f"{name} {shown}")
    lines += [f"  {origin}: {', '.join(settings)}" for origin, settings in sorted(by_origin.items(), reverse=True)]
    if several:
        lines.append(f"  mixture: {plan.mixture.model_dump(exclude_none=True)}")
    if plan.mlm:
        lines.append(f"  mlm: {plan.mlm.model_dump(mode='json', exclude_none=True)}")
    return "\n".join(lines)


def _languages(material: Material) -> str:
    """``en``, or ``ko 1,625 + sw 2,755`` of a mixture."""
    if len(material.entry.source_language) == 1:
        return material.entry.source_language[0]
    return " + ".join(f"{code} {material.by_language.get(code, 0):,}" for code in material.entry.source_language)


def find(plan: Plan, stages: Path) -> Path | None:
    """The folder of a stage that has been trained, its files checked against their hashes."""
    folder = plan.folder(stages)
    if not (folder / RECORD).is_file():
        return None
    manifest = bundle.read(folder)
    for path in manifest.paths:
        bundle.verify(manifest, folder, path)
    return folder


class Came(BaseModel):
    """What came out of a training, as ``stage.json`` has it; see `loop.Outcome`."""

    losses: list[tuple[int, float]]
    scores: list[dict[str, float]]
    best_step: int | None
    steps: int
    tokens: int
    seconds: float
    processes: int
    device: str
    tokens_per_second: float


class Shares(BaseModel):
    """Shares of the steps by task: those asked for, and those there were."""

    asked: dict[str, float]
    seen: dict[str, float]


class RowCounts(BaseModel):
    """Of what is counted of a task's rows, the part that a summary tells."""

    longer_than_window: int = 0


class Record(BaseModel):
    """``stage.json``, as far as it is read again."""

    outcome: Came
    mixture: Shares
    rows: dict[str, RowCounts]


def read_record(folder: Path) -> Record:
    """``stage.json`` of a trained stage; raises `DataError` for one that cannot be read."""
    path = folder / RECORD
    try:
        return Record.model_validate(reading.read_json(path, "the record of a trained stage"))
    except ValidationError as error:
        raise DataError(f"{path}: {complaint(error)}") from error


@contextmanager
def working_folder(plan: Plan, stages: Path) -> Iterator[Path]:
    """The hidden folder a stage is trained in, held by this process alone; raises `StageBusy` when another has it.

    A process that is killed lets go of it, and the next one goes on from its checkpoints.
    """
    folder, work = plan.folder(stages), _work(plan, stages)
    work.mkdir(parents=True, exist_ok=True)
    if not processes.is_first():
        yield work
        return

    def busy(holder: str) -> StageBusy:
        return StageBusy(
            f"stage {folder.name} is being trained by {holder}; --wait waits for it, --stages names another folder"
        )

    with locking.held(work / "lock", busy):
        yield work


def holder(plan: Plan, stages: Path) -> str:
    """Who trains the stage just now (``process 12 on host``); "" where nobody does."""
    lock = _work(plan, stages) / "lock"
    if not lock.is_file():
        return ""
    try:
        with locking.held(lock, StageBusy):
            return ""
    except StageBusy as busy:
        return str(busy)


def _work(plan: Plan, stages: Path) -> Path:
    folder = plan.folder(stages)
    return folder.with_name(f".{folder.name}.work")


def remove_left_over(plan: Plan, stages: Path) -> None:
    """Remove the working folder beside a finished stage: a process that was killed as it removed it left it there."""
    work = _work(plan, stages)
    if processes.is_first() and work.is_dir():
        with suppress(StageBusy), locking.held(work / "lock", StageBusy):
            shutil.rmtree(work, ignore_errors=True)


def write(
    plan: Plan, work: Path, stages: Path, save: Callable[[Path], bundle.Bundle], record: Mapping[str, Json]
) -> Path:
    """Assemble the finished stage beside its place and move it there in one rename; the working folder goes."""
    folder = plan.folder(stages)
    new = work / "finished"
    shutil.rmtree(new, ignore_errors=True)
    with telling_of_a_full_disk(f"stage {folder.name}"):
        new.mkdir()
        manifest = save(new)
        write_atomically(new / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        bundle.write(manifest, new)
        _link_equal(new, stages)
    if folder.exists():  # without its record: not ours, or cut off by an older version
        shutil.rmtree(folder)
    new.rename(folder)
    shutil.rmtree(work, ignore_errors=True)
    return folder


def _link_equal(new: Path, stages: Path) -> None:
    """Weight files of a finished stage that lie there under another name, or in another stage, become links to those.

    A frozen table of word vectors is one file for all stages that train on it.
    """
    known: dict[str, Path] = {}
    for folder in [*sorted(path.parent for path in stages.glob(f"*/{RECORD}")), new]:
        try:
            parts = bundle.read(folder).sha256
        except (OSError, UnfitCheckpoint):
            continue
        for part, files in parts.items():
            for name, digest in files.items():
                path = folder / part / name
                if not name.endswith(".safetensors") or not path.is_file():
                    continue
                first = known.setdefault(digest, path)
                if folder == new and first != path and fingerprints.file_sha256(first) == digest:
                    link_in_place_of(path, first)


def record_of(plan: Plan, outcome: Outcome, mixture: Mapping[str, Json], counts: Mapping[str, Json]) -> dict[str, Json]:
    """Everything about a finished stage: what was asked, what was seen, what came out and what it cost."""
    return {
        "key": plan.key,
        "identity": plan.identity,
        "recipe": plan.recipe,
        "settings": plan.settings.model_dump(),
        "origins": dict(plan.resolved.origins),
        "tasks": {
            m.task.name: {"origin": m.origin, "notes": m.notes, **m.counts, "by_language": m.by_language}
            for m in plan.materials
        },
        "languages": plan.languages,
        "rows": counts,
        "mixture": mixture,
        "outcome": asdict(outcome)
        | {
            "tokens_per_second": round(outcome.tokens_per_second, 1),
            "device_seconds": round(outcome.seconds * outcome.processes, 1),
        },
        "versions": versions(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def versions() -> dict[str, str]:
    """Libraries that move numbers."""
    import accelerate
    import torch
    import transformers

    return {
        "xstilts-eval": __version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "accelerate": accelerate.__version__,
        "python": platform.python_version(),
    }
