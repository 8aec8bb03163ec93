"""Where the package's own files lie, in a checkout and in an installation alike, and what it keeps for a user."""

import os
from pathlib import Path

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
