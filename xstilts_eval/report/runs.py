"""The runs of a report: every seed's scoreboard read once, and one estimate per language and family over the seeds."""

from __future__ import annotations

import statistics as simple
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.errors import PredictionError, SettingError
from xstilts_eval.results import alignment, run, scoreboard, seeds
from xstilts_eval.results.alignment import Mismatch
from xstilts_eval.results.record import LeafResult, RunResult
from xstilts_eval.results.scoreboard import Cell, FamilyRow, Scoreboard

Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A score or gap in points: the mean over seeds with its 95 % interval, where one is known.

    Of one seed the interval is the scoreboard's own. Over more it joins the documents' half-width (the mean of the
    seeds': they share their documents, so their mean is no less uncertain than that at most) and, from three seeds on,
    that of a t-interval over seeds, in quadrature, as `results.gains` does.
    """

    value: float
    interval: Interval | None
    by_seed: tuple[float, ...]

    @property
    def half_width(self) -> float | None:
        return (self.interval[1] - self.interval[0]) / 2 if self.interval else None


@dataclass(frozen=True)
class Scored:
    """One family of a run; `gap` is the transfer gap, `rows` the scoreboard's row of every seed."""

    family: Family
    languages: dict[str, Estimate]
    mean: Estimate
    gap: Estimate | None
    rows: tuple[FamilyRow, ...]

    @property
    def others(self) -> float | None:
        """Mean score of the languages but English, points; None where there is no transfer gap."""
        return self.languages["en"].value - self.gap.value if self.gap else None


@dataclass(frozen=True)
class Run(run.Run):
    """One row of the report: a run, with its scores by family, of its categories and overall, over its seeds."""

    families: dict[str, Scored]
    categories: dict[str, Estimate]
    overall: Estimate | None
    is_sample: bool


def read(given: Sequence[str], inner: Sequence[str], only: Collection[str] | None = None) -> list[Run]:
    """Runs given as PATH or NAME=PATH; raises `PredictionError` for runs that cannot stand in one report.

    PATH is a results file, an output folder of `xstilts eval` or `lm_eval`, or a folder with ``seed-N/INNER``.
    """
    named = [_named(text) for text in given]
    short = run.names([str(path) for _, path in named])
    runs = [
        _scores(run.read(path, inner, name or found, only)) for (name, path), found in zip(named, short, strict=True)
    ]
    names = [one.name for one in runs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SettingError(f"two runs are called {twice}; give each its own name, as in NAME=PATH")
    if len({one.is_sample for one in runs}) > 1:
        sample = next(one.name for one in runs if one.is_sample)
        raise PredictionError(f"{sample} was scored on the bundled sample and others on real data; report them apart")
    return runs


def _named(text: str) -> tuple[str, Path]:
    name, sign, path = text.partition("=")
    return (name, Path(path)) if sign and not Path(text).exists() else ("", Path(text))


def _scores(found: run.Run) -> Run:
    name = found.name
    boards = [_boards(name, parts) for parts in found.results.values()]
    families = [{group: row for board in seed for group, row in board.families.items()} for seed in boards]
    groups = list(families[0])
    if stray := {group for rows in families for group in rows if any(group not in other for other in families)}:
        raise PredictionError(f"{name}: not every seed has scored {min(stray)}; score the same tasks for each")
    whole = [seed[0] for seed in boards if len(seed) == 1]
    is_whole = len(whole) == len(boards)
    return Run(
        name=name,
        given=found.given,
        folders=found.folders,
        results=found.results,
        families={group: _scored(name, [rows[group] for rows in families]) for group in groups},
        categories=_formed({c: [b.categories[c] for b in whole] for c in whole[0].categories}) if is_whole else {},
        overall=_formed({"overall": [board.overall for board in whole]}).get("overall") if is_whole else None,
        is_sample=boards[0][0].is_sample,
    )


def _boards(name: str, parts: Sequence[RunResult]) -> list[Scoreboard]:
    """One scoreboard per limit, in the order given: limited results form no overall score with others."""
    limits = list(dict.fromkeys(part.limit for part in parts))
    boards = [scoreboard.build([part for part in parts if part.limit == limit]) for limit in limits]
    groups = [group for board in boards for group in board.families]
    if twice := next((group for group in groups if groups.count(group) > 1), None):
        raise PredictionError(f"{name}: {twice} was scored with two limits; leave one of the folders out")
    return boards


def _scored(name: str, rows: Sequence[FamilyRow]) -> Scored:
    first = rows[0]
    for row in rows[1:]:
        if differing := set(row.cells) ^ set(first.cells):
            raise PredictionError(
                f"{name}: not every seed has scored {row.group} in {min(differing)}; score it for each"
            )
    cells = {language: [row.cells[language] for row in rows] for language in first.cells}
    gaps = [row.transfer_gap for row in rows if row.transfer_gap is not None]
    family = FAMILIES[first.group]
    return Scored(
        family=family,
        languages={
            language: joined([cell.score for cell in found], [_interval(family, cell) for cell in found])
            for language, found in cells.items()
        },
        mean=joined([row.score for row in rows], [row.interval for row in rows]),
        gap=_gap(gaps, [_interval(family, cell) for found in cells.values() for cell in found]),
        rows=tuple(rows),
    )


def _gap(values: Sequence[float], known: Sequence[Interval | None]) -> Estimate | None:
    """No interval where a language has none: over seeds alone it would look surer than the languages it is made of."""
    if not values:
        return None
    found = over_seeds_alone(values)
    return found if all(known) else replace(found, interval=None)


def _interval(family: Family, cell: Cell) -> Interval | None:
    """Of the official score; for question answering the mean of the ends of F1's and exact match's.

    The two rise and fall together, and if they did not, their mean's interval would be narrower still.
    """
    found = [cell.intervals[metric] for metric in family.official if metric in cell.intervals]
    if len(found) < len(family.official):
        return None
    return simple.fmean(low for low, _ in found), simple.fmean(high for _, high in found)


def joined(values: Sequence[float], intervals: Sequence[Interval | None]) -> Estimate:
    """One estimate from the scores of the seeds, points, and the documents' interval of each; none without theirs."""
    mean, count = simple.fmean(values), len(values)
    if count == 1:
        return Estimate(mean, intervals[0], tuple(values))
    widths = [(known[1] - known[0]) / 2 for known in intervals if known]
    half = seeds.joint_half_width(simple.fmean(widths) if len(widths) == count else None, values)
    return Estimate(mean, None if half is None else (mean - half, mean + half), tuple(values))


def over_seeds_alone(values: Sequence[float]) -> Estimate:
    """One estimate of what has no interval over documents of its own: a gap, a category, the overall score."""
    mean, half = simple.fmean(values), seeds.over_seeds(values)
    return Estimate(mean, None if half is None else (mean - half, mean + half), tuple(values))


def _formed(values: Mapping[str, Sequence[float | None]]) -> dict[str, Estimate]:
    """Over seeds, where every seed has a number."""
    known = {name: [score for score in scores if score is not None] for name, scores in values.items()}
    return {name: over_seeds_alone(scores) for name, scores in known.items() if len(scores) == len(values[name])}


def differences(runs: Sequence[Run]) -> dict[tuple[str, str], str]:
    """Scores that cannot stand beside those of the first run that has the leaf: (run, leaf) to what differs."""
    found: dict[tuple[str, str], str] = {}
    first: dict[str, tuple[str, LeafResult]] = {}
    for one in runs:
        for leaf, results in one.leaves().items():
            reference = first.setdefault(leaf, (one.name, results[0]))
            if reason := next(filter(None, (_difference(reference[1], other) for other in results)), None):
                found[one.name, leaf] = f"{reason} than {reference[0]}"
    return found


_DIFFERS = {"data": "other data", "limit": "another limit"}


def _difference(one: LeafResult, other: LeafResult) -> str:
    """The first thing that keeps two results apart, in words that are the same for all languages."""
    found = alignment.comparable(one, other)
    return _in_words(found[0]) if found else ""


def _in_words(mismatch: Mismatch) -> str:
    if mismatch.what == "split":
        return f"another split ({mismatch.second}, not {mismatch.first})"
    if mismatch.what == "documents":
        return f"another number of documents ({mismatch.second}, not {mismatch.first})"
    return _DIFFERS.get(mismatch.what, "another version of task or metric")
