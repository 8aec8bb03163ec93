"""Gain or transfer gap against distance to English, with what pre-training size and kinship explain.

Estimand: how the outcome differs *between these languages* with distance; benchmark languages are no random sample, so
intervals describe, they do not generalise. One source language makes every distance a property of the language: n is
the number of languages, whatever the number of tasks and seeds. Order of trust: rank correlation; the same with
pre-training size held fixed; regression with HC3 errors; and whether it survives leaving out each family.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from xstilts_eval.analysis.features import DISTANCES, SIZES, Features, known, written_twice
from xstilts_eval.analysis.observations import ENGLISH, Observation, one_benchmark, seeds_line
from xstilts_eval.analysis.stats import dependence, multiplicity, regression
from xstilts_eval.analysis.stats import level as levels
from xstilts_eval.analysis.stats.certainty import Answer, Certainty, certainty
from xstilts_eval.analysis.stats.dependence import Mixed, Moran, WithoutFamily
from xstilts_eval.analysis.stats.level import Level
from xstilts_eval.analysis.stats.regression import MINIMUM, Correlation, Regression
from xstilts_eval.errors import NumericError, UnknownName
from xstilts_eval.wording import counted

FOR_REGRESSION = 10
"""Languages below which only correlations are given (|r| must reach .63 at ten)."""
FEW_ATTESTED = 100
"""Languages with fewer attested features (of 289) are marked: their distances are mostly predicted."""
OTHER_SCRIPT = "other script"


@dataclass(frozen=True)
class Point:
    """One language: outcome (points), its half-width, distance to English (0-1) and log₁₀ of the corpus size.

    `baseline` is the score that a gain starts from (points), `seeds` the training runs behind it.
    """

    language: str
    benchmark: str
    family: str
    script: str
    value: float
    half_width: float | None
    distance: float
    log_size: float | None
    attested: int
    baseline: float | None = None
    seeds: int | None = None
    by_seed: tuple[float, ...] = ()


@dataclass(frozen=True)
class Feature:
    """One language feature against the outcome.

    `partial` holds corpus size fixed, `at_level` the baseline's level of a gain, where the two can be told apart.
    """

    name: str
    spearman: Correlation
    pearson: Correlation
    partial: Correlation | None
    at_level: Correlation | None = None


@dataclass(frozen=True)
class DistanceReport:
    """Everything `xstilts analyze distance` says; `left_out` maps a language to the reason.

    `level` sets the distance beside the baseline's level, for gains whose baseline is known; `level_regression`,
    `level_permutation_p` and `level_mixed` are the fits with the baseline as a further predictor. `sure` holds what
    families, seeds and the number of points do to the answers.
    """

    model: str
    benchmarks: tuple[str, ...]
    outcome: str
    by: str
    size: str
    points: tuple[Point, ...]
    left_out: dict[str, str]
    mean: float
    mean_half_width: float
    features: tuple[Feature, ...]
    regression: Regression | None
    permutation_p: float | None
    moran: Moran | None
    without: tuple[WithoutFamily, ...]
    families: Correlation | None
    mixed: Mixed | None
    notes: tuple[str, ...]
    level: Level | None = None
    level_regression: Regression | None = None
    level_permutation_p: float | None = None
    level_mixed: Mixed | None = None
    standard: Mixed | None = None
    sure: Certainty = field(default_factory=Certainty)

    @property
    def n(self) -> int:
        return len({point.language for point in self.points})


def analyse(
    rows: Sequence[Observation], by: str = "syntactic", size: str = "cc100", pool: bool = False
) -> DistanceReport:
    """The report of one model and outcome; several benchmarks only with `pool`.

    Raises `PredictionError` for mixed benchmarks, `NumericError` for fewer than five languages or constant inputs,
    `UnknownName` for a distance or corpus that does not exist.
    """
    if by not in DISTANCES:
        raise UnknownName.of("distance", by, DISTANCES)
    if size not in SIZES:
        raise UnknownName.of("pre-training corpus", size, SIZES)
    if not pool:
        one_benchmark(rows, ", or give --pool to fit them together with their own intercepts")
    points, left_out = _points(rows, by, size)
    languages = sorted({point.language for point in points})
    if len(languages) < MINIMUM:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items()) or "no others were scored"
        raise NumericError(
            f"{counted(len(languages), 'language')} with a distance: too few for a fit; {MINIMUM} are needed "
            f"({reasons})"
        )
    values = np.array([point.value for point in points])
    regression.checked(values, names=["the outcome"])
    notes = _notes(points, len(languages), by, size)
    whole = [point for point in points if point.log_size is not None]
    single = len({point.benchmark for point in points}) == 1
    fit = _fit(whole) if single and len(whole) >= FOR_REGRESSION else None
    if single and fit is None:
        notes.append(
            f"no regression: {counted(len(whole), 'language')} with size and distance, {FOR_REGRESSION} are needed"
        )
    distances = np.array([point.distance for point in points])
    families = [point.family for point in points]
    held = _level(points, by) if rows[0].outcome == "gain" else None
    if rows[0].outcome == "gain" and held is None:
        notes.append(levels.why_not([point.baseline for point in points]))
    notes.append(seeds_line(row for row in rows if row.language not in (ENGLISH, "avg")))
    started = [point for point in whole if point.baseline is not None]
    can_hold = held is not None and not held.is_collinear and len(started) >= FOR_REGRESSION
    report = DistanceReport(
        model=rows[0].model,
        benchmarks=tuple(sorted({point.benchmark for point in points})),
        outcome=rows[0].outcome,
        by=by,
        size=size,
        points=tuple(points),
        left_out=left_out,
        mean=float(values.mean()),
        mean_half_width=_half_width(values),
        features=_features(points, size) if single else (),
        regression=fit,
        permutation_p=_permutation(whole) if fit else None,
        moran=dependence.morans_i(fit.residuals, [point.family for point in whole]) if fit else None,
        without=tuple(dependence.leave_one_family_out(values, distances, families)) if single else (),
        families=dependence.family_means(values, distances, families)[3] if single else None,
        mixed=None if single else _mixed(whole),
        notes=tuple(notes),
        level=held,
        level_regression=_fit(started, True) if single and can_hold else None,
        level_permutation_p=_permutation(started, True) if single and can_hold else None,
        level_mixed=_mixed(started, True) if not single and can_hold else None,
        standard=None if single else _mixed(_standardised(whole)),
    )
    return replace(report, sure=certainty(_answer(report, whole), multiplicity.page(_tests(report))))


def _answer(report: DistanceReport, whole: Sequence[Point]) -> Answer:
    points = report.points
    return Answer(
        f"{report.by} distance", [p.distance for p in points], [p.value for p in points],
        [p.language for p in points], [p.family for p in points], [p.benchmark for p in points],
        [p.by_seed for p in points], report.regression, "distance", _controls(whole, False) if whole else {},
        [place for place, point in enumerate(points) if point.log_size is not None],
    )  # fmt: skip


def _tests(report: DistanceReport) -> list[tuple[str, float | None]]:
    """Every test of the page."""
    found: list[tuple[str, float | None]] = []
    for one in report.features:
        found.append((f"rho with {one.name}", one.spearman.p))
        found.append((f"r with {one.name}, size held fixed", one.partial.p if one.partial else None))
        found.append((f"r with {one.name}, baseline held fixed", one.at_level.p if one.at_level else None))
    found += multiplicity.of_regression("regression", report.regression)
    found.append(("regression: distance, permuted", report.permutation_p))
    found += multiplicity.of_level(report.level)
    found += multiplicity.of_regression("regression with the baseline", report.level_regression)
    found.append(("regression with the baseline: distance, permuted", report.level_permutation_p))
    found.append(("family means: rho", report.families.p if report.families else None))
    for name, fit in (("points", report.mixed), ("standard units", report.standard),
                      ("points, baseline held fixed", report.level_mixed)):  # fmt: skip
        found.append((f"slope over all benchmarks, {name}", fit.p if fit else None))
    return found


def _standardised(points: Sequence[Point]) -> list[Point]:
    """The points in standard deviations of their own benchmark over languages, without benchmarks that have none."""
    spreads = {name: float(np.std([p.value for p in points if p.benchmark == name])) for name in
               {point.benchmark for point in points}}  # fmt: skip
    return [replace(p, value=p.value / spreads[p.benchmark]) for p in points if spreads[p.benchmark] > 0]


def _points(rows: Sequence[Observation], by: str, size: str) -> tuple[list[Point], dict[str, str]]:
    points, left_out = [], {}
    for row in rows:
        if row.language in (ENGLISH, "avg"):
            continue
        entry = known(row.language)
        distance = entry.number(by) if entry else None
        if entry is None or distance is None:
            left_out[row.language] = "no features" if entry is None else f"no {by} distance"
            continue
        points.append(_point(row, entry, distance, entry.number(size)))
    return sorted(points, key=lambda point: (point.benchmark, point.distance)), left_out


def _point(row: Observation, entry: Features, distance: float, size: float | None) -> Point:
    return Point(
        entry.code, row.benchmark, entry.family or entry.name, entry.script or "unknown", row.value, row.half_width,
        distance, math.log10(size) if size else None, entry.distance.attested if entry.distance else 0,
        row.baseline if row.outcome == "gain" else None, row.seeds, row.by_seed,
    )  # fmt: skip


def _level(points: Sequence[Point], by: str) -> Level | None:
    """Distance beside the baseline's level; over several benchmarks each has its own intercept."""
    tasks = sorted({point.benchmark for point in points})[1:]
    own = {task: [float(point.benchmark == task) for point in points] for task in tasks}
    value, distance, _ = _columns(points)
    start = [point.baseline for point in points]
    return levels.hold(f"{by} distance", distance, value, {"baseline": start}, {"baseline": list(value)}, own)


def _half_width(values: NDArray[np.float64]) -> float:
    t = stats.t.ppf(0.975, len(values) - 1)
    return float(t * values.std(ddof=1) / math.sqrt(len(values)))


def _features(points: Sequence[Point], size: str) -> tuple[Feature, ...]:
    """Every distance, corpus size and script against the outcome, where they vary over at least five languages."""
    entries = [known(point.language) for point in points]
    outcome = np.array([point.value for point in points])
    logs = np.array([math.nan if point.log_size is None else point.log_size for point in points])
    columns = {
        name: np.array([math.nan if (v := entry.number(name) if entry else None) is None else v for entry in entries])
        for name in DISTANCES
    }
    columns[f"log10 {size}"] = logs
    columns[OTHER_SCRIPT] = np.array([float(point.script != "Latn") for point in points])
    found = []
    for name, column in columns.items():
        keep = np.isfinite(column)
        both = keep & np.isfinite(logs)
        try:
            rank, linear = (f(column[keep], outcome[keep]) for f in (regression.spearman, regression.pearson))
        except NumericError:
            continue
        partial = None
        if not name.startswith("log10") and both.sum() >= FOR_REGRESSION and np.ptp(column[both]) > 0:
            partial = regression.partial(column[both], outcome[both], {f"log10 {size}": logs[both]})
        start = [point.baseline for point, there in zip(points, keep, strict=True) if there]
        level = levels.hold(name, column[keep], outcome[keep], {"baseline": start})
        found.append((name, rank, linear, partial, level.fixed[0].linear if level and level.fixed else None))
    return tuple(Feature(*row) for row in found)


def _columns(points: Sequence[Point]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Outcome, distance and log size of points that have all three."""
    return (
        np.array([point.value for point in points]),
        np.array([point.distance for point in points]),
        np.array([point.log_size for point in points], dtype=np.float64),
    )


def _controls(points: Sequence[Point], at_level: bool) -> dict[str, NDArray[np.float64]]:
    """What is held fixed beside the distance: log size and, `at_level`, the baseline."""
    found = {"log10 size": _columns(points)[2]}
    if at_level:
        found["baseline"] = np.array([point.baseline for point in points], dtype=np.float64)
    return found


def _fit(points: Sequence[Point], at_level: bool = False) -> Regression:
    value, distance, _ = _columns(points)
    return regression.regress(value, {"distance": distance, **_controls(points, at_level)})


def _permutation(points: Sequence[Point], at_level: bool = False) -> float:
    value, distance, _ = _columns(points)
    return regression.freedman_lane(value, distance, _controls(points, at_level))


def _mixed(points: Sequence[Point], at_level: bool = False) -> Mixed:
    value, distance, _ = _columns(points)
    tasks, languages = [p.benchmark for p in points], [p.language for p in points]
    held = _controls(points, at_level)
    return dependence.pooled(value, distance, held, tasks, languages, [p.family for p in points])


def _without_size(points: Sequence[Point]) -> str:
    """Means of the languages without and with a size."""
    groups = [[p.value for p in points if (p.log_size is None) is lacks] for lacks in (True, False)]
    shown = [f"mean {np.mean(values):+.2f}, n {len(values)}" if values else "none" for values in groups]
    return f"{shown[0]}; those with a size: {shown[1]}"


def _in_some(points: Sequence[Point]) -> str:
    """Languages by how many of the benchmarks lack them."""
    benchmarks = sorted({point.benchmark for point in points})
    there = {(point.benchmark, point.language) for point in points}
    languages = sorted({point.language for point in points})
    lacking = [(name, [code for code in languages if (name, code) not in there]) for name in benchmarks]
    return "; ".join(f"{name} lacks {', '.join(codes)}" for name, codes in lacking if codes)


def _notes(points: Sequence[Point], languages: int, by: str, size: str) -> list[str]:
    notes = [
        f"{languages} languages: |r| must reach {regression.detectable(languages):.2f} for p < .05, and a true "
        f"{regression.detectable(languages, 0.8):.2f} is found with 80 % power"
    ]
    if languages < 20:
        notes.append("two predictors want 20 languages; take the regression as a description")
    if missing := sorted({point.language for point in points if point.log_size is None}):
        notes.append(
            f"no size in {size}, left out where size is held fixed: {', '.join(missing)} ({_without_size(points)})"
        )
    if twice := written_twice(point.language for point in points):
        notes.append(f"one language in two scripts, counted twice: {'; '.join(twice)}")
    if lacking := _in_some(points):
        notes.append(f"used where it was scored, which is not in every benchmark: {lacking}")
    if by not in ("geographic", "genetic") and (
        weak := sorted({point.language for point in points if point.attested < FEW_ATTESTED})
    ):
        notes.append(f"distance mostly predicted, fewer than {FEW_ATTESTED} attested features: {', '.join(weak)}")
    return notes
