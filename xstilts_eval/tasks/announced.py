"""Which tasks the evaluation under way has selected.

A host task never sees the model, and the host runs one request type at a time; but it builds the requests of *all*
selected tasks before it runs the first. Tasks announce themselves while their requests are built; the adapter reads the
list at its first call. An announcement that follows a reading belongs to the next evaluation and starts a new list.
Tasks are held weakly: those of an evaluation that another model answered, and nobody read, vanish with it.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xstilts_eval.benchmark import Family
    from xstilts_eval.tasks.leaf import LeafTask


@dataclass(frozen=True)
class Asked:
    """One task as the host's command names it, before anything of it is loaded."""

    name: str
    family: Family
    num_fewshot: int
    chat_template: bool
    system_instruction: bool = False


@dataclass(frozen=True)
class Selection:
    """One selected leaf as an adapter sees it before any request runs."""

    name: str
    task: LeafTask
    num_fewshot: int
    chat_template: bool
    system_instruction: bool = False

    @property
    def family(self) -> Family:
        return self.task.family


_announced: dict[str, tuple[weakref.ref[LeafTask], int, bool, bool]] = {}
_was_read = False


def announce(task: LeafTask, num_fewshot: int, chat_template: bool, system_instruction: bool = False) -> None:
    """Add a leaf to the evaluation that is being set up."""
    global _was_read
    if _was_read:
        _announced.clear()
        _was_read = False
    _announced[str(task.task_name)] = (weakref.ref(task), num_fewshot, chat_template, system_instruction)


def clear() -> None:
    """Forget every leaf: a new evaluation begins, whether or not anybody read the last one's list."""
    _announced.clear()


def current() -> list[Selection]:
    """All announced leaves in the order the host built them; marks the list as complete."""
    global _was_read
    _was_read = True
    return [
        Selection(name, task, num_fewshot, chat_template, system_instruction)
        for name, (reference, num_fewshot, chat_template, system_instruction) in _announced.items()
        if (task := reference()) is not None
    ]


def names_of(selections: Sequence[Selection | Asked]) -> list[str]:
    """The shortest ``--tasks`` list: a group where all its languages are selected, leaves otherwise."""
    by_family: dict[Family, list[str]] = {}
    for selection in selections:
        by_family.setdefault(selection.family, []).append(selection.name)
    return [
        name
        for family, names in by_family.items()
        for name in ([family.group] if len(names) == len(family.languages) else names)
    ]
