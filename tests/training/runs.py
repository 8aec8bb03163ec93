"""Runs of the trainer for tests: recipes over the bundled sample, in this process or in one that may be killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
import yaml
from safetensors.torch import load_file

from tests import forked
from xstilts_eval.training import recipe, run, stage
from xstilts_eval.training.recipe import Recipe

QUICK = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "max_length": 64}
"""Settings of a stage of seconds."""


def quick(tasks: Any, **settings: Any) -> dict[str, Any]:
    """A stage, or the targets, of a recipe with quick settings."""
    listed = [tasks] if isinstance(tasks, str) else tasks
    return {"tasks": listed, "preset": "defaults", "settings": QUICK | settings}


def content(base: Path, targets: Any = None, intermediate: Any = None, **more: Any) -> dict[str, Any]:
    """A recipe as plain values."""
    found: dict[str, Any] = {"name": "tiny", "base": str(base)}
    found |= {"targets": targets} if targets else {}
    found |= {"intermediate": [intermediate]} if intermediate else {}
    return found | more


def recipe_of(base: Path, targets: Any = None, intermediate: Any = None, **more: Any) -> Recipe:
    return recipe.validated(content(base, targets, intermediate, **more), "test")


def train(wanted: Recipe, folder: Path, **options: Any) -> Path:
    """Train below `folder` and return the folder of the last stage."""
    lines: list[str] = []
    run.run(wanted, folder / "out", "sample", say=lines.append, **options)
    planned = run.plans(wanted, wanted.seeds[-1], "sample")
    return planned[-1].folder(folder / "stages")


def record(folder: Path) -> dict[str, Any]:
    """``stage.json`` with all that it says."""
    found: dict[str, Any] = json.loads((folder / stage.RECORD).read_text(encoding="utf-8"))
    return found


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor of every safetensors file below a stage, by file and name."""
    return {
        f"{file.relative_to(folder)}:{name}": tensor
        for file in sorted(folder.rglob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor of one checkpoint, in one file or several, under the name that its class gives it.

    The encoder of a stage is stored under the names that it has in a head (``bert.embeddings.…``).
    """
    found = {name: tensor for file in folder.glob("*.safetensors") for name, tensor in load_file(file).items()}
    first, *others = {name.partition(".")[0] for name in found}
    return found if others else {name.removeprefix(f"{first}."): tensor for name, tensor in found.items()}


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    """Whether all tensors are equal, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def furthest(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> float:
    """The largest difference of two weights."""
    assert one.keys() == other.keys()
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


class Process(forked.Process):
    """`xstilts train` in a process of its own; `fault` is called in it before the command line is."""

    def __init__(
        self,
        wanted: Path,
        folder: Path,
        fault: Callable[[], None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.stages = folder / "stages"
        words = [str(wanted), "--data", "sample", "-o", str(folder / "out"), "--stages", str(self.stages)]
        super().__init__(["train", *words], folder / f"{os.urandom(4).hex()}.log", fault, environment)


def write(values: Mapping[str, Any], folder: Path) -> Path:
    """A recipe file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(values))), encoding="utf-8")
    return path


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def learner(wanted: Recipe, folder: Path, number: int = 0) -> Any:
    """Model, rows and collator of a stage before its first step; stages before it must be trained below `folder`."""
    from xstilts_eval.models.checkpoint import is_language_model
    from xstilts_eval.training import fit

    plan = run.plans(wanted, wanted.seeds[0], "sample")[number]
    torch.manual_seed(plan.seed)
    source = plan.parent.source(folder / "stages")
    if is_language_model(source.config):
        return fit.Text(plan, source)
    return fit.Heads(plan, source, folder / "stages")


def without_dropout(base: Path, folder: Path) -> Path:
    """A copy of the base whose configuration has none."""
    shutil.copytree(base, folder)
    config = transformers.AutoConfig.from_pretrained(folder)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config.save_pretrained(folder)
    return folder
