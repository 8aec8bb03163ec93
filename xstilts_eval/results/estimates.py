"""Differences of two sides in any weighted sum of languages: single ones, averages, gaps, all from the same draws.

One run against one: the 95 % interval is the percentile interval of the paired bootstrap, p that of approximate
randomization (two-sided, ≥, + 1). Several seeds: Student's t over the seeds' scores and the documents' part are added
in quadrature, and p is one minus the level at which that interval touches 0.
"""

from __future__ import annotations

import math
import statistics as simple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xstilts_eval.benchmark import Family
from xstilts_eval.metrics import significance
from xstilts_eval.metrics.bootstrap import are_enough, too_few
from xstilts_eval.metrics.significance import DRAWS, RESAMPLES, SEED, Array
from xstilts_eval.results import groups, statistics
from xstilts_eval.results.seeds import FEWEST_SEEDS
from xstilts_eval.results.sides import Score
from xstilts_eval.wording import counted


@dataclass(frozen=True)
class Options:
    """`allow_different` compares what was scored on other data or with other versions, and marks it.

    `draws` are those of randomizations, `resamples` those of the bootstrap.
    """

    allow_different: bool = False
    draws: int = DRAWS
    resamples: int = RESAMPLES
    seed: int = SEED


@dataclass(frozen=True)
class Difference:
    """Points of the reference and of the other side (0-100, means over seeds) and other − reference.

    `interval` is of 95 %; `p_holm` is corrected over the languages of the family. `from_seeds` and `from_documents` are
    the half-widths of the two sources of chance where there are several seeds. `different` says what should be the same
    and is not; `note` why an interval is missing.
    """

    label: str
    languages: tuple[str, ...]
    reference: float
    score: float
    difference: float
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_holm: float | None = None
    by_seed: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    from_seeds: float | None = None
    from_documents: float | None = None
    different: tuple[str, ...] = ()
    note: str = ""

    @property
    def verdict(self) -> str:
        """``win``, ``loss``, ``tie`` (the interval contains 0), or ``unknown`` without an interval."""
        if self.interval is None:
            return "unknown"
        low, high = self.interval
        return "win" if low > 0 else "loss" if high < 0 else "tie"


@dataclass(frozen=True)
class Drawn:
    """Scores in points under draws: means over the seeds of each side, and differences under randomization."""

    reference: Array
    other: Array
    null: Array | None
    units: int


class Estimator:
    """Linear combinations of the languages' scores: single ones, means, gaps, all with the same draws."""

    def __init__(
        self,
        pairs: Mapping[str, tuple[Score, Score]],
        drawn: Mapping[str, Drawn],
        has_same_seeds: bool,
        different: Mapping[str, Sequence[str]],
        notes: Mapping[str, str],
    ) -> None:
        self._pairs, self._drawn, self._has_same_seeds = pairs, drawn, has_same_seeds
        self._different, self._notes = different, notes

    def mean(self, label: str, languages: Sequence[str]) -> Difference:
        return self.estimate(label, dict.fromkeys(languages, 1 / len(languages)))

    def groups(self, kind: str, languages: Sequence[str]) -> tuple[Difference, ...]:
        return tuple(self.mean(name, members) for name, members in groups.groups(languages, kind).items())

    def estimate(self, label: str, weights: Mapping[str, float]) -> Difference:
        """The weighted sum over languages on both sides, and what can be said of its difference."""
        before, after = (self._by_seed(side, weights) for side in (0, 1))
        a, b = simple.fmean(before), simple.fmean(after)
        has_seeds = len(before) > 1 or len(after) > 1
        result = Difference(
            label,
            tuple(weights),
            a,
            b,
            b - a,
            by_seed=(before, after) if has_seeds else None,
            different=tuple(dict.fromkeys(entry for code in weights for entry in self._different[code])),
            note=joined(*dict.fromkeys(self._notes[code] for code in weights if code in self._notes)),
        )
        if not all(code in self._drawn for code in weights):
            return result
        drawn = np.asarray(sum(w * (self._drawn[c].other - self._drawn[c].reference) for c, w in weights.items()))
        fewest = min(self._drawn[code].units for code in weights)
        if not are_enough(fewest):
            result = replace(result, note=joined(result.note, too_few(fewest)))
        if has_seeds:
            return self._over_seeds(result, before, after, drawn) if are_enough(fewest) else result
        null = sum(w * null for code, w in weights.items() if (null := self._drawn[code].null) is not None)
        p = significance.randomization_p(np.asarray(null), result.difference)
        interval = significance.percentile_interval(drawn) if are_enough(fewest) else None
        return replace(result, interval=interval, p=p)

    def _over_seeds(
        self, result: Difference, before: tuple[float, ...], after: tuple[float, ...], drawn: Array
    ) -> Difference:
        parts = [(float(drawn.std(ddof=1)), math.inf)]
        documents = significance.joint_half_width(parts)
        seeds: tuple[float, float] | None = None
        note = f"{len(before)} against {counted(len(after), 'run')}: the interval covers the documents alone"
        if min(len(before), len(after)) >= FEWEST_SEEDS:
            note = ""
            differences = [b - a for a, b in zip(before, after, strict=False)]
            seeds = (
                significance.standard_error(differences) if self._has_same_seeds else significance.welch(before, after)
            )
            parts.append(seeds)
        half = significance.joint_half_width(parts)
        return replace(
            result,
            interval=(result.difference - half, result.difference + half),
            p=significance.joint_p(result.difference, parts),
            from_seeds=significance.joint_half_width([seeds]) if seeds else None,
            from_documents=documents,
            note=joined(result.note, note),
        )

    def kept(self, english: str, others: Sequence[str], chance: float) -> Difference | None:
        """Share of the English score above chance that the other languages keep, in percent."""

        def share(scores: Mapping[str, Array]) -> Array:
            above = scores[english] - chance
            return np.asarray(100 * np.mean([scores[code] - chance for code in others], axis=0) / above)

        members = [english, *others]
        means = [{code: np.float64(self._pairs[code][side].mean) for code in members} for side in (0, 1)]
        if min(scores[english] for scores in means) <= chance:
            return None
        a, b = (float(share(scores)) for scores in means)
        result = Difference(f"kept of {english}", tuple(members), a, b, b - a)
        if not all(self._has_interval(code) for code in members):
            return result
        drawn = self._drawn[english]
        if min(drawn.reference.min(), drawn.other.min()) <= chance:  # a share of nothing in some draws
            return result
        before = share({code: self._drawn[code].reference for code in members})
        after = share({code: self._drawn[code].other for code in members})
        return replace(result, interval=significance.percentile_interval(after - before))

    def _has_interval(self, code: str) -> bool:
        """Whether draws of this language give an interval: one run against one, units enough."""
        drawn = self._drawn.get(code)
        return drawn is not None and drawn.null is not None and are_enough(drawn.units)

    def _by_seed(self, side: int, weights: Mapping[str, float]) -> tuple[float, ...]:
        columns = zip(*(self._pairs[code][side].points for code in weights), strict=True)
        return tuple(math.fsum(w * s for w, s in zip(weights.values(), column, strict=True)) for column in columns)


def draw(family: Family, tables: Mapping[str, Array], before: int, options: Options) -> dict[str, Drawn]:
    """Draws of every language; tables are [runs, units, counts], the first `before` runs are the reference's.

    Families with the same items in every language see the same draw in all of them.
    """
    if tables and family.parallel and len({table.shape[1] for table in tables.values()}) == 1:
        return _draw_together(family, tables, before, options, [options.seed])
    found: dict[str, Drawn] = {}
    for code, table in tables.items():
        seed = [options.seed, family.languages.index(code)]
        found |= _draw_together(family, {code: table}, before, options, seed)
    return found


def _draw_together(
    family: Family, tables: Mapping[str, Array], before: int, options: Options, seed: Sequence[int]
) -> dict[str, Drawn]:
    runs, n, width = next(iter(tables.values())).shape
    stacked = np.stack(list(tables.values())).transpose(2, 0, 1, 3)  # units, languages, runs, counts
    totals = significance.bootstrap_totals(stacked.reshape(n, -1), options.resamples, seed)
    scores = 100 * statistics.scores(family, totals.reshape(options.resamples, len(tables), runs, width))
    null: Array | None = None
    if runs == 2:
        one, other = (stacked[:, :, run].reshape(n, -1) for run in (0, 1))
        swapped = significance.swapped_totals(one, other, options.draws, seed)
        first, second = (100 * statistics.scores(family, t.reshape(options.draws, len(tables), width)) for t in swapped)
        null = second - first
    return {
        code: Drawn(
            scores[:, place, :before].mean(axis=1),
            scores[:, place, before:].mean(axis=1),
            None if null is None else null[:, place],
            n,
        )
        for place, code in enumerate(tables)
    }


def joined(*parts: str) -> str:
    """Notes that say something, each once."""
    return "; ".join(dict.fromkeys(part for part in parts if part))
