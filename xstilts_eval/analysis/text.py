"""What the reports of several analyses write alike: regressions, levels, intervals, numbers, notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import RenderableType

from xstilts_eval.analysis.stats import multiplicity, power
from xstilts_eval.analysis.stats.certainty import Certainty
from xstilts_eval.analysis.stats.level import COLLINEAR, Level
from xstilts_eval.analysis.stats.multiplicity import PageTest
from xstilts_eval.analysis.stats.regression import Regression
from xstilts_eval.tables import terminal_table
from xstilts_eval.wording import counted, p_value


def level(found: Level) -> list[RenderableType]:
    """The predictor without and with the level of the baseline held fixed; its `conclusion` belongs above."""
    header = ("held fixed", "rho [95 %]", "p", "r [95 %]", "p", "slope [95 %, HC3]")
    rows = [
        (one.held, one.rank.shown, p_value(one.rank.p), one.linear.shown, p_value(one.linear.p),
         f"{one.slope.estimate:+.2f} [{one.slope.low:.2f}, {one.slope.high:.2f}]")
        for one in (found.raw, *found.fixed)
    ]  # fmt: skip
    apart = "not to be told apart" if found.is_collinear else f"told apart up to {COLLINEAR:g}"
    title = (
        f"{found.predictor} beside the level of the baseline, n {found.n}; R with the level {found.with_level:.2f}, "
        f"variance inflation {found.inflation:.1f}: {apart}"
    )
    return [terminal_table(header, rows, title)]


def regression(found: Regression) -> RenderableType:
    """Terms with HC3 errors and intervals."""
    header = ("term", "estimate", "SE", "SE (HC3)", "95 % (HC3)", "p (HC3)", "VIF")
    rows = [
        (t.name, f"{t.estimate:.2f}", f"{t.error:.2f}", f"{t.hc3_error:.2f}", f"{t.low:.2f} to {t.high:.2f}",
         p_value(t.p), "–" if t.name == "intercept" else f"{t.vif:.1f}")
        for t in found.terms
    ]  # fmt: skip
    return terminal_table(header, rows, f"R² {found.r_squared:.3f}, n {found.n}, {found.degrees} degrees of freedom")


def certainty(sure: Certainty, predictor: str) -> list[RenderableType]:
    """Families and seeds, the smallest effects, and all tests of the page with their common correction."""
    lines: list[RenderableType] = [f"mean over languages and targets: {one.text}" for one in sure.pooled]
    lines += [f"  without {', '.join(one.left_out)}: no spread" for one in sure.pooled if one.left_out]
    if sure.ranks:
        count = counted(sure.ranks.families, "family", "families")
        lines.append(f"rho with {predictor}, {count} resampled: [{sure.ranks.low:.2f}, {sure.ranks.high:.2f}]")
    if sure.slope:
        count = counted(sure.slope.families, "family", "families")
        ends = f"[{sure.slope.low:+.2f}, {sure.slope.high:+.2f}]"
        lines.append(f"slope of {predictor}, {count} resampled: {sure.slope.estimate:+.2f} {ends}")
    lines += [one.text for one in sure.seeds]
    lines += power.lines(sure.smallest)
    return [*(["", *lines] if lines else []), *page(sure.tests)]


def page(tests: Sequence[PageTest]) -> list[RenderableType]:
    """All tests, the smallest p first, with the one correction over them."""
    if not tests:
        return []
    rows = [(one.name, p_value(one.p), p_value(one.adjusted_p)) for one in sorted(tests, key=lambda one: one.p)]
    return ["", *multiplicity.lines(tests), terminal_table(("test", "p", f"p ({multiplicity.METHOD})"), rows)]


def number(value: float | None) -> str:
    """Two decimals, or a dash for what is not known."""
    return "–" if value is None else f"{value:.2f}"


def signed(value: float | None) -> str:
    """The same with its sign."""
    return "–" if value is None else f"{value:+.2f}"


def left_out(reasons: Mapping[str, str]) -> list[str]:
    """One sentence per reason with the languages it holds for."""
    return [
        f"left out: {', '.join(code for code, why in reasons.items() if why == reason)} ({reason})"
        for reason in dict.fromkeys(reasons.values())
    ]


def notes(lines: Iterable[str]) -> list[str]:
    """A list of them, under what is above."""
    return ["", *(f"- {note}" for note in lines)]
