"""`--model xstilts`: the host's model class for any checkpoint, with heads or generative.

Requests come by type; which head or language model answers is decided by the leaf that announced them, never by
strings. Fitness of checkpoint and leaves is checked at the first call, before anything is loaded.
"""

from __future__ import annotations

import logging
import shlex
import weakref
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import jinja2
import torch
import transformers
from lm_eval.api.model import LM

from xstilts_eval import own_datasets, printing, thoughts
from xstilts_eval.benchmark import Family, leaf_parts
from xstilts_eval.bundle import Retrieval
from xstilts_eval.errors import SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.kinds import Halves
from xstilts_eval.label_reading import joined_order
from xstilts_eval.models import (
    after_pooling,
    answering,
    arguments,
    embedding,
    memory,
    products,
    retrieval,
    serving,
    serving_vectors,
    tagging,
)
from xstilts_eval.models import checkpoint as checkpoints
from xstilts_eval.models.answer_keys import Keys
from xstilts_eval.models.batching import default_batch_tokens
from xstilts_eval.models.encoder import Counts, Loaded, Runtime, model_positions
from xstilts_eval.models.heads import HEADS
from xstilts_eval.models.info import LanguageModelInfo, ModelInfo, RankerInfo, VectorsInfo
from xstilts_eval.models.label_map import LabelMap
from xstilts_eval.models.processes import Processes
from xstilts_eval.models.source import Source
from xstilts_eval.models.tokenizer_check import refuse_foreign_tokenizer
from xstilts_eval.reading import Json
from xstilts_eval.store import answers as stores
from xstilts_eval.store.answers import Answered
from xstilts_eval.store.key import Key
from xstilts_eval.tasks import announced
from xstilts_eval.tasks.responses import Response
from xstilts_eval.wording import counted

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

    from xstilts_eval.models.language_model import LanguageModel
    from xstilts_eval.tasks.announced import Asked, Selection

log = logging.getLogger("xstilts_eval")

T = TypeVar("T")
Say = Callable[[Family, Loaded, Sequence[Any], LabelMap | None], tuple[list[Json], Counts]]
"""(family, head, documents, how its classes are read) to values and counts of each document."""


class XstiltsLM(LM):  # type: ignore[misc]
    """A checkpoint answering the host's requests: an encoder with heads, a decoder or an encoder-decoder.

    Heads answer with class log-probabilities, tag sequences and answer spans; a language model scores and generates
    text; both embed sentences. Arguments (all may come as ``--model_args key=value``):

    * `pretrained`: a bundle, a folder or a hub id; `revision` pins a hub id; from Python also a model in memory, with
      its `tokenizer`, see `models.memory`;
    * a family name (``xnli=…``, ``panx=…``): another checkpoint for that family;
    * `dtype`: ``float32`` (default, for reported scores), ``bfloat16`` or ``float16``;
    * `device`: the host says ``cuda:0`` when nobody did; without CUDA that means the CPU;
    * `batch_tokens`: padded tokens a batch may hold; a `batch_size` above 1 caps its rows too;
    * `max_length`: sub-words, at least 16; by default 128 for pairs and tagging, 384 for questions, 512 for sentences;
    * `layer`, `pooling`: block and pooling of sentence vectors; defaults by model, see `embedding.default_retrieval`;
    * `prompt`: put before every sentence of both sides, in quotes to keep its spaces (``prompt='query: '``); by
      default what the checkpoint says; `query_prompt` and `passage_prompt` replace it for the two sides of rankings;
    * `label_order`: class names joined by ``|``, or a list of them, for heads whose config has none,
      ``xnli_label_order`` for one family's;
    * `extra_types`: classes that PAN-X or UD-POS lack are predicted and dropped (``drop``, default) or never predicted
      (``mask``);
    * `udpos_map`: ``ptb`` reads a head with Penn Treebank tags as UPOS, with losses; ``compound`` reads the tag in one
      field of names such as ``NOUN|Case=Nom``;
    * `gpe`: ``loc`` reads the entity type GPE as LOC;
    * `first_piece`: ``any`` reads a word's tag at its first piece, as XTREME does, ``text`` at the first that holds
      some of the word; default: as the head's bundle says it was trained, else ``any``;
    * `store`: the folder in which answers are kept, or ``off``; default: ``XSTILTS_STORE``, else the cache;
    * `enable_thinking`, `think_end_token`, `chat_template_args`: as the host's ``--model hf`` has them, for language
      models in conversations; an end of thoughts that the tokenizer has as a token needs not be named;
    * `load_in_4bit`, `load_in_8bit`: weights of a language model in fewer bits (bitsandbytes).

    Raises `SettingError` for an unknown argument and `UnfitCheckpoint` when the checkpoint cannot be read.
    """

    def __init__(self, pretrained: Any, batch_size: int | str | None = None, **others: Any) -> None:
        super().__init__()
        own_datasets.load_installed()
        with ExitStack() as stack:
            if not isinstance(pretrained, (str, Path)):
                pretrained = stack.enter_context(memory.held(pretrained, others.pop("tokenizer", None)))
                weakref.finalize(self, stack.pop_all().close)  # it is held as long as this object
            self._open(str(pretrained), batch_size, others)

    def _open(self, pretrained: str, batch_size: int | str | None, others: Mapping[str, Any]) -> None:
        self.arguments = arguments.read({"pretrained": pretrained, **others})
        self.processes = Processes()
        self._rank, self._world_size = self.processes.rank, self.processes.world_size
        self._device = _device(self.arguments.device, self.processes)
        self.runtime = Runtime(
            self._device,
            getattr(torch, self.arguments.dtype),
            self.arguments.batch_tokens or default_batch_tokens(self._device),
            arguments.row_cap(batch_size),
            self.arguments.show_progress and self.processes.is_first and not printing.is_quiet(),
            automatic=self.arguments.batch_tokens is None,
        )
        self.checkpoint = checkpoints.resolve(
            self.arguments.pretrained, self.arguments.revision, self.arguments.heads, self.arguments.reading()
        )
        self.checkpoint.thinks = bool(self.arguments.enable_thinking)
        if self._bits and self.checkpoint.language_model is None:
            raise SettingError(
                f"load_in_{self._bits}bit is for language models (decoders, encoder-decoders); leave it out"
            )
        self._encoder: embedding.SentenceEncoder | None = None
        self._rankers: dict[str, tuple[retrieval.Ranker, RankerInfo]] = {}
        self._ranker_info: dict[str, RankerInfo] = {}
        folder = stores.folder(self.arguments.store)
        self.serving = serving.Serving(stores.Store(folder) if folder else None, self.processes)
        self._keys = Keys(self.checkpoint, self.arguments, self.runtime)
        self._thinking: Mapping[str, Json] = {}
        self._language_model: LanguageModel | None = None
        self._latest_head: dict[Family, Loaded] = {}
        self._families: set[Family] = set()
        self._has_chat_template = False
        self._said: set[str] = set()
        self._counted: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._has_hinted = False
        self.lengths: dict[str, int] = {}
        self.counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._tell_prompts()

    # ------------------------------------------------------------------ what the host calls

    def loglikelihood(self, requests: list[Instance], **_: Any) -> list[tuple[float, bool]]:
        """Log-probability of each class or choice, and whether it is the most probable."""
        found = self._divide(requests, "loglikelihood", self._classify_all)
        return [(float(score), bool(is_best)) for score, is_best in found]

    def generate_until(self, requests: list[Instance], **_: Any) -> list[str]:
        """The tag sequence of a tagged sentence, or the answer to a question, as text."""
        return self._divide(requests, "generate_until", self._extract_all)

    def loglikelihood_rolling(self, requests: list[Instance], **_: Any) -> list[float]:
        """Log-likelihood of whole texts; raises `UnfitCheckpoint` for an encoder."""
        if self.checkpoint.language_model is None:
            raise UnfitCheckpoint(
                "perplexity (loglikelihood_rolling) needs a language model; a checkpoint with heads serves the tasks "
                "xtreme_*, xtremer_* and bitext_tatoeba"
            )
        return list(self._language().loglikelihood_rolling(requests))

    def embed(self, requests: list[Instance], **_: Any) -> list[Response]:
        """Retrieval: nearest neighbours in the leaf's pool, or the mined pairs of a shard.

        Collective over processes: every process walks through all selected retrieval leaves in the same order.
        """
        selections = [one for one in self._selections() if one.task.family.is_embedded]
        self._latest_head.clear()
        settings = self._retrieval() if self.checkpoint.encoder is not None else None
        found = serving_vectors.search(
            requests,
            selections,
            self.serving,
            lambda one: self._keys.of_vectors(one.task.data, settings),
            lambda mine, some: retrieval.answer(mine, some, self._sentence_encoder, self._ranker, self.processes),
            self._facts_of_vectors,
            self.processes,
        )
        for one in selections:
            self._remember(found.facts[one.name])
            cut = cast(int, found.facts[one.name]["cut"])
            if one.task.family.kind.learns:
                self.counts[one.task.family.name]["truncated_candidates"] = cut
                self._tally(one.task.family.name, found.asked[one.name], found.answers[one.name])
            else:  # every process has searched the whole leaf
                self.counts["retrieval"]["truncated"] += cut
        self._end_of_call()
        return found.responses

    def count_anew(self) -> None:
        """Begin the counts again: another part of a run follows, which a later process may have to do by itself."""
        self.counts.clear()

    def all_gather(self, tensor: torch.Tensor) -> torch.Tensor:
        return self.processes.all_gather(tensor)

    def gather_object(self, obj: Any, dst: int = 0) -> list[Any] | None:
        return self.processes.gather_object(obj, dst)

    def barrier(self) -> None:
        self.processes.barrier()

    @property
    def tokenizer_name(self) -> str:
        return self.checkpoint.name.replace("/", "__")

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """The checkpoint's own chat template; raises `UnfitCheckpoint` where it has none."""
        model = self._chat_model()
        try:
            found: str | None = model.chat_template(chat_template)
        except (KeyError, ValueError) as error:
            raise SettingError(
                f"{self.checkpoint.name} has no chat template called {chat_template!r}: {' '.join(str(error).split())}"
            ) from error
        return found

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """A conversation as one prompt, by the checkpoint's chat template."""
        try:
            return str(self._chat_model().apply_chat_template(chat_history, add_generation_prompt))
        except jinja2.exceptions.TemplateError as error:  # somebody's program: it may refuse any conversation
            raise UnfitCheckpoint(
                f"the chat template of {self.checkpoint.name} refuses the conversation: {' '.join(str(error).split())}"
            ) from error

    def set_cache_hook(self, cache_hook: Any) -> None:
        """Refuse the host's ``--use_cache``: it keys answers by text alone, and two families may share a text."""
        raise SettingError(
            "--use_cache does not tell tasks, data and checkpoints apart; leave it out (xstilts eval resumes)"
        )

    def get_model_info(self) -> dict[str, ModelInfo]:
        """What the results file records about the checkpoint and how it was run."""
        encoder = self.checkpoint.encoder
        retrieval_settings = self._retrieval() if encoder is not None else None
        return {
            "xstilts": {
                "checkpoint": self.checkpoint.name,
                "encoder_sha256": encoder.identity if encoder else None,
                "heads": {name: source.identity for name, source in self._used_heads().items()},
                "dtype": self._precision,
                "device": self._device.type,
                "products": products.fastest() if self._device.type == "cpu" else "default",
                "batch_tokens": self.runtime.batch_tokens,
                "max_length": dict(self.lengths),
                "label_order": self._named_labels(),
                "label_maps": self._label_maps(),
                "first_piece": self._pieces_with_tags(),
                "retrieval": cast(VectorsInfo, retrieval_settings.described()) if retrieval_settings else None,
                "rankers": dict(self._ranker_info),
                "processes": self.world_size,
                "language_model": self._language_model_info(),
                "chat_template": self._has_chat_template,
                "trained_on": {
                    family.name: list(languages)
                    for family in sorted(self._families, key=lambda family: family.name)
                    if (languages := self.checkpoint.trained_on(family))
                },
                "counts": {family: dict(values) for family, values in self.counts.items() if values},
                "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            }
        }

    @property
    def _bits(self) -> int | None:
        """Bits that the weights of a language model are packed into."""
        return 4 if self.arguments.load_in_4bit else 8 if self.arguments.load_in_8bit else None

    @property
    def _precision(self) -> str:
        """``float32``, or ``bfloat16, weights of 4 bits``."""
        name = str(self.runtime.dtype).removeprefix("torch.")
        return f"{name}, weights of {self._bits} bits" if self._bits else name

    def _language_model_info(self) -> LanguageModelInfo | None:
        """Which families text answered, and how choices were scored; None for a checkpoint with heads."""
        if self.checkpoint.language_model is None:
            return None
        families = [family.name for family in self._trained_families() if self.checkpoint.is_generated(family)]
        forced = [family.name for family in self._trained_families() if self.checkpoint.forces_languages(family)]
        kind = checkpoints.backend_of(self.checkpoint.language_model.config)
        return {"families": families, "kind": kind, "forced_languages": forced}

    def _named_labels(self) -> dict[str, list[str]]:
        """Label names of the heads in use that were not read from the head's own configuration."""
        found = {}
        for family in self._headed_families():
            names = self.checkpoint.label_names(family) if family.labels else []
            if family.labels and names != self.checkpoint.own_label_names(family):
                found[family.name] = names
        return found

    def _label_maps(self) -> dict[str, Mapping[str, Json]]:
        """How the classes of each head in use were read."""
        labelled = [family for family in self._headed_families() if family.labels]
        maps = {family.name: self.checkpoint.label_map(family) for family in labelled}
        return {name: found.reading().model_dump(mode="json") for name, found in maps.items()}

    def _pieces_with_tags(self) -> dict[str, str]:
        """Taggers in use that are not read at the first piece of a word, whatever it holds."""
        tagged = [family for family in self._headed_families() if family.kind.by_word]
        return {f.name: rule for f in tagged if (rule := self.checkpoint.piece_with_tag(f)) != "any"}

    def _trained_families(self) -> list[Family]:
        return sorted((f for f in self._families if not f.is_embedded), key=lambda f: f.name)

    def _headed_families(self) -> list[Family]:
        return [family for family in self._trained_families() if self.checkpoint.has_head(family)]

    def _used_heads(self) -> dict[str, Source]:
        """What serves each selected family: its head, or the language model."""
        model = self.checkpoint.language_model
        return {
            family.name: model if model and self.checkpoint.is_generated(family) else self.checkpoint.head(family)
            for family in self._trained_families()
        }

    # ------------------------------------------------------------------ fitness

    def _selections(self) -> list[Selection]:
        """The selected leaves; checks at the first call of an evaluation that all of them can be served."""
        selections = announced.current()
        refuse_unfit(self.checkpoint, selections)
        self._families = {selection.task.family for selection in selections}
        self._has_chat_template = any(selection.chat_template for selection in selections)
        return selections

    def _divide(
        self,
        requests: Sequence[Instance],
        request_type: Literal["loglikelihood", "generate_until"],
        by_heads: Callable[[list[Instance]], Sequence[Any]],
    ) -> list[Any]:
        """Answers in the order of requests, each from the language model or from the head of its family."""
        selections = self._selections()
        answers: list[Any] = [None] * len(requests)
        to_heads = [place for place, request in enumerate(requests) if self._has_head(request.task_name)]
        to_model = sorted(set(range(len(requests))) - set(to_heads))
        if to_model:
            self._ask_language_model(requests, to_model, request_type, selections, answers)
            for selection in selections:
                if self.checkpoint.is_generated(selection.task.family):
                    selection.task.config.metadata["xs_thinking"] = dict(self._thinking)
        if to_heads:
            for place, answer in zip(to_heads, by_heads([requests[place] for place in to_heads]), strict=True):
                answers[place] = answer
        self._end_of_call()
        return answers

    def _ask_language_model(
        self,
        requests: Sequence[Instance],
        places: Sequence[int],
        request_type: Literal["loglikelihood", "generate_until"],
        selections: Sequence[Selection],
        answers: list[Any],
    ) -> None:
        """Put what the language model says to the requests at `places` into `answers`."""

        def ask(items: Sequence[serving.Item], _: str) -> tuple[list[Answered], serving.Facts]:
            model = self._language()
            model.is_conversing = self._has_chat_template
            chosen = [requests[places[0]] for item in items for places in item.places]
            said = iter(getattr(model, request_type)(chosen))
            cut = iter(model.cut)
            found = []
            for item in items:
                values = [next(said) for _ in item.places]
                found.append(Answered(values, {"truncated": sum(next(cut) for _ in item.places)}))
            return found, {"lengths": {"language_model": model.max_length}, "thinking": model.thinking_settings}

        data = {selection.name: selection.task.data for selection in selections}
        drawn = {
            requests[place].task_name
            for place in places
            if request_type == "generate_until" and serving.is_drawn(requests[place].args[1])
        }

        def key(task: str) -> Key | None:
            if task in drawn:  # another time it would be another text
                return None
            return self._keys.of_language_model(task, data.get(task), request_type, self._has_chat_template)

        items = serving.items(requests, places, with_arguments=True, apart=drawn)
        found = self.serving.answers(items, key, ask, serving.CONVERSATIONS, self._remember)
        self._tally("language_model", items, found)
        for item, answer in zip(items, found, strict=True):
            for own, value in zip(item.places, cast(Sequence[Json], answer.value), strict=True):
                for place in own:
                    answers[place] = value

    def _has_head(self, task: str) -> bool:
        """Whether a head serves the task; a language model serves whatever no head does, other projects' tasks too."""
        try:
            family, _ = leaf_parts(task)
        except UnknownName as error:
            if self.checkpoint.language_model is not None:
                return False
            raise UnfitCheckpoint(f"a checkpoint with heads serves only this package's tasks, not {task!r}") from error
        return not self.checkpoint.is_generated(family)

    @staticmethod
    def _by_family(requests: Sequence[Instance], wanted: Halves[T]) -> dict[Family, list[int]]:
        """Places of requests by family; all of kinds that `wanted` has."""
        grouped: dict[Family, list[int]] = {}
        for place, request in enumerate(requests):
            family, _ = leaf_parts(request.task_name)
            if family.kind not in wanted:
                raise UnfitCheckpoint(f"{request.task_name} asked for {request.request_type}, which its dataset is not")
            grouped.setdefault(family, []).append(place)
        return grouped

    # ------------------------------------------------------------------ language models

    def _language(self) -> LanguageModel:
        """The language model, loaded at its first use."""
        if self._language_model is None:
            from xstilts_eval.models.language_model import LanguageModel

            source = self.checkpoint.language_model
            assert source is not None
            self.checkpoint.verify(source)
            self._language_model = LanguageModel(
                source,
                self.runtime,
                self.processes,
                self.arguments.max_length,
                enable_thinking=self.arguments.enable_thinking,
                think_end_token=self.arguments.think_end_token,
                chat_template_args=self.arguments.chat_template_args,
                bits=self._bits,
            )
            self.lengths["language_model"] = self._language_model.max_length
        return self._language_model

    def _chat_model(self) -> LanguageModel:
        if self.checkpoint.language_model is None:
            raise UnfitCheckpoint("--apply_chat_template has no meaning for a checkpoint with heads; leave it out")
        model = self._language()
        if not getattr(model.tokenizer, "chat_template", None):
            raise UnfitCheckpoint(f"{self.checkpoint.name} has no chat template; leave --apply_chat_template out")
        given = self.arguments
        is_undecided = given.enable_thinking is None and given.think_end_token is None and not given.chat_template_args
        hint = thoughts.hint(self.checkpoint.name, model.tokenizer.chat_template) if is_undecided else None
        if hint and not self._has_hinted and self.processes.is_first:
            log.warning(hint)
        self._has_hinted = True
        return model

    # ------------------------------------------------------------------ heads

    def _classify_all(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        found = self._ask_heads(requests, answering.CLASSIFIERS, self._classify)
        out = []
        for request, scores in zip(requests, cast(list[list[float]], found), strict=True):
            best = max(range(len(scores)), key=scores.__getitem__)  # the first among equals
            out.append((scores[request.idx], best == request.idx))
        return out

    def _extract_all(self, requests: list[Instance]) -> list[str]:
        return cast(list[str], self._ask_heads(requests, answering.EXTRACTORS, self._extract))

    def _ask_heads(self, requests: Sequence[Instance], halves: Halves[T], say: Say) -> list[Json]:
        """What heads say of the document of each request, family by family."""
        values: list[Json] = [None] * len(requests)
        for family, places in self._by_family(requests, halves).items():
            items = serving.items(requests, places, with_arguments=False)
            found = self.serving.answers(
                items, self._key_of_head, self._asking(family, items, say), serving.DOCUMENTS, self._remember
            )
            self._tally(family.name, items, found)
            for item, answer in zip(items, found, strict=True):
                for place in item.places[0]:
                    values[place] = answer.value
        return values

    def _asking(self, family: Family, items: Sequence[serving.Item], say: Say) -> serving.Ask:
        """Asks the head of a family, which is loaded when it is needed."""
        labels = self._label_map(family)
        languages = len({item.document["language"] for item in items})

        def ask(chosen: Sequence[serving.Item], part: str) -> tuple[list[Answered], serving.Facts]:
            if family not in self._latest_head:
                self._latest_head.clear()  # before the next one is loaded
                self._latest_head[family] = self._head(family)
            label = f"{family.name} · {counted(languages, 'language')}{part}"
            head = replace(self._latest_head[family], label=label)
            values, counts = say(family, head, [item.document for item in chosen], labels)
            return serving.answered(values, counts), {"lengths": {family.name: self.lengths[family.name]}}

        return ask

    @staticmethod
    def _classify(
        family: Family, head: Loaded, documents: Sequence[Any], labels: LabelMap | None
    ) -> tuple[list[Json], Counts]:
        order = labels.order(family.labels) if labels else ()
        values, counts = answering.CLASSIFIERS.of(family.kind)(head, documents, order)
        return [row.tolist() for row in values], counts

    @staticmethod
    def _extract(
        family: Family, head: Loaded, documents: Sequence[Any], labels: LabelMap | None
    ) -> tuple[list[Json], Counts]:
        values, counts = answering.EXTRACTORS.of(family.kind)(head, documents, labels)
        return list(values), counts

    def _key_of_head(self, task: str) -> Key | None:
        data = {one.name: one.task.data for one in announced.current()}
        return self._keys.of_head(data[task]) if task in data else None

    def _facts_of_vectors(self, selection: Selection, found: retrieval.Found) -> serving.Facts:
        name = selection.task.family.name
        lengths = {one: self.lengths[one] for one in ("retrieval", "language_model", name) if one in self.lengths}
        facts: dict[str, Json] = {"lengths": lengths, "cut": found.cut[selection.name]}
        if (ranker := self._rankers.get(name)) is not None:
            facts["ranker"] = {name: cast(Json, ranker[1])}
        return facts

    def _remember(self, facts: serving.Facts) -> None:
        """Take over what a results file says of answers, whether they were made now or before."""
        self.lengths.update(cast(Mapping[str, int], facts.get("lengths", {})))
        self._ranker_info.update(cast(Mapping[str, RankerInfo], facts.get("ranker", {})))
        self._thinking = cast(Mapping[str, Json], facts.get("thinking", self._thinking))

    def _label_map(self, family: Family) -> LabelMap | None:
        """How the head's classes are read, None where it has none with names; the user is told about it once."""
        if not family.kind.has_labels:
            return None
        found = self.checkpoint.label_map(family)
        for note in found.notes:
            if self.processes.is_first and note not in self._said:
                log.warning(note)
        self._said.update(found.notes)
        return found

    def _piece_with_tag(self, family: Family) -> tagging.FirstPiece:
        rule = self.checkpoint.piece_with_tag(family)
        trained = self.checkpoint.first_piece.get(self.checkpoint.head_name(family), rule)
        if rule != trained:
            log.warning(
                "%s: read with first_piece=%s; its bundle says it was trained with %s", family.name, rule, trained
            )
        return rule

    def _head(self, family: Family) -> Loaded:
        of_kind = HEADS.of(family.kind)
        length = family.max_length or of_kind.max_length
        head = self._load(self.checkpoint.head(family), of_kind.auto_class, family.name, length)
        return replace(head, first_piece=self._piece_with_tag(family)) if family.kind.by_word else head

    def _sentence_encoder(self) -> embedding.SentenceEncoder:
        if self._encoder is None:
            source = self.checkpoint.encoder
            if source is None:
                raise UnfitCheckpoint(f"{self.checkpoint.name} names no encoder for retrieval")
            self._encoder = self._embedder(source, self._retrieval(), "retrieval")
        return self._encoder

    def _embedder(self, source: Source, settings: Retrieval, name: str) -> embedding.SentenceEncoder:
        length = min(settings.max_length or embedding.MAX_LENGTH, embedding.MAX_LENGTH)
        if source is self.checkpoint.language_model:
            model = self._language()
            self.lengths[name] = min(self.arguments.max_length or length, model.max_length)
            loaded = model.sentence_encoder_model(self.lengths[name])
        else:
            needs_pooler = settings.pooling == "pooler"
            loaded = self._load(source, "AutoModel", name, length, needs_pooler=needs_pooler)
        if settings.lower_case:
            embedding.lower_case_first(loaded.tokenizer)
        steps = after_pooling.load_steps(source, settings.modules, self._device)
        return embedding.SentenceEncoder(loaded, settings.layer, settings.pooling, prompt=settings.prompt, steps=steps)

    def _ranker(self, family: Family) -> retrieval.Ranker:
        """What embeds queries and candidates of a ranking family, loaded at its first use."""
        if family.name not in self._rankers:
            source, own = self.checkpoint.ranker(family)
            if source is self.checkpoint.encoder or own is None:
                settings, encoder = self._retrieval(), self._sentence_encoder()
            else:  # trained with this pooling; `layer` and `pooling` are for the encoder
                settings, encoder = own, self._embedder(source, own, family.name)
            given, most = self.arguments, encoder.loaded.max_length
            lengths = [min(given.max_length or length, most) for length in embedding.ranking_lengths(family)]
            sides = [
                encoder.reading(length, prompt)
                for length, prompt in zip(lengths, (given.query_prompt, given.passage_prompt), strict=True)
            ]
            described: RankerInfo = {
                "checkpoint": source.identity,
                "layer": settings.layer,
                "pooling": settings.pooling,
                "max_length": lengths,
                "query_prompt": sides[0].prompt,
                "passage_prompt": sides[1].prompt,
            }
            self._rankers[family.name] = retrieval.Ranker(*sides), described
        return self._rankers[family.name][0]

    def _retrieval(self) -> Retrieval:
        """The checkpoint's own retrieval settings, else the model's defaults; arguments override both."""
        encoder = self.checkpoint.encoder
        assert encoder is not None
        return self._overridden(self.checkpoint.retrieval or embedding.default_retrieval(encoder.config))

    def _overridden(self, settings: Retrieval) -> Retrieval:
        given = self.arguments
        changes = {"layer": given.layer, "pooling": given.pooling, "prompt": given.prompt}
        return settings.model_copy(update={name: value for name, value in changes.items() if value is not None})

    def _tell_prompts(self) -> None:
        """Show what stands before sentences in retrieval: a blank lost on the way here moves the scores."""
        if not self.processes.is_first or self.checkpoint.encoder is None:
            return
        given = self.arguments
        shown = {"prompt": self._retrieval().prompt, "query_prompt": given.query_prompt}
        shown |= {"passage_prompt": given.passage_prompt}
        if found := ", ".join(f"{name}={text!r}" for name, text in shown.items() if text):
            log.warning("retrieval puts before every sentence: %s", found)
        for name in shown:
            text = getattr(given, name)
            if text and text.endswith(":"):
                log.warning(
                    "%s=%r ends in a colon without a blank, and models are mostly trained with one: write it with the "
                    "blank, in quotes that reach the program (\"%s='%s '\"), if yours is",
                    *(name, text, name, text),
                )

    def _load(self, source: Source, auto_class: str, name: str, length: int, needs_pooler: bool = False) -> Loaded:
        self.checkpoint.verify(source)
        loaded = source.load(getattr(transformers, auto_class), dtype=self.runtime.dtype, needs_pooler=needs_pooler)
        model = loaded.to(self._device).eval()
        tokenizer = source.tokenizer()
        refuse_foreign_tokenizer(source.name, tokenizer, model)
        return Loaded(model, tokenizer, self.runtime, self._length(name, length, model))

    def _length(self, name: str, default: int, model: Any) -> int:
        """Longest input in sub-words: the argument, else the benchmark's, never more than the model has positions."""
        positions = model_positions(model)
        wanted = self.arguments.max_length
        if wanted and positions and wanted > positions:
            raise SettingError(f"max_length={wanted}: the model has {positions} positions")
        self.lengths[name] = min(wanted or default, positions or wanted or default)
        return self.lengths[name]

    # ------------------------------------------------------------------ counts

    def _tally(self, name: str, items: Sequence[serving.Item], answers: Sequence[Answered]) -> None:
        """Count what happened to this process's documents, until the end of the call."""
        for what, number in serving.tally(items, answers).items():
            self._counted[name][what] += number

    def _end_of_call(self) -> None:
        """Add the counts of all processes; say what came from the store."""
        for part in self.processes.all_gather_object({name: dict(own) for name, own in self._counted.items()}):
            for name, own in part.items():
                for what, number in own.items():
                    self.counts[name][what] += number
        self._counted.clear()
        served, asked = self.serving.taken()
        if served and self.processes.is_first and self.serving.store:
            log.warning(
                "%s of %s come from %s (store=off asks the model again)",
                *(f"{served:,}", counted(served + asked, "answer"), self.serving.store.folder),
            )


def refuse_unfit(checkpoint: checkpoints.Checkpoint, selections: Sequence[Selection | Asked]) -> None:
    """Raise `UnfitCheckpoint` naming every family that cannot be served and the ``--tasks`` list that would run."""
    reasons: dict[str, str] = {}
    families: set[str] = set()
    unnamed: dict[str, str] = {}
    for selection in selections:
        group = selection.family.group
        if group in reasons:
            continue
        given = {
            "--num_fewshot": selection.num_fewshot,
            "--apply_chat_template": selection.chat_template,
            "--system_instruction": selection.system_instruction,
        }
        options = [option for option, value in given.items() if value]
        if options and checkpoint.has_head(selection.family):
            raise UnfitCheckpoint(f"{options[0]} has no meaning for a checkpoint with heads; leave it out")
        if options and checkpoint.forces_languages(selection.family):
            raise UnfitCheckpoint(
                f"{checkpoint.name} is told its languages by code, not by a prompt: leave {' and '.join(options)} out"
            )
        try:
            checkpoint.check(selection.family)
        except UnfitCheckpoint as error:
            reasons[group] = str(error)
            families.add(selection.family.name)
            if error.label_orders:
                unnamed[group] = joined_order(error.label_orders[0])
    if not reasons:
        return
    fit = announced.names_of([s for s in selections if s.family.group not in reasons])
    advice = f"it can serve: --tasks {','.join(fit)}" if fit else "it can serve none of the selected tasks"
    listed = "; ".join(f"{group}: {reason}" for group, reason in reasons.items())
    others = [f"{name}={source}" for name, source in checkpoint.given_heads.items() if name in families]
    subject = f"{checkpoint.name}{' with ' if others else ''}{', '.join(others)}"
    heads = ",".join([f"pretrained={checkpoint.name}", *(f"{n}={s}" for n, s in checkpoint.given_heads.items())])
    typed = [
        f"; with the order that its authors trained with: lm_eval --model xstilts --model_args "
        f"{shlex.quote(f'{heads},label_order={order}')} --tasks {group}"
        for group, order in unnamed.items()
    ]
    raise UnfitCheckpoint(f"{subject} cannot serve {listed}. {advice[0].upper()}{advice[1:]}{''.join(typed)}")


_ACCELERATORS: dict[str, Callable[[], bool]] = {
    "mps": lambda: torch.backends.mps.is_available(),
    "xpu": lambda: torch.xpu.is_available(),
}
"""Devices beside CUDA's that torch may find, by the name that it gives them."""


def _device(device: str | None, processes: Processes) -> torch.device:
    kind = (device or "").partition(":")[0]
    if kind in _ACCELERATORS:
        if not _ACCELERATORS[kind]():
            raise SettingError(f"device={device}: torch finds no such device here; use device=cpu")
        return torch.device(str(device))
    if torch.cuda.is_available():
        if processes.world_size > 1:
            return torch.device("cuda", processes.local_rank)
        return torch.device(device or "cuda:0")
    if device and not device.startswith("cpu"):
        if device != "cuda:0":  # `cuda:0` is what the host says when nobody asked for anything
            raise SettingError(f"device={device}: no CUDA device here; use device=cpu")
        if processes.is_first:
            log.warning("no CUDA device: running on the CPU")
    return torch.device("cpu")
