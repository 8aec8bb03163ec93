"""Chunk F1 against seqeval, mining against faiss."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import inputs, peers
from benchmarks.inputs import Size
from benchmarks.measure import Agreement, Comparison, Contender
from xstilts_eval.metrics.base import Metric
from xstilts_eval.metrics.mining import Candidates, mine
from xstilts_eval.metrics.tagging import NER_F1, POS_F1, pos_chunks

Sentences = list[list[str]]
WIDTH = 384


def ner_f1(size: Size) -> Comparison:
    """Entity F1 of IOB2 tags."""
    gold, predicted = inputs.ner_tags(size.tagged)
    return _chunk_f1("ner_f1", "NER F1", NER_F1, (gold, predicted), (gold, predicted))


def pos_f1(size: Size) -> Comparison:
    """POS F1 by the official (old seqeval) rule; today's seqeval gets the same chunks written in IOB2."""
    gold, predicted = inputs.pos_tags(size.tagged)
    return _chunk_f1("pos_f1", "POS F1", POS_F1, (gold, predicted), (as_iob(gold), as_iob(predicted)))


def as_iob(sentences: Sequence[Sequence[str]]) -> Sentences:
    """UPOS tags as IOB2 labels with the chunks of the official rule, so that seqeval 1.2.2 counts the same ones.

    On bare tags it would read other chunks, and its time would be spent on warnings.
    """
    found = []
    for tags in sentences:
        labels = ["O"] * len(tags)
        for chunk in pos_chunks(tags):
            labels[chunk.start] = f"B-{chunk.type}"
            labels[chunk.start + 1 : chunk.end + 1] = [f"I-{chunk.type}"] * (chunk.end - chunk.start)
        found.append(labels)
    return found


def _chunk_f1(
    name: str,
    title: str,
    metric: Metric[Sequence[str], Sequence[str]],
    ours: tuple[Sentences, Sentences],
    theirs: tuple[Sentences, Sentences],
) -> Comparison:
    from seqeval.metrics import f1_score, precision_score, recall_score

    gold, _ = ours
    one = Contender("seqeval f1_score", lambda: _quietly(lambda: {"f1": f1_score(*theirs)}))
    scores = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
    three = Contender(
        "seqeval precision, recall and F1 as XTREME's run_tag.py calls them",
        lambda: _quietly(lambda: {key: score(*theirs) for key, score in scores.items()}),
    )
    words = sum(map(len, gold))
    return Comparison(
        name=name,
        title=title,
        inputs=f"{len(gold):,} sentences, {words:,} words, one prediction in ten wrong; ours gives P, R, F1 at once",
        ours=Contender(f"{metric.name}", lambda: metric.corpus_score(*ours)),
        peers=(one, three),
        agree=_same_scores,
        targets={one.name: 25.0},
        limits="Turning two strings a word into numbers, most of our time; the counting itself is numpy.",
    )


def _quietly(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def _same_scores(ours: dict[str, float], theirs: dict[str, float]) -> Agreement:
    difference = max(abs(ours[name] - float(value)) for name, value in theirs.items())
    return Agreement(difference < 1e-12, f"{', '.join(theirs)} identical")


def mining(size: Size) -> Comparison:
    """Margin mining of two equally large sides."""
    source, target = inputs.bitext_vectors(size.mining, WIDTH)
    peer = Contender("XTREME's search: faiss IndexFlatIP both ways", lambda: peers.mine_with_faiss(source, target))
    return Comparison(
        name="mining",
        title="Bitext mining, exact",
        inputs=f"{size.mining:,} x {size.mining:,} vectors of width {WIDTH}, k = 4, ratio margin",
        ours=Contender("mining.mine", lambda: mine(source, target)),
        peers=(peer,),
        agree=_same_pairs,
        targets={peer.name: 2.0},
        limits="The bfloat16 product is over half of our time, exact products of the pairs it leaves a tenth. Without "
        "bfloat16 instructions tiles are float32, and one product instead of two is the most to save.",
    )


def _same_pairs(ours: Candidates, theirs: list[tuple[float, int, int]]) -> Agreement:
    mined = {(int(i), int(j)): float(score) for score, i, j in zip(*ours, strict=True)}
    wanted = {(i, j): score for score, i, j in theirs}
    if mined.keys() != wanted.keys():
        return Agreement(False, f"{len(mined.keys() ^ wanted.keys())} of {len(wanted)} pairs differ")
    difference = max(abs(mined[pair] - score) for pair, score in wanted.items())
    return Agreement(difference < 1e-5, f"{len(wanted):,} pairs identical, scores within {difference:.0e}")
