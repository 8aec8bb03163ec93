"""Batches by token budget, and how much memory they are expected to take."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from xstilts_eval.models import batching

LENGTHS = st.lists(st.integers(1, 60), max_size=50)


@given(LENGTHS, st.integers(1, 200), st.none() | st.integers(1, 7))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int, max_rows: int | None) -> None:
    found = list(batching.batches(lengths, budget, max_rows))
    assert sorted(row for batch in found for row in batch) == list(range(len(lengths)))
    for batch in found:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert max_rows is None or len(batch) <= max_rows
    for batch, following in itertools.pairwise(found):
        longest = max(lengths[row] for row in batch)
        assert min(lengths[row] for row in batch) >= max(lengths[row] for row in following), "longest first"
        assert (len(batch) + 1) * longest > budget or len(batch) == max_rows, "as many rows as allowed"


def test_the_cpu_allocators_own_error_is_recognised() -> None:
    """A zebibyte cannot be had anywhere; the message is torch's own, whatever its version."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.int8)
    assert batching.is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), False),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
    ],
)
def test_other_errors(error: Exception, expected: bool) -> None:
    assert batching.is_out_of_memory(error) is expected


def peak_bytes(model: Any, inputs: dict[str, torch.Tensor], **options: Any) -> int:
    """Highest sum of the CPU allocations alive at once during a forward pass, as torch's profiler sees them."""
    with (
        torch.inference_mode(),
        torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler,
    ):
        model(**inputs, **options)
    level, highest = 0, 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == "[memory]":
            level += event.nbytes()
            highest = max(highest, level)
    return highest


@pytest.mark.parametrize("options", [{}, {"output_hidden_states": True}])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_the_estimate_is_above_what_a_pass_takes(attention: str, options: dict[str, Any], minilm: Path) -> None:
    model = transformers.AutoModel.from_pretrained(minilm, attn_implementation=attention).eval()
    ids = torch.randint(1000, 2000, (4, 128))
    peak = peak_bytes(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, **options)
    assert peak > 128 * 4 * 4 * 384, "the profiler saw at least the hidden states"
    assert peak <= batching.bytes_per_token(model, 128) * ids.numel() <= 5 * peak


def test_a_language_models_scores_are_counted() -> None:
    shape = {"vocab_size": 5000, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.LlamaConfig(**shape, intermediate_size=64)
    model = transformers.LlamaForCausalLM(config).eval()
    ids = torch.randint(0, 5000, (2, 64))
    peak = peak_bytes(model, {"input_ids": ids}, use_cache=False)
    assert peak <= batching.bytes_per_token(model, 64) * ids.numel()


def test_tokens_follow_the_free_memory(minilm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = transformers.AutoModel.from_pretrained(minilm).eval()
    device, gib = torch.device("cuda", 0), 1 << 30
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: gib)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: gib)

    def fitting(free: int, longest: int = 128) -> int:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 80 * gib))
        return batching.tokens_that_fit(model, device, longest)

    small = fitting(gib // 4)
    assert small * batching.bytes_per_token(model, 128) <= gib // 8 < (small + 1) * batching.bytes_per_token(model, 128)
    assert fitting(gib // 4, 512) < small < fitting(gib // 2) <= batching.GPU_BATCH_TOKENS
    assert fitting(0) == 1
    assert fitting(80 * gib) == batching.GPU_BATCH_TOKENS
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: gib // 2)
    assert fitting(gib // 4) > small, "memory that torch holds but does not use is free"


def test_a_model_of_unknown_shape_gets_the_ceiling() -> None:
    assert batching.tokens_that_fit(torch.nn.Linear(2, 2), torch.device("cuda"), 8) == batching.GPU_BATCH_TOKENS
