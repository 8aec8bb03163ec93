"""The output folder of a run while it is written: whose it is, who writes, and which of its parts are finished.

``run.json`` says what makes the run this one, and of every finished part the sha256 of its files. What a later call
keeps is what still has them; anything else is made again. Parts may be added by later calls of the same run. A lock
lets one process write at a time.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xstilts_eval import fingerprints, locking, reading
from xstilts_eval.errors import SettingError
from xstilts_eval.reading import Json
from xstilts_eval.writing import write_atomically

MARKER = "run.json"
LOCK = ".lock"
_FILES = ("results.json", "scoreboard.json", "scoreboard.md")
_OF_TASK = re.compile(r"(?:samples/samples|units/units)_(?P<task>.+?)\.(?:jsonl(?:\.gz)?|safetensors)")
"""Files that a task has one of."""
_FOLDERS = ("families", "samples", "units")

Identity = Mapping[str, Json]
"""What makes a run this one, as plain values: settings, data by leaf, files of the checkpoint."""
Say = Callable[[str], None]


class _Busy(SettingError):
    """Another process writes into the folder."""


class Output:
    """The folder of one run, held by this process; made by `opened`."""

    def __init__(self, folder: Path, identity: Identity, finished: Mapping[str, Mapping[str, str]]) -> None:
        self.folder = folder
        self._identity = identity
        self._finished = {part: dict(files) for part, files in finished.items()}
        self._added: dict[str, dict[str, str]] = {}

    def whole(self, say: Say, asked: Collection[str] | None = None) -> list[str]:
        """The finished parts whose files are as they were written; of others `say` tells why they are made again.

        Those that are not among the `asked` (None: all) are left out until they are.
        """
        found = []
        for part, files in self._finished.items():
            if fault := next(filter(None, (_fault(self.folder, *file) for file in files.items())), None):
                is_asked = asked is None or part in asked
                say(f"{part}: {fault}; {'it is scored again' if is_asked else 'left out until --tasks names it'}")
            else:
                found.append(part)
        return found

    def read(self, part: str) -> Any:
        """The content of a finished part."""
        return reading.read_json(self.folder / _place(part), "a part of a run")

    def add(self, part: str, name: str, content: bytes) -> None:
        """Write a file of a part that is not finished yet."""
        write_atomically(self.folder / name, content)
        self._added.setdefault(part, {})[name] = hashlib.sha256(content).hexdigest()

    def finish(self, part: str, content: str) -> None:
        """Write what a part must be into the marker, and its results, which make it finished."""
        digest = hashlib.sha256(content.encode()).hexdigest()
        self._finished[part] = {**self._added.pop(part, {}), _place(part): digest}
        self._write_marker()
        write_atomically(self.folder / _place(part), content)

    def _write_marker(self) -> None:
        content = {"key": key_of(self._identity), **self._identity, "finished": self._finished}
        write_atomically(self.folder / MARKER, json.dumps(content) + "\n")


@contextmanager
def opened(
    folder: Path, identity: Identity, overwrite: bool = False, say: Say = lambda line: None, may_wait: bool = True
) -> Iterator[Output]:
    """Take the folder for the run of this `identity`, with the parts of it that earlier calls finished.

    Data that only one of the calls has read keep nobody out: parts may be added. Where another process writes into the
    folder, wait for that one (`say` tells of it), or, unless `may_wait`, refuse. Raises `SettingError` for a folder
    that holds another run or anything else.
    """
    _check(folder, identity, overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder, say, may_wait):
        earlier = _check(folder, identity, overwrite)
        if earlier is None and (folder / MARKER).exists() and not overwrite:
            say(f"{folder / MARKER} cannot be read: nothing of the run in {folder} is kept")
        if earlier is None or overwrite:
            _clear(folder)
        kept = {} if earlier is None or overwrite else earlier
        output = Output(folder, _together(kept, identity), _finished(kept))
        output._write_marker()
        yield output


@contextmanager
def _held(folder: Path, say: Say, may_wait: bool) -> Iterator[None]:
    def busy(holder: str) -> _Busy:
        return _Busy(f"{holder} writes into {folder}; wait for it, or give another --output")

    lock = locking.held(folder / LOCK, busy)
    try:
        lock.__enter__()
    except _Busy as error:
        if not may_wait:
            raise
        say(str(error).replace("; wait for it, or give another --output", ": waiting for it"))
        lock = locking.held(folder / LOCK)
        lock.__enter__()
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _check(folder: Path, identity: Identity, overwrite: bool) -> Identity | None:
    """What an earlier call of this run left in its marker; None where there is none that can be read.

    Raises `SettingError` for a file, for a folder of something else and, unless `overwrite`, for one of another run.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder} is a file; give a folder for the results")
    marker = folder / MARKER
    if not marker.is_file():
        if folder.is_dir() and any(not path.name.startswith(LOCK) for path in folder.iterdir()):
            # not ours to empty, whatever the option
            raise SettingError(f"{folder} is not empty and holds no run; give another --output")
        return None
    try:
        found = reading.parse_json(marker.read_text(encoding="utf-8", errors="replace"), marker)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    differing = differences(found if isinstance(found.get("settings"), dict) else {}, identity)
    if not overwrite and (differing or found.get("key") != key_of(identity)):
        raise SettingError(
            f"{folder} holds the results of another run ({'; '.join(differing) or 'it does not say of which'}); give "
            "another --output or --overwrite"
        )
    return found


def leaves_there(folder: Path) -> dict[str, str]:
    """The tasks whose data earlier calls have read, with the revision of these; nothing where no run is."""
    try:
        found = reading.parse_json((folder / MARKER).read_text(encoding="utf-8", errors="replace"), folder / MARKER)
    except (OSError, ValueError):
        return {}
    finished = {name for files in _finished(found).values() for name in files} if isinstance(found, dict) else set()
    tasks = {match["task"] for name in finished if (match := _OF_TASK.fullmatch(name))}
    data = found.get("data") if isinstance(found, dict) else None
    revisions = data.items() if isinstance(data, dict) else ()
    return {leaf: str(revision) for leaf, revision in revisions if leaf in tasks}


def _together(there: Identity, here: Identity) -> Identity:
    """What both calls of a run have read; anything but `_GROWING` is the same in both."""
    grown = {name: {**_table(there.get(name)), **_table(here.get(name))} for name in _GROWING}
    return {**here, **{name: table for name, table in grown.items() if table or name in here}}


def _table(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _finished(marker: Identity) -> dict[str, dict[str, str]]:
    """The finished parts with the sha256 of their files; what is no such thing is passed over."""
    parts = marker.get("finished")
    return {
        part: files
        for part, files in (parts.items() if isinstance(parts, dict) else ())
        if isinstance(files, dict) and _place(part) in files and all(isinstance(one, str) for one in files.values())
    }


def _fault(folder: Path, name: str, digest: str) -> str:
    """Why a file is not the one that was written; empty where it is."""
    path = folder / name
    try:
        return "" if fingerprints.file_sha256(path) == digest else f"{name} has changed"
    except FileNotFoundError:
        return f"{name} is missing"
    except OSError as error:
        return f"{name} cannot be read ({error.strerror or error})"


def _clear(folder: Path) -> None:
    """Remove what an older run wrote, but for its marker: without one the folder would be nobody's after a kill."""
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)


def _place(part: str) -> str:
    return f"families/{part}.json"


# ------------------------------------------------------------------------------------------- what makes a run


_GROWING = ("data", "datasets")
"""Tables of an identity that parts add to: what only one of two calls has in them makes no other run."""
_SHOWN = 5
"""Differences that a refusal lists; the rest is counted."""


def key_of(identity: Identity) -> str:
    """Hash of what must be equal in all calls of a run."""
    fixed = {name: value for name, value in identity.items() if name not in _GROWING}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]


def differences(there: Identity, here: Identity) -> list[str]:
    """What differs between two runs, one phrase each: setting by setting, data by leaf, checkpoint by file.

    Data and datasets that only one of them has are no difference.
    """
    if not there:
        return []
    then, now = _flat({name: there.get(name) for name in here}), _flat(here)
    differing = [
        name
        for name in dict.fromkeys([*then, *now])
        if then.get(name) != now.get(name)
        if name.partition(".")[0] not in _GROWING or (name in then and name in now)
    ]
    found = [
        f"{name.removeprefix('settings.')}: {_shown(then.get(name))} there, {_shown(now.get(name))} here"
        for name in differing
        if not name.startswith(("data.", "checkpoint."))
    ]
    if "settings.pretrained" not in differing:
        found += [f"{name.removeprefix('checkpoint.')} changed" for name in differing if name.startswith("checkpoint.")]
    found += [f"data of {name.removeprefix('data.')} changed" for name in differing if name.startswith("data.")]
    more = [f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN + 1 else []
    return [*found[:_SHOWN], *more] if more else found


def _flat(value: Any, name: str = "") -> dict[str, object]:
    """Leaves of nested dictionaries by dotted name; a list of files (name, size, time) counts by name."""
    if isinstance(value, list) and value and all(isinstance(item, list) and len(item) == 3 for item in value):
        value = {str(file): f"{size} bytes, time {time_}" for file, size, time_ in value}
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: leaf for part, inner in value.items() for key, leaf in _flat(inner, f"{name}.{part}".lstrip(".")).items()
    }


def _shown(value: Any) -> str:
    """A value in a sentence, cut where it is long."""
    value = f"{value:g}" if isinstance(value, float) else value
    text = "none" if value in (None, [], {}) else " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
