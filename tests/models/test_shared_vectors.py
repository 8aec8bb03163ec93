"""Two bitext families with the same sentences: each sentence goes through the model once in a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts_eval import evaluation
from xstilts_eval.models.embedding import SentenceEncoder

TASKS = ("xtreme.tatoeba.de", "bitext.tatoeba.deu")


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the model was given, in order."""
    texts: list[str] = []
    whole = SentenceEncoder.embed

    def embed(self: SentenceEncoder, given: Any, label: str = "") -> Any:
        texts.extend(given)
        return whole(self, given, label)

    monkeypatch.setattr(SentenceEncoder, "embed", embed)
    return texts


def scores(checkpoint: Path, tasks: tuple[str, ...], output: Path) -> dict[str, Any]:
    settings = evaluation.Settings(str(checkpoint), tasks, "sample")
    evaluation.evaluate(settings, output, overwrite=False, say=lambda _: None)
    results: dict[str, Any] = json.loads((output / "results.json").read_text(encoding="utf-8"))["results"]
    return {task: {name: value for name, value in results[task].items() if "acc" in name} for task in tasks}


def test_sentences_in_common_are_embedded_once(tiny_bundle: Path, tmp_path: Path, embedded: list[str]) -> None:
    alone: dict[str, Any] = {}
    for task in TASKS:
        alone |= scores(tiny_bundle, (task,), tmp_path / task)
    apart = list(embedded)
    embedded.clear()
    assert scores(tiny_bundle, TASKS, tmp_path / "together") == alone
    assert len(embedded) == len(set(embedded)) == len(set(apart)) < len(apart)
