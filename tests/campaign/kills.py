"""SIGKILL, and the same command again: its files must be those of a run that nobody disturbed.

Half of the kills come at a random moment; the others inside a drawn call that creates, opens for writing, renames or
removes a file, before the operating system has done it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.campaign.units import Outcome, Unit
from tests.forked import Process

CLOCK = frozenset(
    {
        "date", "start_time", "end_time", "total_evaluation_time_seconds", "seconds", "finished", "tokens_per_second",
        "device_seconds",
    }
)  # fmt: skip
"""Keys of JSON files that tell of the clock and of the machine."""
_OFTEN = 12
"""How often a moment is drawn anew because the process was faster."""


@dataclass(frozen=True)
class Scenario:
    """A command that writes into a folder; OUT in `words` stands for it.

    `before` fills it as an earlier command would have. `without` are names that need not be equal.
    """

    name: str
    words: tuple[str, ...]
    before: Callable[[Path], object] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    program: str = "xstilts"
    without: str = r".*\.lock|.*\.log"
    again: tuple[str, ...] = ()
    """Words more, for the second time: of commands that refuse what is finished."""
    progress: str = ""
    """Files that a killed command leaves on purpose, as a regular expression of their names."""

    def named(self, name: str, environment: Mapping[str, str]) -> Scenario:
        return replace(self, name=name, environment={**environment, **self.environment})

    def start(self, folder: Path, fault: Callable[[], None] | None = None) -> Process:
        words = [word.replace("OUT", str(folder)) for word in self.words]
        log = folder.with_name(f"{folder.name}.{os.urandom(3).hex()}.log")
        return Process(words, log, fault, self.environment, self.program)

    def start_again(self, folder: Path) -> Process:
        return replace(self, words=(*self.words, *self.again)).start(folder)


@dataclass(frozen=True)
class Undisturbed:
    """What a scenario makes, how long it takes, and how often it touches files."""

    files: Mapping[str, object]
    seconds: float
    touches: int


class Baselines:
    """Undisturbed runs, each made when it is first asked for."""

    def __init__(self) -> None:
        self._known: dict[str, Undisturbed] = {}

    def of(self, one: Scenario, folder: Path) -> Undisturbed:
        if one.name not in self._known:
            place = folder / "run" / "out"  # where the disturbed ones will be: some files name it
            place.parent.mkdir()
            self._known[one.name] = undisturbed(one, place)
            shutil.rmtree(place.parent)
        return self._known[one.name]


def units(scenarios: Sequence[Scenario], kills: int, seed: int, baselines: Baselines) -> list[Unit]:
    """So many kills, shared out among the scenarios; a unit has at most ten, so that little is done twice."""
    found = []
    for number, one in enumerate(scenarios):
        each = kills // len(scenarios) + (number < kills % len(scenarios))
        for first in range(0, each, 10):
            numbers = range(first, min(first + 10, each))
            name = f"kills/{one.name}/{numbers.start}-{numbers.stop}"
            run = partial(_killed, one, numbers=numbers, seed=seed, baselines=baselines)
            found.append(Unit("kills", f"`{one.name}`", name, run))
    return found


def _killed(one: Scenario, folder: Path, numbers: range, seed: int, baselines: Baselines) -> Outcome:
    outcome = Outcome()
    whole = baselines.of(one, folder)
    for number in numbers:
        draw = random.Random(f"{seed}/{one.name}/{number}")
        place = folder / "run" / "out"
        place.parent.mkdir()
        _once(one, place, number, draw, whole, outcome)
        shutil.rmtree(place.parent)
    return outcome


def undisturbed(one: Scenario, folder: Path) -> Undisturbed:
    """Run a scenario to its end; raises `AssertionError` where it fails, or leaves something hidden."""
    if one.before is not None:
        one.before(folder)
    counted = folder.with_name("touches")
    process = one.start(folder, partial(_count, folder, counted))
    assert process.wait(300) == 0, process.output
    seconds = time.monotonic() - process.began
    assert not (left := left_over(folder, one)), left
    return Undisturbed(content(folder, one), seconds, counted.stat().st_size)


def _once(one: Scenario, place: Path, number: int, draw: random.Random, whole: Undisturbed, outcome: Outcome) -> None:
    told = f"{one.name}, kill {number}"
    if one.before is not None:
        one.before(place)
    if number % 2:
        touch = draw.randrange(whole.touches)
        told += f" inside file operation {touch} of {whole.touches}"
        process = one.start(place, partial(_die_in, place, touch))
        code = process.wait(300)
        lived = time.monotonic() - process.began
    else:
        code, lived, told = _at_a_moment(one, place, draw, whole.seconds, told)
    outcome.tried += 1
    if code != -signal.SIGKILL:
        outcome.faults.append(f"{told}: it was not killed but ended with {code}")
        return
    found = [f"half-written after the kill: {what}" for what in half_written(place)]
    again = one.start_again(place)
    try:
        code = again.wait(300)
    except AssertionError as error:
        outcome.faults.append(f"{told}: the same command again: {str(error)[-300:]}")
        return
    took = time.monotonic() - again.began
    if code != 0:
        found.append(f"the same command again ends with {code}: {again.output[-400:]}")
    else:
        made = content(place, one)
        found += [f"{name} is missing" for name in sorted(whole.files.keys() - made.keys())]
        found += [f"{name} is more than an undisturbed run has" for name in sorted(made.keys() - whole.files.keys())]
        found += [
            f"{name} is another{difference(what, made[name])}"
            for name, what in whole.files.items()
            if name in made and made[name] != what
        ]
        found += [f"left behind: {name}" for name in left_over(place, one)]
    outcome.same += not found
    outcome.lost += max(0.0, lived + took - whole.seconds)
    outcome.faults += [f"{told}: {what}" for what in found]


def _at_a_moment(one: Scenario, place: Path, draw: random.Random, seconds: float, told: str) -> tuple[int, float, str]:
    for attempt in range(_OFTEN):
        moment = draw.uniform(0, seconds) * 0.8**attempt
        process = one.start(place)
        process.inner.join(moment)
        process.kill()
        if process.inner.exitcode == -signal.SIGKILL:  # it may have ended first
            lived = time.monotonic() - process.began
            return -signal.SIGKILL, lived, f"{told} after {moment:.2f} of {seconds:.2f} s"
        shutil.rmtree(place, ignore_errors=True)
        if one.before is not None:
            one.before(place)
    return 0, 0.0, told


# ------------------------------------------------------------------------------------------------ in the process


def touched(folder: Path, touch: Callable[[], None], removals: bool = True) -> None:
    """Have `touch` called before every file operation in `folder` that changes something, or, without `removals`,
    before those that need room. Libraries that write by themselves (safetensors) call nothing.
    """
    inside = str(folder.parent) + os.sep
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    changing = {"os.rename", "os.mkdir", "os.truncate", "os.link", "os.symlink"}
    changing |= {"os.remove", "os.rmdir"} if removals else set()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if not isinstance(flags, int) or not flags & writing:
                return
        elif event in changing:
            path = args[0]
        else:
            return
        name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if not name or name.endswith(".log") or name.endswith("touches"):
            return
        if os.path.abspath(name).startswith(inside) or not os.path.isabs(name):
            touch()

    sys.addaudithook(hook)


def _count(folder: Path, counted: Path) -> None:
    descriptor = os.open(counted, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    touched(folder, lambda: void(os.write(descriptor, b".")))


def void(_: object) -> None:
    """Nothing."""


def _die_in(folder: Path, number: int) -> None:
    left = [number]

    def touch() -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    touched(folder, touch)


# ------------------------------------------------------------------------------------------------ what lies there


def content(folder: Path, one: Scenario) -> dict[str, object]:
    """Every file by its name: JSON without what tells of the clock, others by their sha256.

    A host's file has the time in its name; a stage keeps its own.
    """
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = re.sub(r"\d{4}-\d\d-\d\dT[\d\-.:]+", "TIME", path.relative_to(folder).as_posix())
        if not path.is_file() or re.fullmatch(one.without, path.name):
            continue
        if path.suffix == ".json":
            text = path.read_text(encoding="utf-8").replace(str(folder), "OUT")  # the host's keep what was typed
            found[name] = _timeless(json.loads(text))
        elif path.suffix == ".html":  # it says when and by which command it was made
            text = path.read_text(encoding="utf-8").replace(str(folder), "OUT")
            found[name] = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME", text)
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if key not in CLOCK}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def difference(one: object, other: object) -> str:
    """Where two JSON files first differ; nothing for others."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            if one.get(key) != other.get(key):
                return f".{key}{difference(one.get(key), other.get(key))}"
    return f": {one!r:.80} before, {other!r:.80} now" if not isinstance(one, str) or len(one) != 64 else ""


def half_written(folder: Path) -> list[str]:
    """Files under their own names, in no hidden folder, that cannot be read."""
    from safetensors import SafetensorError, safe_open

    found = []
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
            continue
        try:
            if path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
            elif path.suffix == ".jsonl":
                [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
            elif path.suffix == ".safetensors":
                with safe_open(path, "np"):
                    pass
            elif path.suffix in (".html", ".md") and not path.read_text(encoding="utf-8").endswith(("\n", "</html>")):
                raise ValueError("it has no end")
        except (ValueError, SafetensorError) as error:
            found.append(f"{path.relative_to(folder)}: {error}")
    return found


def left_over(folder: Path, one: Scenario) -> list[str]:
    """Hidden files and folders, beside the folder too, but for locks and what is kept on purpose."""
    every = [*folder.parent.glob(".*"), *folder.rglob(".*"), *folder.rglob("*.tmp*"), *folder.rglob("*.part*")]
    allowed = rf"{one.without}|{one.progress}" if one.progress else one.without
    return sorted({str(path.relative_to(folder.parent)) for path in every if not re.fullmatch(allowed, path.name)})
