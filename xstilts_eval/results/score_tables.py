"""Models beside each other as tables for papers, and as rows: models by datasets, or by the languages of a dataset.

No number here that `results.scored` does not have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.paper import AVERAGE, BEST, MADE, Axis, Cell, Column, Rows, Table, Value, ends
from xstilts_eval.results import scored, signature
from xstilts_eval.results.scoreboard import FamilyRow
from xstilts_eval.results.scored import PUBLISHED, Estimate, Run, Scored
from xstilts_eval.wording import counted

ALL_SEEDS = "all"
"""The seed of what is a mean over several."""
_APART, _LACKING = "†", "*"
"""Signs of a score that cannot stand beside the others, and of one that is not the benchmark's own."""
_COLUMNS = (
    "model", "origin", "seed", "suite", "dataset", "language", "task", "metric", "score", "low", "high", "is_official",
    "documents", "signature",
)  # fmt: skip


@dataclass(frozen=True)
class _Marks:
    """Signs of means by (run, group) and of leaves by (run, leaf), and by group the notes that explain them."""

    means: Mapping[tuple[str, str], str]
    leaves: Collection[tuple[str, str]]
    why: Mapping[str, Sequence[str]]

    def mean(self, run: Run, group: str) -> Cell:
        one = run.families.get(group)
        return _cell(one.mean, self.means.get((run.name, group), "")) if one else Cell()

    def language(self, run: Run, group: str, code: str) -> Cell:
        one = run.families.get(group)
        is_apart = (run.name, FAMILIES[group].leaf(code)) in self.leaves
        return _cell(one.languages.get(code), _APART if is_apart else "") if one else Cell()


def tables(runs: Sequence[Run], columns: Axis = "both") -> list[Table]:
    """Models by dataset, and models by language, a table for each dataset.

    Of a single dataset the table by language says everything, and stands alone.
    """
    groups, marks = _groups(runs), _marked(runs)
    found = []
    if columns == "datasets" or (columns == "both" and len(groups) > 1):
        found.append(by_dataset(runs, marks))
    if columns != "datasets":
        found += [_by_language(runs, group, marks) for group in groups if _codes(runs, group)]
    return found


def by_dataset(runs: Sequence[Run], marks: _Marks | None = None) -> Table:
    """A row per model, a column per dataset, then XTREME's categories and overall score where a model has them."""
    groups, marks = _groups(runs), marks or _marked(runs)
    formed = list(dict.fromkeys(name for run in runs for name in run.categories))
    has_overall = any(run.overall for run in runs)
    titles = [*(FAMILIES[group].title for group in groups), *formed, *(["overall"] if has_overall else [])]
    rows = []
    for run in runs:
        means = [marks.mean(run, group) for group in groups] + [_cell(run.categories.get(name)) for name in formed]
        rows.append((Cell(text=run.name), *means, *([_cell(run.overall)] if has_overall else [])))
    return Table(
        name="datasets",
        caption="Scores by dataset, means over languages",
        columns=(Column("Model", is_text=True), *(Column(title, "highest") for title in titles)),
        rows=tuple(rows),
        notes=_notes(runs, groups, rows, [line for group in groups for line in marks.why.get(group, ())]),
        comments=_comments(runs, groups),
    )


def _by_language(runs: Sequence[Run], group: str, marks: _Marks) -> Table:
    codes = _codes(runs, group)
    rows = [
        (Cell(text=run.name), *(marks.language(run, group, code) for code in codes), marks.mean(run, group))
        for run in runs
        if group in run.families
    ]
    return Table(
        name=group,
        caption=f"{FAMILIES[group].title} by language",
        columns=(Column("Model", is_text=True), *(Column(title, "highest") for title in (*codes, AVERAGE))),
        rows=tuple(rows),
        notes=_notes(runs, [group], rows, marks.why.get(group, ())),
        comments=_comments(runs, [group]),
    )


def down(runs: Sequence[Run]) -> Table:
    """A row per dataset and language, a column per model: for a screen, where languages are too many for columns."""
    marks = _marked(runs)
    rows = [
        (Cell(text=FAMILIES[group].title), Cell(text=code), *(marks.language(run, group, code) for run in runs))
        for group in _groups(runs)
        for code in _codes(runs, group)
    ]
    names = (Column("dataset", is_text=True), Column("language", is_text=True))
    return Table("languages", "Scores by language", (*names, *(Column(run.name) for run in runs)), tuple(rows), keys=2)


def by_seed(run: Run) -> Table:
    """A row per dataset: mean over seeds, transfer gap, and the score of every seed."""
    titles = ["score", "gap to en", "languages", *(f"seed {seed}" for seed in run.seeds)]
    rows = []
    for group, one in run.families.items():
        count = Cell(text=f"{len(one.covered)} of {len(one.family.languages)}")
        seeds = (Cell(value) for value in one.mean.by_seed)
        rows.append((Cell(text=FAMILIES[group].title), _cell(one.mean), _cell(one.gap), count, *seeds))
    for name, found in run.means.items():
        rows.append((Cell(text=name), _cell(found), Cell(), Cell(), *(Cell(value) for value in found.by_seed)))
    columns = (Column("dataset", is_text=True), *(Column(title) for title in titles))
    return Table("seeds", f"{run.name}, {counted(len(run.seeds), 'seed')}", columns, tuple(rows))


def _groups(runs: Sequence[Run]) -> list[str]:
    return [group for group in FAMILIES if any(group in run.families for run in runs)]


def _codes(runs: Sequence[Run], group: str) -> list[str]:
    """Languages that any run has, English first, then in the benchmark's order."""
    family = FAMILIES[group]
    found = {code for run in runs if group in run.families for code in run.families[group].languages}
    return sorted(found, key=lambda code: (code != family.spelled("en"), family.languages.index(code)))


def _cell(found: Estimate | None, marks: str = "") -> Cell:
    """What cannot stand beside the others is no rival of theirs."""
    if found is None:
        return Cell()
    mark = PUBLISHED if found.is_published else ""
    return Cell(found.value, half_width=found.half_width, marks=mark + marks, is_rival=_APART not in marks)


def _marked(runs: Sequence[Run]) -> _Marks:
    means: dict[tuple[str, str], str] = {}
    why: dict[str, list[str]] = {}
    for group, family in FAMILIES.items():
        for run in (run for run in runs if group in run.families):
            for note in _shortcomings(run.families[group]):
                means[run.name, group] = _LACKING
                why.setdefault(group, []).append(f"{_LACKING} {run.name}, {family.title}: {note}")
    for one in scored.apart(runs):
        means[one.run, one.group] = means.get((one.run, one.group), "").rstrip(_APART) + _APART
        why.setdefault(one.group, []).append(f"{_APART} {one.why}")
    return _Marks(means, scored.differences(runs), why)


def _shortcomings(one: Scored) -> list[str]:
    """What keeps a family's score from being the benchmark's own."""
    notes = list(dict.fromkeys(row.note for row in one.rows if row.note))
    absent = [code for code in one.family.languages if code not in one.covered]
    if absent:
        shown = " ".join(absent[:8]) + (f" and {len(absent) - 8} more" if len(absent) > 8 else "")
        notes.append(f"no score in {shown}")
    return notes


def _notes(
    runs: Sequence[Run], groups: Sequence[str], rows: Sequence[Sequence[Cell]], why: Sequence[str]
) -> tuple[str, ...]:
    """What a reader of the table must know."""
    cells = [cell for row in rows for cell in row]
    notes = ["Points from 0 to 100"]
    if any(len(FAMILIES[group].official) > 1 for group in groups):
        notes.append("Question answering: mean of F1 and exact match")
    if any(run.is_sample for run in runs):
        notes.append("SAMPLE: the bundled sample was scored; these are not scores of the benchmark")
    if limits := sorted({limit for run in runs for limit in run.limits}):
        shown = " or ".join(f"{limit:g}" for limit in limits)
        notes.append(f"Limited to the first documents of every language ({shown})")
    if any(cell.half_width is not None for cell in cells):
        notes.append(f"± is half of the 95 % interval over {_sources(runs)}")
    if any(len(run.seeds) > 1 for run in runs):
        notes.append("Means over seeds: " + ", ".join(f"{run.name} {counted(len(run.seeds), 'seed')}" for run in runs
                                                      if not run.is_published))  # fmt: skip
    if len(rows) > 1:
        notes.append(BEST)
    if any(PUBLISHED in cell.marks for cell in cells):
        notes.append(f"{PUBLISHED} was published; everything else was measured")
    return (*notes, *dict.fromkeys(why))


def _sources(runs: Sequence[Run]) -> str:
    counts = {len(run.seeds) for run in runs if not run.is_published}
    if max(counts) < 3:
        return "test documents"
    return "test documents and seeds" if min(counts) > 2 else "test documents and, from three seeds on, seeds"


def _comments(runs: Sequence[Run], groups: Sequence[str]) -> tuple[str, ...]:
    """Which checkpoints, publications and signatures the numbers are of."""
    lines = [MADE]
    for run in runs:
        if run.published is not None:
            lines.append(f"{run.name}: published ({run.published.given})")
            lines += [f"  {key}: {title}" for key, title in run.published.sources.items()]
            lines += [f"  {note}" for note in run.notes]
            continue
        lines.append(f"{run.name}: {', '.join(run.checkpoints)}")
        for group in (group for group in groups if group in run.families):
            for seed, row in zip(run.seeds, run.families[group].rows, strict=True):
                shared, own = signature.split({code: cell.signature for code, cell in row.cells.items()})
                lines.append(f"  {group}{f', seed {seed}' if seed else ''}: {shared}; {own}")
    return tuple(lines)


def rows(runs: Sequence[Run]) -> Rows:
    """One line per model, seed, task and metric, in points, then the means; `Results.to_frame` has the same.

    `seed` is ``all`` in what is a mean over several. `metric` is ``exact_match+f1`` where both make the score.
    """
    return Rows("scores", _COLUMNS, tuple(line for run in runs for line in _lines(run)))


def _lines(run: Run) -> Iterable[tuple[Value, ...]]:
    for one in run.families.values():
        for seed, row in zip(run.seeds, one.rows, strict=True):
            start = (run.name, run.origin, seed, one.family.suite, one.family.name)
            for what in _of_seed(one.family, row):
                yield (*start, *what)
        if run.is_published or len(run.seeds) > 1:
            start = (run.name, run.origin, _over_seeds(run), one.family.suite, one.family.name)
            for code, value in one.languages.items():
                yield (*start, code, one.family.leaf(code), *_estimate(one.family, value))
            yield (*start, AVERAGE, one.family.group, *_estimate(one.family, one.mean))
    for name, value in run.means.items():
        where = (run.name, run.origin, _over_seeds(run), "xtreme", name, AVERAGE, "", "score")
        yield (*where, value.value, *ends(value.interval), True, None, "")


def _of_seed(family: Family, row: FamilyRow) -> Iterable[tuple[Value, ...]]:
    """Language, task, metric, score, ends of its interval, whether it is official, documents, signature."""
    is_joint = len(family.official) > 1
    for code, cell in row.cells.items():
        where = (code, family.leaf(code))
        for metric, value in cell.metrics.items():
            found = (metric, value, *ends(cell.intervals.get(metric)), metric in family.official)
            yield (*where, *found, cell.scored, cell.signature)
        if is_joint:
            found = (_official(family), cell.score, *ends(scored.interval(family, cell)), True)
            yield (*where, *found, cell.scored, cell.signature)
    documents = sum(cell.scored for cell in row.cells.values())
    for metric, value in row.averages.items():
        interval = None if is_joint or metric not in family.official else row.interval
        yield (AVERAGE, family.group, metric, value, *ends(interval), metric in family.official, documents, "")
    if is_joint:
        yield (AVERAGE, family.group, _official(family), row.score, *ends(row.interval), True, documents, "")


def _over_seeds(run: Run) -> str:
    return ALL_SEEDS if len(run.seeds) > 1 else ""


def _official(family: Family) -> str:
    return "+".join(family.official)


def _estimate(family: Family, found: Estimate) -> tuple[Value, ...]:
    return (_official(family), found.value, *ends(found.interval), True, None, found.source)
