"""Files and folders that are whole or not there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
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


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write through a temporary file beside `path`, so that a full disk or a kill leaves the old file whole.

    Text is written in UTF-8. A link stays one: its target is written. What is no ordinary file, such as /dev/stdout or
    a pipe, is written to as it is. Raises `SettingError` as `check_files` and `WriteError` with the reason.
    """
    check_files(path)
    place = path.resolve() if path.is_symlink() else path
    data = content if isinstance(content, bytes) else content.encode()
    try:
        if place.exists() and not place.is_file():
            path.write_bytes(data)
            return
        with replacing(place) as temporary, temporary.open("wb") as file:
            file.write(data)
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
    remove_left_over(path.parent)
    temporary = path.with_name(f".{path.stem}.{_writer()}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Another name of the same file, or a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def link_in_place_of(path: Path, equal: Path) -> None:
    """Make `path` another name of the `equal` file; it stays as it is where the file system has no links."""
    if path.samefile(equal):
        return
    with suppress(OSError), replacing(path) as temporary:
        os.link(equal, temporary)


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """A new hidden folder next to `target`, on the same file system; what is left of it goes afterwards.

    Raises `WriteError` where none can be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_left_over(target.parent)
        outer = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.{_writer()}.tmp"))
    except OSError as error:
        raise WriteError(f"{target} cannot be written: {error.strerror or error}") from error
    try:
        (outer / "new").mkdir()  # `mkdtemp` lets nobody else in; this one has the usual permissions
        yield outer / "new"
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def move_into_place(built: Path, target: Path) -> None:
    """Put a folder of `folder_beside` in the place of `target`; an older one comes back if that fails.

    After a kill it comes back by `remove_left_over`.
    """
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


# ------------------------------------------------------------------------------- what killed processes leave

_LEFT_OVER = re.compile(r"\.(?P<name>.+)\.(?P<host>[0-9a-f]{4})-(?P<process>\d+)\.tmp\w*(?:\.\w+)?")
"""A name of `replacing` or `folder_beside`."""
_ABANDONED = 86_400.0
"""Seconds after which a file of another machine's process is taken for left over: whether that runs is not known."""
_LOOKED_AT: set[tuple[Path, int]] = set()
"""Folders, each with the process that has looked for what is left over in it: once is enough."""


def _writer() -> str:
    return f"{_host()}-{os.getpid()}"


@cache
def _host() -> str:
    return hashlib.blake2s(socket.gethostname().encode(), digest_size=2).hexdigest()


def remove_left_over(folder: Path) -> None:
    """Remove what killed processes were writing in `folder`; where one was replacing a folder, the old one comes back.

    A process looks once. What cannot be removed stays.
    """
    if (key := (folder.absolute(), os.getpid())) in _LOOKED_AT:
        return
    _LOOKED_AT.add(key)
    with suppress(OSError):
        for path in list(folder.iterdir()):
            found = _LEFT_OVER.fullmatch(path.name)
            if found is None or not _is_abandoned(path, found["host"], int(found["process"])):
                continue
            if not path.is_dir():
                path.unlink(missing_ok=True)
                continue
            if (path / "old").exists() and not (folder / found["name"]).exists():
                (path / "old").rename(folder / found["name"])
            shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(path: Path, host: str, process: int) -> bool:
    if host != _host() or os.name != "posix":
        return time.time() - path.lstat().st_mtime > _ABANDONED
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # somebody else's, and alive
    return False
