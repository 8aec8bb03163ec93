"""95 % intervals of dataset averages, from the per-document statistics in the samples.

Units are resampled whole (a passage of XQuAD and TyDiQA, an article of MLQA, a sentence or pair elsewhere). Families
whose test items are translations of each other draw the same items in every language; the others draw independently
(analysis of the estimand "these languages": the variance of the mean needs the covariances between languages).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xstilts_eval.benchmark import Family
from xstilts_eval.metrics.bootstrap import DRAWS, SEED, are_enough, resampled_totals
from xstilts_eval.results import statistics
from xstilts_eval.results.statistics import Counts, Samples


def family_interval(
    family: Family, samples: Mapping[str, Samples], draws: int = DRAWS, seed: int = SEED
) -> tuple[float, float] | None:
    """Percentile interval (fractions) of the family's official score over the given languages.

    `samples` holds the host's logged samples by language. None when a language has too few units (`are_enough`).
    """
    return of_counts(
        family, {language: statistics.counts(family, rows)[1] for language, rows in samples.items()}, draws, seed
    )


def of_counts(
    family: Family, counts: Mapping[str, Counts], draws: int = DRAWS, seed: int = SEED
) -> tuple[float, float] | None:
    """The same from the counts [units, counts] of every language."""
    tables = [counts[language] for language in sorted(counts)]
    sizes = {len(table) for table in tables}
    if not tables or not are_enough(min(sizes)):
        return None
    if family.parallel and len(sizes) == 1:
        drawn = _mean_scores(family, [np.stack(tables)], draws, [seed])
    else:
        drawn = _mean_scores(family, [table[None] for table in tables], draws, [[seed, i] for i in range(len(tables))])
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def _mean_scores(family: Family, groups: Sequence[Counts], draws: int, seeds: Sequence[Any]) -> Counts:
    """Mean score over languages for every draw; a group [languages, units, counts] shares its draws.

    Languages of a pooled family weigh as much as they have documents, which the last count is.
    """
    total, weight = np.zeros(draws), 0.0
    for group, seed in zip(groups, seeds, strict=True):
        shares = group[..., -1].sum(axis=1) if family.pooled else np.ones(len(group))
        total += shares @ statistics.scores(family, _drawn_sums(group, draws, seed))
        weight += shares.sum()
    mean: Counts = total / weight
    return mean


def _drawn_sums(group: Counts, draws: int, seed: Any) -> Counts:
    """Sums [languages, draws, counts] of resamples of the units of a group [languages, units, counts].

    Units that count the same in every language are interchangeable, and of ten thousand sentences few hundred differ.
    """
    languages, units, width = group.shape
    rows = np.ascontiguousarray(group.transpose(1, 0, 2)).reshape(units, languages * width)
    sums: Counts = resampled_totals(rows, draws, seed).reshape(draws, languages, width).transpose(1, 0, 2)
    return sums
