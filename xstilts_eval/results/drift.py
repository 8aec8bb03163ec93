"""`xstilts regress NEW --against RESULTS`: whether a run has drifted from another one on the same documents.

The null hypothesis is that both are one system: which answer to a document is whose is then a matter of chance, and the
two may be swapped, document by document (approximate randomization, as in `results.compare`). Three tests follow:

* *pooled*: the mean difference over all datasets, each counted once;
* *dataset*: the mean difference over a dataset's languages;
* *languages*: the largest difference of a language over its standard deviation under swaps, compared with the
  largest of every draw (Westfall and Young 1993): one language that falls while another rises leaves the mean alone.

They share the level `ALPHA` (Bonferroni): the pooled test has half of it, the others the rest in equal parts. With a
tolerance none of this decides, but whether a difference of means is larger than it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean

import numpy as np

from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.errors import MissingData, PredictionError
from xstilts_eval.metrics import significance
from xstilts_eval.metrics.bootstrap import are_enough
from xstilts_eval.metrics.significance import Array
from xstilts_eval.results import alignment, compare, sides, statistics
from xstilts_eval.results.alignment import Holdings, Reader
from xstilts_eval.results.estimates import Drawn, Options, draw
from xstilts_eval.results.sides import Side

ALPHA = 0.05
POWER = 0.8
"""Chance with which a drift that counts as visible turns the check red."""
_POOLED_SHARE = 0.5
_EXACT = 1e-9
"""Points: differences below are sums in another order."""
_STEP = 1e-5
"""Of a count, for the slope of a score."""
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Drift:
    """A dataset, or all of them (`family` None): points of the reference and of the new run, and their difference.

    `p` is that of the mean and `p_languages` that of the languages, each to be compared with `level`; None without
    samples, or where there is one language. `detects` is the smallest drift of the mean that is found with a chance of
    `POWER`, None where it is not known. `largest` is the language that moved most, and how far.
    """

    family: Family | None
    languages: tuple[str, ...]
    reference: float
    score: float
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_languages: float | None = None
    level: float | None = None
    detects: float | None = None
    largest: tuple[str, float] | None = None
    tolerance: float | None = None

    @property
    def name(self) -> str:
        return self.family.title if self.family else "all datasets"

    @property
    def difference(self) -> float:
        return self.score - self.reference

    @property
    def has_drifted(self) -> bool:
        if self.tolerance is not None:
            return abs(self.difference) > self.tolerance + _EXACT
        return self.level is not None and any(p is not None and p <= self.level for p in (self.p, self.p_languages))


@dataclass(frozen=True)
class Report:
    """The verdicts on a run; `missing` are tasks of the reference that it lacks, `added` those that it alone has.

    `settings` differ between the two: the reference's value and the new one.
    """

    reference: Side
    new: Side
    datasets: tuple[Drift, ...]
    pooled: Drift | None
    missing: tuple[str, ...]
    added: tuple[str, ...]
    settings: Mapping[str, tuple[str, str]]
    may_miss: bool
    tolerance: float | None

    @property
    def drifted(self) -> list[Drift]:
        return [one for one in (*self.datasets, *filter(None, (self.pooled,))) if one.has_drifted]

    @property
    def has_passed(self) -> bool:
        return not self.drifted and (self.may_miss or not self.missing)


def regress(
    reference: Side,
    new: Side,
    tolerance: float | None = None,
    may_miss: bool = False,
    options: Options = Options(),
) -> Report:
    """Verdicts on the datasets that both have.

    Raises `PredictionError` for other data, split, documents or versions, for several seeds and for nothing in common,
    and `MissingData` without samples, unless a `tolerance` decides.
    """
    for side in (reference, new):
        if len(side.runs) > 1:
            raise PredictionError(
                f"{side.given} holds {len(side.runs)} seeds; a regression is of one run: give one of them, such as "
                f"{side.runs[0]} (xstilts compare takes seeds together)"
            )
    missing = tuple(leaf for leaf in reference.scores if leaf not in new.scores)
    added = tuple(leaf for leaf in new.scores if leaf not in reference.scores)
    found = {family: codes for family in FAMILIES.values() if (codes := sides.common_languages(family, reference, new))}
    if not found:
        holdings = (Holdings(side.name, side.scores) for side in (reference, new))
        raise alignment.nothing_in_common(reference.given, new.given, alignment.only_in_one(*holdings))
    for family, codes in found.items():
        for code in codes:
            if differing := sides.differing(reference.scores[family.leaf(code)], new.scores[family.leaf(code)]):
                raise alignment.refusal(family.leaf(code), [reference.name, new.name], differing)
    reader = Reader()
    drawn = {family: _drawn(reader, reference, new, family, codes, options) for family, codes in found.items()}
    lacking = [family.title for family, found_ in drawn.items() if found_ is None]
    if lacking and tolerance is None:
        raise MissingData(
            f"no samples of {', '.join(lacking)} in {reference.given} or {new.given}, and the paired test needs those "
            "of both; keep the folder samples/ of xstilts eval, or give --tolerance POINTS"
        )
    datasets = [_dataset(reference, new, family, codes, drawn[family]) for family, codes in found.items()]
    pooled = _pooled(datasets, list(drawn.values())) if len(datasets) > 1 else None
    datasets, pooled = _with_levels(datasets, pooled, drawn, tolerance)
    return Report(
        reference, new, tuple(datasets), pooled, missing, added, compare.settings(reference, new), may_miss, tolerance
    )


@dataclass(frozen=True)
class _Draws:
    """Of a dataset by language: draws, and the standard deviation of the difference under swaps, points."""

    drawn: Mapping[str, Drawn]
    deviations: Mapping[str, float]


def _drawn(
    reader: Reader, reference: Side, new: Side, family: Family, codes: Sequence[str], options: Options
) -> _Draws | None:
    """Draws of every language, None where one has no samples; every dataset has draws of its own."""
    tables: dict[str, Array] = {}
    for code in codes:
        pairs = [(side.runs[0], side.scores[family.leaf(code)].results[0]) for side in (reference, new)]
        try:
            table = reader.side_by_side(pairs)
        except MissingData:
            return None
        if table is None:
            names = [reference.name, new.name]
            raise alignment.refusal(family.leaf(code), names, ["the samples are of other documents"])
        tables[code] = table
    place = list(FAMILIES.values()).index(family)
    drawn = draw(family, tables, 1, replace(options, seed=options.seed + place))
    return _Draws(drawn, {code: _deviation(family, table) for code, table in tables.items()})


def _deviation(family: Family, table: Array) -> float:
    """To first order, from the counts [2, units, counts] alone: languages with the same counts have the same."""
    moved, middle = table[1] - table[0], table.sum(axis=(0, 1)) / 2
    steps = np.diag(np.maximum(np.abs(middle), 1.0) * _STEP)
    up, down = (statistics.scores(family, middle + sign * steps) for sign in (1, -1))
    slopes = (up - down) / (2 * np.diag(steps))
    return 100 * float(np.sqrt(np.sum((moved @ slopes) ** 2)))


def _dataset(reference: Side, new: Side, family: Family, codes: Sequence[str], drawn: _Draws | None) -> Drift:
    before, after = ({code: side.scores[family.leaf(code)].mean for code in codes} for side in (reference, new))
    moved = {code: after[code] - before[code] for code in codes}
    most = max(codes, key=lambda code: abs(moved[code]))
    found = Drift(
        family, tuple(codes), fmean(before.values()), fmean(after.values()),
        largest=(most, moved[most]) if len(codes) > 1 else None,
    )  # fmt: skip
    if drawn is None:
        return found
    p = significance.randomization_p(_null(drawn), found.difference)
    p_languages = _largest_p(drawn, moved) if len(codes) > 1 else None
    interval = None
    if all(are_enough(one.units) for one in drawn.drawn.values()):
        interval = significance.percentile_interval(_moved(drawn))
    return replace(found, interval=interval, p=p, p_languages=p_languages)


def _null(drawn: _Draws) -> Array:
    """Differences of the means over languages under swaps, points."""
    return _mean([one.null for one in drawn.drawn.values() if one.null is not None])


def _moved(drawn: _Draws) -> Array:
    """Differences of the means over languages under resampled documents, points."""
    return _mean([one.other - one.reference for one in drawn.drawn.values()])


def _mean(draws: Sequence[Array]) -> Array:
    return np.asarray(np.mean(draws, axis=0), dtype=np.float64)


def _largest_p(drawn: _Draws, moved: Mapping[str, float]) -> float:
    """p of the largest standardized difference among those of the draws, without languages that no swap moves."""
    nulls = np.array([one.null for one in drawn.drawn.values()])
    differences = np.array([moved[code] for code in drawn.drawn])
    deviations = np.array([drawn.deviations[code] for code in drawn.drawn])
    moves = deviations > _EXACT
    if not moves.any():
        return 1.0
    largest = np.abs(nulls[moves] / deviations[moves, None]).max(axis=0)
    return significance.randomization_p(largest, float(np.abs(differences[moves] / deviations[moves]).max()))


def _pooled(datasets: Sequence[Drift], drawn: Sequence[_Draws | None]) -> Drift:
    reference, score = fmean(one.reference for one in datasets), fmean(one.score for one in datasets)
    languages = tuple(dict.fromkeys(code for one in datasets for code in one.languages))
    found = Drift(None, languages, reference, score)
    known = [one for one in drawn if one is not None]
    if len(known) < len(drawn):
        return found
    p = significance.randomization_p(_mean([_null(one) for one in known]), found.difference)
    interval = None
    if all(are_enough(language.units) for one in known for language in one.drawn.values()):
        interval = significance.percentile_interval(_mean([_moved(one) for one in known]))
    return replace(found, interval=interval, p=p)


def _with_levels(
    datasets: Sequence[Drift], pooled: Drift | None, drawn: Mapping[Family, _Draws | None], tolerance: float | None
) -> tuple[list[Drift], Drift | None]:
    """The same with the level of each test and what it can see, or with the tolerance that decides instead."""
    if tolerance is not None:
        held = [replace(one, tolerance=tolerance, detects=tolerance) for one in datasets]
        return held, replace(pooled, tolerance=tolerance, detects=tolerance) if pooled else None
    tests = sum(1 + (one.p_languages is not None) for one in datasets)
    share = (1 - _POOLED_SHARE if pooled else 1.0) * ALPHA / tests
    known = {family: found for family, found in drawn.items() if found is not None}
    found = [
        replace(one, level=share, detects=_visible({family: known[family]}, share))
        for one, family in zip(datasets, known, strict=True)
    ]
    if pooled:
        level = _POOLED_SHARE * ALPHA
        pooled = replace(pooled, level=level, detects=_visible(known, level))
    return found, pooled


def _visible(drawn: Mapping[Family, _Draws], level: float) -> float | None:
    """The smallest drift (points) of the mean over datasets that is found at this level with a chance of `POWER`.

    The larger of two bounds. By the documents on which the two differ already: z of the level and of the power, times
    the standard deviation under swaps. And by their number, as few cannot be too uneven for chance: k that differ, all
    in one direction, have p = 2^(1 - k), with k of the smallest language. Of metrics that are no means over documents
    the second is not known, and nothing is said where the two do not differ at all.
    """
    deviation = float(_mean([_null(one) for one in drawn.values()]).std())
    by_noise = (_NORMAL.inv_cdf(1 - level / 2) + _NORMAL.inv_cdf(POWER)) * deviation
    fewest = math.ceil(1 - math.log2(level))
    by_number = [
        100 * fewest / min(one.units for one in found.drawn.values()) / len(found.drawn) / len(drawn)
        for family, found in drawn.items()
        if family.scoring.statistic == "mean"
    ]
    return max(by_noise, *by_number) if by_number else by_noise or None
