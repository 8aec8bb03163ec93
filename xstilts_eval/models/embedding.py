"""Sentences to vectors: one hidden layer, pooled over its tokens."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts_eval.benchmark import Family
from xstilts_eval.bundle import Retrieval
from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.models.after_pooling import width_after
from xstilts_eval.models.encoder import Loaded, forward_rows, rows_of
from xstilts_eval.models.known_vectors import KnownVectors
from xstilts_eval.models.packed import ARCHITECTURES

MAX_LENGTH = 512
"""google-research/xtreme, `scripts/run_tatoeba.sh` and `run_bucc2018.sh`."""


def ranking_lengths(family: Family) -> tuple[int, int]:
    """Sub-words of a query and of a candidate, where the dataset says nothing those of other sentences."""
    return family.lengths or (MAX_LENGTH, MAX_LENGTH)


def default_retrieval(config: Any) -> Retrieval:
    """Layer and pooling for a plain encoder: mean over all tokens, special ones included.

    XLM-R large (24 blocks): block 14; mBERT and XLM: block 8 (`scripts/run_tatoeba.sh:28-41`, jiant's
    `xtreme_runconfig_writer.py:56,119-124`). No official layer exists for other models: the block at the same relative
    depth as XLM-R large's is taken (12 blocks: 7), a choice of ours that the signature shows.
    """
    blocks = int(getattr(config, "num_hidden_layers", 0) or getattr(config, "n_layers", 12))
    official = config.model_type in ("bert", "xlm") and blocks == 12
    layer = 8 if official else max(1, round(blocks * 14 / 24))
    return Retrieval(layer=layer, pooling="mean", max_length=MAX_LENGTH)


def keep_blocks(model: Any, layer: int | None) -> bool:
    """Drop the blocks above `layer`, so that the last hidden state is the one wanted; False where the model cannot.

    Raises `SettingError` for a layer the model does not have.
    """
    total = int(getattr(model.config, "num_hidden_layers", 0) or getattr(model.config, "n_layers", 0))
    if layer is None or layer == total:
        return True
    if layer > total:
        raise SettingError(f"layer={layer} does not exist; the model has blocks 1 to {total}")
    # Only for architectures whose hidden state n is exactly the output of block n, nothing after it.
    if model.config.model_type not in ARCHITECTURES:
        return False
    model.encoder.layer = model.encoder.layer[:layer]
    return True


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool hidden states [rows, tokens, width] over the tokens of `mask` [rows, tokens] to [rows, width]."""
    if pooling == "cls":
        return hidden[:, 0]
    weights = mask.unsqueeze(-1)
    if pooling == "max":
        return hidden.masked_fill(weights == 0, float("-inf")).amax(dim=1)
    hidden = hidden.float()
    total = weights.sum(dim=1).float()
    return (hidden * weights).sum(dim=1) / (total.sqrt() if pooling == "mean_sqrt_len" else total).clamp(min=1e-9)


def lower_case_first(tokenizer: Any) -> None:
    """Make a tokenizer lower-case its input, before anything else and once, as `do_lower_case` asks."""
    from tokenizers import normalizers

    inner = tokenizer.backend_tokenizer
    if inner.normalizer is None:
        inner.normalizer = normalizers.Lowercase()
    else:
        inner.normalizer = normalizers.Sequence([normalizers.Lowercase(), inner.normalizer])


@dataclass
class SentenceEncoder:
    """An encoder with its retrieval settings; cuts the model to the layer in use where it can.

    `prompt` is put before every text; `steps` are what follows the pooling; `known` are the vectors of inputs that were
    embedded before.
    """

    loaded: Loaded
    layer: int | None
    pooling: str
    truncated: int = 0
    prompt: str = ""
    steps: torch.nn.Module = field(default_factory=torch.nn.Identity)
    known: KnownVectors = field(default_factory=KnownVectors)

    def __post_init__(self) -> None:
        self._is_cut = keep_blocks(self.loaded.model, self.layer)
        if self.pooling == "pooler" and getattr(self.loaded.model, "pooler", None) is None:
            name = type(self.loaded.model).__name__
            raise UnfitCheckpoint(f"pooling=pooler: a {name} has no pooler; give pooling=mean or pooling=cls")

    def reading(self, max_length: int, prompt: str | None = None) -> SentenceEncoder:
        """The same encoder with inputs up to `max_length` sub-words, and another prompt where one is given.

        What one of the two has embedded is known to the other.
        """
        other = copy.copy(self)
        other.loaded = replace(self.loaded, max_length=max_length)
        other.prompt = self.prompt if prompt is None else prompt
        other.truncated = 0
        return other

    def inputs(self, texts: Sequence[str]) -> tuple[list[bytes], list[bool]]:
        """Token ids (int32) of each text as the model will see them, and whether it was cut; equal are one input."""
        if not texts:
            return [], []
        encoding = self._encode(texts)
        return [np.array(ids, np.int32).tobytes() for ids in encoding["input_ids"]], self._cut(texts, encoding)

    def embed(self, texts: Sequence[str], label: str = "") -> NDArray[np.float32]:
        """Unit vectors of shape [texts, width], in the order given; `truncated` counts texts that were cut."""
        if not texts:
            width = width_after(self.steps, int(self.loaded.model.config.hidden_size))
            return np.zeros((0, width), np.float32)
        encoding = self._encode(texts)
        self.truncated += sum(self._cut(texts, encoding))
        options: dict[str, Any] = {} if self._is_cut else {"output_hidden_states": True}
        loaded = replace(self.loaded, label=label)
        return np.stack(forward_rows(loaded, rows_of(encoding, loaded.fields), self._read, **options))

    def _encode(self, texts: Sequence[str], truncation: bool = True) -> Any:
        prompted = [self.prompt + text for text in texts]
        limit = {"max_length": self.loaded.max_length} if truncation else {}
        return self.loaded.tokenizer(prompted, truncation=truncation, verbose=False, **limit)

    def _cut(self, texts: Sequence[str], encoding: Any) -> list[bool]:
        """Which texts were longer than the model reads; a tokenizer without offsets (bytes) is asked again."""
        if encoding.encodings:
            return [bool(part.overflowing) for part in encoding.encodings]
        whole = self._encode(texts, truncation=False)["input_ids"]
        return [len(ids) > self.loaded.max_length for ids in whole]

    def _read(self, output: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        hidden = output.last_hidden_state if self._is_cut else output.hidden_states[self.layer]
        if self.pooling == "pooler":
            pooled = self.loaded.model.pooler(hidden).float()
        else:
            pooled = pool(hidden, inputs["attention_mask"], self.pooling).float()
        return torch.nn.functional.normalize(self.steps(pooled), dim=-1)
