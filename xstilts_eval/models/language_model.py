"""Decoders and encoder-decoders behind `--model xstilts`: the host's own class, fed by our loader.

Prompts, stop sequences, chat templates and generation are the host's; what is ours: weights from safetensors only,
batches by token budget, choices scored over their shared context, stop sequences that count only behind a thought,
several processes, and what could not be served as asked is counted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any

import transformers
from lm_eval.models.huggingface import HFLM
from tqdm import tqdm

from xstilts_eval.errors import SettingError
from xstilts_eval.models import forced_languages, shared_context, thinking
from xstilts_eval.models.checkpoint import backend_of
from xstilts_eval.models.encoder import Loaded, Runtime, in_batches
from xstilts_eval.models.forced_languages import Direction
from xstilts_eval.models.processes import Processes
from xstilts_eval.models.shared_context import Choice, Score
from xstilts_eval.models.source import Source
from xstilts_eval.models.tokenizer_check import refuse_foreign_tokenizer
from xstilts_eval.reading import Json

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

log = logging.getLogger("xstilts_eval")

_EXACT = {"float32": 1e-5}
"""Relative difference that two ways of scoring the same tokens may show; half precision rounds far more."""
_ROUNDED = 2e-2
_GENERATION_FACTOR = 4
"""A decoding step reads all weights for one token a row, so generation takes more rows than a forward pass."""

Encoded = tuple[tuple[str, str], list[int], list[int]]
Said = tuple[str, bool]
"""A text, and whether what it answers was cut from the left."""


def packing(bits: int) -> transformers.BitsAndBytesConfig:
    """What `from_pretrained` is told to pack weights into 4 bits (NF4) or 8, as QLoRA does (arXiv:2305.14314).

    Raises `SettingError` where the package that does it is not installed.
    """
    if find_spec("bitsandbytes") is None:
        raise SettingError(f"load_in_{bits}bit needs bitsandbytes; pip install bitsandbytes")
    return transformers.BitsAndBytesConfig(load_in_4bit=bits == 4, load_in_8bit=bits == 8, bnb_4bit_quant_type="nf4")


class LanguageModel(HFLM):  # type: ignore[misc]
    """A decoder or encoder-decoder checkpoint answering the host's text requests.

    `max_length` is the longest input in tokens (the model's own by default). `cut` says of each request of the last
    call whether its prompt was cut from the left to fit. `enable_thinking`, `think_end_token` and
    `chat_template_args` are the host's; `bits` are those that weights are packed into (4 or 8). Without an end of
    thoughts, that of the tokenizer counts in conversations (`is_conversing`). Raises `UnfitCheckpoint` when weights
    or tokenizer cannot be read, `SettingError` for thinking without an end.
    """

    def __init__(
        self,
        source: Source,
        runtime: Runtime,
        processes: Processes,
        max_length: int | None = None,
        *,
        enable_thinking: bool | None = None,
        think_end_token: str | int | None = None,
        chat_template_args: Mapping[str, Json] | None = None,
        bits: int | None = None,
    ) -> None:
        backend = backend_of(source.config)
        is_decoder = backend == "causal"
        auto_class = transformers.AutoModelForCausalLM if is_decoder else transformers.AutoModelForSeq2SeqLM
        if bits:  # the library puts the weights where they belong while it packs them
            settings, places = packing(bits), {"": runtime.device}
            model = source.load(auto_class, dtype=runtime.dtype, quantization_config=settings, device_map=places).eval()
        else:
            model = source.load(auto_class, dtype=runtime.dtype).to(runtime.device).eval()
        tokenizer = source.tokenizer(needs_offsets=False)
        refuse_foreign_tokenizer(source.name, tokenizer, model)
        self._end_of_thought = thinking.end_of_thought(tokenizer, think_end_token)
        self._end_was_given = think_end_token is not None or bool(enable_thinking)
        self.is_conversing = False
        if enable_thinking and self._end_of_thought is None:
            raise SettingError(
                f"enable_thinking=true: what ends a thought of {source.name} is not known; give "
                "think_end_token=TEXT, or a token's id"
            )
        with _quiet("lm_eval"):
            super().__init__(
                pretrained=model,
                tokenizer=tokenizer,
                backend=backend,
                max_length=max_length,
                batch_size=1,
                enable_thinking=enable_thinking,
                think_end_token=self._end_of_thought,
                chat_template_args=chat_template_args,
            )
        self._rank, self._world_size = processes.rank, processes.world_size
        self._name, self._runtime = source.name, runtime
        self._shares_context: bool | None = None if is_decoder else False
        self.forces_languages = forced_languages.applies(source.config)
        self.cut: list[bool] = []

    def sentence_encoder_model(self, max_length: int) -> Loaded:
        """The part that turns a sentence into hidden states: the decoder's blocks, or the encoder."""
        model = self.model.base_model if self.backend == "causal" else self.model.get_encoder()
        return Loaded(model, self.tokenizer, self._runtime, max_length)

    @property
    def thinking_settings(self) -> dict[str, Json]:
        """What decided about thoughts, for the results file; {} where nothing did."""
        return thinking.described(self.chat_template_args, self._end_of_thought if self._minds_thoughts else None)

    @property
    def _minds_thoughts(self) -> bool:
        """Whether answers may begin with a thought whose end is known; without a conversation only if somebody says so.

        Encoder-decoders get no such attention: none is known that thinks.
        """
        is_expected = self._end_was_given or self.is_conversing
        return self.backend == "causal" and self._end_of_thought is not None and is_expected

    # ------------------------------------------------------------------ choices

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Score]:
        """(Log-likelihood of the continuation, whether it is the greedy one) for every request, in order.

        Raises `SettingError` for a continuation longer than the model reads; a context that is gets cut and counted.
        """
        encoded = [self._encode(*request.args) for request in requests]
        self.cut = self._cut(encoded)
        documents = [
            [place for place, _ in places]
            for _, places in groupby(enumerate(requests), key=lambda item: (item[1].task_name, item[1].doc_id))
        ]
        if self._shares_context is None:
            self._shares_context = self._sharing_holds(encoded, documents)
        hidden = disable_tqdm or not self._runtime.show_progress
        if not self._shares_context:
            return self._one_by_one(encoded)
        trees = [[self._choice(encoded[place]) for place in places] for places in documents]
        with tqdm(total=len(requests), desc="choices", unit="choice", disable=hidden) as bar:
            scores = shared_context.score(self.model, trees, self._runtime, bar.update)
        return [score for document in scores for score in document]

    def _encode(self, context: str, continuation: str) -> Encoded:
        """Tokens of context and continuation, exactly as the host splits them."""
        if context:
            return ((context, continuation), *self._encode_pair(context, continuation))
        tokens = self.tok_encode(continuation, add_special_tokens=False)
        if self.prefix_token_id != tokens[0]:
            return (context, continuation), [self.prefix_token_id], tokens
        return (context, continuation), tokens[:1], tokens[1:]

    def _cut(self, encoded: Sequence[Encoded]) -> list[bool]:
        """Refuse continuations that do not fit, and say which contexts are cut from the left."""
        longest = max((len(continuation) for _, _, continuation in encoded), default=0)
        if longest > self.max_length:
            raise SettingError(f"max_length={self.max_length}: a choice has {longest} tokens; give a longer max_length")
        if self.backend == "causal":  # the last token is predicted, not read
            return [len(context) + len(continuation) > self.max_length + 1 for _, context, continuation in encoded]
        return [len(context) > self.max_length for _, context, _ in encoded]

    def _choice(self, encoded: Encoded) -> Choice:
        _, context, continuation = encoded
        return Choice((context + continuation)[-(self.max_length + 1) :], len(continuation))

    def _one_by_one(self, encoded: Sequence[Encoded]) -> list[Score]:
        """The host's own way: every choice with its whole context."""
        longest = max(len(context) + len(continuation) for _, context, continuation in encoded)
        self.batch_size_per_gpu = max(1, self._runtime.batch_tokens // min(longest, self.max_length))
        found: list[Score] = super()._loglikelihood_tokens(list(encoded), disable_tqdm=not self._runtime.show_progress)
        return found

    def _sharing_holds(self, encoded: Sequence[Encoded], documents: Sequence[Sequence[int]]) -> bool:
        """Whether this architecture scores a shared context as it scores choices alone, tried on real documents.

        The longest and the shortest document tell: a model that ignores the mask, counts positions itself or attends
        through a window differs on one of them.
        """
        sizes = [sum(len(encoded[place][1]) + len(encoded[place][2]) for place in places) for places in documents]
        order = sorted(range(len(documents)), key=lambda number: sizes[number])
        tried = [documents[number] for number in {order[0], order[-1]}]
        try:
            trees = [[self._choice(encoded[place]) for place in places] for places in tried]
            shared = shared_context.score(self.model, trees, self._runtime)
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
            log.warning("%s: scores every choice with its whole context (%s)", self._name, str(error)[:100])
            return False
        alone = self._one_by_one([encoded[place] for places in tried for place in places])
        together = [score for document in shared for score in document]
        tolerance = _EXACT.get(str(self._runtime.dtype).removeprefix("torch."), _ROUNDED)
        holds = all(
            abs(one - other) <= tolerance * max(1.0, abs(one))
            for (one, _), (other, _) in zip(alone, together, strict=True)
        )
        if not holds:
            log.warning("%s: scores every choice with its whole context (sharing it changes the scores)", self._name)
        return holds

    # ------------------------------------------------------------------ text

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Generated text for every request, in order; the longest go first, in batches by token budget.

        A translation request to a model with forced languages is answered from its document, without a prompt.
        """
        forced = [place for place, request in enumerate(requests) if self._has_forced_languages(request)]
        texts = dict(zip(forced, self._translate([requests[place] for place in forced]), strict=True))
        rest = [place for place in range(len(requests)) if place not in texts]
        texts |= dict(zip(rest, self._continue([requests[place] for place in rest], disable_tqdm), strict=True))
        self.cut = [texts[place][1] for place in range(len(requests))]
        return [texts[place][0] for place in range(len(requests))]

    def _has_forced_languages(self, request: Instance) -> bool:
        return self.forces_languages and isinstance(request.doc, dict) and "target_language" in request.doc

    def _translate(self, requests: Sequence[Instance]) -> list[Said]:
        pairs = [(request.doc["source_language"], request.doc["target_language"]) for request in requests]
        directions = forced_languages.directions(self._name, self.tokenizer, list(dict.fromkeys(pairs)))
        results: list[Said] = [("", False)] * len(requests)
        with tqdm(
            total=len(requests), desc="translations", unit="text", disable=not self._runtime.show_progress
        ) as bar:
            for pair, direction in directions.items():
                places = [place for place, other in enumerate(pairs) if other == pair]
                for place, text in zip(places, self._one_way([requests[p] for p in places], direction), strict=True):
                    results[place] = text
                bar.update(len(places))
        return results

    def _one_way(self, requests: Sequence[Instance], direction: Direction) -> list[Said]:
        """Translations of requests that share their languages."""
        texts = [request.doc["source"] for request in requests]
        most = _most_tokens(requests[0].args[1], self.max_gen_toks)
        lengths = [len(self.tokenizer(text)["input_ids"]) for text in texts]
        runtime = replace(self._runtime, batch_tokens=_GENERATION_FACTOR * self._runtime.batch_tokens)

        def translate(batch: list[int]) -> list[str]:
            chosen = [texts[row] for row in batch]
            return forced_languages.translate(self.model, self.tokenizer, chosen, direction, most, self.max_length)

        results = [""] * len(texts)
        sizes = [min(length, self.max_length) + most for length in lengths]
        for batch, found in in_batches(runtime, "translations", sizes, translate):
            for row, text in zip(batch, found, strict=True):
                results[row] = text
        return [(text, length > self.max_length) for text, length in zip(results, lengths, strict=True)]

    def _continue(self, requests: list[Instance], disable_tqdm: bool) -> list[Said]:
        lengths = [len(self.tok_encode(request.args[0])) for request in requests]
        limits = [_most_tokens(request.args[1], self.max_gen_toks) for request in requests]
        for limit in limits:
            if self.backend == "causal" and limit >= self.max_length:
                raise SettingError(
                    f"max_length={self.max_length} leaves no room for a prompt beside {limit} generated tokens; give a "
                    "longer max_length or a smaller max_gen_toks"
                )
        room = [self.max_length - (limit if self.backend == "causal" else 0) for limit in limits]
        results = [""] * len(requests)
        sizes = [min(length, most) + limit for length, most, limit in zip(lengths, room, limits, strict=True)]
        hidden = disable_tqdm or not self._runtime.show_progress
        runtime = replace(self._runtime, batch_tokens=_GENERATION_FACTOR * self._runtime.batch_tokens)
        self.think_end_token = self._end_of_thought if self._minds_thoughts else None

        def generate(batch: list[int]) -> list[str]:
            self.batch_size_per_gpu = len(batch)
            try:
                texts: list[str] = HFLM.generate_until(self, [requests[place] for place in batch], disable_tqdm=True)
            except (TypeError, ValueError) as error:  # how transformers refuses options of generation
                options = {name: value for name, value in requests[batch[0]].args[1].items() if name != "until"}
                raise SettingError(f"cannot generate text with {options}: {' '.join(str(error).split())}") from error
            return texts

        with tqdm(total=len(requests), desc="answers", unit="text", disable=hidden) as bar, _quiet("lm_eval"):
            for batch, texts in in_batches(runtime, "answers", sizes, generate):
                for place, text in zip(batch, texts, strict=True):
                    results[place] = text
                bar.update(len(batch))
        return [(text, length > most) for text, length, most in zip(results, lengths, room, strict=True)]

    def _model_generate(self, context: Any, max_length: int, stop: list[str], **options: Any) -> Any:
        """As the host's, which counts the prompt of an encoder-decoder into the length of its answer."""
        if self.backend == "seq2seq":
            max_length = max_length - context.shape[1] + 1  # the decoder's start token
        if self._minds_thoughts:
            assert self._end_of_thought is not None
            options["max_length"] = max_length
            return thinking.generate(
                super()._model_generate, self.tokenizer, self._end_of_thought, context, stop, **options
            )
        return super()._model_generate(context, max_length, stop, **options)


def _most_tokens(options: Mapping[str, Any], default: int) -> int:
    """The bound of an answer; raises `SettingError` for one that is no whole number above 0."""
    most = options.get("max_gen_toks", default)
    if isinstance(most, bool) or not str(most).isdigit() or int(most) < 1:
        raise SettingError(f"max_gen_toks={most}: give a whole number above 0")
    return int(most)


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Errors only from one logger: the host warns about every model object and every cut prompt."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
