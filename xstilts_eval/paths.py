"""Where the package's own files lie, what it keeps for a user, and how files that it writes name others."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


def _own(name: str, installed: str = "") -> Path:
    """The repository's own file when running from a checkout (an installed copy would go stale).

    `installed` is its place in the package where that is not its name.
    """
    if (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / name).exists():
        return _CHECKOUT / name
    return _PACKAGE / (installed or name)


def tasks_path() -> Path:
    """The folder with the host's task YAMLs."""
    return _own("harness_tasks")


def zoo_path() -> Path:
    """The file with published numbers; the files that it includes lie in ``zoo`` beside it."""
    return _own("model_zoo.yaml", "zoo_data/model_zoo.yaml")


def sample_path() -> Path:
    """The bundled sample, a data folder in the official formats."""
    return _PACKAGE / "sample" / "official"


def recipes_path() -> Path:
    """The folder with the shipped recipes."""
    return _own("recipes")


def cache_folder() -> Path:
    """Where downloads (data, archives, weights) are kept: ``XSTILTS_CACHE``, else ``~/.cache/xstilts-eval``."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("XSTILTS_CACHE") or f"{home}/xstilts-eval").expanduser().absolute()


def checkpoint_name(given: str) -> str:
    """One name for a folder (``squad-seed-1`` of ``runs/squad/seed-1``) or for a hub id (``owner__name``)."""
    path = Path(given).expanduser()
    if not path.is_dir():
        return given.replace("/", "__")
    *_, above, own = ("", *path.absolute().resolve().parts)
    return f"{above}-{own}" if USUAL.fullmatch(own) else own


# ------------------------------------------------------------------------------- what files say of other files

_KEEP: ContextVar[bool] = ContextVar("keep_paths", default=False)
USUAL = re.compile(r"eval.*|seed-\d+|results.*\.json|scores")
"""Names of folders and files of results that say nothing without the folder above them."""


@contextmanager
def keeping_paths(keep: bool = True) -> Iterator[None]:
    """Files that are written inside name others by their absolute paths (``--keep-paths``)."""
    token = _KEEP.set(keep)
    try:
        yield
    finally:
        _KEEP.reset(token)


def named(path: str | Path, folder: Path, always: bool = False) -> str:
    """How a file in `folder` names an absolute `path`: relative to the folder, so that both can be moved together.

    Where the two share no more than the root or the folder of all homes, only the name is left. Anything else (hub
    ids, relative paths) stays, and so does all with ``--keep-paths``, unless `always`.
    """
    text = str(path)
    if (_KEEP.get() and not always) or not os.path.isabs(text):
        return text
    there, here = Path(os.path.abspath(text)), Path(os.path.abspath(folder))
    common = Path(os.path.commonpath([there, here]))
    if common in (Path(common.anchor), Path.home().parent):
        return there.name
    while common != Path.home() and all(map(USUAL.fullmatch, there.relative_to(common).parts)):
        common = common.parent
    up = [".."] * len(here.relative_to(common).parts)
    return "/".join([*up, *there.relative_to(common).parts]) or "."


def located(name: str, folder: Path) -> Path:
    """The path that a file in `folder` means by a `name` of `named`; one that is not there, as seen from here."""
    below = Path(os.path.normpath(folder / name))
    return below if below.exists() else Path(name)


def absolute_in(value: Any) -> set[str]:
    """The strings of plain data that are absolute paths."""
    if isinstance(value, str):
        return {value} if os.path.isabs(value) else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return {path for one in inner for path in absolute_in(one)}


class Names:
    """Names of some absolute paths, as `named`, wherever they stand in the texts of a file in `folder`."""

    def __init__(self, paths: Iterable[str | Path | None], folder: Path, always: bool = False) -> None:
        absolute = {str(path) for path in paths if path and os.path.isabs(path) and Path(path).name}
        names = {path: named(path, folder, always) for path in sorted(absolute, key=len, reverse=True)}
        self._names = {path: name for path, name in names.items() if name != path}

    def in_text(self, text: str) -> str:
        """The text with every path below one of these named relative to the folder."""
        for path, name in self._names.items():
            text = re.sub(rf"(?<![\w./-]){re.escape(path)}(?![\w-])", lambda _, name=name: name, text)  # type: ignore[misc]
        return text

    def in_value(self, value: Any) -> Any:
        """Plain data with this done to every string, keys included."""
        if not self._names:
            return value
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, dict):
            return {self.in_value(key): self.in_value(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.in_value(one) for one in value]
        return value
