"""Token classification: words to tags, long sentences cut into pieces and glued, no word ever lost.

The cutting is XTREME's (`utils_preprocess.py:38-76,129-188`): words are tokenised one at a time, a word without
sub-words or longer than the budget becomes the unknown token, and a new piece starts at the word that would overflow.

A word's tag is read at its first sub-word, as in XTREME's scripts (`FirstPiece` ``any``). A SentencePiece vocabulary
gives many words of languages without blanks, such as Japanese and Chinese, a first piece that is the mark of a word's
beginning and nothing else; ``text`` reads (and trains) the first piece that holds some of the word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xstilts_eval import kinds
from xstilts_eval.data.examples import TaggedDocument
from xstilts_eval.models.encoder import Counts, Loaded, Row, forward_rows
from xstilts_eval.models.heads import HEADS
from xstilts_eval.models.label_map import LabelMap

MAX_LENGTH = HEADS.of(kinds.TAGGED).max_length
FirstPiece = Literal["any", "text"]
"""Which piece of a word has its tag: the first whatever it is, or the first that is more than `MARKS`."""
MARKS = "▁Ġ"
"""How vocabularies write the beginning of a word: SentencePiece, and byte-level BPE."""


@dataclass(frozen=True)
class Piece:
    """Consecutive words of one sentence: their sub-word ids, and where the piece with each word's tag stands."""

    sentence: int
    ids: list[int]
    first: list[int]


class WordTokenizer:
    """Sub-word ids of single words, each distinct word tokenised once."""

    def __init__(self, tokenizer: Any, budget: int, first_piece: FirstPiece = "any") -> None:
        self._tokenizer, self._budget, self._first_piece = tokenizer, budget, first_piece
        self._known: dict[str, list[int]] = {}
        self._has_text: dict[int, bool] = {}
        self._replaced: set[str] = set()

    def learn(self, words: Iterator[str]) -> None:
        """Tokenise all words not seen yet in one call."""
        new = [word for word in dict.fromkeys(words) if word not in self._known]
        if not new:
            return
        encoded = self._tokenizer(new, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        for word, ids in zip(new, encoded, strict=True):
            fits = 0 < len(ids) <= self._budget
            self._known[word] = ids if fits else [self._tokenizer.unk_token_id]
            self._replaced |= set() if fits else {word}

    def __getitem__(self, word: str) -> list[int]:
        return self._known[word]

    def is_replaced(self, word: str) -> bool:
        """Whether the unknown token stands for the word."""
        return word in self._replaced

    def place(self, word: str) -> int:
        """Which of the word's pieces has its tag."""
        return self.blank(word) if self._first_piece == "text" else 0

    def blank(self, word: str) -> int:
        """How many pieces without text the word begins with; 0 where it has no other."""
        ids = self._known[word]
        return next((place for place, index in enumerate(ids) if self._holds_text(index)), 0)

    def _holds_text(self, index: int) -> bool:
        if index not in self._has_text:
            self._has_text[index] = bool(str(self._tokenizer.convert_ids_to_tokens(index)).strip(MARKS))
        return self._has_text[index]


def budget(tokenizer: Any, model: Any, max_length: int) -> int:
    """Sub-words of one piece: 128 less 3 special tokens for XLM-R and 2 otherwise, as in the benchmark's scripts."""
    special = 3 if model.config.model_type == "xlm-roberta" else tokenizer.num_special_tokens_to_add()
    return int(max_length - special)


def cut(sentence: int, words: Sequence[str], known: WordTokenizer, limit: int) -> Iterator[Piece]:
    """Cut one sentence into pieces of at most `limit` sub-words, at word borders, without overlap."""
    ids: list[int] = []
    first: list[int] = []
    for word in words:
        sub_words = known[word]
        if ids and len(ids) + len(sub_words) > limit:
            yield Piece(sentence, ids, first)
            ids, first = [], []
        first.append(len(ids) + known.place(word))
        ids += sub_words
    if first:
        yield Piece(sentence, ids, first)


def template(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Special tokens before and after a single segment, read off an encoded word."""
    encoding = tokenizer("a", return_special_tokens_mask=True)
    mask, ids = encoding["special_tokens_mask"], encoding["input_ids"]
    start, end = mask.index(0), len(mask) - mask[::-1].index(0)
    return ids[:start], ids[end:]


def tag(
    head: Loaded, documents: Sequence[TaggedDocument], tags: Sequence[str] | LabelMap
) -> tuple[list[list[str]], Counts]:
    """One tag per word for every document: the arg-max at the word's first sub-word, or as `head.first_piece` says.

    `tags` are the names of the model's classes, or how they are read as the family's. Also returns counts by
    sentence: pieces beyond one, words replaced by the unknown token, words whose first piece holds no text
    (`blank_first_pieces`), words whose most probable class the family lacks (`outside_label_set`), and words where a
    special token, which is never predicted, was the most probable of all (`special_tokens`).
    """
    limit = budget(head.tokenizer, head.model, head.max_length)
    known = WordTokenizer(head.tokenizer, limit, head.first_piece)
    known.learn(word for doc in documents for word in doc["tokens"])
    pieces = [piece for number, doc in enumerate(documents) for piece in cut(number, doc["tokens"], known, limit)]
    before, after = template(head.tokenizer)
    rows: list[Row] = []
    for piece in pieces:
        ids = [*before, *piece.ids, *after]
        values = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": [0] * len(ids)}
        rows.append({name: values[name] for name in head.fields})
    names = [str(documents[piece.sentence]["id"]) for piece in pieces]
    logits = forward_rows(head, rows, lambda output, _: output.logits, names)
    scores: list[list[NDArray[np.float32]]] = [[] for _ in documents]
    for piece, values_of_piece in zip(pieces, logits, strict=True):
        scores[piece.sentence].append(values_of_piece[np.asarray(piece.first) + len(before)])
    counts = {
        "extra_pieces": [len(parts) - 1 for parts in scores],
        "unknown_words": [sum(map(known.is_replaced, doc["tokens"])) for doc in documents],
        "blank_first_pieces": [sum(known.blank(word) > 0 for word in doc["tokens"]) for doc in documents],
    }
    if not isinstance(tags, LabelMap):
        return [[tags[index] for part in parts for index in part.argmax(axis=-1)] for parts in scores], counts
    decoded = [decode(parts, tags) for parts in scores]
    for name, has in (("outside_label_set", tags.extra), ("special_tokens", tags.special)):
        if has:
            counts[name] = [found[name] for _, found in decoded]
    return [tag for tag, _ in decoded], counts


def decode(parts: Sequence[NDArray[np.float32]], tags: LabelMap) -> tuple[list[str], dict[str, int]]:
    """Tags of one sentence from its pieces' scores [words, classes], and words by the fate of their best class.

    `special_tokens`: a special token was best of all; `outside_label_set`: of the others, a class the family lacks.
    Classes of one name are one class with the sum of their probabilities.
    """
    if not parts:
        return [], {"outside_label_set": 0, "special_tokens": 0}
    scores = np.concatenate(parts)
    for first, *others in tags.same:
        scores[:, first] = np.logaddexp.reduce(scores[:, [first, *others]], axis=-1)
        scores[:, others] = -np.inf
    best = scores.argmax(axis=-1)
    special = int(np.isin(best, tags.special).sum())
    if special:
        scores[:, tags.special] = -np.inf
        best = scores.argmax(axis=-1)
    outside = int(np.isin(best, tags.extra).sum())
    if outside and tags.extra_types == "mask":
        scores[:, [*tags.extra, *tags.special]] = -np.inf
        best = scores.argmax(axis=-1)
    return tags.decode(best.tolist()), {"outside_label_set": outside, "special_tokens": special}
