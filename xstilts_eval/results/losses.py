"""`xstilts compare --fail-on-loss`: which means and languages are lower than the reference's, beyond chance.

The tests of a comparison share the level `compare.ALPHA`: half of it belongs to the means of datasets, by Holm's method
over all datasets and sides; half to the languages, by Holm's method within a dataset and Bonferroni's over datasets and
sides. So a comparison of two equal systems fails with a chance of 5 % at most, however many datasets there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xstilts_eval.errors import MissingData
from xstilts_eval.metrics import significance
from xstilts_eval.results.compare import ALPHA, Comparison
from xstilts_eval.wording import p_value


@dataclass(frozen=True)
class Loss:
    """A mean (`language` "") or a language of a side that is lower than the reference's; `p` is corrected."""

    side: str
    dataset: str
    language: str
    difference: float
    p: float

    def __str__(self) -> str:
        where = f"{self.dataset} {self.language}".strip()
        p = p_value(self.p)
        return f"{self.side}: {where} {self.difference:+.1f} (p {p if p.startswith('<') else f'= {p}'}, corrected)"


_SHOWN = 6
"""Losses that a sentence names."""


def sentence(lost: Sequence[Loss]) -> str:
    """What was lost, means first."""
    more = f"; and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    return f"LOSS: {'; '.join(map(str, lost[:_SHOWN]))}{more}"


def losses(found: Sequence[Comparison]) -> list[Loss]:
    """Raises `MissingData` where nothing was tested: without samples nothing can be said of chance."""
    means = [
        (one.other.name, family, family.average)
        for one in found
        for family in one.families
        if family.average is not None and family.average.p is not None
    ]
    if not means:
        raise MissingData(
            "--fail-on-loss needs samples on both sides, and none were compared: keep the folder samples/ of xstilts "
            "eval; published numbers have none"
        )
    corrected = significance.holm([min(1.0, 2 * (mean.p or 0.0)) for _, _, mean in means])
    lost = [
        Loss(side, family.family.title, "", mean.difference, p)
        for (side, family, mean), p in zip(means, corrected, strict=True)
        if mean.difference < 0 and p <= ALPHA
    ]
    for side, family, _ in means:
        for row in family.languages:
            if row.p_holm is None or len(family.languages) < 2:
                continue
            p = min(1.0, 2 * len(means) * row.p_holm)
            if row.difference < 0 and p <= ALPHA:
                lost.append(Loss(side, family.family.title, row.label, row.difference, p))
    return lost
