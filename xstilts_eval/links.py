"""Links in a checkpoint's folder that lead out of it: whoever made the folder would choose what else is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xstilts_eval.errors import UnfitCheckpoint


def refuse_outside(folder: Path, root: Path | None = None) -> None:
    """Raise `UnfitCheckpoint` for a link in `folder` or one of its sub-folders whose target lies outside of `root`.

    `root` is the bundle that the folder is a part of, else the folder itself; that it is a link, is its user's doing.
    The hub's cache keeps the files of all commits beside them, and links there: that is inside.
    """
    home = (root or folder).resolve()
    inside = [home, *([home.parent.parent] if home.parent.name == "snapshots" else [])]
    for path in _entries(folder):
        if path.is_symlink() and not any((target := path.resolve()).is_relative_to(one) for one in inside):
            raise UnfitCheckpoint(
                f"{folder}: {path.relative_to(folder)} is a link to {target}, which lies outside; where that file is "
                "meant, put a copy of it in the link's place (cp -rL copies a folder so)"
            )


def _entries(folder: Path) -> Iterator[Path]:
    """Files and folders below, down to the parts of a bundle and their modules; links are not followed."""
    waiting = [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        try:
            entries = sorted(place.iterdir())
        except OSError:  # what loads the folder says why it cannot be read
            continue
        for path in entries:
            yield path
            if depth < _DEPTH and path.is_dir() and not path.is_symlink():
                waiting.append((path, depth + 1))


_DEPTH = 2
"""Of folders that loaders look into: a bundle's ``heads/xnli/1_Dense``."""
