"""What a campaign has done, in a file: a killed one goes on behind its last finished unit."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from tests.campaign.units import Outcome
from xstilts_eval.locking import held
from xstilts_eval.writing import write_atomically

ROOT = Path(__file__).parents[2]
COUNTED = ("xstilts_eval/**/*.py", "tests/campaign/*.py")
"""What the counts are about: other code, another campaign."""


class State:
    """Outcomes by the name of their unit, of one seed and one state of the code; several processes may add to it."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.seed = seed
        self._key = f"{seed}/{code()}"
        self.done: dict[str, Outcome] = {}
        self.seconds: dict[str, float] = {}
        """Of work, by process."""
        self.read()

    def read(self) -> None:
        """Take over what the file holds by now."""
        if not self.path.is_file():
            return
        content = json.loads(self.path.read_text(encoding="utf-8"))
        if content["key"] == self._key:
            self.done = {name: Outcome(**one) for name, one in content["done"].items()}
            self.seconds = content["seconds"]

    def add(self, name: str, outcome: Outcome, seconds: float, by: str) -> None:
        with held(self._lock("state")):
            self.read()
            self.done[name] = outcome
            self.seconds[by] = self.seconds.get(by, 0.0) + seconds
            done = {name: asdict(one) for name, one in self.done.items()}
            write_atomically(self.path, json.dumps({"key": self._key, "seconds": self.seconds, "done": done}) + "\n")

    @contextlib.contextmanager
    def claimed(self, name: str) -> Iterator[bool]:
        """Whether the unit `name` is this process's to do: nobody has done it, nobody is at it."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(held(self._lock(hashlib.sha256(name.encode()).hexdigest()[:16]), BlockingIOError))
            except BlockingIOError:
                is_ours = False
            else:
                self.read()
                is_ours = name not in self.done
            yield is_ours

    def _lock(self, name: str) -> Path:
        return self.path.parent / "locks" / f"{name}.lock"


def code() -> str:
    """A hash of the package and of the campaign."""
    digest = hashlib.sha256()
    for path in sorted(_files()):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _files() -> Iterable[Path]:
    return (path for pattern in COUNTED for path in ROOT.glob(pattern))
