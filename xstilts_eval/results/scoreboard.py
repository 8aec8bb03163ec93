"""The official score tables: dataset averages, categories, an overall score only when everything is there.

Averages follow google-research/xtreme `evaluate.py:118-132,286-321`: the unweighted mean over languages of every
metric, (EM + F1) / 2 for question answering, the mean of families for a category, the mean of all families of a suite
(not of its categories) overall. All numbers here are percentages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean

from xstilts_eval.benchmark import FAMILIES, SUITES, Family, Suite
from xstilts_eval.errors import PredictionError
from xstilts_eval.language_codes import candidates
from xstilts_eval.results.record import LeafResult, RunResult
from xstilts_eval.wording import counted


@dataclass(frozen=True)
class Cell:
    """One family in one language: the official score, and every metric with its 95 % interval."""

    score: float
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    selected: int
    scored: int
    unparsed: int
    failed: int
    signature: str


@dataclass(frozen=True)
class FamilyRow:
    """One family: `averages` over the languages that were scored, and its official `score`.

    `interval` is the 95 % interval of `score`, known where the run kept its samples. `transfer_gap` is the English
    score minus the mean over the other languages; None without English or without others. `trained_on` are those of
    the row's languages, but for English, that the checkpoint had labelled data in: their scores are not zero-shot.
    """

    group: str
    title: str
    cells: dict[str, Cell]
    missing: tuple[str, ...]
    averages: dict[str, float]
    score: float
    interval: tuple[float, float] | None
    transfer_gap: float | None
    note: str
    trained_on: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return not self.missing

    @property
    def lacks_interval(self) -> bool:
        """Whether a language has none: results hold one of every leaf with units enough, whoever wrote them."""
        official = FAMILIES[self.group].official
        return any(name not in cell.intervals for cell in self.cells.values() for name in official)


@dataclass(frozen=True)
class SuiteScores:
    """One benchmark's categories and overall score: a number only when every family and language it needs is there."""

    title: str
    categories: dict[str, float | None]
    overall: float | None


@dataclass(frozen=True)
class Scoreboard:
    """Rows of all families, and the scores of every suite that some of them belong to, by the suite's name."""

    checkpoint: str
    is_sample: bool
    limit: float | None
    families: dict[str, FamilyRow]
    suites: dict[str, SuiteScores]
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def categories(self) -> dict[str, float | None]:
        """XTREME's four categories; empty when none of its families was scored."""
        return self._main.categories if self._main else {}

    @property
    def overall(self) -> float | None:
        """XTREME's overall score."""
        return self._main.overall if self._main else None

    @property
    def _main(self) -> SuiteScores | None:
        return next((scores for name, scores in self.suites.items() if SUITES[name].is_main), None)

    def to_json(self) -> dict[str, object]:
        """Plain data, percentages throughout; `categories` and `overall` at the top are XTREME's."""
        return asdict(self) | {"categories": self.categories, "overall": self.overall}


def build(runs: Sequence[RunResult], skipped: dict[str, str] | None = None) -> Scoreboard:
    """Table of one checkpoint from one or more runs; a leaf may occur once.

    Raises `PredictionError` when runs of different checkpoints, limits or data sources are put together.
    """
    if not runs:
        raise PredictionError("no results to score")
    leaves: dict[str, LeafResult] = {}
    for run in runs:
        if not run.is_of(runs[0]):
            raise PredictionError(
                f"results of different checkpoints cannot share one table: {runs[0].checkpoint} and {run.checkpoint}"
            )
        if run.limit != runs[0].limit:
            raise PredictionError(f"results with limit {runs[0].limit} and {run.limit} cannot share one table")
        for leaf in run.leaves:
            if leaf.leaf in leaves:
                raise PredictionError(f"{leaf.leaf} occurs twice in the given results")
            leaves[leaf.leaf] = leaf
    sources = {leaf.data.source == "sample" for leaf in leaves.values()}
    if len(sources) > 1:
        raise PredictionError("sample and real data cannot share one table")
    rows: dict[str, FamilyRow] = {}
    for family in FAMILIES.values():
        found = [leaf for leaf in leaves.values() if leaf.family == family]
        if found:
            holders = [run for run in runs if any(leaf.family == family for leaf in run.leaves)]
            interval = holders[0].family_intervals.get(family.group) if len(holders) == 1 else None
            rows[family.group] = _row(family, found, interval)
    official = {} if runs[0].limit else rows
    present = {leaf.family.suite for leaf in leaves.values()}
    return Scoreboard(
        checkpoint=runs[0].checkpoint,
        is_sample=sources.pop(),
        limit=runs[0].limit,
        families=rows,
        suites={name: _suite_scores(suite, official) for name, suite in SUITES.items() if name in present},
        skipped=skipped or {},
    )


def _suite_scores(suite: Suite, rows: Mapping[str, FamilyRow]) -> SuiteScores:
    by_name = {family.name: family for family in suite.families}
    return SuiteScores(
        title=suite.title,
        categories={
            category.value: _mean_if_complete(rows, (by_name[name] for name in names))
            for category, names in suite.categories.items()
        },
        overall=_mean_if_complete(rows, suite.families) if suite.has_overall else None,
    )


def _row(family: Family, leaves: Sequence[LeafResult], interval: tuple[float, float] | None) -> FamilyRow:
    by_language = {leaf.language: leaf for leaf in leaves}
    present = [language for language in family.languages if language in by_language]
    cells = {language: _cell(family, by_language[language]) for language in present}
    first, *rest = cells.values()
    names = [name for name in first.metrics if all(name in cell.metrics for cell in rest)]
    averages = {name: fmean(cell.metrics[name] for cell in cells.values()) for name in names}
    others = [cell.score for language, cell in cells.items() if language != family.spelled("en")]
    english = cells.get(family.spelled("en"))
    gap = english.score - fmean(others) if english and others else None
    return FamilyRow(
        group=family.group,
        title=family.title,
        cells=cells,
        missing=tuple(language for language in family.languages if language not in by_language),
        averages=averages,
        score=_score(family, cells.values(), averages),
        interval=(100 * interval[0], 100 * interval[1]) if interval else None,
        transfer_gap=gap,
        note=_note(leaves),
        trained_on=tuple(leaf.language for leaf in leaves if _is_seen(leaf)),
    )


def _is_seen(leaf: LeafResult) -> bool:
    """Whether a language but English was seen in training, whatever the family calls it (``ko``, ``kor_Hang``)."""
    names = {row.xtreme for row in candidates(leaf.language)} | {leaf.language}
    return bool(names & (set(leaf.trained_on) - {"en"}))


def _score(family: Family, cells: Iterable[Cell], averages: Mapping[str, float]) -> float:
    """The family's official score: the mean over its languages, or over all documents."""
    if not family.pooled:
        return fmean(averages[name] for name in family.official)
    rows = list(cells)
    return sum(cell.score * cell.scored for cell in rows) / sum(cell.scored for cell in rows)


def _cell(family: Family, leaf: LeafResult) -> Cell:
    metrics = {name: 100 * value for name, value in leaf.metrics.items()}
    return Cell(
        score=fmean(metrics[name] for name in family.official),
        metrics=metrics,
        intervals={name: (100 * low, 100 * high) for name, (low, high) in leaf.intervals.items()},
        selected=leaf.selected,
        scored=leaf.scored,
        unparsed=leaf.unparsed,
        failed=leaf.failed,
        signature=leaf.signature,
    )


def _note(leaves: Iterable[LeafResult]) -> str:
    """What keeps the row from being the benchmark's own: other splits, incomplete data."""
    notes = []
    if splits := sorted({leaf.data.split for leaf in leaves} - {"test"}):
        notes.append(f"split {', '.join(splits)}")
    partial = [leaf.language for leaf in leaves if leaf.data.source != "sample" and not leaf.data.complete]
    if unscored := sum(leaf.failed for leaf in leaves):
        notes.append(f"{counted(unscored, 'selected document')} without a score")
    if placeholders := sum(any(note.startswith("placeholder") for note in leaf.data.notes) for leaf in leaves):
        notes.append(f"no text, placeholder lines only, in {counted(placeholders, 'language')} of the sample")
    if partial:
        notes.append(f"incomplete data in {' '.join(sorted(partial))}")
    return "; ".join(notes)


def _mean_if_complete(rows: Mapping[str, FamilyRow], families: Iterable[Family]) -> float | None:
    scores = []
    for family in families:
        row = rows.get(family.group)
        if row is None or not row.is_complete or row.note:
            return None
        scores.append(row.score)
    return fmean(scores) if scores else None
