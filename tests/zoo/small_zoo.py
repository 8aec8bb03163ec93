"""Small zoo files of one model: one to be broken in one place by each test, and one made of given tables."""

import copy
from pathlib import Path
from typing import Any

import yaml

MODEL = "tiny-model"

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


def table(values: dict[str, float], **changes: Any) -> dict[str, Any]:
    """One table of one row: XNLI accuracy in points with a tolerance of 0.5, unless changed."""
    shared: dict[str, Any] = {
        "stage": "base", "setting": "zero-shot", "benchmark": "XNLI", "benchmark_version": "1.0",
        "family": "xtreme_xnli", "task": "XNLI", "metric": "acc", "scale": "percent", "source": "paper",
        "confidence": "seen", "tolerance": 0.5, "tolerance_reason": "written for a test",
    }  # fmt: skip
    own = {key: changes.pop(key) for key in ("stderr", "signature", "derived") if key in changes}
    shared |= changes
    rows = [{"model": MODEL, "values": values} | own]
    return {key: value for key, value in shared.items() if value is not None} | {"rows": rows}


def write_zoo(path: Path, *tables: dict[str, Any], **evaluate: Any) -> Path:
    """A zoo with these tables; `evaluate` says how the model is evaluated."""
    model = {**CONTENT["models"][0], "name": MODEL, "hub_id": "some/tiny-model", "revision": "f" * 40}
    other = {"title": "Another paper", "url": "https://example.org/other", "table": "Table 2"}
    what = {
        "models": [model | {"evaluate": evaluate}],
        "sources": CONTENT["sources"] | {"reproduction": other},
        "tables": list(tables),
    }
    return written(path.parent, what, path.name)
