"""Groups of FLORES-200's languages: by benchmark, script, family and resource level.

The two groups by benchmark are a partition, so that the pattern ``flores200_*`` reaches every leaf once: the host
refuses a call that reaches a leaf through two groups. All others overlap with them, have a hyphen where those have an
underscore, and are run one at a time.
"""

from __future__ import annotations

import re
from functools import cache

from xstilts_eval.benchmark import FLORES, SUITES
from xstilts_eval.language_codes import FloresLanguage, flores_languages


@cache
def language_groups() -> dict[str, tuple[str, ...]]:
    """FLORES-200 codes by group name, English left out: the other side of every leaf.

    ``flores200_xtreme`` (languages of XTREME and XTREME-R) and ``flores200_other``; ``flores200-script-cyrl``;
    ``flores200-family-indo-european``; ``flores200-resource-0`` to ``-5`` (classes of Joshi et al. 2020).
    """
    groups: dict[str, list[str]] = {}
    for code in SUITES[FLORES].families[0].languages:
        for name in _names(flores_languages()[code]):
            groups.setdefault(name, []).append(code)
    return {name: tuple(codes) for name, codes in sorted(groups.items())}


def _names(row: FloresLanguage) -> list[str]:
    names = [f"{FLORES}_{'xtreme' if row.xtreme else 'other'}", f"{FLORES}-script-{row.script.lower()}"]
    if row.family:
        family = row.family.removesuffix(" (isolate)").lower()
        names.append(f"{FLORES}-family-{re.sub('[^a-z]+', '-', family)}")
    if row.resource_class:
        names.append(f"{FLORES}-resource-{row.resource_class}")
    return names
