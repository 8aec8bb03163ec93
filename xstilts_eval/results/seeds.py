"""Where the results of a run lie, by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics import significance
from xstilts_eval.results import record
from xstilts_eval.results.record import LeafResult

FEWEST_SEEDS = 3
"""Below it there is no interval over seeds: that of two runs is 12.7 standard errors wide."""
SINGLE = ""
"""The seed of a run that has no folders by seed."""


def folders(run: Path, inner: str) -> dict[str, Path]:
    """Results by seed (``seed-1``), in the order of their numbers: ``seed-N/inner``, or the run itself under `SINGLE`.

    A run by itself is a results file, an output folder of `xstilts eval`, or one of `lm_eval`. `inner` may be ``.``.
    Raises `MissingData` where nothing is there, and `PredictionError` for seeds without results in `inner` or for a
    folder that holds several runs.
    """
    seeds = [path for path in run.glob("seed-*") if path.is_dir()]
    if run.is_dir() and seeds and not (run / "results.json").is_file():
        found = {path.name: path / inner for path in sorted(seeds, key=_number) if _is_scored(path / inner)}
        if not found:
            raise PredictionError(f"{run} holds no results.json and no seed-N/{inner}; score it with xstilts eval")
        return found
    file = record.results_file(run)
    return {SINGLE: file if run.is_file() else file.parent}


def _is_scored(folder: Path) -> bool:
    return (folder / "results.json").is_file()


def _number(seed: Path) -> str:
    return seed.name.rpartition("-")[2].zfill(12)


def common(runs: Sequence[Path], inner: str) -> list[list[Path]]:
    """Results of the seeds that all runs have, run by run and in one order; of runs with one result each, that one.

    Raises what `folders` raises, and `PredictionError` for no seed in common.
    """
    found = [folders(run, inner) for run in runs]
    if all(len(by_seed) == 1 for by_seed in found):
        return [list(by_seed.values()) for by_seed in found]
    shared = [seed for seed in found[0] if all(seed in by_seed for by_seed in found)]
    if not shared:
        raise PredictionError(f"{' and '.join(map(str, runs))} have no seed in common")
    return [[by_seed[seed] for seed in shared] for by_seed in found]


def leaves(given: Sequence[Path]) -> dict[str, list[LeafResult]]:
    """Results by leaf, one per folder; raises `PredictionError` for folders that have not scored the same tasks."""
    found: dict[str, list[LeafResult]] = {}
    runs = [record.read(folder) for folder in given]
    for folder, run in zip(given, runs, strict=True):
        for leaf in run.leaves:
            found.setdefault(leaf.leaf, []).append(leaf)
        lacking = {leaf.leaf for leaf in runs[0].leaves} ^ {leaf.leaf for leaf in run.leaves}
        if lacking:
            raise PredictionError(f"{folder} and {given[0]} have not scored the same tasks: {sorted(lacking)[0]}")
    return found


def over_seeds(values: Sequence[float]) -> float | None:
    """Half-width of the 95 % t-interval over seeds; None for too few of them."""
    return significance.t_half_width(values) if len(values) >= FEWEST_SEEDS else None


def joint_half_width(documents: float | None, by_seed: Sequence[float]) -> float | None:
    """Half-widths over test documents and over seeds in quadrature; with few seeds that of the documents alone.

    None without the documents' part: the seeds alone would make a score look more certain than it is.
    """
    return None if documents is None else math.hypot(documents, over_seeds(by_seed) or 0.0)
