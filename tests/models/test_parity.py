"""The batched heads against straightforward, unbatched transformers loops, on real text where it is there.

The loops below are written from the benchmark's description, one document at a time, with the tokenizer's own
truncation and overflow; they share no code with the package.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.shared_data import DATA
from xstilts_eval.benchmark import UPOS, family
from xstilts_eval.data import sources
from xstilts_eval.data.examples import document
from xstilts_eval.models import embedding, pairs, spans, tagging
from xstilts_eval.models.encoder import Loaded, Runtime
from xstilts_eval.paths import sample_path

TOLERANCE = 1e-4
"""Logits of two fp32 computations in a different order (issue: within 1e-4)."""


def documents(name: str, languages: list[str], split: str, count: int) -> list[Any]:
    """Documents of several languages from ../shared/data, or from the sample where that is absent."""
    folder = DATA if DATA.is_dir() and name != "xnli" else sample_path()
    if folder == sample_path():
        split = "test"
    found = []
    for language in languages:
        examples = sources.load(family(name), language, split, folder).examples[:count]
        found += [document(example, name, language) for example in examples]
    return found


def longer(text: str, length: int) -> str:
    """The text, as often as it takes: contexts of the sample are shorter than XQuAD's."""
    return " ".join([text] * -(-length // len(text)))


def runtime(batch_tokens: int = 2048, max_rows: int | None = None) -> Runtime:
    return Runtime(torch.device("cpu"), torch.float32, batch_tokens, max_rows, show_progress=False)


def load(folder: Path, kind: Any, length: int, **run: Any) -> Loaded:
    model, tokenizer = kind.from_pretrained(folder).eval(), transformers.AutoTokenizer.from_pretrained(folder)
    return Loaded(model, tokenizer, runtime(**run), length, "test")


@torch.inference_mode()
def test_pairs_equal_an_unbatched_loop(heads: dict[str, Path]) -> None:
    head = load(heads["xnli"], transformers.AutoModelForSequenceClassification, 128)
    model, tokenizer = head.model, head.tokenizer
    docs = documents("pawsx", ["en", "ko", "zh", "de"], "dev", 8)
    docs[0]["premise"] = docs[0]["premise"] * 12  # longer than 128 sub-words
    order = [2, 0, 1]
    expected, long = [], 0
    for doc in docs:
        long += len(tokenizer(doc["premise"], doc["hypothesis"], verbose=False)["input_ids"]) > 128
        inputs = tokenizer(
            doc["premise"], doc["hypothesis"], truncation="longest_first", max_length=128, return_tensors="pt"
        )
        assert inputs["input_ids"].shape[1] <= 128
        expected.append(torch.log_softmax(model(**inputs).logits[0], dim=-1)[order].numpy())
    values, counts = pairs.classify(head, docs, order)
    assert sum(counts["truncated"]) == long >= 1
    np.testing.assert_allclose(values, np.stack(expected), atol=TOLERANCE)
    assert len({int(row.argmax()) for row in values}) > 1, "a constant prediction would prove nothing"


def reference_tags(model: Any, tokenizer: Any, words: list[str]) -> list[str]:
    """Cut at 126 sub-words (BERT: 128 less two), one piece at a time, tag at the first sub-word."""
    tags: list[str] = []
    piece: list[list[int]] = []

    def flush() -> None:
        ids = [tokenizer.cls_token_id, *(i for word in piece for i in word), tokenizer.sep_token_id]
        logits = model(input_ids=torch.tensor([ids])).logits[0]
        position = 1
        for word in piece:
            tags.append(UPOS[int(logits[position].argmax())])
            position += len(word)
        piece.clear()

    for word in words:
        ids = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(word)) or [tokenizer.unk_token_id]
        if len(ids) > 126:
            ids = [tokenizer.unk_token_id]
        if piece and sum(map(len, piece)) + len(ids) > 126:
            flush()
        piece.append(ids)
    flush()
    return tags


@torch.inference_mode()
def test_tagging_equals_an_unbatched_loop(heads: dict[str, Path]) -> None:
    head = load(heads["udpos"], transformers.AutoModelForTokenClassification, 128)
    model, tokenizer = head.model, head.tokenizer
    docs = documents("udpos", ["en", "fi", "th", "zh"], "test", 6)
    long = {"id": "long", "tokens": [w for doc in docs for w in doc["tokens"]], "language": "en"}
    odd = {"id": "odd", "tokens": ["\u200d", "a" * 300, "Straße", "一" * 140, "."], "language": "en"}
    docs += [long, odd]
    found, counts = tagging.tag(head, docs, UPOS)
    assert [len(tags) for tags in found] == [len(doc["tokens"]) for doc in docs], "no word is ever lost"
    assert sum(counts["extra_pieces"]) >= 2
    assert counts["unknown_words"] == [0] * (len(docs) - 1) + [2], "no sub-word, and too many of them"
    for doc, tags in zip(docs, found, strict=True):
        assert tags == reference_tags(model, tokenizer, doc["tokens"]), doc["id"]


def slow_best_span(logits: list[tuple[np.ndarray, np.ndarray, int, int, int]]) -> tuple[int, int]:
    """SQuAD v1.1 decoding with plain loops: (start, end) as context sub-words.

    `logits` holds for each window: start and end logits over its context, first context sub-word, number, room.
    """
    best, answer = -1e30, (-1, -1)
    for which, (start_logits, end_logits, first, count, _) in enumerate(logits):
        starts = sorted(range(count), key=lambda i: -start_logits[i])[:20]
        ends = sorted(range(count), key=lambda i: -end_logits[i])[:20]
        for s in starts:
            scores = []
            for _, _, other, width, _ in logits:
                inside = other <= first + s < other + width
                context = min(first + s - other, other + width - 1 - first - s) + 0.01 * width
                scores.append(context if inside else -1e30)
            if scores.index(max(scores)) != which:
                continue
            for e in ends:
                if s <= e < s + 30 and start_logits[s] + end_logits[e] > best:
                    best, answer = float(start_logits[s] + end_logits[e]), (first + s, first + e)
    return answer


@torch.inference_mode()
def test_spans_equal_an_unbatched_loop(heads: dict[str, Path]) -> None:
    head = load(heads["xquad"], transformers.AutoModelForQuestionAnswering, 384)
    model, tokenizer = head.model, head.tokenizer
    docs = documents("xquad", ["en", "zh", "th", "ar"], "test", 3)
    docs[2]["context"] = longer(" ".join(doc["context"][:900] for doc in docs if doc["language"] == "en"), 2500)
    found, counts = spans.answer(head, docs)
    assert sum(counts["windows"]) > len(docs), "some document must need several windows"
    for doc, text in zip(docs, found, strict=True):
        question = tokenizer(doc["question"], add_special_tokens=False)["input_ids"][:64]
        room = 384 - len(question) - 3
        encoding = tokenizer(
            doc["question"],
            doc["context"],
            truncation="only_second",
            max_length=384,
            stride=max(0, room - 128),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        windows, offsets = [], {}
        for number in range(len(encoding["input_ids"])):
            inputs = {k: torch.tensor([encoding[k][number]]) for k in ("input_ids", "attention_mask", "token_type_ids")}
            output = model(**inputs)
            places = [i for i, side in enumerate(encoding.sequence_ids(number)) if side == 1]
            first = 128 * number
            for offset, place in enumerate(places):
                offsets[first + offset] = encoding["offset_mapping"][number][place]
            windows.append(
                (output.start_logits[0, places].numpy(), output.end_logits[0, places].numpy(), first, len(places), room)
            )
        start, end = slow_best_span(windows)
        expected = doc["context"][offsets[start][0] : offsets[end][1]].strip() if start >= 0 else ""
        assert text == expected, doc["id"]
        assert text in doc["context"]


@torch.inference_mode()
@pytest.mark.parametrize(("layer", "pooling"), [(None, "mean"), (3, "mean"), (4, "cls"), (2, "max")])
def test_sentence_vectors_equal_an_unbatched_loop(minilm: Path, layer: int | None, pooling: str) -> None:
    docs = documents("xquad", ["en", "zh", "ar", "hi"], "test", 4)
    texts = list(dict.fromkeys([doc["question"] for doc in docs] + [longer(docs[0]["context"], 3000), "a"]))
    loaded = load(minilm, transformers.AutoModel, 512)
    model, tokenizer = loaded.model, loaded.tokenizer
    expected = []
    for text in texts:
        inputs = tokenizer(text, truncation=True, max_length=512, return_tensors="pt")
        hidden = model(**inputs, output_hidden_states=True).hidden_states[layer if layer else -1][0]
        vector = {"mean": hidden.mean(0), "cls": hidden[0], "max": hidden.max(0).values}[pooling]
        expected.append((vector / vector.norm()).numpy())
    encoder = embedding.SentenceEncoder(loaded, layer, pooling)
    np.testing.assert_allclose(encoder.embed(texts), np.stack(expected), atol=TOLERANCE)
    assert encoder.truncated == 1


@pytest.mark.parametrize("settings", [(64, None), (100_000, None), (2048, 1), (2048, 3)])
def test_order_and_batching_never_change_a_prediction(
    heads: dict[str, Path], minilm: Path, settings: tuple[int, int | None]
) -> None:
    """Every head, documents shuffled, batches from one row to everything at once."""
    rng = np.random.default_rng(0)
    pair_docs = documents("pawsx", ["en", "ja"], "dev", 10)
    tagged = documents("udpos", ["en", "vi"], "test", 8)
    questions = documents("xquad", ["en", "hi"], "test", 2)
    texts = [doc["question"] for doc in documents("xquad", ["de", "vi"], "test", 10)]
    with torch.inference_mode():
        for name, kind, length, docs, run in (
            ("xnli", transformers.AutoModelForSequenceClassification, 128, pair_docs,
             lambda head, d: pairs.classify(head, d, [0, 1, 2])[0].argmax(1).tolist()),
            ("udpos", transformers.AutoModelForTokenClassification, 128, tagged,
             lambda head, d: tagging.tag(head, d, UPOS)[0]),
            ("xquad", transformers.AutoModelForQuestionAnswering, 384, questions,
             lambda head, d: spans.answer(head, d)[0]),
        ):  # fmt: skip
            head = load(heads[name], kind, length)
            plain = run(head, docs)
            order = rng.permutation(len(docs))
            mixed = run(replace(head, runtime=runtime(*settings)), [docs[i] for i in order])
            assert [mixed[list(order).index(i)] for i in range(len(docs))] == plain, name
        loaded = load(minilm, transformers.AutoModel, 512)
        encoder = embedding.SentenceEncoder(loaded, None, "mean")
        other = embedding.SentenceEncoder(replace(loaded, runtime=runtime(*settings)), None, "mean")
        np.testing.assert_allclose(other.embed(texts[::-1])[::-1], encoder.embed(texts), atol=TOLERANCE)
