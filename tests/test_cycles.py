"""The search for cycles is rarer inside, and as it was afterwards, whatever happens."""

from __future__ import annotations

import gc

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
