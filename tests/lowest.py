"""The lowest versions that pyproject.toml allows, as constraints for pip: ``python -m tests.lowest [torch==VERSION]``.

`make test-lowest` runs the default tests with them. Of every requirement of the package and of the extras that it
imports, the lower bound becomes the version; a bound that other bounds contradict is refused by pip. A version of torch
may be given in its place, where the lowest one has no build that is small enough.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from tests.test_dependencies import PROJECT, plain

EXTRAS = ("translate", "train", "figures", "analysis", "sweep")
_BOUND = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?\s*>=\s*([\w.]+)$")


def requirements() -> list[str]:
    """Those whose lowest versions are tested, as pyproject.toml has them."""
    extras = PROJECT["optional-dependencies"]
    return [*PROJECT["dependencies"], *(one for name in EXTRAS for one in extras[name])]


def lowest(wanted: Iterable[str], *instead: str) -> list[str]:
    """``name==version`` of each, those of `instead` in the place of their own; raises `ValueError` for one without."""
    found = {plain(one.partition("==")[0]): one for one in instead}
    for one in wanted:
        bound = _BOUND.fullmatch(one)
        if bound is None:
            raise ValueError(f"{one!r} in pyproject.toml has no lower bound, or more than that; write NAME>=VERSION")
        found.setdefault(plain(bound[1]), f"{bound[1]}=={bound[2]}")
    return sorted(found.values(), key=str.lower)


if __name__ == "__main__":
    print(*lowest(requirements(), *sys.argv[1:]), sep="\n")
