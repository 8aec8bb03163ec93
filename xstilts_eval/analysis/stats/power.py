"""The smallest effect that a design could have seen: with 80 % power, two-sided at 5 %.

A result without it says little: an interval around nothing may rest on a design that could have found nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from xstilts_eval.analysis.stats.regression import Regression, detectable
from xstilts_eval.errors import NumericError

POWER, ALPHA = 0.8, 0.05


@dataclass(frozen=True)
class Smallest:
    """What a design could have seen: of `what`, at least `value` in `unit` on either side of 0."""

    what: str
    value: float
    unit: str

    @property
    def text(self) -> str:
        shown = f"{self.value:.2f}" if math.isfinite(self.value) else "nothing"
        return f"{self.what}: {shown}{f' {self.unit}' if self.unit else ''}"


def smallest(error: float, degrees: float = math.inf) -> float:
    """The true effect whose t-test at 5 % finds it in 80 %, in the unit of its standard error `error`.

    (t_.975 + t_.8) × error, of `degrees` degrees of freedom (Bloom 1995); infinite without any.
    """
    if degrees < 1 or not math.isfinite(error):
        return math.inf
    if math.isinf(degrees):
        return float((stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER)) * error)
    return float((stats.t.ppf(1 - ALPHA / 2, degrees) + stats.t.ppf(POWER, degrees)) * error)


def of_interval(low: float, high: float, degrees: float = math.inf) -> float:
    """The same from a 95 % interval of that many degrees of freedom."""
    quantile = stats.norm.ppf(1 - ALPHA / 2) if math.isinf(degrees) else stats.t.ppf(1 - ALPHA / 2, degrees)
    return smallest((high - low) / 2 / float(quantile), degrees)


def one_of_many(error: float, degrees: float, tests: int) -> float:
    """The true effect on one side of 0 that is found in 80 % as the only one among so many tests.

    At a false discovery rate of 5 % a lone effect needs p < 0.05 / `tests`, the strictest step of Benjamini & Hochberg
    (1995), one-sided; `error` and `degrees` as in `smallest`.
    """
    if degrees < 1 or not math.isfinite(error):
        return math.inf
    return float((stats.t.ppf(1 - ALPHA / tests, degrees) + stats.t.ppf(POWER, degrees)) * error)


def correlation(what: str, points: int) -> Smallest:
    """The |correlation| that so many points show; infinite below four."""
    try:
        return Smallest(what, detectable(points, POWER, ALPHA), f"(n {points})")
    except NumericError:
        return Smallest(what, math.inf, f"(n {points})")


def slope(what: str, fit: Regression, term: str, unit: str) -> Smallest:
    """The slope of a term of a regression, from its HC3 error."""
    return Smallest(what, smallest(fit[term].hc3_error, fit.degrees), unit)


def lines(found: Sequence[Smallest]) -> list[str]:
    """One sentence for a report."""
    if not found:
        return []
    return [f"smallest effects that the design sees (80 % power, 5 %): {'; '.join(one.text for one in found)}"]
