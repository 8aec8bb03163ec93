"""Documents to training rows: the inputs that inference makes, with the labels of a head beside them.

One function per kind of task; each takes the loaded model, documents of `data.examples.document` and the task's labels.
`document` in a row is the place of the document it is made of.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts_eval import kinds
from xstilts_eval.data.examples import (
    AnswerDocument,
    ChoiceDocument,
    MatchDocument,
    PairDocument,
    QuestionDocument,
    TaggedDocument,
    TextDocument,
)
from xstilts_eval.errors import SettingError
from xstilts_eval.kinds import Halves
from xstilts_eval.models import choices, spans, tagging, texts
from xstilts_eval.models.batching import pad
from xstilts_eval.models.encoder import Loaded, Row, rows_of
from xstilts_eval.training.dual_encoder import CANDIDATE

Labelled = dict[str, Any]
"""A `Row` and its label fields: a class index, one class per sub-word, or two positions.

Of choices, the fields of a `Row` are lists by option; of pairs to be matched, the candidate's have a prefix.
"""
LABELS = ("labels", "start_positions", "end_positions")
"""Fields of a row that are no input of a model."""

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""Label of sub-words that carry no loss: all but one of each word (its first: `utils_tag.py:138-186`)."""
FILLERS = ("O", "X")
"""What a tag outside the label list counts as, where the list has it (`utils_preprocess.py:38-76`)."""


def pair_rows(head: Loaded, documents: Sequence[PairDocument], labels: Sequence[str] = ()) -> list[Labelled]:
    """One row per pair; `labels` is the class, an index into the task's label list."""
    encoding = head.tokenizer(
        [doc["premise"] for doc in documents],
        [doc["hypothesis"] for doc in documents],
        truncation="longest_first",
        max_length=head.max_length,
    )
    rows = rows_of(encoding, head.fields)
    return [
        row | {"labels": doc["label"], "document": number}
        for number, (row, doc) in enumerate(zip(rows, documents, strict=True))
    ]


def text_rows(head: Loaded, documents: Sequence[TextDocument], labels: Sequence[str] = ()) -> list[Labelled]:
    """One row per text; `labels` is the class, an index into the task's label list."""
    rows = rows_of(texts.encoded(head, documents), head.fields)
    return [
        row | {"labels": doc["label"], "document": number}
        for number, (row, doc) in enumerate(zip(rows, documents, strict=True))
    ]


def tagged_rows(head: Loaded, documents: Sequence[TaggedDocument], labels: Sequence[str]) -> list[Labelled]:
    """Rows cut as at evaluation; `labels` stand where `head.first_piece` reads each word's tag.

    Stray tags count as ``X`` or ``O``, or carry no loss where the task has neither.
    """
    index = {name: number for number, name in enumerate(labels)}
    filler = next((index[name] for name in FILLERS if name in index), IGNORED)
    limit = tagging.budget(head.tokenizer, head.model, head.max_length)
    known = tagging.WordTokenizer(head.tokenizer, limit, head.first_piece)
    known.learn(word for doc in documents for word in doc["tokens"])
    before, after = tagging.template(head.tokenizer)
    rows = []
    for number, doc in enumerate(documents):
        tags = iter(doc["tags"])
        for piece in tagging.cut(number, doc["tokens"], known, limit):
            row = _single(head, [*before, *piece.ids, *after])
            gold = [IGNORED] * len(row["input_ids"])
            for position in piece.first:
                gold[len(before) + position] = index.get(next(tags), filler)
            rows.append(row | {"labels": gold, "document": number})
    return rows


def _single(head: Loaded, ids: list[int]) -> Row:
    values = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": [0] * len(ids)}
    return {name: values[name] for name in head.fields}


def question_rows(head: Loaded, documents: Sequence[QuestionDocument], labels: Sequence[str] = ()) -> list[Labelled]:
    """One row per window of the context; `start_positions` and `end_positions` are those of the first gold answer.

    A window that does not hold the whole answer points at the first position, the classification token
    (XTREME's `processors/squad.py:193-211`).
    """
    pair = spans.PairTemplate.of(head.tokenizer)
    options = {"add_special_tokens": False, "truncation": False, "verbose": False}
    contexts = {text: index for index, text in enumerate(dict.fromkeys(doc["context"] for doc in documents))}
    encoded = head.tokenizer(list(contexts), return_offsets_mapping=True, **options)
    questions = head.tokenizer([doc["question"].lstrip() for doc in documents], **options)["input_ids"]
    rows = []
    for number, (doc, question) in enumerate(zip(documents, questions, strict=True)):
        context = contexts[doc["context"]]
        ids, question = encoded["input_ids"][context], question[: spans.MAX_QUESTION]
        first, last = _answer_tokens(encoded["offset_mapping"][context], doc["answers"])
        before = len(pair.before) + len(question) + len(pair.between)
        room = head.max_length - len(question) - pair.special
        if room < 1:
            raise SettingError(f"--max-length {head.max_length} leaves no room for a context behind a question")
        for start, end in spans.windows(len(ids), room, spans.STRIDE):
            inside = start <= first <= last < end
            places = (before + first - start, before + last - start) if inside else (0, 0)
            row = pair.row(question, ids[start:end], head.fields)
            ends = dict(zip(("start_positions", "end_positions"), places, strict=True))
            rows.append(row | ends | {"document": number})
    return rows


def _answer_tokens(offsets: Sequence[tuple[int, int]], answers: Sequence[AnswerDocument]) -> tuple[int, int]:
    """First and last sub-word that touch the first answer, blanks around it left out; (1, 0) without an answer."""
    if not answers:
        return 1, 0
    text, start = answers[0]["text"], answers[0]["answer_start"]
    start += len(text) - len(text.lstrip())
    end = start + len(text.strip())
    return bisect_right(offsets, start, key=lambda o: o[1]), bisect_left(offsets, end, key=lambda o: o[0]) - 1


def choice_rows(head: Loaded, documents: Sequence[ChoiceDocument], labels: Sequence[str] = ()) -> list[Labelled]:
    """One row per question: each field a list [choices][tokens], `labels` the place of the right choice."""
    rows = []
    for number, (doc, options) in enumerate(zip(documents, choices.encoded(head, documents), strict=True)):
        inputs = {name: [option[name] for option in options] for name in head.fields}
        rows.append(inputs | {"labels": doc["label"], "document": number})
    return rows


def match_rows(head: Loaded, documents: Sequence[MatchDocument], labels: Sequence[str] = ()) -> list[Labelled]:
    """One row per pair, both sides encoded as scoring encodes them, of at most `head.lengths` sub-words."""
    limits = head.lengths or (head.max_length, head.max_length)

    def side(texts: list[str], limit: int) -> list[Row]:
        return rows_of(head.tokenizer(texts, truncation=True, max_length=limit, verbose=False), head.fields)

    queries = side([doc["query"] for doc in documents], limits[0])
    candidates = side([doc["candidate"] for doc in documents], limits[1])
    return [
        query | {f"{CANDIDATE}{name}": ids for name, ids in candidate.items()} | {"document": number}
        for number, (query, candidate) in enumerate(zip(queries, candidates, strict=True))
    ]


def ids_of(rows: Sequence[Labelled]) -> set[int]:
    """Every token id that stands in the rows, of all choices and of both sides of a pair."""
    found: set[int] = set()
    for row in rows:
        for name in ("input_ids", f"{CANDIDATE}input_ids"):
            ids = row.get(name, ())
            found.update(*ids) if ids and isinstance(ids[0], list) else found.update(ids)
    return found


def length(row: Labelled) -> int:
    """Tokens of a row, all its choices together, or query and candidate."""
    ids = row["input_ids"]
    own = sum(map(len, ids)) if ids and isinstance(ids[0], list) else len(ids)
    return own + len(row.get(f"{CANDIDATE}input_ids", ()))


def sides(row: Labelled) -> tuple[int, int]:
    """Tokens of a query and of its candidate."""
    return len(row["input_ids"]), len(row[f"{CANDIDATE}input_ids"])


def width(row: Labelled) -> int:
    """Tokens of a row, or of its longest choice."""
    ids = row["input_ids"]
    return max(map(len, ids)) if ids and isinstance(ids[0], list) else len(ids)


def _one(_: Labelled) -> int:
    return 1


def _labelled_words(row: Labelled) -> int:
    return sum(label != IGNORED for label in row["labels"])


def _at_full_width(rows: Sequence[Labelled], head: Loaded) -> int:
    """Rows that were cut, or are just as long as a row may be."""
    return sum(width(row) >= head.max_length for row in rows)


def _at_full_sides(rows: Sequence[Labelled], head: Loaded) -> int:
    limits = head.lengths or (head.max_length, head.max_length)
    return sum(any(size >= limit for size, limit in zip(sides(row), limits, strict=True)) for row in rows)


def _in_several(rows: Sequence[Labelled], _: Loaded) -> int:
    """Documents that are in more than one row."""
    return sum(count > 1 for count in Counter(row["document"] for row in rows).values())


@dataclass(frozen=True)
class Rows:
    """How documents of a kind become rows for its head.

    `make` takes the head, the documents and the task's labels. `items` is what a row adds to the divisor of the loss.
    `longer` counts documents that do not fit into one row. The rows of a step belong together where they `are_whole`:
    each is the others' negative.
    """

    make: Callable[[Loaded, Sequence[Any], Sequence[str]], list[Labelled]]
    items: Callable[[Labelled], int] = _one
    longer: Callable[[Sequence[Labelled], Loaded], int] = _at_full_width
    are_whole: bool = False


ROWS: Halves[Rows] = Halves("training rows")
"""A kind of one's own registers its rows here."""
ROWS.register(kinds.PAIR, Rows(pair_rows))
ROWS.register(kinds.TEXT, Rows(text_rows))
ROWS.register(kinds.TAGGED, Rows(tagged_rows, _labelled_words, _in_several))
ROWS.register(kinds.QUESTION, Rows(question_rows, longer=_in_several))
ROWS.register(kinds.CHOICE, Rows(choice_rows))
ROWS.register(kinds.RANKING, Rows(match_rows, longer=_at_full_sides, are_whole=True))


def collate(batch: Sequence[Labelled], pad_token_id: int) -> dict[str, torch.Tensor]:
    """Tensors [rows, longest] for lists, padded on the right, [rows, choices, longest] for lists of lists, [rows] for
    numbers; `document` stays behind."""
    import torch

    cpu = torch.device("cpu")
    fillers = {"input_ids": pad_token_id, "labels": IGNORED}
    lists = [{name: value for name, value in row.items() if isinstance(value, list)} for row in batch]
    numbers = [name for name, value in batch[0].items() if isinstance(value, int) and name != "document"]
    if isinstance(batch[0]["input_ids"][0], list):
        count = len(batch[0]["input_ids"])
        flat = [{name: value[option] for name, value in row.items()} for row in lists for option in range(count)]
        padded = {name: value.view(len(batch), count, -1) for name, value in pad(flat, fillers, cpu).items()}
    elif f"{CANDIDATE}input_ids" in batch[0]:
        candidates = [{name.removeprefix(CANDIDATE): value for name, value in row.items() if name.startswith(CANDIDATE)}
                      for row in lists]  # fmt: skip
        queries = [{name: value for name, value in row.items() if not name.startswith(CANDIDATE)} for row in lists]
        padded = pad(queries, fillers, cpu)
        padded |= {f"{CANDIDATE}{name}": value for name, value in pad(candidates, fillers, cpu).items()}
    else:
        padded = pad(lists, fillers, cpu)
    return padded | {name: torch.tensor([row[name] for row in batch]) for name in numbers}
