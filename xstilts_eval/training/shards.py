"""A stage's encoder and its heads as checkpoints that any loader opens, each tensor on disk once.

All of them are in transformers' layout of several weight files: ``model.safetensors.index.json`` says which file has
which tensor. The encoder's tensors have the names that they have in a head (``bert.encoder.…``), which loaders of the
bare encoder know, too; so the files of its word vectors, its blocks and its pooling layer are the same for the encoder
and for every head, and are one file under several names where the file system has links.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from xstilts_eval.writing import link_or_copy, write_atomically

INDEX = "model.safetensors.index.json"
WHOLE = "model.safetensors"
_HEAD = "head"
_METADATA = {"format": "pt"}

Tensors = Mapping[str, torch.Tensor]


class Encoder:
    """The encoder of a stage, written once; `has_shards` says whether heads can refer to its files.

    They cannot where transformers stores other names than the model has, or where nothing but the encoder is written.
    """

    def __init__(self, model: Any, prefix: str) -> None:
        self._model = model
        self._tensors = {f"{prefix}.{name}": tensor for name, tensor in model.state_dict().items()}
        words = model.get_input_embeddings().weight.data_ptr()
        self._groups = {name: _group(name, tensor.data_ptr() == words) for name, tensor in self._tensors.items()}
        self._files: dict[str, Path] = {}
        self.has_shards = bool(prefix) and _keeps_names(model)

    def write(self, folder: Path) -> None:
        """The encoder as a checkpoint of its own class."""
        if not self.has_shards:
            self._model.save_pretrained(folder)
            return
        self._model.save_pretrained(folder, state_dict={})
        (folder / WHOLE).unlink(missing_ok=True)
        for group in dict.fromkeys(self._groups.values()):
            self._files[group] = folder / f"{group}.safetensors"
            tensors = {name: self._tensors[name].contiguous() for name, own in self._groups.items() if own == group}
            save_file(tensors, self._files[group], _METADATA)
        _write_index(folder, self._groups, self._tensors)

    def write_head(self, model: Any, weights: dict[str, torch.Tensor], folder: Path) -> None:
        """A head with the `weights` of its checkpoint, those of this encoder in the encoder's own files."""
        shared = {name for name, tensor in weights.items() if self._is_mine(name, tensor)}
        groups = {self._groups[name] for name in shared}
        is_whole = all(name in shared for name, group in self._groups.items() if group in groups)
        if not (self.has_shards and shared and is_whole and _keeps_names(model)):
            model.save_pretrained(folder, state_dict=weights)
            return
        own = {name: tensor for name, tensor in weights.items() if name not in shared}
        model.save_pretrained(folder, state_dict=dict(own))
        (folder / WHOLE).rename(folder / f"{_HEAD}.safetensors")
        for group in groups:
            link_or_copy(self._files[group], folder / self._files[group].name)
        _write_index(folder, {name: self._groups[name] if name in shared else _HEAD for name in weights}, weights)

    def _is_mine(self, name: str, tensor: torch.Tensor) -> bool:
        mine = self._tensors.get(name)
        return mine is not None and mine.data_ptr() == tensor.data_ptr() and mine.shape == tensor.shape


def _keeps_names(model: Any) -> bool:
    """Whether tensors are stored under the names that the model has, but for a prefix."""
    conversions = getattr(model, "_weight_conversions", None) or []
    return all(type(one).__name__ == "PrefixChange" for one in conversions)


def _group(name: str, is_words: bool) -> str:
    """The file of one of the encoder's tensors: a frozen table, trained blocks and an unused pooler are files apart."""
    if is_words:
        return "words"
    return "pooler" if "pooler" in name.split(".") else "blocks"


def _write_index(folder: Path, files: Mapping[str, str], tensors: Tensors) -> None:
    content = {
        "metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())},
        "weight_map": {name: f"{files[name]}.safetensors" for name in sorted(files)},
    }
    write_atomically(folder / INDEX, json.dumps(content, indent=1) + "\n")
