"""The host task behind every task: canonical documents in, requests out, nothing about any model.

Named from the YAML templates by ``class:``. Subclassing the host's `ConfigurableTask` (instead of its
``custom_dataset``) keeps a run of 162 leaves quiet, fixes the task version, reads few-shot examples only when asked,
and announces every selected leaf so that an adapter can refuse before its first forward pass.
"""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.config.task import TaskConfig

from xstilts_eval import __version__, own_datasets, thoughts
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.data import flores
from xstilts_eval.data.examples import Document
from xstilts_eval.errors import MissingData, SettingError
from xstilts_eval.tasks import announced, documents, scoring, subcorpus

log = logging.getLogger("xstilts_eval")

_FIELDS = frozenset(field.name for field in fields(TaskConfig))
_EMBED = "embed"
_FILLER = {"xs_filler": True}
_BYPASS = "bypass"
"""The metric that the host puts in the place of all others under ``--predict_only``."""


_TOLD: set[str] = set()
"""Datasets of which a warning was given that their first documents are of one class."""
_FEW = 5
"""Documents that may well be of one class by chance."""


@dataclass(frozen=True)
class Conversation:
    """How a leaf is asked in a conversation, where that differs from running text (``xs_conversation`` of a template).

    The host sends `doc_to_text` as the user's turn and scores `doc_to_choice` as the assistant's.
    """

    doc_to_text: Callable[[Any], str]
    doc_to_choice: Callable[[Any], list[str]]
    target_delimiter: str


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
    limit: float | None = None
    """``--limit`` as it was given, where somebody knows it: the host hands on a number of documents only."""
    scored: list[tuple[Any, scoring.Values]] | None = None
    """Documents with their values, in the order of the requests; whoever wants them puts a list here before."""

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        config = {key: value for key, value in (config or {}).items() if key in _FIELDS}
        own_datasets.load_installed()
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

    def download(self, dataset_kwargs: object = None, **_: Any) -> None:
        metadata = dict(self.config.metadata or {})
        self._conversation = Conversation(**given) if (given := metadata.get("xs_conversation")) else None
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
        if origin := own_datasets.origin(self.family):
            self.config.metadata["xs_dataset"] = origin

    def _pair(self, metadata: Mapping[str, object]) -> str:
        """The language, or, where it is a pair, the two that ``source`` and ``target`` of the metadata name.

        Raises `SettingError` for a pair that is incomplete, or given to a FLORES-200 leaf that has its own.
        """
        given = [str(metadata[name]) for name in ("source", "target") if metadata.get(name)]
        if self.family.takes_a_pair and len(given) == 2:
            return flores.pair(*given)
        if self.family.is_line_by_line and given:
            wanted = " or ".join(family.group for family in FAMILIES.values() if family.takes_a_pair)
            raise SettingError(
                f"{self.family.leaf(self.language)} was given {' and '.join(given)}: source and target (both) belong "
                f"to {wanted}; all other tasks of FLORES-200 have their languages in their names"
            )
        return self.language

    def dump_config(self) -> dict[str, object]:
        """What the results file keeps of the configuration: names of functions instead of their sources."""
        names = ("doc_to_text", "doc_to_choice", "doc_to_target", "process_results")
        # Under --predict_only the host puts a word in the place of a function.
        functions = {name: value for name in names if callable(value := getattr(self.config, name))}
        return {
            "task": self.task_name,
            "dataset_path": self.config.dataset_path,
            "dataset_name": self.config.dataset_name,
            "output_type": self.config.output_type,
            "num_fewshot": self.config.num_fewshot,
            "generation_kwargs": self.config.generation_kwargs,
            **{name: f"{value.__module__}.{value.__qualname__}" for name, value in functions.items()},
            "metadata": self.config.metadata,
        }

    def fewshot_docs(self) -> list[Document]:
        """None while the task is built (the host asks then); `build_all_requests` fills them in when wanted."""
        return []

    def build_all_requests(self, **options: Any) -> None:
        options["cache_requests"] = False  # the host's key knows neither data folder nor revision
        limit = options.get("limit")
        if limit is not None and limit < 1:
            raise SettingError(
                f"{self.task_name}: --limit must leave at least one document, got {self.limit or limit:g}"
            )
        shots = 0 if self.is_retrieval else int(self.config.num_fewshot or 0)
        if self.family.scoring.is_sharded:
            if options.get("samples"):
                raise SettingError(
                    f"{self.task_name}: --samples picks documents by number, and a document of BUCC is a whole corpus; "
                    "take --limit N, which mines a smaller one, or leave the task out"
                )
            if limit:
                self._cut_corpus(self.limit or limit)
            options["limit"] = None
        if options.get("samples") is not None:
            self._check_samples(options["samples"])
        if shots:
            examples = documents.shots(self.family, self.language, self.data.folder, self.data.split)
            if not examples:
                raise MissingData(
                    f"{self.task_name}: --num_fewshot {shots} needs English training data of {self.family.title}, and "
                    f"{self.data.folder} has none; shots are never taken from the test language"
                )
            self.sampler.df = examples
        if limit and not self.family.scoring.is_sharded:
            _tell_of_one_class(self.family, self.data.documents, limit)
        is_chat = bool(options.get("apply_chat_template"))
        instruction = options.get("system_instruction")
        announced.announce(self, shots, is_chat, bool(instruction))
        if is_chat and self._conversation is not None:
            self._converse(self._conversation)
        self.config.metadata["xs_prompting"] = {
            "system_instruction": _digest(instruction) if instruction else None,
            "multiturn": bool(is_chat and shots and options.get("fewshot_as_multiturn")),
        }
        super().build_all_requests(**options)

    def _converse(self, conversation: Conversation) -> None:
        """From now on ask as in a conversation; shots, too."""
        for config in (self.config, self.fewshot_cfg):
            for part in fields(conversation):
                setattr(config, part.name, getattr(conversation, part.name))

    def _cut_corpus(self, limit: float) -> None:
        """Mine a part of the corpora only; what the results file says about the data says so."""
        self.data = subcorpus.limited(self.data, limit)
        self.dataset = {self.config.test_split: Documents(self.data.documents)}
        self.config.metadata["xs_data"] = self.data.provenance()

    def _check_samples(self, samples: list[int]) -> None:
        """Raise for what the host asserts or misses, and put the numbers in order, in place.

        The host (0.4.13) takes documents in the order of the file and then names them in the order given.
        """
        known = len(self.data.documents)
        wrong = [number for number in samples if not (type(number) is int and 0 <= number < known)]
        if wrong:
            raise SettingError(f"{self.task_name}: --samples {wrong[0]!r}: documents are numbered 0 to {known - 1}")
        if not samples:  # to the host that means all
            raise SettingError(f"{self.task_name}: --samples gives no document; leave the task out of --tasks")
        samples[:] = sorted(set(samples))

    def doc_iterator(self, **options: Any) -> Iterator[tuple[int, Any]]:
        """The documents of one process; with fewer documents than processes, a filler that no score counts.

        The host needs a request and every metric from each process.
        """
        if self.family.scoring.is_sharded:
            options["limit"] = None  # its corpora were cut to it
        documents_of_rank = super().doc_iterator(**options)
        first = next(documents_of_rank, None)
        return iter([(0, self.data.documents[0] | _FILLER)]) if first is None else chain([first], documents_of_rank)

    def aggregation(self) -> dict[str, Callable[[list[Any]], Any]]:
        return {name: _without_fillers(function) for name, function in super().aggregation().items()}

    def fewshot_context(self, doc: Document, num_fewshot: int, **options: Any) -> Any:
        is_bare = not (num_fewshot or options.get("system_instruction") or options.get("apply_chat_template"))
        if self.is_retrieval or (is_bare and not (self.config.description or options.get("gen_prefix"))):
            return self.doc_to_text(doc)  # which is all that the host would arrive at
        if options.get("apply_chat_template") and options.get("chat_template"):
            options["chat_template"] = _with_bare_turns(options["chat_template"])
        return super().fewshot_context(doc, num_fewshot, **options)

    def construct_requests(self, doc: Document, ctx: Any, **options: Any) -> Any:
        if self.OUTPUT_TYPE == "generate_until":
            settings = _copy(self.config.generation_kwargs or {})
            return Instance(request_type=self.OUTPUT_TYPE, doc=doc, arguments=(ctx, settings), idx=0, **_bare(options))
        if not self.is_retrieval:
            requests = super().construct_requests(doc, ctx, **options)
            if options.get("apply_chat_template") and isinstance(requests, list):  # an assistant's turn has no blank
                for request in requests:
                    context, choice = request.arguments
                    request.arguments = (context, choice.lstrip())
            return requests
        arguments = (str(ctx), {"leaf": self.task_name})
        return Instance(request_type=_EMBED, doc=doc, arguments=arguments, idx=0, **_bare(options))

    def apply_filters(self) -> Any:
        """As the host's; then answers lose the thought before them, and what is no answer becomes an empty one."""
        filtered = super().apply_filters()
        if self.OUTPUT_TYPE == "generate_until":
            for instance in self._instances:
                for name, response in instance.filtered_resps.items():
                    instance.filtered_resps[name] = thoughts.answer_of(response) or ""
        return filtered

    def process_results(self, doc: Any, results: list[Any]) -> scoring.Values:
        values: scoring.Values
        if _BYPASS in self._metric_fn_list:
            return {_BYPASS: None if is_filler(doc) else 0}
        if self.family.scoring.is_sharded:
            values = scoring.mining(self.data.gold_of_shard(doc), results[0])
        else:
            values = super().process_results(doc, results)
        values = dict.fromkeys(values) if is_filler(doc) else values
        if self.scored is not None:
            self.scored.append((doc, values))
        return values


def _bare(options: Mapping[str, object]) -> dict[str, object]:
    """What a request is made with, of what the host says."""
    return {name: value for name, value in options.items() if name not in ("apply_chat_template", "chat_template")}


def _copy(settings: Mapping[str, object]) -> dict[str, object]:
    """Settings of generation for one request, as deep a copy as the host makes: models take from it what they use."""
    return {name: [*value] if type(value) is list else copy.deepcopy(value) for name, value in settings.items()}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _with_bare_turns(template: Callable[..., str]) -> Callable[..., str]:
    """A chat template that is given turns without white space around them, as the models were trained on."""

    def render(history: list[Mapping[str, str]], **options: Any) -> str:
        return template([{**turn, "content": turn["content"].strip()} for turn in history], **options)

    return render


def is_filler(doc: Mapping[str, object]) -> bool:
    """Whether a document only keeps a process busy that got none (its values are None)."""
    return doc.keys() >= _FILLER.keys()


def _without_fillers(aggregate: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    def aggregated(values: list[Any]) -> Any:
        values[:] = [value for value in values if value is not None]  # in place: the host counts what is left
        return aggregate(values)

    return aggregated


def _tell_of_one_class(family: Family, docs: Sequence[Document], limit: float) -> None:
    """Warn, once a dataset, where the documents that a limit leaves have one class and all of them have more.

    Files may be sorted by class, and a limit takes the first documents, as the host does.
    """
    labels = [doc.get("label") for doc in docs]
    left = labels[: int(limit)]
    if family.group in _TOLD or not family.labels or len(left) < _FEW or None in left:
        return
    if len(set(left)) == 1 < len(set(labels)):
        _TOLD.add(family.group)
        log.warning(
            "%s: the first %s documents are all of the class %r; a score over them says nothing about the others: "
            "take a larger --limit, or none",
            family.group,
            f"{len(left):,}",
            family.labels[int(str(left[0]))],
        )
