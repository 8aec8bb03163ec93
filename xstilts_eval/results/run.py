"""A run: what lies in a folder of results, read once, with its seeds and its name.

`show`, `compare`, `gains`, `report` and the analyses find runs here, and nowhere else. What two of them may be compared
in, `results.alignment` says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts_eval import paths
from xstilts_eval.errors import PredictionError, SettingError
from xstilts_eval.results import record
from xstilts_eval.results.record import LeafResult, RunResult

SINGLE = ""
"""The seed, and the inner folder, of a run that has no folders by seed."""

Folders = Mapping[str, Mapping[str, Path]]
"""Results by inner folder and seed."""


@dataclass(frozen=True)
class Run:
    """What was scored for one checkpoint, or for the seeds of one recipe.

    `given` is the path that it was read from. `folders` has its results by inner folder (``eval``) and seed (``1``),
    seeds in the order of their numbers; `results` has what they hold, by seed, in the order of the inner folders.
    """

    name: str
    given: Path
    folders: Folders
    results: Mapping[str, tuple[RunResult, ...]]

    @property
    def seeds(self) -> list[str]:
        return list(self.results)

    @property
    def has_seeds(self) -> bool:
        return len(self.results) > 1

    @property
    def places(self) -> tuple[Path, ...]:
        """Its results, seed by seed; of several inner folders all of the first come first."""
        return tuple(folder for by_seed in self.folders.values() for folder in by_seed.values())

    @property
    def checkpoints(self) -> list[str]:
        return list(dict.fromkeys(result.checkpoint for parts in self.results.values() for result in parts))

    @property
    def limits(self) -> list[float]:
        """The distinct limits of its results, none for full runs."""
        return sorted({part.limit for parts in self.results.values() for part in parts if part.limit})

    def leaves(self) -> dict[str, list[LeafResult]]:
        """Results by leaf, one per seed; raises `PredictionError` for seeds that have not scored the same tasks."""
        by_seed = [{leaf.leaf: leaf for part in parts for leaf in part.leaves} for parts in self.results.values()]
        for place, found in zip(self.places, by_seed, strict=False):
            if lacking := found.keys() ^ by_seed[0].keys():
                raise PredictionError(
                    f"{place} and {self.places[0]} have not scored the same tasks: {sorted(lacking)[0]}"
                )
        return {leaf: [found[leaf] for found in by_seed] for leaf in by_seed[0]}

    def in_every_seed(self) -> tuple[dict[str, list[LeafResult]], list[str]]:
        """Results by leaf, one per seed, of the leaves that all seeds have; and the leaves that only some have."""
        by_seed = [{leaf.leaf: leaf for part in parts for leaf in part.leaves} for parts in self.results.values()]
        every = list(dict.fromkeys(leaf for found in by_seed for leaf in found))
        shared = [leaf for leaf in every if all(leaf in found for found in by_seed)]
        return {leaf: [found[leaf] for found in by_seed] for leaf in shared}, [
            leaf for leaf in every if leaf not in shared
        ]

    def part(self, inner: str) -> Run:
        """The same run with the results of one inner folder alone."""
        place = list(self.folders).index(inner)
        results = {seed: (parts[place],) for seed, parts in self.results.items()}
        return Run(self.name, self.given, {inner: self.folders[inner]}, results)

    def only(self, names: Collection[str] | None) -> Run:
        """The same run with the leaves of these names alone; None: all. Raises `SettingError` where it has none."""
        if names is None:
            return self
        cut = {seed: [part.only(names) for part in parts] for seed, parts in self.results.items()}
        kept = [place for place, _ in enumerate(self.folders) if any(parts[place].leaves for parts in cut.values())]
        if not kept:
            every = (leaf for parts in self.results.values() for part in parts for leaf in part.leaves)
            there = ", ".join(dict.fromkeys(leaf.family.group for leaf in every))
            raise SettingError(f"{self.given} has no result of these --tasks; there is: {there}")
        folders = {inner: by_seed for place, (inner, by_seed) in enumerate(self.folders.items()) if place in kept}
        results = {seed: tuple(parts[place] for place in kept) for seed, parts in cut.items()}
        return Run(self.name, self.given, folders, results)

    def of_seeds(self, seeds: Sequence[str]) -> Run:
        """The same run with these of its seeds, in this order."""
        folders = {inner: {seed: by_seed[seed] for seed in seeds} for inner, by_seed in self.folders.items()}
        return Run(self.name, self.given, folders, {seed: self.results[seed] for seed in seeds})


def read(given: Path, inner: str | Sequence[str] = "eval", name: str = "", only: Collection[str] | None = None) -> Run:
    """The run in a folder: a results file, an output folder of `xstilts eval` or `lm_eval`, or ``seed-N/INNER`` in it.

    `only` names the leaves that are wanted of it. Raises `MissingData` where nothing is there, `SettingError` where
    nothing is wanted, `PredictionError` and `NumericError` for what cannot be read.
    """
    folders = find(given, inner)
    seeds = next(iter(folders.values()))
    results = {seed: tuple(record.read(by_seed[seed]) for by_seed in folders.values()) for seed in seeds}
    return Run(name or names([str(given)])[0], given, folders, results).only(only)


def find(given: Path, inner: str | Sequence[str] = "eval") -> Folders:
    """Where the results of a run lie; `inner` may be ``.``, and several are looked for in every seed.

    Raises `MissingData` where nothing is there, and `PredictionError` for seeds without results in any of `inner`, for
    seeds that lack one of them, or for a folder that holds several runs.
    """
    parts = [inner] if isinstance(inner, str) else list(inner)
    seeds = sorted((path for path in given.glob("seed-*") if path.is_dir()), key=seed_number)
    if not given.is_dir() or not seeds or (given / "results.json").is_file():
        file = record.results_file(given)
        return {SINGLE: {SINGLE: file if given.is_file() else file.parent}}
    found = {
        part: {seed.name.removeprefix("seed-"): seed / part for seed in seeds if _is_scored(seed / part)}
        for part in parts
    }
    found = {part: by_seed for part, by_seed in found.items() if by_seed}
    if not found:
        raise PredictionError(f"{given} holds no results.json and no seed-N/{parts[0]}; score it with xstilts eval")
    every = list(dict.fromkeys(seed for by_seed in found.values() for seed in by_seed))
    if lacking := [seed for seed in every if any(seed not in by_seed for by_seed in found.values())]:
        raise PredictionError(f"{given}/seed-{min(lacking)} lacks one of {', '.join(found)}; score every seed in each")
    return found


def places(given: Path, inner: str = "eval") -> list[Path]:
    """The folders (or the one file) of `find`, seed by seed."""
    return [place for by_seed in find(given, inner).values() for place in by_seed.values()]


def _is_scored(folder: Path) -> bool:
    return (folder / "results.json").is_file()


def seed_number(seed: Path) -> str:
    """What folders of seeds are sorted by: ``seed-2`` stands before ``seed-10``."""
    return seed.name.rpartition("-")[2].zfill(12)


def in_common(runs: Sequence[Run]) -> list[Run]:
    """The runs with the seeds that all of them have, in one order; runs without seeds as they are.

    Raises `PredictionError` for no seed in common.
    """
    if all(len(run.results) == 1 for run in runs):
        return list(runs)
    shared = [seed for seed in runs[0].seeds if all(seed in run.results for run in runs)]
    if not shared:
        raise PredictionError(f"{' and '.join(str(run.given) for run in runs)} have no seed in common")
    return [run.of_seeds(shared) for run in runs]


# ------------------------------------------------------------------------------------------------------- names


def names(given: Sequence[str]) -> list[str]:
    """One name for each path: its last part that is a name of its own, else the last part in which they differ.

    ``runs/a/seed-1/eval`` and ``runs/b/seed-1/eval`` are ``a`` and ``b``. The whole text where nothing shorter tells
    them apart.
    """
    parts = {text: list(Path(text).parts or Path(text).absolute().parts) for text in given}
    if len({_speaking(own) for own in parts.values()}) == len(parts):
        parts = {text: [_speaking(own)] for text, own in parts.items()}
    while len(parts) > 1 and all(len(p) > 1 for p in parts.values()) and len({p[-1] for p in parts.values()}) == 1:
        for own in parts.values():
            own.pop()
    found = [parts[text][-1] for text in given]
    return [name if found.count(name) == 1 else text for name, text in zip(found, given, strict=True)]


def _speaking(parts: Sequence[str]) -> str:
    """The last part that is no usual name of a folder or file of results."""
    useful = [part for part in parts if not paths.USUAL.fullmatch(part)]
    return useful[-1] if useful else parts[-1]
