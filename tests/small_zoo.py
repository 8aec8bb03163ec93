"""A zoo file of one model, written for a test."""

from pathlib import Path
from typing import Any

import yaml

MODEL = "tiny-model"


def table(values: dict[str, float], **changes: Any) -> dict[str, Any]:
    """One table of one row: XNLI accuracy in points with a tolerance of 0.5, unless changed."""
    shared: dict[str, Any] = {
        "stage": "base", "setting": "zero-shot", "benchmark": "XNLI", "benchmark_version": "1.0",
        "family": "xtreme_xnli", "task": "XNLI", "metric": "acc", "scale": "percent", "source": "paper",
        "confidence": "seen", "tolerance": 0.5, "tolerance_reason": "written for a test",
    }  # fmt: skip
    row = {"model": MODEL, "values": values} | {key: changes.pop(key) for key in ("stderr", "signature", "derived")
                                                if key in changes}  # fmt: skip
    shared |= changes
    return {key: value for key, value in shared.items() if value is not None} | {"rows": [row]}


def write_zoo(path: Path, *tables: dict[str, Any], **evaluate: Any) -> Path:
    """A zoo with these tables; `evaluate` says how the model is evaluated."""
    content = {
        "models": [
            {
                "name": MODEL, "hub_id": "some/tiny-model", "revision": "f" * 40, "architecture": "encoder",
                "parameters": "unknown", "languages": ["en"], "licence": "unknown", "parent": "none",
                "evaluate": evaluate,
            }
        ],
        "sources": {
            "paper": {"title": "A paper", "url": "https://example.org/paper", "table": "Table 1"},
            "reproduction": {"title": "Another paper", "url": "https://example.org/other", "table": "Table 2"},
        },
        "tables": list(tables),
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path
