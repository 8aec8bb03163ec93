"""One process at a time: the one lock of the package, which works on every system that Python does."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from xstilts_eval.errors import WriteError


@contextmanager
def held(path: Path, busy: Callable[[str], Exception] | None = None, is_passing: bool = False) -> Iterator[None]:
    """Hold the lock file `path`, which is made where it is not there, for this process.

    While another has it, wait for that one, or raise what `busy` makes of its name (``process 12 on host``). The lock
    goes with the process, however it ends. The file stays: removing it would let two processes lock two files of one
    name. One that `is_passing` goes, for locks that only save work. Raises `WriteError` where no lock file can be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0 if busy else -1)
    holder = path.with_name(f"{path.name}.holder")  # not in the lock file itself: some systems lock its bytes too
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        assert busy is not None
        raise busy(_read(holder)) from error
    except OSError as error:
        raise WriteError(f"{path} cannot be locked: {error.strerror or error}") from error
    try:
        with suppress(OSError):  # a full disk: the lock is what counts
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        if is_passing:
            with suppress(OSError):  # Windows removes no file that is open
                path.unlink(missing_ok=True)
        lock.release()


def _read(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8").strip() or "another process"
    except (OSError, UnicodeDecodeError):
        return "another process"
