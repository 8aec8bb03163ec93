"""Dual encoders for LAReQA and Mewsli-X: one encoder for both sides, trained with in-batch negatives.

As google-research/xtreme @ 838c13b, `third_party/bert.py`: a text's vector is the model's pooler output (dense layer
and tanh on the first token) at unit length, a step's loss the softmax of every query over the candidates of the step.
There the candidates are those of one forward pass (4 pairs for LAReQA, 8 for Mewsli-X with XLM-R Large, accumulated);
here they are those of the whole optimiser step, over all processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy, normalize

from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.models.source import Source
from xstilts_eval.training.settings import StageSettings
from xstilts_eval.training_tasks import TrainingTask

SCALE = 100.0
"""What cosines are multiplied with at the beginning (`third_party/bert.py`)."""
SCALE_FILE = "scale.safetensors"
"""Holds the learned scale beside the weights of a trained dual encoder; scoring does not need it."""
CANDIDATE = "candidate_"
"""In front of the names of a candidate's inputs in a row; a query's have none."""


class DualEncoder(torch.nn.Module):
    """The encoder that all heads share, and the learnable scale.

    Raises `UnfitCheckpoint` for an encoder without a pooler.
    """

    def __init__(self, encoder: Any, name: str, scale: float = SCALE) -> None:
        super().__init__()
        if getattr(encoder, "pooler", None) is None:
            raise UnfitCheckpoint(
                f"{name}: a {type(encoder).__name__} has no pooler, whose output is the vector of a dual encoder; "
                "give a base such as XLM-R, mBERT or a BERT"
            )
        self.encoder = encoder
        self.config = encoder.config
        self.scale = torch.nn.Parameter(torch.tensor([scale]))

    def vectors(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Unit vectors [rows, width] in float32."""
        return normalize(self.encoder(**inputs).pooler_output.float(), dim=-1)

    def forward(self, keep: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
        """`loss_sum` of the pairs of this process; collective over processes, which must have equally many rows.

        Inputs are those of the queries, and those of their candidates with `CANDIDATE` in front.
        """
        sides: tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]] = ({}, {})
        for name, value in inputs.items():
            sides[name.startswith(CANDIDATE)][name.removeprefix(CANDIDATE)] = value
        queries, candidates = map(self.vectors, sides)
        first = _rank() * len(queries)
        with torch.autocast(queries.device.type, enabled=False):  # a scaled cosine needs more digits than bfloat16 has
            return loss_sum(queries, _from_all(candidates), self.scale, keep, _from_all(keep), first)

    def save(self, write_tokenizer: Callable[[Path], None], folder: Path) -> None:
        """A checkpoint of the encoder that any loader opens, with the scale beside it."""
        from safetensors.torch import save_file

        self.encoder.save_pretrained(folder)
        write_tokenizer(folder)
        save_file({"scale": self.scale.detach().cpu().clone()}, str(folder / SCALE_FILE))


def loss_sum(
    queries: torch.Tensor,
    candidates: torch.Tensor,
    scale: torch.Tensor,
    keep: torch.Tensor,
    is_real: torch.Tensor,
    first: int = 0,
) -> torch.Tensor:
    """Cross entropy of queries [rows, width] over all candidates [pairs, width], in one direction, summed.

    The candidate of query *i* is `first` + *i*. Both are unit vectors; logits are their cosines times `scale`. `keep`
    [rows] is 0 for rows that only fill up, `is_real` [pairs] for their candidates, which are nobody's negatives.
    """
    logits = (queries @ candidates.T * scale).masked_fill(is_real == 0, -torch.inf)
    own = torch.arange(first, first + len(queries), device=queries.device)
    gold = torch.where(keep > 0, own, 0)  # row 0 is always real: a filler's own column would be infinite
    return (cross_entropy(logits, gold, reduction="none") * keep).sum()


def _rank() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_rank() if distributed else 0


class _Gather(torch.autograd.Function):
    """Rows of all processes, in the order of their ranks; the gradients of all come back to each."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor) -> torch.Tensor:
        ctx.rows = len(tensor)
        found = [torch.empty_like(tensor) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(found, tensor.contiguous())
        return torch.cat(found)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        first = torch.distributed.get_rank() * ctx.rows
        return total[first : first + ctx.rows]


def _from_all(tensor: torch.Tensor) -> torch.Tensor:
    """The rows of all processes; each must have equally many."""
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    if not distributed or torch.distributed.get_world_size() == 1:
        return tensor
    gathered: torch.Tensor = _Gather.apply(tensor)  # type: ignore[no-untyped-call]
    return gathered


def scale_of(parent: Source | None) -> float:
    """The scale that a trained dual encoder ended with; `SCALE` without one."""
    file = parent.file(SCALE_FILE) if parent is not None else None
    if file is None:
        return SCALE
    from safetensors.torch import load_file

    return float(load_file(str(file))["scale"])


def lengths(task: TrainingTask, most: int) -> tuple[int, int]:
    """Sub-words of a query and of a candidate: those that scoring reads, and at most so many."""
    queries, candidates = task.lengths or (most, most)
    return min(queries, most), min(candidates, most)


def check(task: str, settings: StageSettings) -> None:
    """Raise `SettingError` for settings that would leave a query without the negatives of its whole step."""
    if settings.batch_size < 2:
        raise SettingError(f"{task}: batch_size 1 leaves no negatives; the other pairs of a step are them")
    if settings.micro_batch is not None and settings.micro_batch < settings.batch_size:
        raise SettingError(
            f"{task}: micro_batch {settings.micro_batch} is not possible, because all {settings.batch_size} pairs of a "
            "step are each other's negatives; leave it out and give a smaller batch_size, a shorter max_length or "
            "gradient_checkpointing"
        )
