"""The sides of a comparison as users name them: runs, or models of the zoo, whose published rows make a side."""

from __future__ import annotations

import statistics as simple
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import PredictionError, SettingError, UnknownName
from xstilts_eval.results.sides import ZOO, Score, Side, of_run, short_names, sources_in
from xstilts_eval.zoo.manifest import Record, load
from xstilts_eval.zoo.selection import selected

_OTHER_SETTINGS = ("translate-", "train on all", "human", "after fine-tuning")
"""Settings of the zoo that are no zero-shot transfer and so never stand against one."""

_PRINTED = 0.06
"""Points: values that differ by less are one number, printed with one digit or with more."""


def read_all(
    given: Sequence[str], inner: str = "eval", sources: Sequence[str] = (), only: Collection[str] | None = None
) -> list[Side]:
    """All sides, under short names of their own: the part of the path in which they differ.

    Raises what `read` raises, and `SettingError` for fewer than two or for a side given twice.
    """
    if len(given) < 2:
        raise SettingError(f"a comparison needs at least two results, got {len(given)}")
    places = [text if text.startswith(ZOO) else str(Path(text)) for text in given]
    if twice := sorted({text for text in places if places.count(text) > 1}):
        raise SettingError(f"{twice[0]} is given twice; a result cannot be compared with itself")
    return [read(text, name, inner, sources, only) for text, name in zip(given, short_names(given), strict=True)]


def read(
    given: str,
    name: str | None = None,
    inner: str = "eval",
    sources: Sequence[str] = (),
    only: Collection[str] | None = None,
) -> Side:
    """One side: a results file, an output folder, a run with ``seed-N/inner`` inside, or ``zoo:MODEL[@stage]``.

    `sources` are keys of the zoo that are preferred where publications disagree, `only` the names of wanted leaves.

    Raises `MissingData` for what is not there, `UnknownName` for a model of the zoo that does not exist,
    `PredictionError` for files that cannot be read, seeds that scored other data, or scores out of range, and
    `NumericError` for NaN.
    """
    if given.startswith(ZOO):
        return _published(given, name or given, sources, only)
    return of_run(given, name, inner, only)


def _published(given: str, name: str, sources: Sequence[str], only: Collection[str] | None) -> Side:
    zoo = load()
    for source in sources:
        if source not in zoo.sources:
            raise UnknownName.of("source of the zoo", source, zoo.sources)
    records = selected(zoo.of(*zoo.parse(given.removeprefix(ZOO))), only)
    if only is not None and not records:
        raise SettingError(f"{given} has no number of these --tasks; xstilts zoo show says what is published")
    side = of_records(records, given, name, sources)
    used = {key for score in (*side.scores.values(), *side.averages.values()) for key in sources_in(score.note)}
    return replace(side, sources={key: f"{one.title}, {one.table}" for key, one in zoo.sources.items() if key in used})


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
        why = next(iter(unusable.values()), f"{given} has no zero-shot score of a dataset of this package")
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
