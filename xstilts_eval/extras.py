"""What is installed only where it is wanted: which packages of an extra are missing, and how they are installed.

The sentence names packages, not the extra: that works for an installation from an index, a repository or a wheel alike.
"""

from __future__ import annotations

import re
from importlib import metadata

from xstilts_eval.errors import SettingError

PACKAGE = "xstilts-eval"


def requirements(extra: str) -> dict[str, str]:
    """The requirements of an extra (``peft>=0.11``) by package, as the installed package declares them."""
    found = {}
    for text in _declared():
        requirement, _, condition = text.partition(";")
        if re.search(rf"extra == ['\"]{re.escape(extra)}['\"]", condition):
            name = re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]
            found[name] = requirement.replace(" ", "")
    return found


def install(extra: str) -> str:
    """The command that brings all of an extra."""
    found = requirements(extra).values() or [f"{PACKAGE}[{extra}]"]
    return "pip install " + " ".join(f"'{requirement}'" for requirement in found)


def missing(extra: str) -> list[str]:
    """Packages of an extra that are not installed."""
    return [name for name in requirements(extra) if not _is_installed(name)]


def need(extra: str, who: str) -> None:
    """Raise `SettingError` where a package of an extra is missing; ``the analyses need`` is a `who`."""
    if lacking := missing(extra):
        raise SettingError(f"{who} {', '.join(lacking)}; {install(extra)}")


def _declared() -> list[str]:
    try:
        return metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:  # run from its sources, without an installation
        return []


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
