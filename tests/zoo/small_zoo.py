"""A tiny zoo file as a dictionary, to be broken in one place by each test."""

import copy
from pathlib import Path
from typing import Any

import yaml

CONTENT: dict[str, Any] = {
    "models": [
        {
            "name": "Tiny",
            "hub_id": "owner/tiny",
            "revision": "unknown",
            "architecture": "encoder",
            "parameters": 1_000,
            "languages": ["en", "de"],
            "licence": "MIT",
            "parent": "none",
        }
    ],
    "sources": {"paper": {"title": "A paper", "url": "none", "table": "Table 1"}},
    "tables": [
        {
            "benchmark": "PAWS-X",
            "benchmark_version": "unknown",
            "family": "xtreme_pawsx",
            "task": "PAWS-X",
            "metric": "acc",
            "setting": "zero-shot",
            "stage": "base",
            "scale": "percent",
            "source": "paper",
            "confidence": "seen",
            "rows": [{"model": "Tiny", "values": {"avg": 82.2, "de": 81.0, "en": 84.5, "fr": 81.0}}],
        }
    ],
}


def content() -> dict[str, Any]:
    """A copy that may be changed."""
    return copy.deepcopy(CONTENT)


def written(folder: Path, what: dict[str, Any], name: str = "zoo.yaml") -> Path:
    """The dictionary as a file."""
    path = folder / name
    path.write_text(yaml.safe_dump(what, sort_keys=False), encoding="utf-8")
    return path
