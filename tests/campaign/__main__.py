"""Faults on purpose, many of them: kills, broken files, archives, hostile names, full disks.

    python -m tests.campaign --write        # the whole campaign, at most 90 minutes; tables into docs/reliability.md
    python -m tests.campaign --only fuzz --inputs 1000 --seed 7
    python -m tests.campaign --only starved --units 'sweep|translate'

The same seed does the same things again. A campaign that was killed goes on; one that is finished, or whose code has
changed since, begins again.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.campaign import campaign, page
from tests.campaign.state import State

STATE = Path(__file__).parents[2] / ".campaign" / "state.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=list(page.TITLES), help="one part; may be repeated")
    parser.add_argument("--units", help="a regular expression that the names of units hold; default all")
    parser.add_argument("--minutes", type=float, default=90.0, help="start nothing after so many; default 90")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one for a core")
    parser.add_argument("--as-process", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=campaign.WHOLE.kills)
    parser.add_argument("--inputs", type=int, default=campaign.WHOLE.inputs, help="broken files")
    parser.add_argument("--flips", type=int, default=campaign.WHOLE.flips, help="bits of archives")
    parser.add_argument("--state", type=Path, default=STATE, help="what is done, to go on from")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/reliability.md")
    given = parser.parse_args()
    size = replace(campaign.WHOLE, kills=given.kills, inputs=given.inputs, flips=given.flips)
    with campaign.prepared(size, given.seed) as units:
        chosen = [
            unit
            for unit in units
            if (not given.only or unit.part in given.only) and re.search(given.units or "", unit.name)
        ]
        state = State(given.state, given.seed)
        end = time.monotonic() + given.minutes * 60

        def run(process: str) -> page.Found:
            say = functools.partial(print, flush=True)
            return campaign.run(chosen, state, end - time.monotonic(), say, process)

        if given.as_process:
            run(given.as_process)
            return
        with _others(given.processes - 1):
            run("1")
        found = run("1")  # what another process left behind, had it died
    print("\n".join(page.table(found)))
    if given.write:
        page.write(found)
    if not found.open_:
        given.state.unlink(missing_ok=True)
    sys.exit(bool(found.faults))


@contextlib.contextmanager
def _others(count: int) -> Iterator[None]:
    """So many processes more for the same campaign, waited for, or ended where this one is."""
    command = [sys.executable, "-m", "tests.campaign", *sys.argv[1:], "--as-process"]
    others = [subprocess.Popen([*command, str(number)]) for number in range(2, count + 2)]
    try:
        yield
        for other in others:
            other.wait()
    finally:
        for other in others:
            other.terminate()


if __name__ == "__main__":
    main()
