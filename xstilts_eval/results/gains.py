"""What an intermediate stage changes: scores of runs over those of the baseline, by dataset and language.

Runs with the same seed are compared on the same documents, on the leaves that both have. A 95 % interval joins two
sources of chance: the seeds (a t-interval over the seeds' differences, which holds its level at three seeds where a
bootstrap does not) and the test documents (a paired bootstrap of the mean difference), their half-widths added in
quadrature. With fewer than three seeds it covers the documents alone. Where a language has too few independent units
(`bootstrap.are_enough`) there is no interval, as everywhere, and the output says so.
"""

from __future__ import annotations

import math
import statistics as simple
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.benchmark import FAMILIES, Family, leaf_parts
from xstilts_eval.foreign import Markup
from xstilts_eval.metrics import significance
from xstilts_eval.metrics.bootstrap import SharedWeights, are_enough, too_few, weighted_sums
from xstilts_eval.results import alignment, seeds, statistics, units
from xstilts_eval.results import run as runs
from xstilts_eval.results.alignment import Holdings, Reader
from xstilts_eval.results.record import LeafResult
from xstilts_eval.results.run import Run
from xstilts_eval.tables import in_markdown, markdown_table, one_line, terminal_table
from xstilts_eval.wording import ABSENT, counted

DRAWS = 1000
SEED = 1

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Gain:
    """One cell: points (0-100) of the baseline and of the run, means over seeds, and their difference.

    `language` is a code, ``all`` for the mean over the `languages` that both have or ``others`` for that without
    English.
    `units` is the number of independent units of the test data, the smallest of the languages. `half_width` (points) is
    that of the 95 % interval; `from_seeds` and `from_documents` are its two parts. With too few units there is
    no `from_documents` and so no interval: the seeds alone would make it look more certain than it is.
    """

    family: Family
    language: str
    baseline: float
    score: float
    gain: float
    by_seed: tuple[float, ...]
    from_seeds: float | None
    from_documents: float | None
    units: int
    languages: tuple[str, ...] = ()

    @property
    def half_width(self) -> float | None:
        return seeds.joint_half_width(self.from_documents, self.by_seed)

    @property
    def is_clear(self) -> bool:
        """Whether there is an interval and it leaves out 0."""
        return self.half_width is not None and abs(self.gain) > self.half_width

    @property
    def are_seeds_apart(self) -> bool:
        """Whether seeds differ by more than the half-width of an interval that, with so few, leaves them out."""
        is_left_out = self.from_seeds is None and self.half_width is not None
        return is_left_out and max(self.by_seed) - min(self.by_seed) > (self.half_width or 0.0)

    @property
    def each_seed(self) -> str:
        """The gains of the seeds in words."""
        return " and ".join(f"{points:+.1f}" for points in self.by_seed)


@dataclass(frozen=True)
class Pairing:
    """A baseline and a run of another recipe with the same seeds, and by leaf what each of them scored.

    `left_out` says by family (group) what only one of them has.
    """

    baseline: Run
    run: Run
    before: Mapping[str, Sequence[LeafResult]]
    after: Mapping[str, Sequence[LeafResult]]
    left_out: Mapping[str, tuple[str, ...]]
    reader: Reader = field(default_factory=Reader, repr=False)

    @property
    def families(self) -> list[Family]:
        """Families that both have, in the benchmark's order."""
        shared = {leaf_parts(leaf)[0].group for leaf in self.before if leaf in self.after}
        return [family for group, family in FAMILIES.items() if group in shared]

    def gains(self, family: Family) -> list[Gain]:
        """Gains by language, then over all, then over all but English.

        Raises `PredictionError` for other data, split, documents or versions, and `MissingData` without samples.
        """
        tables: dict[str, Table] = {}
        for code in family.languages:
            leaf = family.leaf(code)
            if leaf in self.before and leaf in self.after:
                tables[code] = self._table(leaf)
        groups = {code: [code] for code in tables}
        if len(tables) > 1:
            groups["all"] = list(tables)
        english = family.spelled("en")
        if len(tables) > 2 and english in tables:
            groups["others"] = [code for code in tables if code != english]
        drawn = _drawn(family, tables, self.reader.weights)
        languages = {
            code: (table, [leaf.points for leaf in self.before[family.leaf(code)]],
                   [leaf.points for leaf in self.after[family.leaf(code)]])
            for code, table in tables.items()
        }  # fmt: skip
        return [_gain(family, name, members, languages, drawn) for name, members in groups.items()]

    def _table(self, leaf: str) -> Table:
        """Counts [runs, units, counts], the baseline's runs first."""
        results = [*self.before[leaf], *self.after[leaf]]
        for other in results[1:]:
            if differing := alignment.comparable(results[0], other):
                raise alignment.refusal(leaf, [self.baseline.name, self.run.name], differing)
        table = self.reader.side_by_side(list(zip((*self.baseline.places, *self.run.places), results, strict=True)))
        if table is None:
            raise alignment.refusal(leaf, [self.baseline.name, self.run.name], [units.OTHER_ITEMS])
        return table


def pair_seeds(
    baseline: Path, run: Path, inner: str, reader: Reader | None = None, only: Collection[str] | None = None
) -> Pairing:
    """`pair` of the runs in two folders; raises what `run.read` and `pair` raise."""
    return pair(runs.read(baseline, inner, str(baseline), only), runs.read(run, inner, str(run), only), reader)


def pair(baseline: Run, run: Run, reader: Reader | None = None) -> Pairing:
    """What can be compared of two recipes, over the seeds that both have.

    Each has its results in one inner folder; `reader` keeps what was read for further comparisons. Raises
    `PredictionError` for no seed in common and for no task in common. Tasks that not every seed has are left out.
    """
    baseline, run = runs.in_common([baseline, run])
    (before, first), (after, second) = baseline.in_every_seed(), run.in_every_seed()
    some = {leaf: f"not in every seed of {one.name}" for one, partly in ((baseline, first), (run, second))
            for leaf in partly}  # fmt: skip
    left_out = alignment.only_in_one(Holdings(baseline.name, before, some), Holdings(run.name, after))
    if not before.keys() & after.keys():
        raise alignment.nothing_in_common(baseline.name, run.name, left_out)
    return Pairing(baseline, run, before, after, left_out, reader or Reader())


def gains(baseline: Path, run: Path, inner: str = "eval") -> list[Gain]:
    """Gains of `run` over `baseline` on the tasks that both have; raises what `pair_seeds` and `Pairing.gains` do."""
    found = pair_seeds(baseline, run, inner)
    return [gain for family in found.families for gain in found.gains(family)]


def _gain(
    family: Family,
    name: str,
    members: Sequence[str],
    languages: Mapping[str, tuple[Table, list[float], list[float]]],
    drawn: Mapping[str, Table],
) -> Gain:
    before = [simple.fmean(values) for values in zip(*(languages[member][1] for member in members), strict=True)]
    after = [simple.fmean(values) for values in zip(*(languages[member][2] for member in members), strict=True)]
    by_seed = tuple(b - a for a, b in zip(before, after, strict=True))
    fewest = min(languages[member][0].shape[1] for member in members)
    error = float(np.mean([drawn[member] for member in members], axis=0).std(ddof=1))
    documents = significance.t_quantile(math.inf) * error if are_enough(fewest) else None
    return Gain(
        family=family,
        language=name,
        baseline=simple.fmean(before),
        score=simple.fmean(after),
        gain=simple.fmean(by_seed),
        by_seed=by_seed,
        from_seeds=seeds.over_seeds(by_seed),
        from_documents=documents,
        units=fewest,
        languages=tuple(members),
    )


def _drawn(family: Family, tables: Mapping[str, Table], shared: SharedWeights) -> dict[str, Table]:
    """Differences in points [draws] by language under resampled documents, the same draw for all seeds and both arms.

    Parallel families draw the same items in every language.
    """
    is_parallel = family.parallel and len({table.shape[1] for table in tables.values()}) == 1
    found = {}
    for number, (language, table) in enumerate(tables.items()):
        half = table.shape[0] // 2
        values = np.empty(DRAWS)
        for part, weights in shared.drawn(table.shape[1], DRAWS, [SEED, 0 if is_parallel else number]):
            scores = statistics.scores(family, weighted_sums(weights, table))
            values[part] = 100 * (scores[half:].mean(axis=0) - scores[:half].mean(axis=0))
        found[language] = values
    return found


LeftOut = Mapping[str, Mapping[str, Sequence[str]]]
"""By the name of a run and by family: what it or the baseline lacks (`Pairing.left_out`)."""
_Key = tuple[Family, str, tuple[str, ...]]


def table(found: Mapping[str, Sequence[Gain]], left_out: LeftOut | None = None) -> Any:
    """The gains for the terminal."""
    from rich.console import Group

    header = ("dataset", "language", "baseline", *found)
    rows = [[family.title, *row] for family, rows_ in _rows(found, _plain).items() for row in rows_]
    title = "points gained over the baseline, 95 % interval"
    said = [*about_intervals(found), *not_compared(found, left_out)]
    return Group(terminal_table(header, rows, title, keys=2), *(one_line(note, "dim") for note in said))


def _rows(found: Mapping[str, Sequence[Gain]], shown: Callable[[Gain], str]) -> dict[Family, list[list[str]]]:
    """Language, baseline and one cell per run, by family.

    Runs that share other languages with the baseline have a mean of their own, in a row of its own.
    """
    cells: dict[_Key, dict[str, Gain]] = {}
    for name, gains_ in found.items():
        for gain in gains_:
            cells.setdefault((gain.family, gain.language, gain.languages), {})[name] = gain
    rows: dict[Family, list[list[str]]] = {}
    for family in FAMILIES.values():
        keys = sorted((key for key in cells if key[0] == family), key=_place)
        for key in keys:
            _, language, members = key
            is_one_of_several = sum(other[1] == language for other in keys) > 1
            label = f"{language} ({counted(len(members), 'language')})" if is_one_of_several else language
            own = cells[key]
            first = next(iter(own.values()))
            line = [label, f"{first.baseline:.1f}", *(shown(own[name]) if name in own else ABSENT for name in found)]
            rows.setdefault(family, []).append(line)
    return rows


def _place(key: _Key) -> tuple[int, int]:
    """Languages in the family's order, then the means, those over most languages first."""
    family, language, members = key
    order = [*family.languages, "all", "others"]
    return order.index(language), -len(members)


def without_interval(found: Mapping[str, Sequence[Gain]]) -> list[str]:
    """Why gains have no interval, one line per family."""
    few: dict[str, int] = {}
    for gain in (gain for gains_ in found.values() for gain in gains_ if gain.half_width is None):
        few[gain.family.title] = min(gain.units, few.get(gain.family.title, gain.units))
    return [f"{title}: {too_few(count)}" for title, count in few.items()]


def seeds_apart(found: Mapping[str, Sequence[Gain]]) -> list[str]:
    """Where `Gain.are_seeds_apart`, one line per run and family: of the last of its gains, which is the widest mean."""
    return [
        f"{name}, {family.title} ({gain.language}): {gain.each_seed} by seed, further apart than the interval, which "
        "is of test documents alone"
        for name, gains_ in found.items()
        for family, gain in {gain.family: gain for gain in gains_}.items()
        if gain.are_seeds_apart
    ]


def about_intervals(found: Mapping[str, Sequence[Gain]]) -> list[str]:
    """What a reader of the intervals must know: where there are none, and where they are too narrow."""
    return [*without_interval(found), *seeds_apart(found)]


def not_compared(found: Mapping[str, Sequence[Gain]], left_out: LeftOut | None = None) -> list[str]:
    """What only one of two runs has, and over how many seeds they are compared where that differs."""
    said = []
    for name, families in (left_out or {}).items():
        said += [f"{name}, {group} left out: {line}" for group, lines in families.items() for line in lines]
    counts = {name: len(gains_[0].by_seed) for name, gains_ in found.items() if gains_}
    if len(set(counts.values())) > 1:
        said += [f"{name}: {counted(count, 'seed')} in common with the baseline" for name, count in counts.items()]
    return said


def as_json(found: Mapping[str, Sequence[Gain]], left_out: LeftOut | None = None) -> dict[str, object]:
    """By run its cells as plain values under ``gains``, and what was left out by family."""
    return {
        name: {
            "gains": [_cell_json(gain) for gain in gains_],
            "left_out": {group: list(lines) for group, lines in (left_out or {}).get(name, {}).items()},
        }
        for name, gains_ in found.items()
    }


def _cell_json(gain: Gain) -> dict[str, object]:
    return {
        "family": gain.family.name,
        "group": gain.family.group,
        "language": gain.language,
        "languages": list(gain.languages),
        "baseline": gain.baseline,
        "score": gain.score,
        "gain": gain.gain,
        "by_seed": list(gain.by_seed),
        "half_width": gain.half_width,
        "from_seeds": gain.from_seeds,
        "from_documents": gain.from_documents,
        "units": gain.units,
    }


def markdown(found: Mapping[str, Sequence[Gain]], left_out: LeftOut | None = None) -> str:
    """One table per family: rows are languages, columns runs by name; cells ``gain ± half-width``, bold where clear.

    Below a table stands why cells have no interval, and at the end what was left out.
    """
    names = list(found)
    parts = []
    for family, rows in _rows(found, _bold).items():
        lines = [f"### {family.title}", "", *markdown_table(["language", "baseline", *names], rows)]
        if why := about_intervals({name: [gain for gain in found[name] if gain.family == family] for name in names}):
            lines += ["", *map(in_markdown, why)]
        parts.append("\n".join(lines))
    if said := not_compared(found, left_out):
        parts.append("\n".join(f"- {in_markdown(note)}" for note in said))
    return "\n\n".join(parts) + "\n"


def _plain(gain: Gain) -> str:
    points = f"{gain.gain:+.1f}".replace("+0.0", "0.0").replace("-0.0", "0.0")  # what rounds to 0 has no sign
    return points if gain.half_width is None else f"{points} ± {gain.half_width:.1f}"


def _bold(gain: Gain) -> str:
    return Markup(f"**{_plain(gain)}**") if gain.is_clear else _plain(gain)
