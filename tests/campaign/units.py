"""What a campaign is made of: units of wrong things done to the package, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

Part = Literal["archives", "fuzz", "hostile", "starved", "kills"]


@dataclass
class Outcome:
    """Counts of one unit, or of several together.

    Every try ends in one of two good ways: `refused` (a sentence of ours), or `same` (read, or the result of an
    undisturbed run). `lost` are seconds of work that had to be done again; `faults` says what went wrong, a line each.
    """

    tried: int = 0
    refused: int = 0
    same: int = 0
    lost: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __iadd__(self, other: Outcome) -> Outcome:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self


@dataclass(frozen=True)
class Unit:
    """One step of a campaign, which repeats itself exactly: all it draws comes of the seed it was made with.

    `row` is the row of the table that its counts belong to; `run` gets a folder of its own, which goes afterwards.
    """

    part: Part
    row: str
    name: str
    run: Callable[[Path], Outcome]
