"""One correction for everything that one command shows: the more tests a page has, the more of them are significant.

Holm's (1979), which holds the chance of one false finding on the page at 5 % whatever the tests depend on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xstilts_eval.analysis.stats.level import Level
from xstilts_eval.analysis.stats.regression import Regression, adjusted
from xstilts_eval.wording import counted

METHOD = "Holm"


@dataclass(frozen=True)
class PageTest:
    """One test of a page: what was asked, its p, and its p over all tests of the page."""

    name: str
    p: float
    adjusted_p: float


def page(tests: Sequence[tuple[str, float | None]]) -> tuple[PageTest, ...]:
    """All tests of a page with their corrected p; those without a p were not made."""
    made = [(name, p) for name, p in tests if p is not None]
    return tuple(
        PageTest(name, p, over_all)
        for (name, p), over_all in zip(made, adjusted([p for _, p in made], "holm"), strict=True)
    )


def of_regression(name: str, fit: Regression | None) -> list[tuple[str, float | None]]:
    """The tests of a regression's predictors."""
    return [(f"{name}: {term.name}", term.p) for term in fit.terms if term.name != "intercept"] if fit else []


def of_level(level: Level | None) -> list[tuple[str, float | None]]:
    """The tests of a predictor with the level held fixed, by ranks and by values."""
    return [
        (f"{level.predictor if level else ''}, {one.held} held fixed ({kind})", test.p)
        for one in (level.fixed if level else ())
        for kind, test in (("rho", one.rank), ("r", one.linear))
    ]


def lines(tests: Sequence[PageTest], level: float = 0.05) -> list[str]:
    """How many tests the page has, and how many of them are clear when all are corrected."""
    if not tests:
        return []
    clear = sum(one.adjusted_p < level for one in tests)
    said = f"{clear or 'none'} below .05 over all of them"
    return [f"this page makes {counted(len(tests), 'test')}, corrected together by {METHOD}: {said}"]
