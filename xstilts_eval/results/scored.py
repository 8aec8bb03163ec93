"""Models beside each other: one estimate per language and dataset, over the seeds of a run or of a published model.

Every seed's scoreboard is read once. `xstilts score`, `xstilts report` and the tables for papers take their numbers
here.
"""

from __future__ import annotations

import statistics as simple
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts_eval.benchmark import FAMILIES, SUITES, Family, leaf_parts
from xstilts_eval.errors import PredictionError, SettingError
from xstilts_eval.results import alignment, run, scoreboard, seeds, sides
from xstilts_eval.results.alignment import Mismatch
from xstilts_eval.results.record import RunResult
from xstilts_eval.results.scoreboard import Cell, FamilyRow, Scoreboard
from xstilts_eval.results.sides import ZOO, Score, Side, sources_in

Interval = tuple[float, float]
PUBLISHED = "ᵖ"
"""Marks a score that was published; what has no mark was measured."""


@dataclass(frozen=True)
class Estimate:
    """A score or gap in points: the mean over seeds with its 95 % interval, where one is known.

    Of one seed the interval is the scoreboard's own. Over more it joins the documents' half-width (the mean of the
    seeds': they share their documents, so their mean is no less uncertain than that at most) and, from three seeds on,
    that of a t-interval over seeds, in quadrature, as `results.gains` does. `source` names where a published score
    stands; the mean of published scores has none.
    """

    value: float
    interval: Interval | None
    by_seed: tuple[float, ...]
    is_published: bool = False
    source: str = ""

    @property
    def half_width(self) -> float | None:
        return (self.interval[1] - self.interval[0]) / 2 if self.interval else None


@dataclass(frozen=True)
class Scored:
    """One family of a run; `gap` is the transfer gap, `rows` the scoreboard's row of every seed.

    `covered` are the languages that the mean is over: of a published mean all of the family's, whatever is published of
    each. A published family has no `rows`.
    """

    family: Family
    languages: dict[str, Estimate]
    mean: Estimate
    gap: Estimate | None
    rows: tuple[FamilyRow, ...]
    covered: frozenset[str]

    @property
    def english(self) -> Estimate:
        """The score in English; `KeyError` without one."""
        return self.languages[self.family.spelled("en")]

    @property
    def others(self) -> float | None:
        """Mean score of the languages but English, points; None where there is no transfer gap."""
        return self.english.value - self.gap.value if self.gap else None

    @property
    def is_whole(self) -> bool:
        return self.covered == frozenset(self.family.languages)


@dataclass(frozen=True)
class Run(run.Run):
    """One model: a run over its seeds, or what is published of one; its scores by family, of categories and overall.

    `published` is the side that publications make; without one everything was measured. `notes` say what a reader must
    know of the whole.
    """

    families: dict[str, Scored]
    categories: dict[str, Estimate]
    overall: Estimate | None
    is_sample: bool
    published: Side | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_published(self) -> bool:
        return self.published is not None

    @property
    def origin(self) -> str:
        """``published`` or ``measured``."""
        return "published" if self.is_published else "measured"

    @property
    def means(self) -> dict[str, Estimate]:
        """Categories, and the overall score where there is one."""
        return self.categories | ({"overall": self.overall} if self.overall else {})

    def scores(self) -> Mapping[str, Score]:
        """Every leaf's score, with the results that it came from."""
        if self.published is not None:
            return self.published.scores
        return {leaf: Score(tuple(one.points for one in found), tuple(found)) for leaf, found in self.leaves().items()}


Published = Callable[[str], Side]
"""Reads the side that a model of the zoo makes, given ``zoo:MODEL``."""


def read(
    given: Sequence[str],
    inner: Sequence[str],
    published: Published | None = None,
    only: Collection[str] | None = None,
) -> list[Run]:
    """Models given as PATH, NAME=PATH, ``zoo:MODEL`` or ``NAME=zoo:MODEL``.

    PATH is a results file, an output folder of `xstilts eval` or `lm_eval`, or a folder with ``seed-N/INNER``; `only`
    names the leaves that are wanted. Of a model of the zoo the families are taken that one of the runs has. Raises
    `PredictionError` for runs that cannot stand beside each other, `SettingError` for two of one name.
    """
    named = [_named(text) for text in given]
    paths = [path for _, path in named if not path.startswith(ZOO)]
    short = dict(zip(paths, run.names(paths), strict=True))
    runs = []
    for name, path in named:
        if not path.startswith(ZOO):
            runs.append(of_run(run.read(Path(path), inner, name or short[path], only)))
        elif published is not None:
            runs.append(of_side(published(path), name or path.removeprefix(ZOO)))
        else:
            raise SettingError(f"{path} is a model of the zoo; only results are taken here")
    check(runs)
    return _in_question(runs)


def _in_question(runs: Sequence[Run]) -> list[Run]:
    """The runs, of published ones the families alone that something measured stands beside, where anything does."""
    measured = [one for one in runs if not one.is_published]
    groups = {group for one in measured or runs for group in one.families}
    means = {name for one in measured or runs for name in one.means}
    return [one if one.published is None else _restricted(one, one.published, groups, means) for one in runs]


def _restricted(one: Run, side: Side, groups: Set[str], means: Set[str]) -> Run:
    """A published model with these families and means alone, their sources, and why some of their scores are absent."""
    families = {group: found for group, found in one.families.items() if group in groups}
    estimates = [found for of_family in families.values() for found in (*of_family.languages.values(), of_family.mean)]
    used = {key for found in estimates for key in sources_in(found.source)}
    unusable: dict[str, list[str]] = {}
    for group, family in FAMILIES.items():
        places = {family.leaf(code): code for code in family.languages} | {f"{group} average": "average"}
        for place, code in places.items() if group in groups else ():
            if place in side.unusable:
                unusable.setdefault(f"{family.title}, {side.unusable[place]}", []).append(code)
    left_out = (f"{reason} ({' '.join(codes)})" for reason, codes in unusable.items())
    return replace(
        one,
        families=families,
        categories={name: found for name, found in one.categories.items() if name in means},
        overall=one.overall if "overall" in means else None,
        published=replace(side, sources={key: title for key, title in side.sources.items() if key in used}),
        notes=(*one.notes, *left_out),
    )


def parts_joined(runs: Sequence[Run]) -> list[Run]:
    """The same models; results of one checkpoint that hold different tasks become one, under the checkpoint's name."""
    found: list[Run] = []
    for one in runs:
        place = next((i for i, other in enumerate(found) if _are_parts(other, one)), None)
        if place is None:
            found.append(one)
            continue
        other = found[place]
        folders = {str(given): {run.SINGLE: given} for given in (*other.places, *one.places)}
        results = {run.SINGLE: (*other.results[run.SINGLE], *one.results[run.SINGLE])}
        found[place] = of_run(run.Run(one.checkpoints[0], other.given, folders, results))
    return found


def _are_parts(one: Run, other: Run) -> bool:
    if one.is_published or other.is_published or [*one.results] != [run.SINGLE] or [*other.results] != [run.SINGLE]:
        return False
    (first, *_), (second, *_) = one.results[run.SINGLE], other.results[run.SINGLE]
    return first.is_of(second) and one.limits == other.limits and not one.leaves().keys() & other.leaves().keys()


def check(runs: Sequence[Run]) -> None:
    """Raise `SettingError` for two runs of one name, `PredictionError` for the sample beside real data."""
    names = [one.name for one in runs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SettingError(f"two runs are called {twice}; give each its own name, as in NAME=PATH")
    if len({one.is_sample for one in runs}) > 1:
        sample = next(one.name for one in runs if one.is_sample)
        others = "published" if all(one.is_sample or one.is_published for one in runs) else "on real data"
        raise PredictionError(f"{sample} was scored on the bundled sample and others are {others}; report them apart")


def _named(text: str) -> tuple[str, str]:
    name, sign, path = text.partition("=")
    is_named = sign and not text.startswith(ZOO) and not Path(text).exists()
    return (name, path) if is_named else ("", text)


def of_run(found: run.Run) -> Run:
    """A run with its scores over seeds; raises `PredictionError` for seeds that have not scored the same."""
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


def of_side(side: Side, name: str) -> Run:
    """A published model: its languages as they were published, its means where they or all languages were."""
    families: dict[str, Scored] = {}
    for group, family in FAMILIES.items():
        found = {code: side.scores[leaf] for code in family.languages if (leaf := family.leaf(code)) in side.scores}
        if found or group in side.averages:
            families[group] = _published(family, found, side.averages.get(group))
    categories, overall = _means(families)
    return Run(
        name=name,
        given=Path(side.given),
        folders={},
        results={},
        families=families,
        categories=categories,
        overall=overall,
        is_sample=False,
        published=side,
        notes=side.notes,
    )


def _published(family: Family, found: Mapping[str, Score], average: Score | None) -> Scored:
    languages = {code: _as_published(score) for code, score in found.items()}
    english = family.spelled("en")
    others = [score.mean for code, score in found.items() if code != english]
    gap = _single(found[english].mean - simple.fmean(others)) if english in found and others else None
    mean = _as_published(average) if average else _single(simple.fmean(score.mean for score in found.values()))
    return Scored(family, languages, mean, gap, rows=(), covered=frozenset(family.languages if average else languages))


def _as_published(score: Score) -> Estimate:
    return Estimate(score.mean, None, score.points, is_published=True, source=score.note)


def _single(value: float) -> Estimate:
    return Estimate(value, None, (value,), is_published=True)


def _means(families: Mapping[str, Scored]) -> tuple[dict[str, Estimate], Estimate | None]:
    """XTREME's categories and overall score of published families, each only where all of its families are whole."""
    suite = SUITES["xtreme"]
    whole = {one.family.name: one.mean.value for one in families.values()
             if one.family.suite == suite.name and one.is_whole}  # fmt: skip
    categories = {
        category.value: _single(simple.fmean(whole[name] for name in names))
        for category, names in suite.categories.items()
        if all(name in whole for name in names)
    }
    has_all = all(family.name in whole for family in suite.families)
    return categories, _single(simple.fmean(whole.values())) if has_all else None


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
            language: joined([cell.score for cell in found], [interval(family, cell) for cell in found])
            for language, found in cells.items()
        },
        mean=joined([row.score for row in rows], [row.interval for row in rows]),
        gap=_gap(gaps, [interval(family, cell) for found in cells.values() for cell in found]),
        rows=tuple(rows),
        covered=frozenset(cells),
    )


def _gap(values: Sequence[float], known: Sequence[Interval | None]) -> Estimate | None:
    """No interval where a language has none: over seeds alone it would look surer than the languages it is made of."""
    if not values:
        return None
    found = over_seeds_alone(values)
    return found if all(known) else replace(found, interval=None)


def interval(family: Family, cell: Cell) -> Interval | None:
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
    first: dict[str, tuple[str, Score]] = {}
    for one in runs:
        for leaf, score in one.scores().items():
            name, reference = first.setdefault(leaf, (one.name, score))
            if reason := _difference(reference, score):
                found[one.name, leaf] = f"{reason} than {name}"
    return found


@dataclass(frozen=True)
class Apart:
    """A family whose mean cannot stand beside those of the other runs, and the sentence that says why."""

    run: str
    group: str
    why: str


def apart(runs: Sequence[Run]) -> list[Apart]:
    """Families with other documents, metrics or languages than those of the first run that has them."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for (name, leaf), reason in differences(runs).items():
        family, language = leaf_parts(leaf)
        reasons.setdefault((name, family.group, reason), []).append(language)
    found = [
        Apart(name, group, f"{name}: {FAMILIES[group].title} ({' '.join(codes)}) was scored on {reason}")
        for (name, group, reason), codes in reasons.items()
    ]
    first: dict[str, Run] = {}
    for one in runs:
        for group, of_family in one.families.items():
            reference = first.setdefault(group, one)
            if differing := of_family.covered ^ reference.families[group].covered:
                codes = " ".join(sorted(differing)[:6]) + (" …" if len(differing) > 6 else "")
                title = FAMILIES[group].title
                why = f"the mean of {title} is over other languages than that of {reference.name} ({codes})"
                found.append(Apart(one.name, group, f"{one.name}: {why}"))
    return found


_DIFFERS = {"data": "other data", "limit": "another limit"}


def _difference(one: Score, other: Score) -> str:
    """The first thing that keeps two scores apart, in words that are the same for all languages."""
    if not (one.results and other.results):
        reasons = sides.differing(one, other)
        return f"other data ({reasons[0]})" if reasons else ""
    mismatches = (alignment.comparable(one.results[0], result) for result in other.results)
    return next((_in_words(found[0]) for found in mismatches if found), "")


def _in_words(mismatch: Mismatch) -> str:
    if mismatch.what == "split":
        return f"another split ({mismatch.second}, not {mismatch.first})"
    if mismatch.what == "documents":
        return f"another number of documents ({mismatch.second}, not {mismatch.first})"
    return _DIFFERS.get(mismatch.what, "another version of task or metric")
