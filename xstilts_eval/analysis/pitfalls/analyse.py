"""Where a model falls below its neighbours: languages ranked by what similar ones lead one to expect, and examples.

Estimand: the score of a language minus what its neighbours' scores predict, on one benchmark. Neighbours are languages
alike in family, script and distance to English. The prediction never sees the language itself; z measures the
difference, from the median difference, in the robust spread of such differences joined with the language's own sampling
error. Exploratory by construction: p values are held at a false discovery rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from xstilts_eval.analysis.features import Features, known
from xstilts_eval.analysis.observations import ENGLISH, Observation, one_benchmark
from xstilts_eval.analysis.stats import power
from xstilts_eval.analysis.stats.power import Smallest
from xstilts_eval.analysis.stats.regression import MINIMUM, adjusted, checked
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import NumericError
from xstilts_eval.languages import languages
from xstilts_eval.wording import counted

NEIGHBOURS = 3
FAMILY, BRANCH, SCRIPT = 0.5, 0.25, 0.25
"""What another family, branch and script add to a distance that is 0-1 otherwise: choices of ours, in the JSON."""
DISTANCES = ("syntactic", "featural", "geographic")
FIRST_PIECE = (
    "a head reads each word's tag at its first piece, as XTREME does; a SentencePiece vocabulary (XLM-R's) begins most "
    "words of ja and zh, and half of th, with a piece that holds no text, so a shortfall there may be the tokenizer's: "
    "compare with a head that was fitted and scored with first_piece=text"
)
"""Shares of words: measured on the test sets, docs/multilingual-e5.md."""


@dataclass(frozen=True)
class Shortfall:
    """One language: score, prediction from its neighbours and their difference (points; negative: below them).

    `z` is the difference in standard deviations of such differences (robust, over all languages), joined with the
    language's own sampling error; p is one-sided, `adjusted_p` at a false discovery rate.
    """

    language: str
    name: str
    family: str
    script: str
    score: float
    half_width: float | None
    predicted: float
    difference: float
    neighbours: tuple[tuple[str, float], ...]
    z: float
    p: float
    adjusted_p: float


@dataclass(frozen=True)
class Example:
    """A document that is often wrong: the share (0-1) of it that is wrong, mean over runs, with its text.

    `english` is the same for the English document of this id, where the family's items are translations of each other.
    """

    leaf: str
    document: str
    wrong: float
    runs: int
    text: str
    target: str
    answers: tuple[str, ...]
    english: float | None = None


@dataclass(frozen=True)
class PitfallReport:
    """Everything the command says; `left_out` maps a language to the reason.

    `smallest` is how far one language alone must lie below its neighbours to be found, at the median of the errors.
    """

    model: str
    benchmark: str
    shortfalls: tuple[Shortfall, ...]
    examples: tuple[Example, ...]
    left_out: dict[str, str]
    spread: float
    weights: dict[str, float]
    notes: tuple[str, ...]
    smallest: tuple[Smallest, ...] = ()


def analyse(
    scores: Sequence[Observation], examples: Sequence[Example] = (), neighbours: int = NEIGHBOURS
) -> PitfallReport:
    """Rank languages of one benchmark by their difference from what their neighbours predict, lowest first.

    Raises `PredictionError` for mixed benchmarks, `NumericError` below five languages or for equal scores.
    """
    benchmark = one_benchmark(scores)
    rows, entries, left_out = [], [], {}
    for row in scores:
        if row.language in (ENGLISH, "avg"):
            continue
        entry = known(row.language)
        if entry is None or entry.distance is None:
            left_out[row.language] = "no features"
            continue
        rows.append(row)
        entries.append(entry)
    if len(rows) < MINIMUM:
        raise NumericError(
            f"{counted(len(rows), 'language')} with features: too few to have neighbours; {MINIMUM} are needed"
        )
    values = checked([row.value for row in rows], names=["the score"])[0]
    apart = distances(entries)
    predicted, chosen = _predict(values, apart, neighbours)
    differences = values - predicted
    spread = _robust_spread(differences)
    errors = [math.hypot(spread, (row.half_width or 0.0) / stats.norm.ppf(0.975)) for row in rows]
    z = (differences - np.median(differences)) / np.array(errors)
    p = stats.t.cdf(z, len(rows) - 1)
    seen = power.one_of_many(float(np.median(errors)), len(rows) - 1, len(rows))
    found = [
        Shortfall(
            row.language, entry.name, entry.family or entry.name, entry.script or "unknown", row.value, row.half_width,
            float(guess), float(difference), tuple((rows[i].language, float(w)) for i, w in weights),
            float(one_z), float(one_p), float(q),
        )
        for row, entry, guess, difference, weights, one_z, one_p, q in zip(
            rows, entries, predicted, differences, chosen, z, p, adjusted(list(map(float, p)), "fdr_bh"), strict=True
        )
    ]  # fmt: skip
    notes = [
        f"neighbours: the nearest {counted(neighbours, 'language')} in family, script and distance; English is none"
    ]
    if len(rows) < 15:
        notes.append(f"{len(rows)} languages: neighbours may be far away; see who they are before believing a rank")
    if benchmark in FAMILIES and FAMILIES[benchmark].kind.by_word:
        notes.append(FIRST_PIECE)
    return PitfallReport(
        rows[0].model, benchmark, tuple(sorted(found, key=lambda one: one.z)), tuple(examples), left_out, spread,
        {"other family": FAMILY, "other branch": BRANCH, "other script": SCRIPT,
         **dict.fromkeys(DISTANCES, 1 / len(DISTANCES))}, tuple(notes),
        (Smallest(f"one language of {len(rows)} below its neighbours", seen, "points"),),
    )  # fmt: skip


def distances(entries: Sequence[Features]) -> NDArray[np.float64]:
    """How far languages are apart [languages, languages]: differences of their distances to English, family, script.

    URIEL's distances here are to English only; two languages equally far from English may still differ, which family
    and script catch in part.
    """
    columns = np.array([[entry.number(name) or 0.0 for name in DISTANCES] for entry in entries])
    apart: NDArray[np.float64] = np.abs(columns[:, None] - columns[None, :]).mean(axis=2)
    kinds = [(entry.family or entry.code, _branch(entry), entry.script or entry.code) for entry in entries]
    for weight, column in zip((FAMILY, BRANCH, SCRIPT), zip(*kinds, strict=True), strict=True):
        labels = np.array(column)
        apart = apart + weight * (labels[:, None] != labels[None, :])
    return apart


def _branch(entry: Features) -> str:
    """The benchmark's finer family, ``Indo-European (Germanic)``, where it names one."""
    ours = languages().get(entry.code)
    return (ours.family if ours else "") or entry.family or entry.code


def _predict(
    values: NDArray[np.float64], apart: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], list[list[tuple[int, float]]]]:
    """Weighted mean of each language's nearest others (weights exp(-4 × distance)), and who they are."""
    guesses, chosen = [], []
    for index in range(len(values)):
        order = [other for other in np.argsort(apart[index], kind="stable") if other != index][:count]
        weights = np.exp(-4 * apart[index, order])
        weights = weights / weights.sum()
        guesses.append(float(weights @ values[order]))
        chosen.append([(int(other), float(weight)) for other, weight in zip(order, weights, strict=True)])
    return np.array(guesses), chosen


def _robust_spread(differences: NDArray[np.float64]) -> float:
    """Standard deviation from the median absolute deviation (× 1.4826), which one bad language does not move."""
    spread = float(stats.median_abs_deviation(differences, scale="normal"))
    return spread if spread > 0 else float(differences.std(ddof=1))


def hardest(samples: Mapping[str, Sequence[Mapping[str, Example]]], limit: int = 20) -> list[Example]:
    """Documents that are most often wrong over the runs, first those that are right in English.

    `samples` maps a language to one mapping per run (document id to its example with `wrong` 0-1); a document counts
    only where every run has it, and only if more than half of it is wrong.
    """
    english = _shares(samples.get(ENGLISH, []))
    found = []
    for language, runs in samples.items():
        for document, share in _shares(runs).items() if language != ENGLISH else ():
            if share <= 0.5:
                continue
            first = runs[0][document]
            answers = tuple(answer for run in runs for answer in run[document].answers)
            found.append(
                Example(
                    first.leaf, document, share, len(runs), first.text, first.target, answers, english.get(document)
                )
            )
    return sorted(found, key=lambda one: (_in_english(one) - one.wrong, one.leaf, one.document))[:limit]


def _in_english(example: Example) -> float:
    return 1.0 if example.english is None else example.english


def _shares(runs: Sequence[Mapping[str, Example]]) -> dict[str, float]:
    """Mean share that is wrong, by document that all runs have."""
    shared = set.intersection(*(set(run) for run in runs)) if runs else set()
    return {document: float(np.mean([run[document].wrong for run in runs])) for document in sorted(shared)}
