"""Batches by token budget: sorted by length, as many as memory allows, order restored by index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch

T = TypeVar("T")

CPU_BATCH_TOKENS = 2048
"""Small batches stay in cache: against fixed padding to 128, packed MiniLM was 3.2x, 3.0x, 2.8x and 2.7x as fast with
1,024, 2,048, 4,096 and 8,192 tokens (own measurement, one core of an EPYC with 32 MiB of L3, English PAWS-X)."""
GPU_BATCH_TOKENS = 32_768
"""Ceiling on CUDA, not measured: matrix products of this height fill any device, whatever the width of the model."""
FREE_SHARE = 0.5
"""Share of the free memory a batch may plan with; the rest is for kernels' workspaces and fragments."""


def default_batch_tokens(device: torch.device) -> int:
    """Padded tokens a batch may hold on this device."""
    return GPU_BATCH_TOKENS if device.type == "cuda" else CPU_BATCH_TOKENS


def tokens_that_fit(model: Any, device: torch.device, longest: int) -> int:
    """Padded tokens whose forward pass fits in the free memory of a CUDA device, rows being up to `longest` tokens.

    At most `GPU_BATCH_TOKENS`, and that for a model of unknown shape, whose batches are halved if they do not fit.
    """
    try:
        per_token = bytes_per_token(model, longest)
    except (AttributeError, TypeError):
        return GPU_BATCH_TOKENS
    free, _ = torch.cuda.mem_get_info(device)
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return min(GPU_BATCH_TOKENS, max(1, int(FREE_SHARE * free / per_token)))


def bytes_per_token(model: Any, longest: int) -> int:
    """Upper estimate of the memory that a forward pass without gradients takes per token of its batch.

    Eight tensors of the model's width and two of the feed-forward's in the block at work; four attention matrices for
    models without a fused kernel; every block's output, should all be asked for; the scores of a language model's head
    in its own precision and in float32.
    """
    config = model.config
    width = int(config.hidden_size)
    inner = int(getattr(config, "intermediate_size", None) or 4 * width)
    heads, blocks = int(config.num_attention_heads), int(config.num_hidden_layers)
    size = int(next(model.parameters()).element_size())
    vocabulary = 0 if model.get_output_embeddings() is None else int(config.vocab_size)
    return size * (8 * width + 2 * inner + 4 * heads * longest + blocks * width) + (size + 4) * vocabulary


def unless_out_of_memory(run: Callable[[list[int]], T], batch: list[int]) -> T | None:
    """`run(batch)`, or None when the device's or the machine's memory did not suffice."""
    try:
        return run(batch)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside the handler, where the failed pass's tensors are not held by its traceback any more.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means too little memory; torch says so for the CPU, and for cuBLAS, in the message alone."""
    says = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED")
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(part in str(error) for part in says)


def longest_first(lengths: Sequence[int]) -> list[int]:
    """Row numbers by falling length, so that neighbours pad little and a batch that does not fit fails at the start."""
    return sorted(range(len(lengths)), key=lambda row: -lengths[row])


def rows_that_fit(longest: int, batch_tokens: int, max_rows: int | None = None) -> int:
    """Rows of at most `longest` tokens in one batch, at least one."""
    rows = max(1, batch_tokens // max(1, longest))
    return min(rows, max_rows) if max_rows else rows


def batches(lengths: Sequence[int], batch_tokens: int, max_rows: int | None = None) -> Iterator[list[int]]:
    """Indices of rows that go together, longest first.

    Every batch holds at least one row, and at most `batch_tokens` tokens after padding to its longest row. Each index
    appears exactly once.
    """
    order = longest_first(lengths)
    start = 0
    while start < len(order):
        batch = order[start : start + rows_that_fit(lengths[order[start]], batch_tokens, max_rows)]
        yield batch
        start += len(batch)


def pad(
    rows: Sequence[dict[str, list[int]]], pad_values: dict[str, int], device: torch.device
) -> dict[str, torch.Tensor]:
    """Stack rows of ids into tensors of shape [rows, longest], padded on the right with `pad_values` by field."""
    longest = max(len(row["input_ids"]) for row in rows)
    return {
        name: torch.tensor(
            [row[name] + [pad_values.get(name, 0)] * (longest - len(row[name])) for row in rows],
            device=device,
        )
        for name in rows[0]
    }
