"""From the samples of a task to counts of its units, and from sums of counts to its official score.

There is one object for each value of `datasets.Scoring.statistic`. A unit is what intervals resample whole: a sentence
or pair, a passage or article with its questions, of mined pairs a foreign sentence that occurs in a gold or mined one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.benchmark import Family
from xstilts_eval.errors import UnknownName
from xstilts_eval.metrics.bootstrap import sum_by_unit
from xstilts_eval.metrics.classification import macro_f1, weighted_f1
from xstilts_eval.metrics.translation import chrf_from_counts
from xstilts_eval.results.host import Row

Counts = NDArray[np.float64]
Samples = Sequence[Row]
Named = tuple[Sequence[str], Counts]


@dataclass(frozen=True)
class Statistic:
    """`count` gives names of units and counts [units, counts] of samples in the order of the test file.

    `score` gives official scores (fractions) of summed counts [..., counts]. `lacks_zeros`: a unit of which a run has
    no counts is one of zeros there, and so no other test item.
    """

    count: Callable[[Family, Samples], Named]
    score: Callable[[Counts], Counts]
    lacks_zeros: bool = False


def of(family: Family) -> Statistic:
    """The statistic of a family's scoring; raises `UnknownName` for one that is not here."""
    name = family.scoring.statistic
    if name not in STATISTICS:
        raise UnknownName.of(f"statistic of {family.group}", name, STATISTICS)
    return STATISTICS[name]


def counts(family: Family, samples: Samples) -> Named:
    """Names of the units and their counts [units, counts], in the order of the test file; mined pairs' in that of ids.

    Raises `KeyError`, `IndexError`, `TypeError` or `ValueError` for samples of another layout.
    """
    return of(family).count(family, sorted(samples, key=lambda sample: int(sample["doc_id"])))


def scores(family: Family, sums: Counts) -> Counts:
    """Official score (fractions) from summed counts [..., counts]."""
    return of(family).score(sums)


# ------------------------------------------------------------------------------------------- samples to counts


def _values(family: Family, samples: Samples) -> tuple[list[str], list[list[float]]]:
    """By sample its unit and what the official metric counts there."""
    found = [sample[f"{family.official[0]}_ci95"] for sample in samples]
    return [str(value[0]) for value in found], [value[1:] for value in found]


def _rows(family: Family, samples: Samples) -> Named:
    """Every sample is a unit."""
    units, rows = _values(family, samples)
    return tuple(units), np.array(rows, dtype=np.float64)


def _sums(family: Family, samples: Samples) -> Named:
    """Samples of one unit are summed."""
    units, rows = _values(family, samples)
    return tuple(dict.fromkeys(units)), sum_by_unit(np.array(rows, dtype=np.float64), units)


def _means(family: Family, samples: Samples) -> Named:
    """A column for each official metric, then the number of documents."""
    units, _ = _values(family, samples)
    columns = [[sample[f"{name}_ci95"][1] for sample in samples] for name in family.official]
    rows = np.array([*columns, [1.0] * len(samples)], dtype=np.float64).T
    return tuple(dict.fromkeys(units)), sum_by_unit(rows, units)


def _pairs(family: Family, samples: Samples) -> Named:
    """A sample is a shard, which has rows of (unit, correct, predicted, gold): the same whatever the shards."""
    rows = sorted(row for sample in samples for row in sample[f"{family.official[0]}_ci95"])
    return tuple(str(row[0]) for row in rows), np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 3)


# -------------------------------------------------------------------------------------------- sums to scores


def _mean(sums: Counts) -> Counts:
    """The mean of the metrics' sums over the last count: documents, or the whole of a ratio."""
    found: Counts = sums[..., :-1].mean(axis=-1) / sums[..., -1]
    return found


def _f1(sums: Counts) -> Counts:
    """2 correct / (predicted + gold) of (correct, predicted, gold); 0 where there is nothing."""
    whole = sums[..., 1] + sums[..., 2]
    return np.divide(2 * sums[..., 0], whole, out=np.zeros_like(whole), where=whole > 0)


STATISTICS = {
    "mean": Statistic(_means, _mean),
    "counts": Statistic(_rows, _f1),
    "ratio": Statistic(_rows, _mean),
    "weighted_f1": Statistic(_rows, weighted_f1),
    "macro_f1": Statistic(_rows, macro_f1),
    "pairs": Statistic(_pairs, _f1, lacks_zeros=True),
    "chrf": Statistic(_sums, chrf_from_counts),
}
