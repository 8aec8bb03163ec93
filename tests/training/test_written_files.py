"""What a head or a stage is written with: the base's tokenizer byte for byte, and the licence texts beside it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.training import architectures
from xstilts_eval import bundle, fingerprints
from xstilts_eval.models.source import Source
from xstilts_eval.training.heads import Settings, fit

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "NOTICE")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base whose tokenizer.json is laid out as nobody's library writes it, with a map of special tokens beside it."""
    folder = architectures.make("bert", tmp_path / "base")
    path = folder / "tokenizer.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content, ensure_ascii=True, indent=7, sort_keys=True) + "\n\n", encoding="utf-8")
    (folder / "special_tokens_map.json").write_text('{"unk_token":    "[UNK]"}', encoding="utf-8")
    (folder / "NOTICE").write_text("Somebody made this.\n", encoding="utf-8")
    return folder


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TOKENIZER)


def test_fit_head_copies_the_tokenizer(base: Path, tmp_path: Path) -> None:
    settings = Settings(str(base), data="sample", limit=8, epochs=1, max_length=16)
    output = tmp_path / "bundle"
    fit(settings, output)
    fit(Settings(str(base), family="xquad", data="sample", limit=4, epochs=1, max_length=48), output, into=True)
    manifest = bundle.read(output)
    assert sorted(manifest.paths) == ["encoder", "udpos", "xquad"]
    assert all(same(base, output / path) for path in manifest.paths)
    for path, files in manifest.sha256.items():  # hashes that were remembered are those of the files
        for name, digest in files.items():
            assert hashlib.sha256((output / path / name).read_bytes()).hexdigest() == digest
    assert manifest.parent == fingerprints.identity(output / "encoder")


def test_bundle_make_takes_the_notice_along(base: Path, tmp_path: Path) -> None:
    made = bundle.make(tmp_path / "bundle", str(base), {})
    assert same(base, tmp_path / "bundle" / "encoder")
    assert "NOTICE" not in made.sha256["encoder"]
    (tmp_path / "bundle" / "encoder" / "NOTICE").unlink()
    bundle.verify(made, tmp_path / "bundle", "encoder")


def test_a_tokenizer_without_files_is_saved(base: Path, tmp_path: Path) -> None:
    """Nothing to copy: the library writes what it has."""
    tokenizer = Source(str(base)).tokenizer()
    (tmp_path / "empty").mkdir()
    Source(str(tmp_path / "empty")).write_tokenizer(tokenizer, tmp_path / "new")
    assert json.loads((tmp_path / "new" / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    assert Source(str(base)).tokenizer().get_vocab() == tokenizer.get_vocab()


def test_a_remembered_hash_goes_with_the_file(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text("1", encoding="utf-8")
    first = fingerprints.file_sha256(one)
    fingerprints.copy(one, other)
    assert fingerprints.file_sha256(other) == first == hashlib.sha256(b"1").hexdigest()
    other.write_text("23", encoding="utf-8")
    assert fingerprints.file_sha256(other) == hashlib.sha256(b"23").hexdigest()


def test_one_function_hashes_files() -> None:
    """Files are read in one place; beside it a wheel's member, hashed while it is copied, and weights in memory."""
    folder = Path(fingerprints.__file__).parent
    loops = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if "digest.update(" in path.read_text(encoding="utf-8")
    }
    assert loops == {"fingerprints.py", "models/memory.py", "weights/wheels.py"}
