"""Linear layers through oneDNN against torch's own."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from xstilts_eval.errors import SettingError
from xstilts_eval.models import products


@pytest.fixture
def through_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    if not products.has_onednn():
        pytest.skip("this build of torch has no oneDNN")
    monkeypatch.setattr(products, "fastest", lambda: "onednn")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 16), (2, 7, 16), (1, 1, 16)])
def test_values_and_gradients_are_those_of_torch(through_onednn: None, bias: bool, shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    own = torch.nn.Linear(16, 9, bias=bias)
    other = torch.nn.Sequential(torch.nn.Linear(16, 9, bias=bias))
    other[0].load_state_dict(own.state_dict())
    products.use_fastest(other)
    assert type(other[0]) is products.FastLinear and isinstance(other[0], torch.nn.Linear)
    value = torch.randn(shape)
    one, two = value.clone().requires_grad_(), value.transpose(0, -2).contiguous().transpose(0, -2).requires_grad_()
    weights = torch.randn(*shape[:-1], 9)
    (own(one) * weights).sum().backward()
    (other(two) * weights).sum().backward()
    assert one.grad is not None and two.grad is not None
    assert torch.allclose(own(one), other(two), atol=2e-6)
    assert torch.allclose(one.grad, two.grad, atol=5e-6)
    for a, b in zip(own.parameters(), other.parameters(), strict=True):
        assert a.grad is not None and b.grad is not None
        assert torch.allclose(a.grad, b.grad, atol=1e-5)


def test_frozen_weights_get_no_gradient(through_onednn: None) -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(4, 3)).requires_grad_(False)
    products.use_fastest(layer)
    value = torch.randn(2, 4, requires_grad=True)
    layer(value).sum().backward()
    assert value.grad is not None and layer[0].weight.grad is None


def test_what_is_not_plain_float32_is_torchs(through_onednn: None) -> None:
    layer: Any = torch.nn.Sequential(torch.nn.Linear(4, 3))
    products.use_fastest(layer)
    assert layer(torch.empty(0, 4)).shape == (0, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(2, 4)).dtype == torch.bfloat16
    assert layer.double()(torch.randn(2, 4).double()).dtype == torch.float64


@pytest.fixture
def widening(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor without products of half precision."""
    monkeypatch.setattr(products, "widens", lambda dtype: dtype in (torch.bfloat16, torch.float16))


HALVES = [(torch.bfloat16, 2**-8), (torch.float16, 2**-11)]
"""With the largest relative error of one rounding."""


@pytest.mark.parametrize("autocast", [True, False])
@pytest.mark.parametrize(("half", "rounding"), HALVES)
def test_widened_products_are_torchs(widening: None, half: torch.dtype, rounding: float, autocast: bool) -> None:
    """Values and gradients are torch's own to two roundings, and values a float64 product's to one."""
    torch.manual_seed(1)
    dtype = torch.float32 if autocast else half
    own = torch.nn.Linear(64, 9).to(dtype)
    other = torch.nn.Sequential(torch.nn.Linear(64, 9).to(dtype))
    other[0].load_state_dict(own.state_dict())
    products.use_fastest(other)
    assert type(other[0]) is products.FastLinear
    value, weights = torch.randn(3, 7, 64).to(dtype), torch.randn(3, 7, 9)
    found = []
    for layer in (own, other):
        asked = value.clone().requires_grad_()
        with torch.autocast("cpu", half, enabled=autocast):
            result = layer(asked)
        (result.float() * weights).sum().backward()
        assert result.dtype == half and asked.grad is not None
        found.append([result, asked.grad, *(one.grad for one in layer.parameters())])
    for theirs, ours in zip(*found, strict=True):
        assert theirs.dtype == ours.dtype
        assert torch.allclose(
            theirs.float(), ours.float(), rtol=2 * rounding, atol=rounding * float(theirs.detach().abs().max())
        )
    exact = torch.nn.functional.linear(*(one.to(half).double() for one in (value, own.weight, own.bias)))
    assert torch.allclose(found[1][0].double(), exact, rtol=rounding, atol=1e-5)


@pytest.mark.parametrize(("half", "rounding"), HALVES)
def test_attention_is_widened_with_its_products(widening: None, half: torch.dtype, rounding: float) -> None:
    """It sees float32, also under autocast, and its result has the precision of what it was given."""
    one, two = torch.randn(2, 2, 3, 4).to(half)

    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        assert bias is None
        return query @ key.transpose(1, 2) @ value

    with torch.autocast("cpu", half):
        found = products.attention(attend, one, two, two, None)
    wanted = one.double() @ two.double().transpose(1, 2) @ two.double()
    assert found.dtype == half and torch.allclose(found.double(), wanted, rtol=rounding, atol=1e-5)
    assert products.attention(attend, one.float(), two.float(), two.float(), None).dtype == torch.float32


@pytest.mark.parametrize(
    ("costs", "wanted"), [((0, 2, 0, 1), "onednn"), ((0, 1, 0, 2), "default"), ((0, 1.2, 0, 1), "default")]
)
def test_the_probe_decides_by_time(costs: tuple[float, ...], wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each product costs its clock so many seconds; a library that is a little faster is not worth it."""
    passed = itertools.accumulate(itertools.cycle(costs))
    monkeypatch.setattr(time, "thread_time", lambda: next(passed))
    threads = torch.get_num_threads()
    assert products.probe() == wanted
    assert torch.get_num_threads() == threads


def test_what_was_found_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path))
    monkeypatch.delenv(products.CHOICE, raising=False)
    asked = iter(["onednn", "default"])
    monkeypatch.setattr(products, "probe", lambda: next(asked))
    for _ in range(2):
        products.fastest.cache_clear()
        assert products.fastest() == "onednn"
    (file,) = tmp_path.rglob("*.txt")
    file.write_text("something else", encoding="utf-8")
    products.fastest.cache_clear()
    assert products.fastest() == "default"
    monkeypatch.setenv(products.CHOICE, "onednn")
    products.fastest.cache_clear()
    assert products.fastest() == "onednn"
    monkeypatch.setenv(products.CHOICE, "blas")
    products.fastest.cache_clear()
    with pytest.raises(SettingError, match="it takes default or onednn"):
        products.fastest()
    products.fastest.cache_clear()
