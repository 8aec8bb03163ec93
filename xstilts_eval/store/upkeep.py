"""What a store holds, whether it is whole, and making it smaller: `xstilts cache`."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from xstilts_eval import locking
from xstilts_eval.errors import XstiltsError
from xstilts_eval.store.answers import _LOCK, ENDING, Head, read_file, read_head

DAY = 86_400


@dataclass(frozen=True)
class Entry:
    """A file of the store: its size in bytes, days since it was last of use, and why it cannot be used, if so."""

    path: Path
    head: Head | None
    size: int
    unused: float
    fault: str = ""


def entries(folder: Path, whole: bool = False) -> Iterator[Entry]:
    """Every file of answers, by name; `whole`: with its checksum compared, else by its first line alone."""
    for path in sorted(folder.glob(f"*/*{ENDING}")):
        if path.name.startswith("."):
            continue
        head, fault = None, ""
        try:
            head = read_file(path)[0] if whole else read_head(path)
            stat = path.stat()
        except FileNotFoundError:  # removed by another process meanwhile
            continue
        except (OSError, XstiltsError) as error:
            fault = str(error)
            stat = path.stat()
        yield Entry(path, head, stat.st_size, max(0.0, (time.time() - stat.st_mtime) / DAY), fault)


def remove(folder: Path, unwanted: Collection[Entry]) -> int:
    """Remove files, and folders that are empty then; the bytes that were set free."""
    freed = 0
    with locking.held(folder / _LOCK):
        for entry in unwanted:
            entry.path.unlink(missing_ok=True)
            freed += entry.size
            if not any(entry.path.parent.iterdir()):
                entry.path.parent.rmdir()
    return freed
