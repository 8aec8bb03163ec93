"""A bundle: one folder that serves one or more task families, described by ``bundle.json``.

The trainer writes bundles, the adapter loads them; nothing else connects the two. Heads are sub-folders that any
Hugging Face loader can open; weights are safetensors only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.writing import write_atomically

MANIFEST = "bundle.json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Retrieval(_Strict):
    """How sentences become unit vectors: hidden state of block `layer` (1 = first, None = last), pooled."""

    layer: int | None = Field(default=None, ge=1)
    pooling: Literal["mean", "cls", "max"] = "mean"
    max_length: int | None = Field(default=None, ge=2)


class Head(_Strict):
    """A checkpoint with a head: sub-folder of the bundle or hub id, and the label order if the config has none."""

    path: str
    label_order: tuple[str, ...] | None = None

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if path.startswith(("/", "~")) or ".." in Path(path).parts:
            raise ValueError(f"head path {path!r} must be a sub-folder of the bundle or a hub id")
        return path


class Bundle(_Strict):
    """Content of ``bundle.json``; `heads` maps a task family (``udpos``) to its head, `encoder` serves retrieval."""

    format: Literal[1] = 1
    encoder: str | None = None
    heads: dict[str, Head] = {}
    retrieval: Retrieval | None = None
    parent: str | None = None
    recipe: str | None = None
    seed: int | None = None
    data_revisions: dict[str, str] = {}
    versions: dict[str, str] = {}

    _encoder_inside = field_validator("encoder")(lambda path: Head._inside(path) if path else path)


def read(folder: Path) -> Bundle:
    """Read and validate ``bundle.json``; raises `UnfitCheckpoint` naming file and field."""
    path = folder / MANIFEST
    try:
        return Bundle.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UnfitCheckpoint(f"{path} is not valid JSON: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UnfitCheckpoint(f"{path}: {where}: {first['msg']}") from error


def write(bundle: Bundle, folder: Path) -> None:
    """Write ``bundle.json`` atomically into `folder`."""
    write_atomically(folder / MANIFEST, bundle.model_dump_json(indent=2) + "\n")
