"""The tables of docs/architecture.md, of modules and of who may import whom: ``make modules`` writes them."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.test_imports import ALONE, OUTSIDE, ROOMS, ROOT, modules

PAGE = ROOT.parent / "docs" / "architecture.md"
MODULES = "<!-- made by `make modules` from the modules' docstrings -->\n"
IMPORTS = "<!-- made by `make modules` from tests/test_imports.py -->\n"
END = "<!-- end -->\n"


def table() -> str:
    """A row for every module: the package's own first, then every folder with what is in it."""
    found = {_file(path): _says(path) for name, path in modules().items() if name}
    rows = sorted(found.items(), key=lambda row: ("/" in row[0], row[0]))
    return "\n".join(["| file | does |", "|---|---|", *(f"| `{file}` | {says} |" for file, says in rows)]) + "\n"


def _file(path: Path) -> str:
    """``data/`` for the package itself, ``data/files.py`` for a module of it."""
    return path.relative_to(ROOT).as_posix().removesuffix("__init__.py")


def _says(path: Path) -> str:
    """The first paragraph of a module's docstring, in one line, without its full stop."""
    says = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return says.partition("\n\n")[0].replace("\n", " ").replace("``", "`").replace("|", "\\|").removesuffix(".")


def order() -> str:
    """The rooms in a row, and what holds inside them."""
    rooms = (", ".join(f"`{name}`" for name in names if name) for names in ROOMS)
    alone = ", ".join(f"`{name}`" for name in ALONE)
    outside = [f"Only {' and '.join(f'`{one}`' for one in rooms)} import {name}." for name, rooms in OUTSIDE.items()]
    return "\n".join([
        *(f"{number}. {names}" for number, names in enumerate(rooms, 1)), "",
        f"The modules of {alone} that stand for one question, command or kind do not know each other.", *outside,
    ]) + "\n"  # fmt: skip


def page(text: str) -> str:
    """The page with both tables as they ought to be."""
    for begin, content in ((MODULES, table()), (IMPORTS, order())):
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{content}\n{END}{rest.partition(END)[2]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
