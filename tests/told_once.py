"""Counts of what a dataset or a kind should say itself: ``python -m tests.told_once`` lists every place.

A *branch* compares something with the name of a dataset, a suite or a training task, a *table by name* is a dictionary
of such names, both outside of the modules that define them. A *ladder* compares a kind with one of
`xstilts_eval.kinds`, and a *table by kind* is a dictionary, tuple or set of them. *Untyped* are mappings from text to
anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from xstilts_eval import suites, training_tasks

ROOT = Path(__file__).parents[1] / "xstilts_eval"
DEFINING = ("datasets/", "kinds/", "sample/", "suites.py", "training_tasks.py")
"""Where names of datasets, suites and training tasks are given; the rest looks them up."""
UNTYPED = re.compile(r"\b(?:dict|Mapping)\[str, Any\]")
COUNTS = ("branches by name", "tables by name", "ladders by kind", "tables by kind", "untyped mappings")


def names() -> frozenset[str]:
    """Datasets, their groups, suites and training tasks."""
    ours = suites.shipped()
    found = {one.name for one in ours} | {one.group for one in ours} | set(suites.SUITES)
    return frozenset(found | set(training_tasks.TRAINING_TASKS) | set(training_tasks.ALIASES))


def places() -> dict[str, list[str]]:
    """``file:line: code`` of everything that is counted, by what it is."""
    known = names()
    found: dict[str, list[str]] = {what: [] for what in COUNTS}
    for path in sorted(ROOT.rglob("*.py")):
        inside = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for what, number in of_text(text, known, inside.startswith(DEFINING)):
            found[what].append(f"{inside}:{number}: {lines[number - 1].strip()}")
    return found


def of_text(text: str, known: frozenset[str], is_defining: bool) -> Iterator[tuple[str, int]]:
    """What is counted in a module, with its line."""
    for number, line in enumerate(text.splitlines(), start=1):
        for _ in UNTYPED.finditer(line):
            yield "untyped mappings", number
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if not is_defining and any(_names_one(side, known) for side in sides):
                yield "branches by name", node.lineno
            if any(_is_kind(side) for side in sides):
                yield "ladders by kind", node.lineno
        elif isinstance(node, ast.Dict) and len(node.keys) > 0:
            if not is_defining and all(_names_one(key, known) for key in node.keys):
                yield "tables by name", node.lineno
            if all(_is_kind(key) for key in node.keys):
                yield "tables by kind", node.lineno
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and _is_row_of_kinds(node.value):
            yield "tables by kind", node.lineno


def _names_one(node: ast.AST | None, known: frozenset[str]) -> bool:
    """Whether an expression is the name of a dataset, suite or task, or a row of such names."""
    if isinstance(node, (ast.Tuple, ast.Set, ast.List)):
        return bool(node.elts) and all(_names_one(one, known) for one in node.elts)
    return isinstance(node, ast.Constant) and node.value in known


def _is_row_of_kinds(node: ast.AST | None) -> bool:
    return isinstance(node, (ast.Tuple, ast.Set, ast.List)) and bool(node.elts) and all(map(_is_kind, node.elts))


def _is_kind(node: ast.AST | None) -> bool:
    return _is_row_of_kinds(node) or (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "kinds"
        and node.attr.isupper()
        and node.attr != "KINDS"
    )


if __name__ == "__main__":
    for what, listed in places().items():
        print(f"\n{what}: {len(listed)}", *listed, sep="\n  ")
