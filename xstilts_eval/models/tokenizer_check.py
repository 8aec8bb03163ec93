"""Whether a tokenizer belongs to a model: what can be told from sizes and special tokens."""

from __future__ import annotations

import logging
from typing import Any

from xstilts_eval.errors import UnfitCheckpoint

log = logging.getLogger("xstilts_eval")

FEWEST = 0.5
"""Share of a model's embedding rows below which its tokenizer is another's; choice of ours.

Rows are padded to round numbers and kept for tokens to come, rarely a tenth of them (`USUAL`).
"""
USUAL = 0.9


def refuse_foreign_tokenizer(name: str, tokenizer: Any, model: Any) -> None:
    """Raise `UnfitCheckpoint` for a tokenizer that cannot be the model's; warn where that is likely.

    Sizes are compared, special tokens must exist, and where positions are counted from the padding token (models of the
    RoBERTa kind) both sides must agree on it. Elsewhere public checkpoints differ in it and lose nothing.
    """
    rows, tokens = model.get_input_embeddings().num_embeddings, len(tokenizer)
    if tokens > rows:
        raise UnfitCheckpoint(
            f"{name}: the tokenizer has {tokens} tokens, the model {rows}; it belongs to another model"
        )
    strange = {token: index for token, index in _special(tokenizer).items() if index >= rows}
    if strange:
        token, index = next(iter(strange.items()))
        raise UnfitCheckpoint(f"{name}: the tokenizer's {token} has id {index}, the model only {rows} tokens")
    if tokens < FEWEST * rows:
        raise UnfitCheckpoint(
            f"{name}: the tokenizer has {tokens} tokens, the model {rows}; it is missing or belongs to another model"
        )
    table = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    if padding is not None and tokenizer.pad_token_id not in (None, padding):
        raise UnfitCheckpoint(
            f"{name}: the tokenizer pads with id {tokenizer.pad_token_id}, the model with id {padding}, from which it "
            "counts positions; the tokenizer belongs to another model"
        )
    if tokens < USUAL * rows:
        log.warning("%s: the tokenizer has %d tokens, the model %d; is it the right one?", name, tokens, rows)


def _special(tokenizer: Any) -> dict[str, int]:
    found = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    return {str(token): index for token, index in found if index is not None}
