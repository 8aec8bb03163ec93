"""Files that a list of checksums lies beside: `SHA256SUMS`, as `sha256sum` writes it, here or in a folder above."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from xstilts_eval import fingerprints
from xstilts_eval.errors import DataError

NAME = "SHA256SUMS"
_LINE = re.compile(
    r"(?P<is_escaped>\\)?(?:(?P<digest>[0-9a-f]{64}) [ *](?P<file>.+)|SHA256 \((?P<other>.+)\) = (?P<hex>[0-9a-f]{64}))"
)
"""Of `sha256sum`, and of BSD's program (``--tag``)."""
_ESCAPES = {r"\n": "\n", r"\r": "\r", r"\\": "\\"}
_HIGHEST = 4
"""Folders above a file in which its list may lie: ``tatoeba/v1/tatoeba.deu-eng.deu`` is listed in ``tatoeba``."""


def check(path: Path) -> None:
    """Raise `DataError` for a file that has another sha256 than the nearest list says which names it.

    Files that no list names pass. A file that has not changed is read for this once per process.
    """
    place = path.absolute()
    for folder in place.parents[:_HIGHEST]:
        listed = _listed(folder / NAME)
        expected = listed.get(place.relative_to(folder).as_posix())
        if expected is None:
            continue
        actual = fingerprints.file_sha256(path)
        if actual != expected:
            raise DataError(
                f"{path} is not the file that {folder / NAME} lists (sha256 {actual[:12]}…, listed {expected[:12]}…): "
                "fetch it again, or take its line out of the list where it was changed on purpose"
            )
        return


def _listed(path: Path) -> dict[str, str]:
    try:
        stat = path.stat()
    except OSError:
        return {}
    return _read(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, size: int, time: int) -> dict[str, str]:
    return read(path)


def read(path: Path) -> dict[str, str]:
    """sha256 by name of file; raises `DataError` for a line that is none of such a list."""
    found: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a list of checksums: it cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip("\r"))
        if match is None:
            raise DataError(
                f"{path}, line {number} is not a line of sha256sum ('<64 digits>  <name>'), got {line!r}; mend or "
                "delete the list"
            )
        name = (match["file"] or match["other"]).removeprefix("./")
        if match["is_escaped"]:
            name = re.sub(r"\\[nr\\]", lambda found: _ESCAPES[found[0]], name)
        found[name] = match["digest"] or match["hex"]
    return found
