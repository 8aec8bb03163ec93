"""Scores of entity tags by type, as seqeval counts them, from the samples of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from pydantic import TypeAdapter, ValidationError

from xstilts_eval.benchmark import Family
from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics import tagging
from xstilts_eval.metrics.base import precision_recall_f1
from xstilts_eval.results import leaderboard_files, samples, unit_files
from xstilts_eval.results.record import LeafResult, RunResult
from xstilts_eval.results.samples import Sample

IN_HEADER = "entity_types"
"""Where a task's file of units has them."""


@dataclass(frozen=True)
class EntityType:
    """Precision, recall and F1 of one type of entity in one language, in percent; `support` counts its gold entities.

    A ratio without any entity is 0.
    """

    type: str
    precision: float
    recall: float
    f1: float
    support: int


_TYPES = TypeAdapter(tuple[EntityType, ...])


def of_run(place: Path, run: RunResult) -> dict[str, dict[str, tuple[EntityType, ...]]]:
    """Of every language of every dataset with entity tags whose samples lie at `place`, by group and language."""
    found: dict[str, dict[str, tuple[EntityType, ...]]] = {}
    for leaf in run.leaves:
        if types := of_leaf(place, leaf):
            found.setdefault(leaf.family.group, {})[leaf.language] = types
    return found


def of_leaf(run: Path, leaf: LeafResult) -> tuple[EntityType, ...]:
    """Every type of a task, by name; () where its tags mark no entities, or the run keeps nothing of its documents.

    Raises `PredictionError` for samples that hold no tags.
    """
    if not leaf.family.entity_types:
        return ()
    kept = unit_files.find(run, leaf.leaf)
    if kept is not None and IN_HEADER in kept.header:
        return read(kept.header[IN_HEADER], str(kept.path))
    if samples.path_of(run, leaf.leaf) is None:
        return ()
    return of_samples(leaf.family, samples.read(run, leaf.leaf), f"{run}: {leaf.leaf}")


def of_samples(family: Family, rows: Iterable[Sample], origin: str) -> tuple[EntityType, ...]:
    """Every type in the samples of a task; raises `PredictionError`, naming the `origin`, for one without tags."""
    gold, predicted = [], []
    for sample in rows:
        try:
            gold.append([str(tag) for tag in sample["doc"]["tags"]])
            predicted.append(leaderboard_files.predicted_tags(family, sample))
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise PredictionError(
                f"{origin}: document {sample['doc_id']} holds no tags to report by type; score it again"
            ) from error
    return of_tags(gold, predicted)


def of_tags(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> tuple[EntityType, ...]:
    """The same of IOB2 tags; an I- that follows no entity of its type opens one, as for the official score."""
    found = []
    for name, counts in tagging.ner_counts_by_type(gold, predicted).items():
        precision, recall, f1 = (100 * precision_recall_f1(counts)[part] for part in ("precision", "recall", "f1"))
        found.append(EntityType(name, precision, recall, f1, support=int(counts[2])))
    return tuple(found)


def text(types: tuple[EntityType, ...]) -> str:
    """What is kept of types in the header of a task's file of units."""
    return _TYPES.dump_json(types).decode()


def read(text: str, origin: str) -> tuple[EntityType, ...]:
    """The types of a `text`; raises `PredictionError`, naming the `origin`, for another."""
    try:
        return _TYPES.validate_json(text)
    except ValidationError as error:
        raise PredictionError(f"{origin} holds no types of entities that this version can read") from error


def mean(languages: Iterable[Sequence[EntityType]]) -> tuple[EntityType, ...]:
    """Each type over the languages that have gold entities of it, every language counted once; supports are summed."""
    found = _by_type(one for rows in languages for one in rows if one.support)
    return tuple(_averaged(rows, sum(one.support for one in rows)) for rows in found)


def over_seeds(seeds: Sequence[Sequence[EntityType]]) -> tuple[EntityType, ...]:
    """Each type of one language over the seeds of a run, which have read the same documents."""
    return tuple(_averaged(rows, rows[0].support) for rows in _by_type(one for rows in seeds for one in rows))


def _by_type(found: Iterable[EntityType]) -> list[list[EntityType]]:
    by_type: dict[str, list[EntityType]] = {}
    for one in found:
        by_type.setdefault(one.type, []).append(one)
    return [by_type[name] for name in sorted(by_type)]


def _averaged(rows: Sequence[EntityType], support: int) -> EntityType:
    precision, recall, f1 = (fmean(getattr(one, name) for one in rows) for name in ("precision", "recall", "f1"))
    return EntityType(rows[0].type, precision, recall, f1, support)
