"""What was asked for and could not be scored, as lines: languages of a dataset that lack the same thing share one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xstilts_eval.benchmark import leaf_parts

_MOST = 3
"""Languages of a dataset that are told one by one."""


def lines(skipped: Mapping[str, str]) -> list[str]:
    """A line for every name (a dataset's group, or a task) with its reason.

    Where more than three languages of a dataset have the same reason, but for the language's code in it, they are told
    together, with the reason of the first.
    """
    alike: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, reason in skipped.items():
        group, code = _parts(name)
        same = re.sub(rf"\b{re.escape(code)}\b", "*", reason) if code else reason
        alike.setdefault((group, same), []).append((name, code))
    found = []
    for (group, _), members in alike.items():
        if len(members) > _MOST:
            codes = " ".join(code for _, code in members)
            found.append(f"skipped {group} in {len(members)} languages ({codes}): {skipped[members[0][0]]}")
        else:
            found += [f"skipped {name}: {skipped[name]}" for name, _ in members]
    return found


def _parts(name: str) -> tuple[str, str]:
    """The group and the language of a task; of a group itself no language."""
    if "." not in name:
        return name, ""
    family, code = leaf_parts(name)
    return family.group, code
