"""What a GPU does with an XLM-R-Large-shaped encoder, in at most eight minutes.

python -m benchmarks.gpu                  on a machine with a GPU; kept, and a table of docs/benchmarks.md
python -m benchmarks.gpu --rehearse       everything on a CPU, with a small model; printed, not kept

Random weights: speed does not depend on them. Tokens a second are those of whole batches that `xstilts eval` makes, in
bfloat16, and their share of the arithmetic that matrix products alone reach there, measured first. Parity is that of
the GPU's classes with the CPU's, in float32.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks import measure, report
from xstilts_eval.metrics import mining
from xstilts_eval.models.batching import default_batch_tokens
from xstilts_eval.models.encoder import Loaded, Runtime, forward_rows

NAME = "gpu"
SEED = 1


@dataclass(frozen=True)
class Size:
    """`layers` and `width` of the encoder, `tokens` of every kind, `matrix` of the products, sides of what is mined."""

    layers: int
    width: int
    vocabulary: int
    tokens: int
    matrix: int
    mined: int
    steps: int
    parity: int


FULL = Size(24, 1024, 250_002, 2_000_000, 8192, 400_000, 10, 64)
REHEARSAL = Size(2, 64, 1000, 20_000, 256, 2_000, 2, 8)
KINDS = {"sentences": (8, 64), "sentence pairs": (16, 128), "question windows": (200, 384)}
"""Kinds to the shortest and the longest of their inputs, in tokens, equally frequent; as in XTREME's own scripts."""


class _Tokenizer:
    """What `Loaded` asks of one: the rows are made of numbers here."""

    pad_token_id = 1
    model_input_names = ("input_ids", "attention_mask")


def measure_all(size: Size, device: torch.device, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Everything, as one result for the page."""
    started = time.monotonic()
    peak = matrix_rate(size.matrix, device)
    say(f"matrix products, bfloat16: {peak / 1e12:.4g} TFLOP/s")
    model = encoder(size)
    flops = per_token(model)
    found = parity(model, size, device)
    say(f"parity in float32: {found}")
    model = model.to(device, torch.bfloat16).eval()
    kinds = []
    for name, lengths in KINDS.items():
        rows = made_rows(size.tokens, lengths, size.vocabulary)
        tokens = sum(len(row["input_ids"]) for row in rows)
        seconds = forward_seconds(model, rows, device)
        share = tokens * (flops + attention(model, rows)) / seconds / peak
        kinds.append({"name": name, "rows": len(rows), "tokens": tokens, "tokens_per_second": tokens / seconds,
                      "share_of_products": share})  # fmt: skip
        say(f"{name}: {tokens / seconds:,.0f} tokens/s, {share:.0%} of the products' rate")
    trained = training_rate(model, size, device)
    trained["share_of_products"] = 3 * flops * trained["tokens_per_second"] / peak
    say(f"a training step: {trained['tokens_per_second']:,.0f} tokens/s")
    mined = mining_seconds(size.mined)
    say(f"mining {size.mined:,} x {size.mined:,}: {mined:.1f} s")
    return {
        "name": NAME, "kind": NAME, "title": "A GPU", "size": asdict(size), "device": device_name(device),
        "peak_tflops": peak / 1e12, "forward": kinds, "training": trained, "parity": found,
        "mining": {"n": size.mined, "seconds": mined}, "seconds": time.monotonic() - started,
        "machine": measure.machine(torch.get_num_threads()),
    }  # fmt: skip


def encoder(size: Size) -> Any:
    """XLM-R's architecture in the given size, with a classification head; random weights, float32."""
    torch.manual_seed(SEED)
    config = transformers.XLMRobertaConfig(
        vocab_size=size.vocabulary, hidden_size=size.width, num_hidden_layers=size.layers,
        num_attention_heads=max(1, size.width // 64), intermediate_size=4 * size.width, max_position_embeddings=514,
        type_vocab_size=1, num_labels=3,
    )  # fmt: skip
    return transformers.XLMRobertaForSequenceClassification(config).eval()


def per_token(model: Any) -> float:
    """Operations of a forward pass per token: two per weight of the blocks (Kaplan et al. 2020, section 2.1)."""
    weights: int = sum(weight.numel() for weight in model.roberta.encoder.parameters())
    return 2.0 * weights


def attention(model: Any, rows: Sequence[dict[str, list[int]]]) -> float:
    """Operations of attention per token: 4 x layers x width x length, over the rows' own lengths."""
    lengths = np.array([len(row["input_ids"]) for row in rows], dtype=float)
    mean = float((lengths**2).sum() / lengths.sum())
    return 4.0 * float(model.config.num_hidden_layers) * float(model.config.hidden_size) * mean


def matrix_rate(n: int, device: torch.device) -> float:
    """Operations a second of products of n x n matrices in bfloat16, the best of five."""
    left, right = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))

    def product() -> float:
        return timed(lambda: left @ right, device)

    product()
    return 2.0 * n**3 / min(product() for _ in range(5))


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds until the device has done it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begin = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin


def made_rows(tokens: int, lengths: tuple[int, int], vocabulary: int) -> list[dict[str, list[int]]]:
    """Rows of random ids, of about so many tokens together."""
    draw = random.Random(SEED)
    rows, left = [], tokens
    while left > 0:
        ids = [draw.randrange(4, vocabulary) for _ in range(draw.randint(*lengths))]
        rows.append({"input_ids": ids, "attention_mask": [1] * len(ids)})
        left -= len(ids)
    return rows


def run_rows(model: Any, rows: Sequence[dict[str, list[int]]], device: torch.device) -> list[Any]:
    """Logits of every row, by the batches that `xstilts eval` makes."""
    runtime = Runtime(device, model.dtype, default_batch_tokens(device), show_progress=False, automatic=True)
    loaded = Loaded(model, _Tokenizer(), runtime, 512, label="gpu")
    return forward_rows(loaded, rows, lambda output, _: output.logits)


def forward_seconds(model: Any, rows: Sequence[dict[str, list[int]]], device: torch.device) -> float:
    """Of all rows; a tenth of them goes first, so that kernels are chosen and memory is there."""
    run_rows(model, rows[: max(1, len(rows) // 10)], device)
    return timed(lambda: run_rows(model, rows, device), device)


def training_rate(model: Any, size: Size, device: torch.device) -> dict[str, Any]:
    """Tokens a second of whole steps (32 rows of 128 tokens, bfloat16 weights, AdamW), and the peak memory in GiB."""
    model = model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=device.type == "cuda")
    ids = torch.randint(4, size.vocabulary, (32, 128), device=device)
    labels = torch.randint(0, 3, (32,), device=device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)

    def step() -> None:
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def steps() -> None:
        for _ in range(size.steps):
            step()

    step()
    seconds = timed(steps, device)
    memory = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
    return {"tokens_per_second": size.steps * ids.numel() / seconds, "peak_gib": memory, "rows": 32, "length": 128}


def parity(model: Any, size: Size, device: torch.device) -> dict[str, Any]:
    """Largest difference of logits between the device and the CPU in float32, and classes that differ."""
    rows = made_rows(size.parity * 64, (8, 120), size.vocabulary)
    here = np.stack(run_rows(model, rows, torch.device("cpu")))
    there = np.stack(run_rows(model.to(device), rows, device))
    model.to("cpu")
    return {
        "rows": len(rows),
        "largest_difference": float(np.abs(here - there).max()),
        "classes_that_differ": int((here.argmax(-1) != there.argmax(-1)).sum()),
    }


def mining_seconds(n: int) -> float:
    """Of BUCC's mining on the processor, whatever the device: n x n vectors of width 64."""
    draw = np.random.default_rng(SEED)
    source = draw.standard_normal((n, 64)).astype(np.float32)
    target = source + 0.3 * draw.standard_normal((n, 64)).astype(np.float32)
    begin = time.perf_counter()
    mining.mine(source, target)
    return time.perf_counter() - begin


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when everything ran and no class differs between the device and the CPU."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rehearse", action="store_true", help="a small model on the CPU; printed, not kept")
    parser.add_argument("--mining", type=int, help="sentences a side instead of 400,000")
    parser.add_argument("--json", type=Path, help="also write the result into this file")
    options = parser.parse_args(arguments)
    if not options.rehearse and not torch.cuda.is_available():
        print("no CUDA device here; --rehearse runs everything on the CPU with a small model", file=sys.stderr)
        return 2
    size = REHEARSAL if options.rehearse else FULL
    if options.mining:
        size = Size(**{**asdict(size), "mined": options.mining})
    transformers.logging.set_verbosity_error()
    result = measure_all(size, torch.device("cpu" if options.rehearse else "cuda:0"))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(report.gpu_table([result]))
    if not options.rehearse:
        report.keep(result)
        from benchmarks.__main__ import KEPT

        report.write(report.kept(KEPT))
    return int(result["parity"]["classes_that_differ"] > 0)


if __name__ == "__main__":
    sys.exit(main())
