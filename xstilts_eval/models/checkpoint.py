"""What a checkpoint is and which families it can serve, decided before anything heavy is loaded.

`pretrained` may be a bundle (``bundle.json``), a sentence-transformers folder (``modules.json``), a plain Hugging Face
folder with or without a head, or a hub id.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from xstilts_eval import bundle as bundles
from xstilts_eval.benchmark import Family, Kind
from xstilts_eval.bundle import Bundle, Retrieval
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models import labels

_HEADS = {
    Kind.PAIR: ("ForSequenceClassification", "sequence-classification"),
    Kind.TAGGED: ("ForTokenClassification", "token-classification"),
    Kind.QUESTION: ("ForQuestionAnswering", "question-answering"),
}


@dataclass(frozen=True)
class Source:
    """One loadable model: a local folder or a hub id at a revision."""

    name: str
    revision: str | None = None

    @property
    def folder(self) -> Path | None:
        path = Path(self.name).expanduser()
        return path if path.is_dir() else None

    @cached_property
    def config(self) -> Any:
        """The Hugging Face configuration; raises `UnfitCheckpoint` when there is none."""
        from transformers import AutoConfig

        try:
            return AutoConfig.from_pretrained(self.name, revision=self.revision)
        except (OSError, ValueError, KeyError) as error:
            raise UnfitCheckpoint(self._why_unreadable(error)) from error

    def _why_unreadable(self, error: Exception) -> str:
        if self.folder is not None:
            return f"{self.name}: cannot read a model configuration there ({_first_line(error)})"
        return (
            f"{self.name!r} is neither a local folder nor a hub checkpoint that can be reached from here "
            f"({_first_line(error)}); give the path of a folder with config.json and model.safetensors"
        )

    def load(self, auto_class: Any, new_weights: bool = False, **options: Any) -> Any:
        """Load weights (safetensors only, no remote code); raises `UnfitCheckpoint`.

        Unless `new_weights` are wanted (training a head), a weight that the checkpoint lacks is an error, not random.
        """
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        try:
            model, info = auto_class.from_pretrained(
                self.name,
                revision=self.revision,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                **options,
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise UnfitCheckpoint(
                f"{self.name}: cannot load safetensors weights ({_first_line(error)}); pickled weights are not read, "
                "convert them with save_pretrained"
            ) from error
        missing = sorted(key for key in info["missing_keys"] if "pooler" not in key)
        if missing and not new_weights:
            raise UnfitCheckpoint(f"{self.name}: the checkpoint lacks weights: {', '.join(missing[:5])}")
        return model

    def tokenizer(self) -> Any:
        """The fast tokenizer; raises `UnfitCheckpoint` without one (offsets and speed need it)."""
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self.name, revision=self.revision, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            raise UnfitCheckpoint(f"{self.name}: cannot load a tokenizer ({_first_line(error)})") from error
        if not tokenizer.is_fast:
            raise UnfitCheckpoint(f"{self.name}: needs a fast tokenizer (tokenizer.json)")
        return tokenizer

    @cached_property
    def identity(self) -> str:
        """What a signature shows: a hash of a local folder's files, or hub id and commit."""
        if self.folder is not None:
            return self._sha256(self.folder)
        return f"{self.name}@{getattr(self.config, '_commit_hash', None) or self.revision or 'unknown'}"

    def fingerprint(self) -> list[tuple[str, int, int]]:
        """Name, size and time of every file of a local folder: cheap to compare, changes when a file does."""
        if self.folder is None:
            return []
        stats = [(path.name, path.stat()) for path in sorted(self.folder.glob("*")) if path.is_file()]
        return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]

    @staticmethod
    def _sha256(folder: Path) -> str:
        """First 12 hex digits of a sha256 over configuration, tokenizer and weight files."""
        digest = hashlib.sha256()
        for path in sorted(folder.glob("*")):
            if path.suffix == ".safetensors" or path.name in ("config.json", "tokenizer.json", "vocab.txt"):
                digest.update(path.name.encode())
                with path.open("rb") as file:
                    while block := file.read(1 << 22):
                        digest.update(block)
        return digest.hexdigest()[:12]


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

    def fingerprint(self) -> dict[str, Any]:
        """Files of every part, for telling whether a checkpoint at the same path is still the same."""
        parts = {"encoder": self.encoder, "head": self.plain_head, **self.heads}
        return {name: [source.name, source.revision, source.fingerprint()] for name, source in parts.items() if source}

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
        self.head(family)
        if family.kind is Kind.PAIR:
            labels.class_order(family, self.label_names(family))
        elif family.kind is Kind.TAGGED:
            labels.tag_names(family, self.label_names(family))

    def label_names(self, family: Family) -> list[str]:
        """The label names of the family's head by class index."""
        order = self.label_order.get(family.name) or self.label_order.get("")
        return labels.ordered_names(self.head(family).config.id2label, order)


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
        retrieval = _sentence_transformers(folder) if folder is not None else None
        has_head = any("For" in name and not name.endswith("MaskedLM") for name in source.config.architectures or [])
        checkpoint = Checkpoint(source.name, source, plain_head=source if has_head else None, retrieval=retrieval)
    for family, name in (heads or {}).items():
        checkpoint.heads[family] = Source(name)
    if label_order:
        checkpoint.label_order[""] = tuple(label_order.split("|"))
    return checkpoint


def _from_bundle(source: Source, folder: Path) -> Checkpoint:
    bundle = bundles.read(folder)
    checkpoint = Checkpoint(source.name, None, retrieval=bundle.retrieval, bundle=bundle)
    if bundle.encoder is not None:
        checkpoint.encoder = _part(folder, bundle.encoder)
        inner = checkpoint.encoder.folder
        if checkpoint.retrieval is None and inner is not None:
            checkpoint.retrieval = _sentence_transformers(inner)
    for family, head in bundle.heads.items():
        checkpoint.heads[family] = _part(folder, head.path)
        if head.label_order:
            checkpoint.label_order[family] = head.label_order
    return checkpoint


def _part(folder: Path, path: str) -> Source:
    """A sub-folder of the bundle when there is one, else a hub id."""
    inner = folder / path
    return Source(str(inner)) if inner.is_dir() else Source(path)


def _sentence_transformers(folder: Path) -> Retrieval | None:
    """Pooling and length of a sentence-transformers folder; None for any other folder."""
    modules_file = folder / "modules.json"
    if not modules_file.is_file():
        return None
    try:
        modules = json.loads(modules_file.read_text(encoding="utf-8"))
        kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
        unknown = set(kinds) - {"Transformer", "Pooling", "Normalize"}
        if unknown:
            raise UnfitCheckpoint(f"{folder}: sentence-transformers module {sorted(unknown)[0]} is not supported")
        inner = folder / next(module["path"] for module in modules if module["type"].endswith("Pooling"))
        settings = json.loads((inner / "config.json").read_text(encoding="utf-8"))
        limits = folder / "sentence_bert_config.json"
        length = json.loads(limits.read_text(encoding="utf-8")).get("max_seq_length") if limits.is_file() else None
    except (StopIteration, KeyError, OSError, json.JSONDecodeError) as error:
        raise UnfitCheckpoint(f"{folder}: cannot read its sentence-transformers settings ({error!r})") from error
    return Retrieval(layer=None, pooling=_pooling(folder, settings), max_length=length)


def _pooling(folder: Path, settings: dict[str, Any]) -> Any:
    modes = {
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_cls_token": "cls",
        "pooling_mode_max_tokens": "max",
    }
    chosen = [key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True]
    named = settings.get("pooling_mode")
    if named in modes.values() and not chosen:
        return named
    if len(chosen) != 1 or chosen[0] not in modes:
        raise UnfitCheckpoint(
            f"{folder}: pooling {', '.join(chosen) or 'none'} is not supported; allowed: mean, cls, max"
        )
    return modes[chosen[0]]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
