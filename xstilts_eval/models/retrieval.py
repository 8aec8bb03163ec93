"""Answer `embed` requests: nearest neighbours inside a leaf's pool, and mined pairs for BUCC.

The search happens here, on every process alike; responses hold indices and scores, never vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.data.examples import Corpus
from xstilts_eval.metrics import mining
from xstilts_eval.models.processes import Processes

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str], str], Vectors]
"""Maps distinct texts and a label for the progress bar to unit vectors [texts, width]."""

_ROWS = 4096


class SharedEmbedder:
    """Embed each distinct text once; processes share the work and all end up with every vector."""

    def __init__(self, embed: Embed, processes: Processes) -> None:
        self._embed, self._processes = embed, processes
        self._row: dict[str, int] = {}
        self._vectors: Vectors | None = None

    def prepare(self, texts: Sequence[str], label: str) -> None:
        """Compute the vectors of all texts not seen before; collective: call it on every process alike."""
        new = [text for text in dict.fromkeys(texts) if text not in self._row]
        if not new:
            return
        rank, world = self._processes.rank, self._processes.world_size
        parts = self._processes.all_gather_object(self._embed(new[rank::world], label))
        vectors = np.empty((len(new), max(part.shape[1] for part in parts)), np.float32)
        for other, part in enumerate(parts):
            vectors[other::world] = part
        for text in new:
            self._row[text] = len(self._row)
        self._vectors = vectors if self._vectors is None else np.concatenate([self._vectors, vectors])

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Vectors [texts, width] of prepared texts."""
        assert self._vectors is not None
        return self._vectors[[self._row[text] for text in texts]]


def nearest(queries: Vectors, pool: Vectors, first: NDArray[np.intp]) -> tuple[NDArray[np.intp], Vectors]:
    """Index and cosine of the nearest pool entry of each query, shapes [queries].

    `pool` holds distinct texts, `first` the position of their first occurrence in the pool's file: a repeated text
    counts as its first line, so that ties do not depend on rounding.
    """
    index = np.empty(len(queries), np.intp)
    score = np.empty(len(queries), np.float32)
    for start in range(0, len(queries), _ROWS):
        similarity = queries[start : start + _ROWS] @ pool.T
        best = similarity.argmax(axis=1)
        index[start : start + _ROWS] = first[best]
        score[start : start + _ROWS] = similarity[np.arange(len(best)), best]
    return index, score


def search_both_ways(
    sources: Sequence[str], targets: Sequence[str], vectors: Callable[[Sequence[str]], Vectors]
) -> list[dict[str, Any]]:
    """For every line of a bitext: the nearest source line of its target, and the nearest target line of its source."""
    sides = []
    for queries, pool in ((targets, sources), (sources, targets)):
        first = {text: line for line, text in reversed(list(enumerate(pool)))}
        distinct = sorted(first, key=first.__getitem__)
        lines = np.array([first[text] for text in distinct], np.intp)
        sides.append(nearest(vectors(queries), vectors(distinct), lines))
    (to_source, source_score), (to_target, target_score) = sides
    return [
        {
            "nearest_source": int(to_source[line]),
            "source_score": round(float(source_score[line]), 6),
            "nearest_target": int(to_target[line]),
            "target_score": round(float(target_score[line]), 6),
        }
        for line in range(len(sources))
    ]


def candidates(corpus: Corpus, vectors: Callable[[Sequence[str]], Vectors]) -> dict[tuple[str, str], float]:
    """Mined pairs (foreign id, English id) of a corpus with their margin scores, best first."""
    sides = []
    for side in (corpus.source, corpus.target):
        texts = list(side.values())
        unified = mining.unify(list(side), texts)
        sides.append((unified, vectors([texts[row] for row in unified.rows])))
    (source, source_vectors), (target, target_vectors) = sides
    return mining.identified(mining.mine(source_vectors, target_vectors), source, target)


def mine_corpus(
    corpus: Corpus, development: Corpus, embed: Embed, processes: Processes, label: str
) -> tuple[list[tuple[str, str, float]], float]:
    """Pairs extracted from `corpus` at the threshold that is best on `development`, and that threshold."""
    share = SharedEmbedder(embed, processes)
    texts = [text for side in (development, corpus) for texts in (side.source, side.target) for text in texts.values()]
    share.prepare(texts, label)
    threshold = mining.best_threshold(candidates(development, share), development.gold)
    scored = candidates(corpus, share)
    return [(*pair, round(scored[pair], 6)) for pair in mining.extract(scored, threshold)], threshold
