"""One loadable model: a local folder, or a hub id at a revision. Safetensors only, no remote code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xstilts_eval import fingerprints, hub_errors, links, reading
from xstilts_eval.bundle import MANIFEST
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models import hub_cache, products
from xstilts_eval.reading import Json

_LEFT_OVER = ("pooler", "position_ids", "cls.predictions", "cls.seq_relationship", "lm_head", "lm_predictions")
"""Weights that heads do not use and that change nothing: of pretraining, and what old library versions kept."""

_TOKENIZER_FILES = frozenset(
    {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
        *fingerprints.NOTICES,
    }
)
"""What may lie beside the vocabulary files that a tokenizer's class names; licences travel with what they are about."""


@dataclass(frozen=True)
class Source:
    """`name` is a folder or a hub id; `on_hub` says that it may not be a folder."""

    name: str
    revision: str | None = None
    on_hub: bool = False

    @property
    def folder(self) -> Path | None:
        if self.on_hub:
            return None
        try:
            path = Path(self.name).expanduser()
            return path if path.is_dir() else None
        except (RuntimeError, OSError, ValueError):  # "~somebody" without a home, or no name of a file at all
            return None

    def file(self, name: str) -> Path | None:
        """A file of the checkpoint, from the folder or through the hub's cache; None when it has none.

        Raises `UnfitCheckpoint` when the hub gives nothing and the cache does not hold the checkpoint either.
        """
        if self.folder is not None:
            path = self.folder / name
            return path if path.is_file() else None
        from transformers.utils import cached_file

        try:
            self._answers()
            found = cached_file(self.name, name, revision=self.revision, _raise_exceptions_for_missing_entries=False)
        except Exception as error:  # the hub's errors have many roots
            why = hub_errors.why(error, self.name, self.revision, "model")
            if why is None or hub_cache.has_config(self.name, self.revision):
                return None
            raise UnfitCheckpoint(
                f"{self.name!r} is neither a local folder nor a hub checkpoint that can be read: {why}"
            ) from error
        return Path(found) if found else None

    def _answers(self) -> None:
        """One short question to the hub, unless the checkpoint is cached: downloads would try for over a minute."""
        if not hub_cache.has_config(self.name, self.revision):
            hub_cache.ask(self.name, self.revision)

    @cached_property
    def raw_config(self) -> Mapping[str, Json]:
        """Content of ``config.json`` as it was written; empty where there is none that can be read."""
        path = self.file("config.json")
        try:
            content = reading.read_json(path, "a configuration") if path else {}
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    @cached_property
    def config(self) -> Any:
        """The Hugging Face configuration; raises `UnfitCheckpoint` when there is none that can be read.

        Also for a checkpoint that brings its own code, even where the library has an architecture of that name: its
        weights may mean something else there.
        """
        from transformers import AutoConfig

        self.refuse_links()
        if own_code := self.raw_config.get("auto_map"):
            raise UnfitCheckpoint(
                f"{self.name}: the checkpoint asks for its own code (auto_map in config.json: "
                f"{', '.join(own_code) if isinstance(own_code, dict) else own_code}), and code of checkpoints is never "
                "run; if transformers' own class is the right one, take auto_map out of a copy"
            )
        try:
            found = AutoConfig.from_pretrained(self.name, revision=self.revision, trust_remote_code=False)
        except Exception as error:  # a configuration is somebody's file: its reader may raise anything
            raise UnfitCheckpoint(self._why_unreadable(error)) from error
        named = found.architectures
        if named is not None and not (isinstance(named, list) and all(isinstance(name, str) for name in named)):
            raise UnfitCheckpoint(f"{self.name}: architectures in config.json must be a list of names, got {named!r}")
        return found

    def refuse_links(self) -> None:
        """Raise `UnfitCheckpoint` for a link in the folder that leads out of it or of the bundle it is a part of."""
        if (folder := self.folder) is not None:
            above = (folder, *folder.absolute().parents[:2])
            links.refuse_outside(folder, next((one for one in above if (one / MANIFEST).is_file()), folder))

    def _why_unreadable(self, error: Exception) -> str:
        if self.folder is not None and (self.folder / "adapter_config.json").is_file():
            return (
                f"{self.name} is a PEFT adapter without the model it belongs to, and a whole model is wanted here: "
                "merge it (peft's merge_and_unload, then save_pretrained)"
            )
        if self.folder is not None:
            return f"{self.name}: cannot read a model configuration there ({first_line(error)})"
        if why := hub_errors.why(error, self.name, self.revision, "model"):
            return f"{self.name!r} is neither a local folder nor a hub checkpoint that can be read: {why}"
        return f"{self.name}: cannot read a model configuration on the hub ({first_line(error)})"

    @property
    def _snapshot(self) -> Path | None:
        """Folder of the library's cache that holds the files of one commit; None for a local checkpoint."""
        path = None if self.folder is not None else self.file("config.json")
        return path.parent if path and path.parent.parent.name == "snapshots" else None

    def load(
        self,
        auto_class: Any,
        new_weights: bool = False,
        needs_pooler: bool = False,
        brought: frozenset[str] = frozenset(),
        **options: Any,
    ) -> Any:
        """Load weights; raises `UnfitCheckpoint`.

        Unless `new_weights` are wanted (training a head), a weight that the checkpoint lacks is an error, not random,
        and so is a weight of a head that the model has no place for (a CRF, an adapter): it would be left out in
        silence. A bare encoder may lack its pooler unless `needs_pooler`: most sentence vectors do not use it. Weights
        that an adapter has `brought` are filled in by the caller; the base it belongs to may have had another head.
        """
        import transformers

        transformers.logging.set_verbosity_error()
        # The configuration first: a wrong id, a gated repository and own code are told by its reader.
        if self.folder is None and self.config and hub_cache.lacks_safetensors(self.name, self.revision):
            raise UnfitCheckpoint(
                f"{self.name} on the hub has no safetensors weights; pickled weights, which can run any code when "
                "read, are not read: convert them with save_pretrained where you trust them, or give another checkpoint"
            )
        snapshot = self._snapshot
        known = hub_cache.weights(snapshot)
        if snapshot is None or known:  # a download shows its bar
            transformers.logging.disable_progress_bar()
        try:
            model, info = auto_class.from_pretrained(
                self.name,
                revision=self.revision,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # reported below, in a sentence
                **options,
            )
        except Exception as error:  # weights are somebody's file: their reader may raise anything
            self._refuse_damaged(hub_cache.weights(snapshot) - known)
            raise UnfitCheckpoint(self._why_unloadable(error)) from error
        self._refuse_damaged(hub_cache.weights(snapshot) - known)
        if mismatched := sorted(keys for keys in info["mismatched_keys"] if keys[0] not in brought):
            name, found, wanted = mismatched[0]
            raise UnfitCheckpoint(
                f"{self.name}: the weights {name} have shape {list(found)}, its config.json makes them {list(wanted)}"
            )
        is_bare = auto_class is transformers.AutoModel
        may_lack_pooler = is_bare and not needs_pooler
        missing = sorted(key for key in info["missing_keys"] if not (may_lack_pooler and "pooler" in key))
        missing = [name for name in missing if name not in brought]
        if missing and not new_weights:
            raise UnfitCheckpoint(f"{self.name}: the checkpoint lacks weights: {', '.join(missing[:5])}")
        unused = [] if is_bare or new_weights or brought else _unused(info["unexpected_keys"])
        if unused:
            raise UnfitCheckpoint(
                f"{self.name}: the checkpoint has weights that {type(model).__name__} does not use "
                f"({', '.join(unused[:5])}); without them its answers would be others than its authors'"
            )
        products.use_fastest(model)
        return model

    def _refuse_damaged(self, fresh: set[Path]) -> None:
        if name := hub_cache.damaged(fresh):
            raise UnfitCheckpoint(
                f"{self.name}: {name} is not what the hub announced (its sha256 differs); it was deleted, so call "
                "again, or give a local folder"
            )

    def _why_unloadable(self, error: Exception) -> str:
        if self.folder is None and (why := hub_errors.why(error, self.name, self.revision, "model")):
            return why
        pickled = sorted(path.name for path in self.folder.glob("pytorch_model*.bin")) if self.folder else []
        if pickled and not any(self.folder.glob("*.safetensors")):  # type: ignore[union-attr]
            return (
                f"{self.name} has only pickled weights ({pickled[0]}), which can run any code when read; pickled "
                "weights are not read, convert them with save_pretrained where you trust them"
            )
        return (
            f"{self.name}: cannot load safetensors weights ({first_line(error)}); pickled weights are not read, "
            "convert them with save_pretrained"
        )

    def tokenizer(self, needs_offsets: bool = True) -> Any:
        """The tokenizer; raises `UnfitCheckpoint` where heads need character offsets and it is not a fast one."""
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self.name, revision=self.revision, trust_remote_code=False)
            tokenizer("a", truncation=True)  # settings of other types pass the reader, and fail at the first text
        except Exception as error:  # a tokenizer is somebody's file: its reader may raise anything
            why = None if self.folder else hub_errors.why(error, self.name, self.revision, "model")
            raise UnfitCheckpoint(why or f"{self.name}: cannot load a tokenizer ({first_line(error)})") from error
        if needs_offsets and not tokenizer.is_fast:
            raise UnfitCheckpoint(f"{self.name}: needs a fast tokenizer (tokenizer.json)")
        return tokenizer

    def write_tokenizer(self, tokenizer: Any, folder: Path) -> None:
        """Put the files of `tokenizer` (of `tokenizer()`) into a folder, byte for byte as the checkpoint has them.

        `save_pretrained` would write what the library made of them: transformers 5 lower-cases and strips differently
        in what it writes, and a shorter file need not give the same ids elsewhere. It is what is left for a tokenizer
        whose files are not known.
        """
        of_class = {str(name) for name in tokenizer.vocab_files_names.values()}
        place = self.folder or self._snapshot
        found = (
            [place / name for name in sorted(of_class | _TOKENIZER_FILES) if (place / name).is_file()] if place else []
        )
        folder.mkdir(parents=True, exist_ok=True)
        if not any(path.name in of_class for path in found):
            tokenizer.save_pretrained(folder)
        for path in found:
            fingerprints.copy(path, folder / path.name)

    @cached_property
    def identity(self) -> str:
        """What a signature shows: a hash of a local folder's files, or hub id and commit."""
        if self.folder is not None:
            return fingerprints.identity(self.folder)
        path = self.file("config.json")
        commit = path.parent.name if path and path.parent.parent.name == "snapshots" else self.revision
        return f"{self.name}@{commit or 'unknown'}"

    @cached_property
    def content(self) -> str | None:
        """What answers are kept under: the hash of all files of a folder, or hub id and commit; None if unknown.

        A hub checkpoint whose commit is not known may be another tomorrow.
        """
        if self.folder is not None:
            return fingerprints.content(self.folder)
        snapshot = self._snapshot
        return f"{self.name}@{snapshot.name}" if snapshot else None

    def fingerprint(self) -> list[tuple[str, int, int]] | str:
        """Name, size and time of every file of a local folder: cheap to compare, changes when a file does."""
        if self.folder is None:
            return self.identity
        stats = [(name, path.stat()) for name, path in fingerprints.part_files(self.folder).items()]
        return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _unused(keys: Iterable[str]) -> list[str]:
    return sorted(key for key in keys if not any(name in key for name in _LEFT_OVER))


def first_line(error: Exception) -> str:
    """What an error says first, cut where it is long."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
