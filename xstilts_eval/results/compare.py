"""`xstilts compare`: differences of two or more results by dataset and language, with intervals and tests.

Units (sentences, pairs, passages …) are resampled with both sides on the same draw, and the corpus metric is recomputed
from their counts (`results.estimates`). p-values of one family and one pair of sides are corrected over languages with
Holm's method. Without samples there is a difference and nothing else.

The estimand of every average is "these languages": families with the same items in every language are drawn jointly,
others apart, so that the covariance between languages is in the interval or is zero.
"""

from __future__ import annotations

import statistics as simple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.errors import MissingData, PredictionError
from xstilts_eval.metrics import significance
from xstilts_eval.metrics.significance import Array
from xstilts_eval.results import alignment, groups, sides, units
from xstilts_eval.results.alignment import Holdings, Reader
from xstilts_eval.results.estimates import Difference, Estimator, Options, draw, joined
from xstilts_eval.results.sides import Score, Side
from xstilts_eval.wording import counted

ALPHA = 0.05
NO_SAMPLES = "no samples: no interval"


@dataclass(frozen=True)
class LanguageDifference(Difference):
    """One leaf. `only_reference` and `only_other` count items that one side alone has right (accuracy, one run each).

    `p_mcnemar` is the exact test on them, which `p` equals but for the draws; `error_reduction` the share of the
    reference's errors that went away.
    """

    units: int | None = None
    only_reference: int | None = None
    only_other: int | None = None
    p_mcnemar: float | None = None
    error_reduction: float | None = None


@dataclass(frozen=True)
class FamilyDifference:
    """One family: languages, their mean, the transfer gap (English minus the mean of the others), groups.

    `gap` is absent without English or without others. `kept` is the mean over the other languages of
    (s − c) / (s_en − c) in percent, `chance` being c in points; absent where English is no better than chance.
    """

    family: Family
    languages: tuple[LanguageDifference, ...]
    average: Difference | None
    published_average: Difference | None = None
    gap: Difference | None = None
    kept: Difference | None = None
    chance: float | None = None
    spread: float | None = None
    groups: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)

    def count(self, verdict: str) -> int:
        return sum(row.verdict == verdict for row in self.languages)

    @property
    def significant(self) -> int:
        """In so many languages at least there is a difference, with probability 0.95: Holm's rejections."""
        return significance.partial_conjunction([row.p for row in self.languages if row.p is not None], ALPHA)


@dataclass(frozen=True)
class Comparison:
    """One side against the reference. `missing` says by family which languages only one of them has, and why."""

    reference: Side
    other: Side
    families: tuple[FamilyDifference, ...]
    missing: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, tuple[str, str]]


def compare(given: Sequence[Side], options: Options = Options()) -> list[Comparison]:
    """Every side against the first, family by family.

    Raises `PredictionError` when nothing is in common, or for different data, documents or versions unless allowed.
    """
    reader = Reader()
    return [_pair(given[0], other, options, reader) for other in given[1:]]


def _pair(reference: Side, other: Side, options: Options, reader: Reader) -> Comparison:
    found = []
    for family in FAMILIES.values():
        if result := _family(family, reference, other, options, reader):
            found.append(result)
    missing = alignment.only_in_one(*(Holdings(side.name, side.scores, side.unusable) for side in (reference, other)))
    if not found:
        raise alignment.nothing_in_common(reference.given, other.given, missing)
    return Comparison(reference, other, tuple(found), missing, settings(reference, other))


# ------------------------------------------------------------------------------------------------ one family


def _family(family: Family, reference: Side, other: Side, options: Options, reader: Reader) -> FamilyDifference | None:
    languages = sides.common_languages(family, reference, other)
    published = _published_average(family, reference, other)
    if not languages:
        return FamilyDifference(family, (), None, published) if published else None
    pairs = {code: (reference.scores[family.leaf(code)], other.scores[family.leaf(code)]) for code in languages}
    different = {code: sides.differing(*pair) for code, pair in pairs.items()}
    same = {code: pair for code, pair in pairs.items() if sides.have_same_documents(*pair)}
    tables, notes = _tables(reader, reference, other, same)
    for code, note in notes.items():
        if note == units.OTHER_ITEMS:
            different[code] = [*different[code], note]
    if not options.allow_different:
        _refuse(family, different, reference, other)
    drawn = draw(family, tables, len(reference.runs), options)
    work = Estimator(pairs, drawn, reference.seeds == other.seeds, different, notes)
    rows = [_language(work, family, code, tables.get(code)) for code in languages]
    corrected = significance.holm([row.p for row in rows if row.p is not None])
    remaining = iter(corrected)
    rows = [row if row.p is None else replace(row, p_holm=next(remaining)) for row in rows]
    english = family.spelled("en")
    others = [code for code in languages if code != english]
    has_gap = english in languages and bool(others)
    to_english = {english: 1.0, **dict.fromkeys(others, -1 / max(1, len(others)))}
    chance = _chance(family)
    return FamilyDifference(
        family=family,
        languages=tuple(rows),
        average=work.mean("average", languages),
        published_average=published,
        gap=work.estimate(f"gap to {english}", to_english) if has_gap else None,
        kept=work.kept(english, others, chance) if has_gap and chance is not None else None,
        chance=chance,
        spread=simple.stdev([row.difference for row in rows]) if len(rows) > 1 else None,
        groups={kind: work.groups(kind, languages) for kind in groups.KINDS} if len(languages) > 1 else {},
    )


def _refuse(family: Family, different: Mapping[str, Sequence[str]], reference: Side, other: Side) -> None:
    marked = {code: entries for code, entries in different.items() if entries}
    if marked:
        code, entries = next(iter(marked.items()))
        more = f" (and {counted(len(marked) - 1, 'more language')})" if len(marked) > 1 else ""
        error = alignment.refusal(family.leaf(code), [reference.name, other.name], entries, more)
        raise PredictionError(f"{error}, or give --allow-different, which marks such rows")


def _language(work: Estimator, family: Family, code: str, table: Array | None) -> LanguageDifference:
    row = work.estimate(code, {code: 1.0})
    fields = {name: getattr(row, name) for name in Difference.__dataclass_fields__}
    reduction = significance.relative_error_reduction(row.reference, row.score)
    result = LanguageDifference(**fields, units=None if table is None else table.shape[1], error_reduction=reduction)
    if table is None or len(table) != 2 or not _is_right_or_wrong(family, table):
        return result
    before, after = table[0, :, 0], table[1, :, 0]
    only = int(np.sum(before > after)), int(np.sum(after > before))
    return replace(result, only_reference=only[0], only_other=only[1], p_mcnemar=significance.mcnemar(*only))


def _is_right_or_wrong(family: Family, table: Array) -> bool:
    is_accuracy = family.scoring.statistic == "mean" and table.shape[2] == 2
    return is_accuracy and bool(np.all(table[:, :, 1] == 1) and np.all((table[:, :, 0] == 0) | (table[:, :, 0] == 1)))


def _chance(family: Family) -> float | None:
    """Points of a guess: one in the number of classes; about 0 where there are thousands of answers."""
    if family.kind.request == "multiple_choice" and family.scoring.statistic == "mean":
        return 100 / len(family.labels) if family.labels else None
    return 0.0


def _published_average(family: Family, reference: Side, other: Side) -> Difference | None:
    """Difference of family averages where at least one is published and the other covers every language."""
    if not (family.group in reference.averages or family.group in other.averages):
        return None
    both = [_average(family, side) for side in (reference, other)]
    if both[0] is None or both[1] is None:
        return None
    note = ", ".join(dict.fromkeys(part for part in (both[0].note, both[1].note) if part))
    a, b = both[0].mean, both[1].mean
    return Difference("average (published)", family.languages, a, b, b - a, note=joined(NO_SAMPLES, note))


def _average(family: Family, side: Side) -> Score | None:
    if family.group in side.averages:
        return side.averages[family.group]
    found = [side.scores.get(family.leaf(code)) for code in family.languages]
    if any(score is None or (score.results and sides.differing(score, Score((0.0,)))) for score in found):
        return None
    return Score((simple.fmean(score.mean for score in found if score),))


def _tables(
    reader: Reader, reference: Side, other: Side, pairs: Mapping[str, tuple[Score, Score]]
) -> tuple[dict[str, Array], dict[str, str]]:
    """Counts [runs, units, counts] by language, the reference's runs first, and why a language has none."""
    found: dict[str, Array] = {}
    notes: dict[str, str] = {}
    for code, pair in pairs.items():
        if reference.is_published or other.is_published:
            notes[code] = joined(NO_SAMPLES, *(score.note for score in pair))
            continue
        runs = [*zip(reference.runs, pair[0].results, strict=True), *zip(other.runs, pair[1].results, strict=True)]
        try:
            table = reader.side_by_side(runs)
        except MissingData:
            notes[code] = NO_SAMPLES
            continue
        if table is None:
            notes[code] = units.OTHER_ITEMS
        else:
            found[code] = table
    return found, notes


def settings(reference: Side, other: Side) -> dict[str, tuple[str, str]]:
    """Settings and versions that differ in some common leaf (the first such leaf's values)."""
    found: dict[str, tuple[str, str]] = {}
    for leaf in (leaf for leaf in reference.scores if leaf in other.scores):
        ours, theirs = sides.settings(reference.scores[leaf]), sides.settings(other.scores[leaf])
        if ours and theirs:
            for name in sorted(ours.keys() | theirs.keys()):
                if ours.get(name) != theirs.get(name):
                    found.setdefault(name, (ours.get(name, "–"), theirs.get(name, "–")))
    return dict(sorted(found.items()))
