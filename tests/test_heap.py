"""Freed memory goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from xstilts_eval import heap


def resident() -> int:
    """Bytes of this process in memory that no file backs."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("RssAnon")))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_lies_between_living_blocks_is_given_back() -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("this C library has no malloc_trim")
    size, count = 100_000, 1000  # below the size that gets pages of its own
    blocks = [ctypes.create_string_buffer(size) for _ in range(count)]
    kept = blocks[::50]
    full = resident()
    del blocks
    heap.give_back()
    assert full - resident() > 0.8 * size * count and len(kept) == 20


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", None)
    heap.give_back()
