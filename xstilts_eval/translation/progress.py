"""Finished batches of one run, in a file beside its output: what a killed run goes on from.

The first line says what is being translated, every other line holds one batch, in order. Lines are appended whole and
flushed to disk; a line cut off by a kill or a full disk is taken off by the next run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from xstilts_eval import reading
from xstilts_eval.errors import SettingError

Batch: TypeAlias = list[str | None]
"""Translations of one batch, None for those that did not come to an end."""


class Progress:
    """The file of one run; `done` are its batches so far.

    `header` is all that the translations depend on, `sizes` the number of texts of every batch to come. A file of
    another header is begun anew with `overwrite`, else `SettingError` names what differs.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], sizes: Sequence[int], overwrite: bool = False) -> None:
        self.path = path
        self.done: list[Batch] = []
        self._sizes = sizes
        first = _line(dict(header))
        kept = self._read(first, header, overwrite) if path.is_file() else 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        os.ftruncate(self._file, kept)
        os.lseek(self._file, kept, os.SEEK_SET)
        if not kept:
            self._write(first)

    def append(self, batch: Batch) -> None:
        """Add the next batch; it is on disk when this returns."""
        self._write(_line(batch))
        self.done.append(batch)

    def close(self) -> None:
        """Close the file; what is done stays."""
        os.close(self._file)

    def _write(self, line: bytes) -> None:
        written = 0
        while written < len(line):
            written += os.write(self._file, line[written:])
        os.fsync(self._file)

    def _read(self, first: bytes, header: Mapping[str, Any], overwrite: bool) -> int:
        """Take over the whole batches; returns the number of bytes to keep."""
        lines = self.path.read_bytes().split(b"\n")[:-1]  # what follows the last line end is cut off
        if not lines:
            return 0
        if lines[0] + b"\n" != first and overwrite:
            return 0
        if lines[0] + b"\n" != first:
            raise SettingError(
                f"{self.path} was begun with {_difference(lines[0], header)}; go on with the same, or start anew with "
                "--overwrite"
            )
        kept = len(first)
        for line, size in zip(lines[1:], self._sizes, strict=False):
            batch = _batch(line, size)
            if batch is None:
                break
            self.done.append(batch)
            kept += len(line) + 1
        return kept


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _batch(line: bytes, size: int) -> Batch | None:
    """The translations of one line, or None where it is not a whole batch."""
    try:
        found = reading.parse_json(line.decode(), "progress")
    except ValueError:
        return None
    whole = isinstance(found, list) and len(found) == size
    return found if whole and all(text is None or isinstance(text, str) for text in found) else None


def _difference(line: bytes, header: Mapping[str, Any]) -> str:
    """What of a file's first line is not as in `header`."""
    try:
        old = reading.parse_json(line.decode(), "progress")
    except ValueError:
        old = None
    if not isinstance(old, dict):
        return "something else"
    names = [name for name in header if old.get(name) != header[name]]
    return ", ".join(f"{name} {old.get(name)!r} (now {header[name]!r})" for name in names) or "something else"
