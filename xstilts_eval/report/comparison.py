"""Gains of every run over the baseline, or the sentence that says why there are none."""

from __future__ import annotations

import math
import statistics as simple
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import XstiltsError
from xstilts_eval.results import gains, seeds
from xstilts_eval.results.alignment import Reader
from xstilts_eval.results.gains import Gain
from xstilts_eval.results.run import Run as AnyRun
from xstilts_eval.results.scored import Run


@dataclass(frozen=True)
class MeanGain:
    """Mean of the families' gains in points, each family counted once, with the half-width of its 95 % interval.

    There is none where a family has none.
    """

    gain: float
    half_width: float | None

    @property
    def is_clear(self) -> bool:
        """Whether there is an interval and it leaves out 0."""
        return self.half_width is not None and abs(self.gain) > self.half_width


@dataclass(frozen=True)
class Comparison:
    """One run against the baseline: gains by family (group) and language; `refusals` say what was not compared.

    `families` holds each family's gain over its languages, `mean` that over the families, None when the run lacks one
    of the baseline's.
    """

    run: Run
    languages: dict[str, dict[str, Gain]]
    families: dict[str, Gain]
    mean: MeanGain | None
    refusals: tuple[str, ...]


def compare(baseline: Run, runs: Sequence[Run], say: Callable[[str], None]) -> list[Comparison]:
    """Every run but the baseline; what cannot be compared is refused family by family."""
    found, reader = [], Reader()
    for run in (run for run in runs if run is not baseline):
        say(f"{run.name}: gains over {baseline.name}")
        found.append(_compare(baseline, run, reader))
    return found


def _compare(baseline: Run, run: Run, reader: Reader) -> Comparison:
    found: list[Gain] = []
    refusals = []
    parts = _parts(baseline, run)
    for part in (part for part in baseline.folders if part not in parts):
        refusals.append(f"nothing to compare with {part} of {baseline.name}: {run.name} has no such results")
    for before, after in parts.values():
        try:
            pairing = gains.pair(before, after, reader)
        except XstiltsError as error:
            refusals.append(str(error))
            continue
        for group, lines in pairing.left_out.items():
            refusals += [f"{FAMILIES[group].title} left out of the gains: {line}" for line in lines]
        for family in pairing.families:
            try:
                found += pairing.gains(family)
            except XstiltsError as error:
                refusals.append(str(error))
    languages: dict[str, dict[str, Gain]] = {}
    families: dict[str, Gain] = {}
    for gain in found:
        group = gain.family.group
        by_language = languages.setdefault(group, {})
        if gain.language in gain.family.languages:
            by_language[gain.language] = gain
        if gain.language == "all" or len(by_language) == 1:
            families[group] = gain
    order = [group for group in baseline.families if group in families]
    complete = len(order) > 1 and set(order) == set(baseline.families)
    mean = mean_gain([families[group] for group in order]) if complete else None
    return Comparison(run, languages, {group: families[group] for group in order}, mean, tuple(refusals))


def _parts(baseline: Run, run: Run) -> dict[str, tuple[AnyRun, AnyRun]]:
    """The same results of both by the baseline's inner folder; all where each has one, whatever it is called."""
    if len(baseline.folders) == len(run.folders) == 1:
        return {next(iter(baseline.folders)): (baseline, run)}
    return {part: (baseline.part(part), run.part(part)) for part in baseline.folders if part in run.folders}


def mean_gain(found: Sequence[Gain]) -> MeanGain | None:
    """Over families, each counted once; None when they have different numbers of seeds.

    Seeds are shared by the families, so their means are taken seed by seed (t-interval from three on); documents are
    not, so their half-widths add in quadrature.
    """
    counts = {len(gain.by_seed) for gain in found}
    if len(counts) > 1:
        return None
    by_seed = [simple.fmean(values) for values in zip(*(gain.by_seed for gain in found), strict=True)]
    parts = [gain.from_documents for gain in found if gain.from_documents is not None]
    documents = math.hypot(*parts) / len(found) if len(parts) == len(found) else None
    return MeanGain(simple.fmean(by_seed), seeds.joint_half_width(documents, by_seed))
