"""A fitted head on disk: a new bundle, or a head more in an old one; whole or not at all."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from xstilts_eval import bundle, fingerprints
from xstilts_eval.bundle import Bundle
from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.models.encoder import Loaded
from xstilts_eval.models.source import Source
from xstilts_eval.writing import folder_beside, move_into_place, telling_of_a_full_disk


def check_output(output: Path, overwrite: bool, into: bool) -> None:
    """Raise `SettingError` where a bundle may not be written, or is missing where a head is to be added."""
    is_bundle = (output / bundle.MANIFEST).is_file()
    if into:
        if not is_bundle:
            raise SettingError(f"{output} is not a bundle; --into adds a head to one, --output writes a new one")
    elif output.exists() and not overwrite:
        raise SettingError(f"{output} exists; give another --output or --overwrite")
    elif output.exists() and not is_bundle:  # --overwrite replaces a bundle, nothing else
        raise SettingError(f"{output} exists and is not a bundle; give another --output")


def existing(folder: Path, source: Source) -> Bundle:
    """The manifest of an unchanged bundle that stands on the base `source`; raises `UnfitCheckpoint`."""
    found = bundle.read(folder)
    if found.parent != source.identity:
        raise UnfitCheckpoint(
            f"{folder} stands on base {found.parent}, {source.name} is {source.identity}; give its own base"
        )
    for path in found.paths:
        bundle.verify(found, folder, path)
    return found


def write(output: Path, manifest: Bundle, head: Loaded, base: Source) -> None:
    """Build the bundle beside `output` and move it there whole; an older one goes when the new one is complete.

    `base` is a local folder.
    """
    assert base.folder is not None
    with telling_of_a_full_disk(str(output)), folder_beside(output) as new:
        for path in {part.path for part in manifest.heads.values()}:
            _save(head, base, new / path)
        fingerprints.copy_part(base.folder, new / "encoder")
        bundle.write(manifest, new)
        move_into_place(new, output)


def add(folder: Path, old: Bundle, new: Bundle, head: Loaded, base: Source) -> None:
    """Put the head under a free name, then replace the manifest in one step, then drop heads no longer named."""
    (name,) = {part.path for part in new.heads.values()}
    path = next(free for n in range(1, 1000) if not (folder / (free := name if n == 1 else f"{name}-{n}")).exists())
    heads = old.heads | {family: part.model_copy(update={"path": path}) for family, part in new.heads.items()}
    revisions = {key: value for key, value in old.data_revisions.items() if key.split(".")[0] not in new.heads}
    changes = {
        "heads": heads,
        "encoder": old.encoder,
        "encoder_revision": old.encoder_revision,
        "retrieval": old.retrieval,
        "recipe": _recipes(old, new),
        "seed": old.seed if old.seed == new.seed else None,
        "data_revisions": revisions | new.data_revisions,
    }
    with telling_of_a_full_disk(str(folder)), folder_beside(folder) as scratch:
        _save(head, base, scratch / "head")
        (scratch / "head").rename(folder / path)
        try:
            bundle.write(new.model_copy(update=changes), folder)
        except BaseException:
            shutil.rmtree(folder / path, ignore_errors=True)
            raise
    for unused in {part.path for part in old.heads.values()} - {part.path for part in heads.values()}:
        if (folder / unused).is_dir():
            shutil.rmtree(folder / unused)


def _recipes(old: Bundle, new: Bundle) -> str:
    """The old sentences but for those of heads that are replaced, then the new one."""
    replaced = tuple(f"fit-head {family} " for family in new.heads)
    kept = [part for part in (old.recipe or "").split("; ") if part and not part.startswith(replaced)]
    return "; ".join([*kept, str(new.recipe)])


def _save(head: Loaded, base: Source, folder: Path) -> None:
    from transformers.utils import logging

    from xstilts_eval.training.model import save_head

    logging.disable_progress_bar()  # the Trainer turns it on again
    save_head(head.model, partial(base.write_tokenizer, head.tokenizer), folder)
