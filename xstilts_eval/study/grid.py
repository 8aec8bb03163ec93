"""The grid of a study as data: what is trained and scored, and in which order; read from ``study.yaml``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from xstilts_eval import reading
from xstilts_eval.errors import DataError, MissingData, SettingError, UnknownName
from xstilts_eval.training.recipe import Base as RecipeBase
from xstilts_eval.training.recipe import Entry, Mixture, Recipe, Stage, Targets, TaskEntry
from xstilts_eval.training.settings import StageSettings
from xstilts_eval.validation import complaint
from xstilts_eval.weights import WEIGHTS

FILE = "study.yaml"


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""Of what has a folder, so that no study leads out of the one that it is unpacked in."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Base(_Strict):
    """What a run starts from: `weights` of the package index (`xstilts weights`), their first `layers` blocks.

    `parameters` are all of them, `embeddings` those outside the blocks; `languages` says what it was pre-trained on.
    They stand here so that the study can be read without the weights.
    """

    weights: str
    layers: int | None = Field(default=None, ge=1)
    parameters: int = Field(ge=1)
    embeddings: int = Field(ge=0)
    languages: Literal["multilingual", "monolingual"] = "multilingual"

    @model_validator(mode="after")
    def _known(self) -> Base:
        if self.weights not in WEIGHTS:
            raise ValueError(f"no weights are called {self.weights!r}; there are {', '.join(WEIGHTS)}")
        return self


class Intermediate(_Strict):
    """The tasks of an intermediate stage, trained together; none for the baseline.

    `leaves` names targets whose head the stage itself leaves, so that none is trained after it. `settings` are those of
    the stage, over the grid's `intermediate_settings`.
    """

    tasks: tuple[Entry, ...] = ()
    leaves: tuple[str, ...] = ()
    mixture: Mixture = Mixture()
    settings: Mapping[str, JsonValue] = {}

    @model_validator(mode="after")
    def _has_a_stage(self) -> Intermediate:
        if self.settings and not self.tasks:
            raise ValueError(f"settings {', '.join(self.settings)} of an entry without tasks, which has no stage")
        return self


class Part(_Strict):
    """One call of the evaluation: `tasks`, the first `limit` documents of each, and the adapter's `model_args`.

    `needs` names the targets whose heads it asks; `heads` says which target's head answers a dataset that none was
    trained for (``americasnli: sick``).
    """

    tasks: tuple[str, ...] = Field(min_length=1)
    limit: int | None = Field(default=None, ge=1)
    split: str | None = None
    needs: tuple[str, ...] = ()
    heads: Mapping[str, str] = {}
    model_args: Mapping[str, JsonValue] = {}


class Block(_Strict):
    """Every combination of `bases`, `intermediate` and `seeds`, scored on these `parts`."""

    bases: tuple[str, ...] = Field(min_length=1)
    intermediate: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    parts: tuple[str, ...] = Field(min_length=1)


class Grid(_Strict):
    """Everything of a study; `blocks` in the order in which they are made.

    `settings` are of every stage, `intermediate_settings` of the intermediate ones, over these.
    """

    title: str
    preset: str = "defaults"
    settings: Mapping[str, JsonValue] = {}
    intermediate_settings: Mapping[str, JsonValue] = {}
    bases: Mapping[Name, Base]
    intermediate: Mapping[Name, Intermediate]
    targets: Mapping[str, Entry]
    parts: Mapping[Name, Part]
    blocks: tuple[Block, ...] = Field(min_length=1)

    @property
    def baseline(self) -> str:
        """The first entry of `intermediate` that has no tasks: what gains are taken over; "" where all have some."""
        return next((name for name, entry in self.intermediate.items() if not entry.tasks), "")

    @model_validator(mode="after")
    def _names(self) -> Grid:
        for block in self.blocks:
            _all_known("base", block.bases, self.bases)
            _all_known("intermediate entry", block.intermediate, self.intermediate)
            _all_known("part", block.parts, self.parts)
        for entry in self.intermediate.values():
            _all_known("target", entry.leaves, self.targets)
        for given in (self.settings, self.intermediate_settings, *(one.settings for one in self.intermediate.values())):
            _all_known("setting of a stage", given, StageSettings.model_fields)
        for part in self.parts.values():
            _all_known("target", (*part.needs, *part.heads.values()), self.targets)
        return self


def _all_known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"no {what} is called {name!r}; there are {', '.join(known)}")


@dataclass(frozen=True)
class Cell:
    """One run: a base, what it was trained on in between, a seed; `parts` are what it is scored on."""

    base: str
    intermediate: str
    seed: int
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.base}/{self.intermediate}/seed-{self.seed}"


@dataclass(frozen=True)
class Study:
    """A grid and the folder that it was read from; `cells` in the order in which they are made."""

    folder: Path
    grid: Grid
    cells: tuple[Cell, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", tuple(_cells(self.grid)))

    def cell(self, name: str) -> Cell:
        """The cell of this name; raises `SettingError` for a seed that it has not, else `UnknownName`."""
        known = {str(cell): cell for cell in self.cells}
        if name in known:
            return known[name]
        row, _, _ = name.rpartition("/")
        if seeds := [cell.seed for cell in self.cells if str(cell).rpartition("/")[0] == row]:
            raise SettingError(f"the study has {row} with seeds {', '.join(map(str, seeds))}; asked for {name}")
        raise UnknownName.of("cell of the study", name, known)

    def recipe(self, cell: Cell, base: Path) -> Recipe:
        """What is trained for a cell, from the weights in the folder `base`.

        Raises `UnknownName` for a task that nothing here knows, `SettingError` where nothing is trained.
        """
        grid, of_cell = self.grid, self.grid.bases[cell.base]
        settings = {**grid.settings, **({"layers": of_cell.layers} if of_cell.layers else {})}
        between = grid.intermediate[cell.intermediate]
        tasks = tuple(map(_trained, between.tasks))
        own = {**settings, **self._changed(between)}
        stage = Stage(tasks=tasks, mixture=between.mixture, preset=grid.preset, settings=own) if tasks else None
        targets = tuple(_trained(entry) for name, entry in self._targets(cell).items() if name not in between.leaves)
        if stage is None and not targets:
            raise SettingError(f"{cell} of the study trains nothing; score its base with xstilts eval")
        return Recipe(
            name=f"{cell.base}_{cell.intermediate}",
            base=RecipeBase(model=str(base)),
            intermediate=(stage,) if stage else (),
            targets=Targets(tasks=targets, preset=grid.preset, settings=settings),
            seeds=(cell.seed,),
        )

    def settings_of(self, cell: Cell) -> str:
        """First 12 hex digits of the sha256 of all that the grid says about a cell."""
        grid = self.grid
        between = grid.intermediate[cell.intermediate]
        said = {
            "preset": grid.preset,
            "settings": dict(grid.settings),
            "base": grid.bases[cell.base].model_dump(mode="json", include={"weights", "layers"}),
            "intermediate": between.model_dump(mode="json", exclude={"settings"}),
            "targets": {name: entry.model_dump(mode="json") for name, entry in self._targets(cell).items()},
            "parts": {name: grid.parts[name].model_dump(mode="json") for name in sorted(cell.parts)},
        }
        # What is not said moves nothing, so that a cell is the same whichever of the places says its settings.
        changed = {name: value for name, value in self._changed(between).items() if grid.settings.get(name) != value}
        if between.tasks and changed:
            said["intermediate_settings"] = changed
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]

    def _changed(self, between: Intermediate) -> dict[str, JsonValue]:
        """Settings of an intermediate stage that are not those of every stage."""
        return {**self.grid.intermediate_settings, **between.settings}

    def _targets(self, cell: Cell) -> dict[str, Entry]:
        needed = {name for part in cell.parts for name in self.needed(part)}
        return {name: entry for name, entry in self.grid.targets.items() if name in needed}

    def needed(self, part: str) -> tuple[str, ...]:
        """The targets whose heads a part asks."""
        found = self.grid.parts[part]
        return tuple(dict.fromkeys((*found.needs, *found.heads.values())))


def _trained(entry: Entry) -> TaskEntry:
    return TaskEntry.model_validate(entry.model_dump(exclude_unset=True))


def _cells(grid: Grid) -> Sequence[Cell]:
    """Cells where they come first, with the parts of all blocks that have them."""
    found: dict[tuple[str, str, int], list[str]] = {}
    for block in grid.blocks:
        for seed in block.seeds:
            for base in block.bases:
                for between in block.intermediate:
                    parts = found.setdefault((base, between, seed), [])
                    parts += [part for part in block.parts if part not in parts]
    return [Cell(*key, tuple(parts)) for key, parts in found.items()]


def read(folder: Path) -> Study:
    """The study in a folder; raises `MissingData` without one, `DataError` for one that cannot be read.

    Nothing in the folder is run: a dataset of the study's own is known where ``--include`` has named its file.
    """
    file = folder / FILE
    if not file.is_file():
        raise MissingData(f"{folder} holds no study: there is no {FILE}; --study names its folder")
    try:
        grid = Grid.model_validate(reading.read_yaml(file, "the grid of a study"))
    except ValidationError as error:
        raise DataError(f"{file}: {complaint(error, 'the grid')}") from error
    return Study(folder, grid)
