"""The units of a leaf, one by one and by name, so that several runs can be put side by side.

A unit is what `results.intervals` resamples: a sentence or pair, a passage or article with its questions, for BUCC a
foreign sentence that occurs in a gold or mined pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xstilts_eval import kinds
from xstilts_eval.benchmark import Family
from xstilts_eval.errors import NumericError, PredictionError
from xstilts_eval.results import intervals, samples
from xstilts_eval.results.intervals import Statistics
from xstilts_eval.results.record import LeafResult

OTHER_ITEMS = "other items under the same name of data"
"""Said of runs whose samples do not name the same units."""
_SAME = 1e-6
"""Fractions: a score recomputed from its samples differs from the reported one by rounding only."""


@dataclass(frozen=True)
class Units:
    """`counts` [units, counts] of one run of a leaf, `keys` the units' names in the same order, `origin` for errors."""

    keys: tuple[str, ...]
    counts: Statistics
    origin: str


def read(run: Path, leaf: LeafResult) -> Units:
    """Units of a leaf from the samples that `run` keeps; they must give the reported score.

    Raises `MissingData` without samples, `PredictionError` for a file that is cut off or belongs to other results, and
    `NumericError` for NaN in it.
    """
    rows = samples.read(run, leaf.leaf)
    origin = str(samples.path_of(run, leaf.leaf))
    if len(rows) != leaf.scored:
        raise PredictionError(
            f"{origin} holds {len(rows):,} samples, the results say {leaf.scored:,} were scored; was the file cut off?"
        )
    try:
        counts, keys = intervals.statistics(leaf.family, rows), _keys(leaf.family, rows)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PredictionError(f"{origin} holds no samples that this version can read ({error!r})") from error
    if not np.isfinite(counts).all():
        raise NumericError(f"{origin} holds NaN or infinite values; score the run again")
    if len(keys) != len(counts):
        raise PredictionError(
            f"{origin}: {len(counts):,} units under {len(keys):,} names; it cannot be compared unit by unit"
        )
    score = float(intervals.scores(leaf.family, counts.sum(axis=0)))
    reported = float(np.mean([leaf.metrics[name] for name in leaf.family.official]))
    if not abs(score - reported) < _SAME:
        raise PredictionError(
            f"{origin} gives {100 * score:.2f} points where the results say {100 * reported:.2f}; "
            "samples and results are of different runs"
        )
    return Units(keys, counts, origin)


def _keys(family: Family, rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    if family.kind is kinds.MINING:
        return tuple(sorted(str(unit[0]) for row in rows for unit in row["f1_ci95"]))
    if family.scoring.statistic in ("counts", "ratio", "weighted_f1"):
        return tuple(str(row[f"{family.official[0]}_ci95"][0]) for row in rows)
    return tuple(dict.fromkeys(str(row[f"{family.official[0]}_ci95"][0]) for row in rows))


def side_by_side(family: Family, runs: Sequence[Units]) -> Statistics | None:
    """Counts of the same units in every run, shape [runs, units, counts]; None where the runs scored other items.

    A BUCC unit that one run lacks was neither gold nor mined there: zeros. Gold pairs are the same in all.
    """
    first = runs[0]
    if family.kind is not kinds.MINING:
        return np.stack([run.counts for run in runs]) if all(run.keys == first.keys for run in runs) else None
    if len({_gold(run) for run in runs}) > 1:
        return None
    places = {key: place for place, key in enumerate(sorted({key for run in runs for key in run.keys}))}
    table = np.zeros((len(runs), len(places), first.counts.shape[1]))
    for number, run in enumerate(runs):
        table[number, [places[key] for key in run.keys]] = run.counts
    return table


def _gold(run: Units) -> frozenset[tuple[str, float]]:
    """The units with gold pairs, and how many."""
    return frozenset((key, float(gold)) for key, (_, _, gold) in zip(run.keys, run.counts, strict=True) if gold)
