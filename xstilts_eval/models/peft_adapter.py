"""Folders that hold a PEFT adapter only (``adapter_config.json``): the model it was trained beside, with it merged in.

Read strictly: the adapter's weights from safetensors, the base as any other checkpoint, and every weight must find its
place. peft is asked for only when there is something to merge.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xstilts_eval import extras, fingerprints, reading
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models import source as sources
from xstilts_eval.reading import Json

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"

_TASKS = {
    "SEQ_CLS": ("AutoModelForSequenceClassification", "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES"),
    "TOKEN_CLS": ("AutoModelForTokenClassification", "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES"),
    "QUESTION_ANS": ("AutoModelForQuestionAnswering", "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES"),
    "CAUSAL_LM": ("AutoModelForCausalLM", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"),
    "SEQ_2_SEQ_LM": ("AutoModelForSeq2SeqLM", "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES"),
    "FEATURE_EXTRACTION": ("AutoModel", "MODEL_MAPPING_NAMES"),
}
"""peft's task types (`peft.TaskType`), with the class that was trained and the library's table of its names."""
_HEADS = ("classifier.out_proj.weight", "classifier.dense.weight", "classifier.weight", "score.weight")
"""Last layers of classification heads; their first axis is the classes."""
_PREFIX = "base_model.model."


def is_adapter(source: sources.Source) -> bool:
    """Whether a checkpoint is an adapter without a model of its own."""
    if source.folder is not None:
        has_weights = any(path.name.startswith(("model", "pytorch_model")) for path in source.folder.glob("*"))
        return (source.folder / CONFIG).is_file() and not has_weights
    return source.file("config.json") is None and source.file(CONFIG) is not None


def how_to_merge(name: str, base: str) -> str:
    """The way out for whoever has the base and we cannot get it."""
    return (
        f"put it where {CONFIG} names it (base_model_name_or_path), or merge once and give the result: "
        f"peft.PeftModel.from_pretrained(BASE, {name!r}).merge_and_unload().save_pretrained(FOLDER), with the model "
        f"{base!r} as BASE and its tokenizer saved beside it"
    )


@dataclass(frozen=True)
class AdapterSource(sources.Source):
    """An adapter merged into its base: files, configuration and tokenizer are the base's where it has none."""

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Content of ``adapter_config.json``; raises `UnfitCheckpoint` for one without base, type or known task."""
        path = super().file(CONFIG)
        try:
            found = reading.read_json(path, "a PEFT adapter's settings") if path else None
        except (OSError, ValueError) as error:
            raise UnfitCheckpoint(f"{self.name}: {CONFIG} cannot be read ({error})") from error
        if not isinstance(found, dict) or not all(
            isinstance(found.get(key), str) for key in ("base_model_name_or_path", "peft_type")
        ):
            raise UnfitCheckpoint(
                f"{self.name} is a PEFT adapter, and its {CONFIG} names no model that it belongs to "
                "(base_model_name_or_path, peft_type)"
            )
        if (task := found.get("task_type")) not in (*_TASKS, None):
            raise UnfitCheckpoint(f"{self.described(found)}: task_type {task!r} is not one of {', '.join(_TASKS)}")
        if found.get("megatron_config"):  # peft would import a module by a name from the file
            raise UnfitCheckpoint(f"{self.described(found)}: adapters of Megatron layers are not read")
        return found

    def described(self, settings: Mapping[str, object]) -> str:
        """What this is, for messages."""
        task = f", {settings['task_type']}" if settings.get("task_type") else ""
        return (
            f"{self.name} is a PEFT adapter ({settings['peft_type']}{task}) of {settings['base_model_name_or_path']!r}"
        )

    @cached_property
    def base(self) -> sources.Source:
        """The model that the adapter belongs to; raises `UnfitCheckpoint` when it cannot be had."""
        name = self.settings["base_model_name_or_path"]
        found = sources.Source(name, self.settings.get("revision"))
        try:
            _ = found.config
        except UnfitCheckpoint as error:
            raise UnfitCheckpoint(
                f"{self.described(self.settings)}, which cannot be had ({error}). With the model at hand, "
                f"{how_to_merge(self.name, name)}"
            ) from error
        return found

    def file(self, name: str) -> Path | None:
        """The adapter's own file, else the base's."""
        return super().file(name) or self.base.file(name)

    @cached_property
    def raw_config(self) -> Mapping[str, Json]:
        """The base's, with the architecture that was trained; label names only where they fit its classes."""
        found = {**self.base.raw_config, "architectures": [self._architecture]}
        names = found.get("id2label")
        if self._classes not in (None, len(names) if isinstance(names, Sized) else 0):
            found.pop("id2label", None)
            found.pop("label2id", None)
        return found

    @cached_property
    def config(self) -> Any:
        found = copy.deepcopy(self.base.config)
        found.architectures = [self._architecture]
        if self._classes is not None and self._classes != found.num_labels:
            found.num_labels = self._classes
        return found

    @property
    def _architecture(self) -> str:
        from transformers.models.auto import modeling_auto

        config = self.base.config
        if (task := self.settings.get("task_type")) is None:
            return str((config.architectures or ["?"])[0])
        name = getattr(modeling_auto, _TASKS[task][1]).get(config.model_type)
        if name is None:
            raise UnfitCheckpoint(f"{self.described(self.settings)}: {config.model_type} has no model for that task")
        return str(name[0] if isinstance(name, (tuple, list)) else name)

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every weight that the adapter brings, by its name in the model."""
        from safetensors import SafetensorError, safe_open

        path = super().file(WEIGHTS)
        if path is None:
            raise UnfitCheckpoint(
                f"{self.described(self.settings)} without {WEIGHTS}; pickled weights are not read, save it again with "
                "peft's save_pretrained"
            )
        try:
            with safe_open(path, framework="pt") as file:
                return {name.removeprefix(_PREFIX): tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise UnfitCheckpoint(f"{self.described(self.settings)}: {WEIGHTS} cannot be read ({error})") from error

    @property
    def _classes(self) -> int | None:
        """Classes of the classification head that came with the adapter; None where it brought none."""
        if self.settings.get("task_type") not in ("SEQ_CLS", "TOKEN_CLS"):
            return None
        for head in _HEADS[:1] + _HEADS[2:]:
            for name, shape in self._shapes.items():
                if name.replace("modules_to_save.", "").endswith(head):
                    return shape[0]
        return None

    def load(
        self,
        auto_class: Any,
        new_weights: bool = False,
        needs_pooler: bool = False,
        brought: frozenset[str] = frozenset(),
        **options: Any,
    ) -> Any:
        """As `Source.load`: the base as it was trained, the adapter merged into it, and of that the part asked for."""
        import transformers

        try:
            import peft
        except ImportError as error:
            raise UnfitCheckpoint(
                f"{self.described(self.settings)}, and merging it needs the package peft: {extras.install('train')}"
            ) from error
        task = self.settings.get("task_type")
        trained = getattr(transformers, _TASKS[task][0]) if task else auto_class
        brought |= {name.replace("modules_to_save.", "") for name in self._shapes}
        model = self.base.load(trained, needs_pooler=needs_pooler, config=self.config, brought=brought, **options)
        path = super().file(WEIGHTS)
        assert path is not None  # `_shapes` has seen it
        self._refuse_strangers(set(self._shapes) - self._placed_in(model))
        try:
            merged = peft.PeftModel.from_pretrained(model, str(path.parent), use_safetensors=True)
            placed = {name.removeprefix(_PREFIX) for name in peft.get_peft_model_state_dict(merged)}
            model = merged.merge_and_unload()
        except Exception as error:  # an adapter is somebody's file: its reader may raise anything
            raise UnfitCheckpoint(
                f"{self.described(self.settings)}, and cannot be merged into it: {sources.first_line(error)}"
            ) from error
        self._refuse_strangers(set(self._shapes) - placed)
        wants_encoder = auto_class is transformers.AutoModel and trained is not auto_class
        return model.base_model if wants_encoder else model

    def _placed_in(self, model: Any) -> set[str]:
        """Weights of the adapter that belong to a layer of the model, or are one of its own."""
        layers, own = {name for name, _ in model.named_modules() if name}, set(model.state_dict())
        return {
            name
            for name in self._shapes
            if name.replace("modules_to_save.", "") in own or any(name.startswith(f"{layer}.") for layer in layers)
        }

    def _refuse_strangers(self, names: set[str]) -> None:
        if names:
            raise UnfitCheckpoint(
                f"{self.described(self.settings)}, and has weights that this model has no place for "
                f"({', '.join(sorted(names)[:3])})"
            )

    def tokenizer(self, needs_offsets: bool = True) -> Any:
        own = super().file("tokenizer_config.json")
        found = replace_name(self, str(own.parent)) if own is not None else self.base
        return found.tokenizer(needs_offsets)

    @cached_property
    def identity(self) -> str:
        """A hash of a local adapter's files, or hub id and commit; then that of its base."""
        path = super().file(CONFIG)
        assert path is not None
        own = fingerprints.identity(path.parent) if self.folder is not None else f"{self.name}@{path.parent.name}"
        return f"{own}+{self.base.identity}"

    @cached_property
    def content(self) -> str | None:
        path = super().file(CONFIG)
        base = self.base.content
        if path is None or base is None:
            return None
        own = fingerprints.content(self.folder) if self.folder else f"{self.name}@{path.parent.name}"
        return f"{own}+{base}"

    def fingerprint(self) -> list[tuple[str, int, int]] | str:
        own, base = super().fingerprint(), self.base.fingerprint()
        if isinstance(own, str) or isinstance(base, str):
            return self.identity
        return [*own, *((f"base: {name}", size, time) for name, size, time in base)]


def replace_name(source: sources.Source, name: str) -> sources.Source:
    """A plain checkpoint at another place, of which only the tokenizer is wanted."""
    return sources.Source(name, None if Path(name).is_dir() else source.revision)
