"""Documents to text-to-text rows for encoder-decoders and decoders, in the prompts that evaluation asks with.

A row trains what the host's requests ask of a language model: the same context (`tasks.prompts`), the same
continuation behind the same delimiter, tokenised as the host tokenises them, and the end-of-sequence token behind it,
at which generation stops. An encoder-decoder reads the context and is trained to write the continuation; a decoder
reads both and carries loss on the continuation alone.

Pairs are evaluated as a cloze: one filled sentence per class behind an empty context, the most probable wins. A row is
the gold sentence alone, which trains a generative classifier: by Bayes' rule log p(word, hypothesis | premise) is
largest for the most probable class. What all sentences begin with, the premise, is read and carries no loss: its
likelihood is the same for every class and cancels in the comparison, and modelling it drowns the class (own
measurement, see `_shared`). The loss is still about words as much as about classes, so `development_score` counts
right choices where there are any.
"""

from __future__ import annotations

import inspect
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import torch
from torch.nn.functional import cross_entropy

from xstilts_eval import kinds
from xstilts_eval.data.examples import (
    ChoiceDocument,
    Document,
    PairDocument,
    QuestionDocument,
    TaggedDocument,
    TextDocument,
)
from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.kinds import Halves, Kind
from xstilts_eval.models.batching import batches
from xstilts_eval.models.shared_context import common_prefix
from xstilts_eval.suites import dataset
from xstilts_eval.tasks import prompts, texts
from xstilts_eval.training.rows import IGNORED, Labelled
from xstilts_eval.training_tasks import TrainingTask, choice_texts

Row = Labelled
"""`input_ids`, `attention_mask` and `labels`; an encoder-decoder's labels go with `decoder_input_ids`, which are those
the model would make of labels without gaps. `document` is the place of the document that the row is made of."""
Premised = TypeVar("Premised", PairDocument, ChoiceDocument)
Request = tuple[str, str]
"""Context and continuation, as the host asks."""
Encoded = tuple[list[int], list[int]]
"""Tokens of a context and of its continuation."""

UNANSWERABLE = "unanswerable"
"""Target of a question that its passage does not answer (SQuAD v2.0); the benchmark itself has no such question."""
MAX_LENGTH, MAX_BYTES = 1024, 4096
"""Longest input by default, in sub-words and in bytes: those of mT5's and ByT5's fine-tuning on question answering
and NER (google-research/multilingual-t5 @ 9dcd60fc, google-research/byt5 @ 7d4efddd, `tasks.py`)."""
_BYTE_VOCABULARY = 1000
"""A vocabulary below this spells bytes: ByT5's has 384 entries, sub-word vocabularies have thousands."""
_LOGITS = 1 << 26
"""Logits held at once in scoring (256 MB in float32): a vocabulary of 250,000 would otherwise fill the memory."""
_CHUNK = 1000
"""Documents tokenised at once: enough for a fast tokenizer, and choices that are not gold take no memory for long."""


# ------------------------------------------------------------------------------------- prompts


@dataclass(frozen=True)
class Prompt:
    """What a kind of task asks: a context and, behind the delimiter, its choices in label order or its one target.

    `words_of` names the dataset whose words it says; "" where it has none of its own.
    """

    context: Callable[[Any], str]
    options: Callable[[Any], Sequence[str]]
    delimiter: str = " "
    words_of: str = ""

    def requests(self, doc: Document) -> list[Request]:
        """One per option; raises `UnknownName` for a language without words."""
        if self.words_of:
            doc = doc | {"family": self.words_of}
        context = self.context(doc)
        return [(context, f"{self.delimiter}{option}") for option in self.options(doc)]


def choice_text(doc: ChoiceDocument) -> str:
    """First segment of a multiple-choice document; the blank before an option is the delimiter's."""
    return choice_texts(doc)[0].rstrip()


def answer_text(doc: QuestionDocument) -> str:
    """The first gold answer, or `UNANSWERABLE`."""
    return prompts.first_answer(doc) if doc["answers"] else UNANSWERABLE


@dataclass(frozen=True)
class Asking:
    """How a language model learns tasks of a kind: what it is asked, and how a document is made shorter.

    `whole` is how much there is of what is cut, `least` how much of it must stay, and `shortened` the document with so
    much of it.
    """

    prompt: Callable[[TrainingTask], Prompt]
    whole: Callable[[Any], int]
    least: Callable[[Any], int]
    shortened: Callable[[Any, int], Document]


ASKING: Halves[Asking] = Halves("text-to-text prompt")
"""A kind of one's own registers its own here."""


def prompt_of(task: TrainingTask) -> Prompt:
    """The prompt of a training task; raises `SettingError` for one without text, `UnknownName` for such a kind."""
    return ASKING.of(task.kind).prompt(task)


def _of_pairs(task: TrainingTask) -> Prompt:
    """The cloze of the dataset whose question the task asks; its words in the document's language."""
    told = dataset(task.asked_as).prompt if task.asked_as else None
    choices = getattr(prompts, told.choices, None) if told else None
    if told is None or choices is None:
        raise SettingError(f"{task.name} has no text-to-text prompt; its dataset would have to ask one of ours")
    delimiter = " " if told.delimiter is None else told.delimiter
    return Prompt(prompts.no_context, choices, delimiter, task.asked_as)


def _of_texts(_: TrainingTask) -> Prompt:
    return Prompt(texts.topic_text, texts.topics)


def _of_tags(_: TrainingTask) -> Prompt:
    return Prompt(prompts.tagging_text, lambda doc: [prompts.tagged_line(doc)])


def _of_questions(task: TrainingTask) -> Prompt:
    return Prompt(prompts.question_text, lambda doc: [answer_text(doc)], words_of=task.asked_as)


def _of_choices(_: TrainingTask) -> Prompt:
    return Prompt(choice_text, lambda doc: choice_texts(doc)[1])


# ------------------------------------------------------------------------------------- tokens


@dataclass(frozen=True)
class Shape:
    """How a kind of language model reads requests; `max_length` in tokens.

    A decoder's limit holds for context and continuation together, an encoder-decoder's for each of them; both count the
    end-of-sequence token.
    """

    tokenizer: Any
    config: Any
    max_length: int

    @property
    def is_encoder_decoder(self) -> bool:
        return bool(self.config.is_encoder_decoder)

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Contexts and continuations as the host splits them, without the final end-of-sequence token.

        An empty context is the beginning-of-sequence token, or the end-of-sequence token of models that have none.
        """
        contexts = self._ids((context for context, _ in requests))
        alone = self._ids((continuation for _, continuation in requests), add_special_tokens=False)
        joint = () if self.is_encoder_decoder else ("".join(request) for request in requests if request[0])
        together = self._ids(joint)

        def split(context: str, continuation: str) -> Encoded:
            if not context:
                return self._behind_prefix(alone[continuation])
            first, whole = contexts[context], together.get(context + continuation, [])
            return first, whole[len(first) :] if whole[: len(first)] == first else alone[continuation]

        return [split(*request) for request in requests]

    def _ids(self, texts: Iterable[str], **options: Any) -> dict[str, list[int]]:
        """Tokens by text, each text once: choices share their context."""
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return {}
        found = self.tokenizer(distinct, truncation=False, verbose=False, **options)["input_ids"]
        return dict(zip(distinct, found, strict=True))

    def _behind_prefix(self, continuation: list[int]) -> Encoded:
        prefix = self.tokenizer.bos_token_id
        prefix = self.end if prefix is None else int(prefix)
        return [prefix], continuation[1:] if continuation[:1] == [prefix] else continuation

    @property
    def end(self) -> int:
        """Id of the end-of-sequence token; raises `UnfitCheckpoint` for a tokenizer without one."""
        if self.tokenizer.eos_token_id is None:
            raise UnfitCheckpoint(
                f"{self.tokenizer.name_or_path}: the tokenizer has no end-of-sequence token, where generated answers "
                "end; set eos_token in its tokenizer_config.json"
            )
        return int(self.tokenizer.eos_token_id)

    @property
    def start(self) -> int:
        """Id of the decoder's first input; raises `UnfitCheckpoint` for an encoder-decoder that names none."""
        found = getattr(self.config, "decoder_start_token_id", None)
        if found is None:
            raise UnfitCheckpoint(
                f"{self.tokenizer.name_or_path}: config.json names no decoder_start_token_id, with which the decoder "
                "of T5, mT5 and ByT5 begins; add it"
            )
        return int(found)

    def fits(self, encoded: Encoded) -> bool:
        """Whether a row of these tokens is within `max_length`."""
        context, continuation = (len(part) for part in encoded)
        if self.is_encoder_decoder:
            return max(context, continuation + 1) <= self.max_length
        return context + continuation + 1 <= self.max_length

    def row(self, encoded: Encoded, shared: int = 0, ended: bool = True) -> Row:
        """One row of tokens without loss on the first `shared` ones of the continuation.

        `ended` puts the end-of-sequence token behind it.
        """
        context, continuation = encoded
        target = [*continuation, self.end] if ended else list(continuation)
        labels = [IGNORED] * shared + target[shared:]
        if self.is_encoder_decoder:
            row = {"input_ids": context, "attention_mask": [1] * len(context)}
            return row | {"decoder_input_ids": [self.start, *target[:-1]], "labels": labels}
        ids = [*context, *target]
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": [IGNORED] * len(context) + labels}


def default_length(tokenizer: Any) -> int:
    """Longest input in tokens where nobody gave one; rows are padded to the longest of their batch only."""
    return MAX_BYTES if len(tokenizer) < _BYTE_VOCABULARY else MAX_LENGTH


# ------------------------------------------------------------------------------------- rows


def rows_of(
    tokenizer: Any,
    config: Any,
    documents: Sequence[Any],
    task: TrainingTask,
    max_length: int,
    counts: dict[str, int] | None = None,
) -> list[Row]:
    """One row per document, in order, for a model with this `config`.

    A document longer than `max_length` tokens is cut: the passage to a window around the answer, a premise from the
    left, a sentence to the first words that fit. `counts` gets how many were ``cut``, and ``dropped`` where no cut
    helps. Raises what `prompt_of`, `Prompt.requests`, `Shape.end` and `Shape.start` raise.
    """
    shape = Shape(tokenizer, config, max_length)
    rows = []
    for number, encoded in _fitted(shape, documents, task, {} if counts is None else counts):
        gold = encoded[documents[number]["label"] if _chooses(task) else 0]
        rows.append(shape.row(gold, _shared(encoded)) | {"document": number})
    return rows


def _chooses(task: TrainingTask) -> bool:
    return task.kind.request == "multiple_choice"


def _shared(encoded: Sequence[Encoded]) -> int:
    """First tokens that all choices share, which do not move the comparison between them; 0 for a single target.

    Training on them costs more than it gives: on made-up pairs of three classes, a two-block Llama of width 32 was
    right on 99.5 and 97.5 % of unseen pairs after 600 steps without them (two seeds), on 37.5 and 35 % with them.
    """
    return common_prefix([continuation for _, continuation in encoded]) if len(encoded) > 1 else 0


def length(row: Row) -> int:
    """Tokens of a row in its longest field, for grouping rows by length."""
    return max(len(row["input_ids"]), len(row["labels"]))


def items_of(row: Row) -> int:
    """Tokens of a row that carry loss."""
    return sum(label != IGNORED for label in row["labels"])


def collate(batch: Sequence[Row], pad_token_id: int | None) -> dict[str, torch.Tensor]:
    """Tensors [rows, longest of the field], padded on the right; padded labels carry no loss.

    Any id pads where the tokenizer has none (None): the mask hides it.
    """
    fillers = {"input_ids": pad_token_id or 0, "decoder_input_ids": pad_token_id or 0, "labels": IGNORED}

    def stack(name: str) -> torch.Tensor:
        longest = max(len(row[name]) for row in batch)
        return torch.tensor([row[name] + [fillers.get(name, 0)] * (longest - len(row[name])) for row in batch])

    return {name: stack(name) for name, value in batch[0].items() if isinstance(value, list)}


def row_losses(model: Any, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Cross entropy of each row [rows] of a collated batch, summed over the tokens that `items_of` counts.

    A decoder that can leave out positions projects onto its vocabulary only those where some row carries loss.
    """
    labels = inputs["labels"]
    inputs = {name: value for name, value in inputs.items() if name != "labels"}
    if model.config.is_encoder_decoder:
        logits = model(**inputs, use_cache=False).logits
    else:
        labels = labels[:, 1:]
        places = (labels != IGNORED).any(0).nonzero()[:, 0]
        labels = labels[:, places]
        if "logits_to_keep" in inspect.signature(model.forward).parameters:
            logits = model(**inputs, use_cache=False, logits_to_keep=places).logits
        else:
            logits = model(**inputs, use_cache=False).logits[:, places]
    losses = cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="none")
    return losses.view(labels.shape).sum(1)


def _fitted(
    shape: Shape, documents: Sequence[Document], task: TrainingTask, counts: dict[str, int]
) -> Iterator[tuple[int, list[Encoded]]]:
    """The places of the documents that fit, some of them cut, with the tokens of all their requests."""
    prompt = prompt_of(task)
    for start in range(0, len(documents), _CHUNK):
        chunk = documents[start : start + _CHUNK]
        asked = [prompt.requests(doc) for doc in chunk]
        tokens = iter(shape.encode([request for requests in asked for request in requests]))
        for number, (doc, requests) in enumerate(zip(chunk, asked, strict=True), start):
            encoded = list(islice(tokens, len(requests)))
            if not all(shape.fits(one) for one in encoded):
                encoded = _cut(shape, doc, task.kind, prompt)
                name = "cut" if encoded else "dropped"
                counts[name] = counts.get(name, 0) + 1
            if encoded:
                yield number, encoded


def _cut(shape: Shape, doc: Document, kind: Kind, prompt: Prompt) -> list[Encoded]:
    """The requests of the longest version of a document that fits, all of them; empty when none does."""
    how = ASKING.of(kind)

    def encoded(size: int) -> list[Encoded]:
        return shape.encode(prompt.requests(how.shortened(doc, size)))

    sizes = range(how.least(doc), how.whole(doc))
    place = bisect_left(sizes, True, key=lambda size: not all(shape.fits(one) for one in encoded(size)))
    return encoded(sizes[place - 1]) if place else []


def _last_of_premise(doc: Premised, size: int) -> Premised:
    return doc | {"premise": doc["premise"][len(doc["premise"]) - size :]}


def _first_words(doc: TaggedDocument, size: int) -> TaggedDocument:
    return doc | {"tokens": doc["tokens"][:size], "tags": doc["tags"][:size]}


def _beginning(doc: TextDocument, size: int) -> TextDocument:
    """The first `size` characters of the text."""
    return doc | {"text": doc["text"][:size]}


def _around_answer(doc: QuestionDocument, size: int) -> QuestionDocument:
    """`size` characters of the passage with the first answer in their middle, as far as the passage's ends allow."""
    start, length = _answer_place(doc)
    first = max(0, min(start - (size - length) // 2, len(doc["context"]) - size))
    return doc | {"context": doc["context"][first : first + size]}


def _answer_place(doc: QuestionDocument) -> tuple[int, int]:
    """Start and length of the first answer in characters; (0, 0) without an answer."""
    if not doc["answers"]:
        return 0, 0
    return int(doc["answers"][0]["answer_start"]), len(doc["answers"][0]["text"])


ASKING.register(kinds.PAIR, Asking(_of_pairs, lambda doc: len(doc["premise"]), lambda _: 0, _last_of_premise))
ASKING.register(kinds.CHOICE, Asking(_of_choices, lambda doc: len(doc["premise"]), lambda _: 0, _last_of_premise))
ASKING.register(kinds.TEXT, Asking(_of_texts, lambda doc: len(doc["text"]), lambda _: 1, _beginning))
ASKING.register(kinds.TAGGED, Asking(_of_tags, lambda doc: len(doc["tokens"]), lambda _: 1, _first_words))
ASKING.register(
    kinds.QUESTION,
    Asking(_of_questions, lambda doc: len(doc["context"]), lambda doc: _answer_place(doc)[1], _around_answer),
)


# ------------------------------------------------------------------------------------- development score


def development_score(
    model: Any,
    tokenizer: Any,
    documents: Sequence[Any],
    task: TrainingTask,
    device: torch.device | str,
    max_length: int | None = None,
) -> float:
    """How well a model answers, 0 to 1, higher is better; deterministic, and the model stays as it was.

    Pairs and choices: the share of documents whose gold choice is the most probable, the first among equals, as
    evaluation scores them. Tags and questions: the geometric mean probability of a target token with the end of
    sequence, exp(-mean loss). Documents are cut as for training. Raises `SettingError` when none is left.
    """
    shape = Shape(tokenizer, model.config, max_length or default_length(tokenizer))
    fitted = list(_fitted(shape, documents, task, {}))
    if not fitted:
        raise SettingError(f"{task.name}: no development document fits into {shape.max_length} tokens")
    rows = [shape.row(one, ended=not _chooses(task)) for _, encoded in fitted for one in encoded]
    scored = iter(_log_likelihoods(model, rows, tokenizer.pad_token_id, torch.device(device)))
    if not _chooses(task):
        sums, tokens = zip(*scored, strict=True)
        return float(torch.tensor(sums, dtype=torch.float64).sum().div(sum(tokens)).exp())
    right = 0
    for number, encoded in fitted:
        choices = [value for value, _ in islice(scored, len(encoded))]
        right += choices.index(max(choices)) == documents[number]["label"]
    return right / len(fitted)


def _log_likelihoods(
    model: Any, rows: Sequence[Row], pad_token_id: int | None, device: torch.device
) -> list[tuple[float, int]]:
    """Summed log-likelihood of each row's labels and their number."""
    results = [(0.0, 0)] * len(rows)
    budget = max(1, _LOGITS // model.get_output_embeddings().weight.shape[0])
    was_training = model.training
    model.eval()
    with torch.no_grad():  # not inference mode: what a model keeps of it could not be trained with
        for batch in batches([length(row) for row in rows], budget):
            inputs = collate([rows[index] for index in batch], pad_token_id)
            losses = row_losses(model, {name: value.to(device) for name, value in inputs.items()})
            for index, loss in zip(batch, losses.tolist(), strict=True):
                results[index] = -loss, items_of(rows[index])
    model.train(was_training)
    return results
