"""Log-likelihoods of a document's choices in one forward pass over their shared context.

The choices of a document mostly begin alike: the same few-shot examples, the same premise. A row holds that common
prefix once and behind it every choice's own tail; the attention mask lets a tail see the prefix and itself, and
position ids count on from the prefix, so every token sees exactly what it would see alone. The vocabulary projection
runs only where a token is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from xstilts_eval.models.encoder import Runtime, fit_to_memory, in_batches

Score = tuple[float, bool]
_PAD = -1
_LOGITS = 1 << 25
"""Logits held at once (128 MB in float32): a vocabulary of 250,000 would otherwise fill the memory."""


@dataclass(frozen=True)
class Choice:
    """Tokens of one choice with its context; log-likelihood is summed over the last `scored` of them."""

    tokens: list[int]
    scored: int


@dataclass(frozen=True)
class Tree:
    """One row: `tokens`, `positions` and `branches` [row length]; branch 0 is the prefix, branch j choice j's tail.

    `places`, `targets` and `choices` [scored tokens] say where in the row a scored token is predicted, which it is, and
    to which choice it belongs.
    """

    tokens: list[int]
    positions: list[int]
    branches: list[int]
    places: list[int]
    targets: list[int]
    choices: list[int]


def common_prefix(sequences: Sequence[list[int]]) -> int:
    """Number of first tokens that all sequences share."""
    low, high = min(sequences), max(sequences)
    for place, (one, other) in enumerate(zip(low, high, strict=False)):
        if one != other:
            return place
    return min(len(low), len(high))


def tree(choices: Sequence[Choice]) -> Tree:
    """Lay the choices of one document out as a row; the last token of a choice is only predicted, never read."""
    shared = common_prefix([choice.tokens[:-1] for choice in choices])
    tokens = list(choices[0].tokens[:shared])
    found = Tree(tokens, list(range(shared)), [0] * shared, [], [], [])
    for number, choice in enumerate(choices):
        tail = choice.tokens[shared:-1]
        shift = len(found.tokens) - shared
        found.tokens.extend(tail)
        found.positions.extend(range(shared, shared + len(tail)))
        found.branches.extend([number + 1] * len(tail))
        for target in range(len(choice.tokens) - choice.scored, len(choice.tokens)):
            found.places.append(target - 1 if target - 1 < shared else target - 1 + shift)
            found.targets.append(choice.tokens[target])
            found.choices.append(number)
    return found


def visible(branches: torch.Tensor) -> torch.Tensor:
    """Which key [rows, 1, query, key] a query may see, from the branch of each token [rows, length], -1 for padding."""
    query, key = branches[:, :, None], branches[:, None, :]
    length = branches.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=branches.device).tril()
    itself = torch.eye(length, dtype=torch.bool, device=branches.device)  # padding must see something: no NaN
    return ((causal & ((key == 0) | (key == query))) | itself)[:, None]


def score(model: Any, documents: Sequence[Sequence[Choice]], runtime: Runtime, tick: Any = None) -> list[list[Score]]:
    """(log-likelihood, whether every scored token is the most probable one) of each choice of each document.

    `model` is a decoder whose forward takes a 4-dimensional mask and position ids; `tick` is called with the number of
    choices done. Raises `SettingError` when a single document does not fit in memory.
    """
    rows = [tree(choices) for choices in documents]
    lengths = [len(row.tokens) for row in rows]
    fit_to_memory(runtime, model, max(lengths, default=1))
    results: list[list[Score]] = [[] for _ in documents]

    def forward(batch: list[int]) -> list[list[Score]]:
        return _score_rows(model, [rows[index] for index in batch])

    for batch, found in in_batches(runtime, "choices", lengths, forward):
        for index, scores in zip(batch, found, strict=True):
            results[index] = scores
            if tick:
                tick(len(scores))
    return results


def _score_rows(model: Any, rows: Sequence[Tree]) -> list[list[Score]]:
    device, dtype = model.device, model.dtype
    length = max(len(row.tokens) for row in rows)

    def stack(name: str, filler: int) -> torch.Tensor:
        values = [getattr(row, name) for row in rows]
        return torch.tensor([value + [filler] * (length - len(value)) for value in values], device=device)

    allowed = visible(stack("branches", _PAD))
    mask = torch.zeros(allowed.shape, dtype=dtype, device=device).masked_fill_(~allowed, torch.finfo(dtype).min)
    with torch.inference_mode():
        hidden = model.base_model(
            input_ids=stack("tokens", 0), attention_mask=mask, position_ids=stack("positions", 0), use_cache=False
        ).last_hidden_state
        return _read(hidden, model.get_output_embeddings(), rows)


def _read(hidden: torch.Tensor, head: Any, rows: Sequence[Tree]) -> list[list[Score]]:
    """Log-probabilities at the scored places of `hidden` [rows, length, width], summed by choice."""
    length = hidden.shape[1]
    flat = hidden.reshape(-1, hidden.shape[-1])
    places = np.concatenate([np.asarray(row.places) + number * length for number, row in enumerate(rows)])
    targets = torch.tensor([target for row in rows for target in row.targets], device=hidden.device)
    needed, where = np.unique(places, return_inverse=True)
    step = max(1, _LOGITS // head.weight.shape[0])
    logs, best = np.empty(len(places)), np.empty(len(places), bool)
    for start in range(0, len(needed), step):
        inside = np.flatnonzero((where >= start) & (where < start + step))
        logits = head(flat[torch.from_numpy(needed[start : start + step]).to(hidden.device)]).float()
        normalised, likeliest = logits.logsumexp(-1), logits.argmax(-1)
        at = torch.from_numpy(where[inside] - start).to(hidden.device)
        wanted = targets[torch.from_numpy(inside).to(hidden.device)]
        logs[inside] = (logits[at, wanted] - normalised[at]).cpu().numpy()
        best[inside] = (likeliest[at] == wanted).cpu().numpy()
    results = []
    start = 0
    for row in rows:
        choices = np.asarray(row.choices)
        mine, right = logs[start : start + len(choices)], best[start : start + len(choices)]
        start += len(choices)
        count = int(choices.max()) + 1
        sums = np.bincount(choices, mine, minlength=count)
        greedy = np.bincount(choices, ~right, minlength=count) == 0
        results.append([(float(sums[number]), bool(greedy[number])) for number in range(count)])
    return results
