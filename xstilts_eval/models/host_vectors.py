"""Retrieval for `--model hf`: the bridge puts `embed` on the host's own class, and this answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import PreTrainedModel

from xstilts_eval.models import arguments, embedding, retrieval
from xstilts_eval.models.batching import default_batch_tokens
from xstilts_eval.models.encoder import Loaded, Runtime
from xstilts_eval.models.processes import Processes
from xstilts_eval.tasks import announced
from xstilts_eval.tasks.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from lm_eval.api.instance import Instance
    from numpy.typing import NDArray

    from xstilts_eval.benchmark import Family


def embed(lm: Any, requests: list[Instance]) -> list[Response]:
    """Answers to `embed` requests from the model that the host's HFLM has loaded.

    The settings used are kept in each leaf's metadata (``xs_retrieval``), which the host writes into the results file.
    """
    selections = [selection for selection in announced.current() if selection.task.is_retrieval]
    encoder = encoder_of(lm)
    rankers: dict[Family, retrieval.Ranker] = {}

    def ranker(family: Family) -> retrieval.Ranker:
        rankers[family] = retrieval.Ranker(*map(encoder.reading, _lengths(encoder, family)))
        return rankers[family]

    answers = retrieval.answer(requests, selections, lambda: encoder, ranker, HostProcesses(lm))
    for selection in selections:
        family = selection.task.family
        lengths = _lengths(encoder, family) if family in rankers else [encoder.loaded.max_length]
        selection.task.config.metadata["xs_retrieval"] = {
            "layer": encoder.layer,
            "pooling": encoder.pooling,
            "max_length": lengths[0] if len(lengths) == 1 else "/".join(map(str, lengths)),
            "dtype": str(encoder.loaded.runtime.dtype).removeprefix("torch."),
            "truncated": encoder.truncated,
        }
    return answers.responses


def _lengths(encoder: HostEncoder, family: Family) -> list[int]:
    """Sub-words of a query and of a candidate, no more than the model reads."""
    return [min(length, encoder.loaded.max_length) for length in embedding.ranking_lengths(family)]


def transformers_model(lm: Any) -> PreTrainedModel | None:
    """The Transformers model inside a class of the host, without its adapters' wrapper; None for other engines."""
    model: Any = getattr(lm, "model", None)
    model = model.get_base_model() if hasattr(model, "get_base_model") else model
    return model if isinstance(model, PreTrainedModel) else None


def encoder_of(lm: Any) -> HostEncoder:
    """The encoder of an encoder-decoder, else the blocks of the model, with the default layer and pooling."""
    model = transformers_model(lm)
    assert model is not None  # `host_models.refuse_unserved` has seen to it
    is_first = lm.rank == 0
    runtime = Runtime(
        lm.device, model.dtype, default_batch_tokens(lm.device), arguments.row_cap(lm.batch_size), is_first
    )
    part = model.get_encoder() if lm.backend == "seq2seq" else model.base_model
    settings = embedding.default_retrieval(model.config.get_text_config())
    loaded = Loaded(part, lm.tokenizer, runtime, min(int(lm.max_length), embedding.MAX_LENGTH))
    return HostEncoder(loaded, settings.layer, settings.pooling, autocast=lm.mixed_precision_dtype)


class HostEncoder(embedding.SentenceEncoder):
    """As `SentenceEncoder`, on a model that others go on using: no block is taken away."""

    def __init__(self, loaded: Loaded, layer: int | None, pooling: str, autocast: torch.dtype | None = None) -> None:
        self._autocast = autocast
        super().__init__(loaded, layer, pooling)

    def __post_init__(self) -> None:
        self._is_cut = False

    def embed(self, texts: Sequence[str], label: str = "") -> NDArray[np.float32]:
        """Unit vectors of shape [texts, width], in the order given."""
        kind = self.loaded.runtime.device.type
        with torch.autocast(kind, self._autocast, enabled=self._autocast is not None):
            return super().embed(texts, label)


class HostProcesses(Processes):
    """The process group as the host's model sees it: on CPU, or with tensor parallelism, every process works alone."""

    def __init__(self, lm: Any) -> None:
        self.rank, self.world_size, self.local_rank = int(lm.rank), int(lm.world_size), int(lm.rank)
