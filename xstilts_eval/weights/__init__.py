"""Real weights that come from the package index: one table, one folder for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xstilts_eval.weights.table import E5, MINILM, WEIGHTS

__all__ = ["E5", "MINILM", "WEIGHTS", "folder"]


def folder(name: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """`folders.folder`, whose libraries a command's help page can do without."""
    from xstilts_eval.weights import folders

    return folders.folder(name, say)
