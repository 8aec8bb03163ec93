"""What a job's time is spent on: token positions that a model computes, and shares of operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

OPERATIONS = {
    "matrix products": ("mm", "addmm", "bmm", "_linear_pointwise"),
    "copies and casts": ("copy_",),
    "optimiser": ("_fused_adamw_", "linalg_vector_norm", "mul_"),
    "dropout and scaling": ("ge", "mul", "randint"),
    "attention and gelu": (
        "_softmax", "_softmax_backward_data", "gelu", "gelu_backward", "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_flash_attention_for_cpu_backward",
    ),
}  # fmt: skip
"""What models do, by torch's names of operations."""
FIRST_PROJECTION = ("encoder.layer.0.attention.self.query", "model.layers.0.self_attn.q_proj")
"""A layer that sees every token once: of BERT's and RoBERTa's kind, of Llama's."""


def shares(work: Callable[[], object]) -> dict[str, float]:
    """What share (0-1) of the processor's time goes into the operations of `OPERATIONS`, largest first."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as found:
        work()
    spent = {event.key.rpartition("::")[2]: event.self_cpu_time_total for event in found.key_averages()}
    whole = sum(spent.values())
    found_ = {name: sum(spent.get(one, 0.0) for one in own) / whole for name, own in OPERATIONS.items()}
    return dict(sorted(found_.items(), key=lambda item: -item[1]))


def positions(work: Callable[[], object], models: Sequence[Any]) -> int:
    """How many token positions, padding included, the first blocks of `models` are given while `work` runs."""
    counted = 0

    def count(module: Any, given: Any) -> None:
        nonlocal counted
        counted += given[0].numel() // module.in_features

    layers = {
        id(module): module
        for model in models
        for name, module in model.named_modules()
        if name.endswith(FIRST_PROJECTION)
    }
    hooks = [layer.register_forward_pre_hook(count) for layer in layers.values()]
    try:
        work()
    finally:
        for hook in hooks:
            hook.remove()
    return counted
