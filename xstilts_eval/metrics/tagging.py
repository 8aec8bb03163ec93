"""Chunk F1 as the benchmark computes it (seqeval semantics, re-implemented) and token accuracy.

Both chunk rules are one automaton over transitions of labels; they differ only in how a label is split into tag and
type. seqeval 0.0.10-0.0.13, whose POS F1 is the official one, took the whole UPOS name as the type and its first
letter as the tag, so that a chunk is a maximal run of equal tags, except that tags beginning with S (SYM, SCONJ)
are read as *single* and stand alone.
"""

from collections.abc import Callable, Sequence
from operator import eq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics.base import Metric, Scores, Statistics, precision_recall_f1, ratio

Tags = Sequence[str]

_START, _END = 1, 2  # bits of a transition: a chunk starts at this label, one ended before it
_BOUNDARY = ""  # what stands before the first and after the last label of a sentence
_LARGEST_TABLE = 1024  # labels; beyond it (free text as labels) a dense table of transitions would not pay


class Chunk(NamedTuple):
    """A labelled span of one sentence; `start` and `end` are token positions from 0, `end` included."""

    type: str
    start: int
    end: int


class _Row(dict[str, int]):
    """Transitions out of one label: next label → bits, filled on first use."""

    __slots__ = ("split", "tag", "type")

    def __init__(self, label: str, split: Callable[[str], tuple[str, str]]) -> None:
        self.split = split
        self.tag, self.type = split(label)

    def __missing__(self, label: str) -> int:
        tag, kind = self.split(label)
        bits = self[label] = _transition(self.tag, tag, self.type == kind)
        return bits


class _Rule(dict[str, _Row]):
    """All transitions of one labelling scheme: label → row, filled on first use."""

    def __init__(self, split: Callable[[str], tuple[str, str]]) -> None:
        self.split = split

    def __missing__(self, label: str) -> _Row:
        row = self[label] = _Row(label, self.split)
        return row


def _transition(previous: str, tag: str, same_type: bool) -> int:
    """Bits for a step between two labels; the lenient reading of the CoNLL-2000 script, B I E S O."""
    starts = tag in ("B", "S") or (previous in ("E", "S", "O") and tag in ("E", "I"))
    ends = previous in ("E", "S") or (previous in ("B", "I") and tag in ("B", "S", "O"))
    if not same_type:
        starts = starts or tag not in ("O", ".")
        ends = ends or previous not in ("O", ".")
    return (_START if starts else 0) | (_END if ends else 0)


def _split_ner(label: str) -> tuple[str, str]:
    """Tag and type as seqeval 1.2.2 splits ``B-PER``; an empty label counts as outside."""
    return (label[0], label[1:].split("-", maxsplit=1)[-1] or "_") if label else ("O", "")


def _split_pos(label: str) -> tuple[str, str]:
    """Tag and type as seqeval 0.0.12 split ``NOUN``: first letter and whole name."""
    return (label[0], label.rsplit("-", maxsplit=1)[-1]) if label else ("O", "")


_NER = _Rule(_split_ner)
_POS = _Rule(_split_pos)


def _chunks(rule: _Rule, tags: Tags) -> list[Chunk]:
    found = []
    row, start = rule[_BOUNDARY], 0
    for position, label in enumerate((*tags, _BOUNDARY)):
        bits = row[label]
        if bits & _END:
            found.append(Chunk(row.type, start, position - 1))
        if bits & _START:
            start = position
        row = rule[label]
    return found


def ner_chunks(tags: Tags) -> list[Chunk]:
    """Entities of one sentence in ``B-/I-`` labels, read leniently: an I- after O or another type opens one.

    Source: seqeval 1.2.2 `get_entities` (its default mode), which follows the conlleval script.
    """
    return _chunks(_NER, tags)


def pos_chunks(tags: Tags) -> list[Chunk]:
    """Chunks of one sentence in bare UPOS tags: maximal runs of one tag, S… tags each on their own.

    Source: seqeval 0.0.12 `get_entities`; a tag `O`, no UPOS tag, makes no chunk there and none here.
    """
    return _chunks(_POS, tags)


def _check_lengths(gold: Tags, predicted: Tags, where: str = "") -> None:
    if len(gold) != len(predicted):
        raise PredictionError(f"{where}{len(predicted)} predicted tags for {len(gold)} words")


def _count(rule: _Rule, gold: Tags, predicted: Tags) -> Statistics:
    """Chunks (correct, predicted, gold) of one sentence in one walk, without building them."""
    _check_lengths(gold, predicted)
    correct = n_predicted = n_gold = gold_start = predicted_start = position = 0
    gold_row = predicted_row = rule[_BOUNDARY]
    for gold_label, label in zip((*gold, _BOUNDARY), (*predicted, _BOUNDARY), strict=True):
        gold_bits, bits = gold_row[gold_label], predicted_row[label]
        if gold_bits & _END:
            n_gold += 1
            if bits & _END:
                correct += gold_start == predicted_start and gold_row.type == predicted_row.type
        if bits & _END:
            n_predicted += 1
        if gold_bits & _START:
            gold_start = position
        if bits & _START:
            predicted_start = position
        gold_row, predicted_row = rule[gold_label], rule[label]
        position += 1
    return (correct, n_predicted, n_gold)


class _Walk(NamedTuple):
    """One side of a corpus as arrays over all tokens and one boundary per sentence, shape [positions]."""

    ends: NDArray[np.bool_]  # a chunk ended before this position
    start: NDArray[np.intp]  # where the chunk that reaches up to this position began
    type: NDArray[np.intp]  # type of the label before this position


def _walk(rule: _Rule, vocabulary: dict[str, int], flat: list[str]) -> _Walk:
    size = len(vocabulary)
    bits = np.array([[rule[a][b] for b in vocabulary] for a in vocabulary], dtype=np.uint8).ravel()
    types: dict[str, int] = {}
    type_of = np.array([types.setdefault(rule[label].type, len(types)) for label in vocabulary], dtype=np.intp)
    codes = np.fromiter(map(vocabulary.__getitem__, flat), dtype=np.intp, count=len(flat))
    before = np.concatenate(([0], codes[:-1]))
    step = bits[before * size + codes]
    # As in the loop above, a sentence begins with "the last start was its first token".
    starts = np.where((step & _START).astype(bool) | (before == 0), np.arange(len(codes)), 0)
    running = np.maximum.accumulate(starts)
    return _Walk((step & _END).astype(bool), np.concatenate(([0], running[:-1])), type_of[before])


def _flat(sentences: Sequence[Tags]) -> list[str]:
    labels: list[str] = []
    for tags in sentences:
        labels += tags
        labels.append(_BOUNDARY)
    return labels


def _count_all(rule: _Rule, gold: Sequence[Tags], predicted: Sequence[Tags]) -> NDArray[np.float64]:
    """Chunks (correct, predicted, gold) per sentence, shape [sentences, 3]: the walk above on coded tags."""
    for number, (gold_tags, tags) in enumerate(zip(gold, predicted, strict=True), start=1):
        _check_lengths(gold_tags, tags, f"sentence {number}: ")
    gold_flat, flat = _flat(gold), _flat(predicted)
    labels = set(gold_flat) | set(flat)
    # An empty label inside a sentence would read as a boundary; the loop counts it as outside.
    empty_inside = gold_flat.count(_BOUNDARY) + flat.count(_BOUNDARY) > 2 * len(gold)
    if not gold or len(labels) > _LARGEST_TABLE or empty_inside:
        rows = [_count(rule, g, p) for g, p in zip(gold, predicted, strict=True)]
        return np.array(rows, dtype=np.float64).reshape(len(rows), 3)
    vocabulary = {_BOUNDARY: 0} | {label: code for code, label in enumerate(sorted(labels - {_BOUNDARY}), start=1)}
    true, guess = _walk(rule, vocabulary, gold_flat), _walk(rule, vocabulary, flat)
    correct = true.ends & guess.ends & (true.start == guess.start) & (true.type == guess.type)
    lengths = np.fromiter(map(len, gold), dtype=np.intp, count=len(gold)) + 1
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    return np.stack(
        [np.add.reduceat(events, first, dtype=np.float64) for events in (correct, guess.ends, true.ends)], axis=1
    )


def _chunk_metric(rule: _Rule, name: str) -> Metric[Tags, Tags]:
    return Metric(
        name="chunk_f1",
        names=("f1", "precision", "recall"),
        counts=("correct", "predicted", "gold"),
        count=lambda gold, predicted: _count(rule, gold, predicted),
        count_all=lambda gold, predicted: _count_all(rule, gold, predicted),
        finish=precision_recall_f1,
        choices=(f"rule:{name}", "avg:micro"),
    )


def _count_tokens(gold: Tags, predicted: Tags) -> Statistics:
    _check_lengths(gold, predicted)
    return (sum(map(eq, gold, predicted)), len(gold))


def _finish_tokens(statistics: Sequence[float]) -> Scores:
    correct, tokens = statistics
    return {"token_accuracy": ratio(correct, tokens)}


NER_F1 = _chunk_metric(_NER, "seqeval1.2.2-conlleval")
POS_F1 = _chunk_metric(_POS, "seqeval0.0.12-upos")
TOKEN_ACCURACY: Metric[Tags, Tags] = Metric(
    name="token_accuracy",
    names=("token_accuracy",),
    counts=("correct", "tokens"),
    count=_count_tokens,
    finish=_finish_tokens,
)
