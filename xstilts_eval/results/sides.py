"""The sides of a comparison: our own runs, with one or several seeds, or published rows of the zoo."""

from __future__ import annotations

import statistics as simple
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.errors import PredictionError, SettingError
from xstilts_eval.results import alignment, run
from xstilts_eval.results.record import LeafResult

if TYPE_CHECKING:
    from xstilts_eval.zoo.manifest import Record

ZOO = "zoo:"
_OTHER_SETTINGS = ("translate-", "train on all", "human", "after fine-tuning")
"""Settings of the zoo that are no zero-shot transfer and so never stand against one."""

_PRINTED = 0.06
"""Points: values that differ by less are one number, printed with one digit or with more."""


@dataclass(frozen=True)
class Score:
    """The official score of one leaf on one side, in points (0-100): one per seed, with the results it came from.

    `results` is empty for a published number; `note` is what a reader must know of it.
    """

    points: tuple[float, ...]
    results: tuple[LeafResult, ...] = ()
    note: str = ""

    @property
    def mean(self) -> float:
        return simple.fmean(self.points)


@dataclass(frozen=True)
class Side:
    """`scores` by leaf; `runs` and `seeds` in one order.

    Published: `averages` (points, by group) over all languages of a family, and why leaves are `unusable`.
    """

    name: str
    given: str
    scores: Mapping[str, Score]
    runs: tuple[Path, ...] = ()
    seeds: tuple[str, ...] = ()
    averages: Mapping[str, Score] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_published(self) -> bool:
        return not self.runs


def read_all(given: Sequence[str], inner: str = "eval", sources: Sequence[str] = ()) -> list[Side]:
    """All sides, under short names of their own: the part of the path in which they differ.

    Raises what `read` raises, and `SettingError` for fewer than two or for a side given twice.
    """
    if len(given) < 2:
        raise SettingError(f"a comparison needs at least two results, got {len(given)}")
    places = [text if text.startswith(ZOO) else str(Path(text)) for text in given]
    if twice := sorted({text for text in places if places.count(text) > 1}):
        raise SettingError(f"{twice[0]} is given twice; a result cannot be compared with itself")
    return [read(text, name, inner, sources) for text, name in zip(given, short_names(given), strict=True)]


def short_names(given: Sequence[str]) -> list[str]:
    """Short names of paths (`run.names`); models of the zoo keep their own."""
    paths = [text for text in given if not text.startswith(ZOO)]
    short = dict(zip(paths, run.names(paths), strict=True))
    return [short.get(text, text) for text in given]


def over_baseline(given: Sequence[str], baseline: str | None) -> tuple[str, list[str]]:
    """The baseline and the runs over it: what the option names, else the first.

    The option may give the path or the short name of one of the runs, or a further path. Raises `SettingError` when no
    run is left.
    """
    places = {str(Path(text)): text for text in given}
    named = dict(zip(names(given), given, strict=True))
    first = given[0] if baseline is None else places.get(str(Path(baseline)), named.get(baseline, baseline))
    rest = list(given[1:]) if baseline is None else [text for text in given if text != first]
    if not rest:
        raise SettingError(f"nothing to compare with {first}; give the runs, and the baseline first or as --baseline")
    return first, rest


def read(given: str, name: str | None = None, inner: str = "eval", sources: Sequence[str] = ()) -> Side:
    """One side: a results file, an output folder, a run with ``seed-N/inner`` inside, or ``zoo:MODEL[@stage]``.

    `sources` are keys of the zoo that are preferred where publications disagree.

    Raises `MissingData` for what is not there, `UnknownName` for a model of the zoo that does not exist,
    `PredictionError` for files that cannot be read, seeds that scored other data, or scores out of range, and
    `NumericError` for NaN.
    """
    if given.startswith(ZOO):
        return _published(given, name or given, sources)
    found = run.read(Path(given), inner, name or Path(given).name)
    by_leaf = found.leaves()
    for leaf_name, (first, *others) in by_leaf.items():
        for leaf in others:
            if entries := alignment.comparable(first, leaf):
                raise PredictionError(
                    f"{given}: the seeds of {leaf_name} were not scored in the same way: {', '.join(map(str, entries))}"
                )
    return Side(
        name=found.name,
        given=given,
        scores={leaf: Score(tuple(one.points for one in leaves), tuple(leaves)) for leaf, leaves in by_leaf.items()},
        runs=found.places,
        seeds=tuple(f"seed-{seed}" for seed in found.seeds) if found.has_seeds else (),
        notes=() if found.has_seeds else (f"checkpoint {found.checkpoints[0]}",),
    )


# ---------------------------------------------------------------------------------------- what may be compared


def differing(one: Score, other: Score) -> list[str]:
    """What forbids setting two scores of a leaf against each other: other data, split, documents or versions.

    A published number is taken to be of the whole test split.
    """
    if not one.results and not other.results:
        return []
    if not (one.results and other.results):
        return _not_as_published((one.results or other.results)[0])
    return [str(mismatch) for mismatch in alignment.comparable(one.results[0], other.results[0])]


def have_same_documents(one: Score, other: Score) -> bool:
    """Whether both are of the same documents, whatever else differs; a published number has none that are known."""
    if not (one.results and other.results):
        return True
    found = alignment.comparable(one.results[0], other.results[0])
    return not any(mismatch.is_about_documents for mismatch in found)


def _not_as_published(leaf: LeafResult) -> list[str]:
    found = []
    if leaf.data.source == "sample":
        return ["the sample / published data"]
    if leaf.data.split != "test":
        found.append(f"split {leaf.data.split} / test")
    if not leaf.data.complete:
        found.append("partial / whole test data")
    elif not leaf.family.scoring.is_sharded and leaf.scored < leaf.data.documents:
        found.append(f"documents {leaf.scored:,} / {leaf.data.documents:,}")
    return found


def settings(score: Score) -> dict[str, str]:
    """How a score was made: precision, lengths, prompt, versions; empty for a published number."""
    return score.results[0].signed.conditions() if score.results else {}


# -------------------------------------------------------------------------------------------------- the zoo


def _published(given: str, name: str, sources: Sequence[str]) -> Side:
    from xstilts_eval.errors import UnknownName
    from xstilts_eval.zoo.manifest import load

    zoo = load()
    for source in sources:
        if source not in zoo.sources:
            raise UnknownName.of("source of the zoo", source, zoo.sources)
    return of_records(zoo.of(*zoo.parse(given.removeprefix(ZOO))), given, name, sources)


def of_records(records: Iterable[Record], given: str, name: str, sources: Sequence[str] = ()) -> Side:
    """The side that published records make, in points.

    A leaf needs all official metrics of its family (F1 and exact match of question answering). Where publications
    disagree, the first of `sources` counts that says something, then the benchmark's own value; otherwise the leaf is
    in `unusable` with the reason. Raises `PredictionError` when nothing is left, or for values of several stages.
    """
    rows: dict[tuple[str, str], dict[str, list[Record]]] = {}
    left_out: set[str] = set()
    known = [row for row in records if row.family in FAMILIES]
    for row in known:
        family = FAMILIES[row.family]
        if row.metric not in family.official or row.language not in ("avg", *family.languages):
            continue
        if row.confidence == "recalled" or row.setting.startswith(_OTHER_SETTINGS):
            left_out.add("recalled" if row.confidence == "recalled" else row.setting)
        elif row.language != "avg" or _covers_all(row, known):
            rows.setdefault((row.family, row.language), {}).setdefault(row.metric, []).append(row)
    scores: dict[str, Score] = {}
    averages: dict[str, Score] = {}
    unusable: dict[str, str] = {}
    for (group, language), metrics in rows.items():
        family = FAMILIES[group]
        place = f"{group} average" if language == "avg" else family.leaf(language)
        found = {metric: _one_value(values, given, sources) for metric, values in metrics.items()}
        chosen = [row for row in found.values() if row is not None]
        if lacking := set(family.official) - set(found):
            unusable[place] = f"{given} publishes no {', '.join(sorted(lacking))}"
        elif len(chosen) < len(found):
            unusable[place] = _contradiction(next(metrics[m] for m, row in found.items() if row is None), given)
        else:
            score = Score((simple.fmean(row.percent for row in chosen),), note=_note(chosen))
            if language == "avg":
                averages[group] = score
            else:
                scores[place] = score
    if not (scores or averages):
        why = next(iter(unusable.values()), f"{given} has no zero-shot score of a task family of this package")
        raise PredictionError(f"{why}; xstilts zoo show says what is published")
    notes = [f"left out: numbers that are {', '.join(sorted(left_out))}"] if left_out else []
    return Side(name, given, scores, averages=averages, unusable=unusable, notes=tuple(notes))


def _covers_all(average: Record, records: Iterable[Record]) -> bool:
    """Whether a published average is of the family's languages: not if its source lists fewer, or others."""
    same = (average.source, average.stage, average.setting, average.task, average.metric)
    listed = {
        row.language
        for row in records
        if row.language != "avg" and (row.source, row.stage, row.setting, row.task, row.metric) == same
    }
    return not listed or listed == set(FAMILIES[average.family].languages)


def _one_value(rows: Sequence[Record], given: str, sources: Sequence[str]) -> Record | None:
    """The record on which all agree, else that of a preferred source or of the benchmark itself; None without."""
    if len(stages := {row.stage for row in rows}) > 1:
        known = ", ".join(repr(stage) for stage in sorted(stages))
        raise PredictionError(f"{given} has values of the stages {known}; say which: zoo:{rows[0].model}@STAGE")
    preferred = [[row for row in rows if row.source == source] for source in sources]
    of_benchmark = [row for row in rows if row.benchmark.startswith("XTREME") and not row.derived]
    for candidates in (rows, *preferred, of_benchmark):
        if candidates and all(abs(row.percent - candidates[0].percent) < _PRINTED for row in candidates):
            return candidates[0]
    return None


def _contradiction(rows: Sequence[Record], given: str) -> str:
    said = ", ".join(dict.fromkeys(row.source for row in rows))
    return f"publications disagree about {given} ({rows[0].metric}: {said}); choose one with --source"


def _note(rows: Iterable[Record]) -> str:
    """Where the numbers are from, and how sure that is unless they were read in the publication itself."""
    said = (row.source if row.confidence == "seen" else f"{row.source} ({row.confidence})" for row in rows)
    return ", ".join(dict.fromkeys(said))


def common_languages(family: Family, one: Side, other: Side) -> list[str]:
    """Languages of the family that both sides have, English first, then in the benchmark's order."""
    leaves = set(one.scores) & set(other.scores)
    found = [language for language in family.languages if family.leaf(language) in leaves]
    return sorted(found, key=lambda language: language != family.spelled("en"))
