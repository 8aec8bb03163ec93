"""From a recipe's task entries to training rows and development documents, with every example counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts_eval.benchmark import Kind
from xstilts_eval.data import intermediate, intermediate_fetch
from xstilts_eval.data.examples import Example, document
from xstilts_eval.errors import DataError, FetchError, MissingData, SettingError
from xstilts_eval.tasks.documents import resolve_folder
from xstilts_eval.training.recipe import TaskEntry
from xstilts_eval.training.settings import StageSettings
from xstilts_eval.training_tasks import TrainingTask, training_task

Document = dict[str, Any]
NOT_THERE = "not there"
"""Revision of data that a plan goes without."""


@dataclass(frozen=True)
class Material:
    """Examples of one task: what is trained on, what is developed on, where both come from and what was left out.

    `counts` add up: examples of the file = training + development (of the same file) + not drawn.
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

    @property
    def origin(self) -> str:
        """What a bundle records: ``train@0123456789ab``."""
        return f"{self.entry.split}@{self.revision}"

    @property
    def identity(self) -> dict[str, Any]:
        """What the task contributes to a stage's hash."""
        return {
            "task": self.task.name,
            "head": self.head,
            "language": self.entry.language,
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
        raise SettingError(f"the stage trains on {twice[0]} twice; name each task once")
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
    """Read training and development examples of one task.

    Raises `MissingData` without training data, `DataError` for an empty set or one of a single class, `SettingError`
    for a hold-out that leaves nothing.
    """
    folder, origin = resolve_folder(data)
    loaded = _load(task, entry.split, folder, origin, entry.language)
    labels = intermediate.labels(task, folder)
    examples = list(loaded.examples)
    held_out: list[Example] = examples[: entry.holdout]
    rest = examples[entry.holdout :]
    if not rest:
        raise SettingError(
            f"{task.name}: a holdout of {entry.holdout} leaves none of {len(examples)} examples to train on"
        )
    drawn = rest
    if settings.limit is not None and settings.limit < len(rest):
        drawn = [rest[index] for index in sorted(random.Random(seed).sample(range(len(rest)), settings.limit))]
    training = tuple(document(example, task.name, entry.language) for example in drawn)
    _check(task, training)
    notes = list(loaded.notes)
    if entry.holdout:
        development = held_out
    elif entry.split == "dev":
        development = []
        notes.append("no development score: the dev split is trained on; give a holdout to keep some of it")
    else:
        development, note = _development(task, folder, origin)
        notes += [note] if note else []
    documents = [document(example, task.name, "en") for example in development[: settings.development]]  # type: ignore[arg-type]
    return Material(
        task=task,
        head=head,
        labels=labels,
        entry=entry,
        settings=settings,
        training=training,
        development=tuple(documents),
        revision=loaded.revision,
        notes=tuple(notes),
        counts={
            "examples": len(examples),
            "trained": len(training),
            "held_out": len(held_out),
            "not_drawn": len(rest) - len(drawn),
            "development": len(documents),
        },
    )


_held: dict[tuple[str, str, Path, str], Any] | None = None


@contextmanager
def reading_once() -> Iterator[None]:
    """Inside, a file of examples is read once, however many recipes and seeds ask for it."""
    global _held
    _held = {}
    try:
        yield
    finally:
        _held = None


def _load(task: TrainingTask, split: intermediate.Split, folder: Path, origin: str, language: str) -> Any:
    if _held is None:
        return _read(task, split, folder, origin, language)
    key = (task.name, split, folder, language)
    if key not in _held:
        _held[key] = _read(task, split, folder, origin, language)
    return _held[key]


def _read(task: TrainingTask, split: intermediate.Split, folder: Path, origin: str, language: str) -> Any:
    if origin == "hub" and language == "en":
        intermediate_fetch.ensure(task, split, folder)
    return intermediate.load(task, split, folder, language)


def _development(task: TrainingTask, folder: Path, origin: str) -> tuple[list[Example], str]:
    """English development examples, or none and why; never the questions that are scored as test."""
    if task.name == "tydiqa":
        return [], "no development set: the English dev questions of TyDiQA-GoldP are scored as test"
    try:
        return list(_load(task, "dev", folder, origin, "en").examples), ""
    except (MissingData, FetchError) as error:
        return [], f"no development score: {error}"


def _check(task: TrainingTask, training: Sequence[Document]) -> None:
    if task.kind is Kind.PAIR and len({doc["label"] for doc in training}) == 1:
        only = task.labels[training[0]["label"]]
        raise DataError(
            f"{task.name}: all {len(training)} training examples have the label {only!r}; a classifier needs two"
        )
    if task.kind is Kind.TAGGED and len({tag for doc in training for tag in doc["tags"]}) == 1:
        raise DataError(f"{task.name}: all words of the {len(training)} training sentences have one and the same tag")
