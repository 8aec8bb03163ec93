"""Forward rows through a BERT-, RoBERTa- or XLM-R-shaped encoder without padding.

The rows of a batch stand one after another in a single stream of tokens. Everything but attention works on single
tokens, hence on the stream; attention runs once per *run*, the neighbouring rows of one length. All weights are used
through the model's own modules, so the numbers are its own up to rounding. A head that reads only the first token of a
row gets the last block's feed-forward computed for these tokens alone.

In bfloat16 the residual stream is bfloat16 too, as in the model's own forward; softmax, LayerNorm and matrix products
accumulate in float32 inside their kernels. For sentence vectors of all-MiniLM-L6-v2 one minus the cosine to float32 is
4e-5 on average, and would be 3e-5 with the residual stream and LayerNorm in float32 (own measurement, 60 sentences).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

ARCHITECTURES = ("bert", "camembert", "roberta", "xlm-roberta")
"""`model_type`s whose modules in transformers differ in nothing but positions and classification heads."""


@dataclass(frozen=True)
class Run:
    """Neighbouring `rows` of equal `length`; `start` is their first token in the stream."""

    rows: int
    length: int
    start: int

    @classmethod
    def split(cls, lengths: Sequence[int]) -> list[Run]:
        """The runs of rows with these lengths, in order."""
        runs, start = [], 0
        for length, group in itertools.groupby(lengths):
            rows = len(list(group))
            runs.append(cls(rows, length, start))
            start += rows * length
        return runs

    def of(self, stream: torch.Tensor) -> torch.Tensor:
        """Its part of a stream [tokens, width], as [rows, length, width]."""
        return stream[self.start : self.start + self.rows * self.length].view(self.rows, self.length, -1)


@dataclass(frozen=True)
class PackedModel:
    """An encoder with the `head` that turns hidden states [rows, tokens, width] into the model's output."""

    base: Any
    head: Callable[[torch.Tensor], Any]
    first_token: bool

    @classmethod
    def of(cls, model: Any) -> PackedModel | None:
        """The packed form of a model, or None where only the model's own forward is known to be right."""
        if not type(model).__module__.startswith("transformers.models.") or model.training:
            return None
        config = model.config
        absolute = getattr(config, "position_embedding_type", "absolute") == "absolute"
        if config.model_type not in ARCHITECTURES or config.is_decoder or not absolute:
            return None
        head = _head(model)
        if head is None:
            return None
        return cls(model.base_model, head, type(model).__name__.endswith("ForSequenceClassification"))

    def __call__(
        self, rows: Sequence[dict[str, list[int]]], device: torch.device
    ) -> Iterator[tuple[Any, dict[str, torch.Tensor]]]:
        """The model's output, and its `attention_mask`, for one run of rows after the other.

        Rows must be unpadded. Only the outputs that the heads need exist: `logits`, `start_logits` and `end_logits`, or
        `last_hidden_state`. Rows of equal length should be neighbours.
        """
        lengths = [len(row["input_ids"]) for row in rows]
        runs = Run.split(lengths)
        hidden = self._encode(self._embed(rows, lengths, device), runs, lengths)
        for run in [Run(len(rows), 1, 0)] if self.first_token else runs:
            mask = torch.ones(run.rows, run.length, dtype=torch.long, device=device)
            yield self.head(run.of(hidden)), {"attention_mask": mask}

    def _embed(self, rows: Sequence[dict[str, list[int]]], lengths: list[int], device: torch.device) -> torch.Tensor:
        def stream(name: str) -> torch.Tensor:
            return torch.tensor([value for row in rows for value in row[name]])

        ids = stream("input_ids")
        positions = positions_in_rows(ids, lengths, self.base.embeddings.position_embeddings.padding_idx)
        types = stream("token_type_ids")[None].to(device) if "token_type_ids" in rows[0] else None
        inputs = {"input_ids": ids[None].to(device), "position_ids": positions[None].to(device)}
        embedded: torch.Tensor = self.base.embeddings(**inputs, token_type_ids=types)
        return embedded[0]

    def _encode(self, hidden: torch.Tensor, runs: list[Run], lengths: list[int]) -> torch.Tensor:
        """Hidden states of the last block, [tokens, width], or [rows, width] where the first token is all it takes."""
        last = len(self.base.encoder.layer) - 1
        first = torch.tensor([0, *itertools.accumulate(lengths)][:-1], device=hidden.device)
        for number, block in enumerate(self.base.encoder.layer):
            context = _attend(block.attention.self, hidden, runs)
            if number == last and self.first_token:
                context, hidden = context[first], hidden[first]
            hidden = block.attention.output(context, hidden)
            hidden = block.output(block.intermediate(hidden), hidden)
        return hidden


def positions_in_rows(ids: torch.Tensor, lengths: Sequence[int], padding: int | None) -> torch.Tensor:
    """Position ids [tokens] of a stream of rows, each numbered anew from 0.

    Models of the RoBERTa kind number from behind their `padding` index on, and a padding token that stands in the text
    has the position `padding` and is not counted (`create_position_ids_from_input_ids` in transformers).
    """
    counted = torch.ones_like(ids) if padding is None else ids.ne(padding).long()
    count = counted.cumsum(0)
    sizes = torch.tensor(lengths)
    before = (count - counted)[sizes.cumsum(0) - sizes]
    numbers = count - before.repeat_interleave(sizes)  # from 1
    return numbers - 1 if padding is None else numbers * counted + padding


def _attend(attention: Any, hidden: torch.Tensor, runs: list[Run]) -> torch.Tensor:
    """Multi-head self-attention within rows: [tokens, width] to [tokens, width], before the output projection.

    Query, key and value keep their three matrix products: one product of the joined weights was not faster on the CPU
    (own measurement) and would need a copy of them.
    """
    projected = [project(hidden) for project in (attention.query, attention.key, attention.value)]
    contexts = []
    for run in runs:
        shape = (run.rows, run.length, attention.num_attention_heads, -1)
        query, key, value = (run.of(part).view(shape).transpose(1, 2) for part in projected)
        context = scaled_dot_product_attention(query, key, value).transpose(1, 2)
        contexts.append(context.reshape(run.rows * run.length, -1))
    return torch.cat(contexts)


def _head(model: Any) -> Callable[[torch.Tensor], Any] | None:
    """What stands on the encoder, for the classes that this package uses."""
    name = type(model).__name__
    if name.endswith("ForSequenceClassification"):
        # BERT pools before its classifier, RoBERTa in it, also where its encoder has a pooler for other heads.
        pooler = torch.nn.Identity() if hasattr(model.classifier, "dense") else model.base_model.pooler
        return lambda hidden: SimpleNamespace(logits=model.classifier(pooler(hidden)))
    if name.endswith("ForTokenClassification"):
        return lambda hidden: SimpleNamespace(logits=model.classifier(hidden))
    if name.endswith("ForQuestionAnswering"):
        return lambda hidden: _span_logits(model.qa_outputs(hidden))
    if model is model.base_model:
        return lambda hidden: SimpleNamespace(last_hidden_state=hidden)
    return None


def _span_logits(logits: torch.Tensor) -> Any:
    return SimpleNamespace(start_logits=logits[..., 0], end_logits=logits[..., 1])
