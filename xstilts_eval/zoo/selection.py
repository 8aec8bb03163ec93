"""Published numbers of the tasks that a user chose."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from xstilts_eval import selection
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import SettingError
from xstilts_eval.zoo.manifest import AVERAGE, Record

NO_TASK = "none"
"""What the zoo writes for the task of a number that no task of ours can be compared with."""


def of_names(records: Iterable[Record], names: Sequence[str], whose: str) -> list[Record]:
    """Records of the tasks that ``-t`` names, ``none`` among them: those of no task of ours; no name: all records.

    Raises `UnknownName` for a name that is nobody's, `SettingError` where nothing is left of what `whose` it is.
    """
    every = list(records)
    if not names:
        return every
    patterns = [name for name in names if name != NO_TASK]
    kept = selected(every, selection.leaves(patterns) or ())
    kept += [row for row in every if row.family == NO_TASK and NO_TASK in names]
    if not kept:
        there = ", ".join(dict.fromkeys(row.family for row in every))
        raise SettingError(f"{whose} has no number of {', '.join(names)}; there is: {there}")
    return kept


def selected(records: Iterable[Record], only: Collection[str] | None) -> list[Record]:
    """Records of these leaves (None: all records); an average belongs to a choice of all its languages."""
    if only is None:
        return list(records)
    return [row for row in records if (leaves := _leaves(row)) and all(leaf in only for leaf in leaves)]


def _leaves(row: Record) -> list[str]:
    """What a record is about, by the names of our leaves; nothing for what we have not."""
    family = FAMILIES.get(row.family)
    if family is None or row.language not in (AVERAGE, *family.languages):
        return []
    return [family.leaf(language) for language in (family.languages if row.language == AVERAGE else [row.language])]
