"""Tiny random encoders of the usual architectures, with tokenizers over the bundled sample."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers

from tests.models.test_xlmr_shape import xlmr_tokenizer
from tests.tiny import make_tokenizer, texts

NAMES = ("bert", "xlm-roberta", "deberta-v2", "distilbert")
_SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 514,
    "initializer_range": 0.2,
}


@cache
def _tokenizer(name: str) -> Any:
    return xlmr_tokenizer() if name == "xlm-roberta" else make_tokenizer(texts())


def make(name: str, folder: Path, dropout: float = 0.0) -> Path:
    """Write an encoder without a head, as published ones are, and return its folder."""
    tokenizer = _tokenizer(name)
    size = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    plain = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    if name == "distilbert":
        config: Any = transformers.DistilBertConfig(
            dim=32, n_layers=2, n_heads=2, hidden_dim=64, initializer_range=0.2, dropout=dropout,
            attention_dropout=dropout, seq_classif_dropout=dropout, qa_dropout=dropout, **size,
        )  # fmt: skip
    elif name == "deberta-v2":
        config = transformers.DebertaV2Config(
            relative_attention=True, pos_att_type=["p2c", "c2p"], pooler_dropout=dropout, **_SHAPE, **size, **plain
        )
    elif name == "xlm-roberta":
        config = transformers.XLMRobertaConfig(type_vocab_size=1, **_SHAPE, **size, **plain)
    else:
        config = transformers.BertConfig(**_SHAPE, **size, **plain)
    torch.manual_seed(11)
    transformers.AutoModel.from_config(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
