"""Masked-language-model co-training on multilingual text: what is drawn, what is masked, and the loss.

Everything that chance decides comes from counters (Philox, Salmon et al. 2011) keyed by the seed, and not from the
state of a generator: draw `k` of a run is the same row with the same mask whatever was drawn before, so that a run that
goes on, or that cuts its batches differently, sees the same data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from torch.nn.functional import cross_entropy

from xstilts_eval.data.corpora import HubCorpus, Text, in_folder, read_files, read_hub, revision
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models.source import Source
from xstilts_eval.models.tagging import template
from xstilts_eval.reading import Json
from xstilts_eval.training.rows import IGNORED, Labelled

MASKED, REPLACED = 0.8, 0.1
"""Of the chosen tokens, the share that becomes the mask token and the share that becomes a random one; the rest stays
as it is (Devlin et al. 2019, arXiv:1810.04805, section 3.1; jiant `mlm.py:147-195`)."""

_LANGUAGE, _ORDER, _MASK = 1, 2, 3
"""Streams of random numbers of one seed."""
_ENCODED = 1_000
"""Lines tokenised at once."""


class MlmSettings(BaseModel):
    """What text is co-trained on, and how much.

    The text comes from one of `files` (language → paths), a `folder` of ``<language>.txt`` or a `hub` corpus;
    `languages` chooses among them, and is needed for the hub.

    `share` of the optimiser steps are masked-language-model steps; no default: the paper's mixing rate is not recalled.
    `exponent`: a language with n texts is drawn with probability ∝ n ** exponent; 0.3 is XLM-R's (Conneau et al. 2020,
    arXiv:1911.02116, section 3), that of the paper is not recalled. `probability`: tokens chosen for prediction (BERT;
    jiant `mlm.py:82`). `max_length`: tokens of a row with its special ones, 256 as in jiant's XTREME scripts for
    everything but question answering, our choice for this text. `max_lines` of a language are kept in memory, the first
    ones; our choice, None keeps all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(gt=0, lt=1)
    files: dict[str, tuple[Path, ...]] | None = None
    folder: Path | None = None
    hub: HubCorpus | None = None
    languages: tuple[str, ...] = ()
    exponent: float = Field(default=0.3, ge=0, le=1)
    probability: float = Field(default=0.15, gt=0, lt=1)
    max_length: int = Field(default=256, ge=16)
    max_lines: int | None = Field(default=50_000, ge=1)

    @field_validator("files", mode="before")
    @classmethod
    def _one_path_is_a_list(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {language: [paths] if isinstance(paths, (str, Path)) else paths for language, paths in value.items()}

    @model_validator(mode="after")
    def _one_source(self) -> MlmSettings:
        given = [name for name in ("files", "folder", "hub") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"text comes from one of files, folder or hub, not from {' and '.join(given) or 'none'}")
        if self.hub is not None and not self.languages:
            raise ValueError("a hub corpus needs the list of languages to read")
        if self.files is not None and (unknown := set(self.languages) - set(self.files)):
            raise ValueError(f"languages without files: {', '.join(sorted(unknown))}")
        return self

    def paths(self) -> dict[str, tuple[Path, ...]]:
        """The local files by language, in alphabetical order; none for a hub corpus."""
        found = self.files or {}
        if self.folder is not None:
            found = in_folder(self.folder, self.languages)
        return {language: found[language] for language in sorted(self.languages or found) if language in found}

    def identity(self) -> dict[str, Json]:
        """Everything that could move a number, wherever the text lies: its contents and the other settings.

        Raises `MissingData` and `UnknownName` for text that is not there.
        """
        if self.hub is not None:
            text = {language: self.hub.version(language) for language in sorted(self.languages)}
        else:
            text = {language: revision(paths) for language, paths in self.paths().items()}
        return {"text": text} | self.model_dump(exclude={"files", "folder", "hub", "languages"})


def read(settings: MlmSettings) -> dict[str, Text]:
    """The text by language, in alphabetical order; raises `MissingData`, `DataError`, `UnknownName`, `FetchError`."""
    if settings.hub is not None:
        return read_hub(settings.hub, sorted(settings.languages), settings.max_lines)
    return read_files(settings.paths(), settings.max_lines)


def shares(sizes: Mapping[str, int], exponent: float) -> dict[str, float]:
    """Probability of each language, ∝ size ** exponent; they sum to 1."""
    weights = {language: float(size) ** exponent for language, size in sizes.items()}
    total = sum(weights.values())
    return {language: weight / total for language, weight in weights.items()}


# --- what is drawn


@dataclass(frozen=True)
class Draws:
    """The rows of a whole training in their order: `language` [n] (an index), its `line` [n] and `visit` [n].

    A visit counts how often the lines of that language were gone through before.
    """

    languages: tuple[str, ...]
    language: NDArray[np.int64]
    line: NDArray[np.int64]
    visit: NDArray[np.int64]

    def seen(self) -> dict[str, float]:
        """The share of the draws that each language got."""
        counts = np.bincount(self.language, minlength=len(self.languages))
        return {
            name: float(count) / max(1, len(self.language)) for name, count in zip(self.languages, counts, strict=True)
        }


def draw(lines: Mapping[str, int], probabilities: Mapping[str, float], count: int, seed: int) -> Draws:
    """`count` draws: a language by its probability, then its lines without repeating one before all had their turn.

    `lines` are the numbers of lines. A longer sequence of the same seed begins with the shorter one.
    """
    names = tuple(lines)
    bounds = np.cumsum([probabilities[name] for name in names])
    chosen = np.searchsorted(bounds / bounds[-1], _uniform(_random(count, seed, _LANGUAGE)), side="right")
    line, visit = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for number, name in enumerate(names):
        places = np.flatnonzero(chosen == number)
        rounds = -(-len(places) // lines[name])
        orders = [_random(lines[name], seed, _ORDER, number, turn).argsort(kind="stable") for turn in range(rounds)]
        line[places] = np.concatenate([*orders, np.empty(0, np.int64)])[: len(places)]
        visit[places] = np.arange(len(places)) // lines[name]
    return Draws(names, chosen.astype(np.int64), line, visit)


def _random(count: int, seed: int, *where: int) -> NDArray[np.uint64]:
    """`count` random 64-bit numbers that depend on nothing but `seed` and `where` (up to four numbers)."""
    stream, *place = where
    words = np.zeros(4, np.uint64)
    words[1 : 1 + len(place)] = place  # the first word counts the numbers themselves
    key = np.array([seed % 2**64, stream], np.uint64)
    return np.random.Philox(key=key, counter=words).random_raw(count)


def _uniform(numbers: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The upper 53 bits as a fraction in [0, 1)."""
    fractions: NDArray[np.float64] = (numbers >> np.uint64(11)) * 2.0**-53
    return fractions


# --- what is masked


@dataclass(frozen=True)
class Vocabulary:
    """Of a tokenizer: the `mask` token, which ids are `special` [ids] and never chosen, `words` [n] to replace by."""

    mask: int
    special: NDArray[np.bool_]
    words: NDArray[np.int64]

    @classmethod
    def of(cls, tokenizer: Any, size: int) -> Vocabulary:
        """That of a tokenizer whose model has `size` embeddings; raises `UnfitCheckpoint` without a mask token.

        The unknown token counts as special, as in jiant: to predict it teaches nothing. Random words are never special
        (fairseq, which trained XLM-R, leaves those out; BERT and jiant do not).
        """
        if tokenizer.mask_token_id is None:
            raise UnfitCheckpoint(
                f"the tokenizer {tokenizer.name_or_path or type(tokenizer).__name__} has no mask token, as those of "
                "decoders and of mT5; masked-language-model co-training needs an encoder such as XLM-R or mBERT: leave "
                "mlm out of the recipe"
            )
        ids = np.unique([number for number in tokenizer.get_vocab().values() if number < size])
        special = np.zeros(max(size, len(tokenizer)), np.bool_)
        special[tokenizer.all_special_ids] = True
        return cls(int(tokenizer.mask_token_id), special, ids[~special[ids]])


def mask(
    ids: NDArray[np.int64], vocabulary: Vocabulary, probability: float, seed: int, row: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Masked copy of `ids` [tokens], and labels [tokens]: the original id where a token was chosen, else `IGNORED`.

    Tokens are chosen independently of each other, so a short row may have none, and then carries no loss (as in jiant
    and transformers). Depends on `seed`, up to three numbers that identify the `row` and its visit, and `ids` alone.
    """
    first, second = _random(2 * len(ids), seed, _MASK, *row).reshape(2, -1)
    chance = np.where(vocabulary.special[ids], 1.0, _uniform(first) / probability)  # chosen below 1, evenly from 0
    masked, labels = ids.copy(), np.where(chance < 1, ids, IGNORED)
    masked[chance < MASKED] = vocabulary.mask
    at = (chance >= MASKED) & (chance < MASKED + REPLACED)
    masked[at] = vocabulary.words[second[at] % np.uint64(len(vocabulary.words))]
    return masked, labels


class MaskedRows(Sequence[Labelled]):
    """Row `k` is draw `k`, masked: `input_ids`, the model's other `fields`, and `labels` (`IGNORED` if not chosen).

    Only lines that are drawn are tokenised. `cut` of them were longer than `max_length`, `empty` hold special tokens
    only. `lengths` [rows] are in tokens.
    """

    def __init__(
        self,
        texts: Mapping[str, Text],
        tokenizer: Any,
        settings: MlmSettings,
        count: int,
        seed: int,
        vocabulary_size: int,
        fields: Sequence[str] = ("input_ids", "attention_mask"),
    ) -> None:
        """`count` draws; `vocabulary_size` is the number of the model's embeddings. Raises `UnfitCheckpoint`."""
        self.vocabulary = Vocabulary.of(tokenizer, vocabulary_size)
        self.asked = shares({language: text.size for language, text in texts.items()}, settings.exponent)
        self.draws = draw({language: len(text.lines) for language, text in texts.items()}, self.asked, count, seed)
        self.fields = tuple(fields)
        self._settings, self._seed = settings, seed
        keys = np.stack([self.draws.language, self.draws.line])
        distinct, self._index = np.unique(keys, axis=1, return_inverse=True)
        languages = list(texts.values())
        wanted = [languages[language].lines[line] for language, line in distinct.T]
        self._ids, self.cut = _encode(tokenizer, wanted, settings.max_length)
        self.empty = sum(bool(self.vocabulary.special[row].all()) for row in self._ids)
        sizes = np.array([len(row) for row in self._ids], np.int64)
        self.lengths: NDArray[np.int64] = sizes[self._index]

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        draws = self.draws
        row = (int(draws.language[place]), int(draws.line[place]), int(draws.visit[place]))
        ids = self._ids[self._index[place]].astype(np.int64)
        masked, labels = mask(ids, self.vocabulary, self._settings.probability, self._seed, row)
        values = {"attention_mask": [1] * len(ids), "token_type_ids": [0] * len(ids), "input_ids": masked.tolist()}
        return {name: values[name] for name in self.fields} | {"labels": labels.tolist()}


def _encode(tokenizer: Any, lines: Sequence[str], max_length: int) -> tuple[list[NDArray[np.int32]], int]:
    """Ids of every line with special tokens around it, at most `max_length`, and the number of lines that were cut."""
    before, after = template(tokenizer)
    room = max_length - len(before) - len(after)
    rows: list[NDArray[np.int32]] = []
    cut = 0
    for start in range(0, len(lines), _ENCODED):
        encoded = tokenizer(
            lines[start : start + _ENCODED], add_special_tokens=False, return_attention_mask=False, verbose=False
        )
        for ids in encoded["input_ids"]:
            rows.append(np.array([*before, *ids[:room], *after], np.int32))
            cut += len(ids) > room
    return rows, cut


# --- the model's side


class _Given(torch.nn.Module):
    """Stands where a masked language model has its encoder: hands on the states that came from elsewhere.

    Some heads look up weights of the encoder (DeBERTa: the embeddings); its other attributes are still found, but it is
    no part of the head.
    """

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.__dict__["_encoder"] = encoder  # around torch's own bookkeeping, which would make it a sub-module

    def forward(self, *_: Any, inputs_embeds: torch.Tensor, **__: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutput

        return BaseModelOutput(last_hidden_state=inputs_embeds)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["_encoder"], name)


class MlmHead(torch.nn.Module):
    """The part of a masked language model above an encoder; its output weights are the encoder's embeddings if tied.

    `new` are the names of weights that the checkpoint lacks and that start at random. `is_local` says that each
    position is predicted from its own state; where it is not, the logits of all positions are computed.
    """

    def __init__(self, model: Any, new: Sequence[str] = ()) -> None:
        super().__init__()
        self.model = model
        self.new = tuple(new)
        self.is_local = True

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Scores [rows, positions, vocabulary] of states [rows, positions, width]."""
        scores: torch.Tensor = self.model(inputs_embeds=states).logits
        return scores

    def forward(self, states: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross entropy summed over the labelled positions, and their number (which may be 0).

        `states` [rows, positions, width] are the encoder's last, `labels` [rows, positions] ids or `IGNORED`. Only
        what is labelled goes through the output layer: with XLM-R's 250,002 words the logits of all positions would be
        by far the largest tensor of a step.
        """
        chosen = labels != IGNORED
        scores = self.logits(states[chosen][None])[0] if self.is_local else self.logits(states)[chosen]
        return cross_entropy(scores.float(), labels[chosen], reduction="sum"), chosen.sum()


def mlm_head(source: Source, encoder: Any) -> MlmHead:
    """The masked-language-model head of a checkpoint on `encoder`; weights it lacks come from torch's random state.

    Raises `UnfitCheckpoint` for an architecture without such a head, an encoder-decoder, a checkpoint that cannot be
    read, and an encoder of another architecture or vocabulary.
    """
    import transformers

    auto_class = transformers.AutoModelForMaskedLM
    if type(source.config) not in auto_class._model_mapping or source.config.is_encoder_decoder:
        raise UnfitCheckpoint(
            f"{source.name}: transformers has no masked-language-model head for {source.config.model_type} encoders; "
            "take an encoder such as XLM-R or mBERT, or leave mlm out of the recipe"
        )
    loader = _Noting(auto_class)
    model = source.load(loader, new_weights=True)
    prefix = model.base_model_prefix
    own = getattr(model, prefix)
    if type(own) is not type(encoder) or own.config.vocab_size != encoder.config.vocab_size:
        raise UnfitCheckpoint(
            f"{source.name}: its masked-language-model head stands on {type(own).__name__} with a vocabulary of "
            f"{own.config.vocab_size:,}, the encoder is {type(encoder).__name__} with {encoder.config.vocab_size:,}"
        )
    setattr(model, prefix, encoder)
    # Not computed again: weights that the checkpoint has twice, with other values, stay two.
    model.tie_weights(recompute_mapping=False)
    setattr(model, prefix, _Given(encoder))
    head = MlmHead(model, sorted(name for name in loader.missing if not name.startswith(f"{prefix}.")))
    try:
        head.is_local = _is_local(head, encoder)
    except Exception as error:  # the head wants more of its encoder than the last states
        raise UnfitCheckpoint(
            f"{source.name}: the head of {type(model).__name__} does not run on the encoder's last states alone; "
            "take an encoder such as XLM-R or mBERT, or leave mlm out of the recipe"
        ) from error
    return head


class _Noting:
    """An auto class that remembers which weights a checkpoint lacked."""

    def __init__(self, auto_class: Any) -> None:
        self.auto_class = auto_class
        self.missing: set[str] = set()

    def from_pretrained(self, *arguments: Any, **options: Any) -> Any:
        model, info = self.auto_class.from_pretrained(*arguments, **options)
        self.missing = set(info["missing_keys"])
        return model, info


@torch.no_grad()
def _is_local(head: MlmHead, encoder: Any) -> bool:
    """Whether a state gets the same scores with and without its neighbours, tried on four random states."""
    weight = encoder.get_input_embeddings().weight
    was_training = head.training
    head.eval()
    states = torch.randn(1, 4, encoder.config.hidden_size, generator=torch.Generator().manual_seed(0)).to(weight)
    alone, together = head.logits(states[:, 1:2]).float(), head.logits(states)[:, 1:2].float()
    head.train(was_training)
    # Rounding stays far below a twentieth of the spread, even in bfloat16; a look at neighbours does not.
    return alone.shape == together.shape and bool((alone - together).abs().max() < 0.05 * together.std())
