"""Recorded against new: every number that the zoo has of a model is reproduced, drifted, missing or not comparable.

A record *gates* when it can decide something: it was read in a source, belongs to a task family, and says how far a
faithful run may lie from it, by a tolerance or by its sampling error. A regression passes when every gating record is
reproduced, there is at least one, and no family has shifted as a whole.

Without a tolerance both sides are samples, and a difference of 0 is rejected at 5 % over *all* records so compared:
Bonferroni's division, so that a table of a hundred numbers does not turn red by chance. Holm's procedure rejects
something exactly when this does, so the exit code would be the same; this one gives each record an allowed difference
of its own. Both sides usually share their test items, which makes the allowance too wide, never too narrow: alone, a
record shows gross errors only. The records of a family together show more (`joint`), and share the 5 % with the single
ones. Where weights are public, a tolerance is the sharper tool; what it allows is allowed to all records of a family,
which are then not judged together.
"""

from __future__ import annotations

import math
import statistics as simple
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from statistics import NormalDist

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.results import scoreboard
from xstilts_eval.results.record import LeafResult, RunResult
from xstilts_eval.results.scoreboard import Scoreboard
from xstilts_eval.zoo import joint
from xstilts_eval.zoo.comparability import has_same_weights, obstacle
from xstilts_eval.zoo.gating import (
    EXACT,
    NO_TOLERANCE,
    NORMAL,
    RECALLED,
    Choice,
    error_of_mean,
    is_mean,
    points_of,
    published_error,
    select,
    ungated,
)
from xstilts_eval.zoo.joint import Joint, Levels, Number
from xstilts_eval.zoo.manifest import AVERAGE, Model, Record, Zoo


class Status(str, Enum):
    """What a record turned out to be."""

    REPRODUCED = "reproduced"
    DRIFTED = "drifted"
    MISSING = "missing"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Verdict:
    """One record; numbers in points (0-100), `difference` is ours minus the published one.

    `error` is the standard error of the difference where that decides; `allowed` the largest difference that passes;
    `detectable` the difference of the two systems that turns the regression red with a chance of `joint.POWER`, or for
    certain where a tolerance decides.
    """

    record: Record
    status: Status
    gates: bool
    reason: str
    measured: float | None = None
    allowed: float | None = None
    error: float | None = None
    signature: str = ""
    documents: int | None = None

    @property
    def difference(self) -> float | None:
        return None if self.measured is None else self.measured - self.record.percent

    @property
    def detectable(self) -> float | None:
        return None if self.allowed is None else self.allowed + (self.error or 0.0) * NormalDist().inv_cdf(joint.POWER)

    @property
    def method(self) -> str | None:
        """``tolerance``, ``quantised copy`` or ``sampling error``; None where nothing was compared."""
        if self.allowed is None:
            return None
        if self.record.copy_variance is not None:
            return "quantised copy"
        return "tolerance" if self.error is None else "sampling error"


@dataclass(frozen=True)
class Report:
    """All verdicts on one model, and the joint ones on its `families`; `may_miss`: a missing score is no failure."""

    against: str
    checkpoint: str
    verdicts: tuple[Verdict, ...]
    may_miss: bool = False
    families: tuple[Joint, ...] = ()

    @property
    def gating(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.gates)

    @property
    def counts(self) -> dict[Status, int]:
        """Gating records by status; they add up to `gating`."""
        found = Counter(verdict.status for verdict in self.gating)
        return {status: found[status] for status in Status}

    @property
    def not_gated(self) -> dict[str, int]:
        """Records that decide nothing, by reason."""
        return dict(Counter(verdict.reason for verdict in self.verdicts if not verdict.gates))

    def fails(self, verdict: Verdict) -> bool:
        """Whether this verdict alone turns the regression red."""
        is_excused = self.may_miss and verdict.status is Status.MISSING
        return verdict.gates and verdict.status is not Status.REPRODUCED and not is_excused

    @property
    def has_passed(self) -> bool:
        fails = any(self.fails(verdict) for verdict in self.verdicts) or any(family.fails for family in self.families)
        return self.counts[Status.REPRODUCED] > 0 and not fails


def regress(zoo: Zoo, choice: Choice, runs: Sequence[RunResult], may_miss: bool = False) -> Report:
    """Verdicts on the chosen records from the runs of one checkpoint.

    Raises `UnknownName` for a model, stage, setting or source that does not exist, `SettingError` where the stage must
    be named, `DataError` for records that contradict each other or have a tolerance of 0, and `PredictionError` for
    runs that do not belong together.
    """
    model = zoo.model(choice.model)
    records = select(zoo, choice)
    leaves = {(leaf.family.group, leaf.language): leaf for run in runs for leaf in run.leaves}
    judge = _Judge(model, records, leaves, scoreboard.build(runs))
    verdicts, families = judge.verdicts()
    return Report(choice.name, runs[0].checkpoint, verdicts, may_miss, families)


class _Judge:
    """One model, its records, and one checkpoint's scores."""

    def __init__(
        self, model: Model, records: Sequence[Record], leaves: Mapping[tuple[str, str], LeafResult], board: Scoreboard
    ) -> None:
        self._model, self._records, self._leaves, self._board = model, records, leaves, board

    def verdicts(self) -> tuple[tuple[Verdict, ...], tuple[Joint, ...]]:
        """One for each record, and the joint ones; those without a tolerance share the level between them."""
        found = [self._verdict(record) for record in self._records]
        numbers = _numbers(found)
        level = joint.levels(numbers)
        return tuple(_decided(verdict, level) for verdict in found), joint.verdicts(numbers, level)

    def _verdict(self, record: Record) -> Verdict:
        reason = ungated(record, self._records)
        if reason is None:
            return self._compare(record)
        # A difference that decides nothing is worth a look all the same.
        measured = self._compare(record).measured if reason in (NO_TOLERANCE, RECALLED) else None
        return Verdict(record, Status.NOT_COMPARABLE, False, reason, measured)

    def _compare(self, record: Record) -> Verdict:
        return self._average(record) if record.language == AVERAGE else self._leaf(record)

    def _leaf(self, record: Record) -> Verdict:
        leaf = self._leaves.get((record.family, record.language))
        if leaf is None:
            return Verdict(record, Status.MISSING, True, "not scored")
        if record.metric not in leaf.metrics:
            return Verdict(record, Status.MISSING, True, f"the results have no {record.metric}")
        if reason := obstacle(record, self._model, leaf):
            return Verdict(record, Status.NOT_COMPARABLE, True, reason, signature=leaf.signature)
        measured = 100 * leaf.metrics[record.metric]
        found = _compared(record, measured, _error(leaf, record.metric), leaf.signature)
        return replace(found, documents=leaf.scored)

    def _average(self, record: Record) -> Verdict:
        row = self._board.families.get(record.family)
        if row is None:
            return Verdict(record, Status.MISSING, True, "not scored")
        if row.missing:
            there, whole = len(row.cells), len(row.cells) + len(row.missing)
            return Verdict(record, Status.MISSING, True, f"{there} of {whole} languages scored")
        if record.metric not in row.averages:
            return Verdict(record, Status.MISSING, True, f"the results have no {record.metric}")
        for language in row.cells:
            if reason := obstacle(record, self._model, self._leaves[record.family, language]):
                return Verdict(record, Status.NOT_COMPARABLE, True, f"{language}: {reason}")
        is_official = FAMILIES[record.family].official == (record.metric,)
        error = _from_interval(row.interval if is_official else None, 1)
        if error is None:
            error = _largest_error([_error(self._leaves[record.family, code], record.metric) for code in row.cells])
        return _compared(record, row.averages[record.metric], error, "")


def _error(leaf: LeafResult, metric: str) -> float | None:
    """Standard error (points) of a score of ours: from its interval, else as of a mean of its documents."""
    error = _from_interval(leaf.intervals.get(metric), 100)
    if error is None and is_mean(leaf.family.group, metric):
        return error_of_mean(100 * leaf.metrics[metric], leaf.scored)
    return error


def _largest_error(errors: Sequence[float | None]) -> float | None:
    """The largest that a mean of scores with these errors can have, whatever their covariances: the mean of them."""
    known = [error for error in errors if error is not None]
    return simple.fmean(known) if len(known) == len(errors) else None


def _from_interval(interval: tuple[float, float] | None, scale: float) -> float | None:
    return scale * (interval[1] - interval[0]) / 2 / NORMAL if interval else None


def _compared(record: Record, measured: float, error: float | None, signature: str) -> Verdict:
    """Still open: `_decided` gives the status."""
    if record.tolerance is not None:
        allowed = points_of(record, record.tolerance)
        return Verdict(record, Status.DRIFTED, True, "", measured, allowed, signature=signature)
    published = published_error(record)
    if record.copy_variance is not None and published is not None:
        # Both sides scored the same items: the rounding alone is between them, see `manifest.Copy`.
        error = math.sqrt(record.copy_variance) * published
        return Verdict(record, Status.DRIFTED, True, "", measured, None, error, signature)
    if published is None or error is None:
        return Verdict(record, Status.NOT_COMPARABLE, True, "our score has no interval", measured, signature=signature)
    return Verdict(record, Status.DRIFTED, True, "", measured, None, math.hypot(published, error), signature)


def _numbers(verdicts: Sequence[Verdict]) -> list[Number]:
    """What is compared by sampling error."""
    digits = joint.half_digits([verdict.record for verdict in verdicts])
    return [
        Number(v.record.family, v.record.metric, v.record.language, v.record.percent, v.error, v.documents,
               has_same_weights(v.record, v.signature), digits[v.record.source, v.record.metric], v.measured,
               v.record.copy_variance is not None)
        for v in verdicts if v.error is not None
    ]  # fmt: skip


def _decided(verdict: Verdict, level: Levels) -> Verdict:
    """Whether a compared number lies within what is allowed."""
    difference, allowed = verdict.difference, verdict.allowed
    if verdict.error is not None:
        allowed = level.quantile * verdict.error
    if difference is None or allowed is None:
        return verdict
    if abs(difference) <= allowed + EXACT:
        return replace(verdict, status=Status.REPRODUCED, allowed=allowed)
    return replace(verdict, status=Status.DRIFTED, allowed=allowed, reason=_drift(verdict))


def _drift(verdict: Verdict) -> str:
    """A hint where the two numbers look like one number on two scales."""
    measured, published = verdict.measured or 0.0, verdict.record.percent
    low, high = sorted((measured, published))
    return "about 100 times: is the scale right?" if low > 0 and 90 < high / low < 111 else ""
