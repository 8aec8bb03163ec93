"""Which leaves the evaluation under way has selected.

A host task never sees the model, and the host runs one request type at a time; but it builds the requests of *all*
selected tasks before it runs the first. Tasks announce themselves while their requests are built; the adapter reads the
list at its first call. An announcement that follows a reading belongs to the next evaluation and starts a new list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xstilts_eval.tasks.leaf import Selection

_selections: dict[str, Selection] = {}
_was_read = False


def announce(selection: Selection) -> None:
    """Add a leaf to the evaluation that is being set up."""
    global _was_read
    if _was_read:
        _selections.clear()
        _was_read = False
    _selections[selection.name] = selection


def current() -> list[Selection]:
    """All announced leaves in the order the host built them; marks the list as complete."""
    global _was_read
    _was_read = True
    return list(_selections.values())
