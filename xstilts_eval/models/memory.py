"""Models in memory as checkpoints: a transformers model with its tokenizer, or a sentence-transformers model.

A held model has a name, ``memory:CLASS@HASH``, which stands wherever a folder or a hub id may. What runs is a copy that
shares the weights: the caller's model is neither moved to a device nor cut, and its mode stays as it is.
"""

from __future__ import annotations

import copy
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models import products
from xstilts_eval.models.source import Source
from xstilts_eval.reading import Json

SCHEME = "memory:"
_HELD: dict[str, tuple[Source, int]] = {}
"""Sources by name, and how many hold each."""


@contextmanager
def held(model: Any, tokenizer: Any = None) -> Iterator[str]:
    """The name under which a model can be evaluated while the context lasts.

    Raises `UnfitCheckpoint` for what is no model of transformers or sentence-transformers, for one without its
    tokenizer, and for one that does not lie in one piece.
    """
    with tempfile.TemporaryDirectory(prefix="xstilts-model-") as scratch:
        source = source_of(model, tokenizer, Path(scratch))
        known, count = _HELD.get(source.name, (source, 0))
        _HELD[source.name] = known, count + 1
        try:
            yield source.name
        finally:
            known, count = _HELD.pop(source.name)
            if count > 1:
                _HELD[source.name] = known, count - 1


def find(name: str) -> Source:
    """The held model called `name`; raises `UnfitCheckpoint` when there is none (any more)."""
    if name not in _HELD:
        raise UnfitCheckpoint(
            f"{name} is not in memory here; give the model itself to xs.evaluate, or a folder it is in"
        )
    return _HELD[name][0]


def source_of(model: Any, tokenizer: Any, scratch: Path) -> Source:
    """See `held`; a sentence-transformers model is saved into `scratch`, which must stay."""
    import transformers

    if _is_sentence_transformer(model):
        model.save(str(scratch))
        inner = Source(str(scratch))
        return SavedSource(f"{SCHEME}{type(model).__name__}@{inner.identity}", on_hub=True, inner=inner)
    if not isinstance(model, transformers.PreTrainedModel):
        advice = "merge it (merge_and_unload)" if hasattr(model, "merge_and_unload") else "give the model inside"
        raise UnfitCheckpoint(
            f"a {type(model).__module__}.{type(model).__name__} is no transformers model (PreTrainedModel) and no "
            f"SentenceTransformer; {advice}, or a folder or hub id"
        )
    if tokenizer is None or not callable(tokenizer):
        raise UnfitCheckpoint(f"a {type(model).__name__} in memory needs its tokenizer: give tokenizer=…")
    if getattr(model, "is_quantized", False):
        raise UnfitCheckpoint("a quantised model in memory is not supported; save it, and give the folder")
    devices = {str(one.device) for one in model.parameters()}
    if len(devices) != 1 or "meta" in devices:
        raise UnfitCheckpoint(
            f"the model's weights lie on {', '.join(sorted(devices))}; a model in memory must lie on one device"
        )
    if getattr(model.config, "auto_map", None):
        raise UnfitCheckpoint(f"{type(model).__name__} comes with its own code (auto_map), which is not supported")
    identity = identity_of(model, tokenizer)
    return MemorySource(f"{SCHEME}{type(model).__name__}@{identity}", on_hub=True, model=model, given=tokenizer)


def _is_sentence_transformer(model: Any) -> bool:
    names = {f"{one.__module__.partition('.')[0]}.{one.__name__}" for one in type(model).__mro__}
    return "sentence_transformers.SentenceTransformer" in names


def identity_of(model: Any, tokenizer: Any) -> str:
    """First 12 hex digits of a sha256 over the weights by name, the configuration and the tokenizer."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(raw.numpy().data)
    digest.update(json.dumps(_config_of(model), sort_keys=True).encode())
    backend = getattr(tokenizer, "backend_tokenizer", None)
    told = backend.to_str() if backend is not None else json.dumps(tokenizer.get_vocab(), sort_keys=True)
    digest.update(told.encode("utf-8", "surrogatepass"))
    digest.update((getattr(tokenizer, "chat_template", None) or "").encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:12]


def _config_of(model: Any) -> dict[str, Json]:
    """What ``config.json`` would hold, less where the model came from and the library's version."""
    content: dict[str, Json] = json.loads(model.config.to_json_string())
    for name in ("_name_or_path", "transformers_version"):
        content.pop(name, None)
    return content | {"architectures": [type(model).__name__]}


@dataclass(frozen=True)
class MemorySource(Source):
    """A transformers model and its tokenizer."""

    model: Any = field(default=None, compare=False, repr=False)
    given: Any = field(default=None, compare=False, repr=False)

    def file(self, name: str) -> Path | None:
        return None

    @cached_property
    def raw_config(self) -> Mapping[str, Json]:
        return _config_of(self.model)

    @cached_property
    def config(self) -> Any:
        config = copy.deepcopy(self.model.config)
        config.architectures = [type(self.model).__name__]
        return config

    def load(
        self,
        auto_class: Any,
        new_weights: bool = False,
        needs_pooler: bool = False,
        brought: frozenset[str] = frozenset(),
        **options: Any,
    ) -> Any:
        """A copy in the wanted precision, with the weights of the model where that is its own precision."""
        import transformers

        if new_weights:
            raise UnfitCheckpoint(f"{self.name}: training starts from a folder or a hub id; save the model first")
        model = self.model.base_model if auto_class is transformers.AutoModel else self.model
        found = _sharing_weights(model).to(options.get("dtype", torch.float32))
        products.use_fastest(found)
        return found

    def tokenizer(self, needs_offsets: bool = True) -> Any:
        if needs_offsets and not self.given.is_fast:
            raise UnfitCheckpoint(f"{self.name}: needs a fast tokenizer")
        return copy.deepcopy(self.given)

    @cached_property
    def identity(self) -> str:
        return self.name.rpartition("@")[2]

    @property
    def content(self) -> None:
        """None: two models of equal weights may be of different code."""
        return None

    def fingerprint(self) -> str:
        return self.identity


@dataclass(frozen=True)
class SavedSource(MemorySource):
    """A sentence-transformers model, by way of the folder that it was saved into."""

    inner: Source = field(default_factory=lambda: Source(""), compare=False, repr=False)

    def file(self, name: str) -> Path | None:
        return self.inner.file(name)

    @cached_property
    def raw_config(self) -> Mapping[str, Json]:
        return self.inner.raw_config

    @cached_property
    def config(self) -> Any:
        return self.inner.config

    def load(self, auto_class: Any, *args: Any, **options: Any) -> Any:
        return self.inner.load(auto_class, *args, **options)

    def tokenizer(self, needs_offsets: bool = True) -> Any:
        return self.inner.tokenizer(needs_offsets)


def _sharing_weights(model: Any) -> Any:
    """A copy whose parameters and buffers are other objects over the same memory, so that it can be moved and cut."""
    with torch.inference_mode(False):
        shared: dict[int, Any] = {
            id(one): torch.nn.Parameter(one.detach(), requires_grad=False) for one in model.parameters()
        }
        shared |= {id(one): one.detach() for one in model.buffers()}
        return copy.deepcopy(model, shared)
