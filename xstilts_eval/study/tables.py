"""What a study has found so far, as Markdown: gains of every base, what its stages learned, the hours it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from xstilts_eval.foreign import Markup
from xstilts_eval.results import gains
from xstilts_eval.results.alignment import Reader
from xstilts_eval.results.gains import Gain
from xstilts_eval.study import pieces
from xstilts_eval.study.grid import Cell, Study
from xstilts_eval.study.pieces import Stage
from xstilts_eval.study.running import TRAINING
from xstilts_eval.tables import in_markdown, markdown_table
from xstilts_eval.wording import ABSENT, counted

_HOUR = 3600.0
_NO_SCORES = ("step", "seconds", "score")
"""In a record of scores: when they were taken, and the mean that a stage is chosen by."""


@dataclass(frozen=True)
class Kept:
    """A study, the cells of it that are kept with the parts that they have, and the folder of their results."""

    study: Study
    cells: tuple[Cell, ...]
    results: Path

    @classmethod
    def unpacked(cls, study: Study, results: Path) -> Kept:
        """All that is kept, unpacked in `results`; raises what `pieces.unpack` raises."""
        unpacked, listed = pieces.unpack(study, results), pieces.listed(study)
        return cls(study, tuple(replace(study.cell(name), parts=listed[name].parts) for name in unpacked), results)

    def of_base(self, base: str) -> dict[str, list[Cell]]:
        """Cells of a base by intermediate entry, in the order of the study."""
        found: dict[str, list[Cell]] = defaultdict(list)
        for cell in self.cells:
            if cell.base == base:
                found[cell.intermediate].append(cell)
        return found

    @property
    def bases(self) -> list[str]:
        return [name for name in self.study.grid.bases if any(cell.base == name for cell in self.cells)]


def page(kept: Kept) -> str:
    """All tables, under headings of the third level."""
    lines: list[str] = []
    for base in kept.bases:
        if rows := gains_of(kept, base):
            lines += [f"### Gains: {base}", "", *rows, ""]
    lines += ["### What the stages learned", "", *learned(kept), *formats(kept), ""]
    lines += ["### Hours", "", *hours(kept)]
    return "\n".join(lines) + "\n"


def gains_of(kept: Kept, base: str) -> list[str]:
    """Gains of a base over no intermediate stage, points with 95 % intervals: a row for each target and group.

    Groups are English and the mean of the other languages; where English is the other side of every pair, all. What has
    no seed in common with the baseline is left out. Below stands where seeds lie further apart than the interval.
    """
    cells = kept.of_base(base)
    baseline = cells.pop(kept.study.grid.baseline, [])
    seeds = {cell.seed for cell in baseline}
    cells = {name: own for name, own in cells.items() if seeds & {cell.seed for cell in own}}
    reader, columns = Reader(), list(cells)
    rows: dict[tuple[str, str], dict[str, Gain]] = defaultdict(dict)
    for part in dict.fromkeys(part for cell in baseline for part in cell.parts):
        for name, own in cells.items():
            if not any(part in cell.parts for cell in own):
                continue
            places = (kept.results / base / kept.study.grid.baseline, kept.results / base / name)
            pairing = gains.pair_seeds(*places, part, reader)
            for family in pairing.families:
                found = {gain.language: gain for gain in pairing.gains(family)}
                english = family.spelled("en")
                for group in (english, "others") if english in found else ("all",):
                    if group in found:
                        rows[part, _label(found[group], english)][name] = found[group]
    if not rows:
        return []
    header = ["target", "languages", "baseline", *(f"{name} ({_seeds(cells[name], baseline)})" for name in columns)]
    told = [
        [
            part,
            label,
            f"{next(iter(found.values())).baseline:.1f}",
            *(_gain(found.get(name), len(_shared(cells[name], baseline))) for name in columns),
        ]
        for (part, label), found in rows.items()
    ]
    apart = [
        f"{in_markdown(name)} on {in_markdown(part)}, {label}: {gain.each_seed}"
        for (part, label), found in rows.items()
        for name, gain in found.items()
        if gain.are_seeds_apart
    ]
    said = ["", f"Seeds further apart than the interval, which is of test documents alone: {'; '.join(apart)}."]
    return [*markdown_table(header, told), *(said if apart else [])]


def _label(gain: Gain, english: str) -> str:
    if gain.language == english:
        return "English"
    count = len(gain.languages)
    return f"all {count}" if gain.language == "all" else f"{count} {gain.language}"


def _shared(cells: Sequence[Cell], baseline: Sequence[Cell]) -> list[int]:
    return sorted({cell.seed for cell in cells} & {cell.seed for cell in baseline})


def _seeds(cells: Sequence[Cell], baseline: Sequence[Cell]) -> str:
    shared = _shared(cells, baseline)
    return f"seed {', '.join(map(str, shared))}" if len(shared) == 1 else f"seeds {', '.join(map(str, shared))}"


def _gain(gain: Gain | None, seeds: int) -> str:
    """A cell of the table; one that not all `seeds` of its column have says how many do."""
    if gain is None:
        return ABSENT
    fewer = f" ({counted(len(gain.by_seed), 'seed')})" if len(gain.by_seed) < seeds else ""
    if gain.half_width is None:
        return f"{gain.gain:+.1f}{fewer}"
    shown = f"{gain.gain:+.1f} ± {gain.half_width:.1f}"
    return Markup(f"**{shown}**{fewer}") if gain.is_clear else f"{shown}{fewer}"


def learned(kept: Kept) -> list[str]:
    """A row for every intermediate stage and, of the baseline, every target: what it was trained on and reached."""
    rows = []
    for base in kept.bases:
        for name, cells in kept.of_base(base).items():
            is_baseline = name == kept.study.grid.baseline
            alike: dict[tuple[str, str], list[Stage]] = defaultdict(list)
            for cell in cells:
                stages = pieces.stages(kept.results / str(cell))
                for stage in stages if is_baseline else stages[:1]:
                    what = ("target", "+".join(stage.tasks)) if is_baseline else ("intermediate", name)
                    alike[what].append(stage)
            for what, same in alike.items():
                rows.append([
                    base, *what,
                    f"{sum(one.trained for one in same[0].tasks.values()):,}", f"{same[0].outcome.steps:,}",
                    _scores(same), f"{sum(one.development for one in same[0].tasks.values()):,}",
                    f"{fmean(one.outcome.seconds for one in same):,.0f}", str(len(same)),
                ])  # fmt: skip
    header = ["base", "stage", "task", "examples", "steps", "English development score", "development examples",
              "seconds", "seeds"]  # fmt: skip
    return markdown_table(header, rows)


def formats(kept: Kept) -> list[str]:
    """Which cells were trained at which format of stages; none where all share one.

    Another format trains other weights from the same settings: it draws other masks of dropout, say.
    """
    found: dict[int, list[str]] = defaultdict(list)
    for cell in kept.cells:
        for one in sorted({stage.identity.format for stage in pieces.stages(kept.results / str(cell))}):
            found[one].append(str(cell))
    if len(found) < 2:
        return []
    newest = max(found)
    told = "; ".join(f"{one}: {in_markdown(', '.join(found[one]))}" for one in sorted(found) if one != newest)
    return ["", f"Trained at an earlier stage format than {newest}, with other masks of dropout or passes of another "
            f"size: {told}."]  # fmt: skip


def _scores(stages: Sequence[Stage]) -> str:
    """Mean over seeds of the last scores, in points; those of a stage of several tasks have the task before them."""
    last = [stage.outcome.scores[-1] for stage in stages if stage.outcome.scores]
    if not last:
        return ABSENT
    names = [name for name in last[0] if name not in _NO_SCORES]
    return ", ".join(f"{name} {100 * fmean(one[name] for one in last):.1f}" for name in names)


def hours(kept: Kept) -> list[str]:
    """Hours of one process by base, for training and for every part, over the cells that are kept."""
    listed = pieces.listed(kept.study)
    parts = list(dict.fromkeys(part for cell in kept.cells for part in cell.parts))
    rows = []
    for base in kept.bases:
        own = [listed[str(cell)].seconds for cell in kept.cells if cell.base == base]
        spent = [sum(seconds.get(part, 0.0) for seconds in own) / _HOUR for part in (TRAINING, *parts)]
        rows.append([base, str(len(own)), *(f"{one:.2f}" if one else ABSENT for one in spent), f"{sum(spent):.2f}"])
    return markdown_table(["base", "cells", TRAINING, *parts, "together"], rows)
