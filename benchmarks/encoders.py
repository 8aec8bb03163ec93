"""Forward passes of an encoder: sentence pairs, question windows, sentence vectors."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np
import torch

from benchmarks import inputs, peers
from benchmarks.inputs import Size
from benchmarks.measure import Agreement, Comparison, Contender
from xstilts_eval.models import pairs, spans
from xstilts_eval.models.embedding import SentenceEncoder

_CLASSES = "AutoModelForSequenceClassification"
MINILM, E5 = inputs.BASES
_SMALL = 1e-4
"""Largest difference of log-probabilities or vectors that two fp32 orders of summation are allowed here."""


def classification(size: Size) -> Comparison:
    """fp32 against XTREME's fixed padding and Trainer.predict, in the language of the model's tokenizer."""
    return _classification("classification", "Sentence pairs, fp32", size, torch.float32, (4.0, 2.5, 2.5))


def classification_e5(size: Size) -> Comparison:
    """The same on the multilingual encoder, twice as deep."""
    return _classification("classification_e5", "Sentence pairs, fp32", size, torch.float32, (4.0, 2.5, 2.5), base=E5)


def classification_long(size: Size) -> Comparison:
    """The same in languages that an English tokenizer cuts into many pieces, where little is padding."""
    name, title = "classification_long", "Sentence pairs of many sub-words, fp32"
    return _classification(name, title, size, torch.float32, (None, None, None), ("de", "zh"))


def classification_bf16(size: Size) -> Comparison:
    """bf16 weights against fp32 fixed padding, and against the peers in bf16."""
    return _classification("classification_bf16", "Sentence pairs, bf16", size, torch.bfloat16, (4.0, None, None))


def _classification(
    name: str,
    title: str,
    size: Size,
    dtype: torch.dtype,
    targets: tuple[float | None, ...],
    languages: tuple[str, ...] = ("en",),
    base: str = MINILM,
) -> Comparison:
    documents = inputs.pairs(size.pairs, languages)
    tokenizer = inputs.tokenizer(base)
    tokens = _mean_tokens(tokenizer, documents)
    model = inputs.encoder(_CLASSES, base=base, num_labels=2)
    theirs = model if dtype is torch.float32 else inputs.encoder(_CLASSES, dtype, base, num_labels=2)
    own = inputs.own_encoder(_CLASSES, dtype, base, num_labels=2)
    head = inputs.loaded(own, pairs.MAX_LENGTH, dtype, base)
    folder = tempfile.mkdtemp(prefix="benchmarks-")
    short = "fp32" if dtype is torch.float32 else "bf16"
    contenders = [
        Contender(
            "fixed padding to 128, batch 8, fp32",
            lambda: peers.fixed_padding(model, tokenizer, documents, pairs.MAX_LENGTH, 8),
        ),
        *(_trainer(theirs, tokenizer, folder, batch, short, documents) for batch in (8, 32)),
    ]
    return Comparison(
        name=name,
        title=title,
        inputs=f"{len(documents)} PAWS-X pairs ({', '.join(languages)}; {tokens:.0f} tokens on average), {base} "
        "with a random head, tokenising included",
        ours=Contender("pairs.classify", lambda: pairs.classify(head, documents, (0, 1))[0]),
        peers=tuple(contenders),
        agree=_same_classes if dtype is torch.float32 else _mostly_same_classes,
        targets={peer.name: wanted for peer, wanted in zip(contenders, targets, strict=True) if wanted},
        limits=(
            "Matrix products of the same tokens: fixed padding computes 128 positions a pair whatever its length, "
            "padding to the longest of a batch fewer, ours none that is not a token."
            if dtype is torch.float32
            else "The processor's bf16 matrix unit (none: no gain); softmax, normalisation and tokenising gain nothing."
        ),
        models=(own, model, theirs),
    )


def _mean_tokens(tokenizer: Any, documents: list[dict[str, Any]]) -> float:
    rows = tokenizer([doc["premise"] for doc in documents], [doc["hypothesis"] for doc in documents], truncation=False)
    return sum(map(len, rows["input_ids"])) / len(documents)


def _trainer(
    model: Any, tokenizer: Any, folder: str, batch: int, short: str, documents: list[dict[str, Any]]
) -> Contender:
    predict = peers.trainer_predict(model, tokenizer, folder, batch)
    return Contender(f"Trainer.predict, batch {batch}, {short}", lambda: predict(documents, pairs.MAX_LENGTH))


def question_windows(size: Size) -> Comparison:
    """fp32 against windows padded to 384 under eager attention."""
    return _question_windows("question_windows", "Question windows, fp32", size, torch.float32)


def question_windows_e5(size: Size) -> Comparison:
    """The same on the multilingual encoder."""
    return _question_windows("question_windows_e5", "Question windows, fp32", size, torch.float32, E5)


def question_windows_bf16(size: Size) -> Comparison:
    """bf16 weights against the same fp32 peer."""
    return _question_windows("question_windows_bf16", "Question windows, bf16", size, torch.bfloat16)


def _question_windows(name: str, title: str, size: Size, dtype: torch.dtype, base: str = MINILM) -> Comparison:
    documents = inputs.questions(size.questions)
    kind = "AutoModelForQuestionAnswering"
    own, model = inputs.own_encoder(kind, dtype, base), inputs.encoder(kind, base=base, attn_implementation="eager")
    head, eager = (inputs.loaded(one, spans.MAX_LENGTH, one.dtype, base) for one in (own, model))
    forward = peers.fixed_windows(spans.MAX_LENGTH, 8)

    def padded() -> list[str]:
        with mock.patch.object(spans, "forward_rows", forward):
            return spans.answer(eager, documents)[0]

    counts: Sequence[int] = spans.answer(head, documents)[1]["windows"]
    windows = sum(counts)
    peer = Contender("fixed padding to 384, batch 8, eager attention, fp32", padded)
    return Comparison(
        name=name,
        title=title,
        inputs=(
            f"{len(documents)} XQuAD questions (en, de, es), {windows} windows, {base} with a random head; the same "
            "tokenising, windows and decoding in both"
        ),
        ours=Contender("spans.answer", lambda: spans.answer(head, documents)[0]),
        peers=(peer,),
        agree=_same_answers if dtype is torch.float32 else _mostly_same_answers,
        targets={peer.name: 5.0},
        limits="Matrix products and attention of the same tokens.",
        models=(own, model),
    )


def embedding(size: Size) -> Comparison:
    """Sentence vectors from the last layer against XTREME's way and sentence-transformers."""
    return _embedding("embedding", "Sentence vectors, fp32, last layer", size, None, torch.float32)


def embedding_e5(size: Size) -> Comparison:
    """The same on the multilingual encoder."""
    return _embedding("embedding_e5", "Sentence vectors, fp32, last layer", size, None, torch.float32, E5)


def embedding_middle(size: Size) -> Comparison:
    """Sentence vectors from a middle layer, as the benchmark asks, against XTREME's way."""
    return _embedding("embedding_middle", "Sentence vectors, fp32, layer 4 of 6", size, 4, torch.float32)


def embedding_bf16(size: Size) -> Comparison:
    """Sentence vectors in bf16 against the fp32 peers."""
    return _embedding("embedding_bf16", "Sentence vectors, bf16, last layer", size, None, torch.bfloat16)


def _embedding(
    name: str, title: str, size: Size, layer: int | None, dtype: torch.dtype, base: str = MINILM
) -> Comparison:
    texts = inputs.sentences(size.sentences)
    model, tokenizer = inputs.encoder("AutoModel", base=base), inputs.tokenizer(base)
    own = inputs.own_encoder("AutoModel", dtype, base)
    encoder = SentenceEncoder(inputs.loaded(own, 512, dtype, base), layer, "mean")
    blocks = layer or int(model.config.num_hidden_layers)
    contenders = [
        Contender(
            "unsorted batches of 100, all layers kept, fp32",
            lambda: peers.all_layers(model, tokenizer, texts, blocks),
        )
    ]
    models = [own, model]
    if layer is None:
        from sentence_transformers import SentenceTransformer

        other: Any = SentenceTransformer(str(inputs.BASES[base]()), device="cpu")
        models.append(other)
        contenders.append(
            Contender(
                "sentence-transformers encode, batch 32, fp32",
                lambda: other.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False),
            )
        )
    is_exact = dtype is torch.float32
    wanted = dict(zip((one.name for one in contenders), (8.0, 2.5) if is_exact else (5.5,), strict=False))
    return Comparison(
        name=name,
        title=title,
        inputs=f"{len(texts)} Tatoeba sentences (de, fr, es and English), {base}, mean pooling, tokenising included",
        ours=Contender("SentenceEncoder.embed", lambda: encoder.embed(texts)),
        peers=tuple(contenders),
        agree=_same_vectors if is_exact else _near_vectors,
        targets=wanted,
        limits=(
            "Tokenising and the fixed cost of a batch: sentences have about ten tokens. A middle layer also saves the "
            "blocks above it, which the peer computes."
        ),
        models=models,
    )


# --------------------------------------------------------------------------------------------- agreement


def _same_classes(ours: Any, theirs: Any) -> Agreement:
    difference = float(np.abs(ours - theirs).max())
    same = int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
    text = f"{same} of {len(ours)} predictions identical, log-probabilities within {difference:.0e}"
    return Agreement(same == len(ours) and difference < _SMALL, text)


def _mostly_same_classes(ours: Any, theirs: Any) -> Agreement:
    same = int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
    difference = float(np.abs(ours - theirs).max())
    text = f"{same} of {len(ours)} predictions identical, log-probabilities within {difference:.0e}"
    return Agreement(same >= 0.9 * len(ours), text)


def _same_answers(ours: list[str], theirs: list[str]) -> Agreement:
    same = sum(one == other for one, other in zip(ours, theirs, strict=True))
    return Agreement(same == len(ours), f"{same} of {len(ours)} answers identical")


def _mostly_same_answers(ours: list[str], theirs: list[str]) -> Agreement:
    """A random head has no confident answer, so that bf16 may change many; only reported."""
    same = sum(one == other for one, other in zip(ours, theirs, strict=True))
    return Agreement(True, f"{same} of {len(ours)} answers identical (random head)")


def _same_vectors(ours: Any, theirs: Any) -> Agreement:
    difference = float(np.abs(ours - theirs).max())
    return Agreement(difference < _SMALL, f"vectors within {difference:.0e}")


def _near_vectors(ours: Any, theirs: Any) -> Agreement:
    cosine = float((ours * theirs).sum(axis=1).min())
    return Agreement(cosine > 0.99, f"cosine of ours and theirs at least {cosine:.4f}")
