"""Exact k nearest neighbours by inner product, the same on every machine.

Similarities are those of `products`: they depend on two rows and nothing else. Ties go to the lower index, and rows
that are equal are one vector. Fast products (bfloat16, float32, float64) leave out what their error bound allows, tile
by tile, never the n x m matrix; what remains is compared exactly. So neither block size, order, number of threads nor
the processor's kernels show in a result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.metrics import products
from xstilts_eval.metrics.products import Distinct, Products, Rows, Values, Vectors

if TYPE_CHECKING:
    import torch

Bits = NDArray[np.int16]

BLOCK = 2048  # rows and columns of a similarity tile: 16 MiB in float32
SHORTLIST = 16  # pairs kept per vector and neighbour before the next finer products cost less: 16 bytes each
_FEW = 2**18  # pairs that are always few enough
_ONE_WAY = 256, 16_384  # rows and columns of a tile in a search one way: 16 MiB in float32
_EXACT = 512  # rows and columns of a tile of exact products: 2 MiB and ten of that kind
_COPIED = 1024  # vectors copied at once


@dataclass(frozen=True)
class Nearest:
    """The k best partners of each of n vectors, best first: `similarity` and `index`, shape [n, k]."""

    similarity: Values
    index: Rows

    def mean(self) -> Values:
        """Mean similarity to the k, shape [n], summed from the best on."""
        total: Values = self.similarity[:, 0].copy()
        for column in range(1, self.similarity.shape[1]):
            total += self.similarity[:, column]
        total /= self.similarity.shape[1]
        return total

    def best(self, score: Values) -> tuple[Rows, Values]:
        """The partner with the greatest `score` [n, k] and that score; ties go to the lower index."""
        top = score.max(axis=1)
        index = np.where(score == top[:, None], self.index, np.iinfo(np.intp).max).min(axis=1)
        return np.asarray(index, np.intp), top


def nearest(queries: Vectors, pool: Vectors, k: int, block: tuple[int, int] = _ONE_WAY) -> Nearest:
    """The min(k, m) nearest of `pool` [m, d] for each of `queries` [n, d], n and m from 1.

    Raises `NumericError` for NaN or infinite vectors.
    """
    queries, pool = (products.finite(side, "a search") for side in (queries, pool))
    asked, offered = products.distinct(queries), products.distinct(pool)
    x, y = _of(queries, asked), _of(pool, offered)
    found, _ = _search(x, y, k, block, both=False)
    return _for_all(found, asked, offered, k)


def nearest_both_ways(source: Vectors, target: Vectors, k: int, block: int = BLOCK) -> tuple[Nearest, Nearest]:
    """Nearest of `target` [m, d] for each of `source` [n, d], and the reverse, from one pass; n and m from 1.

    Raises `NumericError` for NaN or infinite vectors.
    """
    source, target = (products.finite(side, "a search") for side in (source, target))
    left, right = products.distinct(source), products.distinct(target)
    forward, backward = _search(_of(source, left), _of(target, right), k, (block, block), both=True)
    return _for_all(forward, left, right, k), _for_all(backward, right, left, k)


def ranks(queries: Vectors, pool: Vectors, own: Rows) -> NDArray[np.int64]:
    """How many rows of `pool` are at least as near to each query as its own one, `own` [n], itself included.

    Raises `NumericError` for NaN or infinite vectors.
    """
    queries, pool = (products.finite(side, "a ranking") for side in (queries, pool))
    exact = Products(queries, pool)
    least = exact.of_pairs(np.arange(len(queries)), own)
    error = products.error(queries, pool, np.float64)
    found = np.zeros(len(queries), np.int64)
    for rows, columns in _tiles(len(queries), len(pool), (_EXACT, _EXACT)):
        bound = least[rows, None]
        similarity = queries[rows].astype(np.float64) @ pool[columns].astype(np.float64).T
        above, near = similarity > bound, np.abs(similarity - bound) <= 1.01 * error
        i, j = _places(near)
        if len(i) > near.size / 16:  # where hardly anything can be told apart
            values, doubt = exact.tile(rows, columns)
            values = _settled(exact.of_pair, values, doubt, i, j, rows, columns)
        else:
            values = exact.of_pairs(i + rows.start, j + columns.start)
        above[i, j] = values >= bound[i, 0]
        found[rows] += above.sum(axis=1)
    return found


def _of(vectors: Vectors, rows: Distinct) -> Vectors:
    return vectors if len(rows.first) == len(vectors) else vectors[rows.first]


def _for_all(found: Nearest, asked: Distinct, offered: Distinct, k: int) -> Nearest:
    """Neighbours of all rows among all rows from those of the distinct among the distinct.

    The k nearest of the distinct, each standing where it occurs first, hold all vectors of the k nearest rows: whatever
    is not among them comes after the first rows of k others.
    """
    m = len(offered.group)
    if len(offered.first) < m:
        order = np.argsort(offered.group, kind="stable")
        start = np.searchsorted(offered.group[order], np.arange(len(offered.first)))
        place = start[:, None] + np.arange(min(k, m))
        inside = place < np.append(start[1:], m)[:, None]
        members = np.where(inside, order[np.minimum(place, m - 1)], m)[found.index]  # m: there is none
        similarity = np.where(members < m, found.similarity[:, :, None], -np.inf)
        members, similarity = (values.reshape(len(found.index), -1) for values in (members, similarity))
        best = np.lexsort((members, -similarity), axis=1)[:, : min(k, m)]
        found = Nearest(np.take_along_axis(similarity, best, 1), np.take_along_axis(members, best, 1))
    if len(asked.first) < len(asked.group):
        found = Nearest(found.similarity[asked.group], found.index[asked.group])
    return found


# ------------------------------------------------------------------ the search among distinct vectors


class _Running:
    """Running k best partners of each of n vectors: `similarity` and `index`, shape [n, k], best first."""

    def __init__(self, n: int, k: int) -> None:
        self.similarity = np.full((n, k), -np.inf)
        self.index = np.full((n, k), -1, dtype=np.intp)

    def least(self, rows: slice, tile: NDArray[np.floating], strict: bool = False) -> Values:
        """A bound, shape [rows, 1], at or above which are all partners in the tile that may be among the k best.

        `tile` holds lower bounds of similarities [rows, partners]. `strict`: an equal partner in a later tile is not
        among the k best, as tiles come in ascending order.
        """
        bound, k = self.similarity[rows, -1], self.index.shape[1]
        group = tile.shape[1] // k
        if np.isneginf(bound[0]) and group:  # a row's first tile: the best of each of k groups are k partners
            bound = tile[:, : k * group].reshape(len(tile), k, group).max(axis=2).min(axis=1).astype(np.float64)
        elif strict:
            bound = np.nextafter(bound, np.inf)
        return bound[:, None]

    def add(self, rows: Rows, partners: Rows, similarity: NDArray[np.floating]) -> None:
        """Merge partners, three arrays of equal length; ties go to the lower partner index."""
        if not len(rows):
            return
        k = self.index.shape[1]
        order = np.lexsort((partners, -similarity, rows))
        rows, partners, similarity = rows[order], partners[order], similarity[order]
        changed, first, count = np.unique(rows, return_index=True, return_counts=True)
        rank = np.arange(len(rows)) - np.repeat(first, count)
        kept = rank < k
        place = np.repeat(np.arange(len(changed)), count)[kept], k + rank[kept]
        values = np.full((len(changed), 2 * k), -np.inf)
        index = np.full((len(changed), 2 * k), -1, dtype=np.intp)
        values[:, :k], index[:, :k] = self.similarity[changed], self.index[changed]
        values[place], index[place] = similarity[kept], partners[kept]
        # Tiles come in ascending order, so among equals what stands further left has the lower index.
        best = np.argsort(-values, axis=1, kind="stable")[:, :k]
        self.similarity[changed] = np.take_along_axis(values, best, axis=1)
        self.index[changed] = np.take_along_axis(index, best, axis=1)

    def done(self) -> Nearest:
        return Nearest(self.similarity, self.index)


def _search(source: Vectors, target: Vectors, k: int, block: tuple[int, int], both: bool) -> tuple[Nearest, Nearest]:
    """Neighbours of distinct vectors, forward and, if `both`, backward (else of nobody).

    Each kind of products leaves a list of pairs, unless these are more than the next finer kind costs.
    """
    pairs = _by_bfloat16(source, target, k, block) if both and _multiplies_bfloat16() else None
    for dtype in (np.float32, np.float64):
        if pairs is None:
            pairs = _by_tiles(source, target, k, block, both, dtype)
    exact = Products(source, target)
    if pairs is None:
        return _by_exact_tiles(exact, len(source), len(target), k, both)
    i, j = pairs
    similarity = exact.of_pairs(i, j)
    forward, backward = _both(len(source), len(target), k, both)
    forward.add(i, j, similarity)
    if both:
        backward.add(j, i, similarity)
    return forward.done(), backward.done()


def _both(n: int, m: int, k: int, both: bool) -> tuple[_Running, _Running]:
    return _Running(n, min(k, m)), _Running(m if both else 0, min(k, n))


def _room(n: int, m: int, k: int, both: bool) -> int:
    """The number of pairs that is not worth finer products."""
    return max(_FEW, SHORTLIST * k * (n + m * both))


def _tiles(n: int, m: int, block: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the tiles of an n x m matrix, in ascending order."""
    for rows in _parts(n, block[0]):
        for columns in _parts(m, block[1]):
            yield rows, columns


_parts = products.parts


def _places(mask: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """Rows and columns of the few true entries; numpy finds them several times faster in one dimension than in two."""
    flat = np.flatnonzero(mask)
    rows = flat // mask.shape[1]
    return rows, flat - rows * mask.shape[1]


def _by_tiles(
    source: Vectors, target: Vectors, k: int, block: tuple[int, int], both: bool, dtype: type[np.floating]
) -> tuple[Rows, Rows] | None:
    """All pairs that may be among the k best of either side by products of this type, or None if these are too many.

    A tile serves both directions. If k partners have at least b in it, their similarities are at least b - e, with e
    the error bound; whatever reaches that has at least b - 2e in the tile.
    """
    n, m = len(source), len(target)
    slack = 2.02 * products.error(source, target, dtype)
    if not np.isfinite(slack):
        return None
    forward, backward = _both(n, m, k, both)
    size = min(block[0], n) * min(block[1], m)
    room, masks = np.empty(size, dtype=dtype), np.empty((2, size), dtype=np.bool_)
    left = _room(n, m, k, both)
    found: list[tuple[NDArray[np.int32], NDArray[np.int32], Values]] = []
    for rows, columns in _tiles(n, m, block):
        shape = rows.stop - rows.start, columns.stop - columns.start
        tile = room[: shape[0] * shape[1]].reshape(shape)
        mask, other = masks[:, : tile.size].reshape(2, *shape)
        x, y = source[rows].astype(dtype, copy=False), target[columns].astype(dtype, copy=False)
        np.matmul(x, y.T, out=tile)
        np.greater_equal(tile, _down(forward.least(rows, tile) - slack, dtype), out=mask)
        if both:
            np.greater_equal(tile.T, _down(backward.least(columns, tile.T) - slack, dtype), out=other.T)
            mask |= other
        i, j = _places(mask)
        left -= len(i)
        if left < 0:
            return None
        value = tile[i, j]
        i += rows.start
        j += columns.start
        forward.add(i, j, value)
        if both:
            backward.add(j, i, value)
        found.append((i.astype(np.int32), j.astype(np.int32), value.astype(np.float64)))
    i, j, value = (np.concatenate(column) for column in zip(*found, strict=True))
    kept = value >= forward.similarity[i, -1] - slack
    if both:
        kept |= value >= backward.similarity[j, -1] - slack
    return i[kept].astype(np.intp), j[kept].astype(np.intp)


def _down(bound: Values, dtype: type[np.floating]) -> NDArray[np.floating]:
    """`bound` in this type, not above it; numpy would compare in float64, at twice the cost."""
    below: NDArray[np.floating] = np.nextafter(bound.astype(dtype), dtype(-np.inf))
    return below


def _by_exact_tiles(exact: Products, n: int, m: int, k: int, both: bool) -> tuple[Nearest, Nearest]:
    """Neighbours from exact products alone: several times the cost of the others, but no pair has to be kept."""
    forward, backward = _both(n, m, k, both)
    for rows, columns in _tiles(n, m, (_EXACT, _EXACT)):
        tile, doubt = exact.tile(rows, columns)
        _take(forward, exact.of_pair, tile, doubt, rows, columns)
        if both:
            _take(backward, lambda j, i: exact.of_pair(i, j), tile.T, doubt.T, columns, rows)
    return forward.done(), backward.done()


def _take(
    running: _Running,
    of_pair: Callable[[int, int], float],
    tile: Values,
    doubt: Values,
    rows: slice,
    columns: slice,
) -> None:
    """Let what may be among the k best of the rows in, settled where it is in doubt."""
    i, j = _places(tile + doubt >= running.least(rows, tile - doubt, strict=True))
    values = _settled(of_pair, tile, doubt, i, j, rows, columns)
    running.add(i + rows.start, j + columns.start, values)


def _settled(
    of_pair: Callable[[int, int], float], tile: Values, doubt: Values, i: Rows, j: Rows, rows: slice, columns: slice
) -> Values:
    """Exact products of places (i, j) of a tile of these rows and columns."""
    values = tile[i, j]
    for place in np.flatnonzero(doubt[i, j]):
        values[place] = of_pair(i[place] + rows.start, j[place] + columns.start)
    return values


# ------------------------------------------------------------------ products of bfloat16


def _multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16 products; without them they are slower than float32."""
    import torch

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return supported is not None and bool(supported())


class _Rounded:
    """Similarities in bfloat16, by tile, up to a constant, and the most by which they can be wrong.

    Rounding loses a share of each vector, so both sides are centred first: with means u and v, xy = (x - u)(y - v) +
    (x - u)v + u(y - v) + uv. The two terms in the middle are columns of their own, the last is left out. Encoders that
    were not trained for similarity have similarities around 0.9, and hardly anything remains of their vectors.

    numpy has no bfloat16: values are read as int16 of the same order (`_ordered`).
    """

    LOWEST = -(2**15)  # below all numbers
    UNIT = np.float32(1.01 * 2**-8)  # the most by which a number differs from its bfloat16, relative to either

    def __init__(self, source: Vectors, target: Vectors, block: tuple[int, int]) -> None:
        centre, other = source.mean(axis=0), target.mean(axis=0)
        self.source, lost, length = self._side(source, centre, other, first=True)
        self.target, other_lost, other_length = self._side(target, other, centre, first=False)
        size = min(block[0], len(source)) * min(block[1], len(target))
        self.room, self.signs = self.source.new_empty(size), np.empty(size, dtype=np.int16)
        # |xy - x'y'| <= |x - x'| |y| + |x'| |y - y'| (Cauchy-Schwarz), and as much as the columns lose.
        rounded = lost[0] * other_length + other_lost[0] * length + lost[1] + other_lost[1]
        # A float32 sum of d products errs by at most d / 2**24 of the sum of their sizes (Higham 2002, 3.1). With |u|
        # and |v| at most the longest row of their side, |X| and |Y|: the tile has |x||y| + |x||Y| + |X||y| with its
        # columns, the columns themselves |x||Y| and |X||y|, centring one unit of the same.
        longest, other_longest = (1.001 * float(products.lengths(side).max()) for side in (source, target))
        d = source.shape[1] + 8
        summed = d / 2**24 * 2 * (longest + length) * (other_longest + other_length) + d * 2.0**-126
        self.error = np.float32(1.01 * (rounded + summed))

    @staticmethod
    def _side(
        vectors: Vectors, centre: Vectors, other: Vectors, first: bool
    ) -> tuple[torch.Tensor, tuple[float, float], float]:
        """One side with its columns, what rounding takes from a vector and from its column, the greatest length."""
        import torch  # here, so that the other metrics do without it

        n, d = vectors.shape
        side = torch.ones((n, d + 4), dtype=torch.bfloat16)
        at = d if first else d + 2
        lost = lost_of_column = length = 0.0
        for part in _parts(n, _COPIED):  # in parts, for memory
            centred = vectors[part] - centre
            exact, column = torch.from_numpy(centred), torch.from_numpy(centred @ other)
            side[part, :d] = exact
            side[part, at] = column
            column -= side[part, at]
            side[part, at + 1] = column
            lost = max(lost, float((exact - side[part, :d]).norm(dim=1).max()))
            lost_of_column = max(lost_of_column, float((column - side[part, at + 1]).abs().max()))
            length = max(length, float(exact.norm(dim=1).max()))
        return side, (lost, lost_of_column), length

    def tile(self, rows: slice, columns: slice) -> Bits:
        """Similarities [rows, columns]; valid until the next call."""
        import torch

        shape = rows.stop - rows.start, columns.stop - columns.start
        size = shape[0] * shape[1]
        out = self.room[:size].view(shape)
        torch.mm(self.source[rows], self.target[columns].T, out=out)
        tile: Bits = out.view(torch.int16).numpy()
        return _ordered(tile, self.signs[:size].reshape(shape))

    def least(self, kth: Bits) -> Bits:
        """The least value in a tile that one of the k best partners can have, where k partners have at least `kth`."""
        value = (_ordered(kth.copy()).astype(np.int32) << 16).view(np.float32)
        low = value - self.UNIT * np.abs(value) - 2 * self.error
        bits = (low - self.UNIT * np.abs(low)).view(np.int32)
        upwards = (bits + np.where(bits > 0, 0xFFFF, 0)) >> 16  # without its last bits a negative number is greater
        return np.where(kth > self.LOWEST, _ordered(upwards.astype(np.int16)), self.LOWEST).astype(np.int16)


def _ordered(bits: Bits, room: Bits | None = None) -> Bits:
    """Bits of bfloat16 numbers turned, in place, into integers of the same order, and back.

    Sign and magnitude (IEEE 754): those of positive numbers are in order, those of negative ones in reverse.
    """
    signs = np.right_shift(bits, 15, out=room)
    signs &= 0x7FFF
    bits ^= signs
    return bits


def _raise(best: Bits, tile: Bits) -> None:
    """Let a tile [rows, partners] into `best` [rows, k]: k different partners of each row have at least its least.

    They are the best of each of a few groups; so the k-th of them is not always the k-th of all, but found faster.
    """
    groups = min(2 * best.shape[1], tile.shape[1])
    length = tile.shape[1] // groups
    tops = tile[:, : groups * length].reshape(len(tile), groups, length).max(axis=2)
    best[:] = np.partition(np.concatenate([best, tops], axis=1), groups, axis=1)[:, groups:]


def _by_bfloat16(source: Vectors, target: Vectors, k: int, block: tuple[int, int]) -> tuple[Rows, Rows] | None:
    """All pairs (i, j) that may be among the k best of i or of j, a few others, or None if rounding leaves too many."""
    n, m = len(source), len(target)
    if not np.isfinite(products.error(source, target, np.float32)):
        return None
    rounded = _Rounded(source, target, block)
    by_row = np.full((n, min(k, m)), rounded.LOWEST, dtype=np.int16)
    by_column = np.full((m, min(k, n)), rounded.LOWEST, dtype=np.int16)
    masks = np.empty((2, min(block[0], n) * min(block[1], m)), dtype=np.bool_)
    left = _room(n, m, k, both=True)
    found = []
    for rows, columns in _tiles(n, m, block):
        tile = rounded.tile(rows, columns)
        _raise(by_row[rows], tile)
        _raise(by_column[columns], tile.T)
        mask, other = masks[:, : tile.size].reshape(2, *tile.shape)
        np.greater_equal(tile, rounded.least(by_row[rows].min(axis=1))[:, None], out=mask)
        np.greater_equal(tile, rounded.least(by_column[columns].min(axis=1)), out=other)
        mask |= other
        left -= np.count_nonzero(mask)
        if left < 0:
            return None
        i, j = _places(mask)
        found.append(((i + rows.start).astype(np.int32), (j + columns.start).astype(np.int32), tile[i, j]))
    i, j, value = (np.concatenate(column) for column in zip(*found, strict=True))
    kept = value >= rounded.least(by_row.min(axis=1))[i]
    kept |= value >= rounded.least(by_column.min(axis=1))[j]
    return i[kept].astype(np.intp), j[kept].astype(np.intp)
