"""One loadable model: a local folder, or a hub id at a revision. Safetensors only, no remote code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xstilts_eval.errors import UnfitCheckpoint

_HASHED = frozenset({".safetensors", ".json", ".txt", ".model"})
"""Endings of configuration, tokenizer and weight files."""


@dataclass(frozen=True)
class Source:
    """`name` is a folder or a hub id; `on_hub` says that it may not be a folder."""

    name: str
    revision: str | None = None
    on_hub: bool = False

    @property
    def folder(self) -> Path | None:
        if self.on_hub:
            return None
        try:
            path = Path(self.name).expanduser()
        except RuntimeError:  # "~somebody" without a home
            return None
        return path if path.is_dir() else None

    def file(self, name: str) -> Path | None:
        """A file of the checkpoint, from the folder or through the hub's cache; None when it has none."""
        if self.folder is not None:
            path = self.folder / name
            return path if path.is_file() else None
        from transformers.utils import cached_file

        try:
            found = cached_file(
                self.name,
                name,
                revision=self.revision,
                _raise_exceptions_for_missing_entries=False,
                _raise_exceptions_for_connection_errors=False,
            )
        except (OSError, ValueError):
            return None
        return Path(found) if found else None

    @cached_property
    def config(self) -> Any:
        """The Hugging Face configuration; raises `UnfitCheckpoint` when there is none that can be read."""
        from transformers import AutoConfig

        try:
            return AutoConfig.from_pretrained(self.name, revision=self.revision, trust_remote_code=False)
        except Exception as error:  # a configuration is somebody's file: its reader may raise anything
            raise UnfitCheckpoint(self._why_unreadable(error)) from error

    def _why_unreadable(self, error: Exception) -> str:
        if self.folder is not None:
            return f"{self.name}: cannot read a model configuration there ({_first_line(error)})"
        return (
            f"{self.name!r} is neither a local folder nor a hub checkpoint that can be reached from here "
            f"({_first_line(error)}); give the path of a folder with config.json and model.safetensors"
        )

    def load(self, auto_class: Any, new_weights: bool = False, **options: Any) -> Any:
        """Load weights; raises `UnfitCheckpoint`.

        Unless `new_weights` are wanted (training a head), a weight that the checkpoint lacks is an error, not random.
        A bare encoder may lack its pooler, which sentence vectors do not use.
        """
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        try:
            model, info = auto_class.from_pretrained(
                self.name,
                revision=self.revision,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                **options,
            )
        except Exception as error:  # weights are somebody's file: their reader may raise anything
            raise UnfitCheckpoint(
                f"{self.name}: cannot load safetensors weights ({_first_line(error)}); pickled weights are not read, "
                "convert them with save_pretrained"
            ) from error
        is_bare = auto_class is transformers.AutoModel
        missing = sorted(key for key in info["missing_keys"] if not (is_bare and "pooler" in key))
        if missing and not new_weights:
            raise UnfitCheckpoint(f"{self.name}: the checkpoint lacks weights: {', '.join(missing[:5])}")
        return model

    def tokenizer(self, needs_offsets: bool = True) -> Any:
        """The tokenizer; raises `UnfitCheckpoint` where heads need character offsets and it is not a fast one."""
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self.name, revision=self.revision, trust_remote_code=False)
        except Exception as error:  # a tokenizer is somebody's file: its reader may raise anything
            raise UnfitCheckpoint(f"{self.name}: cannot load a tokenizer ({_first_line(error)})") from error
        if needs_offsets and not tokenizer.is_fast:
            raise UnfitCheckpoint(f"{self.name}: needs a fast tokenizer (tokenizer.json)")
        return tokenizer

    @cached_property
    def identity(self) -> str:
        """What a signature shows: a hash of a local folder's files, or hub id and commit."""
        if self.folder is not None:
            return _sha256(self.folder)
        path = self.file("config.json")
        commit = path.parent.name if path and path.parent.parent.name == "snapshots" else self.revision
        return f"{self.name}@{commit or 'unknown'}"

    def fingerprint(self) -> list[tuple[str, int, int]] | str:
        """Name, size and time of every file of a local folder: cheap to compare, changes when a file does."""
        if self.folder is None:
            return self.identity
        stats = [(path.name, path.stat()) for path in sorted(self.folder.glob("*")) if path.is_file()]
        return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _sha256(folder: Path) -> str:
    """First 12 hex digits of a sha256 over names and contents of configuration, tokenizer and weight files."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        if path.suffix in _HASHED and path.is_file():
            digest.update(path.name.encode())
            with path.open("rb") as file:
                while block := file.read(1 << 22):
                    digest.update(block)
    return digest.hexdigest()[:12]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
