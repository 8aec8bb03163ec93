"""The lowest versions that pyproject.toml allows, as constraints for pip: ``python -m tests.lowest [torch==VERSION]``.

`make test-lowest` runs the default tests with them. Of every requirement of the package and of the extras that it
imports, the lower bound becomes the version; a bound that other bounds contradict is refused by pip. A version of torch
may be given in its place, where the lowest one has no build that is small enough. The environment has nothing else yet:
the standard library has to do.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found]

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("translate", "train", "figures", "analysis", "sweep")
_BOUND = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?\s*>=\s*([\w.]+)$")


def plain(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


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
