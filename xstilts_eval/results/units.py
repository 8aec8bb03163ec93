"""The units of a task, one by one and by name, so that several runs can be put side by side.

What a unit is, `results.statistics` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xstilts_eval import reading
from xstilts_eval.benchmark import Family
from xstilts_eval.errors import NumericError, PredictionError
from xstilts_eval.results import samples, statistics, unit_files
from xstilts_eval.results.record import LeafResult
from xstilts_eval.results.statistics import Counts

OTHER_ITEMS = "other items under the same name of data"
"""Said of runs whose samples do not name the same units."""
_SAME = 1e-6
"""Fractions: a score recomputed from its samples differs from the reported one by rounding only."""


@dataclass(frozen=True)
class Units:
    """`counts` [units, counts] of one run of a leaf, `keys` the units' names in the same order, `origin` for errors."""

    keys: Sequence[str]
    counts: Counts
    origin: str


def read(run: Path, leaf: LeafResult) -> Units:
    """Units of a leaf, from their own file or else the samples that `run` keeps; they must give the reported score.

    Raises `MissingData` without either, `PredictionError` for a file that is cut off or belongs to other results, and
    `NumericError` for NaN in it.
    """
    kept = unit_files.find(run, leaf.leaf)
    if kept is not None:
        origin, documents, (keys, counts) = str(kept.path), kept.documents, kept.counts(leaf.family)
    else:
        rows = samples.read(run, leaf.leaf)
        origin, documents = str(samples.path_of(run, leaf.leaf)), len(rows)
        try:
            keys, counts = statistics.counts(leaf.family, rows)
        except reading.UNFIT as error:
            raise PredictionError(f"{origin} holds no samples that this version can read ({error!r})") from error
    if documents != leaf.scored:
        raise PredictionError(
            f"{origin} holds {documents:,} samples, the results say {leaf.scored:,} were scored; was the file cut off?"
        )
    if not np.isfinite(counts).all():
        raise NumericError(f"{origin} holds NaN or infinite values; score the run again")
    try:
        score = float(statistics.scores(leaf.family, counts.sum(axis=0)))
    except reading.UNFIT as error:  # too few or too many counts
        raise PredictionError(f"{origin} holds no samples that this version can read ({error!r})") from error
    reported = float(np.mean([leaf.metrics[name] for name in leaf.family.official]))
    if not abs(score - reported) < _SAME:
        raise PredictionError(
            f"{origin} gives {100 * score:.2f} points where the results say {100 * reported:.2f}; "
            "samples and results are of different runs"
        )
    return Units(keys, counts, origin)


def side_by_side(family: Family, runs: Sequence[Units]) -> Counts | None:
    """Counts of the same units in every run, shape [runs, units, counts]; None where the runs scored other items.

    A unit of mined pairs that one run lacks was neither gold nor mined there: zeros. Gold pairs are the same in all.
    """
    first = runs[0]
    if not statistics.of(family).lacks_zeros:
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
