"""`--model xstilts`: the host's model class for checkpoints with heads.

Requests come by type; which head answers is decided by the leaf that announced them, never by strings. Fitness of
checkpoint and leaves is checked at the first call, before anything is loaded.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import transformers
from lm_eval.api.model import LM

from xstilts_eval.benchmark import Family, Kind, leaf_parts
from xstilts_eval.bundle import Retrieval
from xstilts_eval.errors import SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.models import arguments, embedding, labels, pairs, retrieval, spans, tagging
from xstilts_eval.models import checkpoint as checkpoints
from xstilts_eval.models.batching import default_batch_tokens
from xstilts_eval.models.encoder import Loaded, Runtime, model_positions
from xstilts_eval.models.processes import Processes
from xstilts_eval.models.source import Source
from xstilts_eval.tasks import announced

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

    from xstilts_eval.tasks.announced import Selection
    from xstilts_eval.tasks.documents import LeafData

log = logging.getLogger("xstilts_eval")


class XstiltsLM(LM):  # type: ignore[misc]
    """An encoder checkpoint with heads, answering the host's requests.

    Arguments (all may come as ``--model_args key=value``):

    * `pretrained`: a bundle, a folder or a hub id; `revision` pins a hub id;
    * a family name (``xnli=…``, ``panx=…``): another checkpoint for that family;
    * `dtype`: ``float32`` (default, for reported scores), ``bfloat16`` or ``float16``;
    * `device`: the host says ``cuda:0`` when nobody did; without CUDA that means the CPU;
    * `batch_tokens`: padded tokens a batch may hold; a `batch_size` above 1 caps its rows too;
    * `max_length`: sub-words, at least 16; by default 128 for pairs and tagging, 384 for questions, 512 for sentences;
    * `layer`, `pooling`: block and pooling of sentence vectors; defaults by model, see `embedding.default_retrieval`;
    * `label_order`: class names joined by ``|`` for heads whose config has none.

    Raises `SettingError` for an unknown argument and `UnfitCheckpoint` when the checkpoint cannot be read.
    """

    def __init__(self, pretrained: str, batch_size: int | str | None = None, **others: Any) -> None:
        super().__init__()
        self.arguments = arguments.read({"pretrained": pretrained, **others})
        self.processes = Processes()
        self._rank, self._world_size = self.processes.rank, self.processes.world_size
        self._device = _device(self.arguments.device, self.processes)
        self.runtime = Runtime(
            self._device,
            getattr(torch, self.arguments.dtype),
            self.arguments.batch_tokens or default_batch_tokens(self._device),
            arguments.row_cap(batch_size),
            self.arguments.show_progress and self.processes.is_first,
        )
        self.checkpoint = checkpoints.resolve(
            self.arguments.pretrained, self.arguments.revision, self.arguments.heads, self.arguments.label_order
        )
        self._encoder: embedding.SentenceEncoder | None = None
        self.lengths: dict[str, int] = {}
        self.counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    # ------------------------------------------------------------------ what the host calls

    def loglikelihood(self, requests: list[Instance], **_: Any) -> list[tuple[float, bool]]:
        """Log-probability of each class of a pair, and whether it is the most probable."""
        answers: dict[tuple[str, int], Any] = {}
        for family, documents in self._by_family(requests, Kind.PAIR).items():
            answers |= dict(zip(documents, self._classify(family, list(documents.values())), strict=True))
        out = []
        for request in requests:
            scores = answers[request.task_name, request.doc_id]
            out.append((float(scores[request.idx]), bool(scores.argmax() == request.idx)))
        return out

    def generate_until(self, requests: list[Instance], **_: Any) -> list[str]:
        """The tag sequence of a tagged sentence, or the answer span of a question, as text."""
        answers: dict[tuple[str, int], str] = {}
        for family, documents in self._by_family(requests, Kind.TAGGED, Kind.QUESTION).items():
            answer = self._tag if family.kind is Kind.TAGGED else self._answer
            answers |= dict(zip(documents, answer(family, list(documents.values())), strict=True))
        return [answers[request.task_name, request.doc_id] for request in requests]

    def embed(self, requests: list[Instance], **_: Any) -> list[dict[str, Any]]:
        """Retrieval: nearest neighbours in the leaf's pool, or the mined pairs of a shard.

        Collective over processes: every process walks through all selected retrieval leaves in the same order.
        """
        selections = [s for s in self._selections() if s.task.family.kind in (Kind.BITEXT, Kind.MINING)]
        encoder = self._sentence_encoder()
        data = {selection.name: selection.task.data for selection in selections}
        found: dict[str, Any] = {}
        share = retrieval.SharedEmbedder(encoder, self.processes)
        bitexts = [s for s in selections if s.task.family.kind is Kind.BITEXT]
        texts = [text for s in bitexts for side in s.task.data.pool for text in side]
        if texts:
            share.prepare(texts, f"{_families(bitexts)} · {len(bitexts)} languages")
        for name, leaf in data.items():
            if leaf.corpus is None or leaf.development is None:
                found[name] = retrieval.search_both_ways(*leaf.pool, share)
            else:
                found[name] = retrieval.mine_corpus(leaf.corpus, leaf.development, encoder, self.processes, name)
        self.counts["retrieval"]["truncated"] = encoder.truncated
        return [_embed_response(request.doc, found[request.task_name], data[request.task_name]) for request in requests]

    def loglikelihood_rolling(self, requests: list[Instance], **_: Any) -> list[float]:
        """Not for encoders: raises `UnfitCheckpoint`."""
        raise UnfitCheckpoint(
            "perplexity (loglikelihood_rolling) needs a language model; --model xstilts serves the tasks "
            "xtreme_* and bitext_tatoeba"
        )

    def all_gather(self, tensor: torch.Tensor) -> torch.Tensor:
        return self.processes.all_gather(tensor)

    def gather_object(self, obj: Any, dst: int = 0) -> list[Any] | None:
        return self.processes.gather_object(obj, dst)

    def barrier(self) -> None:
        self.processes.barrier()

    def set_cache_hook(self, cache_hook: Any) -> None:
        """Refuse the host's ``--use_cache``: it keys answers by text alone, and two families may share a text."""
        raise SettingError(
            "--use_cache does not tell tasks, data and checkpoints apart; leave it out (xstilts eval resumes)"
        )

    def get_model_info(self) -> dict[str, Any]:
        """What the results file records about the checkpoint and how it was run."""
        encoder = self.checkpoint.encoder
        retrieval_settings = self._retrieval() if encoder is not None else None
        return {
            "xstilts": {
                "checkpoint": self.checkpoint.name,
                "encoder_sha256": encoder.identity if encoder else None,
                "heads": {name: source.identity for name, source in self._used_heads().items()},
                "dtype": str(self.runtime.dtype).removeprefix("torch."),
                "device": self._device.type,
                "batch_tokens": self.runtime.batch_tokens,
                "max_length": dict(self.lengths),
                "label_order": self._named_labels(),
                "retrieval": retrieval_settings.model_dump() if retrieval_settings else None,
                "processes": self.world_size,
                "counts": {family: dict(values) for family, values in self.counts.items()},
                "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            }
        }

    def _named_labels(self) -> dict[str, list[str]]:
        """Label names of the heads in use that were not read from the head's own configuration."""
        found = {}
        for family in self._trained_families():
            names = self.checkpoint.label_names(family)
            if names != labels.ordered_names(self.checkpoint.head(family).config.id2label, None):
                found[family.name] = names
        return found

    @staticmethod
    def _trained_families() -> list[Family]:
        families = {s.task.family for s in announced.current()}
        return sorted((f for f in families if f.kind not in (Kind.BITEXT, Kind.MINING)), key=lambda f: f.name)

    def _used_heads(self) -> dict[str, Source]:
        return {family.name: self.checkpoint.head(family) for family in self._trained_families()}

    # ------------------------------------------------------------------ fitness

    def _selections(self) -> list[Selection]:
        """The selected leaves; checks at the first call of an evaluation that all of them can be served."""
        selections = announced.current()
        refuse_unfit(self.checkpoint, selections)
        return selections

    def _by_family(self, requests: Sequence[Instance], *kinds: Kind) -> dict[Family, dict[tuple[str, int], Any]]:
        """Documents by family, each once, keyed by (task name, document number)."""
        self._selections()
        grouped: dict[Family, dict[tuple[str, int], Any]] = {}
        for request in requests:
            try:
                family, _ = leaf_parts(request.task_name)
            except UnknownName as error:
                raise UnfitCheckpoint(
                    f"--model xstilts serves only this package's tasks, not {request.task_name!r}"
                ) from error
            if family.kind not in kinds:
                raise UnfitCheckpoint(f"{request.task_name} asked for {request.request_type}, which its family is not")
            grouped.setdefault(family, {})[request.task_name, request.doc_id] = request.doc
        return grouped

    # ------------------------------------------------------------------ heads

    def _classify(self, family: Family, documents: list[Any]) -> Any:
        order = labels.class_order(family, self.checkpoint.label_names(family))
        head = self._head(family, "AutoModelForSequenceClassification", documents, pairs.MAX_LENGTH)
        values, counts = pairs.classify(head, documents, order)
        self._count(family, counts)
        return values

    def _tag(self, family: Family, documents: list[Any]) -> list[str]:
        tags = labels.tag_names(family, self.checkpoint.label_names(family))
        head = self._head(family, "AutoModelForTokenClassification", documents, tagging.MAX_LENGTH)
        found, counts = tagging.tag(head, documents, tags)
        self._count(family, counts)
        return [" ".join(sequence) for sequence in found]

    def _answer(self, family: Family, documents: list[Any]) -> list[str]:
        head = self._head(family, "AutoModelForQuestionAnswering", documents, spans.MAX_LENGTH)
        found, counts = spans.answer(head, documents)
        self._count(family, counts)
        return found

    def _head(self, family: Family, auto_class: str, documents: Sequence[dict[str, Any]], length: int) -> Loaded:
        languages = len({doc["language"] for doc in documents})
        label = f"{family.name} · {languages} language{'s' if languages > 1 else ''}"
        return self._load(self.checkpoint.head(family), auto_class, family.name, length, label)

    def _sentence_encoder(self) -> embedding.SentenceEncoder:
        if self._encoder is None:
            source = self.checkpoint.encoder
            if source is None:
                raise UnfitCheckpoint(f"{self.checkpoint.name} names no encoder for retrieval")
            settings = self._retrieval()
            length = min(settings.max_length or embedding.MAX_LENGTH, embedding.MAX_LENGTH)
            loaded = self._load(source, "AutoModel", "retrieval", length, "")
            self._encoder = embedding.SentenceEncoder(loaded, settings.layer, settings.pooling)
        return self._encoder

    def _retrieval(self) -> Retrieval:
        """The checkpoint's own retrieval settings, else the model's defaults; arguments override both."""
        encoder = self.checkpoint.encoder
        assert encoder is not None
        settings = self.checkpoint.retrieval or embedding.default_retrieval(encoder.config)
        changes = {"layer": self.arguments.layer, "pooling": self.arguments.pooling}
        return settings.model_copy(update={name: value for name, value in changes.items() if value is not None})

    def _load(self, source: Source, auto_class: str, name: str, length: int, label: str) -> Loaded:
        model = source.load(getattr(transformers, auto_class), dtype=self.runtime.dtype).to(self._device).eval()
        tokenizer = source.tokenizer()
        rows = model.get_input_embeddings().num_embeddings
        if len(tokenizer) > rows:
            raise UnfitCheckpoint(f"{source.name}: the tokenizer has {len(tokenizer)} tokens, the model {rows}")
        return Loaded(model, tokenizer, self.runtime, self._length(name, length, model), label)

    def _length(self, name: str, default: int, model: Any) -> int:
        """Longest input in sub-words: the argument, else the benchmark's, never more than the model has positions."""
        positions = model_positions(model)
        wanted = self.arguments.max_length
        if wanted and positions and wanted > positions:
            raise SettingError(f"max_length={wanted}: the model has {positions} positions")
        self.lengths[name] = min(wanted or default, positions or wanted or default)
        return self.lengths[name]

    def _count(self, family: Family, counts: dict[str, int]) -> None:
        for name, value in counts.items():
            self.counts[family.name][name] += value


def _embed_response(doc: dict[str, Any], found: Any, data: LeafData) -> dict[str, Any]:
    if data.corpus is None:
        response: dict[str, Any] = found[doc["gold"]]  # `gold` is also the line of the query's own pair
        return response
    mined, threshold = found
    shard = data.ids_of_shard(doc)
    return {"pairs": [pair for pair in mined if pair[0] in shard], "threshold": threshold}


def refuse_unfit(checkpoint: checkpoints.Checkpoint, selections: Sequence[Selection]) -> None:
    """Raise `UnfitCheckpoint` naming every family that cannot be served and the ``--tasks`` list that would run."""
    reasons: dict[str, str] = {}
    for selection in selections:
        group = selection.task.family.group
        if group in reasons:
            continue
        if selection.num_fewshot or selection.chat_template:
            option = "--num_fewshot" if selection.num_fewshot else "--apply_chat_template"
            raise UnfitCheckpoint(f"{option} has no meaning for a checkpoint with heads; leave it out")
        try:
            checkpoint.check(selection.task.family)
        except UnfitCheckpoint as error:
            reasons[group] = str(error)
    if not reasons:
        return
    fit = names_of([s for s in selections if s.task.family.group not in reasons])
    advice = f"it can serve: --tasks {','.join(fit)}" if fit else "it can serve none of the selected tasks"
    listed = "; ".join(f"{group}: {reason}" for group, reason in reasons.items())
    raise UnfitCheckpoint(f"{checkpoint.name} cannot serve {listed}. {advice[0].upper()}{advice[1:]}")


def names_of(selections: Sequence[Selection]) -> list[str]:
    """The shortest ``--tasks`` list: a group where all its languages are selected, leaves otherwise."""
    by_family: dict[Family, list[str]] = {}
    for selection in selections:
        by_family.setdefault(selection.task.family, []).append(selection.name)
    return [
        name
        for family, names in by_family.items()
        for name in ([family.group] if len(names) == len(family.languages) else names)
    ]


def _device(device: str | None, processes: Processes) -> torch.device:
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


def _families(selections: Sequence[Selection]) -> str:
    return "+".join(dict.fromkeys(selection.task.family.group for selection in selections))
