"""Answer `embed` requests: nearest neighbours inside a pool, rankings of shared candidates, mined pairs for BUCC.

The search happens here, on every process alike; responses hold indices and scores, never vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.benchmark import Family
from xstilts_eval.data.examples import BitextDocument, Corpus, LineDocument, ShardDocument
from xstilts_eval.metrics import mining, neighbours, xsim
from xstilts_eval.metrics.retrieval import RANKED
from xstilts_eval.models.known_vectors import KnownVectors, Vectors
from xstilts_eval.models.processes import Processes
from xstilts_eval.tasks.responses import Margins, Mined, Nearest, Ranked, Response

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

    from xstilts_eval.data.ranking import Pool
    from xstilts_eval.tasks.announced import Selection
    from xstilts_eval.tasks.documents import LeafData


class Encoder(Protocol):
    """What turns sentences into vectors; `known` are those of inputs that it was asked for before."""

    @property
    def known(self) -> KnownVectors: ...

    def inputs(self, texts: Sequence[str]) -> tuple[Sequence[bytes], Sequence[bool]]:
        """What the model sees of each text, and whether that is not all of it."""

    def embed(self, texts: Sequence[str], label: str) -> Vectors:
        """Unit vectors [texts, width]; `label` is for the progress bar."""


@dataclass(frozen=True)
class Ranker:
    """A dual encoder: both sides may differ in length and prompt."""

    queries: Encoder
    candidates: Encoder


@dataclass
class Found:
    """One response per request, and what was longer than the model reads.

    `cut` counts by leaf lines of its pool, sentences of its corpora or candidates; `cut_queries` has a 1 for each
    request whose query was cut, of rankings only.
    """

    responses: list[Response]
    cut: dict[str, int] = field(default_factory=dict)
    cut_queries: list[int] = field(default_factory=list)


class SharedEmbedder:
    """Vectors of distinct inputs, each computed once; processes share the work and all end up with every vector.

    Texts that are one input to the model (a letter case it does not know, words outside its vocabulary) share a row, so
    that ties between them do not depend on rounding, and hence not on batches. What the encoder has embedded for
    another dataset is taken from there; what it has not goes there where `remembers`.
    """

    def __init__(self, encoder: Encoder, processes: Processes, remembers: bool = True) -> None:
        self._encoder, self._processes, self._remembers = encoder, processes, remembers
        self._row_of_text: dict[str, int] = {}
        self._row_of_input: dict[bytes, int] = {}
        self._cut: set[str] = set()
        self.vectors: Vectors | None = None

    def prepare(self, texts: Sequence[str], label: str) -> None:
        """Find the vectors of all inputs not seen before; collective: call it on every process alike."""
        unseen = [text for text in dict.fromkeys(texts) if text not in self._row_of_text]
        new: dict[bytes, str] = {}
        for text, seen_as, is_cut in zip(unseen, *self._encoder.inputs(unseen), strict=True):
            if is_cut:
                self._cut.add(text)
            if seen_as not in self._row_of_input:
                self._row_of_input[seen_as] = len(self._row_of_input)
                new[seen_as] = text
            self._row_of_text[text] = self._row_of_input[seen_as]
        if not new:
            return
        vectors = self._vectors(new, label)
        self.vectors = vectors if self.vectors is None else np.concatenate([self.vectors, vectors])

    def _vectors(self, new: Mapping[bytes, str], label: str) -> Vectors:
        known = self._encoder.known
        asked = {seen_as: text for seen_as, text in new.items() if seen_as not in known}
        if not asked:
            return known.of(list(new))
        computed = vectors = self._computed(list(asked.values()), label)
        if len(asked) < len(new):
            is_asked = np.array([seen_as in asked for seen_as in new])
            vectors = np.empty((len(new), computed.shape[1]), np.float32)
            vectors[is_asked] = computed
            vectors[~is_asked] = known.of([seen_as for seen_as in new if seen_as in known])
        if self._remembers:
            known.add(list(asked), computed)
        return vectors

    def _computed(self, texts: Sequence[str], label: str) -> Vectors:
        rank, world = self._processes.rank, self._processes.world_size
        parts = self._processes.all_gather_object(self._encoder.embed(texts[rank::world], label))
        vectors = np.empty((len(texts), max(part.shape[1] for part in parts)), np.float32)
        for other, part in enumerate(parts):
            vectors[other::world] = part
        return vectors

    def rows(self, texts: Sequence[str]) -> NDArray[np.intp]:
        """Row of each prepared text in `vectors`."""
        return np.array([self._row_of_text[text] for text in texts], np.intp)

    def cut(self, texts: Iterable[str]) -> int:
        """How many of these prepared texts are longer than the model reads; one that stands twice counts twice."""
        return sum(text in self._cut for text in texts)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Vectors [texts, width] of prepared texts."""
        assert self.vectors is not None
        return self.vectors[self.rows(texts)]


def rank(
    requests: Sequence[Instance], pool: Pool, ranker: Ranker, processes: Processes, label: str
) -> tuple[list[Ranked], list[int], int]:
    """The nearest candidates of every request's query: ids and scores, best first; 1 where it was cut; cut candidates.

    Collective: texts are embedded once, the work shared between processes. Candidates of one score, as those
    that are one input to the model, come in the order of the pool.
    """
    share = SharedEmbedder(ranker.candidates, processes)
    share.prepare(pool.texts, f"{label} · {len(pool.texts):,} candidates")
    assert share.vectors is not None
    members: list[list[int]] = [[] for _ in share.vectors]
    for candidate, row in enumerate(share.rows(pool.texts)):
        members[row].append(candidate)
    texts = list(dict.fromkeys(request.doc["query"] for request in requests))
    asking = SharedEmbedder(ranker.queries, processes)
    asking.prepare([text for part in processes.all_gather_object(texts) for text in part], f"{label} · queries")
    if not texts:
        return [], [], share.cut(pool.texts)
    near = neighbours.nearest(asking(texts), share.vectors, RANKED)
    found: dict[str, Ranked] = {}
    for text, rows, scores in zip(texts, near.index, near.similarity.tolist(), strict=True):
        ordered = sorted((-score, one) for row, score in zip(rows, scores, strict=True) for one in members[row])[
            :RANKED
        ]
        found[text] = {
            "candidates": [pool.ids[one] for _, one in ordered],
            "scores": [round(-negative, 6) for negative, _ in ordered],
        }
    asked = [request.doc["query"] for request in requests]
    return [found[query] for query in asked], [asking.cut([query]) for query in asked], share.cut(pool.texts)


def search_both_ways(sources: Sequence[str], targets: Sequence[str], share: SharedEmbedder) -> list[Nearest]:
    """For every line of a bitext: the nearest source line of its target, and the nearest target line of its source.

    Among lines of one vector the first counts.
    """
    to_target, to_source = neighbours.nearest_both_ways(share(sources), share(targets), 1)
    return [
        {
            "nearest_source": int(to_source.index[line, 0]),
            "source_score": round(float(to_source.similarity[line, 0]), 6),
            "nearest_target": int(to_target.index[line, 0]),
            "target_score": round(float(to_target.similarity[line, 0]), 6),
        }
        for line in range(len(sources))
    ]


def match_by_margin(sources: Sequence[str], targets: Sequence[str], share: SharedEmbedder) -> list[Margins]:
    """For every line of a bitext: the line of the other side with the best margin (xsim), from both sides."""
    forth, back = xsim.matches(share(sources), share(targets))
    return [{"margin_target": int(forth[line]), "margin_source": int(back[line])} for line in range(len(sources))]


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
) -> tuple[list[tuple[str, str, float]], float, int]:
    """Pairs extracted from `corpus` at the threshold that is best on `development`, that threshold, cut sentences."""
    # Corpora are large and no other dataset has their sentences.
    share = SharedEmbedder(encoder, processes, remembers=False)
    texts = [text for side in (development, corpus) for texts in (side.source, side.target) for text in texts.values()]
    share.prepare(texts, label)
    threshold = mining.best_threshold(candidates(development, share), development.gold)
    scored = candidates(corpus, share)
    pairs = [(*pair, round(scored[pair], 6)) for pair in mining.extract(scored, threshold)]
    return pairs, threshold, share.cut(texts)


def answer(
    requests: Sequence[Instance],
    selections: Sequence[Selection],
    encoder: Callable[[], Encoder],
    ranker: Callable[[Family], Ranker],
    processes: Processes,
) -> Found:
    """One response per request, to `selections` or some of them.

    Bitext: nearest lines of both sides; the vectors of all leaves are computed together, each distinct input once.
    Ranking: the nearest candidates; a family's pool is embedded once for all languages. Mining: the pairs whose foreign
    sentence lies in the shard; the vectors live for one leaf at a time. `encoder` and `ranker` load at their first use,
    and an input that the encoder has embedded in an earlier call, for whatever dataset, is not embedded again.
    """
    leaves = {s.name: s.task.data for s in selections if s.task.family.is_embedded}
    cut: dict[str, int] = {}
    found = _search(leaves, encoder, processes, cut)
    answers: dict[int, Response] = {}
    cut_queries = [0] * len(requests)
    for family in dict.fromkeys(leaf.family for leaf in leaves.values() if leaf.candidates is not None):
        places = [place for place, request in enumerate(requests) if leaves[request.task_name].family == family]
        pool = next(
            leaf.candidates for leaf in leaves.values() if leaf.family == family and leaf.candidates is not None
        )
        mine = [requests[place] for place in places]
        ranked, queries, candidates_cut = rank(mine, pool, ranker(family), processes, family.group)
        answers |= zip(places, ranked, strict=True)
        for place, is_cut in zip(places, queries, strict=True):
            cut_queries[place] = is_cut
        cut |= {name: candidates_cut for name, leaf in leaves.items() if leaf.family == family}
    for place, request in enumerate(requests):
        if place not in answers:
            answers[place] = found[request.task_name](request.doc)
    return Found([answers[place] for place in range(len(requests))], cut, cut_queries)


def _search(
    leaves: dict[str, LeafData],
    encoder: Callable[[], Encoder],
    processes: Processes,
    cut: dict[str, int],
) -> dict[str, Callable[[Any], Response]]:
    """What answers a document of each leaf with a pool or corpus of its own, from its neighbours or mined pairs.

    How many of the leaf's texts were cut goes into `cut`.
    """
    pools = {name: leaf.pool for name, leaf in leaves.items() if leaf.pool is not None}
    found: dict[str, Callable[[Any], Response]] = {}
    if pools:
        share = SharedEmbedder(encoder(), processes)
        families = "+".join(dict.fromkeys(leaves[name].family.group for name in pools))
        texts = [text for pool in pools.values() for side in pool for text in side]
        share.prepare(texts, f"{families} · {len(pools)} languages")
        for name, pool in pools.items():
            cut[name] = share.cut(text for side in pool for text in side)
            near = search_both_ways(*pool, share)
            margins = match_by_margin(*pool, share) if "xsim_error" in leaves[name].family.metrics else None
            found[name] = partial(_line, near, margins)
    for name, leaf in leaves.items():
        if leaf.corpus is not None and leaf.development is not None:
            mined, threshold, cut[name] = mine_corpus(leaf.corpus, leaf.development, encoder(), processes, name)
            found[name] = partial(_shard, leaf, mined, threshold)
    return found


def _line(near: Sequence[Nearest], margins: Sequence[Margins] | None, doc: BitextDocument | LineDocument) -> Response:
    """`gold` is also the line of the query's own pair."""
    line = doc["gold"]
    return near[line] if margins is None else {**near[line], **margins[line]}


def _shard(leaf: LeafData, mined: Sequence[tuple[str, str, float]], threshold: float, doc: ShardDocument) -> Mined:
    inside = leaf.ids_of_shard(doc)
    return {"pairs": [pair for pair in mined if pair[0] in inside], "threshold": threshold}
