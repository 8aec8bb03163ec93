"""The sha256 of files, and which files make a checkpoint what it is: for signatures and for bundles."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import IO

from xstilts_eval import reading

_ENDINGS = frozenset({".safetensors", ".json", ".txt", ".model", ".jinja"})
"""Configuration, tokenizer, chat template and weight files."""
_BLOCK = 1 << 22
_UNREAD = frozenset({".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".md", ".png", ".log", ".lock"})
"""What no model or tokenizer is read from here: pickled weights, other formats, words and pictures for people."""
_TEMPLATES = "additional_chat_templates"
"""Folder in which transformers keeps chat templates beside the first."""
NOTICES = ("NOTICE", "LICENSE", "LICENSE.md")
"""Texts that belong to weights and change nothing about them: copied along, and no part of a fingerprint."""
_DIGESTS: dict[tuple[int, int, int, int], str] = {}
"""By device, number of the file, size and time; the hashes that this process knows, whatever a file is called."""


def part_files(folder: Path) -> dict[str, Path]:
    """Files of a checkpoint folder by name, sorted: its own, and those of the modules that ``modules.json`` names."""
    folders = ["", *_modules(folder / "modules.json")]
    found = {
        path.relative_to(folder).as_posix(): path
        for inner in folders
        for path in (folder / inner).glob("*")
        if path.suffix in _ENDINGS and not path.name.startswith(".") and path.is_file()
    }
    return dict(sorted(found.items()))


def file_hashes(folder: Path) -> dict[str, str]:
    """sha256 of each of `part_files`; a file that has not changed is read once per process."""
    return {name: file_sha256(path) for name, path in part_files(folder).items()}


def identity(folder: Path) -> str:
    """First 12 hex digits of the sha256 over the lines ``<sha256>  <name>`` of `file_hashes`."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in file_hashes(folder).items())
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


def content(folder: Path) -> str:
    """sha256 in hexadecimal digits over names and content of every file that could change what a checkpoint answers.

    More than `part_files`: vocabularies have endings of all kinds, and what an answer is kept under must not miss one.
    """
    inner = ["", _TEMPLATES, *_modules(folder / "modules.json")]
    found = {
        path.relative_to(folder).as_posix(): path
        for name in inner
        for path in (folder / name).glob("*")
        if path.suffix not in _UNREAD and path.name not in NOTICES and not path.name.startswith(".") and path.is_file()
    }
    lines = "".join(f"{file_sha256(path)}  {name}\n" for name, path in sorted(found.items()))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file in hexadecimal digits; remembered while its size and time stay the same."""
    key = _key(path)
    if key not in _DIGESTS:
        with path.open("rb") as file:
            _DIGESTS[key] = stream_sha256(file)
    return _DIGESTS[key]


def stream_sha256(stream: IO[bytes]) -> str:
    """sha256 of what is left in an open file, in hexadecimal digits; a block at a time is in memory."""
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def copy(source: Path, target: Path) -> None:
    """Copy a file; where its hash is known, so is that of the copy, which is not read again."""
    digest = _DIGESTS.get(_key(source))
    shutil.copy(source, target)
    if digest is not None and target.stat().st_size == source.stat().st_size:
        _DIGESTS[_key(target)] = digest


def copy_part(source: Path, target: Path) -> None:
    """Copy the `part_files` of a checkpoint folder into a new one, and the licence texts beside them."""
    notices = {name: source / name for name in NOTICES if (source / name).is_file()}
    for name, path in (part_files(source) | notices).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        copy(path, target / name)


def _key(path: Path) -> tuple[int, int, int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _modules(path: Path) -> list[str]:
    """Sub-folders named in a sentence-transformers ``modules.json``; none where it cannot be read."""
    try:
        modules = reading.read_json(path, "a list of modules")
        paths = {str(module["path"]) for module in modules}
    except (*reading.UNFIT, OSError):
        return []
    return sorted(inner for inner in paths if inner and ".." not in Path(inner).parts and not inner.startswith("/"))
