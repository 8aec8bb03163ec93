"""The `xstilts` command line, typed in this process: the same sentences and exit codes without seconds of imports."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xstilts_eval import cli, faults


def xstilts(*words: Any, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What a command prints and how it ends, as `subprocess.run` would report it."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with _inside(cwd or Path()), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            faults.in_one_sentence(cli.app)(list(map(str, words)))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
    return subprocess.CompletedProcess(["xstilts", *map(str, words)], code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
