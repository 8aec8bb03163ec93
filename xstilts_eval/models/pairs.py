"""Sentence-pair classification: documents to log-probabilities in the family's label order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts_eval.models.encoder import Runtime, forward_rows, rows_of, usable_fields

MAX_LENGTH = 128
"""google-research/xtreme, `scripts/train_xnli.sh` and `train_pawsx.sh`: MAX_LENGTH=128."""


def pair_rows(
    tokenizer: Any, model: Any, documents: Sequence[dict[str, Any]], max_length: int
) -> tuple[list[Any], int]:
    """Encode premise and hypothesis with the tokenizer's own template, longest first truncated.

    Returns the rows and how many documents were truncated.
    """
    fields = usable_fields(tokenizer, model)
    encoding = tokenizer(
        [doc["premise"] for doc in documents],
        [doc["hypothesis"] for doc in documents],
        truncation="longest_first",
        max_length=max_length,
        return_overflowing_tokens=False,
    )
    truncated = sum(bool(part.overflowing) for part in encoding.encodings)
    return rows_of(encoding, fields), truncated


def classify(
    model: Any,
    tokenizer: Any,
    documents: Sequence[dict[str, Any]],
    class_order: Sequence[int],
    runtime: Runtime,
    max_length: int = MAX_LENGTH,
    label: str = "pairs",
) -> tuple[NDArray[np.float32], int]:
    """Log-probabilities of shape [documents, labels], labels in the family's order, and the number truncated."""
    rows, truncated = pair_rows(tokenizer, model, documents, max_length)
    order = torch.tensor(list(class_order), device=runtime.device)

    def read(output: Any, _: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.log_softmax(output.logits.float(), dim=-1)[:, order]

    names = [str(doc["id"]) for doc in documents]
    values = forward_rows(model, rows, runtime, tokenizer.pad_token_id, read, label, names)
    return np.stack(values) if values else np.zeros((0, len(class_order)), np.float32), truncated
