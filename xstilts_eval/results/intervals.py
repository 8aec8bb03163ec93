"""95 % intervals of family averages, from the per-document statistics in the samples.

Units are resampled whole (a passage of XQuAD and TyDiQA, an article of MLQA, a sentence or pair elsewhere). Families
whose test items are translations of each other draw the same items in every language; the others draw independently
(analysis of the estimand "these languages": the variance of the mean needs the covariances between languages).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts_eval import kinds
from xstilts_eval.benchmark import Family
from xstilts_eval.metrics.bootstrap import DRAWS, SEED, are_enough, drawn_weights, sum_by_unit
from xstilts_eval.metrics.translation import chrf_from_counts

Statistics = NDArray[np.float64]


def has_parallel_items(family: Family) -> bool:
    """Whether the test items of a family are translations of each other, in the same order in every language."""
    return family.parallel


def family_interval(
    family: Family, samples: Mapping[str, Sequence[dict[str, Any]]], draws: int = DRAWS, seed: int = SEED
) -> tuple[float, float] | None:
    """Percentile interval (fractions) of the family's official score over the given languages.

    `samples` holds the host's logged samples by language. None when a language has too few units (`are_enough`).
    """
    tables = [statistics(family, samples[language]) for language in sorted(samples)]
    sizes = {len(table) for table in tables}
    if not tables or not are_enough(min(sizes)):
        return None
    if has_parallel_items(family) and len(sizes) == 1:
        drawn = _mean_scores(family, [np.stack(tables)], draws, [seed])
    else:
        drawn = _mean_scores(family, [table[None] for table in tables], draws, [[seed, i] for i in range(len(tables))])
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def _mean_scores(family: Family, groups: Sequence[Statistics], draws: int, seeds: Sequence[Any]) -> Statistics:
    """Mean score over languages for every draw; a group [languages, units, counts] shares its draws.

    Languages of a pooled family weigh as much as they have documents, which the last count is.
    """
    total, weight = np.zeros(draws), 0.0
    for group, seed in zip(groups, seeds, strict=True):
        shares = group[..., -1].sum(axis=1) if family.pooled else np.ones(len(group))
        for part, weights in drawn_weights(group.shape[1], draws, seed):
            sums = np.einsum("du,luc->ldc", weights, group)
            total[part] += shares @ scores(family, sums)
        weight += shares.sum()
    mean: Statistics = total / weight
    return mean


def scores(family: Family, sums: Statistics) -> Statistics:
    """Official score (fractions) from summed counts [..., counts]."""
    if family.kind is kinds.TRANSLATION:
        return chrf_from_counts(sums)
    if family.kind in (kinds.TAGGED, kinds.MINING):  # correct, predicted, gold: F1 = 2 correct / (predicted + gold)
        whole = sums[..., 1] + sums[..., 2]
        return np.divide(2 * sums[..., 0], whole, out=np.zeros_like(whole), where=whole > 0)
    scores: Statistics = sums[..., :-1].mean(axis=-1) / sums[..., -1]
    return scores


def statistics(family: Family, samples: Sequence[dict[str, Any]]) -> Statistics:
    """Counts per unit, shape [units, counts], in the order of the test file; BUCC's in that of their ids."""
    ordered = sorted(samples, key=lambda sample: int(sample["doc_id"]))
    if family.kind is kinds.MINING:
        rows = sorted(row for sample in ordered for row in sample["f1_ci95"])  # whatever the number of shards
        pairs = [[correct, predicted, gold] for _, correct, predicted, gold in rows]
        return np.array(pairs, dtype=np.float64).reshape(-1, 3)
    if family.kind is kinds.TAGGED:
        return np.array([sample["f1_ci95"][1:] for sample in ordered], dtype=np.float64)
    if family.kind is kinds.TRANSLATION:
        counts = np.array([sample["chrf++_ci95"][1:] for sample in ordered], dtype=np.float64)
        return sum_by_unit(counts, [sample["chrf++_ci95"][0] for sample in ordered])
    columns = [[sample[f"{name}_ci95"][1] for sample in ordered] for name in family.official]
    rows = np.array([*columns, [1.0] * len(ordered)], dtype=np.float64).T
    return sum_by_unit(rows, [sample[f"{family.official[0]}_ci95"][0] for sample in ordered])
