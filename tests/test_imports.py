"""Who may import whom: rooms in a row, each may use those before it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "xstilts_eval"
ROOMS = (
    ("", "errors", "writing", "locking", "reading", "validation", "faults", "paths", "processes", "extras", "printing",
     "tables", "paper", "junit", "fingerprints", "hub_errors", "wording", "foreign", "links", "label_reading",
     "languages", "language_codes", "language_distances", "thoughts", "cycles", "heap",
     "waiting"),
    ("figures",),
    ("store",),
    ("metrics",),
    ("data.files", "data.sums", "data.examples", "data.texts", "data.readers", "data.conllu", "data.ranking",
     "data.intermediate_readers", "data.dual_encoder_readers", "data.converters", "data.sentences",
     "data.columns"),
    ("kinds",),
    ("datasets",),
    ("suites", "selection", "own_datasets", "benchmark", "flores_groups", "training_tasks", "bundle"),
    ("data", "sample"),
    ("tasks",),
    ("models", "weights"),
    ("results",),
    ("evaluation", "hub_push"),
    ("zoo", "training", "translation", "checklist", "quickstart"),
    ("analysis.stats", "analysis.features", "analysis.observations", "analysis.published", "analysis.parallel",
     "analysis.figures", "analysis.text", "analysis.publish"),
    ("analysis", "report"),
    ("study",),
    ("commands.adding", "commands.options", "commands.including", "commands.keeping", "commands.loudness",
     "commands.paper", "commands.analyze.options"),
    ("commands",),
    ("api", "cli", "startup", "training.__main__", "__main__"),
)  # fmt: skip
"""Rooms by name below the package; the longest name that a module begins with says where it stands."""
ALONE = ("analysis", "commands", "kinds")
"""Rooms whose modules, or folders, stand for one question, command or kind each, and know no other of their room."""
OUTSIDE = {"typer": ("commands", "cli")}
"""Libraries that only these rooms import."""
FACE = {("", "api"), ("", "datasets"), ("", "datasets._dataset"), ("datasets", "api")}
"""The public API: names of the package itself, and the register that `xs.datasets()` is, are looked up in `api`."""


def modules() -> dict[str, Path]:
    found = {}
    for path in ROOT.rglob("*.py"):
        if "official" not in path.parts:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix("__init__").removesuffix(".")] = path
    return found


def room(module: str) -> int:
    name = module
    while True:
        for number, names in enumerate(ROOMS):
            if name in names:
                return number
        if "." not in name:
            break
        name = name.rpartition(".")[0]
    pytest.fail(f"{module} stands in no room; add it to ROOMS")


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of the package that one imports, inside functions too; what is for the type checker alone is left out."""
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            nodes += node.orelse
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "xstilts_eval":
            inside = (node.module or "").removeprefix("xstilts_eval").removeprefix(".")
            for alias in node.names:
                inner = f"{inside}.{alias.name}".removeprefix(".")
                yield inner if inner in known else inside


@functools.cache
def graph() -> dict[str, frozenset[str]]:
    known = modules()
    return {module: frozenset(imports(path, known)) & known.keys() for module, path in known.items()}


def edges() -> list[tuple[str, str]]:
    """(importer, imported), but for what the public API looks up late."""
    return [(one, other) for one, found in graph().items() for other in found if (one, other) not in FACE]


def test_imports_go_one_way() -> None:
    assert {(one, other) for one, other in edges() if room(other) > room(one)} == set()


def alone(module: str) -> str | None:
    """The question, command or kind that a module belongs to; None where it is of another room, or shared."""
    top, _, inner = module.partition(".")
    if top not in ALONE or not inner or inner.startswith("_") or room(module) != room(top):
        return None
    return f"{top}.{inner.partition('.')[0]}" if top == "analysis" else module


def test_questions_commands_and_kinds_do_not_know_each_other() -> None:
    pairs = {(one, other) for one, other in edges() if one.partition(".")[0] == other.partition(".")[0]}
    known = {
        (one, other) for one, other in pairs if None not in (alone(one), alone(other)) and alone(one) != alone(other)
    }
    assert {(one, other) for one, other in known if not other.startswith(f"{one}.")} == set()  # a folder names its own
    assert len({alone(module) for module in graph()}) > 40


def test_some_libraries_stay_in_their_room() -> None:
    for library, rooms in OUTSIDE.items():
        users = {name for name, path in modules().items() if f"import {library}\n" in path.read_text(encoding="utf-8")}
        assert users and {name.partition(".")[0] for name in users} <= set(rooms)


def test_no_circle_of_imports() -> None:
    """Inside functions too: a module that is imported late because of a circle stands in the wrong place."""
    done: set[str] = set()
    every: dict[str, list[str]] = {}
    for one, other in sorted(edges()):
        every.setdefault(one, []).append(other)

    def walk(module: str, above: tuple[str, ...]) -> None:
        if module in above:
            pytest.fail("a circle: " + " → ".join((*above[above.index(module) :], module)))
        if module not in done:
            for found in every.get(module, ()):
                walk(found, (*above, module))
            done.add(module)

    for module in sorted(every):
        walk(module, ())


def test_no_module_is_imported_by_a_string() -> None:
    users = [name for name, path in modules().items() if "import_module(" in path.read_text(encoding="utf-8")]
    assert not users


def test_the_tables_of_the_page_are_fresh() -> None:
    from tests import module_table

    text = module_table.PAGE.read_text(encoding="utf-8")
    assert text == module_table.page(text), "run make modules"
    assert "| `kinds/choice.py` |" in text and text.count("made by `make modules`") == 2
