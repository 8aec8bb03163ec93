"""Margin-based bitext mining for BUCC, step by step as the benchmark's retrieval code does it.

Artetxe & Schwenk 2019 (ratio margin, k nearest neighbours both ways, "max" retrieval). Source of every step:
`third_party/utils_retrieve.py` in google-research/xtreme @ 838c13b. Vectors in, index pairs out; memory O(block² + (n +
m)·k) besides a copy of the vectors, never the n x m matrix of similarities. Scores are float64 functions of exact
similarities (`neighbours`), in one order of operations: the same vectors give the same pairs and scores everywhere.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import DataError, SettingError
from xstilts_eval.metrics import products
from xstilts_eval.metrics.neighbours import BLOCK, Nearest, nearest_both_ways
from xstilts_eval.metrics.products import Values, Vectors
from xstilts_eval.metrics.retrieval import Pair

NEIGHBOURS = 4


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

    score: NDArray[np.float64]
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


def normalised(vectors: NDArray[np.floating]) -> Vectors:
    """Rows of unit length, float32 [n, dimensions], zero rows kept; raises `NumericError` for NaN or inf.

    Entry by entry, in float64 and in one order, so that equal rows stay equal and no machine gives others.
    """
    rows: Vectors = products.finite(vectors, "mining").copy()
    for part in products.parts(len(rows)):
        whole = rows[part].astype(np.float64)
        length = np.sqrt(_row_sums(whole * whole))
        rows[part] = whole / np.where(length > 0, length, 1)[:, None]
    return rows


def _row_sums(values: Values) -> Values:
    """Sums over the columns, by adding the second half of them to the first until one is left; overwrites `values`."""
    width = values.shape[1]
    while width > 1:
        half = (width + 1) // 2
        values[:, : width - half] += values[:, half:width]
        width = half
    total: Values = values[:, :1].sum(axis=1)
    return total


def _best_by_margin(nearest: Nearest, own: Values, other: Values) -> tuple[NDArray[np.intp], Values]:
    """Best partner of each row and its ratio margin; `own`, `other`: mean similarity to neighbours."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = nearest.similarity / ((own[:, None] + other[nearest.index]) / 2)
    scores[np.isnan(scores)] = -np.inf  # 0/0: a zero vector has no partner
    return nearest.best(scores)


def mine(
    source_vectors: NDArray[np.floating],
    target_vectors: NDArray[np.floating],
    k: int = NEIGHBOURS,
    block: int = BLOCK,
) -> Candidates:
    """Candidate pairs of two sides of distinct texts, one-to-one, by descending ratio margin (> 0).

    `source_vectors` [n, d] and `target_vectors` [m, d] need no normalisation. The score of (x, y) is cos(x,
    y) / ((m(x) + m(y)) / 2), m(v) being the mean cosine of v to its k nearest neighbours on the other side.
    The best candidate of every source and of every target are pooled and taken greedily from the top; ties go to
    the lower index, of the source first. Raises `NumericError` for NaN or infinite vectors, `SettingError` for k
    or block below 1.
    """
    if k < 1 or block < 1:
        raise SettingError(f"mining needs k >= 1 and block >= 1, got k={k}, block={block}")
    source, target = normalised(source_vectors), normalised(target_vectors)
    if not len(source) or not len(target):
        nothing = np.zeros(0, dtype=np.intp)
        return Candidates(np.zeros(0), nothing, nothing)
    forward, backward = nearest_both_ways(source, target, k, block)
    source_mean, target_mean = forward.mean(), backward.mean()
    to_target, forward_score = _best_by_margin(forward, source_mean, target_mean)
    to_source, backward_score = _best_by_margin(backward, target_mean, source_mean)
    sources = np.concatenate([np.arange(len(source)), to_source])
    targets = np.concatenate([to_target, np.arange(len(target))])
    return _one_to_one(np.concatenate([forward_score, backward_score]), sources, targets)


def _one_to_one(scores: Values, sources: NDArray[np.intp], targets: NDArray[np.intp]) -> Candidates:
    """Greedy matching from the best pair down, positive scores only; ties by source, then by target."""
    order = np.lexsort((targets, sources, -scores))
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
