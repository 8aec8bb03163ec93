"""For the bridge: whether the host has written its files, which it does not say when it could not.

Host 0.4.13 catches every error of writing results or samples, logs a warning and ends with exit code 0.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xstilts_eval import printing
from xstilts_eval.wording import counted

_lost: dict[str, str] = {}
"""What is missing, with the folder it should be in."""


def after_results(tracker: Any, *_: Any, **__: Any) -> None:
    """Remember that the results file of a run is missing or not whole."""
    if tracker.output_path and not any(_is_json(path) for path in _written(tracker, ".json")):
        _remember("the results", tracker)


def after_samples(tracker: Any, task_name: str, samples: Sequence[Any]) -> None:
    """Remember that a file of samples is missing or has other lines than there are samples."""
    of_task = (
        [path for path in _written(tracker, ".jsonl") if f"_{task_name}_" in path.name] if tracker.output_path else []
    )
    if tracker.output_path and not any(_lines(path) == len(samples) for path in of_task):
        _remember(f"samples of {task_name}", tracker)


def _remember(what: str, tracker: Any) -> None:
    if not _lost:
        atexit.register(_say)
    _lost[what] = str(_folder(tracker))


def _say() -> None:
    """One line when the host ends: behind all that it prints."""
    samples = [what for what in _lost if what != "the results"]
    parts = [what for what in _lost if what == "the results"]
    parts += samples if len(samples) < 2 else [counted(len(samples), "file") + " of samples"]
    folder = next(iter(_lost.values()))
    printing.remark(
        f"xstilts-eval: lm_eval could not write {' and '.join(parts)} into {folder}{_why(folder)} and says so in a "
        "warning only; what is missing there must be run again"
    )


def _why(folder: str) -> str:
    place = next(path for path in (Path(folder), *Path(folder).absolute().parents) if path.exists())
    if not os.access(place, os.W_OK):
        return " (it may not be written to)"
    try:
        return " (the disk is full)" if shutil.disk_usage(place).free < 1 << 16 else ""
    except OSError:
        return ""


def _folder(tracker: Any) -> Path:
    """Where the host puts the files of a run: beside a name that ends in .json, else in a folder by model."""
    path = Path(tracker.output_path)
    return path.parent if path.suffix == ".json" else path / str(tracker.general_config_tracker.model_name_sanitized)


def _written(tracker: Any, ending: str) -> list[Path]:
    """Files of this run, which have its time in their names."""
    stamp = getattr(tracker, "date_id", None)
    folder = _folder(tracker)
    if stamp is None or not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if stamp in path.name and path.suffix == ending]


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(line.endswith(b"\n") for line in file)
    except OSError:
        return -1
