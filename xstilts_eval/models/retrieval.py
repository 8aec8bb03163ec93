"""Answer `embed` requests: nearest neighbours inside a leaf's pool, and mined pairs for BUCC.

The search happens here, on every process alike; responses hold indices and scores, never vectors.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.benchmark import Kind
from xstilts_eval.data.examples import Corpus
from xstilts_eval.metrics import mining
from xstilts_eval.models.processes import Processes

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

    from xstilts_eval.tasks.announced import Selection
    from xstilts_eval.tasks.documents import LeafData

Vectors = NDArray[np.float32]
_ROWS = 4096


class Encoder(Protocol):
    """What turns sentences into vectors."""

    def inputs(self, texts: Sequence[str]) -> Sequence[Hashable]:
        """What the model sees of each text."""

    def embed(self, texts: Sequence[str], label: str) -> Vectors:
        """Unit vectors [texts, width]; `label` is for the progress bar."""


class SharedEmbedder:
    """Vectors of distinct inputs, each computed once; processes share the work and all end up with every vector.

    Texts that are one input to the model (a letter case it does not know, words outside its vocabulary) share a row, so
    that ties between them do not depend on rounding, and hence not on batches.
    """

    def __init__(self, encoder: Encoder, processes: Processes) -> None:
        self._encoder, self._processes = encoder, processes
        self._row_of_text: dict[str, int] = {}
        self._row_of_input: dict[Hashable, int] = {}
        self.vectors: Vectors | None = None

    def prepare(self, texts: Sequence[str], label: str) -> None:
        """Compute the vectors of all inputs not seen before; collective: call it on every process alike."""
        unseen = [text for text in dict.fromkeys(texts) if text not in self._row_of_text]
        new = []
        for text, seen_as in zip(unseen, self._encoder.inputs(unseen), strict=True):
            if seen_as not in self._row_of_input:
                self._row_of_input[seen_as] = len(self._row_of_input)
                new.append(text)
            self._row_of_text[text] = self._row_of_input[seen_as]
        if not new:
            return
        rank, world = self._processes.rank, self._processes.world_size
        parts = self._processes.all_gather_object(self._encoder.embed(new[rank::world], label))
        vectors = np.empty((len(new), max(part.shape[1] for part in parts)), np.float32)
        for other, part in enumerate(parts):
            vectors[other::world] = part
        self.vectors = vectors if self.vectors is None else np.concatenate([self.vectors, vectors])

    def rows(self, texts: Sequence[str]) -> NDArray[np.intp]:
        """Row of each prepared text in `vectors`."""
        return np.array([self._row_of_text[text] for text in texts], np.intp)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Vectors [texts, width] of prepared texts."""
        assert self.vectors is not None
        return self.vectors[self.rows(texts)]


def nearest(queries: Vectors, pool: Vectors) -> tuple[NDArray[np.intp], Vectors]:
    """Index and cosine of the nearest of the distinct vectors `pool` for each query, shapes [queries]."""
    index = np.empty(len(queries), np.intp)
    score = np.empty(len(queries), np.float32)
    for start in range(0, len(queries), _ROWS):
        similarity = queries[start : start + _ROWS] @ pool.T
        best = similarity.argmax(axis=1)
        index[start : start + _ROWS] = best
        score[start : start + _ROWS] = similarity[np.arange(len(best)), best]
    return index, score


def search_both_ways(sources: Sequence[str], targets: Sequence[str], share: SharedEmbedder) -> list[dict[str, Any]]:
    """For every line of a bitext: the nearest source line of its target, and the nearest target line of its source.

    Among lines that are one input to the model the first counts.
    """
    sides = []
    for queries, pool in ((targets, sources), (sources, targets)):
        rows, first_line = np.unique(share.rows(pool), return_index=True)
        assert share.vectors is not None
        index, score = nearest(share(queries), share.vectors[rows])
        sides.append((first_line[index], score))
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


def candidates(corpus: Corpus, vectors: SharedEmbedder) -> dict[tuple[str, str], float]:
    """Mined pairs (foreign id, English id) of a corpus with their margin scores, best first."""
    sides = []
    for side in (corpus.source, corpus.target):
        texts = list(side.values())
        unified = mining.unify(list(side), texts)
        sides.append((unified, vectors([texts[row] for row in unified.rows])))
    (source, source_vectors), (target, target_vectors) = sides
    return mining.identified(mining.mine(source_vectors, target_vectors), source, target)


def mine_corpus(
    corpus: Corpus, development: Corpus, encoder: Encoder, processes: Processes, label: str
) -> tuple[list[tuple[str, str, float]], float]:
    """Pairs extracted from `corpus` at the threshold that is best on `development`, and that threshold."""
    share = SharedEmbedder(encoder, processes)
    texts = [text for side in (development, corpus) for texts in (side.source, side.target) for text in texts.values()]
    share.prepare(texts, label)
    threshold = mining.best_threshold(candidates(development, share), development.gold)
    scored = candidates(corpus, share)
    return [(*pair, round(scored[pair], 6)) for pair in mining.extract(scored, threshold)], threshold


def answer(
    requests: Sequence[Instance], selections: Sequence[Selection], encoder: Encoder, processes: Processes
) -> list[dict[str, Any]]:
    """Answers to `embed` requests: the neighbours of a query, or the mined pairs of a shard.

    Collective over processes: every process walks through all selected retrieval leaves in the same order.
    """
    leaves = {s.name: s.task.data for s in selections if s.task.family.kind in (Kind.BITEXT, Kind.MINING)}
    bitexts = {name: leaf for name, leaf in leaves.items() if leaf.corpus is None}
    share = SharedEmbedder(encoder, processes)
    families = "+".join(dict.fromkeys(leaf.family.group for leaf in bitexts.values()))
    share.prepare(
        [text for leaf in bitexts.values() for side in leaf.pool for text in side],
        f"{families} · {len(bitexts)} languages",
    )
    found: dict[str, Any] = {}
    for name, leaf in leaves.items():
        if leaf.corpus is None or leaf.development is None:
            found[name] = search_both_ways(*leaf.pool, share)
        else:
            found[name] = mine_corpus(leaf.corpus, leaf.development, encoder, processes, name)
    return [_response(request.doc, found[request.task_name], leaves[request.task_name]) for request in requests]


def _response(doc: dict[str, Any], found: Any, leaf: LeafData) -> dict[str, Any]:
    if leaf.corpus is None:
        response: dict[str, Any] = found[doc["gold"]]  # `gold` is also the line of the query's own pair
        return response
    mined, threshold = found
    shard = leaf.ids_of_shard(doc)
    return {"pairs": [pair for pair in mined if pair[0] in shard], "threshold": threshold}
