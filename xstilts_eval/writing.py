"""Files and folders that are whole or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xstilts_eval.errors import SettingError, WriteError, XstiltsError

_ARCHIVE = ("PytorchStreamWriter", "inline_container")
"""Words of the `RuntimeError` that torch raises when an archive cannot be written; it hides the reason."""


def check_files(*paths: Path | str | None) -> None:
    """Raise `SettingError` for targets that are folders or lie below a file, before any work is done.

    None and ``-`` (the terminal) pass.
    """
    for path in (Path(path) for path in paths if path is not None and path != "-"):
        if path.is_dir():
            raise SettingError(f"{path} is a folder; give a file name")
        _check_parents(path)


def check_folders(*paths: Path | None) -> None:
    """Raise `SettingError` for targets that are files or lie below one."""
    for path in (path for path in paths if path is not None):
        if path.exists() and not path.is_dir():
            raise SettingError(f"{path} is a file; give a folder")
        _check_parents(path)


def _check_parents(path: Path) -> None:
    there = next((parent for parent in path.parents if parent.exists()), None)
    if there is not None and not there.is_dir():
        raise SettingError(f"{path} cannot be written: {there} is a file, not a folder")


def write_atomically(path: Path, text: str) -> None:
    """Write through a temporary file beside `path`, so that a full disk or a kill leaves the old file whole.

    A link stays one: its target is written. What is no ordinary file, such as /dev/stdout or a pipe, is written to as
    it is. Raises `SettingError` as `check_files` and `WriteError` with the reason.
    """
    check_files(path)
    place = path.resolve() if path.is_symlink() else path
    try:
        if place.exists() and not place.is_file():
            path.write_text(text, encoding="utf-8")
            return
        with replacing(place) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden name beside `path`, of the same ending; what is written there takes the place of `path` afterwards.

    Nothing is left of it where the block raises, and what was there stays whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """A new hidden folder next to `target`, on the same file system; what is left of it goes afterwards.

    Raises `WriteError` where none can be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        outer = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise WriteError(f"{target} cannot be written: {error.strerror or error}") from error
    try:
        (outer / "new").mkdir()  # `mkdtemp` lets nobody else in; this one has the usual permissions
        yield outer / "new"
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def move_into_place(built: Path, target: Path) -> None:
    """Put a folder of `folder_beside` in the place of `target`; an older one comes back if that fails."""
    old = built.with_name("old")
    try:
        if target.exists():
            target.rename(old)
        built.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise


@contextmanager
def telling_of_a_full_disk(what: str) -> Iterator[None]:
    """Raise `WriteError` about `what` where Python, torch or safetensors cannot write."""
    from safetensors import SafetensorError

    try:
        yield
    except XstiltsError:  # some are an OSError too, and say what they are
        raise
    except (OSError, SafetensorError) as error:
        raise WriteError(f"{what} cannot be written: {getattr(error, 'strerror', None) or error}") from error
    except RuntimeError as error:
        if not any(word in str(error) for word in _ARCHIVE):
            raise
        raise WriteError(f"{what} cannot be written: its file was cut off, as on a full disk") from error
