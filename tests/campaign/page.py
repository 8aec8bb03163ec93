"""``docs/reliability.md``: what a campaign did, how often, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.units import Outcome, Part, Unit

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- made by `python -m tests.campaign --write` -->", "<!-- end -->"
TITLES: dict[Part, tuple[str, str, str]] = {
    "kills": (
        "Killed and started again",
        "A command gets SIGKILL, half of the times at a random moment and half of them inside a drawn call that "
        "creates, writes, renames or removes a file. What lies there under its own name must be whole. The same "
        "command is then run to its end: its files must be those of a run that nobody disturbed (but for clock times), "
        "with none more and none fewer.",
        "as undisturbed",
    ),
    "archives": (
        "Damaged archives",
        "One bit turned: every member as it was packed, or an error.",
        "unpacked as packed",
    ),
    "fuzz": (
        "Broken files",
        "Values of other types, lost and new keys, numbers without end, nesting, other encodings, cut and doubled "
        "parts, in one file at a time. The reader refuses it in one sentence of ours that quotes no cell in full, or "
        "reads it; any other exception, or more than 20 seconds, is a fault.",
        "read",
    ),
    "hostile": (
        "Hostile names",
        "Escape sequences, tags, links, formulas, TeX commands, marks of direction in the place of one name that a "
        "file gives. Every output is read again by a parser of its format.",
        "shown as text",
    ),
    "starved": (
        "Full disks and folders that cannot be written",
        "A command finds no room for its files, from the first byte on or after some, or a folder that it may not "
        "write. It must say so in one sentence, leave older files whole and nothing half-written, and work again "
        "afterwards.",
        "done all the same",
    ),
}


@dataclass(frozen=True)
class Found:
    """A campaign's outcomes by unit, in order; `open_` units were not reached."""

    done: Sequence[tuple[Unit, Outcome]]
    open_: Sequence[Unit]
    seed: int
    seconds: Mapping[str, float]
    """Of work, by process."""

    @property
    def faults(self) -> list[str]:
        return [line for _, outcome in self.done for line in outcome.faults]


def table(found: Found) -> list[str]:
    """Markdown lines: a table for every part, then what was not reached and every fault."""
    minutes = max(found.seconds.values(), default=0.0) / 60
    lines = [f"Seed {found.seed}, {minutes:.0f} minutes of {_processes(len(found.seconds))}.", ""]
    for part, (title, text, same) in TITLES.items():
        rows = _rows(found, part)
        if not rows:
            continue
        lines += [f"## {title}", "", text, "", *_head(part, same)]
        total = Outcome()
        for row, outcome in rows.items():
            lines.append(_line(part, row, outcome))
            total += outcome
        lines += [_line(part, "**together**", total), ""]
    if found.open_:
        lines += [f"Not reached: {', '.join(unit.name for unit in found.open_)}.", ""]
    lines += ["## Faults", "", *([f"* {line}" for line in found.faults] or ["None was found in this run."])]
    return lines


def _processes(count: int) -> str:
    return "one process" if count == 1 else f"{count} processes at once"


def _rows(found: Found, part: Part) -> dict[str, Outcome]:
    rows: dict[str, Outcome] = {}
    for unit, outcome in found.done:
        if unit.part == part:
            total = rows.setdefault(unit.row, Outcome())
            total += outcome
    return rows


def _head(part: Part, same: str) -> list[str]:
    if part == "kills":
        return [f"| command | kills | {same} | done again, seconds on average | faults |", "|---|---:|---:|---:|---:|"]
    return [f"| what | how often | refused in a sentence | {same} | faults |", "|---|---:|---:|---:|---:|"]


def _line(part: Part, name: str, one: Outcome) -> str:
    counts = [one.same, f"{one.lost / max(1, one.tried):.1f}"] if part == "kills" else [one.refused, one.same]
    shown = (f"{count:,}" if isinstance(count, int) else count for count in [one.tried, *counts, len(one.faults)])
    return f"| {name} | {' | '.join(shown)} |"


def write(found: Found, page: Path = PAGE) -> None:
    """Put the tables between the page's marks."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n" + "\n".join(table(found)) + f"\n\n{END}{after}", encoding="utf-8")
