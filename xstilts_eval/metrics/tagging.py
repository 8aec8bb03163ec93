"""Chunk F1 as the benchmark computes it (seqeval semantics, re-implemented) and token accuracy.

Both chunk rules are one automaton over transitions of labels; they differ only in how a label is split into
tag and type. seqeval 0.0.10-0.0.13, whose POS F1 is the official one, took the whole UPOS name as the type
and its first letter as the tag, so that a chunk is a maximal run of equal tags, except that tags beginning
with S (SYM, SCONJ) are read as *single* and stand alone.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import eq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics.base import Metric, Scores, Statistics, precision_recall_f1, ratio

Tags = Sequence[str]

_START, _END = 1, 2  # bits of a transition: a chunk starts at this label, one ended before it
_BOUNDARY = ""  # what stands before the first and after the last label of a sentence


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
    correct = n_predicted = n_gold = gold_start = predicted_start = 0
    gold_row = predicted_row = rule[_BOUNDARY]
    pairs = zip((*gold, _BOUNDARY), (*predicted, _BOUNDARY), strict=True)
    for position, (gold_label, label) in enumerate(pairs):
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
    return (correct, n_predicted, n_gold)


class _Codes(dict[str, int]):
    """Label → number from 1, given on first use; the boundary is 0."""

    def __missing__(self, label: str) -> int:
        code = self[label] = len(self)
        return code


def _encoded(sides: Iterable[Sequence[Tags]], numbers: _Codes) -> NDArray[np.uint8] | None:
    """All labels as numbers, a boundary after each sentence; None where a byte per label is not enough."""
    labels: list[str] = []
    for sentences in sides:
        for tags in sentences:
            labels += tags
            labels.append(_BOUNDARY)
    try:
        return np.frombuffer(bytes(map(numbers.__getitem__, labels)), dtype=np.uint8)
    except ValueError:  # free text as labels
        return None


def _tables(rule: _Rule, labels: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Transition bits [previous label x 256 + label] and the number of each label's type [label]."""
    bits, kinds, numbers = np.zeros((256, 256), np.uint8), np.zeros(256, np.uint8), _Codes()
    names = tuple(labels)
    for code, previous in enumerate(names):
        row = rule[previous]
        bits[code, : len(names)] = [row[label] for label in names]
        kinds[code] = numbers[row.type]
    return bits.ravel(), kinds


def _count_all(rule: _Rule, gold: Sequence[Tags], predicted: Sequence[Tags]) -> NDArray[np.float64]:
    """Chunks (correct, predicted, gold) per sentence, shape [sentences, 3]: the walk above on coded tags.

    Both sides stand in one array of positions: all gold sentences, then all predicted ones, each sentence
    followed by a boundary.
    """
    lengths = [*map(len, gold)]
    if lengths != [*map(len, predicted)]:
        for number, (gold_tags, tags) in enumerate(zip(gold, predicted, strict=True), start=1):
            _check_lengths(gold_tags, tags, f"sentence {number}: ")
    numbers = _Codes({_BOUNDARY: 0})
    codes = _encoded((gold, predicted), numbers)
    # An empty label inside a sentence would read as a boundary; the loop counts it as outside.
    if codes is None or not len(codes) or len(codes) - np.count_nonzero(codes) != 2 * len(lengths):
        rows = [_count(rule, g, p) for g, p in zip(gold, predicted, strict=True)]
        return np.array(rows, dtype=np.float64).reshape(len(rows), 3)
    # What precedes the first label must be a boundary, and the last label is one.
    before = np.concatenate([codes[-1:], codes[:-1]])
    bits, kinds = _tables(rule, numbers)
    steps = bits[(before.astype(np.uint16) << 8) | codes]
    # As in the loop, a sentence begins with "the last start was its first token".
    position = np.arange(len(codes), dtype=np.int64)
    start = np.maximum.accumulate(np.where((steps & _START).astype(bool) | (before == 0), position, 0))
    side = len(codes) // 2
    gold_ends, predicted_ends = ((steps & _END) != 0).reshape(2, side)
    # Positions after the last token of a chunk, on both sides.
    both = np.flatnonzero(gold_ends & predicted_ends)
    same_start = start[both - 1] == start[both + side - 1] - side
    correct = both[same_start & (kinds[before[both]] == kinds[before[both + side]])]
    last = np.cumsum(np.array(lengths) + 1)  # the position after each sentence's boundary
    ends = (correct, np.flatnonzero(predicted_ends), np.flatnonzero(gold_ends))
    counts = [np.searchsorted(events, last) for events in ends]
    return np.diff(np.stack(counts, axis=1), axis=0, prepend=0).astype(np.float64)


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
