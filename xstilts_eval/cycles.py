"""Python's search for cycles of objects, which costs a quarter of an evaluation's own time where it is left alone."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 20_000
"""New objects before a search; Python's own 700 (2,000 in later versions) is one search for every ten documents."""


@contextmanager
def searched_less() -> Iterator[None]:
    """Leave out what is there already, modules and models, and search among what comes less often."""
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    gc.freeze()
    gc.set_threshold(max(OBJECTS, thresholds[0]), *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if not frozen:  # somebody else's stay as they are
            gc.unfreeze()
