"""The store itself: a file of answers for each key, whole or not there, shared by any number of processes.

A file's first line says what the answers are of, how many there are and the sha256 of the rest; every other line is one
document: digest, answer, counts. What does not agree with its first line is passed over and written anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from xstilts_eval import locking, paths, reading
from xstilts_eval.errors import PredictionError, SettingError, WriteError, XstiltsError
from xstilts_eval.reading import Json
from xstilts_eval.store import claims
from xstilts_eval.store.key import Key
from xstilts_eval.writing import write_atomically

log = logging.getLogger("xstilts_eval")

OFF = "off"
PLACE = "XSTILTS_STORE"
"""In the environment: the store's folder, or ``off``."""
FORMAT = 1
ENDING = ".jsonl"
_LOCK = ".lock"
_CLAIMS = "claims"


class Answered(NamedTuple):
    """What a model said of one document, and by name how often something happened to it on the way."""

    value: Json
    counts: Mapping[str, int] = {}


@dataclass(frozen=True)
class Head:
    """The first line of a file of answers. `facts` are what a results file says of such a run beside its scores."""

    digest: str
    leaf: str
    checkpoint: str
    about: Mapping[str, Json]
    facts: Mapping[str, Json]
    documents: int
    sha256: str


@dataclass(frozen=True)
class Kept:
    """Answers by the digest of what was asked."""

    answers: Mapping[str, Answered] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)


def folder(given: str | None = None) -> Path | None:
    """The store's folder: as given, else as ``XSTILTS_STORE`` says, else in the cache; None for ``off``.

    Raises `SettingError` for a file.
    """
    wanted = given or os.environ.get(PLACE) or str(paths.cache_folder() / "answers")
    if wanted == OFF:
        return None
    found = Path(wanted).expanduser().absolute()
    if found.exists() and not found.is_dir():
        raise SettingError(f"store={wanted} is a file; give a folder, or {OFF}")
    return found


class Store:
    """Answers in a folder, which is made when the first are added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._may_write = True
        self._told: set[str] = set()
        claims.sweep(folder / _CLAIMS)

    def place(self, key: Key) -> Path:
        """The file of a key."""
        return self.folder / re.sub(r"[^\w.-]", "_", key.leaf)[:100] / f"{key.digest[:40]}{ENDING}"

    def read(self, key: Key) -> Kept:
        """What is kept under a key; nothing where its file is not there, or damaged, which is said."""
        path = self.place(key)
        try:
            head, answers = read_file(path)
        except FileNotFoundError:
            return Kept()
        except (OSError, XstiltsError) as error:
            log.warning("the store is damaged, and the model is asked again: %s", error)
            return Kept()
        if head.digest != key.digest:
            log.warning("%s holds the answers to something else, and the model is asked again", path)
            return Kept()
        with suppress(OSError):
            os.utime(path)  # when it was last of use
        return Kept(answers, head.facts)

    def version(self, key: Key) -> object:
        """What is another thing as soon as the file of a key is another; None where there is none."""
        try:
            stat = self.place(key).stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_size

    @contextmanager
    def claimed(self, keys: Iterable[Key], part: str = "", agreed: Callable[[bool], bool] = bool) -> Iterator[None]:
        """Be the one run that asks for the answers of these keys, and wait while another is, which is said.

        `part` tells apart processes of one run that share a key, `agreed` is as in `claims.held`. Whoever cannot keep
        answers makes nobody wait for them.
        """

        def waiting(holder: str) -> None:
            if holder not in self._told:
                log.warning("%s asks for the same answers, which are waited for (store=off asks at once)", holder)
            self._told.add(holder)

        own = {f"{key.digest[:40]}{part}{claims.ENDING}" for key in keys} if self._may_write else ()
        with claims.held([self.folder / _CLAIMS / name for name in own], waiting, agreed):
            yield

    def add(self, key: Key, answers: Mapping[str, Answered], facts: Mapping[str, Json]) -> None:
        """Put answers beside those that are there, but for half surrogate pairs.

        A store that cannot be written is said once, and no error.
        """
        if not self._may_write:
            return
        try:
            with locking.held(self.folder / _LOCK):
                there = self.read(key)
                write_atomically(self.place(key), _text(key, {**there.answers, **answers}, facts))
        except (OSError, WriteError, SettingError) as error:
            self._may_write = False
            log.warning("answers are not kept: %s", error)


def read_head(path: Path) -> Head:
    """The first line of a file of answers; raises `PredictionError` where it is none."""
    with path.open("rb") as file:
        return _head(path, file.readline(reading.LARGEST_RECORD))


def read_file(path: Path) -> tuple[Head, dict[str, Answered]]:
    """A file of answers; raises `PredictionError`, with the reason, for one that is not as it was written."""
    first, _, rest = path.read_bytes().partition(b"\n")
    head = _head(path, first)
    if hashlib.sha256(rest).hexdigest() != head.sha256:
        raise PredictionError(f"{path} is damaged: its answers are not those that were written")
    found: dict[str, Answered] = {}
    try:
        lines = rest.decode().removesuffix("\n").split("\n")
        names, *rows = [reading.parse_json(line, path, 2 + at) for at, line in enumerate(lines)]
        for digest, value, *counts in rows:
            found[str(digest)] = Answered(value, dict(zip(names, counts, strict=True)))
    except reading.UNFIT as error:
        raise PredictionError(f"{path} is damaged: {error}") from error
    if len(found) != head.documents:
        raise PredictionError(f"{path} is damaged: {len(found):,} answers, and there were {head.documents:,}")
    return head, found


def _head(path: Path, line: bytes) -> Head:
    try:
        found = reading.parse_json(line.decode(), path, 1)
        if found.pop("format") != FORMAT:
            raise ValueError("another format")
        return Head(**found)
    except reading.UNFIT as error:
        raise PredictionError(f"{path} is damaged: its first line is not that of a file of answers") from error


def _text(key: Key, answers: Mapping[str, Answered], facts: Mapping[str, Json]) -> str:
    names = list(dict.fromkeys(name for answer in answers.values() for name in answer.counts))
    rows = ([digest, one.value, *(one.counts.get(name, 0) for name in names)] for digest, one in answers.items())
    lines = [line for line in map(_line, rows) if reading.is_unicode(line)]
    rest = _line(names) + "".join(lines)
    head = Head(
        key.digest, key.leaf, key.checkpoint, key.about, facts, len(lines), hashlib.sha256(rest.encode()).hexdigest()
    )
    return json.dumps({"format": FORMAT, **vars(head)}) + "\n" + rest


_ENCODER = json.JSONEncoder(ensure_ascii=False)


def _line(row: Sequence[Json]) -> str:
    return _ENCODER.encode(row) + "\n"
