"""What an intermediate stage changes: scores of runs over those of the baseline, by family and language.

Runs with the same seed are compared on the same documents. A 95 % interval joins two sources of chance: the seeds (a
t-interval over the seeds' differences, which holds its level at three seeds where a bootstrap does not) and the test
documents (a paired bootstrap of the mean difference), their half-widths added in quadrature. With fewer than three
seeds it covers the documents alone. Where a language has too few independent units (`intervals.FEWEST_UNITS`) there is
no interval, as in `xstilts compare`, and the output says so.
"""

from __future__ import annotations

import math
import statistics as simple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.benchmark import Family, leaf_parts
from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics import significance
from xstilts_eval.results import intervals, record, samples
from xstilts_eval.results.intervals import FEWEST_UNITS
from xstilts_eval.results.record import LeafResult

FEWEST_SEEDS = 3
"""Below it there is no interval over seeds: that of two runs is 12.7 standard errors wide."""
DRAWS = 1000
SEED = 1
_CHUNK = 100

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Gain:
    """One cell: points (0-100) of the baseline and of the run, means over seeds, and their difference.

    `language` is a code, ``all`` for the mean over the family's languages or ``others`` for that without English.
    `units` is the number of independent units of the test data, the smallest of the languages. `half_width` (points) is
    that of the 95 % interval; `from_seeds` and `from_documents` are its two parts. Below `FEWEST_UNITS` there is no
    `from_documents` and so no interval: the seeds alone would make it look more certain than it is.
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

    @property
    def half_width(self) -> float | None:
        return None if self.from_documents is None else math.hypot(self.from_seeds or 0.0, self.from_documents)

    @property
    def is_clear(self) -> bool:
        """Whether there is an interval and it leaves out 0."""
        return self.half_width is not None and abs(self.gain) > self.half_width


def read_seeds(folders: Sequence[Path]) -> dict[str, list[LeafResult]]:
    """Leaf results by leaf, one per folder of `xstilts eval`; raises `PredictionError` for folders that differ.

    They must have scored the same leaves on the same documents.
    """
    found: dict[str, list[LeafResult]] = {}
    runs = [record.read(folder) for folder in folders]
    for folder, run in zip(folders, runs, strict=True):
        for leaf in run.leaves:
            found.setdefault(leaf.leaf, []).append(leaf)
        lacking = {leaf.leaf for leaf in runs[0].leaves} ^ {leaf.leaf for leaf in run.leaves}
        if lacking:
            raise PredictionError(f"{folder} and {folders[0]} have not scored the same tasks: {sorted(lacking)[0]}")
    return found


def gains(baseline: Sequence[Path], run: Sequence[Path]) -> list[Gain]:
    """Gains of `run` over `baseline`, folders of `xstilts eval` in the same order of seeds.

    Raises `PredictionError` for another number of seeds, other tasks, other data or missing samples.
    """
    if len(baseline) != len(run) or not run:
        raise PredictionError(f"{len(baseline)} baseline runs and {len(run)} others; seeds are compared in pairs")
    before, after = read_seeds(baseline), read_seeds(run)
    if set(before) != set(after):
        raise PredictionError(f"not the same tasks were scored: {sorted(set(before) ^ set(after))[0]} is only in one")
    families: dict[Family, dict[str, tuple[Table, list[float], list[float]]]] = {}
    for leaf in before:
        family, language = leaf_parts(leaf)
        for one, other in zip(before[leaf], after[leaf], strict=True):
            if (one.data.revision, one.data.split, one.selected) != (
                other.data.revision,
                other.data.split,
                other.selected,
            ):
                raise PredictionError(f"{leaf}: the two runs scored other documents; score both with the same data")
        table = np.stack([_table(family, folder, leaf) for folder in (*baseline, *run)])
        families.setdefault(family, {})[language] = (
            table,
            [official(leaf_) for leaf_ in before[leaf]],
            [official(leaf_) for leaf_ in after[leaf]],
        )
    found: list[Gain] = []
    for family, languages in families.items():
        ordered = {language: languages[language] for language in family.languages if language in languages}
        groups = {language: [language] for language in ordered}
        if len(ordered) > 1:
            groups["all"] = list(ordered)
        if len(ordered) > 2 and "en" in ordered:
            groups["others"] = [language for language in ordered if language != "en"]
        drawn = _drawn(family, {language: table for language, (table, _, _) in ordered.items()})
        found += [_gain(family, name, members, ordered, drawn) for name, members in groups.items()]
    return found


def official(leaf: LeafResult) -> float:
    """The family's official score of a leaf in points, the mean of F1 and exact match for question answering."""
    return 100 * simple.fmean(leaf.metrics[name] for name in leaf.family.official)


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
    units = min(languages[member][0].shape[1] for member in members)
    error = float(np.mean([drawn[member] for member in members], axis=0).std(ddof=1))
    documents = significance.t_quantile(math.inf) * error if units >= FEWEST_UNITS else None
    return Gain(
        family=family,
        language=name,
        baseline=simple.fmean(before),
        score=simple.fmean(after),
        gain=simple.fmean(by_seed),
        by_seed=by_seed,
        from_seeds=over_seeds(by_seed),
        from_documents=documents,
        units=units,
    )


def over_seeds(values: Sequence[float]) -> float | None:
    """Half-width of the 95 % t-interval over seeds; None for too few of them."""
    return significance.t_half_width(values) if len(values) >= FEWEST_SEEDS else None


def _drawn(family: Family, tables: Mapping[str, Table]) -> dict[str, Table]:
    """Differences in points [draws] by language under resampled documents, the same draw for all seeds and both arms.

    Parallel families draw the same items in every language.
    """
    is_parallel = intervals.has_parallel_items(family) and len({table.shape[1] for table in tables.values()}) == 1
    found = {}
    for number, (language, table) in enumerate(tables.items()):
        random = np.random.default_rng([SEED, 0 if is_parallel else number])
        units, half = table.shape[1], table.shape[0] // 2
        values = np.empty(DRAWS)
        for start in range(0, DRAWS, _CHUNK):
            size = min(_CHUNK, DRAWS - start)
            weights = random.multinomial(units, np.full(units, 1 / units), size=size).astype(np.float64)
            scores = intervals.scores(family, np.einsum("du,ruc->rdc", weights, table))
            values[start : start + size] = 100 * (scores[half:].mean(axis=0) - scores[:half].mean(axis=0))
        found[language] = values
    return found


def _table(family: Family, folder: Path, leaf: str) -> Table:
    return intervals.statistics(family, samples.read(folder, leaf))


def seed_folders(run: Path, inner: str) -> list[Path]:
    """Output folders of `xstilts eval` of one run: itself, or ``seed-N/inner`` by seed.

    Raises `PredictionError` when there is none.
    """
    if (run / "results.json").is_file():
        return [run]
    found = [path / inner for path in run.glob("seed-*") if (path / inner / "results.json").is_file()]
    if not found:
        raise PredictionError(f"{run} holds no results.json and no seed-N/{inner}; score it with xstilts eval")
    return sorted(found, key=lambda path: path.parent.name.rpartition("-")[2].zfill(12))


def paired(baseline: Path, run: Path, inner: str) -> tuple[list[Path], list[Path]]:
    """The folders of the seeds that both have, in the same order; raises `PredictionError` without any."""
    before, after = seed_folders(baseline, inner), seed_folders(run, inner)
    if len(before) == len(after) == 1:
        return before, after
    common = {path.parent.name for path in before} & {path.parent.name for path in after}
    if not common:
        raise PredictionError(f"{baseline} and {run} have no seed in common")
    return [p for p in before if p.parent.name in common], [p for p in after if p.parent.name in common]


def table(found: Mapping[str, Sequence[Gain]]) -> Any:
    """The gains for the terminal."""
    from rich.console import Group
    from rich.text import Text

    from xstilts_eval.tables import terminal_table

    rows = [
        [row.family.title, row.language, f"{row.baseline:.1f}", *(_plain(gains_[place]) for gains_ in found.values())]
        for place, row in enumerate(next(iter(found.values())))
    ]
    header = ("family", "language", "baseline", *found)
    title = "points gained over the baseline, 95 % interval"
    return Group(terminal_table(header, rows, title, keys=2), *(Text(note, style="dim") for note in notes(found)))


def notes(found: Mapping[str, Sequence[Gain]]) -> list[str]:
    """Why gains have no interval, one line per family."""
    few: dict[str, int] = {}
    for gain in (gain for gains_ in found.values() for gain in gains_ if gain.half_width is None):
        few[gain.family.title] = min(gain.units, few.get(gain.family.title, gain.units))
    return [
        f"{title}: {units} independent units of test data ({FEWEST_UNITS} are needed): no interval"
        for title, units in few.items()
    ]


def as_json(found: Mapping[str, Sequence[Gain]]) -> dict[str, Any]:
    """Every cell as plain values."""
    return {
        name: [
            {
                "family": gain.family.name,
                "language": gain.language,
                "baseline": gain.baseline,
                "score": gain.score,
                "gain": gain.gain,
                "by_seed": list(gain.by_seed),
                "half_width": gain.half_width,
                "from_seeds": gain.from_seeds,
                "from_documents": gain.from_documents,
                "units": gain.units,
            }
            for gain in gains_
        ]
        for name, gains_ in found.items()
    }


def markdown(found: Mapping[str, Sequence[Gain]]) -> str:
    """One table per family: rows are languages, columns runs by name; cells ``gain ± half-width``, bold where clear.

    Below a table stands why cells have no interval.
    """
    names = list(found)
    first = found[names[0]]
    parts = []
    for family in dict.fromkeys(gain.family for gain in first):
        rows = [gain for gain in first if gain.family == family]
        lines = [
            f"### {family.title}",
            "",
            f"| language | baseline | {' | '.join(names)} |",
            f"|---|---|{'---|' * len(names)}",
        ]
        for row in rows:
            cells = [_cell(gain) for name in names for gain in found[name]
                     if gain.family == family and gain.language == row.language]  # fmt: skip
            lines.append(f"| {row.language} | {row.baseline:.1f} | {' | '.join(cells)} |")
        if why := notes({name: [gain for gain in found[name] if gain.family == family] for name in names}):
            lines += ["", *why]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _plain(gain: Gain) -> str:
    points = f"{gain.gain:+.1f}".replace("+0.0", "0.0").replace("-0.0", "0.0")  # what rounds to 0 has no sign
    return points if gain.half_width is None else f"{points} ± {gain.half_width:.1f}"


def _cell(gain: Gain) -> str:
    text = _plain(gain)
    return f"**{text}**" if gain.is_clear else text
