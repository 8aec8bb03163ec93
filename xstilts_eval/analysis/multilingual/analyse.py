"""English-only against multilingual intermediate training, language by language.

Estimand: ``D_l = γ_l(multilingual) - γ_l(English)``, both gains over the same baseline, which therefore cancels: D_l is
the difference of the two arms' scores, and its interval comes from pairing them (same seeds, same documents). It is the
effect of the *language* of intermediate data only where the arms share examples, steps and mix of labels. Languages are
told apart as in the mix (for them the result is no longer zero-shot), of a family in the mix, or unseen; averages are
over these languages and describe them. Pre-training size is never cut into bins for a test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from xstilts_eval.analysis.features import SIZES, known, written_twice
from xstilts_eval.analysis.observations import ENGLISH, Observation, one_benchmark, seeds_line
from xstilts_eval.analysis.stats import dependence, multiplicity, pooling, power, regression
from xstilts_eval.analysis.stats import level as levels
from xstilts_eval.analysis.stats.certainty import Certainty
from xstilts_eval.analysis.stats.dependence import Blocks, WithoutFamily
from xstilts_eval.analysis.stats.level import Level
from xstilts_eval.analysis.stats.pooling import Pooled
from xstilts_eval.analysis.stats.power import Smallest
from xstilts_eval.analysis.stats.regression import MINIMUM, Correlation, Regression
from xstilts_eval.errors import NumericError, PredictionError, UnknownName
from xstilts_eval.wording import counted

IN_MIX, SAME_FAMILY, UNSEEN = "in the mix", "same family", "unseen"
GROUPS = (IN_MIX, SAME_FAMILY, UNSEEN)
CLASS = "resource class"
ALL, OUTSIDE = "all languages", "languages not in the mix"
FOR_REGRESSION = 10
PER_GROUP = 3
"""Languages that a group needs for an interval of its mean, and for a term of its own."""


@dataclass(frozen=True)
class Contrast:
    """One language: both gains and D with the half-width of its 95 % interval (points), and what it is known by.

    `english` and `multilingual` are None where the baseline was not scored in the language: D needs the arms alone.
    `resource_class` is Joshi et al.'s 0-5, `log_size` log₁₀ of the corpus, `baseline` the score before (points); None
    where not known.
    """

    language: str
    family: str
    group: str
    english: float | None
    multilingual: float | None
    value: float
    half_width: float | None
    log_size: float | None
    resource_class: int | None
    baseline: float | None = None
    by_seed: tuple[float, ...] = ()


@dataclass(frozen=True)
class Mean:
    """Mean D over the languages of a group with its t-interval; no interval below three languages.

    `families` is the same with families resampled, and the smallest mean that the group could have shown.
    """

    group: str
    n: int
    mean: float
    half_width: float | None
    clearly_better: int
    clearly_worse: int
    families: Pooled


@dataclass(frozen=True)
class Association:
    """Rank correlation of D with a predictor over the languages of a scope.

    `blocks` is its interval with families resampled whole, None below five families.
    """

    predictor: str
    scope: str
    spearman: Correlation
    blocks: Blocks | None
    without: tuple[WithoutFamily, ...]

    @property
    def name(self) -> str:
        return f"rho of D with {self.predictor}, {self.scope}"


@dataclass(frozen=True)
class MultilingualReport:
    """Everything the command says; `english` is D in English, which no average or correlation counts.

    `levels` sets corpus size and resource class beside the baseline's level, over all languages. The baseline cancels
    in D, so that its chance is no part of D; but a floor or a ceiling that both arms share is.
    """

    models: tuple[str, str]
    benchmark: str
    mix: tuple[str, ...]
    size: str
    rows: tuple[Contrast, ...]
    english: Contrast | None
    means: tuple[Mean, ...]
    associations: tuple[Association, ...]
    regression: Regression | None
    left_out: dict[str, str]
    refused: dict[str, str]
    notes: tuple[str, ...]
    levels: tuple[Level, ...] = ()
    sure: Certainty = field(default_factory=Certainty)


@dataclass(frozen=True)
class Arms:
    """Gains of the two arms over the baseline, and the direct difference with its own interval, in the same order.

    `left_out` says what only some of the three have scored.
    """

    english: tuple[Observation, ...]
    multilingual: tuple[Observation, ...]
    difference: tuple[Observation, ...]
    left_out: tuple[str, ...] = field(default=(), kw_only=True)


def analyse(arms: Arms, mix: Sequence[str], size: str = "cc100", notes: Sequence[str] = ()) -> MultilingualReport:
    """The report; `mix` names the languages of the multilingual arm's intermediate data.

    Raises `PredictionError` for mixed benchmarks or a mix of English only, `NumericError` below five languages or for
    a D that does not vary, `UnknownName` for a corpus.
    """
    if size not in SIZES:
        raise UnknownName.of("pre-training corpus", size, SIZES)
    others = [code for code in mix if code != ENGLISH]
    if not others:
        raise PredictionError("the multilingual arm was trained on English alone; there is nothing to compare")
    benchmark = one_benchmark([*arms.english, *arms.multilingual, *arms.difference])
    rows, left_out = _rows(arms, others, size)
    english = next((row for row in rows if row.language == ENGLISH), None)
    rows = [row for row in rows if row.language != ENGLISH]
    if len(rows) < MINIMUM:
        why = "".join(f"; {language}: {reason}" for language, reason in left_out.items())
        raise NumericError(
            f"scored in both arms: {counted(len(rows), 'language')} besides English; {MINIMUM} are needed{why}"
        )
    regression.checked([row.value for row in rows], names=["D"])
    associations, refused = _associations(rows, size)
    fit = _regression(rows, size, refused)
    models = (arms.english[0].model, arms.multilingual[0].model)
    means = [_mean(group, [row for row in rows if row.group == group]) for group in GROUPS]
    held = tuple(_levels(rows, size))
    return MultilingualReport(
        models, benchmark, tuple(mix), size, tuple(rows), english, tuple(m for m in means if m), tuple(associations),
        fit, left_out, refused, (*notes, *_notes(rows), *_started(arms, rows), *arms.left_out), held,
        _certainty(rows, associations, fit, held, size),
    )  # fmt: skip


def _certainty(
    rows: Sequence[Contrast],
    associations: Sequence[Association],
    fit: Regression | None,
    held: Sequence[Level],
    size: str,
) -> Certainty:
    """Mean D over all languages in points and in standard deviations of D, what the design could have seen of it, and
    one correction for all tests."""
    pooled = _pooled(ALL, rows)
    smallest = [Smallest("mean D", one.smallest, one.unit) for one in pooled if one.smallest is not None]
    smallest += [power.correlation(one.name, one.spearman.n) for one in associations]
    if fit:
        smallest.append(power.slope(f"slope of log10 {size}", fit, f"log10 {size}", "points per tenfold"))
    tests: list[tuple[str, float | None]] = [(one.name, one.spearman.p) for one in associations]
    tests += multiplicity.of_regression("regression", fit)
    tests += [test for level in held for test in multiplicity.of_level(level)]
    counts = {len(row.by_seed) for row in rows}
    seeds = [float(np.mean(column)) for column in zip(*(row.by_seed for row in rows), strict=True)] if len(
        counts) == 1 else []  # fmt: skip
    over = pooling.over_seeds("mean D", seeds)
    return Certainty(pooled=tuple(pooled), seeds=(over,) if over else (), smallest=tuple(smallest),
                     tests=multiplicity.page(tests))  # fmt: skip


def _started(arms: Arms, rows: Sequence[Contrast]) -> list[str]:
    """What is known of the baseline and of the seeds."""
    lines = [] if any(row.baseline is not None for row in rows) else [levels.UNKNOWN]
    others = [row for row in (*arms.english, *arms.multilingual) if row.language not in (ENGLISH, "avg")]
    return [*lines, seeds_line(others)]


def _levels(rows: Sequence[Contrast], size: str) -> list[Level]:
    found = []
    for predictor in (f"log10 {size}", CLASS):
        pairs = [(x, row) for row in rows if (x := predictor_of(row, predictor)) is not None]
        try:
            level = levels.hold(
                predictor, [x for x, _ in pairs], [row.value for _, row in pairs],
                {"baseline": [row.baseline for _, row in pairs]},
            )  # fmt: skip
        except NumericError:
            continue  # `refused` says why: there is no correlation either
        found += [level] if level else []
    return found


def _rows(arms: Arms, mix: Sequence[str], size: str) -> tuple[list[Contrast], dict[str, str]]:
    families = {entry.family for code in mix if (entry := known(code)) and entry.family}
    before, after = ({row.language: row.value for row in side} for side in (arms.english, arms.multilingual))
    start = {row.language: row.baseline for row in arms.english}
    rows, left_out = [], {}
    for row in arms.difference:
        if row.language == "avg":
            continue
        entry = known(row.language)
        if entry is None:
            left_out[row.language] = "no features"
            continue
        amount = entry.number(size)
        group = IN_MIX if entry.code in mix else SAME_FAMILY if entry.family in families else UNSEEN
        rows.append(
            Contrast(
                row.language, entry.family or entry.name, group, before.get(row.language), after.get(row.language),
                row.value, row.half_width, math.log10(amount) if amount else None,
                entry.resources.joshi_class if entry.resources else None, start.get(row.language),
                row.by_seed,
            )
        )  # fmt: skip
    return sorted(rows, key=lambda one: (GROUPS.index(one.group), -one.value)), left_out


def _mean(group: str, rows: Sequence[Contrast]) -> Mean | None:
    if not rows:
        return None
    values = np.array([row.value for row in rows])
    half = None
    if len(values) >= PER_GROUP:
        half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
    better = sum(row.half_width is not None and row.value > row.half_width for row in rows)
    worse = sum(row.half_width is not None and -row.value > row.half_width for row in rows)
    return Mean(group, len(values), float(values.mean()), half, better, worse, _pooled(group, rows)[0])


def _pooled(group: str, rows: Sequence[Contrast]) -> list[Pooled]:
    return pooling.pool(
        {group: {row.language: row.value for row in rows}},
        {row.language: row.family for row in rows},
        by_seed={group: {row.language: row.by_seed for row in rows}},
    )


def _associations(rows: Sequence[Contrast], size: str) -> tuple[list[Association], dict[str, str]]:
    """D against corpus size and resource class, over all languages and over those not in the mix."""
    found: list[tuple[str, str, Correlation, Blocks | None, tuple[WithoutFamily, ...]]] = []
    refused = {}
    for scope, members in ((ALL, rows), (OUTSIDE, [row for row in rows if row.group != IN_MIX])):
        if scope == OUTSIDE and len(members) == len(rows):
            continue
        for predictor in (f"log10 {size}", CLASS):
            values = [(predictor_of(row, predictor), row.value, row.family) for row in members]
            whole = [(x, y, family) for x, y, family in values if x is not None]
            if len(whole) < MINIMUM:
                refused[f"{predictor}, {scope}"] = f"{counted(len(whole), 'language')} with both; {MINIMUM} are needed"
                continue
            x, y, families = (list(column) for column in zip(*whole, strict=True))
            try:
                rho = regression.spearman(x, y)
            except NumericError as error:
                refused[f"{predictor}, {scope}"] = str(error)
                continue
            without = tuple(dependence.leave_one_family_out(y, x, families))
            found.append((predictor, scope, rho, dependence.block_interval(x, y, families), without))
    return [Association(*row) for row in found], refused


def predictor_of(row: Contrast, predictor: str) -> float | None:
    """Resource class, or log size."""
    return row.resource_class if predictor == CLASS else row.log_size


def _regression(rows: Sequence[Contrast], size: str, refused: dict[str, str]) -> Regression | None:
    """D on log size with a term for every group of three languages or more that has a counterpart."""
    whole = [row for row in rows if row.log_size is not None]
    if len(whole) < FOR_REGRESSION:
        refused["regression"] = f"{counted(len(whole), 'language')} with a size in {size}; {FOR_REGRESSION} are needed"
        return None
    predictors = {f"log10 {size}": np.array([row.log_size for row in whole], dtype=np.float64)}
    for group in GROUPS[:2]:
        column = np.array([float(row.group == group) for row in whole])
        if PER_GROUP <= column.sum() <= len(whole) - PER_GROUP:
            predictors[group] = column
    try:
        return regression.regress([row.value for row in whole], predictors)
    except NumericError as error:
        refused["regression"] = str(error)
        return None


def _notes(rows: Sequence[Contrast]) -> list[str]:
    notes = [f"{len(rows)} languages: |rho| must reach about {regression.detectable(len(rows)):.2f} for p < .05"]
    if any(row.group == IN_MIX for row in rows):
        notes.append("languages in the mix have seen labelled data of their own: their D is no zero-shot transfer")
    if twice := written_twice(row.language for row in rows):
        notes.append(f"one language in two scripts, counted twice: {'; '.join(twice)}")
    families = len({row.family for row in rows})
    if families < 10:
        notes.append(
            f"{counted(families, 'family', 'families')}: intervals that resample families are too narrow; read "
            "them as a range"
        )
    return notes
