"""One encoder and one head per task, trained together: what a stage's optimiser sees.

Every head is a Hugging Face model of its own (`BertForTokenClassification` …) whose base is replaced by the shared
encoder, so that each can be saved as a checkpoint which any loader opens. The pooling layer goes with the encoder from
stage to stage in every architecture: BERT's `pooler`, which RoBERTa-shaped classification heads call `classifier.dense`
(jiant counts it to the encoder too, `jiant/proj/main/modeling/primary.py:362-395`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.kinds import Kind
from xstilts_eval.models.dropout import use_cheap_masks
from xstilts_eval.models.heads import HEADS
from xstilts_eval.models.packed import PackedEncoder, is_packable
from xstilts_eval.models.source import Source
from xstilts_eval.training import shards
from xstilts_eval.training.dual_encoder import DualEncoder, scale_of
from xstilts_eval.training.losses import LOSSES, Losses
from xstilts_eval.training.text import row_losses
from xstilts_eval.training.vocabulary import CompactTable

POOLING_PLACES = ("pooler", "pre_classifier")
"""Where head models keep that layer if neither their base nor their classifier does: DeBERTa, DistilBERT."""
POOLING_FILE = "pooling.safetensors"
"""Holds such a layer in the encoder's folder, which its own class has no place for."""
TEXT, MLM = "text", "mlm"
"""Heads that are no layer of ours: a language model's output layer, the masked-language-model head of the base."""
_SHAPES = 64
"""Tokens of a micro-batch in bfloat16 on a CPU are filled up to a multiple of it.

oneDNN makes a program for every shape that it multiplies, and keeps a thousand of them. 26 steps of 16 sentence pairs
through multilingual-e5-small took 10.8 s and 2,328 MiB filled up, 11.3 s and 2,582 MiB as they were (own measurement).
"""


Loss = dict[str, torch.Tensor]
"""The one thing that the Trainer reads of a model's output: ``loss``."""


@dataclass(frozen=True)
class HeadSpec:
    """A head to train: what kind, how many classes, and the checkpoint it goes on from (None: new weights)."""

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()
    parent: Source | None = None


class SharedEncoder(torch.nn.Module):
    """Heads over one encoder with their losses; `forward` gives that of one micro-batch of one task."""

    def __init__(self, encoder: Any, heads: Mapping[str, Any], losses: Mapping[str, Losses]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = torch.nn.ModuleDict(heads)
        self.losses = dict(losses)
        self.config = encoder.config
        self.own_settings: dict[str, float] = {}
        self.packed: PackedEncoder | None = None
        self.table: CompactTable | None = None

    def use_fast_paths(self) -> None:
        """Train without padding and with cheap dropout masks, where architecture and device are known to take them."""
        use_cheap_masks(self)
        if is_packable(self.encoder):
            self.packed = PackedEncoder(self.encoder, merges=True)

    def forward(self, head: str, items: torch.Tensor, keep: torch.Tensor, **inputs: torch.Tensor) -> Loss:
        """Loss of a micro-batch: the sum over its items divided by `items`, those of the whole optimiser step.

        `keep` [rows] is 0 for rows that only fill up. `inputs` are the model's own and the labels of its rows.
        """
        model, losses = self.heads[head], self.losses[head]
        if self.packed is not None and losses.packed is not None and keep.device.type == "cpu":
            return {"loss": losses.packed(self.packed, model, keep, inputs) / items}
        return {"loss": losses.plain(self.encoder, model, keep, inputs) / items}

    def recompute_activations(self) -> None:
        """Forget the blocks' activations and compute them again in the backward pass."""
        _recompute(self.encoder)
        if self.packed is not None:
            self.packed = replace(self.packed, recompute=True)

    def suit_bfloat16(self) -> None:
        """On a CPU: see `_attend_in_plain_products` and `_SHAPES`."""
        _attend_in_plain_products(self.encoder)
        if self.packed is not None:
            self.packed = replace(self.packed, plain=True, multiple=_SHAPES)


class TextModel(torch.nn.Module):
    """A language model, whose own output layer answers every task (`TEXT`)."""

    def __init__(self, language_model: Any) -> None:
        super().__init__()
        self.encoder = language_model
        self.config = language_model.config

    def forward(self, head: str, items: torch.Tensor, keep: torch.Tensor, **inputs: torch.Tensor) -> Loss:
        """Loss of a micro-batch: the sum over target tokens divided by `items`, those of the whole optimiser step."""
        return {"loss": (row_losses(self.encoder, inputs) * keep).sum() / items}

    def recompute_activations(self) -> None:
        """Forget the blocks' activations and compute them again in the backward pass."""
        _recompute(self.encoder)

    def suit_bfloat16(self) -> None:
        """On a CPU: see `_attend_in_plain_products`."""
        _attend_in_plain_products(self.encoder)


def _attend_in_plain_products(encoder: Any) -> None:
    """Attention as matrix products and a softmax, instead of torch's fused kernel.

    That kernel's backward pass in bfloat16 on the CPU took a quarter of a step: 333 against 255 ms for eight sentence
    pairs through MiniLM-L6 (own measurement, 16 steps, torch 2.13).
    """
    if getattr(encoder.config, "_attn_implementation", None) == "sdpa":
        encoder.set_attn_implementation("eager")


def _recompute(encoder: Any) -> None:
    # transformers renamed it; the old name warns where there is a new one.
    enable = getattr(encoder, "activation_checkpointing_enable", None) or encoder.gradient_checkpointing_enable
    try:
        enable()
    except ValueError as error:
        raise SettingError(f"gradient_checkpointing: transformers has none for {encoder.config.model_type}") from error


def build(
    source: Source, specs: Sequence[HeadSpec], changes: Mapping[str, Any] | None = None, layers: int | None = None
) -> SharedEncoder:
    """The encoder of `source` with the heads of `specs` on it; new weights come from torch's random state.

    `changes` are fields of the configuration that hold for the training only; `save` writes the source's own. With
    `layers` the encoder has that many of the source's blocks, the first ones. Raises `SettingError` for more than it
    has, `UnfitCheckpoint` for a checkpoint that cannot be read or an architecture without such a head.
    """
    import transformers

    changes = dict(changes or {})
    shape = changes | _first_blocks(source, layers)
    encoder = source.load(transformers.AutoModel, **shape)
    heads = {spec.name: _head(source, spec, encoder, shape) for spec in specs}
    shared = SharedEncoder(encoder, heads, {spec.name: LOSSES.of(spec.kind) for spec in specs})
    shared.own_settings = {name: getattr(source.config, name) for name in changes}
    _share_pooling(shared, source)
    return shared


def _first_blocks(source: Source, layers: int | None) -> dict[str, int]:
    """The field of the configuration that leaves the first `layers` blocks."""
    if layers is None:
        return {}
    own = int(source.config.num_hidden_layers)
    if layers > own:
        raise SettingError(f"layers {layers}: {source.name} has {own} blocks; give at most that many")
    return {"num_hidden_layers": layers}


def dropouts(config: Any, hidden: float | None, attention: float | None) -> dict[str, float]:
    """The fields of a configuration that set dropout, with new values; those a model does not have are left out.

    Names: BERT and its like, DistilBERT and decoders, T5, whose one rate covers both and follows `hidden`.
    """
    wanted = {
        "hidden_dropout_prob": hidden,
        "attention_probs_dropout_prob": attention,
        "dropout": hidden,
        "attention_dropout": attention,
        "dropout_rate": hidden,
    }
    return {name: value for name, value in wanted.items() if value is not None and hasattr(config, name)}


def _head(source: Source, spec: HeadSpec, encoder: Any, changes: Mapping[str, Any]) -> Any:
    import transformers

    if spec.kind.learns == "encoder":
        return DualEncoder(encoder, source.name, scale_of(spec.parent))
    names = dict(enumerate(spec.labels))
    classes: dict[str, Any] = {
        "num_labels": len(names),
        "id2label": names,
        "label2id": {name: i for i, name in names.items()},
    }
    auto_class = getattr(transformers, HEADS.of(spec.kind).auto_class)
    if type(source.config) not in auto_class._model_mapping:
        raise UnfitCheckpoint(
            f"{source.name}: transformers has no {HEADS.of(spec.kind).architecture.removeprefix('For')} head for "
            f"{source.config.model_type}; give an encoder such as XLM-R, mBERT or mDeBERTa"
        )
    origin = spec.parent or source
    model = origin.load(auto_class, new_weights=True, **(classes if names else {}), **changes)
    model.has_own_pooler = getattr(model.base_model, "pooler", None) is not None
    setattr(model, model.base_model_prefix, encoder)
    return model


def _share_pooling(shared: SharedEncoder, source: Source) -> None:
    """One pooling layer for the encoder and all heads: the encoder's own, or the one saved beside it."""
    own: Any = getattr(getattr(shared.encoder, "pooler", None), "dense", None)
    first: dict[str, torch.nn.Module] = {}
    models: list[Any] = list(shared.heads.values())
    for model in models:
        classifier: Any = getattr(model, "classifier", None)
        dense = getattr(classifier, "dense", None)
        if own is not None and dense is not None and dense.weight.shape == own.weight.shape:
            classifier.dense = own
        for place in POOLING_PLACES:
            if own is None and isinstance(getattr(model, place, None), torch.nn.Module):
                setattr(model, place, first.setdefault(place, getattr(model, place)))
    file = source.file(POOLING_FILE) if first else None
    if file is not None:
        from safetensors.torch import load_model

        load_model(torch.nn.ModuleDict(first), file)


def save(
    shared: SharedEncoder, write_tokenizer: Callable[[Path], None], folder: Path, heads: Mapping[str, str]
) -> None:
    """Write ``encoder/`` and, for each head of `heads`, a sub-folder of that name: checkpoints that any loader opens.

    A pooling layer stays out of head checkpoints whose class has none. What heads and encoder share is one file.
    """
    from safetensors.torch import save_model
    from transformers.utils import logging

    logging.disable_progress_bar()  # the Trainer turns it on again
    for config in (shared.encoder.config, *(shared.heads[name].config for name in heads)):
        for field, value in shared.own_settings.items():
            setattr(config, field, value)
    models: dict[str, torch.nn.Module] = dict(shared.heads.items())
    prefixes = {str(getattr(models[name], "base_model_prefix", "")) for name in heads}
    encoder = shards.Encoder(shared.encoder, prefixes.pop() if len(prefixes) == 1 else "")
    encoder.write(folder / "encoder")
    write_tokenizer(folder / "encoder")
    pooling: dict[str, torch.nn.Module] = {
        place: getattr(model, place)
        for model in models.values()
        for place in POOLING_PLACES
        if isinstance(getattr(model, place, None), torch.nn.Module)
    }
    if pooling:
        save_model(torch.nn.ModuleDict(pooling), str(folder / "encoder" / POOLING_FILE))
    for name, inner in heads.items():
        save_head(models[name], write_tokenizer, folder / inner, encoder)


def save_head(
    model: Any, write_tokenizer: Callable[[Path], None], folder: Path, encoder: shards.Encoder | None = None
) -> None:
    """Write a head of a `SharedEncoder` as a checkpoint of its own class, with the files of its written `encoder`."""
    if isinstance(model, DualEncoder):
        model.save(write_tokenizer, folder)
        return
    unused = f"{model.base_model_prefix}.pooler."
    weights = {
        key: value for key, value in model.state_dict().items() if model.has_own_pooler or not key.startswith(unused)
    }
    if encoder is not None:
        encoder.write_head(model, weights, folder)
    else:
        model.save_pretrained(folder, state_dict=weights)
    write_tokenizer(folder)
