"""Inner products that are the same on every machine, and how far fast ones can be from them.

The product of two float32 rows is the float64 next to its exact value: `math.fsum` of the products of their entries,
each of which float64 holds. It depends on nothing but the two rows. BLAS adds in an order of its own, which changes
with the processor, the number of threads and the place in a tile; its results serve to leave out, never to decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import NumericError

Vectors = NDArray[np.float32]
Values = NDArray[np.float64]
Rows = NDArray[np.intp]

_PART = 256  # rows, or pairs of them, turned into float64 at once: they stay in the processor's cache


class Distinct(NamedTuple):
    """Row of the first occurrence of each distinct vector, ascending, and which of these every row is."""

    first: Rows
    group: Rows


def finite(vectors: NDArray[np.floating], use: str) -> Vectors:
    """`vectors` [n, d] as float32; raises `NumericError` for NaN or inf, also for what float32 cannot hold."""
    with np.errstate(over="ignore"):
        rows: Vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise NumericError(f"embeddings contain NaN or infinite numbers: {use} would rank noise")
    return rows


def parts(n: int, size: int = _PART) -> Iterator[slice]:
    """Slices of at most `size` that cover n rows in order."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def distinct(vectors: Vectors) -> Distinct:
    """Equal rows of `vectors` [n, d] as one, 0.0 and -0.0 being equal."""
    keys = np.empty(len(vectors), np.uint64)
    weights = _weights(vectors.shape[1])
    for part in parts(len(vectors)):
        bits = (vectors[part] + np.float32(0)).view(np.uint32)  # the sum turns -0.0 into 0.0
        keys[part] = (bits * weights).sum(axis=1, dtype=np.uint64)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[group] != np.arange(len(group)))
    if not all((vectors[again[part]] == vectors[first[group[again[part]]]]).all() for part in parts(len(again))):
        # Two vectors have one key.
        _, first, group = np.unique(vectors + np.float32(0), axis=0, return_index=True, return_inverse=True)
        group = group.reshape(-1)
    order = np.argsort(first)
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    return Distinct(first[order], place[group])


def _weights(d: int) -> NDArray[np.uint64]:
    """Odd numbers by which the entries of a row are multiplied for its key."""
    drawn: NDArray[np.uint64] = np.random.default_rng(0).integers(2**63, size=d, dtype=np.uint64)
    drawn |= np.uint64(1)
    return drawn


def lengths(vectors: Vectors) -> Values:
    """Length of each row, within a relative 1e-12."""
    found = np.empty(len(vectors))
    for part in parts(len(vectors)):
        rows = vectors[part].astype(np.float64)
        found[part] = np.sqrt(_row_by_row(rows, rows))
    return found


def error(source: Vectors, target: Vectors, dtype: type[np.floating]) -> float:
    """The most by which a product of matrices of this type can differ from a product of the rows.

    A sum of d products errs by at most d·u / (1 - d·u) of the sum of their sizes, in whatever order it is taken and
    with fused operations or without (Higham 2002, section 3.1; u = 2**-24 for float32, 2**-53 for float64); that sum
    is at most |x||y| (Cauchy-Schwarz). One more u stands for rounding the exact value, the smallest normal number for
    results that are flushed to zero. inf where the products could overflow.
    """
    limits = np.finfo(dtype)
    unit, least, most = float(limits.epsneg), float(limits.tiny), float(limits.max)
    d: int = source.shape[1]
    size = float(lengths(source).max(initial=0.0)) * float(lengths(target).max(initial=0.0))
    if 16 * size > most or d * unit > 0.01:
        return math.inf
    return 1.02 * (d + 1) * unit * size + (d + 1) * least


class Products:
    """Products of the rows of `source` [n, d] and `target` [m, d], both finite: by pair and by tile.

    Each row is cut in two: multiples of 2**-26 of a power of two near its length, and the rest. By Cauchy-Schwarz the
    products of the first parts add up to less than 2**53 units, partial sums included: float64 has no need to round, in
    whatever order they are added. What the rest adds is below 2**-26·sqrt(d) of the whole and errs, by the bound of
    `error`, by 2·d·2**-53 of that. Where this cannot change the float64 next to the sum, that is the result; elsewhere,
    about once in a thousand pairs of sentences, `math.fsum` finds it.
    """

    def __init__(self, source: Vectors, target: Vectors) -> None:
        self._source, self._target = _Cut(source), _Cut(target)
        self._bound = 1.01 * (2 * source.shape[1] + 4) * 2.0**-53

    def of_pairs(self, i: Rows, j: Rows) -> Values:
        """The product of row i of the source and row j of the target, for each pair."""
        found = np.empty(len(i))
        for part in parts(len(i)):
            rows, columns = i[part], j[part]
            _, coarse_x, rest_x = self._source.rows(rows)
            y, coarse_y, rest_y = self._target.rows(columns)
            low = _row_by_row(coarse_x, rest_y)
            low += _row_by_row(rest_x, y)
            size = self._source.length[rows] * self._target.rest[columns]
            size += self._source.rest[rows] * self._target.length[columns]
            found[part], doubt = self._rounded(_row_by_row(coarse_x, coarse_y), low, size)
            for place in part.start + np.flatnonzero(doubt):
                found[place] = self.of_pair(i[place], j[place])
        return found

    def of_pair(self, i: int, j: int) -> float:
        """The product of row i of the source and row j of the target, by its definition."""
        x, y = self._source.vectors[i].astype(np.float64), self._target.vectors[j].astype(np.float64)
        return math.fsum((x * y).tolist())

    def tile(self, rows: slice, columns: slice) -> tuple[Values, Values]:
        """Products of these rows and columns, and by how much each may be wrong: 0 but for those in doubt."""
        _, coarse_x, rest_x = self._source.rows(rows)
        y, coarse_y, rest_y = self._target.rows(columns)
        low = coarse_x @ rest_y.T
        low += rest_x @ y.T
        size = np.outer(self._source.length[rows], self._target.rest[columns])
        size += np.outer(self._source.rest[rows], self._target.length[columns])
        return self._rounded(coarse_x @ coarse_y.T, low, size)

    def _rounded(self, high: Values, low: Values, size: Values) -> tuple[Values, Values]:
        """high + low in float64, and by how much that may be wrong when `low` errs by the bound times `size`."""
        value = high + low
        back = value - high
        lost = (high - (value - back)) + (low - back)  # what rounding took, exactly (Knuth's two-sum)
        slack = self._bound * size + 2.0**-52 * np.abs(lost)
        doubtful = value + (lost + slack) != value
        doubtful |= value + (lost - slack) != value
        return value + 0.0, doubtful * (2 * slack + 2.0**-51 * np.abs(value))  # -0.0 + 0.0 is 0.0


def _row_by_row(x: Values, y: Values) -> Values:
    found: Values = np.matmul(x[:, None, :], y[:, :, None])[:, 0, 0]
    return found


class _Cut:
    """One side: its vectors, what cuts their rows in two, and bounds on the length of a row and of its rest."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.length = 1.001 * lengths(vectors)
        # Adding and subtracting 1.5·2**52 units leaves a multiple of the unit. A length is below 1.4·2**26 units, so
        # the product of two is below 1.96·2**52: room for what rounding to units adds to a length.
        anchors = np.ldexp(1.5 * 2.0**52, np.frexp(self.length / 1.4)[1] - 26)
        self._one = anchors[0] if len(anchors) and (anchors == anchors[0]).all() else None  # quicker
        self._anchors = anchors[:, None]
        self.rest = np.empty(len(vectors))
        for part in parts(len(vectors)):
            rest = self.rows(part)[2]
            self.rest[part] = 1.001 * np.sqrt(_row_by_row(rest, rest))

    def rows(self, rows: slice | Rows) -> tuple[Values, Values, Values]:
        """Whole, first part and rest of some rows."""
        whole = self.vectors[rows].astype(np.float64)
        anchor = self._anchors[rows] if self._one is None else self._one
        coarse = whole + anchor
        coarse -= anchor
        return whole, coarse, whole - coarse
