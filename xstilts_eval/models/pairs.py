"""Sentence-pair classification: documents to log-probabilities in the dataset's label order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts_eval import kinds
from xstilts_eval.data.examples import PairDocument
from xstilts_eval.models.encoder import Counts, Loaded, forward_rows, rows_of
from xstilts_eval.models.heads import HEADS

MAX_LENGTH = HEADS.of(kinds.PAIR).max_length


def classify(
    head: Loaded, documents: Sequence[PairDocument], class_order: Sequence[int]
) -> tuple[NDArray[np.float32], Counts]:
    """Log-probabilities of shape [documents, labels], labels in the family's order, and which pairs were truncated.

    Premise and hypothesis are encoded with the tokenizer's own template, truncated from the longer one.
    `class_order` gives the model's class of each label.
    """
    encoding = head.tokenizer(
        [doc["premise"] for doc in documents],
        [doc["hypothesis"] for doc in documents],
        truncation="longest_first",
        max_length=head.max_length,
    )
    order = torch.tensor(list(class_order), device=head.runtime.device)

    def read(output: Any, _: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.log_softmax(output.logits.float(), dim=-1)[:, order]

    values = forward_rows(head, rows_of(encoding, head.fields), read, [str(doc["id"]) for doc in documents])
    return np.stack(values), {"truncated": [int(bool(part.overflowing)) for part in encoding.encodings]}
