"""`xstilts analyze relatedness`: gains by intermediate task and target, similarity before and after, estimates."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from xstilts_eval.analysis.observations import ENGLISH, Observation, fewest_seeds, seeds_line_of
from xstilts_eval.analysis.relatedness import transferability
from xstilts_eval.analysis.relatedness.agreement import Agreement, agreement
from xstilts_eval.analysis.relatedness.overall import Overall, overall
from xstilts_eval.analysis.relatedness.representations import Layers
from xstilts_eval.analysis.relatedness.similarity import linear_cka
from xstilts_eval.analysis.stats import multiplicity
from xstilts_eval.analysis.stats.multiplicity import PageTest
from xstilts_eval.errors import DataError, MissingData, NumericError, PredictionError

SAME_LEVEL = 0.05
"""Points that the baselines of one target may differ by: half of the last digit that is printed."""
AVERAGE, DEGRADATION = "mean gain", "change of the gap to English"


@dataclass(frozen=True)
class Cell:
    """One intermediate task on one target: points gained on average, in English, and by how much the gap widens.

    `worse` of `languages` other than English lose clearly (their 95 % interval is below 0). `baseline` is the mean
    score that the gain starts from, `seeds` the training runs behind it; None where not known.
    """

    intermediate: str
    target: str
    gain: float
    half_width: float | None
    english: float | None
    widening: float | None
    worse: int
    languages: int
    baseline: float | None = None
    seeds: int | None = None


@dataclass(frozen=True)
class Similarity:
    """Debiased linear CKA by layer (embeddings first) in one language: with the base, and of English with it.

    `aligned` is English against the language after the stage, `aligned_before` the same of the base; None for English.
    """

    intermediate: str
    language: str
    inputs: int
    with_base: tuple[float, ...]
    aligned: tuple[float, ...] | None
    aligned_before: tuple[float, ...] | None


@dataclass(frozen=True)
class RelatednessReport:
    """Everything the command says; `estimates` holds name → intermediate → target → value."""

    cells: tuple[Cell, ...]
    similarity: tuple[Similarity, ...]
    estimates: dict[str, dict[str, dict[str, float]]]
    agreements: tuple[Agreement, ...]
    refused: dict[str, str]
    notes: tuple[str, ...]
    overall: tuple[Overall, ...] = ()
    tests: tuple[PageTest, ...] = ()


def cells(gains: Sequence[Observation]) -> list[Cell]:
    """Gains of several runs, one cell per run and benchmark; raises `PredictionError` for anything but gains."""
    if any(row.outcome != "gain" for row in gains):
        raise PredictionError("relatedness compares gains over one baseline; scores alone say nothing about it")
    found = []
    for intermediate, target in dict.fromkeys((row.model, row.benchmark) for row in gains):
        rows = {r.language: r for r in gains if (r.model, r.benchmark) == (intermediate, target)}
        average = rows.get("avg")
        own = [row for language, row in rows.items() if language not in ("avg", ENGLISH)]
        english = rows[ENGLISH].value if ENGLISH in rows else None
        others = fmean(row.value for row in own) if own else None
        value = average.value if average else fmean(row.value for row in rows.values())
        found.append(
            Cell(
                intermediate, target, value, average.half_width if average else None, english,
                english - others if english is not None and others is not None else None,
                sum(row.half_width is not None and row.value + row.half_width < 0 for row in own), len(own),
                _start(rows.values()), fewest_seeds(rows.values()),
            )
        )  # fmt: skip
    return found


def _start(rows: Iterable[Observation]) -> float | None:
    """Mean baseline of the languages; None where one is not known."""
    found = [row.baseline for row in rows if row.language != "avg"]
    known = [value for value in found if value is not None]
    return fmean(known) if known and len(known) == len(found) else None


def _starts(found: Sequence[Cell]) -> list[str]:
    """What the level of the baseline does here, and the targets in which tasks do not share one."""
    lines = [seeds_line_of({cell.seeds for cell in found})]
    if len({cell.intermediate for cell in found}) < 2:
        return lines
    different = []
    for target in dict.fromkeys(cell.target for cell in found):
        levels = [cell.baseline for cell in found if cell.target == target and cell.baseline is not None]
        if levels and max(levels) - min(levels) > SAME_LEVEL:
            different.append(f"{target} ({min(levels):.1f} to {max(levels):.1f})")
    if different:
        return [*lines, f"gains start from different levels in {', '.join(different)}: rank them over one baseline"]
    return [
        *lines,
        "estimates are ranked within a target, where all gains start from one baseline: its level cannot order them; "
        "from target to target gains do depend on it",
    ]


def similarity(intermediate: str, before: Mapping[str, Layers], after: Mapping[str, Layers]) -> list[Similarity]:
    """CKA of [layers, inputs, width] by language, of the base and after the stage, on the same inputs."""
    found = []
    for language, layers in after.items():
        pairs = zip(before[language], layers, strict=True)
        aligned = None
        if language != ENGLISH and ENGLISH in after:
            aligned = tuple(_by_layer(states[ENGLISH], states[language]) for states in (after, before))
        found.append(
            Similarity(
                intermediate, language, layers.shape[1], tuple(linear_cka(a, b) for a, b in pairs),
                aligned[0] if aligned else None, aligned[1] if aligned else None,
            )
        )  # fmt: skip
    return found


def _by_layer(one: Layers, other: Layers) -> tuple[float, ...]:
    return tuple(linear_cka(a, b) for a, b in zip(one, other, strict=True))


def estimates_of(features: Layers, labels: Sequence[str]) -> dict[str, float]:
    """LogME and H-scores of features [examples, width] for a target's labels, standardised alike for all encoders.

    The plain H-score needs more examples than dimensions, else it is one less than the classes for every encoder.
    """
    values = np.asarray(features, dtype=np.float64)
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    plain = {"H-score": transferability.h_score(scaled, labels)} if len(scaled) > scaled.shape[1] else {}
    return {
        "LogME": transferability.logme(scaled, labels),
        **plain,
        "H-score, regularised": transferability.h_score(scaled, labels, regularised=True),
    }


def drift(found: Sequence[Cell], similarities: Sequence[Similarity]) -> dict[str, dict[str, float]]:
    """CKA with the base at the last layer, mean over languages, by intermediate task; one value for all its targets."""
    means = {
        task: fmean(one.with_base[-1] for one in similarities if one.intermediate == task)
        for task in dict.fromkeys(one.intermediate for one in similarities)
    }
    return {task: {cell.target: mean for cell in found if cell.intermediate == task} for task, mean in means.items()}


def read_estimates(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    """A CSV with intermediate, target, estimate and value; raises `MissingData` and `DataError`, naming the line."""
    if not path.is_file():
        raise MissingData(f"{path} does not exist; give a CSV with intermediate, target, estimate and value")
    found: dict[str, dict[str, dict[str, float]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                value = float(row["value"])
                name, task, target = row["estimate"], row["intermediate"], row["target"]
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"{path}, line {reader.line_num}: cannot be read ({error!r}); the columns are "
                    "intermediate, target, estimate and value"
                ) from error
            if not math.isfinite(value):
                raise DataError(f"{path}, line {reader.line_num}: the value is {value}; leave out what is not known")
            found.setdefault(name, {}).setdefault(task, {})[target] = value
    return found


def analyse(
    found: Sequence[Cell],
    similarities: Sequence[Similarity] = (),
    estimates: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
    notes: Sequence[str] = (),
    gains: Sequence[Observation] = (),
) -> RelatednessReport:
    """The report, with every estimate's agreement with mean gain and with the widening of the gap.

    `gains`, of which the cells were made, give the means over targets.
    """
    agreements, refused = [], {}
    outcomes = {
        AVERAGE: {(c.intermediate, c.target): c.gain for c in found},
        DEGRADATION: {(c.intermediate, c.target): c.widening for c in found if c.widening is not None},
    }
    for name, table in (estimates or {}).items():
        values = {(task, target): value for task, row in table.items() for target, value in row.items()}
        for outcome, measured in outcomes.items():
            label = f"{name} and {outcome}"
            try:
                agreements.append(agreement(label, values, measured))
            except NumericError as error:
                refused[label] = str(error)
    plain = {name: {task: dict(row) for task, row in table.items()} for name, table in (estimates or {}).items()}
    means, lacking = overall(gains)
    tests = multiplicity.page([(one.estimate, one.p) for one in agreements])
    return RelatednessReport(
        tuple(found), tuple(similarities), plain, tuple(agreements), refused, (*notes, *_starts(found), *lacking),
        tuple(means), tests,
    )  # fmt: skip
