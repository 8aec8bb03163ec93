"""`xstilts analyze scaling`: rows of models with sizes to fits, side by side for multilingual and monolingual bases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xstilts_eval.analysis.observations import seeds_line_of
from xstilts_eval.analysis.scaling import fits as scaling
from xstilts_eval.analysis.scaling.fits import Band, Difference, Doubling, PowerLaw, Saturating
from xstilts_eval.analysis.stats import level as levels
from xstilts_eval.analysis.stats import multiplicity, power
from xstilts_eval.analysis.stats.level import Level
from xstilts_eval.analysis.stats.multiplicity import PageTest
from xstilts_eval.analysis.stats.power import Smallest
from xstilts_eval.analysis.stats.regression import MINIMUM, Vector
from xstilts_eval.errors import NumericError, PredictionError
from xstilts_eval.wording import counted

TOTAL, BARE = "parameters", "parameters without embeddings"


@dataclass(frozen=True)
class Sized:
    """One model: outcome in points with its half-width, parameters in all and of the embeddings (None: unknown).

    `baseline` is the score that a gain starts from (points), `seeds` the training runs behind it; None where not known.
    `left_out` names languages of the model that others lack, which are not in its mean.
    """

    model: str
    benchmark: str
    outcome: str
    value: float
    half_width: float | None
    parameters: float
    embedding_parameters: float | None
    group: str = "all"
    bases: str = "multilingual"
    language: str = "avg"
    baseline: float | None = None
    seeds: int | None = None
    left_out: tuple[str, ...] = ()

    @property
    def bare(self) -> float | None:
        return None if self.embedding_parameters is None else self.parameters - self.embedding_parameters


@dataclass(frozen=True)
class Fit:
    """The fits over one kind of bases and one way of counting; power law and saturation for levels of one group.

    `level` sets log₂ of the parameters beside the baseline's level (unweighted), for gains whose baseline is known.
    """

    bases: str
    counting: str
    doubling: Doubling
    bands: tuple[Band, ...]
    power_law: PowerLaw | None
    saturating: Saturating | None
    level: Level | None = None


@dataclass(frozen=True)
class ScalingReport:
    """Everything the command says; `refused` maps what was not fitted to the reason.

    `counting` says which parameters `difference` counts: without embeddings where these are known of all models, since
    a large table hides what the blocks add.
    """

    benchmark: str
    outcome: str
    points: tuple[Sized, ...]
    fits: tuple[Fit, ...]
    difference: Difference | None
    counting: str
    refused: dict[str, str]
    notes: tuple[str, ...]
    smallest: tuple[Smallest, ...] = ()
    tests: tuple[PageTest, ...] = ()


def analyse(points: Sequence[Sized]) -> ScalingReport:
    """Fits for each kind of bases with at least five points, on both counts of parameters where both are known.

    Raises `PredictionError` for mixed benchmarks or outcomes, `NumericError` when nothing can be fitted.
    """
    for what in ("benchmark", "outcome"):
        found = sorted({getattr(point, what) for point in points})
        if len(found) != 1:
            raise PredictionError(f"one {what} at a time can be fitted; there are {', '.join(found) or 'none'}")
    names = [(point.model, point.parameters) for point in points]
    if len(set(names)) != len(names):
        raise PredictionError(f"{next(n for n in names if names.count(n) > 1)[0]} occurs twice; keep one value of it")
    fits: list[Fit] = []
    refused: dict[str, str] = {}
    points = _of_enough_sizes(points, refused)
    for bases in sorted({point.bases for point in points}):
        own = [point for point in points if point.bases == bases]
        for counting in (TOTAL, BARE):
            label = f"{bases}, {counting}"
            try:
                fits.append(_fit(own, bases, counting))
            except NumericError as error:
                refused[label] = str(error)
    if not fits:
        raise NumericError("; ".join(f"{label}: {reason}" for label, reason in refused.items()))
    counting = BARE if all(point.bare is not None for point in points) else TOTAL
    difference = _difference(points, counting, refused)
    return ScalingReport(
        points[0].benchmark, points[0].outcome, tuple(points), tuple(fits), difference, counting, refused,
        (*_notes(fits), *_started(points, fits), *_not_shared(points)), _smallest(fits, difference),
        multiplicity.page(_tests(fits, difference)),
    )  # fmt: skip


def _of_enough_sizes(points: Sequence[Sized], refused: dict[str, str]) -> Sequence[Sized]:
    """The points without groups of too few sizes for an intercept of their own, where others are left; named in
    `refused`."""
    sizes: dict[tuple[str, str], set[float]] = {}
    for point in points:
        sizes.setdefault((point.bases, point.group), set()).add(point.parameters)
    kept = list(points)
    for bases in {point.bases for point in points}:
        own = {group: len(found) for (of, group), found in sizes.items() if of == bases}
        few = {group: count for group, count in own.items() if count < scaling.PER_GROUP}
        if len(few) == len(own):
            continue
        for group, count in few.items():
            refused[f"{bases}, {group}"] = (
                f"{counted(count, 'size')}; a group needs {scaling.PER_GROUP} for an intercept of its own"
            )
            kept = [point for point in kept if (point.bases, point.group) != (bases, group)]
    return kept


def _smallest(fits: Sequence[Fit], difference: Difference | None) -> tuple[Smallest, ...]:
    """The slopes, and their difference, that so many sizes see."""
    found = [
        Smallest(f"slope, {f.bases}, {f.counting}", power.of_interval(f.doubling.low, f.doubling.high,
                 f.doubling.degrees), "points per doubling") for f in fits
    ]  # fmt: skip
    if difference:
        seen = power.of_interval(difference.low, difference.high, difference.degrees)
        found.append(Smallest(f"{difference.first} against {difference.second}", seen, "points per doubling"))
    return tuple(found)


def _tests(fits: Sequence[Fit], difference: Difference | None) -> list[tuple[str, float | None]]:
    """Every test of the page."""
    found: list[tuple[str, float | None]] = [(f"slope, {f.bases}, {f.counting}", f.doubling.p) for f in fits]
    found.append(("difference of the slopes", difference.p if difference else None))
    for one in fits:
        found += [(f"{one.bases}, {one.counting}: {name}", p) for name, p in multiplicity.of_level(one.level)]
    return found


def _not_shared(points: Sequence[Sized]) -> list[str]:
    lacking = [f"{point.model}: {', '.join(point.left_out)}" for point in points if point.left_out]
    return [f"means over the languages that all models have; left out of {'; '.join(lacking)}"] if lacking else []


def _started(points: Sequence[Sized], fits: Sequence[Fit]) -> list[str]:
    """What is known of the baselines and of the seeds."""
    lines = [seeds_line_of({point.seeds for point in points})]
    if points[0].outcome == "gain" and all(fit.level is None for fit in fits):
        lines.append(levels.why_not([point.baseline for point in points]))
    return lines


def _level(points: Sequence[Sized], size: Vector) -> Level | None:
    """log₂ of the size beside the baseline, groups with their own intercepts as in the fit."""
    if points[0].outcome != "gain":
        return None
    groups = sorted({point.group for point in points})[1:]
    own = {group: [float(point.group == group) for point in points] for group in groups}
    gains = [point.value for point in points]
    starts = {"baseline": [point.baseline for point in points]}
    try:
        return levels.hold("log2 of the size", np.log2(size), gains, starts, {"baseline": gains}, own)
    except NumericError:
        return None  # too few points for the groups' intercepts and a level


def _fit(points: Sequence[Sized], bases: str, counting: str) -> Fit:
    chosen = [point for point in points if counting == TOTAL or point.bare is not None]
    if len(chosen) < MINIMUM:
        known = "" if counting == TOTAL else " whose embeddings are counted"
        raise NumericError(f"{counted(len(chosen), 'model')}{known}; a fit needs at least {MINIMUM}")
    size = np.array([point.parameters if counting == TOTAL else point.bare for point in chosen], dtype=np.float64)
    value = np.array([point.value for point in chosen])
    groups = [point.group for point in chosen]
    widths = [point.half_width for point in chosen]
    weights = None if any(not width for width in widths) else [1 / float(width or 1) ** 2 for width in widths]
    doubling, bands = scaling.per_doubling(size, value, [point.model for point in chosen], groups, weights)
    is_level = chosen[0].outcome == "score" and len(set(groups)) == 1
    return Fit(
        bases, counting, doubling, tuple(bands),
        scaling.power_law(size, value) if is_level else None,
        scaling.saturating(size, value) if is_level else None,
        _level(chosen, size),
    )  # fmt: skip


def _difference(points: Sequence[Sized], counting: str, refused: dict[str, str]) -> Difference | None:
    kinds = [point.bases for point in points]
    if set(kinds) != {"multilingual", "monolingual"}:
        return None
    size = [point.parameters if counting == TOTAL else point.bare or 0.0 for point in points]
    value, groups = [point.value for point in points], [point.group for point in points]
    try:
        return scaling.difference_of_slopes(size, value, kinds, "monolingual", "multilingual", groups)
    except NumericError as error:
        refused["monolingual against multilingual"] = str(error)
        return None


def _notes(fits: Sequence[Fit]) -> list[str]:
    notes = ["sizes differ in width, depth and often in pre-training tokens too; the slope is of the whole recipe"]
    for fit in fits:
        if fit.saturating and not fit.saturating.is_supported:
            notes.append(
                f"{fit.bases}, {fit.counting}: {fit.saturating.n} points cannot choose between straight line, power "
                f"law and saturation ({scaling.FOR_THREE} are needed)"
            )
        low, high = min(fit.doubling.without.values()), max(fit.doubling.without.values())
        if low < 0 < high:
            notes.append(f"{fit.bases}, {fit.counting}: the sign of the slope hangs on one model")
    return notes
