"""A translation checkpoint (NLLB, M2M-100 or OPUS-MT) that turns English texts into another language.

How each is told the target language, as their model cards and tokenizers say:

* NLLB: its FLORES code (``swh_Latn``) is the first target token; the source code stands before the source text;
* M2M-100: the same with ISO 639-1 codes (``__sw__``);
* OPUS-MT (Marian): one pair only, which the tokenizer's `target_lang` names, or ``>>swh<<`` before the source text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
import transformers

from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.languages import Language, languages
from xstilts_eval.languages import language as language_of
from xstilts_eval.models.batching import default_batch_tokens, unless_out_of_memory
from xstilts_eval.models.source import Source
from xstilts_eval.models.tokenizer_check import refuse_foreign_tokenizer

DTYPES = ("float32", "bfloat16", "float16")
BEAMS = 4
"""Beams unless asked otherwise; OPUS-MT's own configurations say 4 or 6 (recalled, unverified)."""
GROWTH, ROOM = 3, 20
"""A translation may have `GROWTH` times the tokens of its source and `ROOM` more; what is longer by then is a model
repeating itself. Choice of ours."""
GENERATION_FACTOR = 4
"""As for answers, see `models.language_model`: a decoding step takes one token a row, so rows are many."""
_ENGLISH = "en"


class Translator(Protocol):
    """What `run` needs: who it is, what it was set to, sizes in tokens, and translations."""

    @property
    def identity(self) -> str: ...
    @property
    def settings(self) -> dict[str, str | int]: ...
    @property
    def longest(self) -> int: ...
    @property
    def batch_tokens(self) -> int: ...
    def check(self, language: str) -> None: ...
    def length(self, text: str) -> int: ...
    def lengths(self, texts: Sequence[str]) -> list[int]: ...
    def translate(self, texts: Sequence[str], language: str) -> list[str | None]: ...


@dataclass(frozen=True)
class Route:
    """How a target language is asked for: text before the source, the source's code, the first target token."""

    prefix: str = ""
    source: str | None = None
    first: int | None = None


@dataclass(frozen=True)
class Options:
    """How to translate; `batch_tokens` counts padded source tokens times beams."""

    beams: int = BEAMS
    dtype: str = "float32"
    batch_tokens: int | None = None

    def check(self) -> None:
        """Raise `SettingError` for a value that is not allowed."""
        if self.beams < 1:
            raise SettingError(f"--beams {self.beams}; give 1 (greedy search) or more")
        if self.dtype not in DTYPES:
            raise SettingError(f"--dtype {self.dtype!r}; allowed: {', '.join(DTYPES)}")
        if self.batch_tokens is not None and self.batch_tokens < 1:
            raise SettingError(f"--batch-tokens {self.batch_tokens}; give a positive number")


def open_model(name: str, options: Options) -> HubTranslator:
    """The checkpoint in a folder or on the hub (``owner/name@revision``), on CUDA where there is any.

    Raises `UnfitCheckpoint` for one that does not translate or cannot be read, `SettingError` for other options.
    """
    options.check()
    source = _named(name)
    kind = source.config.model_type
    if kind not in ("m2m_100", "marian"):
        raise UnfitCheckpoint(
            f"{name} is a {kind} checkpoint; translating takes NLLB, M2M-100 (both m2m_100) or OPUS-MT (marian)"
        )
    tokenizer = _tokenizer(source)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = source.load(transformers.AutoModelForSeq2SeqLM, dtype=getattr(torch, options.dtype)).to(device).eval()
    refuse_foreign_tokenizer(name, tokenizer, model)
    return HubTranslator(source, model, tokenizer, options)


def _named(name: str) -> Source:
    """A folder, or a hub id with the revision behind its ``@``."""
    hub_id, sign, revision = name.rpartition("@")
    return Source(hub_id, revision) if sign and Source(name).folder is None else Source(name)


def _tokenizer(source: Source) -> Any:
    try:
        return source.tokenizer(needs_offsets=False)
    except UnfitCheckpoint as error:
        if "sentencepiece" in str(error).lower():
            raise UnfitCheckpoint(
                f"{source.name}: its tokenizer needs sentencepiece, which is not installed; pip install sentencepiece"
            ) from error
        raise


class HubTranslator:
    """`Translator` over a transformers model; deterministic: greedy or beam search, the same batches every time."""

    def __init__(self, source: Source, model: Any, tokenizer: Any, options: Options) -> None:
        self._source, self._model, self._tokenizer, self._options = source, model, tokenizer, options
        self._device = model.device
        self._routes: dict[str, Route] = {}
        _set_search(model.generation_config, options.beams)
        positions = int(model.config.max_position_embeddings)
        self._positions = positions
        self._longest = min(positions, int(tokenizer.model_max_length))

    @cached_property
    def identity(self) -> str:
        """Hub id and commit, or a hash of a local folder's files."""
        return self._source.identity

    @property
    def settings(self) -> dict[str, str | int]:
        """All that can move a translation beside the model."""
        return {
            "beams": self._options.beams,
            "dtype": self._options.dtype,
            "batch_tokens": self.batch_tokens,
            "device": self._device.type,
        }

    @property
    def batch_tokens(self) -> int:
        """Padded source tokens in one batch."""
        asked = self._options.batch_tokens or GENERATION_FACTOR * default_batch_tokens(self._device)
        return max(1, asked // self._options.beams)

    @property
    def longest(self) -> int:
        """Tokens of the longest source, those of languages and ends counted."""
        return self._longest - self._prefix_room

    @cached_property
    def _prefix_room(self) -> int:
        return 1 if self._model.config.model_type == "marian" else 0  # >>language<<

    def check(self, language: str) -> None:
        """Raise `SettingError` where the checkpoint does not translate from English into `language`."""
        self._route(language)

    def length(self, text: str) -> int:
        """Source tokens of one text."""
        return self.lengths([text])[0]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Source tokens of every text."""
        return [len(ids) for ids in self._tokenizer(list(texts))["input_ids"]] if texts else []

    def translate(self, texts: Sequence[str], language: str) -> list[str | None]:
        """One translation per text, in order; None where the search found no end in time or the text is too long.

        A batch that does not fit in memory is halved. Raises `SettingError` when a single text does not fit.
        """
        route = self._route(language)
        if not texts:
            return []
        if route.source is not None:
            self._tokenizer.src_lang = route.source
        rows = self._tokenizer([route.prefix + text for text in texts])["input_ids"]
        readable = [place for place, row in enumerate(rows) if len(row) <= self._longest]
        found: list[str | None] = [None] * len(rows)
        for place, text in zip(readable, self._halving([rows[place] for place in readable], route), strict=True):
            found[place] = text
        return found

    def _halving(self, rows: list[list[int]], route: Route) -> list[str | None]:
        if not rows:
            return []
        found = unless_out_of_memory(
            lambda batch: self._generate([rows[place] for place in batch], route), [*range(len(rows))]
        )
        if found is not None:
            return found
        if len(rows) == 1:
            raise SettingError(
                f"one sentence of {len(rows[0])} tokens does not fit in the memory of {self._device}; use fewer "
                "--beams, --dtype bfloat16 or a device with more memory"
            )
        middle = len(rows) // 2
        return self._halving(rows[:middle], route) + self._halving(rows[middle:], route)

    @torch.inference_mode()
    def _generate(self, rows: list[list[int]], route: Route) -> list[str | None]:
        inputs = self._tokenizer.pad({"input_ids": rows}, return_tensors="pt").to(self._device)
        limits = [min(GROWTH * len(row) + ROOM, self._positions - 1) for row in rows]
        output = self._model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=max(limits),
            forced_bos_token_id=route.first,
        )
        skipped = 1 if route.first is None else 2  # what starts the decoder, and the target language
        kept = [_until_end(row[skipped:], self._end, limit) for row, limit in zip(output.tolist(), limits, strict=True)]
        decoded = self._tokenizer.batch_decode([ids or [] for ids in kept], skip_special_tokens=True)
        return [None if ids is None else text for ids, text in zip(kept, decoded, strict=True)]

    @property
    def _end(self) -> int:
        return int(self._tokenizer.eos_token_id)

    # ------------------------------------------------------------------ languages

    def _route(self, code: str) -> Route:
        if code not in self._routes:
            language = language_of(code)
            if self._model.config.model_type == "marian":
                self._routes[code] = self._marian(language)
            elif hasattr(self._tokenizer, "lang_code_to_id"):
                self._routes[code] = self._m2m(language)
            else:
                self._routes[code] = self._nllb(language)
        return self._routes[code]

    def _nllb(self, language: Language) -> Route:
        vocabulary = self._vocabulary
        english = language_of(_ENGLISH).flores
        if english not in vocabulary or not hasattr(self._tokenizer, "src_lang"):
            raise UnfitCheckpoint(
                f"{self._source.name}: the tokenizer knows neither M2M-100's nor NLLB's languages ({english}); it "
                "needs its own tokenizer files"
            )
        if language.flores not in vocabulary:
            raise self._lacks(language, [row.code for row in languages().values() if row.flores in vocabulary])
        return Route(source=english, first=vocabulary[language.flores])

    def _m2m(self, language: Language) -> Route:
        known: dict[str, int] = self._tokenizer.lang_code_to_id
        if language.code not in known:
            raise self._lacks(language, [code for code in languages() if code in known])
        return Route(source=_ENGLISH, first=known[language.code])

    def _marian(self, language: Language) -> Route:
        source = getattr(self._tokenizer, "source_lang", None)
        named = {row.code for row in languages().values() if source in _names(row)}
        if named and _ENGLISH not in named:
            raise SettingError(f"{self._source.name} translates from {source!r}; what is translated here is English")
        codes = list(getattr(self._tokenizer, "supported_language_codes", ()))
        if codes:
            own = [code for code in codes if _means(code[2:-2], language)]
            if not own:
                rows = languages().values()
                raise self._lacks(language, [r.code for r in rows if any(_means(c[2:-2], r) for c in codes)])
            return Route(prefix=f"{min(own, key=len)} ")
        target = getattr(self._tokenizer, "target_lang", None)
        if target is None:
            raise UnfitCheckpoint(
                f"{self._source.name} does not say what language it translates into; add target_lang (as in "
                f"{language.code!r}) to its tokenizer_config.json"
            )
        if not _means(target, language):
            raise SettingError(f"{self._source.name} translates into {target!r} only, not into {language.code!r}")
        return Route()

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        return dict(self._tokenizer.get_vocab())

    def _lacks(self, language: Language, known: Sequence[str]) -> SettingError:
        return SettingError(
            f"{self._source.name} does not translate into {language.name} ({language.code!r}); of our languages it "
            f"knows {', '.join(sorted(known)) or 'none'}"
        )


def _set_search(search: Any, beams: int) -> None:
    """Greedy or beam search with the checkpoint's own further settings, without sampling, forced ends and its limit.

    Set on the model's own configuration, because `generate` fills in from there whatever it is not given.
    """
    sampling = dict.fromkeys(("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"))
    # Marian's forced end would make every unfinished translation look finished.
    search.update(num_beams=beams, do_sample=False, num_return_sequences=1, forced_eos_token_id=None, max_length=None)
    search.update(**sampling)
    if beams == 1:
        search.update(early_stopping=None, length_penalty=None)


def _names(language: Language) -> set[str]:
    """Codes under which models know a language, without scripts."""
    return {language.code, language.iso639_3, language.tatoeba, language.flores.partition("_")[0]} - {""}


def _means(name: str, language: Language) -> bool:
    """Whether ``deu``, ``de``, ``cmn_Hans`` or ``zh_CN`` names the language, in its usual script where one is told."""
    base, _, rest = name.partition("_")
    scripts = {language.script, language.flores.partition("_")[2]}
    return base in _names(language) and (not re.fullmatch(r"[A-Z][a-z]{3}", rest) or rest in scripts)


def _until_end(ids: Sequence[int], end: int, limit: int) -> list[int] | None:
    """The tokens before the first `end` among `limit`, or None where there is no end."""
    kept = list(ids[:limit])
    return kept[: kept.index(end)] if end in kept else None
