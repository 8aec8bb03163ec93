"""Matrix products of linear layers on the CPU: in float32 by the library that is faster on this machine.

torch multiplies through MKL, which does not use all that some processors can do: on one AVX-512 machine oneDNN, which
torch carries too, made 469 GFLOPS where MKL made 213 (two cores, 2048 x 2048 x 2048); on another both made 98 a core.
So a short probe decides, once on a machine, and what it found stands in results and in stage records. It is kept in the
cache folder: were it asked anew by every process, a slow moment could make a resumed run end in other last digits. Both
libraries round alike to within 1e-6 of a product's scale.

bfloat16 and float16 go through oneDNN anyway where that has products for them: bfloat16 from AVX-512 on. Elsewhere
torch takes a loop of its own: on a processor with AVX2 four training steps of multilingual-e5-small took 128 s in
bfloat16, in float32 9. There the rounded numbers are multiplied in float32, which holds every product of two of them
exactly, and the sum is rounded, as the instructions do: 10 s.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from torch.nn.functional import linear

from xstilts_eval.errors import SettingError, XstiltsError
from xstilts_eval.paths import cache_folder
from xstilts_eval.writing import write_atomically

Library = Literal["default", "onednn"]
LIBRARIES: tuple[str, ...] = get_args(Library)
WORTH_IT = 1.3
"""How many times as fast oneDNN has to be: below that the probe's noise would decide."""
CHOICE = "XSTILTS_PRODUCTS"
"""Environment variable: ``default`` or ``onednn`` instead of the probe."""
_HALVES = {torch.bfloat16: "_is_mkldnn_bf16_supported", torch.float16: "_is_mkldnn_fp16_supported"}
"""Half precisions, and what says whether oneDNN multiplies them on this processor."""
_SHAPE = (512, 384, 1536)
"""Tokens, width and feed-forward width of a small batch."""
_ROUNDS = 7


@cache
def fastest() -> Library:
    """The library for products of this machine: as ``XSTILTS_PRODUCTS`` says, else as found here before, else probed.

    Raises `SettingError` for a value that names no library.
    """
    chosen = os.environ.get(CHOICE)
    if chosen and chosen not in LIBRARIES:
        raise SettingError(f"{CHOICE}={chosen!r}; it takes {' or '.join(LIBRARIES)}")
    if chosen:
        return cast(Library, chosen)
    if not has_onednn():
        return "default"
    file = cache_folder() / "products" / f"{_machine()}.txt"
    try:
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if found not in LIBRARIES:
        found = probe()
        with contextlib.suppress(OSError, XstiltsError):  # a home that cannot be written to: asked again next time
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, found + "\n")
    return cast(Library, found)


def has_onednn() -> bool:
    """Whether this build of torch carries oneDNN."""
    backend: Any = torch.backends.mkldnn
    return bool(backend.is_available())


def _machine() -> str:
    """A name for this processor with this torch: first 12 hex digits of a sha256."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next((line for line in lines if line.startswith("model name")), "")
    except OSError:
        processor = platform.processor()
    told = f"{processor}|{platform.machine()}|{torch.backends.cpu.get_cpu_capability()}|{torch.__version__}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def probe() -> Library:
    """The faster library by the processor time of one thread, the best of a few products each, in turn.

    Not by the clock: two threads that wait for each other on a busy machine made oneDNN look faster in 7 of 10 tries
    where both take the same. Takes about 0.2 s, once on a machine.
    """
    tokens, width, inner = _SHAPE
    random = torch.Generator().manual_seed(1)
    states = torch.randn(tokens, width, generator=random)
    weight, bias = torch.randn(inner, width, generator=random), torch.randn(inner, generator=random)
    best = dict.fromkeys(LIBRARIES, float("inf"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            for _ in range(_ROUNDS):  # in turn, so that a slow moment of the machine falls on both
                for library, product in (("default", linear), ("onednn", _onednn)):
                    start = time.thread_time()
                    product(states, weight, bias)
                    best[library] = min(best[library], time.thread_time() - start)
    finally:
        torch.set_num_threads(threads)
    return "onednn" if best["default"] > WORTH_IT * best["onednn"] else "default"


@cache
def widens(dtype: torch.dtype) -> bool:
    """Whether this is a half precision that is multiplied in float32: torch has no fast product for it here."""
    supported = _HALVES.get(dtype)
    return supported is not None and not (has_onednn() and getattr(torch.ops.mkldnn, supported)())


def use_fastest(model: Any) -> None:
    """Let the plain linear layers of `model` be `FastLinear` where that makes a difference on this machine."""
    if fastest() == "default" and not any(map(widens, _HALVES)):
        return
    for module in model.modules():
        if type(module) is torch.nn.Linear:
            module.__class__ = FastLinear


class FastLinear(torch.nn.Linear):
    """`torch.nn.Linear`, whose products on the CPU are those of `fastest` and `widens`, forward and backward."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if input.device.type != "cpu" or not input.numel():
            return super().forward(input)
        is_cast = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if is_cast else input.dtype
        product: Any
        if widens(dtype) and (is_cast or self.weight.dtype == dtype):
            product = _Widened.apply
        elif dtype == input.dtype == self.weight.dtype == torch.float32 and fastest() == "onednn":
            product = _Product.apply
        else:
            return super().forward(input)
        return cast(torch.Tensor, product(input.to(dtype), self.weight, self.bias))


def attention(
    attend: Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor],
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """`attend` of `query`, `key`, `value` [rows, heads, length, width] and `bias` [rows, 1, 1, length] or None.

    In float32 where this machine `widens` their precision; the result [rows, heads, length, width] is in theirs.
    """
    if query.device.type != "cpu" or not widens(query.dtype):
        return attend(query, key, value, bias)
    with torch.autocast("cpu", enabled=False):
        wide = attend(query.float(), key.float(), value.float(), None if bias is None else bias.float())
        return wide.to(query.dtype)


def _onednn(states: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """`states` [tokens, width] times the transpose of `weight` [outputs, width], plus `bias`."""
    return cast(torch.Tensor, torch.ops.mkldnn._linear_pointwise(states, weight, bias, "none", [], ""))


def _wide(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The float32 of what `dtype` keeps of `values`."""
    return values.to(dtype).float()


class _Widened(torch.autograd.Function):
    """A product in half precision, computed in float32; the states [..., width] have that precision, and the result."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(states, weight)
        ctx.bias_dtype = None if bias is None else bias.dtype
        with torch.autocast("cpu", enabled=False):
            wide = None if bias is None else _wide(bias, states.dtype)
            return linear(states.float(), _wide(weight, states.dtype), wide).to(states.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        states, weight = ctx.saved_tensors
        of_states, of_weight, of_bias = ctx.needs_input_grad
        with torch.autocast("cpu", enabled=False):
            flat = gradients[0].reshape(-1, len(weight)).float()
            inputs = states.reshape(-1, states.shape[-1])
            return (
                (flat @ _wide(weight, states.dtype)).to(states.dtype).view_as(states) if of_states else None,
                _wide(flat.t() @ inputs.float(), states.dtype).to(weight.dtype) if of_weight else None,
                _wide(flat.sum(0), states.dtype).to(ctx.bias_dtype) if ctx.bias_dtype and of_bias else None,
            )


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(states, weight)
        ctx.has_bias = bias is not None
        flat = states.reshape(-1, states.shape[-1])
        return _onednn(flat, weight, bias).view(*states.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        states, weight = ctx.saved_tensors
        of_states, of_weight, of_bias = ctx.needs_input_grad
        flat = gradients[0].reshape(-1, len(weight))
        inputs = states.reshape(-1, states.shape[-1])
        return (
            _onednn(flat, weight.t().contiguous(), None).view_as(states) if of_states else None,
            _onednn(flat.t().contiguous(), inputs.t().contiguous(), None) if of_weight else None,
            flat.sum(0) if ctx.has_bias and of_bias else None,
        )
