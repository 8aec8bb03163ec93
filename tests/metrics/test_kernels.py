"""Mining and retrieval give the same bytes under every BLAS kernel: the results of one process per kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNELS = {
    "Haswell": {"Haswell"},  # and Zen, which has no kernels of its own for these products
    "SkylakeX": {"SkylakeX"},
    "Prescott": {"Prescott", "Katmai"},  # one table of kernels; OpenBLAS names it by the first of its processors
}
"""What ``OPENBLAS_CORETYPE`` asks for → what OpenBLAS says it loaded."""
FILES = ("mining", "neighbours", "products", "retrieval", "xsim")


def environment(kernel: str) -> dict[str, str]:
    return os.environ | {"OPENBLAS_CORETYPE": kernel, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}


def needs(kernel: str) -> None:
    """Skip where numpy or the processor cannot load it."""
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    if "openblas" not in blas:
        pytest.skip(f"numpy stands on {blas}: it has no OpenBLAS kernel {kernel}")
    flag = {"SkylakeX": "avx512f", "Haswell": "avx2", "Prescott": "pni"}[kernel]
    processor = Path("/proc/cpuinfo")
    if not processor.exists() or f" {flag} " not in processor.read_text(encoding="utf-8").replace("\n", " "):
        pytest.skip(f"the processor has no {flag}: OpenBLAS does not load {kernel}")


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """What `kernel_results` printed, by kernel; filled as kernels are asked for."""
    return {}


def under(kernel: str, results: dict[str, Any]) -> Any:
    if kernel not in results:
        program = [sys.executable, "-m", "tests.metrics.kernel_results"]
        done = subprocess.run(program, env=environment(kernel), cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        results[kernel] = json.loads(done.stdout)
    return results[kernel]


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_way_gives_the_same_bytes_under_every_kernel(kernel: str, results: dict[str, Any]) -> None:
    """bfloat16 or not, any tile, one thread or two; and the neighbours are those of a slow sort."""
    needs(kernel)
    needs("Prescott")
    found, other = under(kernel, results), under("Prescott", results)
    assert set(found["kernels"]) <= KERNELS[kernel] and found["kernels"]
    for name, by_way in found["results"].items():
        assert len({*by_way.values(), *other["results"][name].values()}) == 1, (name, by_way, other["results"][name])
    assert len(set(found["nearest"])) == 1


def test_a_plain_product_differs_between_kernels(results: dict[str, Any]) -> None:
    """Else the kernels above were one."""
    for kernel in ("Haswell", "Prescott"):
        needs(kernel)
    assert under("Haswell", results)["plain"] != under("Prescott", results)["plain"]


@pytest.mark.slow
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_tests_of_mining_and_retrieval_pass_under_every_kernel(kernel: str) -> None:
    needs(kernel)
    files = [f"tests/metrics/test_{name}.py" for name in FILES] + ["tests/models/test_ranking.py"]
    program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(program, env=environment(kernel), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
