"""What a regression against a model can detect, from the zoo alone: as if a run had scored the published documents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from xstilts_eval.zoo import joint
from xstilts_eval.zoo.comparability import has_same_weights
from xstilts_eval.zoo.gating import error_of_mean, points_of, published_error, ungated
from xstilts_eval.zoo.joint import POWER, Levels, Number
from xstilts_eval.zoo.manifest import AVERAGE, Record, Zoo

_BEYOND = NormalDist().inv_cdf(POWER)
"""Standard errors between what is allowed and what is found with a chance of `POWER`."""


@dataclass(frozen=True)
class Detection:
    """Numbers of one model, stage, setting, source, family and metric that can decide; differences in points.

    A difference of `smallest` to `largest` turns a single number red with a chance of `POWER`, or for certain where
    `by` is ``tolerance``; a mean difference of `together` all of them, None where there is no joint verdict on them.
    """

    model: str
    stage: str
    setting: str
    source: str
    family: str
    metric: str
    by: str
    numbers: int
    smallest: float
    largest: float
    together: float | None


def detections(zoo: Zoo, model: str) -> list[Detection]:
    """What `xstilts regress --against MODEL` can detect, one row per stage, setting, source, family, metric, method.

    Numbers of one stage, setting and source share the level, as they do in a regression that names these three and has
    scored every number.
    """
    every = zoo.of(model)
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in every:
        if ungated(record, every) is None and record.tolerance != 0:
            groups.setdefault((record.stage, record.setting, record.source), []).append(record)
    return [found for group in groups.values() for found in _of_group(group)]


def span(values: Iterable[float | None]) -> str:
    """``2.1-4.3``, smallest to largest of what is known; empty where nothing is."""
    known = sorted(value for value in values if value is not None)
    return "-".join(dict.fromkeys(f"{value:.2g}" for value in known[:1] + known[-1:]))


def _of_group(records: Sequence[Record]) -> Iterable[Detection]:
    digits = joint.half_digits(records)
    sampled = {index: _number(record, digits) for index, record in enumerate(records) if record.tolerance is None}
    level = joint.levels(list(sampled.values()))
    together = joint.by_family(sampled.values())
    rows: dict[tuple[str, str, str], list[float]] = {}
    for index, record in enumerate(records):
        by = "tolerance" if index not in sampled else "sampling error" if record.copy_of is None else "quantised copy"
        value = _single(record, level) if index in sampled else points_of(record, record.tolerance or 0.0)
        rows.setdefault((record.family, record.metric, by), []).append(value)
    for (family, metric, by), found in rows.items():
        numbers = together.get(family, [])
        shift = None
        if by != "tolerance" and numbers and numbers[0].metric == metric:
            shift = joint.detectable(numbers, level.joint[family])
        first = records[0]
        yield Detection(
            first.model, first.stage, first.setting, first.source, family, metric, by, len(found), min(found),
            max(found), shift,
        )  # fmt: skip


def _number(record: Record, digits: dict[tuple[str, str], float]) -> Number:
    """As if ours had come out as published, from as many documents."""
    error = math.sqrt(2 if record.copy_variance is None else record.copy_variance) * (published_error(record) or 0.0)
    return Number(
        record.family, record.metric, record.language, record.percent, error,
        None if record.language == AVERAGE else record.n, has_same_weights(record, record.signature or ""),
        digits[record.source, record.metric], record.percent,
        record.copy_variance is not None,
    )  # fmt: skip


def _single(record: Record, level: Levels) -> float:
    """The difference d that is its own bound: our score, d nearer to 50 %, has an error of its own."""
    error = published_error(record) or 0.0
    if record.copy_variance is not None:
        return (level.quantile + _BEYOND) * math.sqrt(record.copy_variance) * error
    if record.stderr is not None or record.n is None:
        return (level.quantile + _BEYOND) * math.sqrt(2) * error
    step = 1 if record.percent < 50 else -1
    low, high = 0.0, 100.0
    for _ in range(50):
        middle = (low + high) / 2
        ours = min(100.0, max(0.0, record.percent + step * middle))
        reached = middle >= (level.quantile + _BEYOND) * math.hypot(error, error_of_mean(ours, record.n))
        low, high = (low, middle) if reached else (middle, high)
    return high


def by_model(zoo: Zoo) -> list[tuple[str, int, float, float, float | None]]:
    """Models that can decide something: name, numbers, differences that one number detects at best and at worst, and
    the smallest mean difference that a family detects (points)."""
    found = []
    for model in zoo.models:
        rows = detections(zoo, model)
        if rows:
            together = [row.together for row in rows if row.together is not None]
            found.append(
                (model, sum(row.numbers for row in rows), min(row.smallest for row in rows),
                 max(row.largest for row in rows), min(together, default=None))
            )  # fmt: skip
    return found
