"""Exact neighbours against sorting all exact products, by every kind of fast products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts_eval.errors import NumericError
from xstilts_eval.metrics import mining, neighbours, products
from xstilts_eval.metrics.products import Products, Vectors

WAYS = ("bfloat16", "float32", "float64", "exact")


def only(way: str, patch: pytest.MonkeyPatch) -> None:
    """Let every kind of products before this one leave too many pairs."""
    patch.setattr(neighbours, "_multiplies_bfloat16", lambda: way == "bfloat16")
    by_tiles = neighbours._by_tiles

    def refusing(*arguments: Any) -> Any:
        return by_tiles(*arguments) if np.dtype(arguments[-1]).name == way else None

    patch.setattr(neighbours, "_by_tiles", refusing)


@pytest.fixture(params=WAYS)
def way(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    only(request.param, monkeypatch)
    monkeypatch.setattr(neighbours, "_EXACT", 16)
    return str(request.param)


def brute(x: Any, y: Any, k: int) -> tuple[list[list[int]], list[list[float]]]:
    """Sort all products, summed without rounding: the greatest first, the lower index first among equals."""
    dots = [[math.fsum(a * b for a, b in zip(u, v, strict=True)) for v in y.tolist()] for u in x.tolist()]
    order = [[j for _, j in sorted((-value, j) for j, value in enumerate(row))[:k]] for row in dots]
    return order, [[row[j] for j in best] for row, best in zip(dots, order, strict=True)]


def check(x: Any, y: Any, k: int, block: int) -> None:
    """Both directions, and one way, against `brute`: indices, and similarities to the last bit."""
    forward, backward = neighbours.nearest_both_ways(x, y, k, block)
    for found, (index, similarity) in ((forward, brute(x, y, k)), (backward, brute(y, x, k))):
        assert found.index.tolist() == index
        assert found.similarity.tobytes() == np.array(similarity).tobytes()
    alone = neighbours.nearest(x, y, k, (block, block + 1))
    assert alone.index.tobytes() == forward.index.tobytes()
    assert alone.similarity.tobytes() == forward.similarity.tobytes()


def crowded(n: int, m: int, spread: float, dimensions: int = 48) -> tuple[Vectors, Vectors]:
    """Unit vectors around three directions: the smaller the spread, the closer are the similarities of a cluster."""
    random = np.random.default_rng(3)
    centres = random.standard_normal((3, dimensions))
    x, y = (
        centres[random.integers(3, size=size)] + spread * random.standard_normal((size, dimensions)) for size in (n, m)
    )
    return mining.normalised(x), mining.normalised(y)


def nearly_tied(n: int, m: int) -> tuple[Vectors, Vectors]:
    """Distinct rows whose products are equal, or differ by less than float32 and often float64 tells apart."""
    random = np.random.default_rng(4)
    x, y = np.zeros((n, 24), np.float32), np.zeros((m, 24), np.float32)
    x[:, 0] = y[:, 0] = 1
    x[:, 1:12] = 2.0**-12 * random.integers(-2, 3, (n, 11))
    y[:, 12:] = 2.0**-12 * random.integers(-2, 3, (m, 12))  # up to here every product is 1
    x[::2, 12:14] += np.float32(2.0**-20) * random.integers(-2, 3, (len(x[::2]), 2)).astype(np.float32)
    x[::5, 15] += np.float32(2.0**-43)
    return x, y


def permuted(n: int, m: int) -> tuple[Vectors, Vectors]:
    """Rows of one number against orders of one vector: each has one product with all, whose sum rounds by its order."""
    random = np.random.default_rng(6)
    entries = random.standard_normal(60).astype(np.float32)
    y = np.array([random.permutation(entries) for _ in range(m)])
    return np.repeat(random.standard_normal((n, 1)), 60, axis=1).astype(np.float32), y


@pytest.mark.parametrize(
    "made",
    [
        crowded(30, 35, 1.0, 13),
        crowded(30, 35, 0.01, 13),
        crowded(30, 25, 1e-5, 13),
        nearly_tied(35, 30),
        permuted(25, 30),
        (np.ones((20, 3), np.float32), np.ones((25, 3), np.float32)),
        (np.zeros((5, 3), np.float32), crowded(1, 30, 1.0, 3)[1]),
        tuple(side * np.float32(1e25) for side in crowded(30, 20, 0.5, 7)),  # float32 products overflow
        tuple(side * np.float32(1e-30) for side in crowded(30, 20, 0.5, 7)),  # and these underflow
    ],
    ids=["apart", "close", "collapsed", "tied", "permuted", "one vector", "zero", "huge", "minute"],
)
@pytest.mark.parametrize("block", [8, 64])
def test_neighbours_are_those_of_sorted_exact_products(way: str, made: Any, block: int) -> None:
    x, y = made
    check(x, y, 4, block)


def test_equal_neighbours_go_by_index(way: str) -> None:
    """Every target three times, some with -0.0: among equals the lower index is the neighbour, in both directions."""
    x, y = crowded(40, 30, 1.0, 13)
    y[:, 5] = 0
    y = np.concatenate([y, y, y])
    y[30:60, 5] = -0.0
    forward, _ = neighbours.nearest_both_ways(x, y, 2, 16)
    assert (forward.index[:, 0] < 30).all()
    assert (forward.index[:, 1] == forward.index[:, 0] + 30).all()
    _, backward = neighbours.nearest_both_ways(y, x, 2, 16)
    assert (backward.index == forward.index).all()
    check(x, y, 4, 16)


GRID = st.lists(st.tuples(*[st.integers(-2, 2)] * 2), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(GRID, GRID, st.integers(1, 6), st.integers(1, 5), st.sampled_from(WAYS))
def test_small_whole_numbers_give_many_ties(x: Any, y: Any, k: int, block: int, way: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        only(way, patch)
        patch.setattr(neighbours, "_EXACT", block)
        check(np.array(x, np.float32), np.array(y, np.float32), k, block)


def test_the_order_of_rows_does_not_matter(way: str) -> None:
    x, y = crowded(60, 50, 0.05)
    mixed = np.random.default_rng(1).permutation(60)
    plain, _ = neighbours.nearest_both_ways(x, y, 4, 16)
    other, _ = neighbours.nearest_both_ways(x[mixed], y, 4, 64)
    assert other.index.tobytes() == plain.index[mixed].tobytes()
    assert other.similarity.tobytes() == plain.similarity[mixed].tobytes()


# ------------------------------------------------------------------ what fast products leave


def check_neighbours(found: neighbours.Nearest, x: Vectors, y: Vectors, k: int) -> None:
    """The k greatest cosines of each row in double precision, of k different partners."""
    cosine = x.astype(np.float64) @ y.T.astype(np.float64)
    np.testing.assert_allclose(found.similarity, -np.sort(-cosine, axis=1)[:, :k], rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.take_along_axis(cosine, found.index, axis=1), found.similarity, rtol=0, atol=1e-12)
    assert all(len(set(row)) == len(row) for row in found.index.tolist())


@pytest.mark.parametrize("spread", [1.0, 0.3, 0.1])
@pytest.mark.parametrize("block", [64, 500])
def test_the_shortlist_holds_every_neighbour(spread: float, block: int, monkeypatch: Any) -> None:
    """Clusters whose similarities differ by less than bfloat16 tells apart, in tiles that do not divide the sides."""
    x, y = crowded(350, 410, spread)
    assert neighbours._by_bfloat16(x, y, 4, (block, block)) is not None
    monkeypatch.setattr(neighbours, "_multiplies_bfloat16", lambda: True)
    forward, backward = neighbours.nearest_both_ways(x, y, 4, block)
    check_neighbours(forward, x, y, 4)
    check_neighbours(backward, y, x, 4)


def test_without_the_error_bound_the_shortlist_loses_neighbours(monkeypatch: Any) -> None:
    """That the clusters above are hard enough to notice."""
    x, y = crowded(350, 410, 0.3)
    monkeypatch.setattr(neighbours, "_multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(neighbours._Rounded, "least", lambda self, kth: kth)
    forward, _ = neighbours.nearest_both_ways(x, y, 4, 64)
    with pytest.raises(AssertionError):
        check_neighbours(forward, x, y, 4)


@pytest.mark.parametrize("way", ["float32", "float64"])
def test_without_the_error_bound_tiles_lose_neighbours(way: str, monkeypatch: Any) -> None:
    """The same for the others, on products that differ in their last bits."""
    only(way, monkeypatch)
    monkeypatch.setattr(products, "error", lambda source, target, dtype: 0.0)
    x, y = crowded(60, 70, 0.001, 48) if way == "float32" else permuted(25, 30)
    with pytest.raises(AssertionError):
        check(x, y, 4, 16)


def test_each_kind_of_products_hands_over_what_it_cannot_tell_apart(monkeypatch: Any) -> None:
    """Clusters are too close for bfloat16, a collapsed encoder for float32, ties of distinct vectors for float64."""
    monkeypatch.setattr(neighbours, "_FEW", 0)
    block = (256, 256)
    close, collapsed, tied = crowded(700, 650, 0.02), crowded(700, 650, 1e-5), nearly_tied(700, 650)

    def left(way: str, made: Any) -> bool:
        if way == "bfloat16":
            return neighbours._by_bfloat16(made[0], made[1], 4, block) is not None
        return neighbours._by_tiles(made[0], made[1], 4, block, True, getattr(np, way)) is not None

    assert [left("bfloat16", close), left("float32", close)] == [False, True]
    assert [left("float32", collapsed), left("float64", collapsed)] == [False, True]
    assert not left("float64", tied)
    for way in WAYS[::3]:
        monkeypatch.setattr(neighbours, "_multiplies_bfloat16", lambda way=way: way == "bfloat16")
        forward, backward = neighbours.nearest_both_ways(*close, 4, 256)
        check_neighbours(forward, *close, 4)
        check_neighbours(backward, *close[::-1], 4)


def test_many_rows_of_few_vectors_cost_as_much_as_the_few(monkeypatch: Any) -> None:
    """20,000 rows of 50 vectors: no pair of equal rows is ever looked at."""
    few = crowded(50, 50, 0.5)[0]
    x, y = (few[np.random.default_rng(seed).integers(50, size=20_000)] for seed in (1, 2))
    pairs = []
    of_pairs = Products.of_pairs

    def note(self: Products, i: Any, j: Any) -> Any:
        pairs.append(len(i))
        return of_pairs(self, i, j)

    monkeypatch.setattr(Products, "of_pairs", note)
    forward, backward = neighbours.nearest_both_ways(x, y, 4)
    assert sum(pairs) <= 2500
    for found, own, other in ((forward, x, y), (backward, y, x)):
        for row in range(0, 20_000, 997):
            same = np.flatnonzero((other == own[row]).all(axis=1))[:4]
            assert found.index[row].tolist() == same.tolist()


def halfway(dimensions: int) -> Vectors:
    """60 unit vectors, plus and minus one with almost all entries midway between two bfloat16 values; their mean is 0.

    Halves go to even, which is downwards here: no vector loses more.
    """
    entry = (1 + 2**-8) * 2.0 ** np.floor(np.log2(0.7 / np.sqrt(dimensions)))
    vector = np.full(dimensions, entry)
    vector[0] = np.sqrt(1 - (dimensions - 1) * entry**2)
    return np.tile([vector, -vector], (30, 1)).astype(np.float32)


@pytest.mark.parametrize("dimensions", [1, 7, 384])
@pytest.mark.parametrize("spread", [None, 2.0, 0.5, 0.01])
def test_rounded_similarities_err_by_no_more_than_their_bound(dimensions: int, spread: float | None) -> None:
    x, y = (halfway(dimensions),) * 2 if spread is None else crowded(60, 50, spread, dimensions)
    rounded = neighbours._Rounded(x, y, (64, 64))
    tile = rounded.tile(slice(0, len(x)), slice(0, len(y)))
    values = (neighbours._ordered(tile).astype(np.int32) << 16).view(np.float32).astype(np.float64)
    exact = x.astype(np.float64) @ y.T.astype(np.float64) - x.mean(axis=0) @ y.mean(axis=0)
    assert (np.abs(values - exact) <= rounded.error + rounded.UNIT * np.abs(values)).all()


def test_integers_are_in_the_order_of_the_numbers() -> None:
    bits = np.array([0xFF80, 0xC000, 0xBF80, 0x8001, 0x0000, 0x0001, 0x3F80, 0x4000, 0x7F80], dtype=np.uint16)
    numbers = bits.view(np.int16)  # -inf, -2, -1, just below 0, 0, just above 0, 1, 2, inf
    assert (np.diff(neighbours._ordered(numbers.copy()).astype(int)) > 0).all()
    assert (neighbours._ordered(neighbours._ordered(numbers.copy())) == numbers).all()


# ------------------------------------------------------------------ ranks and refusals


@pytest.mark.parametrize("made", [crowded(40, 30, 0.3, 13), nearly_tied(40, 30)], ids=["apart", "tied"])
def test_a_rank_counts_what_is_at_least_as_near(made: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(neighbours, "_EXACT", 16)
    x, y = made
    own = np.random.default_rng(1).integers(30, size=40)
    dots = [[math.fsum(a * b for a, b in zip(u, v, strict=True)) for v in y.tolist()] for u in x.tolist()]
    expected = [sum(value >= row[place] for value in row) for row, place in zip(dots, own, strict=True)]
    assert neighbours.ranks(x, y, own).tolist() == expected


def test_what_is_no_number_has_no_neighbour() -> None:
    good, bad = np.ones((2, 2), np.float32), np.array([[1, np.nan], [1, 1]], np.float32)
    for search in (
        lambda: neighbours.nearest(good, bad, 1),
        lambda: neighbours.nearest_both_ways(bad, good, 1),
        lambda: neighbours.ranks(bad, good, np.zeros(2, np.intp)),
    ):
        with pytest.raises(NumericError, match="NaN or infinite"):
            search()
