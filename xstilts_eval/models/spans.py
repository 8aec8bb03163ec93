"""Extractive question answering: documents to answer strings cut out of the original context.

Windows and decoding follow SQuAD v1.1 as XTREME runs it (`processors/squad.py:88-261`, `run_squad.py:569-634`):
windows of 384 sub-words that advance by 128, question cut at 64, answers start only where their token has maximal
context, n-best 20, at most 30 sub-words. The answer is the slice of the context between the first and the last
sub-word's characters, so scripts without blanks need no re-alignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts_eval import kinds
from xstilts_eval.data.examples import AskedDocument
from xstilts_eval.errors import SettingError
from xstilts_eval.models.encoder import Counts, Loaded, Row, forward_rows
from xstilts_eval.models.heads import HEADS

MAX_LENGTH = HEADS.of(kinds.QUESTION).max_length
STRIDE, MAX_QUESTION, N_BEST, MAX_ANSWER = 128, 64, 20, 30
"""google-research/xtreme, `scripts/train_qa.sh` and the defaults of `third_party/run_squad.py`."""


@dataclass(frozen=True)
class PairTemplate:
    """Special tokens around two segments and the token type of each position."""

    before: list[int]
    between: list[int]
    after: list[int]
    types: tuple[int, int, int, int, int]

    @classmethod
    def of(cls, tokenizer: Any) -> PairTemplate:
        """Read the template off an encoded pair of words."""
        encoding = tokenizer("a", "b", return_token_type_ids=True)
        ids, types = encoding["input_ids"], encoding["token_type_ids"]
        side = encoding.sequence_ids(0)
        first = [place for place, which in enumerate(side) if which == 0]
        second = [place for place, which in enumerate(side) if which == 1]
        before, between, after = ids[: first[0]], ids[first[-1] + 1 : second[0]], ids[second[-1] + 1 :]
        places = (0, first[0], first[-1] + 1, second[0], len(ids) - 1)
        return cls(before, between, after, tuple(types[place] for place in places))

    @property
    def special(self) -> int:
        return len(self.before) + len(self.between) + len(self.after)

    def row(self, question: list[int], context: list[int], fields: Sequence[str]) -> Row:
        parts = (self.before, question, self.between, context, self.after)
        ids = [token for part in parts for token in part]
        types = [kind for part, kind in zip(parts, self.types, strict=True) for _ in part]
        values = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": types}
        return {name: values[name] for name in fields}


@dataclass(frozen=True)
class Window:
    """Context sub-words `start` to `end` of one document, placed behind `offset` other tokens in the row."""

    document: int
    start: int
    end: int
    offset: int


def windows(total: int, room: int, stride: int) -> list[tuple[int, int]]:
    """(start, end) of windows over `total` sub-words, `room` wide, advancing by `stride`; the last ends at `total`."""
    spans = []
    start = 0
    while True:
        end = min(start + room, total)
        spans.append((start, end))
        if end >= total:
            return spans
        start += min(end - start, stride)


def max_context(spans: Sequence[tuple[int, int]], which: int) -> NDArray[np.bool_]:
    """Whether each sub-word of window `which` has no more context in another window.

    Context is the smaller of the sub-words to its left and right, plus 0.01 times the window's length; the earliest
    window wins ties (SQuAD's `check_is_max_context`).
    """
    start, end = spans[which]
    positions = np.arange(start, end)
    best = np.full(len(positions), -1.0)
    owner = np.full(len(positions), -1)
    for index, (other_start, other_end) in enumerate(spans):
        inside = (positions >= other_start) & (positions < other_end)
        context = np.minimum(positions - other_start, other_end - 1 - positions) + 0.01 * (other_end - other_start)
        better = inside & (context > best)
        best[better], owner[better] = context[better], index
    mask: NDArray[np.bool_] = owner == which
    return mask


def best_span(
    start_logits: NDArray[np.float32],
    end_logits: NDArray[np.float32],
    may_start: NDArray[np.bool_],
    n_best: int = N_BEST,
    max_answer: int = MAX_ANSWER,
) -> tuple[float, int, int] | None:
    """Best (score, first, last) among the `n_best` starts and ends of one window; None when no pair is allowed.

    Arrays have shape [context sub-words]. A pair is allowed when the end is not before the start, the span holds at
    most `max_answer` sub-words, and `may_start` holds at its start.
    """
    starts = np.argsort(-start_logits, kind="stable")[:n_best]
    ends = np.argsort(-end_logits, kind="stable")[:n_best]
    length = ends[None, :] - starts[:, None] + 1
    allowed = (length >= 1) & (length <= max_answer) & may_start[starts][:, None]
    if not allowed.any():
        return None
    scores = np.where(allowed, start_logits[starts][:, None] + end_logits[ends][None, :], -np.inf)
    row, column = divmod(int(scores.argmax()), len(ends))
    return float(scores[row, column]), int(starts[row]), int(ends[column])


@dataclass(frozen=True)
class Answered:
    """The best answer to a question (empty when no span is allowed), its score, and the score of having none.

    Scores are sums of two logits; `null_score` is that of the first position, the classification token, the lowest of
    all windows (SQuAD v2.0 in `run_squad.py` of google-research/bert, `write_predictions`).
    """

    text: str = ""
    score: float = -np.inf
    null_score: float = np.inf

    @property
    def no_answer(self) -> float:
        """How much likelier no answer is than the best one; infinite without one."""
        return self.null_score - self.score


def answer(head: Loaded, documents: Sequence[AskedDocument]) -> tuple[list[str], Counts]:
    """The answer string of every document (empty when no span is allowed), and the number of its windows.

    Raises `SettingError` when `max_length` leaves no room for a context behind a question.
    """
    found, counts = answer_or_none(head, documents)
    return [one.text for one in found], counts


def answer_or_none(head: Loaded, documents: Sequence[AskedDocument]) -> tuple[list[Answered], Counts]:
    """As `answer`, with the scores of each answer and of having none."""
    tokenizer = head.tokenizer
    pair = PairTemplate.of(tokenizer)
    fields = head.fields
    contexts = list(dict.fromkeys(doc["context"] for doc in documents))
    options = {"add_special_tokens": False, "truncation": False, "verbose": False}
    encoded = tokenizer(contexts, return_offsets_mapping=True, **options)
    place = {text: index for index, text in enumerate(contexts)}
    questions = tokenizer([doc["question"].lstrip() for doc in documents], **options)["input_ids"]

    rows: list[Row] = []
    placed: list[Window] = []
    spans_of: list[list[tuple[int, int]]] = []
    for number, doc in enumerate(documents):
        ids = encoded["input_ids"][place[doc["context"]]]
        question = questions[number][:MAX_QUESTION]
        room = head.max_length - len(question) - pair.special
        if room < 1:
            raise SettingError(f"max_length={head.max_length} leaves no room for a context behind a question")
        spans = windows(len(ids), room, STRIDE)
        spans_of.append(spans)
        for start, end in spans:
            rows.append(pair.row(question, ids[start:end], fields))
            placed.append(Window(number, start, end, len(pair.before) + len(question) + len(pair.between)))

    def read(output: Any, _: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack((output.start_logits, output.end_logits), dim=-1)

    names = [str(documents[window.document]["id"]) for window in placed]
    logits = forward_rows(head, rows, read, names)
    best = [Answered()] * len(documents)
    for window, values in zip(placed, logits, strict=True):
        spans = spans_of[window.document]
        inside = values[window.offset : window.offset + window.end - window.start]
        previous = best[window.document]
        best[window.document] = previous = replace(
            previous, null_score=min(previous.null_score, float(values[0].sum()))
        )
        found = best_span(inside[:, 0], inside[:, 1], max_context(spans, spans.index((window.start, window.end))))
        if found is None:
            continue
        score, first, last = found
        if score > previous.score:
            context = documents[window.document]["context"]
            offsets = encoded["offset_mapping"][place[context]]
            text = context[offsets[window.start + first][0] : offsets[window.start + last][1]]
            best[window.document] = replace(previous, text=text.strip(), score=score)
    return best, {"windows": [len(spans) for spans in spans_of]}
