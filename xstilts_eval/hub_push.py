"""Bundles and results put on the Hugging Face hub: every file in one commit, so that nothing is there by half."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xstilts_eval import bundle, hub_errors
from xstilts_eval.errors import FetchError, MissingData, SettingError
from xstilts_eval.wording import counted

CARD = "README.md"
_RESULTS = ("results.json", "scoreboard.json", "scoreboard.md", "families/*.json")
_SAMPLES = ("samples/*.jsonl",)
_HIDDEN = 12
"""Characters that a token has at least; shorter texts would be found by chance."""


@dataclass(frozen=True)
class Pushable:
    """What goes there: `files` by name in the repository, and whether it is a model or a dataset."""

    folder: Path
    kind: Literal["model", "dataset"]
    files: dict[str, Path]


def look(folder: Path, samples: bool = False) -> Pushable:
    """A bundle's parts and manifest, or the files of a run's results; `samples` too, which hold texts of the datasets.

    Raises `MissingData` for a folder that is neither, `UnfitCheckpoint` for a bundle with missing or changed files.
    """
    if (folder / bundle.MANIFEST).is_file():
        found = bundle.read(folder)
        for part in found.paths:
            bundle.verify(found, folder, part)
        parts = [part for part in found.paths if (folder / part).is_dir()]
        inside = [path for part in parts for path in sorted((folder / part).rglob("*")) if path.is_file()]
        rest = [folder / bundle.MANIFEST, *(path for path in [folder / CARD] if path.is_file())]
        return Pushable(folder, "model", {path.relative_to(folder).as_posix(): path for path in (*rest, *inside)})
    if (folder / "results.json").is_file():
        patterns = (*_RESULTS, *(_SAMPLES if samples else ()), CARD)
        paths = [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]
        return Pushable(folder, "dataset", {path.relative_to(folder).as_posix(): path for path in paths})
    raise MissingData(f"{folder} holds neither a bundle ({bundle.MANIFEST}) nor results (results.json)")


def push(found: Pushable, name: str, is_private: bool, card: str = "") -> str:
    """Put it into the repository `name`, which is made where there is none; returns the address of the commit.

    `card` is the text of the repository's README.md. The token is that of ``HF_TOKEN`` or ``hf auth login``. Raises
    `SettingError` for a file that holds it, `FetchError` where the hub refuses or breaks off: then nothing has changed
    there.
    """
    import huggingface_hub
    from huggingface_hub import CommitOperationAdd

    refuse_token(found.files.values(), card)
    contents: dict[str, bytes | str] = {place: str(path) for place, path in found.files.items()}
    if card:
        contents[CARD] = card.encode()
    api = huggingface_hub.HfApi()
    try:
        is_new = not api.repo_exists(name, repo_type=found.kind)
        if is_new:
            api.create_repo(name, repo_type=found.kind, private=is_private)
        done = api.create_commit(
            name,
            [CommitOperationAdd(path_in_repo=place, path_or_fileobj=content) for place, content in contents.items()],
            commit_message=f"xstilts push: {counted(len(contents), 'file')}",
            repo_type=found.kind,
        )
    except Exception as error:
        sentence = (hub_errors.why(error, name, kind=found.kind) or _said(error)).partition(f"; {hub_errors.RETRY}")[0]
        raise FetchError(f"nothing was put into {name}: {sentence}; call the same command again") from error
    return str(done.commit_url)


def refuse_token(paths: Iterable[Path], card: str) -> None:
    """Raise `SettingError` for a text file that holds the user's token: a slip that publishing would make public."""
    import huggingface_hub

    token = huggingface_hub.get_token() or os.environ.get("HF_TOKEN") or ""
    if len(token) < _HIDDEN:
        return
    for path in paths:
        if path.suffix != ".safetensors" and token.encode() in path.read_bytes():
            raise SettingError(f"{path} holds your token of the hub; take it out")
    if token in card:
        raise SettingError("the model card holds your token of the hub; take it out")


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
