"""Pooling and length of a sentence-transformers checkpoint, so that its vectors are the published ones."""

from __future__ import annotations

import json
from typing import Any

from xstilts_eval.bundle import Retrieval
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models.source import Source

_MODES = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}
_UNDERSTOOD = {"Transformer", "Pooling", "Normalize"}
"""`Normalize` changes nothing here: vectors are compared by cosine anyway."""


def sentence_transformers_settings(source: Source) -> Retrieval | None:
    """Settings from ``modules.json`` and its neighbours; None for a checkpoint without them.

    Raises `UnfitCheckpoint` for modules or pooling that are not understood, and for malformed files.
    """
    path = source.file("modules.json")
    if path is None:
        return None
    try:
        modules = {str(module["type"]).rsplit(".", 1)[-1]: str(module["path"]) for module in json.loads(_read(path))}
        unknown = sorted(set(modules) - _UNDERSTOOD)
        if unknown:
            raise UnfitCheckpoint(f"{source.name}: sentence-transformers module {unknown[0]} is not supported")
        pooling = source.file(f"{modules['Pooling']}/config.json")
        limits = source.file("sentence_bert_config.json")
        settings = json.loads(_read(pooling)) if pooling else {}
        length = json.loads(_read(limits)).get("max_seq_length") if limits else None
        return Retrieval(layer=None, pooling=_pooling(source.name, settings), max_length=length)
    except UnfitCheckpoint:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, OSError) as error:
        raise UnfitCheckpoint(f"{source.name}: cannot read its sentence-transformers settings ({error!r})") from error


def _read(path: Any) -> str:
    return str(path.read_text(encoding="utf-8"))


def _pooling(name: str, settings: dict[str, Any]) -> Any:
    chosen = [key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True]
    named = settings.get("pooling_mode")
    if named in _MODES.values() and not chosen:
        return named
    if len(chosen) != 1 or chosen[0] not in _MODES:
        shown = ", ".join(chosen) or "none"
        raise UnfitCheckpoint(f"{name}: pooling {shown} is not supported; allowed: mean, cls, max")
    return _MODES[chosen[0]]
