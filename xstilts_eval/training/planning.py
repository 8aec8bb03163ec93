"""`xstilts train --plan`: what a recipe would train and cost, worked out without training anything."""

from __future__ import annotations

import copy
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xstilts_eval import kinds
from xstilts_eval.data.examples import (
    ChoiceDocument,
    Document,
    MatchDocument,
    PairDocument,
    QuestionDocument,
    TaggedDocument,
    TextDocument,
)
from xstilts_eval.errors import SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.kinds import Halves
from xstilts_eval.models.checkpoint import is_language_model
from xstilts_eval.reading import Json
from xstilts_eval.training import stage
from xstilts_eval.training.batches import Part, extra_steps
from xstilts_eval.training.dual_encoder import lengths
from xstilts_eval.training.material import NOT_THERE, Material
from xstilts_eval.training.stage import Plan
from xstilts_eval.training_tasks import TrainingTask

PEAK_TFLOPS = {"V100": 125, "A100": 312, "H100": 989, "H200": 989, "B200": 2250, "L4": 121, "RTX4090": 165}
"""Dense 16-bit peak in 1e12 operations a second, from the makers' data sheets (V100: float16; SXM versions)."""
UTILISATION = 0.3
"""Share of the peak that training an encoder of some hundred million weights reaches; a guess, not measured."""
SAMPLED = 1000
"""Examples per task whose tokens are counted; the rest is taken to be like them."""
CHARACTERS_PER_TOKEN = 4.0
"""Where no tokenizer can be had; a rule of thumb for English sub-words."""
SECONDS_PER_BLOCK = 0.002
"""Least time of an optimiser step per block of the model on a GPU, however few rows it has: kernel launches, the
optimiser, gradients between devices; a guess, not measured."""
_ADAM = 3
"""Weights and the optimiser's two moments, all in float32."""


@dataclass(frozen=True)
class StageCost:
    """One stage: `tokens` without padding, `flops` of all its steps, bytes on disk at most while it runs and after.

    The data of `missing` tasks is not there: their official sizes count, and rows half as long as they may be.
    """

    name: str
    key: str
    seed: int
    is_trained: bool
    examples: int
    steps: int
    tokens: int
    flops: float
    disk_running: int
    disk_kept: int
    seconds: float
    source: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """What the time is estimated for: so many devices of a `rate` in operations a second, and how that is known."""

    devices: int
    rate: float
    source: str
    seconds_per_block: float = 0.0

    def seconds(self, flops: float, steps: int, blocks: int) -> float:
        """Of so many steps of a model with so many blocks: what computing takes, or what steps take at least."""
        return max(flops / (self.devices * self.rate), steps * blocks * self.seconds_per_block)

    @classmethod
    def of(cls, text: str | None) -> Machine:
        """``8xA100``, or this machine, whose matrix products are timed for a moment.

        Raises `UnknownName` for a device that is not in the table, `SettingError` for other text.
        """
        if text is None:
            return cls(1, _measured_rate(), "this machine: matrix products timed, half of their rate assumed")
        found = re.fullmatch(r"(\d+)\s*[x×]\s*(\w+)", text)
        if not found or int(found[1]) < 1:
            raise SettingError(f"--on {text!r}: write a number, x and a device, as 8xA100")
        if found[2] not in PEAK_TFLOPS:
            raise UnknownName.of("device", found[2], PEAK_TFLOPS)
        rate = PEAK_TFLOPS[found[2]] * 1e12 * UTILISATION
        source = f"{UTILISATION:.0%} of the 16-bit peak of {found[2]}, not measured"
        return cls(int(found[1]), rate, source, SECONDS_PER_BLOCK)


def costs(plans: Sequence[Plan], stages: Path, machine: Machine) -> list[StageCost]:
    """The cost of each stage; raises `UnfitCheckpoint` for a base whose configuration cannot be read."""
    return [_cost(plan, stages, machine) for plan in plans]


def _cost(plan: Plan, stages: Path, machine: Machine) -> StageCost:
    config = trained_config(plan)
    blocks, total = parameters(config)
    tokenizer, source = _tokenizer(plan)
    parts = {m.task.name: _part(m, tokenizer) for m in plan.materials}
    steps = sum(part.steps for part, _, _ in parts.values())
    steps = steps if plan.settings.max_steps is None else min(steps, plan.settings.max_steps)
    rows = {name: part.epochs * len(part.lengths) for name, (part, _, _) in parts.items()}
    tokens = sum(rows[name] * mean for name, (_, mean, _) in parts.items())
    whole = sum(part.steps for part, _, _ in parts.values())
    tokens *= steps / whole
    mean = tokens / max(1.0, sum(rows.values()) * steps / whole)
    longest = max(longest for _, _, longest in parts.values())
    if plan.mlm is not None:
        extra = extra_steps(steps, plan.mlm.share)
        tokens += extra * plan.settings.batch_size * plan.mlm.max_length / 2  # lines of text: half full, a guess
        steps += extra
    flops = tokens * per_token(config, blocks, min(mean, longest))
    heads = 1 if is_language_model(config) else 1 + len({m.head for m in plan.materials})
    return StageCost(
        name=plan.name,
        key=plan.key,
        seed=plan.seed,
        is_trained=stage.find(plan, stages) is not None,
        examples=sum(m.counts["trained"] for m in plan.materials),
        steps=steps,
        tokens=int(tokens),
        flops=flops,
        disk_running=(2 * _ADAM + heads) * 4 * total,
        disk_kept=heads * 4 * total,
        seconds=machine.seconds(flops, steps, layers(config)),
        source=source,
        missing=tuple(m.task.name for m in plan.materials if m.revision == NOT_THERE),
    )


def trained_config(plan: Plan) -> Any:
    """The base's configuration with as many blocks as the stage trains."""
    config = copy.deepcopy(plan.parent.base.config)
    if plan.layers is not None:
        config.num_hidden_layers = plan.layers
    return config


def parameters(config: Any) -> tuple[int, int]:
    """Weights of the blocks, and all weights, of a model with this configuration; nothing is loaded."""
    import torch
    import transformers

    try:
        with torch.device("meta"):
            model = transformers.AutoModel.from_config(config)
    except Exception as error:  # configurations are somebody's file
        raise UnfitCheckpoint(f"cannot lay out a model of type {config.model_type}: {error}") from error
    sizes = {name: weight.numel() for name, weight in model.named_parameters()}
    return sum(size for name, size in sizes.items() if "embed" not in name and "shared" not in name), sum(
        sizes.values()
    )


def per_token(config: Any, blocks: int, length: float) -> float:
    """Operations of forward and backward pass per token (Kaplan et al. 2020, arXiv:2001.08361, table 1): 6 per weight
    of the blocks, and 12 x blocks x width x length of the sequence for attention."""
    width: Any = getattr(config, "hidden_size", None) or getattr(config, "d_model", 0)
    return float(6 * blocks + 12 * layers(config) * int(width) * length)


def layers(config: Any) -> int:
    """Number of blocks, the decoder's among them."""
    own: Any = getattr(config, "num_hidden_layers", None) or getattr(config, "num_layers", 0)
    return int(own) + int(getattr(config, "num_decoder_layers", None) or 0)


def _tokenizer(plan: Plan) -> tuple[Any, str]:
    base = plan.parent.base
    try:
        return base.tokenizer(needs_offsets=False), f"tokens of up to {SAMPLED:,} examples counted"
    except UnfitCheckpoint:
        return None, f"no tokenizer at hand: {CHARACTERS_PER_TOKEN:g} characters taken for a token"


def _part(material: Material, tokenizer: Any) -> tuple[Part, float, float]:
    """The task's share of the plan, mean tokens of a row, and the longest a row may be."""
    from xstilts_eval.training.fit import usual_length

    settings = material.settings
    limit = float(settings.max_length or usual_length(material.task))
    if material.revision == NOT_THERE:
        count = material.counts["trained"]
        return Part([1] * count, settings.batch_size, settings.epochs), limit / 2, limit
    step = max(1, len(material.training) // SAMPLED)
    sampled = material.training[::step][:SAMPLED]
    counts = [_tokens(doc, material.task, tokenizer, limit) for doc in sampled]
    rows = sum(rows for rows, _ in counts) / len(counts)
    mean = sum(tokens for _, tokens in counts) / len(counts) / rows
    total = max(1, math.ceil(rows * len(material.training)))
    return Part([1] * total, settings.batch_size, settings.epochs), mean, limit


def _tokens(doc: Document, task: TrainingTask, tokenizer: Any, limit: float) -> tuple[int, float]:
    """Rows of an example, and tokens of all of them with their special ones."""

    def count(text: str) -> float:
        if tokenizer is None:
            return len(text) / CHARACTERS_PER_TOKEN
        return len(tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])

    return _SIZES.of(task.kind)(doc, task, count, limit)


Count = Callable[[str], float]
Size = tuple[int, float]


def _pair(doc: PairDocument, _: TrainingTask, count: Count, limit: float) -> Size:
    return 1, min(limit, 3 + count(doc["premise"]) + count(doc["hypothesis"]))


def _text(doc: TextDocument, _: TrainingTask, count: Count, limit: float) -> Size:
    return 1, min(limit, 2 + count(doc["text"]))


def _tagged(doc: TaggedDocument, _: TrainingTask, count: Count, limit: float) -> Size:
    tokens = count(" ".join(doc["tokens"]))
    pieces = max(1, math.ceil(tokens / (limit - 2)))
    return pieces, tokens + 2 * pieces


def _match(doc: MatchDocument, task: TrainingTask, count: Count, limit: float) -> Size:
    queries, candidates = lengths(task, int(limit))
    return 1, min(queries, 2 + count(doc["query"])) + min(candidates, 2 + count(doc["candidate"]))


def _choice(doc: ChoiceDocument, _: TrainingTask, count: Count, limit: float) -> Size:
    first = count(doc["premise"])
    return 1, sum(min(limit, 3 + first + count(option)) for option in doc["choices"])


def _question(doc: QuestionDocument, _: TrainingTask, count: Count, limit: float) -> Size:
    from xstilts_eval.models import spans

    question, context = min(spans.MAX_QUESTION, count(doc["question"])), count(doc["context"])
    room = max(1, int(limit - question - 3))
    windows = spans.windows(max(1, int(context)), room, spans.STRIDE)
    return len(windows), sum(end - start + question + 3 for start, end in windows)


_SIZES: Halves[Callable[[Any, TrainingTask, Count, float], Size]] = Halves("size in tokens")
"""(document, its task, tokens of a text, longest row) to its rows and the tokens of all of them."""
_SIZES.register(kinds.PAIR, _pair)
_SIZES.register(kinds.TEXT, _text)
_SIZES.register(kinds.TAGGED, _tagged)
_SIZES.register(kinds.RANKING, _match)
_SIZES.register(kinds.CHOICE, _choice)
_SIZES.register(kinds.QUESTION, _question)


def _measured_rate() -> float:
    """Half the rate of float32 matrix products of a block's size on this machine, in operations a second."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    left, right = torch.ones(512, 1024, device=device), torch.ones(1024, 1024, device=device)
    rates = []
    for _ in range(7):
        started = time.perf_counter()
        (left @ right).sum().item()
        rates.append(2 * 512 * 1024 * 1024 / (time.perf_counter() - started))
    return sorted(rates)[len(rates) // 2] / 2


def as_json(found: Sequence[StageCost], machine: Machine) -> dict[str, Json]:
    """Everything of a plan as plain values."""
    return {"machine": asdict(machine), "stages": [asdict(cost) for cost in found]}


def table(found: Sequence[StageCost], machine: Machine) -> Any:
    """The plan as a table for the terminal; stages that are trained already cost nothing."""
    from rich.table import Table

    shown = Table(title=f"{machine.devices} device(s), {machine.rate / 1e12:.3g} TFLOP/s each ({machine.source})")
    for name in ("stage", "seed", "key", "examples", "steps", "tokens", "FLOPs", "disk", "kept", "time"):
        shown.add_column(name, justify="left" if name in ("stage", "key") else "right")
    todo = [cost for cost in found if not cost.is_trained]
    for cost in found:
        shown.add_row(
            cost.name,
            str(cost.seed),
            "" if cost.missing else cost.key,
            f"{cost.examples:,}",
            f"{cost.steps:,}",
            f"{cost.tokens:,}",
            f"{cost.flops:.2e}",
            _bytes(cost.disk_running),
            _bytes(cost.disk_kept),
            "trained" if cost.is_trained else _time(cost.seconds),
        )
    shown.add_section()
    shown.add_row(
        "all that is left",
        "",
        "",
        f"{sum(cost.examples for cost in todo):,}",
        f"{sum(cost.steps for cost in todo):,}",
        f"{sum(cost.tokens for cost in todo):,}",
        f"{sum(cost.flops for cost in todo):.2e}",
        _bytes(max((cost.disk_running for cost in todo), default=0)),
        _bytes(sum(cost.disk_kept for cost in todo)),
        _time(sum(cost.seconds for cost in todo)),
    )
    missing = sorted({name for cost in found for name in cost.missing})
    if found:
        shown.caption = f"{found[0].source}; time without evaluations" + (
            f"; no data of {', '.join(missing)}: official sizes, rows half full" if missing else ""
        )
    return shown


def _bytes(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
