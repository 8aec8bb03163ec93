"""Datasets of users: what is refused, and the how-to page's example evaluated, trained on, compared and reported."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from xstilts_eval import cli, evaluation, own_datasets, suites, training_tasks
from xstilts_eval.data import sources
from xstilts_eval.datasets import Dataset
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.tasks import generate

PAGE = Path(__file__).parents[1] / "docs" / "own-dataset.md"
EXAMPLE = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
assert EXAMPLE is not None
FILE = EXAMPLE[1]
ROWS = ("it is good\tpositive\n", "it is bad\tnegative\n")


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a register of its own."""
    monkeypatch.setattr(own_datasets, "_FILES", {})
    for owner, name in ((suites, "DATASETS"), (suites, "SUITES"), (suites, "_BY_STEM")):
        table = getattr(owner, name)
        before = dict(table)
        monkeypatch.setattr(own_datasets, "_installed", ())
        monkeypatch.setitem(table, "", None)  # so that pytest restores what is there
        monkeypatch.delitem(table, "")
        _restored.append((table, before))


_restored: list[tuple[dict[Any, Any], dict[Any, Any]]] = []


@pytest.fixture(autouse=True)
def _restore() -> Any:
    yield
    while _restored:
        table, before = _restored.pop()
        table.clear()
        table.update(before)


def written(folder: Path, text: str = FILE, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
