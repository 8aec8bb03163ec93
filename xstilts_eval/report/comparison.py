"""Gains of every run over the baseline, or the sentence that says why there are none."""

from __future__ import annotations

import math
import statistics as simple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import PredictionError, XstiltsError
from xstilts_eval.report.runs import Run
from xstilts_eval.results import gains, seeds
from xstilts_eval.results.alignment import Reader
from xstilts_eval.results.gains import Gain


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
    for before, after in _parts(baseline, run):
        try:
            pairing = gains.pair(*_paired(baseline, before, after), reader, (baseline.name, run.name))
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


Seeds = dict[str, Path]


def _parts(baseline: Run, run: Run) -> list[tuple[Seeds, Seeds]]:
    """Folders of the same results in both, by seed; those that a single run and a run of seeds have in one folder."""
    if len(baseline.folders) == len(run.folders) == 1:
        return list(zip(baseline.folders.values(), run.folders.values(), strict=True))
    return [(before, run.folders.get(part, {})) for part, before in baseline.folders.items()]


def _paired(baseline: Run, before: Seeds, after: Seeds) -> tuple[list[Path], list[Path]]:
    if len(before) == len(after) == 1:
        return list(before.values()), list(after.values())
    common = [seed for seed in before if seed in after]
    if not common:
        where = next(iter(before.values()))
        raise PredictionError(f"nothing to compare with {where}: {baseline.name} and this run share no seed there")
    return [before[seed] for seed in common], [after[seed] for seed in common]


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
