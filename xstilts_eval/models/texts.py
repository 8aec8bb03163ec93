"""Classification of single texts: documents to log-probabilities in the dataset's label order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts_eval.data.examples import TextDocument
from xstilts_eval.models.encoder import Counts, Loaded, forward_rows, rows_of


def encoded(head: Loaded, documents: Sequence[TextDocument]) -> Any:
    """The texts with the tokenizer's own template, cut at the end."""
    texts = [doc["text"] for doc in documents]
    return head.tokenizer(texts, truncation=True, max_length=head.max_length)


def classify(
    head: Loaded, documents: Sequence[TextDocument], class_order: Sequence[int]
) -> tuple[NDArray[np.float32], Counts]:
    """Log-probabilities of shape [documents, labels], labels in the dataset's order, and which texts were truncated.

    `class_order` gives the model's class of each label.
    """
    encoding = encoded(head, documents)
    order = torch.tensor(list(class_order), device=head.runtime.device)

    def read(output: Any, _: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.log_softmax(output.logits.float(), dim=-1)[:, order]

    values = forward_rows(head, rows_of(encoding, head.fields), read, [str(doc["id"]) for doc in documents])
    return np.stack(values), {"truncated": [int(bool(part.overflowing)) for part in encoding.encodings]}
