"""From runs, score tables or published records to the rows that analyses take: one number per language and benchmark.

All numbers are points (0-100). Nothing is filled in: what was not scored is not there.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xstilts_eval.analysis import features
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.errors import DataError, MissingData, PredictionError, SettingError, XstiltsError
from xstilts_eval.results import gains as gains_of_runs
from xstilts_eval.results import record, seeds
from xstilts_eval.results import run as runs
from xstilts_eval.suites import group_of
from xstilts_eval.validation import complaint

Outcome = Literal["score", "gain", "gap"]
OUTCOMES: tuple[Outcome, ...] = ("score", "gain", "gap")
ENGLISH = "en"


@dataclass(frozen=True)
class Observation:
    """One number: a score, a gain of training over a baseline, or the gap to English, in points.

    `baseline` is the score that a gain starts from, `seeds` the number of training runs behind the number; None where
    not known.
    `half_width` is that of the 95 % interval where one is known. `benchmark` is a group (``xtreme_xnli``), or what a
    table calls it. `by_seed` is the number of every seed, in the same order for all rows of a run; empty in tables.
    """

    model: str
    benchmark: str
    language: str
    outcome: Outcome
    value: float
    half_width: float | None = None
    baseline: float | None = None
    seeds: int | None = None
    by_seed: tuple[float, ...] = ()


class TableRow(BaseModel):
    """One row of a score table (CSV): points with, optionally, the half-width of their 95 % interval.

    `baseline` is the score that a gain starts from (points), `seeds` the number of training runs behind the row.

    `parameters`, `embedding_parameters`, `group` (models of one recipe) and `bases` serve `scaling` only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: str = Field(min_length=1)
    benchmark: str = Field(min_length=1)
    language: str = Field(min_length=1)
    score: float
    outcome: Outcome = "score"
    half_width: float | None = Field(default=None, ge=0)
    baseline: float | None = None
    seeds: int | None = Field(default=None, ge=1)
    parameters: float | None = Field(default=None, gt=0)
    embedding_parameters: float | None = Field(default=None, ge=0)
    group: str = "all"
    bases: Literal["multilingual", "monolingual"] = "multilingual"


@dataclass(frozen=True)
class Which:
    """Which of a model's published records are meant; None: whatever there is one of."""

    stage: str | None = None
    setting: str | None = None
    source: str | None = None
    family: str | None = None

    def fits(self, one: PublishedRecord) -> bool:
        """Whether a record is among them; only records that one of our families covers ever are."""
        wanted = ((self.stage, one.stage), (self.setting, one.setting), (self.source, one.source))
        return (
            one.family in FAMILIES
            and one.metric in FAMILIES[one.family].official
            and one.confidence != "recalled"
            and is_called(one.family, self.family)
            and all(value is None or value == given for value, given in wanted)
        )


class PublishedRecord(Protocol):
    """What is read of a record of the zoo."""

    @property
    def model(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def setting(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def confidence(self) -> str: ...
    @property
    def percent(self) -> float: ...


def read_table(path: Path) -> list[TableRow]:
    """Rows of a CSV with a header; raises `MissingData` and `DataError`, naming file and line."""
    if not path.is_file():
        raise MissingData(f"{path} does not exist; give a CSV with the columns model, benchmark, language and score")
    rows = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            for row in reader:
                rows.append(TableRow.model_validate({name: value for name, value in row.items() if value != ""}))
        except (ValidationError, UnicodeDecodeError, csv.Error, TypeError) as error:
            problem = _problem(error)
            raise DataError(f"{path}, line {reader.line_num}: {problem}") from error
    if not rows:
        raise DataError(f"{path} holds no row")
    return rows


def _problem(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return f"{complaint(error)} (columns: {', '.join(TableRow.model_fields)})"


def from_table(rows: Iterable[TableRow]) -> list[Observation]:
    """Observations of a score table; languages by our codes where they are known."""
    return [
        Observation(r.model, r.benchmark, canonical(r.language), r.outcome, r.score, r.half_width, r.baseline, r.seeds)
        for r in rows
    ]


def canonical(language: str) -> str:
    """Our code of a language; what has no features, and averages, stay as they are. Unclear ones raise."""
    if language in ("avg", "all", "others"):
        return "avg"
    found = features.known(language)
    return found.code if found else language


def from_runs(
    run: Path,
    baseline: Path | None,
    inner: str,
    family: str | None = None,
    only: Collection[str] | None = None,
) -> list[Observation]:
    """Gains over the baseline (means over the seeds and tasks that both have), or, without one, scores.

    `family` (a group, or its name without the suite) leaves all others out, `only` all leaves but these;
    `SettingError` where nothing is left.
    """
    name = run.name or str(run)
    if baseline is not None:
        pairing = gains_of_runs.pair_seeds(baseline, run, inner, only=only)
        wanted = _wanted(pairing.families, family, f"{run} and {baseline} have")
        return from_gains(name, [gain for one in wanted for gain in pairing.gains(one)])
    leaves = runs.read(run, inner, only=only).leaves().values()
    wanted = _wanted(list(dict.fromkeys(members[0].family for members in leaves)), family, f"{run} has")
    return [_score(name, members) for members in leaves if members[0].family in wanted]


def over_inners(
    run: Path,
    baseline: Path | None,
    inners: Sequence[str],
    family: str | None = None,
    only: Collection[str] | None = None,
) -> tuple[list[Observation], list[str]]:
    """`from_runs` of every inner folder that answers, and a sentence for each that does not or has more than is used.

    Raises what the first one raised where none answers.
    """
    rows: list[Observation] = []
    lines: list[str] = []
    faults: list[XstiltsError] = []
    for inner in inners:
        try:
            rows += from_runs(run, baseline, inner, family, only)
            lines += left_out(run, baseline, inner, family, only)
        except (MissingData, PredictionError, SettingError) as error:
            faults.append(error)
            lines.append(f"left out, {inner} of {run.name or run}: {error}")
    if not rows:
        raise faults[0]
    return rows, lines


def _wanted(families: Sequence[Family], name: str | None, who: str) -> list[Family]:
    found = [family for family in families if is_called(family.group, name)]
    if not found:
        raise SettingError(f"{who} no results on {name}; there is: {', '.join(family.group for family in families)}")
    return found


def is_called(benchmark: str, name: str | None) -> bool:
    """Whether a benchmark (``xtreme_xnli``) is the one that ``-t`` names: ``xnli`` is XTREME's, as everywhere."""
    return name is None or benchmark in (name, group_of(name))


def left_out(
    run: Path,
    baseline: Path | None,
    inner: str,
    family: str | None = None,
    only: Collection[str] | None = None,
) -> list[str]:
    """What only one of run and baseline has scored, a sentence per family and reason."""
    if baseline is None:
        return []
    found = gains_of_runs.pair_seeds(baseline, run, inner, only=only).left_out
    return [
        f"left out of the gains of {run.name or run}, {FAMILIES[group].title} {line}"
        for group, lines in found.items()
        if is_called(group, family)
        for line in lines
    ]


def from_gains(name: str, found: Iterable[gains_of_runs.Gain]) -> list[Observation]:
    """Gains of one run as rows: languages, and their average."""
    return [
        Observation(name, gain.family.group, canonical(gain.language), "gain",
                    gain.gain, gain.half_width, gain.baseline, len(gain.by_seed), gain.by_seed)
        for gain in found if gain.language != "others"
    ]  # fmt: skip


def _score(name: str, leaves: Sequence[record.LeafResult]) -> Observation:
    """Mean over seeds; the half-width joins documents and, from three seeds on, seeds (t)."""
    first = leaves[0]
    points = [leaf.points for leaf in leaves]
    wanted = [leaf.intervals.get(metric) for leaf in leaves for metric in first.family.official]
    known = [interval for interval in wanted if interval]
    documents = 50 * fmean(high - low for low, high in known) if len(known) == len(wanted) else None
    half = seeds.joint_half_width(documents, points)
    return Observation(name, first.family.group, canonical(first.language), "score", fmean(points), half,
                       seeds=len(points), by_seed=tuple(points))  # fmt: skip


def from_zoo(records: Iterable[PublishedRecord], model: str, which: Which, averages: bool = False) -> list[Observation]:
    """Published scores of one model by language, or its published averages; recalled numbers are left out.

    Raises `PredictionError` where several values stand for one language, naming what tells them apart.
    """
    grouped: dict[tuple[str, str], list[PublishedRecord]] = {}
    for one in records:
        language = canonical(one.language)
        if one.model == model and which.fits(one) and (language == "avg") == averages:
            grouped.setdefault((one.family, language), []).append(one)
    found = []
    for (family, language), members in grouped.items():
        metrics = [one.metric for one in members]
        if len(metrics) != len(set(metrics)):
            kinds = sorted({f"stage {r.stage!r}, setting {r.setting!r}, source {r.source!r}" for r in members})
            raise PredictionError(
                f"{model} has several values of {family} in {language}; choose by --stage, --setting or --source: "
                f"{'; '.join(kinds)}"
            )
        found.append(Observation(model, family, language, "score", fmean(one.percent for one in members)))
    return found


def gaps(scores: Sequence[Observation]) -> list[Observation]:
    """English minus each other language, by model and benchmark; where English is missing there is none.

    Half-widths are joined as if the two languages were independent, too wide for parallel test sets.
    """
    english = {(o.model, o.benchmark): o for o in scores if o.language == ENGLISH and o.outcome == "score"}
    found = []
    for one in scores:
        source = english.get((one.model, one.benchmark))
        if source is None or one.outcome != "score" or one.language in (ENGLISH, "avg"):
            continue
        widths = (source.half_width, one.half_width)
        half = None if None in widths else math.hypot(*(width or 0.0 for width in widths))
        both = zip(source.by_seed, one.by_seed, strict=False)
        found.append(replace(one, outcome="gap", value=source.value - one.value, half_width=half, baseline=None,
                             seeds=fewest_seeds([source, one]), by_seed=tuple(a - b for a, b in both)))  # fmt: skip
    return found


def fewest_seeds(rows: Iterable[Observation]) -> int | None:
    """Seeds behind the number with fewest of them; None where one does not say."""
    found = [row.seeds for row in rows]
    return min((seeds for seeds in found if seeds is not None), default=None) if None not in found else None


def seeds_line(rows: Iterable[Observation]) -> str:
    """How many training runs the numbers rest on."""
    return seeds_line_of({row.seeds for row in rows})


def seeds_line_of(known: Collection[int | None]) -> str:
    """The same, from the numbers of seeds that occur."""
    if None in known or not known:
        return "how many seeds stand behind these numbers is not said"
    counts = sorted(seeds for seeds in known if seeds is not None)
    if counts == [1]:
        return "one seed stands behind every number: another training run would move them all"
    return f"seeds behind every number: {' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))}"


def select(
    rows: Sequence[Observation], outcome: Outcome, benchmark: str | None = None, model: str | None = None
) -> list[Observation]:
    """Observations of one model, outcome, benchmark; raises `SettingError` for none, `PredictionError` for a mixture.

    `benchmark` may leave out the suite (``xnli``).
    """
    chosen = [row for row in rows if model is None or row.model == model]
    if outcome == "gap" and not any(row.outcome == "gap" for row in chosen):
        chosen = gaps(chosen)
    chosen = [row for row in chosen if row.outcome == outcome]
    chosen = [row for row in chosen if is_called(row.benchmark, benchmark)]
    if not chosen:
        there = sorted({f"{row.outcome} of {row.model} on {row.benchmark}" for row in rows})
        raise SettingError(
            f"there is no {outcome}{f' of {model}' if model else ''}{f' on {benchmark}' if benchmark else ''}; there "
            f"is: {'; '.join(there[:8]) or 'nothing'}{' (a gap needs English)' if outcome == 'gap' else ''}"
        )
    models = sorted({row.model for row in chosen})
    if len(models) > 1:
        raise PredictionError(f"one model at a time; name it by --model: {', '.join(models)}")
    cells = Counter((row.benchmark, row.language) for row in chosen)
    if twice := [cell for cell, number in cells.items() if number > 1]:
        raise PredictionError(f"{twice[0][1]} occurs twice for {models[0]} on {twice[0][0]}; keep one value of it")
    return chosen


def one_benchmark(rows: Sequence[Observation], otherwise: str = "") -> str:
    """The benchmark that all rows share; raises `PredictionError` when results of several are mixed.

    `otherwise` says what else the caller's command offers.
    """
    names = sorted({row.benchmark for row in rows})
    if len(names) != 1:
        raise PredictionError(
            f"results of different benchmarks cannot share one fit ({', '.join(names) or 'none'}); name one by "
            f"--tasks{otherwise}"
        )
    return names[0]
