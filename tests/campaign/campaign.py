"""The units of a campaign of one size, and one after the other run within a time."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.campaign import archives, commands, fuzz, kills, shown, starved
from tests.campaign.page import Found
from tests.campaign.state import State
from tests.campaign.units import Unit
from tests.hub_server import Hub, Repository


@dataclass(frozen=True)
class Size:
    """How many of each."""

    kills: int
    inputs: int
    flips: int
    strings: int
    """Hostile ones."""
    places: int
    """Of every file, in which each of them stands."""
    starved: int
    """Full disks, and limits, of every command."""
    commands: tuple[str, ...] | None = None
    """Those that are killed and starved; all."""


WHOLE = Size(kills=168, inputs=20_000, flips=1_000, strings=99, places=12, starved=2)
SHORT = Size(kills=3, inputs=240, flips=80, strings=2, places=1, starved=1, commands=commands.CHEAP)
"""What the default tests run."""


@contextlib.contextmanager
def prepared(size: Size, seed: int, bundle: Path | None = None) -> Iterator[list[Unit]]:
    """The units, with what they share; `bundle` is a small one with heads of all kinds, made where none is given."""
    from tests.tiny import make_bundle

    with tempfile.TemporaryDirectory() as scratch:
        shared = Path(scratch)
        bundle = bundle or make_bundle(shared / "tiny")
        hub = Hub()
        hub.repositories["archives"] = Repository({"": commands.archives(shared)})
        hub.start()
        try:
            killed = commands.scenarios(shared, bundle, f"{hub.endpoint}/archives", size.commands)
            baselines = kills.Baselines()
            yield [
                *archives.units(size.flips, seed),
                *fuzz.units(fuzz.subjects(bundle), size.inputs, seed),
                *shown.units(shown.given(bundle), size.strings, size.places, seed),
                *kills.units(killed, size.kills, seed, baselines),
                *starved.units(killed, size.starved, seed, baselines),
            ]
        finally:
            hub.stop()


def run(
    units: Sequence[Unit],
    state: State,
    seconds: float = float("inf"),
    say: Callable[[str], None] = lambda line: None,
    process: str = "1",
) -> Found:
    """Every unit that `state` does not have and no other process is at, as long as there is time."""
    begin = time.monotonic()
    for number, unit in enumerate(units, 1):
        if unit.name in state.done or time.monotonic() - begin > seconds:
            continue
        with state.claimed(unit.name) as is_ours:
            if not is_ours:
                continue
            started = time.monotonic()
            with tempfile.TemporaryDirectory() as scratch, _no_logging():
                outcome = unit.run(Path(scratch).resolve())
            took = time.monotonic() - started
            state.add(unit.name, outcome, took, process)
        say(f"[{number}/{len(units)}] {unit.name}: {outcome.tried} in {took:.1f} s, {len(outcome.faults)} faults")
        for line in outcome.faults:
            say(f"    {line}")
    state.read()
    done = [(unit, state.done[unit.name]) for unit in units if unit.name in state.done]
    return Found(done, [unit for unit in units if unit.name not in state.done], state.seed, state.seconds)


@contextlib.contextmanager
def _no_logging() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
