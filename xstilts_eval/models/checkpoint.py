"""What a checkpoint is and which families it can serve, decided before anything heavy is loaded.

`pretrained` may be a bundle (``bundle.json``), a sentence-transformers folder (``modules.json``), a plain Hugging Face
folder with or without a head, or a hub id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts_eval import bundle as bundles
from xstilts_eval.benchmark import Family, Kind
from xstilts_eval.bundle import Bundle, Retrieval
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models import labels
from xstilts_eval.models.sentence_transformers_settings import sentence_transformers_settings
from xstilts_eval.models.source import Source

_LANGUAGE_MODELS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")


def is_language_model(config: Any) -> bool:
    """Whether a configuration names a decoder or an encoder-decoder with its vocabulary head."""
    return any(str(name).endswith(_LANGUAGE_MODELS) for name in config.architectures or [])


_HEADS = {
    Kind.PAIR: ("ForSequenceClassification", "sequence-classification"),
    Kind.TAGGED: ("ForTokenClassification", "token-classification"),
    Kind.QUESTION: ("ForQuestionAnswering", "question-answering"),
}


@dataclass
class Checkpoint:
    """A resolved `pretrained` argument: one encoder and any number of heads."""

    name: str
    encoder: Source | None
    heads: dict[str, Source] = field(default_factory=dict)
    plain_head: Source | None = None
    retrieval: Retrieval | None = None
    label_order: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bundle: Bundle | None = None
    language_model: Source | None = None

    def is_generated(self, family: Family) -> bool:
        """Whether a language model answers `family` with text, no head of its own being there."""
        trained = family.kind not in (Kind.BITEXT, Kind.MINING)
        return trained and self.language_model is not None and family.name not in self.heads

    def fingerprint(self) -> dict[str, Any]:
        """Files and settings of every part, for telling whether a checkpoint at the same path is still the same."""
        parts = {"encoder": self.encoder, "head": self.plain_head, **self.heads}
        files = {name: [source.name, source.revision, source.fingerprint()] for name, source in parts.items() if source}
        retrieval = self.retrieval.model_dump() if self.retrieval else None
        return {"files": files, "retrieval": retrieval, "label_order": self.label_order}

    def head(self, family: Family) -> Source:
        """The model that serves a trained family; raises `UnfitCheckpoint` saying what is missing."""
        found = self.heads.get(family.name) or self.plain_head
        if found is None:
            raise UnfitCheckpoint(f"no head for {family.name}")
        suffix, kind = _HEADS[family.kind]
        architectures = found.config.architectures or []
        if not any(name.endswith(suffix) for name in architectures):
            raise UnfitCheckpoint(
                f"{family.name} needs a {kind} head; the checkpoint is {' '.join(architectures) or '?'}"
            )
        return found

    def check(self, family: Family) -> None:
        """Raise `UnfitCheckpoint` with the reason when this checkpoint cannot serve `family`."""
        if family.kind in (Kind.BITEXT, Kind.MINING):
            if self.encoder is None:
                raise UnfitCheckpoint("the bundle names no encoder for retrieval")
            return
        if self.is_generated(family):
            return
        self.head(family)
        if family.kind is Kind.PAIR:
            labels.class_order(family, self.label_names(family))
        elif family.kind is Kind.TAGGED:
            labels.tag_names(family, self.label_names(family))

    def label_names(self, family: Family) -> list[str]:
        """The label names of the family's head by class index.

        A label order given by the user is for heads with as many classes whose own names say nothing; one in a bundle
        is part of its head.
        """
        names = labels.ordered_names(self.head(family).config.id2label, self.label_order.get(family.name))
        given = self.label_order.get("")
        if given and len(given) == len(names) and all(re.fullmatch(r"LABEL_\d+", name) for name in names):
            return labels.ordered_names(dict(enumerate(names)), given)
        return names


def resolve(
    pretrained: str,
    revision: str | None = None,
    heads: dict[str, str] | None = None,
    label_order: str | None = None,
) -> Checkpoint:
    """Understand `pretrained` and per-family `heads`; reads small files only.

    Raises `UnfitCheckpoint` when nothing loadable is there or a bundle is malformed.
    """
    source = Source(str(pretrained), revision)
    folder = source.folder
    if folder is not None and (folder / bundles.MANIFEST).is_file():
        checkpoint = _from_bundle(source, folder)
    else:
        retrieval = sentence_transformers_settings(source)
        is_generative = is_language_model(source.config)
        has_head = any("For" in name and not name.endswith("MaskedLM") for name in source.config.architectures or [])
        checkpoint = Checkpoint(
            source.name,
            source,
            plain_head=source if has_head and not is_generative else None,
            retrieval=retrieval,
            language_model=source if is_generative else None,
        )
    for family, name in (heads or {}).items():
        checkpoint.heads[family] = Source(name)
        checkpoint.label_order.pop(family, None)  # it belonged to the head that is replaced
    if label_order:
        checkpoint.label_order[""] = tuple(label_order.split("|"))
    return checkpoint


def _from_bundle(source: Source, folder: Path) -> Checkpoint:
    bundle = bundles.read(folder)
    checkpoint = Checkpoint(source.name, None, retrieval=bundle.retrieval, bundle=bundle)
    if bundle.encoder is not None:
        checkpoint.encoder = _part(folder, bundle.encoder)
        if checkpoint.retrieval is None:
            checkpoint.retrieval = sentence_transformers_settings(checkpoint.encoder)
    for family, head in bundle.heads.items():
        checkpoint.heads[family] = _part(folder, head.path)
        if head.label_order:
            checkpoint.label_order[family] = head.label_order
    return checkpoint


def _part(folder: Path, path: str) -> Source:
    """A sub-folder of the bundle, or a hub id (``owner/name``); never a folder that happens to be where we run."""
    inner = folder / path
    if inner.is_dir():
        return Source(str(inner))
    if path.count("/") != 1:
        raise UnfitCheckpoint(f"{folder}: the bundle names a part {path!r}, and it has no such sub-folder")
    return Source(path, on_hub=True)
