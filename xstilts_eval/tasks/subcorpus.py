"""A part of BUCC's corpora that can be mined by itself, for ``--limit``.

A corpus without its gold pairs would say nothing, and the first N lines hold hardly any. So N sentences of each side
are taken, gold pairs in the share that the whole corpus has, at least one; no sentence is taken without what it is
paired with. The development corpus, which sets the threshold, is cut in the same way.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from xstilts_eval.data.examples import Corpus
from xstilts_eval.tasks.documents import LeafData, shards


def limited(data: LeafData, limit: float) -> LeafData:
    """The leaf with both corpora cut to `limit` sentences a side, or to that share of them if it is below 1.

    Unchanged when nothing has to go. Never complete otherwise; a note says what is left.
    """
    assert data.corpus is not None and data.development is not None
    corpus, development = cut(data.corpus, limit), cut(data.development, limit)
    if corpus is data.corpus and development is data.development:
        return data
    note = (
        f"limited to {len(corpus.source):,} and {len(corpus.target):,} sentences with {len(corpus.gold):,} gold pairs "
        f"(development: {len(development.source):,}, {len(development.target):,} and {len(development.gold):,})"
    )
    return replace(
        data,
        documents=shards(data.family, data.language, corpus),
        corpus=corpus,
        development=development,
        complete=False,
        notes=(*data.notes, note),
    )


def cut(corpus: Corpus, limit: float) -> Corpus:
    """At most `limit` sentences of each side, in the order of the files; the same corpus when it has no more.

    First the groups of sentences that gold pairs hold together, in the order of their first foreign sentence: as many
    as keep the corpus's share of gold pairs among its foreign sentences (rounded up). A group that does not fit is
    passed over, but the first always counts. Then the first sentences that are in no gold pair, up to the limit. Below
    1 the limit is a share of each side, rounded up.
    """
    sides = (corpus.source, corpus.target)
    most = [math.ceil(limit * len(side)) if limit < 1 else int(limit) for side in sides]
    if all(len(side) <= bound for side, bound in zip(sides, most, strict=True)):
        return corpus
    wanted = math.ceil(most[0] * len(corpus.gold) / max(1, len(corpus.source)))
    taken: tuple[set[str], set[str]] = (set(), set())
    pairs = 0
    for *group, count in _groups(corpus):
        fits = all(len(ids) + len(new) <= bound for ids, new, bound in zip(taken, group, most, strict=True))
        if pairs < wanted and (fits or not pairs):
            for ids, new in zip(taken, group, strict=True):
                ids |= new
            pairs += count
    kept = []
    for number, (side, bound) in enumerate(zip(sides, most, strict=True)):
        paired = {pair[number] for pair in corpus.gold}
        others = [id_ for id_ in side if id_ not in paired][: max(0, bound - len(taken[number]))]
        ids = taken[number].union(others)
        kept.append({id_: text for id_, text in side.items() if id_ in ids})
    gold = frozenset(pair for pair in corpus.gold if pair[0] in taken[0])
    return replace(corpus, source=kept[0], target=kept[1], gold=gold)


def _groups(corpus: Corpus) -> Iterator[tuple[set[str], set[str], int]]:
    """Foreign ids, English ids and number of pairs of every group of sentences that gold pairs connect."""
    of_source: dict[str, set[str]] = defaultdict(set)
    of_target: dict[str, set[str]] = defaultdict(set)
    for one, other in corpus.gold:
        of_source[one].add(other)
        of_target[other].add(one)
    seen: set[str] = set()
    for first in corpus.source:
        if first in seen or first not in of_source:
            continue
        sources, targets, new = {first}, set[str](), {first}
        while new:
            targets |= {other for one in new for other in of_source[one]}
            new = {one for other in targets for one in of_target[other]} - sources
            sources |= new
        seen |= sources
        yield sources, targets, sum(len(of_source[one]) for one in sources)
