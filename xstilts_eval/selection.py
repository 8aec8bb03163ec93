"""Which tasks a user means by ``-t``: datasets, groups, tasks and globs of them, read alike by every command."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from xstilts_eval.benchmark import FAMILIES, FLORES, SUITES, Family
from xstilts_eval.errors import UnknownName
from xstilts_eval.flores_groups import language_groups


def select(patterns: Sequence[str]) -> dict[Family, list[str]]:
    """Languages by family for names and globs of groups (``xtreme_*``) and leaves (``xtreme.*.sw``).

    A bare name (``xnli``) is the dataset that `suites.dataset` finds: XTREME's before XTREME-R's. Raises `UnknownName`
    with close matches for a pattern that selects nothing.
    """
    names: dict[str, list[tuple[Family, str]]] = {suite.name: [] for suite in SUITES.values() if suite.is_group}
    for family in FAMILIES.values():
        leaves = [(family, language) for language in family.languages]
        names[family.group] = leaves
        if family.suite in names:
            names[family.suite] += leaves
        names |= {family.leaf(language): [(family, language)] for language in family.languages}
    for name, codes in language_groups().items():
        names[name] = [(family, language) for family in SUITES[FLORES].families for language in codes]
    bare = {family.name: family.group for family in reversed(FAMILIES.values())}
    wanted: set[tuple[str, str]] = set()
    for pattern in patterns:
        matches = fnmatch.filter(names, pattern) or [group for name, group in bare.items() if name == pattern]
        if not matches:
            raise UnknownName.of("task", pattern, [*names, *bare])
        wanted |= {(family.group, language) for name in matches for family, language in names[name]}
    return {
        family: languages
        for family in FAMILIES.values()
        if (languages := [language for language in family.languages if (family.group, language) in wanted])
    }


def leaves(patterns: Sequence[str]) -> frozenset[str] | None:
    """The names of the selected tasks (``xtreme.xnli.sw``); None, which means all, where there is no pattern."""
    if not patterns:
        return None
    return frozenset(family.leaf(language) for family, languages in select(patterns).items() for language in languages)
