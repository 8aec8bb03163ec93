"""Numbers of parameters, in all and of the embeddings: of known models from a table, of others from their weights."""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from xstilts_eval import reading
from xstilts_eval.analysis.features import FOLDER
from xstilts_eval.errors import DataError, MissingData

Bases = Literal["multilingual", "monolingual"]
_EMBEDDINGS = ("word_embeddings.weight", "embed_tokens.weight", "shared.weight", "wte.weight", "lm_head.weight",
               "tok_embeddings.weight", "embed_out.weight")  # fmt: skip
"""Ends of the names of token embeddings, input and output, in transformers' checkpoints."""

_BUFFERS = frozenset({"BOOL", "I64", "I32"})
"""Types of tensors that are no parameters: position numbers, masks."""


class Size(BaseModel):
    """A model's parameters; `group` names models made by one recipe, which may share a fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hub_id: str
    parameters: float
    embedding_parameters: float
    group: str
    bases: Bases


@cache
def known_sizes() -> dict[str, Size]:
    """Sizes by hub id, counted from the published configurations."""
    with (FOLDER / "sizes.csv").open(encoding="utf-8", newline="") as file:
        return {row["hub_id"]: Size.model_validate(row) for row in csv.DictReader(file)}


@dataclass(frozen=True)
class Count:
    """Parameters in all, and those of token embeddings (tied ones once)."""

    parameters: int
    embeddings: int


def count(folder: Path) -> Count:
    """Count the parameters in a checkpoint folder's safetensors files, reading their headers only.

    Of tensors under one name (a sharded index may repeat none) each counts once. Raises `MissingData` without weights,
    `DataError` for a file that is not safetensors.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise MissingData(f"{folder} holds no safetensors weights; give the parameters in the table")
    sizes = {name: size for file in files for name, size in _tensors(file)}
    return Count(sum(sizes.values()), sum(size for name, size in sizes.items() if name.endswith(_EMBEDDINGS)))


def _tensors(file: Path) -> Iterator[tuple[str, int]]:
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > 100_000_000:
                raise ValueError("its header is too long")
            header = reading.parse_json(stream.read(length).decode(), file)
    except (struct.error, ValueError) as error:
        raise DataError(f"{file} is not a safetensors file: {error}") from error
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] not in _BUFFERS:
            size = 1
            for dimension in entry["shape"]:
                size *= dimension
            yield name, size
