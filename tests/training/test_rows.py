"""Training rows: the inputs of inference, and labels that read back as the gold data."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import Family
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.data import sources
from xstilts_eval.data.examples import document
from xstilts_eval.errors import SettingError
from xstilts_eval.models import pairs, spans, tagging
from xstilts_eval.models.encoder import Loaded, Runtime
from xstilts_eval.paths import sample_path
from xstilts_eval.training import rows

LABELS = {"document", "labels", "start_positions", "end_positions"}
INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


class Stop(Exception):
    """Raised in place of the forward pass, with the rows inference would have run."""


def load(folder: Path, max_length: int) -> Loaded:
    """An encoder without a head: rows need its configuration and its tokenizer only."""
    transformers.logging.set_verbosity_error()
    cpu = torch.device("cpu")
    model = transformers.AutoModel.from_pretrained(folder)
    runtime = Runtime(cpu, torch.float32, 2048, show_progress=False)
    return Loaded(model, transformers.AutoTokenizer.from_pretrained(folder), runtime, max_length)


def documents(name: str, split: str = "train", folder: Path | None = None) -> list[Any]:
    examples = sources.load(find_family(name), "en", split, folder or sample_path()).examples
    return [document(example, name, "en") for example in examples]


@pytest.mark.parametrize(
    ("name", "length", "make", "infer"),
    [
        ("xnli", 20, rows.pair_rows, lambda head, docs, family: pairs.classify(head, docs, range(3))),
        ("udpos", 16, rows.tagged_rows, lambda head, docs, family: tagging.tag(head, docs, family.labels)),
        ("panx", 128, rows.tagged_rows, lambda head, docs, family: tagging.tag(head, docs, family.labels)),
        ("xquad", 60, rows.question_rows, lambda head, docs, family: spans.answer(head, docs)),
        ("tydiqa", 384, rows.question_rows, lambda head, docs, family: spans.answer(head, docs)),
    ],
)
def test_training_sees_the_inputs_of_inference(
    tiny_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    length: int,
    make: Callable[[Loaded, Sequence[Any], Sequence[str]], list[dict[str, Any]]],
    infer: Callable[[Loaded, Sequence[Any], Family], Any],
) -> None:
    """At short lengths too, where pairs are truncated, sentences cut and contexts windowed."""
    seen: list[dict[str, Any]] = []

    def forward(head: Loaded, inputs: Sequence[dict[str, Any]], *others: Any) -> None:
        seen.extend(inputs)
        raise Stop

    for module in (pairs, tagging, spans):
        monkeypatch.setattr(module, "forward_rows", forward)
    head, docs = load(tiny_bundle / "encoder", length), documents(name)
    with pytest.raises(Stop):
        infer(head, docs, find_family(name))
    made = make(head, docs, find_family(name).labels)
    assert [{key: row[key] for key in row if key not in LABELS} for row in made] == seen
    assert set(seen[0]) == INPUTS
    assert max(len(row["input_ids"]) for row in made) <= length


def test_the_label_of_a_pair_is_the_class_the_file_names(tiny_bundle: Path) -> None:
    """Read a second time, by hand, from the sample's own table."""
    (path,) = sources.load(find_family("xnli"), "en", "train", sample_path()).files
    named = [line.split("\t")[-1].strip() for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    named = ["contradiction" if name == "contradictory" else name for name in named]
    made = rows.pair_rows(load(tiny_bundle / "encoder", 128), documents("xnli"), find_family("xnli").labels)
    assert [("contradiction", "entailment", "neutral")[row["labels"]] for row in made] == named
    assert set(named) == {"contradiction", "entailment", "neutral"}


@pytest.mark.parametrize(("name", "length"), [("udpos", 16), ("udpos", 128), ("panx", 128)])
def test_every_tag_stands_once_and_on_its_word(tiny_bundle: Path, name: str, length: int) -> None:
    head, docs, family = load(tiny_bundle / "encoder", length), documents(name), find_family(name)
    found = []
    for row in rows.tagged_rows(head, docs, family.labels):
        for token, label in zip(row["input_ids"], row["labels"], strict=True):
            if label != rows.IGNORED:
                found.append((head.tokenizer.convert_ids_to_tokens(token), family.labels[label]))
    gold = [pair for doc in docs for pair in zip(doc["tokens"], doc["tags"], strict=True)]
    assert [tag for _, tag in found] == [tag for _, tag in gold]
    for (token, _), (word, _) in zip(found, gold, strict=True):
        assert token == head.tokenizer.tokenize(word)[0]


def test_tags_that_are_no_class_become_the_filler(tiny_bundle: Path) -> None:
    head = load(tiny_bundle / "encoder", 128)
    doc: Any = {"id": "0", "tokens": ["It", "rains"], "tags": ["PRON", "_"]}
    (row,) = rows.tagged_rows(head, [doc], find_family("udpos").labels)
    assert [find_family("udpos").labels[label] for label in row["labels"] if label >= 0] == ["PRON", "X"]
    (row,) = rows.tagged_rows(head, [doc | {"tags": ["B-MISC", "B-PER"]}], find_family("panx").labels)
    assert [find_family("panx").labels[label] for label in row["labels"] if label >= 0] == ["O", "B-PER"]


# ------------------------------------------------------------------ answers


def check_answers(head: Loaded, docs: list[Any]) -> tuple[int, int]:
    """Decode every labelled window; returns how many hold their answer and how many point at the first token.

    The sub-words are told from the row itself, their characters from an encoding of the whole context: the slice must
    be the answer, widened at most to whole sub-words.
    """
    tokenizer, held, empty = head.tokenizer, 0, 0
    for doc in docs:
        context, gold = doc["context"], doc["answers"][0]
        encoding = tokenizer(context, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        whole, offsets = encoding["input_ids"], encoding["offset_mapping"]
        start, width = 0, 0
        for row in rows.question_rows(head, [doc], find_family("xquad").labels):
            ids, first, last = row["input_ids"], row["start_positions"], row["end_positions"]
            begin = len(ids) - 1 - ids[:-1][::-1].index(tokenizer.sep_token_id)
            inner = ids[begin:-1]
            start, width = start + min(width, spans.STRIDE), len(inner)
            assert whole[start : start + width] == inner
            if (first, last) == (0, 0):
                empty += 1
                covered = offsets[start][0] <= gold["answer_start"]
                covered &= gold["answer_start"] + len(gold["text"]) <= offsets[start + width - 1][1]
                assert not covered, doc["id"]
                continue
            held += 1
            assert begin <= first <= last < len(ids) - 1
            left, right = offsets[start + first - begin][0], offsets[start + last - begin][1]
            assert gold["text"].strip() in context[left:right]
            end = gold["answer_start"] + len(gold["text"].rstrip())
            assert offsets[start + first - begin][1] > gold["answer_start"] and offsets[start + last - begin][0] < end
    return held, empty


@pytest.mark.parametrize("length", [60, 100, 384])
def test_labelled_positions_decode_to_the_answer(tiny_bundle: Path, length: int) -> None:
    docs = documents("xquad")
    held, empty = check_answers(load(tiny_bundle / "encoder", length), docs)
    if length == 384:
        assert (held, empty) == (len(docs), 0)
    else:
        assert empty > 0


@needs_data
def test_labelled_positions_decode_to_the_answer_in_squad(minilm: Path) -> None:
    """Windows of 200 sub-words overlap, so that every answer lies whole in one of them."""
    docs = random.Random(1).sample(documents("xquad", folder=DATA), 300)
    held, empty = check_answers(load(minilm, 200), docs)
    assert held >= len(docs)
    assert empty > 0


def test_positions_are_those_of_the_tokenizer(minilm: Path) -> None:
    """Against `char_to_token` of the pair encoded as a whole, where it fits one window."""
    head, docs = load(minilm, 384), documents("xquad")
    for doc, row in zip(docs, rows.question_rows(head, docs, find_family("xquad").labels), strict=True):
        encoding = head.tokenizer(doc["question"], doc["context"])
        start = doc["answers"][0]["answer_start"]
        end = start + len(doc["answers"][0]["text"]) - 1
        assert encoding["input_ids"] == row["input_ids"]
        assert row["start_positions"] == encoding.char_to_token(start, sequence_index=1)
        assert row["end_positions"] == encoding.char_to_token(end, sequence_index=1)


def test_blanks_around_an_answer_and_no_answer(minilm: Path) -> None:
    head = load(minilm, 384)
    doc: Any = {"id": "0", "question": "Which colour?", "context": "The door is  dark green now.", "answers": []}
    (without,) = rows.question_rows(head, [doc], find_family("xquad").labels)
    assert (without["start_positions"], without["end_positions"]) == (0, 0)
    plain, wide = (
        rows.question_rows(
            head, [doc | {"answers": [{"text": text, "answer_start": start}]}], find_family("xquad").labels
        )[0]
        for text, start in (("dark green", 13), ("  dark green ", 11))
    )
    assert plain == wide
    words = plain["input_ids"][plain["start_positions"] : plain["end_positions"] + 1]
    assert head.tokenizer.decode(words) == "dark green"


def test_no_room_for_a_context(tiny_bundle: Path) -> None:
    with pytest.raises(SettingError, match="--max-length 16 leaves no room for a context behind a question"):
        doc: Any = {"id": "0", "question": "who " * 40, "context": "nobody", "answers": []}
        rows.question_rows(load(tiny_bundle / "encoder", 16), [doc], find_family("xquad").labels)
