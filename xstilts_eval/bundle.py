"""A bundle: one folder that serves one or more task families, described by ``bundle.json``.

The trainer writes bundles, the adapter loads them; nothing else connects the two. Heads are sub-folders that any
Hugging Face loader can open, or hub ids; weights are safetensors only. The manifest keeps a sha256 of every file of
every sub-folder, and `verify` says which part is no longer what was written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from xstilts_eval import fingerprints, links, reading
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.errors import SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.label_reading import split_order
from xstilts_eval.validation import complaint
from xstilts_eval.writing import folder_beside, move_into_place, write_atomically

MANIFEST = "bundle.json"


_LONGEST_PATH = 200
"""Bytes of a part's path; file systems end at 255 a name."""


def head_families() -> tuple[str, ...]:
    """Families that a head can serve; of LAReQA and Mewsli-X that is an encoder trained for them."""
    return tuple(dict.fromkeys(family.name for family in FAMILIES.values() if family.kind.learns))


def labelled_families() -> tuple[str, ...]:
    """Families whose heads have classes with names."""
    return tuple(dict.fromkeys(family.name for family in FAMILIES.values() if family.labels and family.kind.learns))


def tagged() -> tuple[str, ...]:
    """Families whose heads give every word a tag."""
    return tuple(dict.fromkeys(family.name for family in FAMILIES.values() if family.kind.by_word))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _inside(path: str) -> str:
    if not path or path.startswith(("/", "~")) or "\\" in path or {"..", "."} & set(path.split("/")):
        raise ValueError(f"path {path!r} must be a sub-folder of the bundle or a hub id")
    if len(path.encode(errors="replace")) > _LONGEST_PATH or "\0" in path:
        raise ValueError(f"path {path!r} cannot be a folder's")
    return path


class Module(_Strict):
    """A step of a sentence-transformers encoder after pooling; `path` is a Dense layer's sub-folder of the encoder."""

    kind: Literal["dense", "normalize"]
    path: str | None = None

    _is_inside = field_validator("path")(lambda path: _inside(path) if path else path)


class Retrieval(_Strict):
    """How sentences become unit vectors: hidden state of block `layer` (1 = first, None = last), pooled.

    ``pooler`` is the model's own layer on the first token (dense, tanh), as dual encoders are trained with.
    `prompt` is put before every sentence of both sides, `lower_case` lower-cases first, `modules` follow the pooling.
    """

    layer: int | None = Field(default=None, ge=1)
    pooling: Literal["mean", "cls", "max", "mean_sqrt_len", "pooler"] = "mean"
    max_length: int | None = Field(default=None, ge=2)
    prompt: str = ""
    lower_case: bool = False
    modules: tuple[Module, ...] = ()

    def described(self) -> dict[str, object]:
        """What a results file records: `layer`, `pooling`, `max_length`, and the others where they are set."""
        always = self.model_dump(include={"layer", "pooling", "max_length"})
        return always | self.model_dump(exclude_defaults=True, exclude_none=True)


class Head(_Strict):
    """A checkpoint with a head: sub-folder of the bundle, or hub id at a revision.

    `label_order` names its classes where its own configuration does not; `first_piece` is the piece of a word that a
    tagger was trained on (`models.tagging.FirstPiece`).
    """

    path: str
    revision: str | None = None
    label_order: tuple[str, ...] | None = None
    first_piece: Literal["any", "text"] = "any"

    _path_inside = field_validator("path")(_inside)


class TrainedHead(_Strict):
    """A head by the training task it learned (``hellaswag``), for the stages that go on from it.

    `head` names what it answers (``choice``); tasks of the same `head` and `labels` may take it over. `first_piece` is
    that of `Head`.
    """

    path: str
    head: str
    labels: tuple[str, ...] = ()
    first_piece: Literal["any", "text"] = "any"

    _path_inside = field_validator("path")(_inside)


class Bundle(_Strict):
    """Content of ``bundle.json``; `heads` maps a task family (``udpos``) to its head, `encoder` serves retrieval.

    `trained` maps a training task to its head, also where that serves no family. `language_model` is a decoder or an
    encoder-decoder: it answers every family that has no head with text, and embeds sentences itself.

    `languages` maps a sub-folder to the languages of all labelled data it was trained on since the base; masked text
    does not count.

    `sha256` maps each sub-folder to its files and their hashes; bundles written before it existed have none.
    """

    format: Literal[1] = 1
    encoder: str | None = None
    encoder_revision: str | None = None
    heads: dict[str, Head] = {}
    trained: dict[str, TrainedHead] = {}
    language_model: str | None = None
    language_model_revision: str | None = None
    retrieval: Retrieval | None = None
    parent: str | None = None
    recipe: str | None = None
    seed: int | None = None
    data_revisions: dict[str, str] = {}
    languages: dict[str, tuple[str, ...]] = {}
    versions: dict[str, str] = {}
    sha256: dict[str, dict[str, str]] = {}

    _parts_inside = field_validator("encoder", "language_model")(lambda path: _inside(path) if path else path)

    @field_validator("heads")
    @classmethod
    def _known_families(cls, heads: dict[str, Head]) -> dict[str, Head]:
        for name in heads:
            if name not in head_families():
                raise ValueError(
                    f"no dataset {name!r} with a head; known: {', '.join(head_families())} (a dataset of a file of "
                    "your own is known with --include FILE)"
                )
        return heads

    @model_validator(mode="after")
    def _one_embeds(self) -> Bundle:
        if self.language_model and self.encoder not in (None, self.language_model):
            raise ValueError(
                f"the language model {self.language_model!r} embeds sentences itself; leave the encoder "
                f"{self.encoder!r} out"
            )
        return self

    @property
    def paths(self) -> list[str]:
        """Distinct sub-folders and hub ids, the encoder first."""
        named = [self.encoder, self.language_model]
        heads = [*(head.path for head in self.heads.values()), *(head.path for head in self.trained.values())]
        return list(dict.fromkeys(path for path in (*named, *heads) if path))


def read(folder: Path) -> Bundle:
    """Read and validate ``bundle.json``; raises `UnfitCheckpoint` naming file and field, or a link that leads out."""
    path = folder / MANIFEST
    links.refuse_outside(folder)
    try:
        return Bundle.model_validate(reading.read_json(path, "the manifest of a bundle", UnfitCheckpoint, once=True))
    except FileNotFoundError as error:
        if not folder.is_dir():
            raise
        raise UnfitCheckpoint(f"{folder} is not a bundle: it has no {MANIFEST}") from error
    except ValidationError as error:
        raise UnfitCheckpoint(f"{path}: {complaint(error, 'the file')}") from error


def write(bundle: Bundle, folder: Path) -> None:
    """Write ``bundle.json`` atomically into `folder`, with the hashes of the sub-folders that are there."""
    hashes = {path: fingerprints.file_hashes(folder / path) for path in bundle.paths if (folder / path).is_dir()}
    content = bundle.model_copy(update={"sha256": hashes}).model_dump(mode="json")
    for name in ("sha256", "languages", "trained", "language_model", "language_model_revision"):
        if not content[name]:
            del content[name]
    for head in [*content["heads"].values(), *content.get("trained", {}).values()]:
        if head["first_piece"] == "any":  # said by nothing before there was a choice
            del head["first_piece"]
    write_atomically(folder / MANIFEST, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def verify(bundle: Bundle, folder: Path, path: str) -> None:
    """Raise `UnfitCheckpoint` when a file of the part at `path` is missing, new or not what was written.

    Parts without recorded hashes (hub ids, old bundles) pass.
    """
    expected = bundle.sha256.get(path)
    if expected is None:
        return
    found = fingerprints.part_files(folder / path)
    advice = "copy the bundle again, or write it anew if the change was meant (xstilts bundle make)"
    for name, digest in expected.items():
        if name not in found:
            raise UnfitCheckpoint(f"{folder}: part {path} lacks its file {name} (sha256 {digest}); {advice}")
        actual = fingerprints.file_sha256(found[name])
        if actual != digest:
            raise UnfitCheckpoint(
                f"{folder}: part {path} has changed: {name} has sha256 {actual}, {MANIFEST} says {digest}; {advice}"
            )
    for name in found:
        if name not in expected:
            raise UnfitCheckpoint(f"{folder}: part {path} has a file {name} that {MANIFEST} does not know; {advice}")


def make(
    output: Path,
    encoder: str | None,
    heads: Mapping[str, str],
    label_orders: Mapping[str, str] | None = None,
    overwrite: bool = False,
    check: Callable[[str, Path, tuple[str, ...]], None] | None = None,
    first_pieces: Mapping[str, str] | None = None,
) -> Bundle:
    """Write a bundle from existing checkpoints: folders are copied, hub ids (``owner/name@revision``) referred to.

    `heads` maps a family to its checkpoint, `label_orders` to the names of its classes (``a|b|c``), `first_pieces` to
    the piece of a word that a tagger was trained on; `check` is shown family, folder and order of each and may refuse
    it. Raises `SettingError` for an occupied `output`, for an order without its head and another piece, `UnknownName`
    for a family without heads, `UnfitCheckpoint` for a folder without safetensors weights.
    """
    orders = {family: split_order(order) for family, order in (label_orders or {}).items()}
    for family in orders:
        if family not in heads or not find_family(family).labels:
            raise SettingError(f"a label order for {family}, but no head of it that has labels; give its head, too")
    if output.exists() and not (overwrite and (output / MANIFEST).is_file()):
        raise SettingError(f"{output} exists; give another folder" + ("" if overwrite else " or --overwrite a bundle"))
    for family in heads:
        if family not in head_families():
            raise UnknownName.of("dataset with a head", family, head_families())
    with folder_beside(output) as new:
        write(_assemble(new, encoder, heads, orders, check, first_pieces or {}), new)
        move_into_place(new, output)
    return read(output)


def _assemble(
    scratch: Path,
    encoder: str | None,
    heads: Mapping[str, str],
    orders: Mapping[str, tuple[str, ...]],
    check: Callable[[str, Path, tuple[str, ...]], None] | None,
    first_pieces: Mapping[str, str],
) -> Bundle:
    for family, piece in first_pieces.items():
        if piece not in ("any", "text") or not find_family(family).kind.by_word:
            raise SettingError(f"--first-piece {family}={piece}; taggers (of {', '.join(tagged())}) have any or text")
    copied: dict[str, tuple[str, str | None]] = {}
    wanted = [("encoder", encoder)] if encoder else []
    for name, source in [*wanted, *heads.items()]:
        if source not in copied:
            copied[source] = _take(source, scratch, name)
    made = {}
    for family, source in heads.items():
        path, revision = copied[source]
        folder = Path(source).expanduser()
        if check and family in orders and folder.is_dir():
            check(family, folder, orders[family])
        rule: Any = first_pieces.get(family, "any")
        made[family] = Head(path=path, revision=revision, label_order=orders.get(family), first_piece=rule)
    if encoder is None:
        return Bundle(heads=made)
    path, revision = copied[encoder]
    return Bundle(encoder=path, encoder_revision=revision, heads=made)


def _take(source: str, scratch: Path, name: str) -> tuple[str, str | None]:
    """Copy a folder to ``scratch/name``, or split a hub id; returns path and revision."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        hub_id, _, revision = source.partition("@")
        if hub_id.count("/") != 1 or hub_id.startswith((".", "/")):
            raise UnfitCheckpoint(f"{source!r} is neither a folder nor a hub id (owner/name@revision)")
        return hub_id, revision or None
    links.refuse_outside(folder)
    files = fingerprints.part_files(folder)
    if "adapter_config.json" in files and "config.json" not in files:
        raise UnfitCheckpoint(
            f"{folder} is a PEFT adapter without the model it belongs to; a bundle holds whole models: merge it "
            "(peft's merge_and_unload, then save_pretrained)"
        )
    if "config.json" not in files or not any(file.endswith(".safetensors") for file in files):
        raise UnfitCheckpoint(f"{folder} is no checkpoint: it needs config.json and safetensors weights")
    fingerprints.copy_part(folder, scratch / name)
    return name, None
