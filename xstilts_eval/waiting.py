"""How OpenMP's threads wait for each other, which torch's library reads once, when it is loaded."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

POLICY, SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
TURNS = 10_000
"""Turns that a waiting thread spins before it sleeps, a fraction of a millisecond (own measurement).

Training multilingual-e5-small in bfloat16 on two quiet cores, tokens a second against threads that sleep at once: 1.25
times as many of pairs and 1.36 of tags with 10,000 turns, 1.32 and 1.42 with 100,000; beside two busy processes 1.07
and 0.98, and 1.00 and 0.89. GNU's own 300,000 made torch nine times as slow beside other work.
"""


def briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Before torch is imported: let threads spin for `TURNS` and then sleep, unless the user has said how they wait.

    Other libraries than GNU's know the policy alone, and let threads sleep at once.
    """
    if POLICY not in environment and SPINS not in environment:
        environment.update({POLICY: "PASSIVE", SPINS: str(TURNS)})
