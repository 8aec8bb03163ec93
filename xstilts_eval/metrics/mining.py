"""Margin-based bitext mining for BUCC, step by step as the benchmark's retrieval code does it.

Artetxe & Schwenk 2019 (ratio margin, k nearest neighbours both ways, "max" retrieval). Source of every step:
`third_party/utils_retrieve.py` in google-research/xtreme @ 838c13b. Vectors in, index pairs out: float32
numpy, memory O(block² + (n + m)·k), never the n x m matrix of similarities.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import DataError, NumericError, SettingError
from xstilts_eval.metrics.retrieval import Pair

Vectors = NDArray[np.float32]

NEIGHBOURS = 4
BLOCK = 2048  # rows and columns of a similarity tile: 16 MiB
_PROBE = 256  # partners of a first tile that give its first bound


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

    def admits(self, rows: slice, tile: Vectors) -> NDArray[np.bool_]:
        """Which entries of a tile [rows, partners] may be among the k best; the rest need no sorting."""
        bound, k = self.similarity[rows, -1], self.index.shape[1]
        if np.isneginf(bound[0]) and tile.shape[1] >= k:  # a row's first tile: the k-th of a few is a bound
            kth: Vectors = np.partition(tile[:, : max(_PROBE, k)], -k, axis=1)[:, -k]
            return tile >= kth[:, None]
        return tile > bound[:, None]

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


def nearest_both_ways(source: Vectors, target: Vectors, k: int, block: int = BLOCK) -> tuple[_Nearest, _Nearest]:
    """Exact k nearest neighbours, source among target and the reverse, from one pass over the products.

    `source` [n, d] and `target` [m, d] have unit rows. Each tile of similarities serves both directions;
    entries that do not exceed the running k-th best of their row (column) are dropped by one comparison.
    """
    forward = _Nearest(len(source), min(k, len(target)))
    backward = _Nearest(len(target), min(k, len(source)))
    for top in range(0, len(source), block):
        rows = slice(top, min(top + block, len(source)))
        for left in range(0, len(target), block):
            columns = slice(left, min(left + block, len(target)))
            tile = source[rows] @ target[columns].T
            i, j = np.nonzero(forward.admits(rows, tile))
            forward.add(i + top, j + left, tile[i, j])
            i, j = np.nonzero(backward.admits(columns, tile.T).T)
            backward.add(j + left, i + top, tile[i, j])
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
