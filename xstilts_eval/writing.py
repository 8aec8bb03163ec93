"""Files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xstilts_eval.errors import WriteError

_ARCHIVE = ("PytorchStreamWriter", "inline_container")
"""Words of the `RuntimeError` that torch raises when an archive cannot be written; it hides the reason."""


def write_atomically(path: Path, text: str) -> None:
    """Write through a temporary file beside `path`, so that a full disk or a kill leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def telling_of_a_full_disk(what: str) -> Iterator[None]:
    """Raise `WriteError` about `what` where Python, torch or safetensors cannot write."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        raise WriteError(f"{what} cannot be written: {getattr(error, 'strerror', None) or error}") from error
    except RuntimeError as error:
        if not any(word in str(error) for word in _ARCHIVE):
            raise
        raise WriteError(f"{what} cannot be written: its file was cut off, as on a full disk") from error
