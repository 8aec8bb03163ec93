"""The loss of a micro-batch by kind: cross entropy summed over what its rows count for (`rows.Rows.items`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from xstilts_eval import kinds
from xstilts_eval.kinds import Halves
from xstilts_eval.models.packed import PackedEncoder
from xstilts_eval.training import packed_loss
from xstilts_eval.training.rows import IGNORED, LABELS

Inputs = Mapping[str, torch.Tensor]
Loss = Callable[[Any, Any, torch.Tensor, Inputs], torch.Tensor]
"""(encoder, head, `keep` [rows], inputs with labels) to a sum; `keep` is 0 for rows that only fill up."""


@dataclass(frozen=True)
class Losses:
    """The loss of a head over padded rows and, where it can be had, without their padding: the same numbers."""

    plain: Loss
    packed: Callable[[PackedEncoder, Any, torch.Tensor, Inputs], torch.Tensor] | None = None


LOSSES: Halves[Losses] = Halves("loss")
"""A kind of one's own registers its losses here."""


def _output(head: Any, inputs: Inputs) -> Any:
    return head(**{name: value for name, value in inputs.items() if name not in LABELS})


def _classified(encoder: Any, head: Any, keep: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    logits = _output(head, inputs).logits.float()
    return (cross_entropy(logits, inputs["labels"], reduction="none") * keep).sum()


def _tagged(encoder: Any, head: Any, keep: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    gold = torch.where(keep[:, None] > 0, inputs["labels"], IGNORED)
    logits = _output(head, inputs).logits.float()
    return cross_entropy(logits.flatten(0, 1), gold.flatten(), ignore_index=IGNORED, reduction="sum")


def _spans(encoder: Any, head: Any, keep: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    """An answer starts and ends at one of the row's own tokens.

    transformers lets padding compete too, and XTREME's scripts pad to 384: there a row's loss depends on what it is
    padded to.
    """
    output, padding = _output(head, inputs), inputs["attention_mask"] == 0
    start_logits = output.start_logits.float().masked_fill(padding, -torch.inf)
    end_logits = output.end_logits.float().masked_fill(padding, -torch.inf)
    start = cross_entropy(start_logits, inputs["start_positions"], reduction="none")
    end = cross_entropy(end_logits, inputs["end_positions"], reduction="none")
    return ((start + end) / 2 * keep).sum()


def _matched(encoder: Any, head: Any, keep: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    loss: torch.Tensor = head(keep, **inputs)
    return loss


def _masked(encoder: Any, head: Any, keep: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    gold = torch.where(keep[:, None] > 0, inputs["labels"], IGNORED)
    loss: torch.Tensor = head(_output(encoder, inputs).last_hidden_state, gold)[0]
    return loss


MASKED = Losses(_masked)
"""Of masked text, which is no kind of dataset."""
LOSSES.register(kinds.PAIR, Losses(_classified, packed_loss.classified))
LOSSES.register(kinds.TEXT, Losses(_classified, packed_loss.classified))
LOSSES.register(kinds.CHOICE, Losses(_classified, packed_loss.classified))
LOSSES.register(kinds.TAGGED, Losses(_tagged, packed_loss.tagged))
LOSSES.register(kinds.QUESTION, Losses(_spans, packed_loss.spans))
LOSSES.register(kinds.RANKING, Losses(_matched))
