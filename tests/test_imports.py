"""Who may import whom: rooms in a row, each may use those before it. Breaches that are left are listed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "xstilts_eval"
ROOMS = (
    ("", "errors", "writing", "locking", "reading", "validation", "faults", "paths", "processes", "printing", "tables",
     "fingerprints", "hub_errors", "wording", "label_reading", "languages", "language_codes", "language_distances",
     "thoughts"),
    ("metrics",),
    ("data.files", "data.examples", "data.texts", "data.readers", "data.conllu", "data.ranking",
     "data.intermediate_readers", "data.dual_encoder_readers", "data.converters", "data.sentences",
     "data.columns"),
    ("kinds",),
    ("datasets",),
    ("suites", "own_datasets", "benchmark", "flores_groups", "training_tasks", "bundle"),
    ("data", "sample"),
    ("tasks",),
    ("models", "weights"),
    ("results",),
    ("evaluation",),
    ("zoo", "training", "translation", "checklist", "quickstart"),
    ("analysis", "report"),
    ("commands",),
    ("api", "cli", "startup", "training.__main__"),
)  # fmt: skip
"""Rooms by name below the package; a module's own name goes before that of its package."""
FACE = {("", "api"), ("", "datasets"), ("", "datasets._dataset"), ("datasets", "api")}
"""The public API: names of the package itself, and the register that `xs.datasets()` is, are looked up in `api`."""
LEFT = {
    ("results.sides", "zoo.manifest"),
}
"""Breaches there are, (importer, imported); a row goes when it is mended."""


def modules() -> dict[str, Path]:
    found = {}
    for path in ROOT.rglob("*.py"):
        if "official" not in path.parts:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix("__init__").removesuffix(".")] = path
    return found


def room(module: str) -> int:
    for name in (module, module.partition(".")[0]):
        for number, names in enumerate(ROOMS):
            if name in names:
                return number
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


def breaches() -> set[tuple[str, str]]:
    known = modules()
    return {
        (module, imported)
        for module, path in known.items()
        for imported in imports(path, known)
        if room(imported) > room(module) and (module, imported) not in FACE
    }


def test_imports_go_one_way() -> None:
    found = breaches()
    assert not found - LEFT, "imports against the order of the rooms"
    assert not LEFT - found, "mended: take these out of LEFT"


def test_no_module_is_imported_by_a_string() -> None:
    users = [name for name, path in modules().items() if "import_module(" in path.read_text(encoding="utf-8")]
    assert not users
