"""Peak memory of mining against the number of sentences, each point in a process of its own.

python -m benchmarks.mining_memory N WIDTH     one point, printed as JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

NAME, WIDE = "mining_memory", "mining_memory_wide"
SIZES = {64: (10_000, 20_000, 50_000, 100_000, 200_000), 1024: (10_000, 20_000, 40_000, 80_000, 100_000)}
"""By width. 64 is less than a model's, so that 200,000 x 200,000 takes minutes; 1,024 is XLM-R Large's."""
WIDTH = 64
WANTED = 400_000
"""Sentences a side of the largest that is extrapolated to."""


def curve(
    width: int = WIDTH, sizes: Sequence[int] = (), note: str = "", say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Points (n, MiB beyond the input, seconds), smallest first; `note` says what the machine did besides."""
    points, sizes = [], sizes or SIZES[width]
    for size in sizes:
        points.append(_in_a_process(size, width))
        say(f"{NAME}: {json.dumps(points[-1])}")
    return {
        "name": NAME if width == WIDTH else WIDE,
        "kind": "curve",
        "title": "Memory of mining n x n" + (f", {note}" if note else ""),
        "inputs": f"vectors of width {width}, float32; peak memory of the process less what it held before mining",
        "points": points,
        "limits": (
            "A tile of similarities, whatever n; what grows with n is 2·n·k neighbours, the normalised vectors "
            f"and the list of candidates. {fitted(points, width)}"
        ),
    }


def fitted(points: Sequence[dict[str, Any]], width: int) -> str:
    """The power of n that time and memory grow with (least squares over logarithms), and what `WANTED` would take."""
    import numpy as np

    if len(points) < 2:
        return ""
    n = np.log([point["n"] for point in points])
    (power, _), (growth, mib) = (
        np.polyfit(n, np.log([point[name] for point in points]), 1) for name in ("seconds", "mib")
    )
    at = np.log(WANTED)
    memory, input_gib = np.exp(mib + growth * at) / 1024, 2 * WANTED * width * 4 / 2**30
    longest = points[-1]["seconds"] * (WANTED / points[-1]["n"]) ** 2 / 3600
    return (
        f"Fitted: time grows with n^{power:.2f}, memory with n^{growth:.2f}. Extrapolated, not measured: {WANTED:,} x "
        f"{WANTED:,} takes {memory:.1f} GiB beyond {input_gib:.1f} GiB of vectors, and {longest:.1f} hours if time "
        "grows with n² from the last point on."
    )


def _in_a_process(size: int, width: int) -> dict[str, Any]:
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks.mining_memory", str(size), str(width)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    point: dict[str, Any] = json.loads(found.stdout)
    return point


def point(size: int, width: int) -> dict[str, Any]:
    """Mine once in this process, which must not have held more before."""
    import numpy as np

    from xstilts_eval.metrics.mining import mine

    random = np.random.default_rng(1)
    source = random.standard_normal((size, width), dtype=np.float32)
    planted = random.permutation(size)
    target = source[planted]
    target += np.float32(0.5) * random.standard_normal((size, width), dtype=np.float32)
    mine(source[:100], target[:100])  # libraries allocate their buffers at first use
    with suppress(OSError):  # forget the peak of making the vectors; else it counts as ours
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _memory("VmRSS")
    begin = time.perf_counter()
    mined = mine(source, target)
    seconds = time.perf_counter() - begin
    return {
        "n": size,
        "width": width,
        "input_mib": round(2 * source.nbytes / 2**20, 1),
        "mib": round((_memory("VmHWM") - before) / 1024, 1),
        "seconds": round(seconds, 2),
        "pairs": len(mined.score),
        "planted": int((planted[mined.target] == mined.source).sum()),
    }


def _memory(field: str) -> int:
    """Resident memory of this process in KiB: ``VmRSS`` now, ``VmHWM`` at most so far (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    print(json.dumps(point(int(sys.argv[1]), int(sys.argv[2]))))
