"""What the startup bridge adds to a Python start.

    python benchmarks/bridge_start.py [pairs]

Makes two empty virtual environments that differ in the bridge's files only and starts their interpreters in turn, in
random order within each pair, so that a slow moment of the machine falls on both. Prints the medians, the median
difference of a pair with its 95 % interval (order statistics), and the median ratio.
"""

from __future__ import annotations

import compileall
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

STARTUP = Path(__file__).resolve().parents[1] / "xstilts_eval" / "startup"
WARM_UP = 5
"""Pairs not counted: they fill the file cache."""


def environment(folder: Path, bridge: bool) -> Path:
    """The interpreter of a new environment, with or without the bridge's files."""
    venv.create(folder, symlinks=True)
    if bridge:
        (site,) = folder.glob("lib/python*/site-packages")
        for path in STARTUP.glob("xstilts_eval_bridge.*"):
            shutil.copy(path, site)
        compileall.compile_dir(site, quiet=1)  # as pip does; uncompiled, the module costs 2 ms more
    return folder / "bin" / "python"


def start(interpreter: Path) -> float:
    """Milliseconds from launching an interpreter that does nothing to its end."""
    begin = time.perf_counter()
    subprocess.run([interpreter, "-c", "pass"], check=True)
    return 1000 * (time.perf_counter() - begin)


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    generator = random.Random(1)
    with tempfile.TemporaryDirectory() as scratch:
        interpreters = [environment(Path(scratch, name), name == "with") for name in ("without", "with")]
        times: list[list[float]] = [[], []]
        for _ in range(pairs + WARM_UP):
            for which in generator.sample((0, 1), 2):
                times[which].append(start(interpreters[which]))
    without, with_bridge = (values[WARM_UP:] for values in times)
    differences = sorted(after - before for before, after in zip(without, with_bridge, strict=True))
    reach = round(0.98 * pairs**0.5)
    low, high = differences[max(0, pairs // 2 - reach)], differences[min(pairs - 1, pairs // 2 + reach)]
    ratio = statistics.median(after / before for before, after in zip(without, with_bridge, strict=True))
    print(f"{pairs} pairs: {statistics.median(without):.2f} ms without, {statistics.median(with_bridge):.2f} ms with")
    print(
        f"the bridge adds {statistics.median(differences):.2f} ms "
        f"(95 % interval {low:.2f} to {high:.2f}), ratio {ratio:.3f}"
    )


if __name__ == "__main__":
    main()
