"""Vectors that an encoder has computed in this run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
KEPT = 256 * 2**20
"""Bytes of vectors that an encoder remembers: 87,000 of 768 numbers; XTREME's Tatoeba has 72,000 sentences."""


class KnownVectors:
    """Vectors of inputs that were embedded before, so that datasets with texts in common ask the model once.

    Holds at most `room` bytes of vectors; what comes when that is full is not kept.
    """

    def __init__(self, room: int = KEPT) -> None:
        self._left = room
        self._parts: list[Vectors] = []
        self._place: dict[bytes, tuple[int, int]] = {}

    def __contains__(self, seen_as: bytes) -> bool:
        return seen_as in self._place

    def add(self, inputs: Sequence[bytes], vectors: Vectors) -> None:
        """Keep vectors [inputs, width] of inputs that are not known yet; all of them, or none where room ends."""
        if vectors.nbytes > self._left:
            return
        self._left -= vectors.nbytes
        self._place |= {one: (len(self._parts), row) for row, one in enumerate(inputs)}
        self._parts.append(vectors)

    def of(self, inputs: Sequence[bytes]) -> Vectors:
        """Vectors [inputs, width] of known inputs; `inputs` has one or more."""
        places = [self._place[one] for one in inputs]
        return np.stack([self._parts[part][row] for part, row in places])
