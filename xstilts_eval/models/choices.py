"""Multiple choice: documents to one score per option, each option encoded behind the same first segment.

Formatting and truncation follow XTREME's XCOPA (`third_party/run_xcopa.py:288-337`): the first segment is the premise,
for COPA and XCOPA with the English question behind it in every language; 128 sub-words, the longer segment is cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts_eval import kinds
from xstilts_eval.data.examples import ChoiceDocument
from xstilts_eval.models.batching import pad
from xstilts_eval.models.encoder import Loaded, Row, forward_rows, in_batches, rows_of
from xstilts_eval.models.heads import HEADS
from xstilts_eval.models.packed import PackedModel
from xstilts_eval.training_tasks import choice_texts

MAX_LENGTH = HEADS.of(kinds.CHOICE).max_length


def encoded(head: Loaded, documents: Sequence[ChoiceDocument]) -> list[list[Row]]:
    """One encoded pair per option of every document."""
    counts = [len(doc["choices"]) for doc in documents]
    texts = [choice_texts(doc) for doc in documents]
    firsts = [first for first, options in texts for _ in options]
    seconds = [option for _, options in texts for option in options]
    if not firsts:
        return []
    encoding = head.tokenizer(firsts, seconds, truncation="longest_first", max_length=head.max_length)
    rows = iter(rows_of(encoding, head.fields))
    return [[next(rows) for _ in range(count)] for count in counts]


def truncated(head: Loaded, documents: Sequence[ChoiceDocument]) -> list[int]:
    """How many options of each document do not fit behind their first segment, and are cut with it."""
    texts = [(first, option) for first, options in map(choice_texts, documents) for option in options]
    if not texts:
        return [0] * len(documents)
    encoding = head.tokenizer([first for first, _ in texts], [option for _, option in texts], verbose=False)
    is_cut = iter(len(ids) > head.max_length for ids in encoding["input_ids"])
    return [sum(next(is_cut) for _ in doc["choices"]) for doc in documents]


def choose(head: Loaded, documents: Sequence[ChoiceDocument]) -> list[NDArray[np.float32]]:
    """Log-probabilities [choices] of each document's options."""
    options = encoded(head, documents)
    flat = [row for rows in options for row in rows]

    scores = iter(_scores(head, flat))
    logits = [np.array([next(scores) for _ in rows], dtype=np.float32) for rows in options]
    return [values - np.logaddexp.reduce(values) for values in logits]


def _scores(head: Loaded, rows: Sequence[Row]) -> list[float]:
    """One score per option; a model that does not run packed is given each option as a question of one."""
    if PackedModel.of(head.model) is not None:
        return [float(value[0]) for value in forward_rows(head, rows, lambda output, _: output.logits)]

    def forward(batch: list[int]) -> list[float]:
        inputs = pad([rows[index] for index in batch], {"input_ids": head.pad_token_id}, head.runtime.device)
        one_option = {name: value.unsqueeze(1) for name, value in inputs.items()}
        scores: list[float] = head.model(**one_option).logits.float().squeeze(-1).tolist()
        return scores

    found: dict[int, float] = {}
    with torch.inference_mode():
        for batch, values in in_batches(head.runtime, head.label, [len(row["input_ids"]) for row in rows], forward):
            found.update(zip(batch, values, strict=True))
    return [found[index] for index in range(len(rows))]
