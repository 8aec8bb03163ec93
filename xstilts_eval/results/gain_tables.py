"""Gains as tables for papers, and as rows: the baseline's scores, then a row of gains for each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, overload

from xstilts_eval import paper
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.paper import AVERAGE, BEST, MADE, Axis, Cell, Column, Rows, Table, ends
from xstilts_eval.results.gains import Gain, LeftOut, about_intervals, not_compared

if TYPE_CHECKING:
    import pandas

_COLUMNS = (
    "baseline", "run", "suite", "dataset", "language", "languages", "baseline_score", "score", "gain", "low", "high",
    "half_width", "from_seeds", "from_documents", "seeds", "units",
)  # fmt: skip


class Gains(Sequence[Gain]):
    """Points gained, one entry per dataset and language, then over all, then over all but English."""

    def __init__(self, baseline: str, run: str, found: Sequence[Gain]) -> None:
        self.baseline, self.run = baseline, run
        self._found = tuple(found)

    @overload
    def __getitem__(self, place: int) -> Gain: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Gain]: ...

    def __getitem__(self, place: int | slice) -> Gain | Sequence[Gain]:
        return self._found[place]

    def __len__(self) -> int:
        return len(self._found)

    def to_frame(self) -> pandas.DataFrame:
        """One row per dataset and language, the same as `xstilts gains --csv`.

        Raises `SettingError` where pandas is not installed.
        """
        return paper.frame(rows(self.baseline, {self.run: self._found}))

    def to_latex(self, columns: str = "both", *, intervals: bool = True, text_width: float = paper.TEXT_WIDTH) -> str:
        """The same text as `xstilts gains --latex`; options as of `Results.to_latex`."""
        found = tables(self.baseline, {self.run: self._found}, columns=paper.axis(columns))
        return paper.latex(found, text_width, intervals)


def tables(
    baseline: str, found: Mapping[str, Sequence[Gain]], left_out: LeftOut | None = None, columns: Axis = "both"
) -> list[Table]:
    """The baseline's scores, then a row of gains for each run; clear ones, whose interval leaves out 0, have a star."""
    families = [family for family in FAMILIES.values() if any(gain.family == family for rows in found.values()
                                                              for gain in rows)]  # fmt: skip
    tables = []
    if columns == "datasets" or (columns == "both" and len(families) > 1):
        means = {name: {family.title: gain for family in families if (gain := _mean(rows, family))}
                 for name, rows in found.items()}  # fmt: skip
        caption = "Points gained by dataset, means over languages"
        tables.append(_gained("datasets", caption, baseline, means, found, left_out))
    for family in families if columns != "datasets" else ():
        by_language = {}
        for name, rows in found.items():
            own = [gain for gain in rows if gain.family == family]
            if own:
                own.sort(key=lambda gain: gain.language != family.spelled("en"))
                by_language[name] = {(AVERAGE if gain.language == "all" else gain.language): gain for gain in own}
        caption = f"{family.title}, points gained by language"
        tables.append(_gained(family.group, caption, baseline, by_language, found, left_out))
    return tables


def _mean(rows: Sequence[Gain], family: Family) -> Gain | None:
    own = [gain for gain in rows if gain.family == family]
    return next((gain for gain in own if gain.language == "all"), own[0] if len(own) == 1 else None)


def _gained(
    name: str,
    caption: str,
    baseline: str,
    rows_of: Mapping[str, Mapping[str, Gain]],
    found: Mapping[str, Sequence[Gain]],
    left_out: LeftOut | None,
) -> Table:
    titles = list(dict.fromkeys(title for rows in rows_of.values() for title in rows))
    first = {title: gain for rows in reversed([*rows_of.values()]) for title, gain in rows.items()}
    lines = [(Cell(text=f"{baseline} (score)"), *(Cell(first[title].baseline, is_rival=False) for title in titles))]
    for run, rows in rows_of.items():
        cells = []
        for title in titles:
            gain = rows.get(title)
            # A mean over other languages than those of the first run is no rival, and has no baseline of its own here.
            is_alike = gain is not None and gain.languages == first[title].languages
            cells.append(Cell() if gain is None else Cell(
                gain.gain, half_width=gain.half_width, marks=("*" if gain.is_clear else "") + ("" if is_alike else "†"),
                is_signed=True, is_rival=is_alike,
            ))  # fmt: skip
        lines.append((Cell(text=run), *cells))
    shown = {run: list(rows.values()) for run, rows in rows_of.items()}
    marks = "".join(cell.marks for line in lines for cell in line)
    notes = [f"First row: scores of {baseline}, points from 0 to 100; below: points gained over it"]
    notes += ["± is half of the 95 % interval"] if any(c.half_width is not None for line in lines for c in line) else []
    notes += [BEST] if len(rows_of) > 1 else []
    notes += ["* the interval leaves out 0; not corrected for the number of cells"] if "*" in marks else []
    notes += ["† a mean over other languages than the first run's"] if "†" in marks else []
    notes += [*about_intervals(shown), *not_compared(found, left_out)]
    columns = (Column("Run", is_text=True), *(Column(title, "highest") for title in titles))
    comments = (MADE,)
    return Table(name, caption, columns, tuple(lines), tuple(notes), comments, breaks=frozenset({1}))


def rows(baseline: str, found: Mapping[str, Sequence[Gain]]) -> Rows:
    """One line per run, dataset and language; ``avg`` is over all languages, ``others`` over all but English."""
    lines = [
        (baseline, name, gain.family.suite, gain.family.name, AVERAGE if gain.language == "all" else gain.language,
         len(gain.languages), gain.baseline, gain.score, gain.gain,
         *(ends(None) if gain.half_width is None else (gain.gain - gain.half_width, gain.gain + gain.half_width)),
         gain.half_width, gain.from_seeds, gain.from_documents, len(gain.by_seed), gain.units)
        for name, rows in found.items() for gain in rows
    ]  # fmt: skip
    return Rows("gains", _COLUMNS, tuple(lines))
