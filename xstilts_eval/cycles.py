"""Python's search for cycles of objects, which costs a quarter of an evaluation's own time where it is left alone.

A command that imports torch and transformers spends a third of its start in it: the 435,000 objects of their modules
are searched seven times while they are made, and again when the process ends (own measurement).
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 20_000
"""New objects before a search; Python's own 700 (2,000 in later versions) is one search for every ten documents."""

USUAL, SELDOM = 10, 100
"""Searches among young objects before one among all: Python's own number, and ours while modules are imported."""


def searched_seldom() -> None:
    """For a process of our own, before its imports: search among all objects seldom, and not at all when it ends.

    What ends with the process needs no search: files are closed where they were opened, and folders that have to go are
    removed by `atexit`, which comes before.
    """
    newest, young, _ = gc.get_threshold()
    gc.set_threshold(newest, young, SELDOM)
    atexit.register(gc.freeze)


@contextmanager
def searched_less() -> Iterator[None]:
    """Leave out what is there already, modules and models, and search among what comes less often."""
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    gc.freeze()
    gc.set_threshold(max(OBJECTS, thresholds[0]), thresholds[1], min(USUAL, thresholds[2]))
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if not frozen:  # somebody else's stay as they are
            gc.unfreeze()
