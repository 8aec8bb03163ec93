"""What the adapter says about itself in a results file, under ``config.xstilts``; older files say less of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from xstilts_eval.reading import Json


class VectorsInfo(TypedDict, total=False):
    """How sentences became vectors (`bundle.Retrieval`)."""

    layer: int | None
    pooling: str
    max_length: int | None
    prompt: str
    lower_case: bool
    modules: Json


class RankerInfo(TypedDict):
    """What embedded queries and candidates of a ranking; `max_length` is that of each."""

    checkpoint: str | None
    layer: int | None
    pooling: str
    max_length: list[int]
    query_prompt: str
    passage_prompt: str


class LanguageModelInfo(TypedDict, total=False):
    """Which families text answered, and how choices were scored."""

    families: list[str]
    kind: str
    forced_languages: list[str]


class ModelInfo(TypedDict, total=False):
    """By family where it is about heads; `label_maps` are those of `label_reading.LabelReading`."""

    checkpoint: str
    encoder_sha256: str | None
    heads: dict[str, str | None]
    dtype: str
    device: str
    products: str
    batch_tokens: int
    max_length: dict[str, int]
    label_order: dict[str, list[str]]
    label_maps: dict[str, Mapping[str, Json]]
    first_piece: dict[str, str]
    retrieval: VectorsInfo | None
    rankers: dict[str, RankerInfo]
    processes: int
    language_model: LanguageModelInfo | None
    chat_template: bool
    trained_on: dict[str, list[str]]
    counts: dict[str, dict[str, int]]
    versions: dict[str, str]
