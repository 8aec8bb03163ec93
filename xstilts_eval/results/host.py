"""The results dictionary of lm-evaluation-harness (0.4.13) by name, as far as it is written or read here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from xstilts_eval.models.info import ModelInfo, VectorsInfo
from xstilts_eval.reading import Json

Row = dict[str, Any]
"""One logged sample: the host's own fields (`doc_id`, `doc`, `target`, `filtered_resps` …) and a value per metric."""


class Counted(TypedDict):
    """Documents of a task: those there are, and those with a score."""

    original: int
    effective: int


class Prompting(TypedDict, total=False):
    """A system instruction by its hash, and whether shots were turns of a conversation."""

    system_instruction: str | None
    multiturn: bool


class Metadata(TypedDict, total=False):
    """What our tasks keep with a result."""

    version: str
    config_source: str
    xs_data: Mapping[str, Any]
    xs_metric: str
    xs_version: str
    xs_dataset: str
    xs_retrieval: VectorsInfo
    xs_prompting: Prompting
    xs_thinking: Mapping[str, Json]


class TaskConfig(TypedDict, total=False):
    metadata: Metadata
    num_fewshot: int | None
    generation_kwargs: Mapping[str, Json] | None
    doc_to_text: str
    doc_to_choice: str


class RunConfig(TypedDict, total=False):
    model: str
    model_args: Mapping[str, Any] | str
    limit: float | None
    xstilts: ModelInfo


HostResults = TypedDict(
    "HostResults",
    {
        "results": dict[str, Mapping[str, Any]],
        "configs": dict[str, TaskConfig],
        "n-samples": dict[str, Counted],
        "samples": dict[str, list[Row]],
        "config": RunConfig,
        "model_name": str,
        "chat_template": Json,
        "date": float,
        "lm_eval_version": str,
        "xstilts_intervals": dict[str, tuple[float, float] | None],
    },
    total=False,
)
