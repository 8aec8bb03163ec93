"""How the checkpoints were trained: loss curves and development scores, where a run's bundle can still be read."""

from __future__ import annotations

import statistics as simple
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from xstilts_eval import reading
from xstilts_eval.results.scored import Run
from xstilts_eval.validation import complaint

POINTS = 40
"""Most points of a curve: losses are averaged over equal windows of steps."""

NOT_SCORES = ("step", "seconds", "score")
"""Of an evaluation during training: what is no metric, and the mean of the others."""


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Outcome(_Read):
    losses: list[tuple[int, float]]
    scores: list[dict[str, float]] = []
    steps: int
    tokens: int | None = None
    seconds: float | None = None
    best_step: int | None = None


class _Record(_Read):
    outcome: _Outcome


class _Intermediate(_Read):
    intermediate: list[Any] = []


class _Trained(_Read):
    recipe: _Intermediate
    stages: dict[str, str]


@dataclass(frozen=True)
class Stage:
    """One trained stage of one seed of a run; `curve` is (step, mean loss of a window), `scores` are fractions."""

    run: str
    seed: str
    name: str
    key: str
    role: str
    curve: tuple[tuple[float, float], ...]
    scores: dict[str, float]
    steps: int
    tokens: int | None
    seconds: float | None


def read(runs: Sequence[Run]) -> tuple[list[Stage], list[str]]:
    """Stages of all runs in the order of training, and a sentence for every bundle that could not be read."""
    stages: list[Stage] = []
    problems: list[str] = []
    for run in runs:
        for seed, results in run.results.items():
            bundle = results[0].checkpoint_folder
            if not (bundle / "recipe.json").is_file():
                continue
            try:
                stages += _stages(run.name, seed, bundle)
            except (OSError, ValueError) as error:
                reason = complaint(error) if isinstance(error, ValidationError) else error
                whose = f"{run.name}, seed {seed}" if seed else run.name
                problems.append(f"training of {whose}: the stages of {bundle} cannot be read ({reason})")
    return stages, problems


def _stages(run: str, seed: str, bundle: Path) -> list[Stage]:
    trained = _Trained.model_validate(reading.read_json(bundle / "recipe.json", "the recipe of a run"))
    before = len(trained.recipe.intermediate)
    found = []
    for place, (key, path) in enumerate(trained.stages.items()):
        folder = bundle / path
        outcome = _Record.model_validate(
            reading.read_json(folder / "stage.json", "the record of a trained stage")
        ).outcome
        best = [s for s in outcome.scores if s.get("step") == outcome.best_step] or outcome.scores[-1:]
        scores = {name: value for name, value in (best[0] if best else {}).items() if name not in NOT_SCORES}
        found.append(
            Stage(
                run=run,
                seed=seed,
                name=folder.name.removesuffix(f"-{key}"),
                key=key,
                role="intermediate" if place < before else "target",
                curve=windows(outcome.losses),
                scores=scores,
                steps=outcome.steps,
                tokens=outcome.tokens,
                seconds=outcome.seconds,
            )
        )
    return found


def windows(losses: Sequence[tuple[int, float]]) -> tuple[tuple[float, float], ...]:
    """At most `POINTS` means of neighbouring losses, each at the mean of its steps."""
    size = -(-len(losses) // POINTS) if losses else 1
    parts = [losses[start : start + size] for start in range(0, len(losses), size)]
    return tuple((simple.fmean(step for step, _ in part), simple.fmean(loss for _, loss in part)) for part in parts)
