"""A link in a checkpoint that leads out of it is refused by name, wherever the checkpoint is opened."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from xstilts_eval import bundle, links
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.models.source import Source


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "secret.json").write_text('{"password": 1}')
    return tmp_path / "secret.json"


@pytest.fixture
def copied(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle", copy_function=os.link))


def refused(folder: Path, place: str, target: Path) -> Any:
    return pytest.raises(UnfitCheckpoint, match=f"^{folder}: {place} is a link to {target}, which lies outside; ")


@pytest.mark.parametrize("place", ["added.json", "xnli/tokenizer_config.json", "xnli/pooling/config.json", "panx"])
def test_in_a_bundle(copied: Path, secret: Path, place: str, tmp_path: Path) -> None:
    target = secret
    if place == "panx":
        target = Path(shutil.move(copied / "panx", tmp_path / "elsewhere"))
    (copied / place).parent.mkdir(exist_ok=True)
    (copied / place).unlink(missing_ok=True)
    (copied / place).symlink_to(target)
    for opened in (lambda: bundle.read(copied), lambda: resolve(str(copied))):
        with refused(copied, place, target):
            opened()


def test_in_a_folder(copied: Path, secret: Path, tmp_path: Path) -> None:
    part = Path(shutil.copytree(copied / "xnli", tmp_path / "plain"))
    (part / "tokenizer_config.json").unlink()
    (part / "tokenizer_config.json").symlink_to(os.path.relpath(secret, part))
    for opened in (
        lambda: resolve(str(part)),
        lambda: Source(str(part)).config,
        lambda: resolve(str(copied), heads={"xnli": str(part)}),
        lambda: bundle.make(tmp_path / "made", str(part), {}),
    ):
        with refused(part, "tokenizer_config.json", secret):
            opened()
    assert not (tmp_path / "made").exists()


def test_links_that_stay_inside(copied: Path, tmp_path: Path) -> None:
    """Between the parts of a bundle, and a bundle that is reached through a link."""
    (copied / "mlqa").symlink_to("qa")
    (copied / "qa" / "tokenizer_config.json").unlink()
    (copied / "qa" / "tokenizer_config.json").symlink_to("../xnli/tokenizer_config.json")
    (tmp_path / "link").symlink_to(copied)
    assert resolve(str(tmp_path / "link")).heads["xquad"].config.num_labels == 2
    assert Source(str(copied / "qa")).config.num_labels == 2


def test_the_cache_of_the_hub(tmp_path: Path) -> None:
    """Its snapshots are links to the files of the repository, beside them."""
    snapshot = tmp_path / "models--a--b" / "snapshots" / "c0ffee"
    (snapshot / "1_Pooling").mkdir(parents=True)
    (tmp_path / "models--a--b" / "blobs").mkdir()
    for name in ("config.json", "1_Pooling/config.json"):
        blob = tmp_path / "models--a--b" / "blobs" / name.replace("/", "-")
        blob.write_text("{}")
        (snapshot / name).symlink_to(os.path.relpath(blob, (snapshot / name).parent))
    links.refuse_outside(snapshot)
    (snapshot / "bad.json").symlink_to(tmp_path)
    with refused(snapshot, "bad.json", tmp_path):
        links.refuse_outside(snapshot)
