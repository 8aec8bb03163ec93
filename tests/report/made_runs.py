"""Runs written by hand: results and samples from lists of right and wrong answers, and a bundle's training record."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.host_results import host_results

Answers = dict[str, list[int]]
"""1 for a right answer and 0 for a wrong one, by leaf; every document is a unit of its own."""


def write_run(folder: Path, answers: Answers, **options: Any) -> Path:
    """An output folder of `xstilts eval`: F1 and exact match of a question are both its answer."""
    scores: dict[str, dict[str, Any]] = {}
    for leaf, right in answers.items():
        metrics = ("f1", "exact_match") if "xquad" in leaf else ("acc",)
        share = fmean(right)
        scores[leaf] = {name: share for name in metrics} | {
            f"{name}_ci95": [max(share - 0.1, 0.0), min(share + 0.05, 1.0)] for name in metrics
        }
        lines = [
            {"doc_id": number} | {f"{name}_ci95": [number, float(answer)] for name in metrics}
            for number, answer in enumerate(right)
        ]
        path = folder / "samples" / f"samples_{leaf}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = host_results(scores, **options)
    for leaf, right in answers.items():
        results["n-samples"][leaf] = {"original": len(right), "effective": len(right)}
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def edit(folder: Path, change: Any) -> None:
    """Apply a function to the results of a run."""
    path = folder / "results.json"
    results = json.loads(path.read_text())
    change(results)
    path.write_text(json.dumps(results))


def pattern(right: int, total: int = 20) -> list[int]:
    """So many right answers first."""
    return [1] * right + [0] * (total - right)


def three_seeds(folder: Path, pawsx: dict[str, list[int]], xquad: dict[str, list[int]], checkpoint: str = "") -> Path:
    """``seed-N/eval`` with the given numbers of right answers of 20, by language, one per seed."""
    for place in range(3):
        answers = {f"xtreme.pawsx.{code}": pattern(counts[place]) for code, counts in pawsx.items()}
        answers |= {f"xtreme.xquad.{code}": pattern(counts[place]) for code, counts in xquad.items()}
        name = f"{checkpoint or folder.name}/seed-{place + 1}"
        write_run(folder / f"seed-{place + 1}" / "eval", answers, checkpoint=name)
    return folder


def write_training(bundle: Path, losses: list[float]) -> None:
    """A bundle trained in two stages: squad (intermediate), then pawsx."""
    bundle.mkdir(parents=True)
    stages = {"aaaaaaaaaaaa": "squad-aaaaaaaaaaaa", "bbbbbbbbbbbb": "pawsx-bbbbbbbbbbbb"}
    for name in stages.values():
        outcome = {
            "losses": list(enumerate(losses, start=1)), "steps": len(losses), "tokens": 1234, "seconds": 90.0,
            "scores": [{"step": 1, "score": 0.25, "f1": 0.25, "seconds": 1.0},
                       {"step": 2, "score": 0.5, "f1": 0.5, "seconds": 1.0}],
            "best_step": 1,
        }  # fmt: skip
        folder = bundle.parent / "stages" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "stage.json").write_text(json.dumps({"outcome": outcome}))
    recipe = {
        "recipe": {"intermediate": [{}]},
        "stages": {key: f"../stages/{name}" for key, name in stages.items()},
    }
    (bundle / "recipe.json").write_text(json.dumps(recipe))
