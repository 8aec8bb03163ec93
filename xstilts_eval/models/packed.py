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

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from xstilts_eval.models import dropout, products

ARCHITECTURES = ("bert", "camembert", "roberta", "xlm-roberta")
"""`model_type`s whose modules in transformers differ in nothing but positions and classification heads."""
_PADDING_WORTH = 150_000
"""Scores of padding that cost about as much as one more round of small operations (own measurement, two cores)."""
FIRST_TOKEN_CLASSES = ("ForSequenceClassification", "ForMultipleChoice")


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
class Tile:
    """Neighbouring rows that attend in one product: as they stand where they are equally long, else in a rectangle.

    `places` [tokens] is where their tokens stand in a rectangle [rows · longest], `bias` [rows, 1, 1, longest] is minus
    infinity where a row has no token; both None for equal lengths.
    """

    rows: int
    longest: int
    tokens: int
    places: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Tile:
        """One for rows of these lengths."""
        rows, longest, tokens = len(lengths), max(lengths), sum(lengths)
        if rows * longest == tokens:
            return cls(rows, longest, tokens)
        there = torch.arange(longest) < torch.tensor(lengths)[:, None]
        bias = torch.zeros(there.shape).masked_fill_(~there, -torch.inf)
        return cls(rows, longest, tokens, there.flatten().nonzero()[:, 0], bias[:, None, None])

    @classmethod
    def split(cls, lengths: Sequence[int], heads: int, merges: bool) -> list[Tile]:
        """Tiles of rows with these lengths, in order: one for each run of equal lengths.

        With `merges`, runs of a similar length stand in one rectangle while that adds fewer than `_PADDING_WORTH`
        scores, of `heads` heads.
        """
        groups: list[list[int]] = []
        for _, run in itertools.groupby(lengths):
            new = list(run)
            if merges and groups and heads * _added(groups[-1], new) < _PADDING_WORTH:
                groups[-1] += new
            else:
                groups.append(new)
        return [cls.of(group) for group in groups]

    def spread(self, part: torch.Tensor, heads: int) -> torch.Tensor:
        """Its tokens [tokens, width] as [rows, heads, longest, width of a head]; 0 where a row has no token."""
        if self.places is not None:
            empty = part.new_zeros(self.rows * self.longest, part.shape[1])
            part = empty.index_copy(0, self.places, part)
        return part.view(self.rows, self.longest, heads, -1).transpose(1, 2)

    def gather(self, context: torch.Tensor) -> torch.Tensor:
        """[tokens, width] of [rows, heads, longest, width of a head]."""
        flat = context.transpose(1, 2).reshape(self.rows * self.longest, -1)
        return flat if self.places is None else flat[self.places]


def _added(lengths: Sequence[int], new: Sequence[int]) -> int:
    """Scores of padding that rows of `new` lengths add to a rectangle of rows of `lengths`."""
    return _padding([*lengths, *new]) - _padding(lengths)


def _padding(lengths: Sequence[int]) -> int:
    return len(lengths) * max(lengths) ** 2 - sum(length**2 for length in lengths)


def is_packable(model: Any) -> bool:
    """Whether the encoder of a transformers model is one whose every step is known here."""
    if not type(model).__module__.startswith("transformers.models."):
        return False
    config = model.config
    absolute = getattr(config, "position_embedding_type", "absolute") == "absolute"
    return config.model_type in ARCHITECTURES and not config.is_decoder and absolute


@dataclass(frozen=True)
class PackedEncoder:
    """The blocks of a BERT-shaped `base` over a stream of rows, in training (with its dropout) or not.

    With `recompute`, a block's activations are forgotten and computed again in the backward pass. With `plain`,
    attention is matrix products and a softmax instead of torch's fused kernel. With `merges`, rows of similar lengths
    attend together, with padding, where that is cheaper. The stream is filled up to a `multiple` of tokens. The same
    numbers up to rounding.
    """

    base: Any
    recompute: bool = False
    plain: bool = False
    merges: bool = False
    multiple: int = 1

    def hidden(
        self, ids: torch.Tensor, types: torch.Tensor | None, lengths: Sequence[int], wanted: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Hidden states of the last block, [wanted, width], or [tokens, width] without `wanted`.

        `ids` and `types` [tokens] are rows of `lengths`, unpadded, one after another; `wanted` are places in that
        stream, for which alone the last block's feed-forward is computed. Rows of equal length should be neighbours.
        """
        positions = positions_in_rows(ids, lengths, self.base.embeddings.position_embeddings.padding_idx)
        inputs = {"input_ids": ids[None], "position_ids": positions[None]}
        hidden = self.base.embeddings(**inputs, token_type_ids=None if types is None else types[None])[0]
        tiles = Tile.split(lengths, self.base.config.num_attention_heads, self.merges)
        blocks = self.base.encoder.layer
        count = len(hidden if wanted is None else wanted)
        if filling := -len(hidden) % self.multiple:
            hidden = torch.cat([hidden, hidden.new_zeros(filling, hidden.shape[1])])
        if wanted is not None and count > self.multiple:
            wanted = torch.cat([wanted, wanted[:1].expand(-count % self.multiple)])
        for number, block in enumerate(blocks):
            places = wanted if number == len(blocks) - 1 else None
            if self.recompute and torch.is_grad_enabled():
                hidden = checkpoint(self._block, block, hidden, tiles, places, use_reentrant=False)
            else:
                hidden = self._block(block, hidden, tiles, places)
        return cast(torch.Tensor, hidden)[:count]

    def _block(self, block: Any, hidden: torch.Tensor, tiles: list[Tile], wanted: torch.Tensor | None) -> torch.Tensor:
        context = _attend(block.attention.self, hidden, tiles, self.plain)
        if wanted is not None:
            context, hidden = context[wanted], hidden[wanted]
        hidden = block.attention.output(context, hidden)
        return cast(torch.Tensor, block.output(block.intermediate(hidden), hidden))


def first_places(lengths: Sequence[int]) -> torch.Tensor:
    """Place of every row's first token in a stream of rows, [rows]."""
    sizes = torch.tensor(lengths)
    return sizes.cumsum(0) - sizes


def reads_first_token(model: Any) -> bool:
    """Whether the first token of a row is all that the head of `model` reads."""
    return type(model).__name__.endswith(FIRST_TOKEN_CLASSES)


@dataclass(frozen=True)
class PackedModel:
    """An encoder with the `head` that turns hidden states [rows, tokens, width] into the model's output."""

    encoder: PackedEncoder
    head: Callable[[torch.Tensor], Any]
    first_token: bool

    @classmethod
    def of(cls, model: Any) -> PackedModel | None:
        """The packed form of a model, or None where only the model's own forward is known to be right."""
        if not is_packable(model) or model.training:
            return None
        head = head_of(model)
        if head is None:
            return None
        return cls(PackedEncoder(model.base_model), head, reads_first_token(model))

    def __call__(
        self, rows: Sequence[dict[str, list[int]]], device: torch.device
    ) -> Iterator[tuple[Any, dict[str, torch.Tensor]]]:
        """The model's output, and its `attention_mask`, for one run of rows after the other.

        Rows must be unpadded. Only the outputs that the heads need exist: `logits`, `start_logits` and `end_logits`, or
        `last_hidden_state`. Rows of equal length should be neighbours.
        """

        def stream(name: str) -> torch.Tensor:
            return torch.tensor([value for row in rows for value in row[name]], device=device)

        lengths = [len(row["input_ids"]) for row in rows]
        types = stream("token_type_ids") if "token_type_ids" in rows[0] else None
        wanted = first_places(lengths).to(device) if self.first_token else None
        hidden = self.encoder.hidden(stream("input_ids"), types, lengths, wanted)
        for run in [Run(len(rows), 1, 0)] if self.first_token else Run.split(lengths):
            mask = torch.ones(run.rows, run.length, dtype=torch.long, device=device)
            yield self.head(run.of(hidden)), {"attention_mask": mask}


def positions_in_rows(ids: torch.Tensor, lengths: Sequence[int], padding: int | None) -> torch.Tensor:
    """Position ids [tokens] of a stream of rows, each numbered anew from 0.

    Models of the RoBERTa kind number from behind their `padding` index on, and a padding token that stands in the text
    has the position `padding` and is not counted (`create_position_ids_from_input_ids` in transformers).
    """
    counted = torch.ones_like(ids) if padding is None else ids.ne(padding).long()
    count = counted.cumsum(0)
    sizes = torch.tensor(lengths, device=ids.device)
    before = (count - counted)[sizes.cumsum(0) - sizes]
    numbers = count - before.repeat_interleave(sizes)  # from 1
    return numbers - 1 if padding is None else numbers * counted + padding


def _attend(attention: Any, hidden: torch.Tensor, tiles: list[Tile], plain: bool = False) -> torch.Tensor:
    """Multi-head self-attention within rows: [tokens, width] to [tokens, width], before the output projection.

    Tokens behind those of the `tiles` only fill up: 0. Query, key and value keep their three matrix products: one
    product of the joined weights was not faster on the CPU (own measurement) and would need a copy of them.
    """
    if torch.is_autocast_enabled(hidden.device.type):  # once, and not for each of the three
        hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
    sizes = [tile.tokens for tile in tiles]
    filling = len(hidden) - sum(sizes)
    projected = [
        project(hidden).split([*sizes, filling]) for project in (attention.query, attention.key, attention.value)
    ]
    rate = attention.dropout.p if attention.training else 0.0
    attend = functools.partial(_in_steps, rate=rate) if rate or plain else _in_one_kernel
    contexts = []
    for number, tile in enumerate(tiles):
        query, key, value = (tile.spread(parts[number], attention.num_attention_heads) for parts in projected)
        bias = None if tile.bias is None else tile.bias.to(query.dtype)
        contexts.append(tile.gather(products.attention(attend, query, key, value, bias)))
    return torch.cat([*contexts, contexts[0].new_zeros(filling, contexts[0].shape[1])])


def _in_one_kernel(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    return scaled_dot_product_attention(query, key, value, attn_mask=bias)


def _in_steps(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None, rate: float
) -> torch.Tensor:
    """The same with dropout of the weights at this `rate`."""
    mask, scale = dropout.drawn(torch.Size([*query.shape[:3], key.shape[2]]), rate)
    return cast(torch.Tensor, cast(Any, _Steps.apply)(query, key, value, bias, mask, scale))


class _Steps(torch.autograd.Function):
    """Products and a softmax; `mask` [rows, heads, length, length] says which weights are kept, times `scale`.

    Of the weights only what the softmax gives lies in memory for the way back, and what could scale them scales queries
    and values: rows of 256 tokens have eight times as many weights.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        bias: torch.Tensor | None,
        mask: torch.Tensor | None,
        scale: float,
    ) -> torch.Tensor:
        query = query * query.shape[-1] ** -0.5
        scores = query @ key.transpose(2, 3)
        weights = (scores if bias is None else scores.add_(bias)).softmax(-1).to(value.dtype)
        ctx.save_for_backward(query, key, value, weights, mask)
        ctx.scale = scale
        return weights @ value if mask is None else dropout.kept(weights, mask) @ (value * scale)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, weights, mask = ctx.saved_tensors
        given = gradients[0] * ctx.scale
        of_weights = given @ value.transpose(2, 3)
        if mask is not None:
            of_weights = dropout.kept(of_weights, mask)
        of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
        kept = weights if mask is None else dropout.kept(weights, mask)
        of_query = (of_scores @ key).mul_(query.shape[-1] ** -0.5)
        return of_query, of_scores.transpose(2, 3) @ query, kept.transpose(2, 3) @ given, None, None, None


def head_of(model: Any) -> Callable[[torch.Tensor], Any] | None:
    """What stands on the encoder, for the classes that this package uses: takes hidden states [rows, tokens, width].

    Of a row that is classified the first token is enough. Dropout works where the model is in training.
    """
    name = type(model).__name__
    dropped = getattr(model, "dropout", torch.nn.Identity())
    if name.endswith(FIRST_TOKEN_CLASSES):
        # BERT pools before its classifier, RoBERTa in it (except for choices), also where its encoder has a pooler too.
        pooler = dropped if hasattr(model.classifier, "dense") else _pooler(model.base_model, dropped)
        return lambda hidden: SimpleNamespace(logits=model.classifier(pooler(hidden)))
    if name.endswith("ForTokenClassification"):
        return lambda hidden: SimpleNamespace(logits=model.classifier(dropped(hidden)))
    if name.endswith("ForQuestionAnswering"):
        return lambda hidden: _span_logits(model.qa_outputs(hidden))
    if model is model.base_model:
        return lambda hidden: SimpleNamespace(last_hidden_state=hidden)
    return None


def _pooler(base: Any, dropped: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda hidden: dropped(base.pooler(hidden))


def _span_logits(logits: torch.Tensor) -> Any:
    return SimpleNamespace(start_logits=logits[..., 0], end_logits=logits[..., 1])
