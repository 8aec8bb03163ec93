"""Exact products against fractions, and the error bounds of fast ones."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts_eval.errors import NumericError
from xstilts_eval.metrics import products
from xstilts_eval.metrics.products import Products


def rows(kind: str, n: int, d: int, seed: int) -> Any:
    """Vectors that are hard to multiply: near the limits, cancelling, of few bits, midway between two float64."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal((n, d))
    if kind == "unit":
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    elif kind == "scales":
        noise *= 10.0 ** random.integers(-40, 30, (n, d))
    elif kind == "cancelling":
        noise[:, d // 2 :] = -noise[:, : d - d // 2] * (1 + 2**-22 * random.integers(-1, 2, (n, d - d // 2)))
    elif kind == "few bits":
        noise = np.sign(noise) * 2.0 ** random.integers(-30, 1, (n, d)) * random.integers(0, 2, (n, d))
    elif kind == "midway":
        noise = np.tile([1.0, 2.0**-26, 2.0**-27, 0.0], (n, d))[:, :d] * random.choice([1, -1, 0.5], (n, 1))
    else:
        noise[:] = 0.1 + 1e-8 * noise
    return noise.astype(np.float32)


def exact(x: Any, y: Any) -> float:
    """The float64 next to the exact product: Python rounds a fraction once."""
    return float(sum((Fraction(a) * Fraction(b) for a, b in zip(x.tolist(), y.tolist(), strict=True)), Fraction(0)))


KINDS = ("unit", "scales", "cancelling", "few bits", "midway", "collapsed")


@pytest.mark.parametrize("d", [1, 3, 65])
@pytest.mark.parametrize("kind", KINDS)
def test_products_are_the_exact_ones_rounded_once(kind: str, d: int) -> None:
    x, y = rows(kind, 9, d, 1), rows(kind, 7, d, 2)
    x[3], y[4] = 0, -0.0
    expected = np.array([[exact(u, v) for v in y] for u in x])
    every = Products(x, y)
    i, j = (place.reshape(-1) for place in np.indices(expected.shape))
    assert every.of_pairs(i, j).tobytes() == expected.reshape(-1).tobytes()
    tile, doubt = every.tile(slice(2, 9), slice(1, 6))
    wanted = expected[2:9, 1:6]
    assert (tile[doubt == 0] == wanted[doubt == 0]).all()
    assert (np.abs(tile - wanted) <= doubt).all()
    assert every.of_pair(5, 6) == expected[5, 6]


def test_hardly_any_pair_of_sentence_vectors_is_in_doubt(monkeypatch: Any) -> None:
    """Else every product would be a sum in Python; that the first parts are exact and the rest small decides it."""
    x = rows("unit", 400, 384, 3)
    summed = []

    def note(self: Products, i: int, j: int) -> float:
        summed.append((i, j))
        return 0.0

    monkeypatch.setattr(Products, "of_pair", note)
    y = products.finite(x + 0.02 * rows("unit", 400, 384, 4), "a test")
    Products(x, y).of_pairs(*(np.tile(np.arange(400), 5),) * 2)
    assert len(summed) < 10


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5]), min_size=2, max_size=2), max_size=12))
def test_distinct_rows_are_those_of_a_dictionary(values: list[list[float]]) -> None:
    vectors = np.array(values, np.float32).reshape(len(values), 2)
    first: dict[tuple[float, ...], int] = {}
    for row, vector in enumerate(values):
        first.setdefault(tuple(vector), row)  # 0.0 and -0.0 are one key
    order = [*first.values()]
    expected = [order.index(first[tuple(vector)]) for vector in values]
    with pytest.MonkeyPatch.context() as patch:
        for weights in (products._weights, lambda d: np.zeros(d, np.uint64)):  # then all rows have one key
            patch.setattr(products, "_weights", weights)
            found = products.distinct(vectors)
            assert (found.first.tolist(), found.group.tolist()) == (order, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["unit", "cancelling", "collapsed", "few bits"])
def test_products_of_matrices_err_by_no_more_than_the_bound(kind: str, dtype: Any) -> None:
    x, y = rows(kind, 9, 129, 5), rows(kind, 7, 129, 6)
    bound = products.error(x, y, dtype)
    fast = x.astype(dtype) @ y.astype(dtype).T
    worst = max(
        abs(Fraction(float(fast[i, j])) - Fraction(exact(x[i], y[j]))) for i in range(len(x)) for j in range(len(y))
    )
    assert worst <= bound
    backwards = x[:, ::-1].astype(dtype) @ y[:, ::-1].astype(dtype).T  # another order of adding
    assert (np.abs(backwards.astype(np.float64) - fast) <= 2 * bound).all()


def test_where_products_could_overflow_there_is_no_bound() -> None:
    vectors = np.full((2, 3), 1e25, np.float32)
    assert products.error(vectors, vectors, np.float32) == math.inf
    assert products.error(vectors, vectors, np.float64) < 1e38


def test_what_is_no_number_is_refused() -> None:
    for bad in (np.nan, np.inf, 1e300):
        with pytest.raises(NumericError, match="NaN or infinite numbers: a test would rank noise"):
            products.finite(np.array([[1.0, bad]]), "a test")
