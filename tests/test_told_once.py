"""What a dataset, a suite or a kind says stands with it: branches by their names are few, and become fewer only."""

from __future__ import annotations

from tests import told_once

FOUND = told_once.places()
AT_MOST = {
    "branches by name": 1,  # export --format xtreme: the name of a layout of files, not of the suite
    "tables by name": 7,  # published hyper-parameters (five sets) and where a training task's files lie (folder, hub)
    "ladders by kind": 0,
    "tables by kind": 0,
    "untyped mappings": 50,  # what others wrote, before it is checked, and JSON on its way out
}
"""A number goes down with what it counts, never up: give the dataset, the suite or the kind a field."""


def test_counts_do_not_rise() -> None:
    for what, most in AT_MOST.items():
        assert len(FOUND[what]) <= most, "\n".join([f"{what}: {len(FOUND[what])}, at most {most}", *FOUND[what]])


def test_what_is_counted_is_found() -> None:
    """Each of the shapes that are counted, in a text made for it."""
    text = """
def ask(family, kind, found: dict[str, Any]):
    if family.name == "xnli" or family.suite in ("xtreme", "bitext"):
        return kinds.PAIR
    if kind is kinds.TAGGED or kind in (kinds.TEXT, kinds.PAIR):
        return {"mnli": 1, "squad": 2}
    return {kinds.PAIR: 1, kinds.TEXT: 2}
FEW = (kinds.PAIR, kinds.TEXT)
"""
    counted = [what for what, _ in told_once.of_text(text, told_once.names(), False)]
    assert {what: counted.count(what) for what in told_once.COUNTS} == {
        "branches by name": 2, "tables by name": 1, "ladders by kind": 2, "tables by kind": 2, "untyped mappings": 1,
    }  # fmt: skip
