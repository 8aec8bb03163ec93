"""The host task behind every leaf: canonical documents in, requests out, nothing about any model.

Named from the YAML templates by ``class:``. Subclassing the host's `ConfigurableTask` (instead of its
``custom_dataset``) keeps a run of 162 leaves quiet, fixes the task version, reads few-shot examples only when asked,
and announces every selected leaf so that an adapter can refuse before its first forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import chain
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.config.task import TaskConfig

from xstilts_eval import __version__
from xstilts_eval.benchmark import FAMILIES, FLORES, FLORES_PAIR, SUITES, Family, Kind
from xstilts_eval.data import flores
from xstilts_eval.errors import MissingData, SettingError
from xstilts_eval.tasks import announced, documents, scoring

_FIELDS = frozenset(field.name for field in fields(TaskConfig))
_EMBED = "embed"
_FILLER = {"xs_filler": True}


class Documents(list):  # type: ignore[type-arg]
    """A list of documents with the one attribute the host reads from a data set."""

    @property
    def features(self) -> dict[str, None]:
        return dict.fromkeys(self[0]) if self else {}


class LeafTask(ConfigurableTask):  # type: ignore[misc]
    """One family in one language.

    The YAML gives the family as ``dataset_path`` (``xtreme_xnli``) and the language as ``dataset_name``. Metadata keys
    read: ``data`` (folder or ``sample``) and ``split``; all others, which the host merges in from model arguments, are
    left alone.
    """

    family: Family
    language: str
    data: documents.LeafData

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        config = {key: value for key, value in (config or {}).items() if key in _FIELDS}
        self.family = FAMILIES[config["dataset_path"]]
        self.language = config["dataset_name"]
        self.is_retrieval = config.get("output_type") == _EMBED
        if self.is_retrieval:  # the host's constructor knows its own output types only
            config |= {"output_type": "generate_until", "generation_kwargs": {"until": ["\n"]}}
        super().__init__(config=config)
        if self.is_retrieval:
            self.OUTPUT_TYPE = self.config.output_type = _EMBED
            self.config.generation_kwargs = None
        self.VERSION = self.family.version  # `--metadata version=…` may not move it

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        metadata = dict(self.config.metadata or {})
        self.language = self._pair(metadata)
        self.data = documents.load_leaf(self.family, self.language, metadata.get("data"), metadata.get("split"))
        self.dataset = {self.config.test_split: Documents(self.data.documents)}
        self.config.metadata = {
            "version": self.family.version,
            "config_source": metadata.get("config_source"),
            "xs_data": self.data.provenance(),
            "xs_metric": scoring.signature(self.family, self.language),
            "xs_version": __version__,
        }

    def _pair(self, metadata: dict[str, Any]) -> str:
        """The language, or, where it is a pair, the two that ``source`` and ``target`` of the metadata name.

        Raises `SettingError` for a pair that is incomplete, or given to a FLORES-200 leaf that has its own.
        """
        given = [str(metadata[name]) for name in ("source", "target") if metadata.get(name)]
        if self.family.suite == FLORES_PAIR and len(given) == 2:
            return flores.pair(*given)
        if self.family.suite in (FLORES, FLORES_PAIR) and given:
            wanted = " or ".join(family.group for family in SUITES[FLORES_PAIR].families)
            raise SettingError(
                f"{self.family.leaf(self.language)} was given {' and '.join(given)}: source and target (both) belong "
                f"to {wanted}; all other leaves of FLORES-200 have their languages in their names"
            )
        return self.language

    def dump_config(self) -> dict[str, Any]:
        """What the results file keeps of the configuration: names of functions instead of their sources."""
        names = ("doc_to_text", "doc_to_choice", "doc_to_target", "process_results")
        functions = {name: getattr(self.config, name) for name in names}
        return {
            "task": self.task_name,
            "dataset_path": self.config.dataset_path,
            "dataset_name": self.config.dataset_name,
            "output_type": self.config.output_type,
            "num_fewshot": self.config.num_fewshot,
            "generation_kwargs": self.config.generation_kwargs,
            **{name: f"{value.__module__}.{value.__qualname__}" for name, value in functions.items() if value},
            "metadata": self.config.metadata,
        }

    def fewshot_docs(self) -> list[dict[str, Any]]:
        """None while the task is built (the host asks then); `build_all_requests` fills them in when wanted."""
        return []

    def build_all_requests(self, **options: Any) -> None:
        options["cache_requests"] = False  # the host's key knows neither data folder nor revision
        limit = options.get("limit")
        if limit is not None and limit < 1:
            raise SettingError(f"{self.task_name}: --limit must leave at least one document, got {limit}")
        shots = int(self.config.num_fewshot or 0)
        if self.family.kind is Kind.MINING and (options.get("limit") or options.get("samples")):
            raise SettingError(
                f"{self.task_name}: --limit and --samples do not apply to BUCC, whose score needs the whole corpus; "
                "leave the option out or leave xtreme_bucc2018 out of --tasks"
            )
        if self.is_retrieval:
            shots = 0
        if shots:
            if self.family.kind is Kind.TRANSLATION:
                examples = documents.translation_shots(self.family, self.language, self.data.folder, self.data.split)
            else:
                examples = documents.english_shots(self.family, self.data.folder, self.data.split)
            if not examples:
                raise MissingData(
                    f"{self.task_name}: --num_fewshot {shots} needs English training data of {self.family.title}, and "
                    f"{self.data.folder} has none; shots are never taken from the test language"
                )
            self.sampler.df = examples
        announced.announce(self, shots, bool(options.get("apply_chat_template")))
        super().build_all_requests(**options)

    def doc_iterator(self, **options: Any) -> Iterator[tuple[int, Any]]:
        """The documents of one process; with fewer documents than processes, a filler that no score counts.

        The host needs a request and every metric from each process.
        """
        documents_of_rank = super().doc_iterator(**options)
        first = next(documents_of_rank, None)
        return iter([(0, self.data.documents[0] | _FILLER)]) if first is None else chain([first], documents_of_rank)

    def aggregation(self) -> dict[str, Any]:
        return {name: _without_fillers(function) for name, function in super().aggregation().items()}

    def fewshot_context(self, doc: dict[str, Any], num_fewshot: int, **options: Any) -> Any:
        if self.is_retrieval:
            return self.doc_to_text(doc)
        return super().fewshot_context(doc, num_fewshot, **options)

    def construct_requests(self, doc: dict[str, Any], ctx: Any, **options: Any) -> Any:
        if not self.is_retrieval:
            return super().construct_requests(doc, ctx, **options)
        options.pop("apply_chat_template", None)
        options.pop("chat_template", None)
        return Instance(request_type=_EMBED, doc=doc, arguments=(str(ctx), {"leaf": self.task_name}), idx=0, **options)

    def process_results(self, doc: dict[str, Any], results: list[Any]) -> dict[str, Any]:
        if self.family.kind is Kind.MINING:
            return scoring.mining(self.data.gold_of_shard(doc), results[0])
        values: dict[str, Any] = super().process_results(doc, results)
        return dict.fromkeys(values) if is_filler(doc) else values


def is_filler(doc: dict[str, Any]) -> bool:
    """Whether a document only keeps a process busy that got none (its values are None)."""
    return doc.keys() >= _FILLER.keys()


def _without_fillers(aggregate: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    def aggregated(values: list[Any]) -> Any:
        values[:] = [value for value in values if value is not None]  # in place: the host counts what is left
        return aggregate(values)

    return aggregated
