"""The loss of a micro-batch without padding: its rows as one stream of tokens, the last block only where it is needed.

Each is a sum over what the rows count for; `keep` [rows] is 0 for rows that only fill up, `inputs` are padded on the
right, with their labels. Same numbers as the models' own forward passes up to rounding; a head that reads labelled
words, or the first token of a row, has the last block's feed-forward computed for these alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from xstilts_eval.models.packed import PackedEncoder, first_places, head_of
from xstilts_eval.training.rows import IGNORED


@dataclass(frozen=True)
class Stream:
    """Rows without their padding, one after another: `ids` and `types` [tokens], rows of `lengths`.

    `mask` [rows, longest] is true where a row has its tokens, in front.
    """

    ids: torch.Tensor
    types: torch.Tensor | None
    lengths: list[int]
    mask: torch.Tensor

    @classmethod
    def of(cls, inputs: Mapping[str, torch.Tensor]) -> Stream:
        """From padded inputs [rows, longest], or [rows, choices, longest], each choice a row."""
        flat = {name: value.flatten(0, -2) for name, value in inputs.items()}
        mask = flat["attention_mask"].bool()
        types = flat.get("token_type_ids")
        return cls(flat["input_ids"][mask], None if types is None else types[mask], mask.sum(1).tolist(), mask)

    def hidden(self, encoder: PackedEncoder, wanted: torch.Tensor | None = None) -> torch.Tensor:
        """Last hidden states of the tokens `wanted`, or of all."""
        return encoder.hidden(self.ids, self.types, self.lengths, wanted)

    def first_states(self, encoder: PackedEncoder) -> torch.Tensor:
        """Last hidden states of every row's first token, [rows, 1, width]."""
        return self.hidden(encoder, first_places(self.lengths))[:, None]


def _inputs(inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: inputs[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in inputs}


def tagged(encoder: PackedEncoder, model: Any, keep: torch.Tensor, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Of labelled words."""
    stream = Stream.of(_inputs(inputs))
    gold = torch.where(keep[:, None] > 0, inputs["labels"], IGNORED)[stream.mask]
    wanted = (gold != IGNORED).nonzero()[:, 0]
    logits = _head(model)(stream.hidden(encoder, wanted)[None]).logits[0]
    return cross_entropy(logits.float(), gold[wanted], reduction="sum")


def classified(
    encoder: PackedEncoder, model: Any, keep: torch.Tensor, inputs: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """Pairs, texts, and multiple choice, whose options are the classes."""
    states = Stream.of(_inputs(inputs)).first_states(encoder)
    logits = _head(model)(states).logits.float().view(len(keep), -1)
    return (cross_entropy(logits, inputs["labels"], reduction="none") * keep).sum()


def spans(encoder: PackedEncoder, model: Any, keep: torch.Tensor, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """An answer starts and ends at one of the row's own tokens."""
    stream = Stream.of(_inputs(inputs))
    output = _head(model)(stream.hidden(encoder)[None])
    losses = []
    for logits, positions in (("start_logits", "start_positions"), ("end_logits", "end_positions")):
        padded = torch.full(stream.mask.shape, -torch.inf)
        padded[stream.mask] = getattr(output, logits)[0].float()
        losses.append(cross_entropy(padded, inputs[positions], reduction="none"))
    return ((losses[0] + losses[1]) / 2 * keep).sum()


def _head(model: Any) -> Any:
    head = head_of(model)
    assert head is not None, type(model).__name__  # the heads of these losses are all known
    return head
