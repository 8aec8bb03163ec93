"""A bundle with a head for every family, made in a second: random weights, real formats, nothing downloaded."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xstilts_eval import kinds
from xstilts_eval.benchmark import PANX_TAGS, UPOS, XTREME, family
from xstilts_eval.bundle import Bundle, Head, write
from xstilts_eval.data import sources
from xstilts_eval.paths import sample_path

SEED = 1
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = 1500
"""Frequent words with an entry of their own; all others are spelled out, so that sub-words occur in every script."""


def texts() -> list[str]:
    """Every text of the bundled sample, for a vocabulary that covers its scripts."""
    found: list[str] = []
    for one in XTREME:
        for language in one.languages:
            if one.kind is kinds.MINING:
                continue
            for example in sources.load(one, language, "test", sample_path()).examples:
                found += _strings(asdict(example))
    return found


def make_tokenizer(corpus: list[str]) -> Any:
    """A cased-to-lower WordPiece tokenizer with BERT's template, the same for the same corpus."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in corpus:
        counts.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    characters = sorted({character for word in counts for character in word})
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:WORDS]
    pieces = dict.fromkeys([*SPECIAL, *characters, *(f"##{character}" for character in characters), *frequent])
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    inner = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    inner.normalizer, inner.pre_tokenizer = normalizer, splitter
    inner.decoder = decoders.WordPiece()
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=512,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def make_bundle(folder: Path, seed: int = SEED) -> Path:
    """Write a bundle that serves all families of XTREME and XTREME-R into `folder` and return it.

    A two-block BERT of width 32: heads for xnli, pawsx, udpos, panx and xcopa, one head for the three
    question-answering families, an encoder for retrieval. Equal calls write equal weights, another seed others.
    """
    import torch
    from transformers import (
        BertConfig,
        BertForMultipleChoice,
        BertForQuestionAnswering,
        BertForSequenceClassification,
        BertForTokenClassification,
        BertModel,
    )

    tokenizer = make_tokenizer(texts())
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 512,
    }
    parts: dict[str, tuple[Any, tuple[str, ...]]] = {
        "encoder": (BertModel, ()),
        "xnli": (BertForSequenceClassification, family("xnli").labels),
        "pawsx": (BertForSequenceClassification, family("pawsx").labels),
        "udpos": (BertForTokenClassification, UPOS),
        "panx": (BertForTokenClassification, PANX_TAGS),
        "qa": (BertForQuestionAnswering, ()),
        "xcopa": (BertForMultipleChoice, ()),
    }
    for name, (model_class, labels) in parts.items():
        names = {"id2label": dict(enumerate(labels)), "label2id": {label: index for index, label in enumerate(labels)}}
        torch.manual_seed(seed)
        model_class(BertConfig(**shape, **(names if labels else {}))).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    heads = {name: Head(path=name) for name in ("xnli", "pawsx", "udpos", "panx", "xcopa")}
    heads |= {name: Head(path="qa") for name in ("xquad", "mlqa", "tydiqa")}
    write(Bundle(encoder="encoder", heads=heads, recipe="random weights, for tests", seed=seed), folder)
    return folder


def results_file(folder: Path) -> dict[str, Any]:
    """The results file that the host wrote somewhere below `folder`."""
    (path,) = folder.rglob("results_*.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _strings(inner)]
    if isinstance(value, (list, tuple)):
        return [text for inner in value for text in _strings(inner)]
    return []
