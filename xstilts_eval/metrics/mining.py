"""Margin-based bitext mining for BUCC, step by step as the benchmark's retrieval code does it.

Artetxe & Schwenk 2019 (ratio margin, k nearest neighbours both ways, "max" retrieval). Source of every step:
`third_party/utils_retrieve.py` in google-research/xtreme @ 838c13b. Vectors in, index pairs out: float32
numpy, memory O(block² + (n + m)·k) besides a copy of the vectors, never the n x m matrix of similarities.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import DataError, NumericError, SettingError
from xstilts_eval.metrics.retrieval import Pair

if TYPE_CHECKING:
    import torch

Vectors = NDArray[np.float32]
Bits = NDArray[np.int16]

NEIGHBOURS = 4
BLOCK = 2048  # rows and columns of a similarity tile: 16 MiB
SHORTLIST = 16  # pairs kept per vector and neighbour before exact tiles cost less: 10 bytes each
_COPIED = 1024  # vectors, or pairs of them, copied at once


@dataclass(frozen=True)
class Unified:
    """The distinct texts of one side in order of first occurrence.

    `rows` holds for each the row of its *last* occurrence, whose embedding stands for the text; `ids` its
    sentence id, or None where the text (outer whitespace aside) occurs more than once: such a sentence takes
    part in the search, but can not be part of an answer.
    """

    rows: NDArray[np.intp]
    ids: tuple[str | None, ...]


class Candidates(NamedTuple):
    """One-to-one pairs by descending margin score: three equally long arrays, indices of distinct texts."""

    score: NDArray[np.float32]
    source: NDArray[np.intp]
    target: NDArray[np.intp]


def unify(ids: Sequence[str], texts: Sequence[str]) -> Unified:
    """Merge identical texts of one side; raises `DataError` when ids and texts differ in number."""
    if len(ids) != len(texts):
        raise DataError(f"{len(ids)} sentence ids for {len(texts)} sentences")
    last_row = {text: row for row, text in enumerate(texts)}  # a dictionary keeps the place of the first
    id_of: dict[str, str | None] = {}
    for id_, text in zip(ids, texts, strict=True):
        # The official search keys by the raw line, its id map by the stripped one.
        id_of[text.strip()] = None if text.strip() in id_of else id_
    return Unified(
        np.fromiter(last_row.values(), dtype=np.intp, count=len(last_row)),
        tuple(id_of[text.strip()] for text in last_row),
    )


class _Nearest:
    """Running k best partners of each of n vectors: `similarity` and `index`, shape [n, k], best first."""

    def __init__(self, n: int, k: int) -> None:
        self.similarity = np.full((n, k), -np.inf, dtype=np.float32)
        self.index = np.full((n, k), -1, dtype=np.intp)

    def bound(self, rows: slice, tile: Vectors) -> Vectors:
        """The least similarity by which a partner in a tile [rows, partners] may be among the k best, by row."""
        bound, k = self.similarity[rows, -1], self.index.shape[1]
        group = tile.shape[1] // k
        if np.isneginf(bound[0]) and group:  # a row's first tile: the best of each of k groups are k partners
            best: Vectors = tile[:, : k * group].reshape(len(tile), k, group).max(axis=2).min(axis=1)
            return best
        # Tiles come in ascending order: a later partner must be better, an equal one loses the tie.
        least: Vectors = np.nextafter(bound, np.float32(np.inf))
        return least

    def add(self, rows: NDArray[np.intp], partners: NDArray[np.intp], similarity: Vectors) -> None:
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
        values = np.full((len(changed), 2 * k), -np.inf, dtype=np.float32)
        index = np.full((len(changed), 2 * k), -1, dtype=np.intp)
        values[:, :k], index[:, :k] = self.similarity[changed], self.index[changed]
        values[place], index[place] = similarity[kept], partners[kept]
        # Tiles come in ascending order, so among equals what stands further left has the lower index.
        best = np.argsort(-values, axis=1, kind="stable")[:, :k]
        self.similarity[changed] = np.take_along_axis(values, best, axis=1)
        self.index[changed] = np.take_along_axis(index, best, axis=1)


def normalised(vectors: NDArray[np.floating]) -> Vectors:
    """Rows of unit length, float32 [n, dimensions], zero rows kept; raises `NumericError` for NaN or inf."""
    rows: Vectors = np.array(vectors, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise NumericError("embeddings contain NaN or infinite numbers: mining would rank noise")
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(length > 0, length, 1)
    return rows


def _places(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the few true entries; numpy finds them several times faster in one dimension than in two."""
    flat = np.flatnonzero(mask)
    rows = flat // mask.shape[1]
    return rows, flat - rows * mask.shape[1]


def _tiles(n: int, m: int, block: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the tiles of an n x m matrix, in ascending order."""
    for top in range(0, n, block):
        for left in range(0, m, block):
            yield slice(top, min(top + block, n)), slice(left, min(left + block, m))


class _Rounded:
    """Similarities of unit vectors in bfloat16, by tile, up to a constant, and the most by which they can be wrong.

    Rounding loses a share of each vector, so both sides are centred first: with means u and v, xy = (x - u)(y - v) +
    (x - u)v + u(y - v) + uv. The two terms in the middle are columns of their own, the last is left out. Encoders that
    were not trained for similarity have similarities around 0.9, and hardly anything remains of their vectors.

    numpy has no bfloat16: values are read as int16 of the same order (`_ordered`).
    """

    LOWEST = -(2**15)  # below all numbers
    UNIT = np.float32(1.01 * 2**-8)  # the most by which a number differs from its bfloat16, relative to either

    def __init__(self, source: Vectors, target: Vectors, block: int) -> None:
        centre, other = source.mean(axis=0), target.mean(axis=0)
        self.source, lost, length = self._side(source, centre, other, first=True)
        self.target, other_lost, other_length = self._side(target, other, centre, first=False)
        size = min(block, len(source)) * min(block, len(target))
        self.room, self.signs = self.source.new_empty(size), np.empty(size, dtype=np.int16)
        # |xy - x'y'| <= |x - x'| |y| + |x'| |y - y'| (Cauchy-Schwarz), and as much as the columns lose.
        rounded = lost[0] * other_length + other_lost[0] * length + lost[1] + other_lost[1]
        # A float32 sum of d products errs by at most d / 2**24 of the sum of their sizes (Higham 2002, 3.1): the exact
        # similarity has 1 for that, the tile |x||y| + |x| + |y| with its columns, the columns themselves |x| and |y|.
        summed = (source.shape[1] + 4) / 2**24 * (1 + 2 * (1 + length) * (1 + other_length))
        self.error = np.float32(1.01 * rounded + summed)

    @staticmethod
    def _side(
        vectors: Vectors, centre: Vectors, other: Vectors, first: bool
    ) -> tuple["torch.Tensor", tuple[float, float], float]:
        """One side with its columns, what rounding takes from a vector and from its column, the greatest length."""
        import torch  # here, so that the other metrics do without it

        n, d = vectors.shape
        side = torch.ones((n, d + 4), dtype=torch.bfloat16)
        at = d if first else d + 2
        lost = lost_of_column = length = 0.0
        for start in range(0, n, _COPIED):  # in parts, for memory
            part = slice(start, start + _COPIED)
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


def _shortlist(
    source: Vectors, target: Vectors, k: int, block: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """All pairs (i, j) that may be among the k best of i or of j, a few others, or None if rounding leaves too many."""
    n, m = len(source), len(target)
    rounded = _Rounded(source, target, block)
    by_row = np.full((n, min(k, m)), rounded.LOWEST, dtype=np.int16)
    by_column = np.full((m, min(k, n)), rounded.LOWEST, dtype=np.int16)
    masks = np.empty((2, min(block, n) * min(block, m)), dtype=np.bool_)
    room = SHORTLIST * k * (n + m)
    found = []
    for rows, columns in _tiles(n, m, block):
        tile = rounded.tile(rows, columns)
        _raise(by_row[rows], tile)
        _raise(by_column[columns], tile.T)
        mask, other = masks[:, : tile.size].reshape(2, *tile.shape)
        np.greater_equal(tile, rounded.least(by_row[rows].min(axis=1))[:, None], out=mask)
        np.greater_equal(tile, rounded.least(by_column[columns].min(axis=1)), out=other)
        mask |= other
        room -= np.count_nonzero(mask)
        if room < 0:
            return None
        i, j = _places(mask)
        found.append(((i + rows.start).astype(np.int32), (j + columns.start).astype(np.int32), tile[i, j]))
    i, j, value = (np.concatenate(column) for column in zip(*found, strict=True))
    kept = value >= rounded.least(by_row.min(axis=1))[i]
    kept |= value >= rounded.least(by_column.min(axis=1))[j]
    return i[kept].astype(np.intp), j[kept].astype(np.intp)


def _similarities(source: Vectors, target: Vectors, i: NDArray[np.intp], j: NDArray[np.intp]) -> Vectors:
    """float32 similarity of each pair (i, j)."""
    similarity = np.empty(len(i), dtype=np.float32)
    for start in range(0, len(i), _COPIED):
        part = slice(start, start + _COPIED)
        np.einsum("pd,pd->p", source[i[part]], target[j[part]], out=similarity[part])
    return similarity


def _multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16 products; without them they are slower than float32."""
    import torch

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return supported is not None and bool(supported())


def _nearest_by_exact_tiles(source: Vectors, target: Vectors, k: int, block: int) -> tuple[_Nearest, _Nearest]:
    """The same from float32 products: each tile serves both directions, one comparison drops most of its entries."""
    forward = _Nearest(len(source), min(k, len(target)))
    backward = _Nearest(len(target), min(k, len(source)))
    room = np.empty(min(block, len(source)) * min(block, len(target)), dtype=np.float32)
    masks = np.empty(len(room), dtype=np.bool_)
    for rows, columns in _tiles(len(source), len(target), block):
        shape = rows.stop - rows.start, columns.stop - columns.start
        size = shape[0] * shape[1]
        tile, mask = room[:size].reshape(shape), masks[:size].reshape(shape)
        np.matmul(source[rows], target[columns].T, out=tile)
        np.greater_equal(tile, forward.bound(rows, tile)[:, None], out=mask)
        i, j = _places(mask)
        forward.add(i + rows.start, j + columns.start, tile[i, j])
        np.greater_equal(tile, backward.bound(columns, tile.T), out=mask)
        i, j = _places(mask)
        backward.add(j + columns.start, i + rows.start, tile[i, j])
    return forward, backward


def nearest_both_ways(source: Vectors, target: Vectors, k: int, block: int = BLOCK) -> tuple[_Nearest, _Nearest]:
    """Exact k nearest neighbours, source among target and the reverse, from one pass over the products.

    `source` [n, d] and `target` [m, d] have unit rows. Where the processor multiplies bfloat16, products so rounded
    exclude all pairs but those within the error bound of a k-th best, and these are compared in float32.
    """
    pairs = _shortlist(source, target, k, block) if _multiplies_bfloat16() else None
    if pairs is None:
        return _nearest_by_exact_tiles(source, target, k, block)
    i, j = pairs
    similarity = _similarities(source, target, i, j)
    forward = _Nearest(len(source), min(k, len(target)))
    backward = _Nearest(len(target), min(k, len(source)))
    forward.add(i, j, similarity)
    backward.add(j, i, similarity)
    return forward, backward


def _best_by_margin(nearest: _Nearest, own: Vectors, other: Vectors) -> tuple[NDArray[np.intp], Vectors]:
    """Best partner of each row and its ratio margin; `own`, `other`: mean similarity to neighbours."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = nearest.similarity / ((own[:, None] + other[nearest.index]) / 2)
    scores = np.nan_to_num(scores, nan=-np.inf, posinf=np.inf, neginf=-np.inf)  # 0/0: a zero vector has no partner
    rows = np.arange(len(scores))
    best = scores.argmax(axis=1)
    return nearest.index[rows, best], scores[rows, best]


def mine(
    source_vectors: NDArray[np.floating],
    target_vectors: NDArray[np.floating],
    k: int = NEIGHBOURS,
    block: int = BLOCK,
) -> Candidates:
    """Candidate pairs of two sides of distinct texts, one-to-one, by descending ratio margin (> 0).

    `source_vectors` [n, d] and `target_vectors` [m, d] need no normalisation. The score of (x, y) is cos(x,
    y) / ((m(x) + m(y)) / 2), m(v) being the mean cosine of v to its k nearest neighbours on the other side.
    The best candidate of every source and of every target are pooled and taken greedily from the top. Raises
    `NumericError` for NaN or infinite vectors, `SettingError` for k or block below 1.
    """
    if k < 1 or block < 1:
        raise SettingError(f"mining needs k >= 1 and block >= 1, got k={k}, block={block}")
    source, target = normalised(source_vectors), normalised(target_vectors)
    if not len(source) or not len(target):
        nothing = np.zeros(0, dtype=np.intp)
        return Candidates(np.zeros(0, dtype=np.float32), nothing, nothing)
    forward, backward = nearest_both_ways(source, target, k, block)
    source_mean, target_mean = forward.similarity.mean(axis=1), backward.similarity.mean(axis=1)
    to_target, forward_score = _best_by_margin(forward, source_mean, target_mean)
    to_source, backward_score = _best_by_margin(backward, target_mean, source_mean)
    sources = np.concatenate([np.arange(len(source)), to_source])
    targets = np.concatenate([to_target, np.arange(len(target))])
    return _one_to_one(np.concatenate([forward_score, backward_score]), sources, targets)


def _one_to_one(scores: Vectors, sources: NDArray[np.intp], targets: NDArray[np.intp]) -> Candidates:
    """Greedy matching from the best pair down, positive scores only."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0]
    used_source, used_target, kept = set(), set(), []
    for place, i, j in zip(order.tolist(), sources[order].tolist(), targets[order].tolist(), strict=True):
        if i not in used_source and j not in used_target:
            used_source.add(i)
            used_target.add(j)
            kept.append(place)
    return Candidates(scores[kept], sources[kept], targets[kept])


def identified(candidates: Candidates, source: Unified, target: Unified) -> dict[Pair, float]:
    """Candidates as (source id, target id) → score, in order; pairs with a repeated sentence are dropped."""
    scored: dict[Pair, float] = {}
    for score, i, j in zip(*(column.tolist() for column in candidates), strict=True):
        source_id, target_id = source.ids[i], target.ids[j]
        if source_id is not None and target_id is not None:
            scored.setdefault((source_id, target_id), score)  # descending: the first score is the higher one
    return scored


def best_threshold(candidates: Mapping[Pair, float], gold: Collection[Pair]) -> float:
    """Score at which F1 against the gold pairs is best: midway between the last pair kept and the next.

    The first optimum counts; 0 if no candidate is right. Where the optimum is the very last candidate (the
    official code stops with an indexing error there) the threshold is that candidate's score, so that it is
    kept.
    """
    pairs = set(gold)
    items = sorted(candidates.items(), key=lambda item: -item[1])
    threshold = best_f1 = 0.0
    correct = 0
    for extracted, (pair, score) in enumerate(items, start=1):
        correct += pair in pairs
        if correct:
            precision, recall = correct / extracted, correct / len(pairs)
            f1 = 2 * precision * recall / (precision + recall)
            if f1 > best_f1:
                following = items[extracted][1] if extracted < len(items) else score
                best_f1, threshold = f1, (score + following) / 2
    return threshold


def extract(candidates: Mapping[Pair, float], threshold: float) -> list[Pair]:
    """Pairs that score at least `threshold`, in the order of the candidates."""
    return [pair for pair, score in candidates.items() if score >= threshold]
