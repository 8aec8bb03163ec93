"""Chunk F1 as the benchmark computes it (seqeval semantics, re-implemented) and token accuracy.

Both chunk rules are one automaton over transitions of labels; they differ only in how a label is split into
tag and type. seqeval 0.0.10-0.0.13, whose POS F1 is the official one, took the whole UPOS name as the type
and its first letter as the tag, so that a chunk is a maximal run of equal tags, except that tags beginning
with S (SYM, SCONJ) are read as *single* and stand alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import eq, itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics.base import Metric, Scores, Statistics, precision_recall_f1, ratio

Tags = Sequence[str]

_START, _END = 1, 2  # bits of a transition: a chunk starts at this label, one ended before it
_ORIGIN = 4  # and, in tables only: a chunk that is open after this label began here at the latest
_BLOCK = 1024  # sentences counted at once: their arrays stay in cache
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
    """Tag and type as seqeval 0.0.12 split any label: the first letter, and what follows the last hyphen.

    Of ``NOUN`` that is the whole name. Between sentences it puts an ``O``, whose type is ``O``.
    """
    return (label[0], label.rsplit("-", maxsplit=1)[-1]) if label else ("O", "O")


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


def ner_counts_by_type(gold: Iterable[Tags], predicted: Iterable[Tags]) -> dict[str, Statistics]:
    """Entities (correct, predicted, gold) of each type that is on one of the sides, by name."""
    sides: list[list[str]] = [[], [], []]
    for gold_tags, tags in zip(gold, predicted, strict=True):
        right = ner_chunks(gold_tags)
        found = right if tags == gold_tags else ner_chunks(tags)
        common = right if found is right else set(right).intersection(found)
        for side, chunks in zip(sides, (common, found, right), strict=True):
            side += [chunk.type for chunk in chunks]
    counted = [Counter(side) for side in sides]
    return {kind: tuple(side[kind] for side in counted) for kind in sorted({*counted[1], *counted[2]})}


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


class _Codes(dict[str, str]):
    """Label → the character whose number is its code, from 1, given on first use; the boundary is 0."""

    def __missing__(self, label: str) -> str:
        code = self[label] = chr(len(self))
        return code


def _encoded(sides: Iterable[Sequence[Tags]], numbers: _Codes) -> bytes | None:
    """All labels as numbers, a boundary after each sentence; None where a byte per label is not enough."""
    labels: list[str] = []
    for sentences in sides:
        for tags in sentences:
            labels += tags
            labels.append(_BOUNDARY)
    try:
        # Characters, because joining them is 2.6 times as fast as making bytes of numbers.
        return "".join(itemgetter(*labels)(numbers)).encode("latin-1")
    except UnicodeEncodeError:  # free text as labels
        return None


class _Tables:
    """What a step from one coded label to the next means, for the labels met so far.

    `bits` [label x 256 + previous label] holds start, end, and `_ORIGIN` where a chunk that is open later would have
    begun: at every start and, as in the loop, at the first token of a sentence. `kinds` [label] numbers the types.
    """

    def __init__(self, rule: _Rule) -> None:
        self.numbers = _Codes({_BOUNDARY: "\0"})
        self.bits, self.kinds = np.zeros((256, 256), np.uint8), np.zeros(256, np.uint8)
        self._rule, self._filled = rule, 0
        self._types: dict[str, int] = {}

    def fill(self) -> None:
        """Add the labels that `numbers` has got since the last call."""
        names = tuple(islice(self.numbers, 256))  # a number beyond that is never a code
        if len(names) == self._filled:
            return
        for code, previous in enumerate(names):
            row = self._rule[previous]
            steps = np.array([row[label] for label in names], np.uint8)
            origin = (steps & _START) != 0 if previous else np.True_
            self.bits[: len(names), code] = steps | np.where(origin, _ORIGIN, 0)
            self.kinds[code] = self._types.setdefault(row.type, len(self._types))
        self._filled = len(names)


def _count_all(rule: _Rule, gold: Sequence[Tags], predicted: Sequence[Tags]) -> NDArray[np.float64]:
    """Chunks (correct, predicted, gold) per sentence, shape [sentences, 3]: the walk above on coded tags."""
    tables = _Tables(rule)
    counts = np.zeros((len(gold), 3))
    for first in range(0, len(gold), _BLOCK):
        block = slice(first, first + _BLOCK)
        found = _count_block(tables, gold[block], predicted[block], first)
        if found is None:
            found = np.array([_count(rule, g, p) for g, p in zip(gold[block], predicted[block], strict=True)])
        counts[block] = found
    return counts


def _count_block(
    tables: _Tables, gold: Sequence[Tags], predicted: Sequence[Tags], first: int
) -> NDArray[np.int32] | None:
    """Counts of some sentences, the first of them number `first`; None for labels that only the loop can read.

    Both sides stand in one array of positions: all gold sentences, then all predicted ones, each sentence followed by a
    boundary.
    """
    lengths = [*map(len, gold)]
    if lengths != [*map(len, predicted)]:
        for number, (gold_tags, tags) in enumerate(zip(gold, predicted, strict=True), start=first + 1):
            _check_lengths(gold_tags, tags, f"sentence {number}: ")
    codes = _encoded((gold, predicted), tables.numbers)
    # An empty label inside a sentence would read as a boundary; the loop counts it as outside.
    if codes is None or codes.count(0) != 2 * len(lengths):
        return None
    tables.fill()
    # Bytes that overlap by one are the steps; what precedes the first label is a boundary, as the last label is one.
    steps = np.ndarray((2, len(codes) // 2), "<u2", b"\0" + codes, strides=(len(codes) // 2, 1))
    bits = tables.bits.ravel().take(steps)
    places = np.arange(steps.shape[1], dtype=np.int32)
    start = np.maximum.accumulate(np.where(bits & _ORIGIN, places, 0), axis=1)
    ends = (bits & _END) != 0  # a chunk ended before this place
    kinds = tables.kinds.take(steps & 255)
    same = kinds[0] == kinds[1]
    same[1:] &= start[0, :-1] == start[1, :-1]
    events = np.stack([ends[0] & ends[1] & same, ends[1], ends[0]]).view(np.uint8)
    counts = np.cumsum(events, axis=1, dtype=np.int32)[:, np.cumsum(np.array(lengths) + 1) - 1].T
    rows: NDArray[np.int32] = np.diff(counts, axis=0, prepend=0)
    return rows


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
EVALUATOR_F1 = POS_F1
"""What XTREME's `evaluate.py` computes of both tagging tasks, with the seqeval of its time (0.0.12).

On ``B-``, ``I-`` and ``O`` with types that hold no hyphen it equals `NER_F1`. A bare ``PER`` is an entity of that type
here, and one of type ``ER`` there.
"""
TOKEN_ACCURACY: Metric[Tags, Tags] = Metric(
    name="token_accuracy",
    names=("token_accuracy",),
    counts=("correct", "tokens"),
    count=_count_tokens,
    finish=_finish_tokens,
)
