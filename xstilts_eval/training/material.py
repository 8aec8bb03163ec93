"""From a recipe's task entries to training rows and development documents, with every example counted."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from xstilts_eval.benchmark import family
from xstilts_eval.data import fetch, intermediate, intermediate_fetch
from xstilts_eval.data.examples import Document, document
from xstilts_eval.data.sources import Loaded
from xstilts_eval.errors import DataError, FetchError, MissingData, SettingError
from xstilts_eval.reading import Json
from xstilts_eval.tasks.documents import resolve_folder
from xstilts_eval.training.recipe import TaskEntry
from xstilts_eval.training.settings import StageSettings
from xstilts_eval.training_tasks import TrainingTask, training_task

T = TypeVar("T")
NOT_THERE = "not there"
"""Revision of data that a plan goes without."""


@dataclass(frozen=True)
class Material:
    """Examples of one task: what is trained on, what is developed on, where both come from and what was left out.

    `counts` add up: examples of the file = training + development (of the same file) + not drawn. `revisions` are those
    of the data by language, `revision` that of all together; `by_language` counts what is trained on. `source` is
    sample, local or hub.
    """

    task: TrainingTask
    head: str
    labels: tuple[str, ...]
    entry: TaskEntry
    settings: StageSettings
    training: tuple[Document, ...]
    development: tuple[Document, ...]
    revision: str
    notes: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    by_language: dict[str, int] = field(default_factory=dict)
    source: str = ""

    @property
    def origin(self) -> str:
        """Split and revision: ``train@0123456789ab``."""
        return f"{self.entry.split}@{self.revision}"

    @property
    def origins(self) -> dict[str, str]:
        """What a bundle records, by language: ``train@0123456789ab``."""
        return {language: f"{self.entry.split}@{revision}" for language, revision in self.revisions.items()}

    @property
    def identity(self) -> dict[str, Json]:
        """What the task contributes to a stage's hash."""
        languages = self.entry.source_language
        return {
            "task": self.task.name,
            "head": self.head,
            "language": languages[0] if len(languages) == 1 else list(languages),
            "split": self.entry.split,
            "holdout": self.entry.holdout,
            "weight": self.entry.weight,
            "revision": self.revision,
            "development": [str(doc["id"]) for doc in self.development],
        }


def expanded(entries: Sequence[TaskEntry]) -> list[tuple[TrainingTask, str, TaskEntry]]:
    """Task, head and entry of every set to read; the parts of a joint task share the head that bears its name."""
    found = []
    for entry in entries:
        task = entry.task
        for name in task.parts or (task.name,):
            found.append((training_task(name), task.name, entry))
    names = [task.name for task, _, _ in found]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SettingError(
            f"the stage trains on {twice[0]} twice; name each task once, with several languages as in "
            "source_language: [de, sw]"
        )
    return found


def imagined(task: TrainingTask, head: str, entry: TaskEntry, settings: StageSettings, why: MissingData) -> Material:
    """What `gather` would give with the official files, for a plan; raises `why` where their size is not known."""
    if task.train_size is None:
        raise why
    trained = min(task.train_size, settings.limit or task.train_size)
    counts = {"examples": task.train_size, "trained": trained, "not_drawn": task.train_size - trained}
    return Material(task, head, task.labels, entry, settings, (), (), NOT_THERE, (f"planned only: {why}",), counts)


def gather(
    task: TrainingTask, head: str, entry: TaskEntry, settings: StageSettings, data: str | None, seed: int
) -> Material:
    """Read training and development examples of one task, once inside `reading_once`.

    Raises `MissingData` without training data, `DataError` for an empty set or one of a single class, `SettingError`
    for a hold-out that leaves nothing, and for the dev split of a task whose dev set is scored.
    """
    drawn_by = None if settings.limit is None else seed
    key = (task.name, head, entry.model_dump_json(), settings.model_dump_json(), data, drawn_by)
    return _once(key, lambda: _gather(task, head, entry, settings, data, seed))


def _gather(
    task: TrainingTask, head: str, entry: TaskEntry, settings: StageSettings, data: str | None, seed: int
) -> Material:
    if task.dev_is_scored and entry.split == "dev":
        scored = family(task.dataset)
        raise SettingError(f"{task.name}: what the benchmark scores of {scored.title} is its dev split; train on train")
    folder, origin = resolve_folder(data)
    found = {code: _load(task, entry.split, folder, origin, code) for code in entry.source_language}
    labels = intermediate.labels(task, folder)
    held_out: list[Document] = []
    rest: list[Document] = []
    for code, loaded in found.items():
        documents = _documents(loaded, task, code, len(found) > 1)
        held_out += documents[: entry.holdout]
        rest += documents[entry.holdout :]
    if not rest:
        raise SettingError(
            f"{task.name}: a holdout of {entry.holdout} leaves none of {len(held_out)} examples to train on"
        )
    drawn = rest
    if settings.limit is not None and settings.limit < len(rest):
        drawn = [rest[index] for index in sorted(random.Random(seed).sample(range(len(rest)), settings.limit))]
    _check(task, drawn)
    development, notes = held_out, _notes(found)
    if not entry.holdout:
        development, note = _development(task, entry, folder, origin)
        notes += [note] if note else []
    development = development[: settings.development]
    return Material(
        task=task,
        head=head,
        labels=labels,
        entry=entry,
        settings=settings,
        training=tuple(drawn),
        development=tuple(development),
        revision=_joint_revision(found),
        notes=tuple(notes),
        counts={
            "examples": len(held_out) + len(rest),
            "trained": len(drawn),
            "held_out": len(held_out),
            "not_drawn": len(rest) - len(drawn),
            "development": len(development),
        },
        revisions={code: loaded.revision for code, loaded in found.items()},
        by_language=dict(Counter(str(doc["language"]) for doc in drawn)),
        source=origin if origin == "sample" else _origin(folder, found),
    )


def _documents(loaded: Loaded, task: TrainingTask, language: str, is_mixed: bool) -> list[Document]:
    """Documents of one language; where several are put together, the ids say of which each is."""

    def made() -> list[Document]:
        found = [document(example, task.name, language) for example in loaded.examples]
        return [doc | {"id": f"{language}:{doc['id']}"} for doc in found] if is_mixed else found

    return _once((id(loaded), task.name, language, is_mixed), made)  # it is held as long as they are


def _notes(found: Mapping[str, Loaded]) -> list[str]:
    several = len(found) > 1
    return [f"{code}: {note}" if several else note for code, loaded in found.items() for note in loaded.notes]


def _origin(folder: Path, found: Mapping[str, Loaded]) -> str:
    """``hub`` where all files were made of the hub's, else ``local``."""
    origins = {fetch.provenance(folder, loaded.files)[0] for loaded in found.values()}
    return origins.pop() or "local" if len(origins) == 1 else "local"


def _joint_revision(found: Mapping[str, Loaded]) -> str:
    """The revision of the only language, or a hash over all."""
    if len(found) == 1:
        return next(iter(found.values())).revision
    lines = "".join(f"{code} {loaded.revision}\n" for code, loaded in found.items())
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


_held: dict[Hashable, Any] | None = None


@contextmanager
def reading_once() -> Iterator[None]:
    """Inside, examples are read and gathered once, however many recipes and seeds ask for them."""
    global _held
    _held = {}
    try:
        yield
    finally:
        _held = None


def _once(key: Hashable, make: Callable[[], T]) -> T:
    if _held is None:
        return make()
    if key not in _held:
        _held[key] = make()
    found: T = _held[key]
    return found


def _load(task: TrainingTask, split: intermediate.Split, folder: Path, origin: str, language: str) -> Loaded:
    return _once((task.name, split, folder, language), lambda: _read(task, split, folder, origin, language))


def _read(task: TrainingTask, split: intermediate.Split, folder: Path, origin: str, language: str) -> Loaded:
    if origin == "hub" and language == "en":
        intermediate_fetch.ensure(task, split, folder)
    return intermediate.load(task, split, folder, language)


def _development(task: TrainingTask, entry: TaskEntry, folder: Path, origin: str) -> tuple[list[Document], str]:
    """English development documents, or none and why; never the questions that are scored as test.

    A dev split in another language is no other data: XCOPA's, PAWS-X's and XNLI's are translations of the English one.
    """
    if entry.split == "dev":
        return [], "no development score: the dev split is trained on; give a holdout to keep some of it"
    if task.dev_is_scored:
        questions = f"the English dev {task.kind.rows} of {family(task.dataset).title}"
        return [], f"no development set: {questions} are scored as test"
    try:
        loaded = _load(task, "dev", folder, origin, "en")
    except (MissingData, FetchError) as error:
        return [], f"no development score: {error}"
    return _documents(loaded, task, "en", False), ""


def _check(task: TrainingTask, training: Sequence[Document]) -> None:
    found = {one for doc in training for one in task.kind.classes_of(doc)}
    if len(found) == 1:
        (only,) = found
        label = only if isinstance(only, str) else task.labels[only]
        raise DataError(
            f"{task.name}: all {len(training)} training {task.kind.rows} have the label {label!r} alone; a classifier "
            "needs two"
        )
