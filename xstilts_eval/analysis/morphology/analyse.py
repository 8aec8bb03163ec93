"""Morphological complexity against transfer, and sub-word against byte models.

Estimands: how the outcome differs between these languages with morphological complexity; and, for two models, how
``D_l = outcome_l(byte model) - outcome_l(sub-word model)`` does, one row per language, which takes out whatever makes
a language hard for both. Models of the same size name do not split their parameters alike (a vocabulary of 250,000
against bytes): D says what to choose, not why. One index of complexity at a time: the measures overlap (Çöltekin & Rama
2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.analysis.features import SIZES, known, written_twice
from xstilts_eval.analysis.morphology import complexity
from xstilts_eval.analysis.observations import ENGLISH, Observation, fewest_seeds, one_benchmark, seeds_line
from xstilts_eval.analysis.stats import dependence, multiplicity, regression
from xstilts_eval.analysis.stats import level as levels
from xstilts_eval.analysis.stats.certainty import Answer, Certainty, certainty
from xstilts_eval.analysis.stats.dependence import Moran, WithoutFamily
from xstilts_eval.analysis.stats.level import Level
from xstilts_eval.analysis.stats.regression import MINIMUM, Correlation, Regression
from xstilts_eval.data import files
from xstilts_eval.errors import NumericError, PredictionError, UnknownName

OF_TEXTS = ("mattr", "type_token", "entropy")
MEASURES = ("c_wals", *OF_TEXTS, "ud_features")
FOR_REGRESSION = 10
LEVELS = {0: (), 1: ("baseline",), 2: ("baseline of sub-words", "baseline of bytes")}
"""Names of the levels that gains of one model, or differences of two, start from."""
_NO_WORDS = ("PUNCT", "SYM")
_EDGES = "\"'“”‘’‚‛‟‹›«»„.,;:!?¡¿()[]{}…–—-।॥۔،؛؟։·።፣፤፥፦፧၊။།༎។៕៖᱾᱿"
_IN_CHINESE_CHARACTERS = frozenset({"wuu"})
"""Languages whose script is in none of our tables."""
TOKENS = 10_000
"""Words of parallel text on which the type-token ratio is taken: it falls with length."""


@dataclass(frozen=True)
class Measured:
    """One language: C_WALS (0-1, of so many chapters), measures of word forms, and per tokenizer fertility and premium.

    `unknown` is the share of a tokenizer's tokens (0-1) that stand for what it does not know. Word measures are None
    for languages written without blanks, and where no text was given. `ud_features` is the mean number of morphological
    features of a word of the language's PUD treebank, None without one.
    """

    language: str
    c_wals: float | None
    chapters: int
    mattr: float | None = None
    type_token: float | None = None
    entropy: float | None = None
    ud_features: float | None = None
    fertility: dict[str, float] = field(default_factory=dict)
    continuation: dict[str, float] = field(default_factory=dict)
    premium: dict[str, float] = field(default_factory=dict)
    unknown: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One language of the analysis: outcome or D_l (points), both scores where there are two models.

    `starts` and `gains` hold the baseline's score and the gain (points) of each model, None where not known; empty
    unless the outcome is a gain.
    """

    language: str
    family: str
    value: float
    half_width: float | None
    complexity: float
    log_size: float | None
    premium: float | None
    subword: float | None
    byte: float | None
    starts: tuple[float | None, ...] = ()
    gains: tuple[float, ...] = ()
    by_seed: tuple[float, ...] = ()


@dataclass(frozen=True)
class MorphologyReport:
    """Everything the command says; `left_out` maps a language to the reason.

    `level` sets complexity beside the baseline's level (of both models), for gains whose baseline is known;
    `level_regression` is the fit with the baselines as further predictors. `sure` holds what
    families, seeds and the number of languages do to the answers.
    """

    models: tuple[str, ...]
    benchmark: str
    outcome: str
    by: str
    size: str
    rows: tuple[Row, ...]
    measures: tuple[Measured, ...]
    left_out: dict[str, str]
    spearman: Correlation
    pearson: Correlation
    partial: Correlation | None
    premium: Correlation | None
    regression: Regression | None
    moran: Moran | None
    without: tuple[WithoutFamily, ...]
    notes: tuple[str, ...]
    level: Level | None = None
    level_regression: Regression | None = None
    sure: Certainty = field(default_factory=Certainty)


def measure(language: str, texts: Sequence[str] = ()) -> Measured:
    """C_WALS from the shipped chapters, and measures of the word forms of sentences (lower-cased, split at blanks)."""
    entry = known(language)
    try:
        wals, chapters = complexity.c_wals(entry.wals) if entry else (None, 0)
    except NumericError:
        wals, chapters = None, 0
    words = words_of(texts) if has_words(language) else []
    if len(words) < complexity.WINDOW:
        return Measured(language, wals, chapters)
    enough = len(words) >= TOKENS
    return Measured(
        language, wals, chapters, complexity.moving_type_token_ratio(words),
        complexity.type_token_ratio(words, TOKENS) if enough else None, complexity.unigram_entropy(words),
    )  # fmt: skip


def from_treebanks(folder: Path, language: str) -> float | None:
    """Features per word (no punctuation or symbols) of the language's PUD treebank under `folder`; None without one.

    Other treebanks annotate differently (Korean: .000 features a word in Kaist, .995 in PUD) and are not read. Of
    several releases the last by name counts.
    """
    found = sorted(folder.rglob(f"{language}_pud-ud-test.conllu*"))
    if not found:
        return None
    rows = (line.split("\t") for _, line in files.lines(found[-1]) if line and not line.startswith("#"))
    return complexity.features_per_word(
        [r[5] for r in rows if len(r) == 10 and r[0].isdigit() and r[3] not in _NO_WORDS]
    )


def has_words(language: str) -> bool:
    """Whether a language is written with blanks between its words."""
    entry = known(language)
    return entry is None or (entry.script not in complexity.UNSPACED and entry.code not in _IN_CHINESE_CHARACTERS)


def words_of(texts: Sequence[str]) -> list[str]:
    """Lower-cased words between blanks, punctuation at their edges taken off."""
    found = (word.strip(_EDGES) for text in texts for word in text.lower().split())
    return [word for word in found if word]


def differences(subword: Sequence[Observation], byte: Sequence[Observation]) -> list[tuple[Observation, float, float]]:
    """D_l of languages that both models have, with both values; raises `PredictionError` for unlike results."""
    for what in ("benchmark", "outcome"):
        names = {getattr(row, what) for row in (*subword, *byte)}
        if len(names) > 1:
            raise PredictionError(f"the two models have results of different kinds ({', '.join(sorted(names))})")
    others = {row.language: row for row in byte}
    found = []
    for row in subword:
        if row.language in others and row.language not in (ENGLISH, "avg"):
            other = others[row.language]
            widths = (row.half_width, other.half_width)
            half = None if None in widths else math.hypot(*(width or 0.0 for width in widths))
            pair = Observation(f"{other.model} - {row.model}", row.benchmark, row.language, row.outcome,
                               other.value - row.value, half, seeds=fewest_seeds([row, other]))  # fmt: skip
            found.append((pair, row.value, other.value))
    return found


Baselines = Mapping[str, tuple[float | None, ...]]
"""Score of each model's baseline (points) by language."""


def baselines(*arms: Sequence[Observation]) -> Baselines:
    """Where the gains of one or two models start, by the languages that all have."""
    sides = [{row.language: row.baseline for row in arm} for arm in arms]
    return {code: tuple(side[code] for side in sides) for code in sides[0] if all(code in side for side in sides)}


def analyse(
    outcome: Sequence[Observation | tuple[Observation, float, float]],
    measures: Mapping[str, Measured],
    by: str = "c_wals",
    size: str = "mc4",
    tokenizer: str | None = None,
    starts: Baselines | None = None,
) -> MorphologyReport:
    """The report of one model's outcome, or of D_l as `differences` gives it.

    `starts` is where gains start, as `baselines` gives it; by default what the rows of one model say. `tokenizer` names
    the premium that is held fixed beside the corpus size. Raises `PredictionError` for mixed benchmarks, `NumericError`
    for fewer than five languages or constant inputs, `UnknownName` for a measure.
    """
    if by not in MEASURES:
        raise UnknownName.of("measure of complexity", by, MEASURES)
    if size not in SIZES:
        raise UnknownName.of("pre-training corpus", size, SIZES)
    given = [row if isinstance(row, tuple) else (row, None, None) for row in outcome]
    benchmark = one_benchmark([row for row, _, _ in given])
    is_gain = given[0][0].outcome == "gain"
    if is_gain and starts is None:
        starts = baselines([row for row, _, _ in given])
    rows, left_out = _rows(given, measures, by, size, tokenizer, starts if is_gain and starts else {})
    if len(rows) < MINIMUM:
        why = "; ".join(f"{language}: {reason}" for language, reason in left_out.items())
        raise NumericError(f"{len(rows)} languages have an outcome and {by}; {MINIMUM} are needed ({why})")
    value, x = np.array([row.value for row in rows]), np.array([row.complexity for row in rows])
    regression.checked(x, value, names=[by, f"the {given[0][0].outcome}"])
    priced = [(row.premium, row.value) for row in rows if row.premium is not None]
    can_price = len(priced) >= MINIMUM and np.ptp([premium for premium, _ in priced]) > 0
    whole = [row for row in rows if row.log_size is not None and (tokenizer is None or row.premium is not None)]
    fit = _fit(whole, by, size, tokenizer) if len(whole) >= FOR_REGRESSION else None
    families = [row.family for row in rows]
    logs = np.array([row.log_size for row in whole], dtype=np.float64)
    partial = None
    if len(whole) >= FOR_REGRESSION:
        partial = regression.partial([r.complexity for r in whole], [r.value for r in whole], {f"log10 {size}": logs})
    models = tuple(dict.fromkeys(row.model for row, _, _ in given))
    held = _level(rows, by) if is_gain else None
    notes = _notes(rows, whole, by, tokenizer)
    if is_gain and held is None:
        notes.append(levels.why_not([start for row in rows for start in row.starts]))
    notes.append(seeds_line(row for row, _, _ in given if row.language not in (ENGLISH, "avg")))
    started = [row for row in whole if row.starts and None not in row.starts]
    can_hold = held is not None and not held.is_collinear and len(started) >= FOR_REGRESSION
    report = MorphologyReport(
        models, benchmark, given[0][0].outcome, by, size, tuple(rows), tuple(measures.values()), left_out,
        regression.spearman(x, value), regression.pearson(x, value), partial,
        regression.spearman(*np.array(priced).T) if can_price else None, fit,
        dependence.morans_i(fit.residuals, [row.family for row in whole]) if fit else None,
        tuple(dependence.leave_one_family_out(value, x, families)), tuple(notes), held,
        _fit(started, by, size, tokenizer, True) if can_hold else None,
    )  # fmt: skip
    answer = Answer(
        by, list(x), list(value), [row.language for row in rows], families, [benchmark] * len(rows),
        [row.by_seed for row in rows], fit, by, _controls(whole, size, tokenizer) if fit else {},
        [place for place, row in enumerate(rows) if row in whole],
    )  # fmt: skip
    return replace(report, sure=certainty(answer, multiplicity.page(_tests(report))))


def _tests(report: MorphologyReport) -> list[tuple[str, float | None]]:
    """Every test of the page."""
    return [
        (f"rho with {report.by}", report.spearman.p),
        (f"r with {report.by}", report.pearson.p),
        (f"r with {report.by}, size held fixed", report.partial.p if report.partial else None),
        ("rho with the premium", report.premium.p if report.premium else None),
        *multiplicity.of_regression("regression", report.regression),
        *multiplicity.of_level(report.level),
        *multiplicity.of_regression("regression with the baseline", report.level_regression),
    ]


def _controls(rows: Sequence[Row], size: str, tokenizer: str | None) -> dict[str, NDArray[np.float64]]:
    """What the regression holds fixed beside complexity."""
    found = {f"log10 {size}": np.array([row.log_size for row in rows], dtype=np.float64)}
    if tokenizer:
        found[f"premium of {tokenizer}"] = np.array([row.premium for row in rows], dtype=np.float64)
    return found


def _level(rows: Sequence[Row], by: str) -> Level | None:
    """Complexity beside the level that each model's gain starts from."""
    names = LEVELS[max((len(row.starts) for row in rows), default=0)]
    starts = {name: [row.starts[place] for row in rows] for place, name in enumerate(names)}
    gains = {name: [row.gains[place] for row in rows] for place, name in enumerate(names)}
    return levels.hold(by, [row.complexity for row in rows], [row.value for row in rows], starts, gains)


def _rows(
    given: Sequence[tuple[Observation, float | None, float | None]],
    measures: Mapping[str, Measured],
    by: str,
    size: str,
    tokenizer: str | None,
    starts: Baselines,
) -> tuple[list[Row], dict[str, str]]:
    rows, left_out = [], {}
    for row, subword, byte in given:
        if row.language in (ENGLISH, "avg"):
            continue
        entry, measured = known(row.language), measures.get(row.language)
        value = getattr(measured, by) if measured else None
        if entry is None or measured is None or value is None:
            left_out[row.language] = "no features" if entry is None else f"no {by}"
        elif by == "c_wals" and measured.chapters < complexity.MINIMUM_CHAPTERS:
            left_out[row.language] = f"{measured.chapters} WALS chapters, {complexity.MINIMUM_CHAPTERS} are needed"
        else:
            amount = entry.number(size)
            premium = measured.premium.get(tokenizer) if tokenizer else None
            rows.append(
                Row(row.language, entry.family or entry.name, row.value, row.half_width, value,
                    math.log10(amount) if amount else None, premium, subword, byte, starts.get(row.language, ()),
                    _gains(row.value, subword, byte), row.by_seed)
            )  # fmt: skip
    return sorted(rows, key=lambda one: one.complexity), left_out


def _gains(value: float, subword: float | None, byte: float | None) -> tuple[float, ...]:
    return (value,) if subword is None or byte is None else (subword, byte)


def _fit(rows: Sequence[Row], by: str, size: str, tokenizer: str | None, at_level: bool = False) -> Regression:
    columns = {by: np.array([row.complexity for row in rows])} | _controls(rows, size, tokenizer)
    if at_level:
        names = LEVELS[len(rows[0].starts)]
        starts = {name: [row.starts[place] for row in rows] for place, name in enumerate(names)}
        columns |= levels.apart({name: np.asarray(column, dtype=np.float64) for name, column in starts.items()})
    return regression.regress([row.value for row in rows], columns)


def _notes(rows: Sequence[Row], whole: Sequence[Row], by: str, tokenizer: str | None) -> list[str]:
    notes = [f"{len(rows)} languages: |r| must reach {regression.detectable(len(rows)):.2f} for p < .05"]
    if len(whole) < FOR_REGRESSION:
        notes.append(f"no regression: {len(whole)} languages with all predictors, {FOR_REGRESSION} are needed")
    if twice := written_twice(row.language for row in rows):
        notes.append(f"one language in two scripts, counted twice: {'; '.join(twice)}")
    if tokenizer and (dear := [row.language for row in rows if row.premium is None]):
        notes.append(
            f"no premium of {tokenizer}, which does not know the script or was given no text: {', '.join(dear)}"
        )
    if by == "ud_features":
        notes.append("features per word count what PUD's annotators marked, which differs between languages too")
    if by == "c_wals":
        notes.append("C_WALS counts grammatical categories, not word forms: Finnish is below Hindi")
    return notes
