"""How long threads spin: what a command says to OpenMP before torch is loaded, and what it leaves to the user."""

from __future__ import annotations

import subprocess
import sys

import pytest

from xstilts_eval import waiting

SHORT = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, SHORT),
        ({"OMP_NUM_THREADS": "2"}, SHORT | {"OMP_NUM_THREADS": "2"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
        ({"GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
    ],
)
def test_what_the_user_says_stays(given: dict[str, str], found: dict[str, str]) -> None:
    environment = dict(given)
    waiting.briefly(environment)
    assert environment == found


@pytest.mark.parametrize(("given", "turns"), [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_openmp_reads_it(given: dict[str, str], turns: str) -> None:
    """GNU's OpenMP, which torch brings along, shows what it has read when it is loaded."""
    code = "import sys, xstilts_eval.waiting as it; assert 'torch' not in sys.modules; it.briefly(); import torch"
    environment = {"OMP_DISPLAY_ENV": "VERBOSE", **given}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    if "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("torch brings another OpenMP along than GNU's")
    assert f"GOMP_SPINCOUNT = '{turns}'" in done.stderr
