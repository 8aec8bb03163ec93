"""Who asks for what just now: of runs that want the same answers at once one asks, and the others wait for it.

A claim goes with its process, however that ends. It saves work and guards nothing: files of answers are whole, and may
be shared, without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from xstilts_eval import locking
from xstilts_eval.errors import WriteError

ENDING = ".lock"
WAIT = 0.2
"""Seconds between two tries."""


class _Claimed(Exception):
    """Another run has it, which is named."""


@contextmanager
def held(
    places: Iterable[Path], waiting: Callable[[str], None], agreed: Callable[[bool], bool] = bool
) -> Iterator[None]:
    """Have all claims `places`, files that come and go, for this run; while others have some of them, wait.

    `waiting` is told once of whom, as ``process 12 on host``. `agreed` makes of whether this process has its claims
    whether all processes of a run go on: a collective, which they call while they wait, too. Claims that cannot be
    made keep nobody waiting.
    """
    wanted, told = sorted(set(places)), False
    with ExitStack() as stack:
        while True:
            holder = _take(wanted, stack)
            if agreed(holder is None):
                break
            if holder is not None and not told:
                waiting(holder)
                told = True
            time.sleep(WAIT)
        yield


def sweep(folder: Path) -> None:
    """Remove the claims in `folder` that killed processes have left."""
    for place in folder.glob(f"*{ENDING}"):
        with suppress(_Claimed, WriteError), locking.held(place, _Claimed, is_passing=True):
            pass


def _take(places: Iterable[Path], into: ExitStack) -> str | None:
    """All of them into `into`, or none and who has one: to hold one and wait for the next may be to wait for ever."""
    with ExitStack() as taken:
        for place in places:
            try:
                taken.enter_context(locking.held(place, _Claimed, is_passing=True))
            except _Claimed as claimed:
                return str(claimed)
            except WriteError:  # a store that may only be read
                break
        into.push(taken.pop_all())
    return None
