"""No room, or no right, to write: one sentence, older files whole, and the same command works once there is room."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.campaign import kills
from tests.campaign.kills import Baselines, Scenario, Undisturbed
from tests.campaign.units import Outcome, Unit

ROOM = (5_000, 20_000, 60_000, 200_000)
"""Bytes that a file may have, where the operating system limits them."""


def units(scenarios: Sequence[Scenario], times: int, seed: int, baselines: Baselines) -> list[Unit]:
    """Of every scenario so many full disks, as many limits, and a folder that it may not write."""
    return [
        Unit(
            "starved",
            f"`{one.name}`",
            f"starved/{one.name}/{times}",
            partial(_starved, one, times=times, seed=seed, baselines=baselines),
        )
        for one in scenarios
        if one.program == "xstilts"  # what the host does with its own files is the host's
    ]


def _starved(one: Scenario, folder: Path, times: int, seed: int, baselines: Baselines) -> Outcome:
    outcome = Outcome()
    whole = baselines.of(one, folder)
    draw = random.Random(f"{seed}/{one.name}")
    place = folder / "run" / "out"
    faults = [("a folder it may not write", partial(_refuse, place, 0, errno.EACCES))]
    for number in range(times):
        touch = draw.randrange(whole.touches)
        full = partial(_refuse, place, touch, errno.ENOSPC)
        faults.append((f"no room from file operation {touch} of {whole.touches} on", full))
        size = ROOM[number % len(ROOM)]
        faults.append((f"no file above {size:,} bytes", partial(_limit, size)))
    for told, fault in faults:
        place.parent.mkdir()
        _once(one, place, f"{one.name}, {told}", fault, whole, outcome)
        shutil.rmtree(place.parent)
    return outcome


def _once(
    one: Scenario, place: Path, told: str, fault: Callable[[], None], whole: Undisturbed, outcome: Outcome
) -> None:
    if one.before is not None:
        one.before(place)
    outcome.tried += 1
    process = one.start(place, fault)
    code, said = process.wait(300), process.output
    found = []
    if code == 2:
        last = said.strip().rpartition("\n")[2]
        if "Traceback" in said or not last.startswith("xstilts: error: "):
            found.append(f"no sentence: {said[-300:]}")
    elif code == 1 and one.name == "xstilts sweep" and "Traceback" not in said:
        pass  # a stage that failed is told in the table
    elif code != 0:
        found.append(f"it ends with {code}: {said[-300:]}")
    if place.exists():
        found += [f"half-written: {what}" for what in kills.half_written(place)]
    again = one.start_again(place) if code == 0 else one.start(place)
    if again.wait(300) != 0:
        found.append(f"with room again: {again.output[-300:]}")
    elif kills.content(place, one) != whole.files:
        found.append("with room again it makes other files")
    else:
        found += [f"left behind: {name}" for name in kills.left_over(place, one)]
    outcome.refused += not found and code != 0
    outcome.same += not found and code == 0
    outcome.faults += [f"{told}: {what}" for what in found]


def _refuse(folder: Path, after: int, reason: int) -> None:
    """Every file operation that needs room fails, after so many that did not."""
    left = [after]

    def touch() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(reason, os.strerror(reason), str(folder))

    kills.touched(folder, touch, removals=False)


def _limit(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
