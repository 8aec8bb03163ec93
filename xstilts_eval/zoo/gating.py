"""Which published numbers decide a regression: chosen by the caller, sound, and with a known room around them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations

from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.errors import DataError, SettingError, UnknownName
from xstilts_eval.zoo.manifest import AVERAGE, Record, Zoo
from xstilts_eval.zoo.selection import selected

NORMAL = 1.959964
"""97.5 % quantile of the normal distribution: half of a 95 % interval in standard errors."""
EXACT = 1e-9
"""Points that arithmetic alone may move."""
LEVEL = 0.05
"""Chance that a faithful run turns red, over all that sampling error judges: single numbers and joint verdicts."""
RECALLED = "recalled"
NO_TOLERANCE = "no tolerance"


@dataclass(frozen=True)
class Choice:
    """Which records of a model count: its stage, and where given setting, source, and names of leaves."""

    model: str
    stage: str | None = None
    setting: str | None = None
    source: str | None = None
    only: Collection[str] | None = None

    @property
    def name(self) -> str:
        return f"{self.model}@{self.stage}" if self.stage else self.model


def select(zoo: Zoo, choice: Choice) -> tuple[Record, ...]:
    """The records that a choice leaves, after a look at those that gate: no run could be judged by unsound ones."""
    records = zoo.of(choice.model, choice.stage)
    for name, wanted in (("setting", choice.setting), ("source", choice.source)):
        if wanted is not None:
            known = {getattr(record, name) for record in records}
            if wanted not in known:
                raise UnknownName.of(f"{name} of {choice.name}", wanted, known)
            records = tuple(record for record in records if getattr(record, name) == wanted)
    records = tuple(selected(records, choice.only))
    gating = [record for record in records if ungated(record, records) is None]
    for record in gating:
        _check(record)
    stages = sorted({record.stage for record in gating})
    if len(stages) > 1:
        raise SettingError(
            f"{choice.model} has numbers of {len(stages)} stages ({', '.join(stages)}); give one, as in --against "
            f"{choice.model}@{stages[0]}"
        )
    _refuse_contradictions(gating)
    return records


def _refuse_contradictions(records: Iterable[Record]) -> None:
    slots: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        slots[record.family, record.language, record.metric].append(record)
    for (family, language, metric), rivals in slots.items():
        for one, other in combinations(rivals, 2):
            if abs(one.percent - other.percent) > _room(one) + _room(other) + EXACT:
                raise DataError(
                    f"the zoo contradicts itself about {metric} of {family} in {language}: {one.value:g} "
                    f"({one.setting}, source {one.source}) and {other.value:g} ({other.setting}, source "
                    f"{other.source}), further apart than both allow; choose with --setting, --source or --tasks, or "
                    "correct one"
                )


def _room(record: Record) -> float:
    """Points around the value that the record itself leaves open."""
    if record.tolerance is not None:
        return points_of(record, record.tolerance)
    error = published_error(record)
    return NORMAL * error if error is not None else math.inf


def points_of(record: Record, value: float) -> float:
    """A value in the record's scale, in points."""
    return 100 * value if record.scale == "fraction" else value


def published_error(record: Record) -> float | None:
    """Standard error (points) of a published number, from its own or from n; None where neither says anything.

    sqrt(p(1 - p)/n) is that of a proportion, and the largest possible for a mean of values from 0 to 1 (F1 of
    questions). So it is for an average over languages, n being that of the smallest: its error is at most the mean of
    theirs, however they go together, and sqrt(p(1 - p)) is concave. The chunk F1 of a corpus is no mean over documents.
    """
    if record.stderr is not None:
        return points_of(record, record.stderr)
    if record.n is None or not is_mean(record.family, record.metric):
        return None
    return error_of_mean(record.percent, record.n)


def is_mean(family: str, metric: str) -> bool:
    """Whether a metric is the mean over documents of values from 0 to 1."""
    if family not in FAMILIES:
        return metric in ("acc", "exact_match")
    return FAMILIES[family].scoring.aggregations.get(metric) == "mean"


def error_of_mean(points: float, n: int) -> float:
    """Standard error (points) of a proportion of `n` documents; of another mean of values from 0 to 1 the largest."""
    share = points / 100
    return 100 * math.sqrt(max(0.0, share * (1 - share)) / n)


def ungated(record: Record, others: Iterable[Record]) -> str | None:
    """Why a record cannot decide anything, whatever the run; None where it can. `others` are the model's records."""
    if record.confidence == "recalled":
        return RECALLED
    family = FAMILIES.get(record.family)
    if family is None:
        return "no dataset of ours" if record.family == "none" else f"no dataset {record.family} here"
    if record.language != AVERAGE and record.language not in family.languages:
        return "language outside the dataset"
    if record.metric not in (*family.metrics, *family.scoring.aggregations):
        return "metric outside the dataset"
    if record.copy_of and record.copy_variance is None:
        return NO_TOLERANCE
    if record.tolerance is None and published_error(record) is None:
        return NO_TOLERANCE
    if record.language == AVERAGE and _has_other_languages(record, family, others):
        return "average over other languages"
    return None


def _has_other_languages(record: Record, family: Family, others: Iterable[Record]) -> bool:
    """Whether the average's own table shows languages, and not the family's."""
    names = ("stage", "setting", "benchmark", "benchmark_version", "task", "metric", "source")
    place = [getattr(record, name) for name in names]
    listed = {other.language for other in others if [getattr(other, name) for name in names] == place} - {AVERAGE}
    return bool(listed) and listed != set(family.languages)


def _check(record: Record) -> None:
    if not (math.isfinite(record.percent) and -EXACT <= record.percent <= 100 + EXACT):
        raise DataError(f"{_place(record)} is {record.value} as a {record.scale}; it must lie from 0 to 1 or to 100")
    if record.tolerance == 0:
        raise DataError(
            f"{_place(record)} has a tolerance of 0, which a score of sampled documents in floating-point arithmetic "
            f"cannot keep; give a small one such as 1e-6, or none and its n"
        )


def _place(record: Record) -> str:
    return f"the zoo's {record.metric} of {record.model} on {record.family} in {record.language}"
