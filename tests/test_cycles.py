"""The search for cycles is rarer inside, and as it was afterwards, whatever happens; a process of ours ends without."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from xstilts_eval import cycles


def test_settings_come_back() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    with pytest.raises(KeyError), cycles.searched_less():
        assert gc.get_threshold()[0] >= cycles.OBJECTS and gc.get_freeze_count() > 10_000
        raise KeyError
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


def test_what_somebody_froze_stays_so() -> None:
    gc.freeze()
    try:
        with cycles.searched_less():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_a_process_of_ours_searches_seldom_and_ends_without() -> None:
    script = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 1000))
from xstilts_eval import cycles
before = gc.get_threshold()
cycles.searched_seldom()
print(gc.get_threshold()[:2] == before[:2], gc.get_threshold()[2], gc.get_freeze_count())
with cycles.searched_less():  # an evaluation makes cycles of its own, with documents in them
    print(gc.get_threshold()[2])
print(gc.get_threshold()[2])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "100", "0", "10", "100", "True"]
