"""What a stage stores once: the tensors that its encoder and its heads share, and tables that no stage moves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.training import architectures, runs
from xstilts_eval import bundle

HEADS = ("udpos", "mnli")
SHARED = ("words.safetensors", "blocks.safetensors")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return architectures.make("bert", tmp_path_factory.mktemp("base"))


def bytes_of(folder: Path) -> int:
    """Of all weight files below a folder, those with several names counted once."""
    return sum({file.stat().st_ino: file.stat().st_size for file in folder.rglob("*.safetensors")}.values())


def test_a_stage_stores_its_encoder_once(base: Path, tmp_path: Path) -> None:
    folder = runs.train(runs.recipe_of(base, None, runs.quick(list(HEADS), limit=32)), tmp_path)
    for head in HEADS:
        for name in SHARED:
            assert (folder / "heads" / head / name).samefile(folder / "encoder" / name)
    assert bytes_of(folder) < 1.1 * (base / "model.safetensors").stat().st_size
    assert not (folder / "heads/udpos/pooler.safetensors").exists(), "a tagger of BERT has no pooling layer"
    assert (folder / "heads/mnli/pooler.safetensors").samefile(folder / "encoder/pooler.safetensors")
    out = tmp_path / "out"
    assert bytes_of(out) == bytes_of(folder), "a run has the stage's files"


def test_any_loader_opens_the_parts(base: Path, tmp_path: Path) -> None:
    folder = runs.train(runs.recipe_of(base, None, runs.quick(list(HEADS), limit=32)), tmp_path)
    classes: dict[str, Any] = {
        "encoder": transformers.AutoModel,
        "heads/udpos": transformers.AutoModelForTokenClassification,
        "heads/mnli": transformers.AutoModelForSequenceClassification,
    }
    loaded = {}
    for part, auto_class in classes.items():
        loaded[part], info = auto_class.from_pretrained(folder / part, output_loading_info=True)
        assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), part
    encoder = loaded["encoder"].state_dict()
    inner = loaded["heads/mnli"].base_model.state_dict()
    assert runs.same(encoder, inner)
    assert not torch.equal(
        encoder["pooler.dense.weight"], transformers.AutoModel.from_pretrained(base).pooler.dense.weight
    )


def test_frozen_word_vectors_are_one_file_for_all_stages(base: Path, tmp_path: Path) -> None:
    frozen = {"limit": 24, "embeddings": "frozen"}
    first = runs.train(runs.recipe_of(base, runs.quick("udpos", **frozen), name="one"), tmp_path)
    second = runs.train(runs.recipe_of(base, runs.quick("panx", **frozen), name="two"), tmp_path, overwrite=True)
    table, blocks = SHARED
    assert (first / "encoder" / table).samefile(second / "heads/panx" / table)
    assert not (first / "encoder" / blocks).samefile(second / "encoder" / blocks)


def test_a_damaged_file_is_linked_to_nothing(base: Path, tmp_path: Path) -> None:
    frozen = {"limit": 24, "embeddings": "frozen"}
    first = runs.train(runs.recipe_of(base, runs.quick("udpos", **frozen), name="one"), tmp_path)
    table = first / "encoder" / SHARED[0]
    table.write_bytes(table.read_bytes()[:-1] + b"?")
    second = runs.train(runs.recipe_of(base, runs.quick("panx", **frozen), name="two"), tmp_path, overwrite=True)
    assert not table.samefile(second / "encoder" / SHARED[0])
    manifest = bundle.read(second)
    for part in manifest.paths:
        bundle.verify(manifest, second, part)


def test_where_there_are_no_links_files_are_copied(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = runs.recipe_of(base, None, runs.quick(list(HEADS), limit=8))
    linked = runs.train(wanted, tmp_path / "linked")

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    copied = runs.train(wanted, tmp_path / "copied")
    assert not (copied / "heads/udpos" / SHARED[0]).samefile(copied / "encoder" / SHARED[0])
    assert runs.same(runs.weights(linked), runs.weights(copied))
