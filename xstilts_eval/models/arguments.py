"""The adapter's arguments as one validated object; everything from the command line passes here."""

from __future__ import annotations

import difflib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from xstilts_eval.bundle import HEAD_FAMILIES
from xstilts_eval.errors import SettingError
from xstilts_eval.models.checkpoint import Reading

_FROM_THE_HOST = ("data", "split", "source", "target", "batch_size", "max_batch_size")
"""The host merges its own options and task metadata into a model's arguments."""


class Arguments(BaseModel):
    """See `XstiltsLM` for what each means; `heads` maps a family to the checkpoint that serves it."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    pretrained: str = Field(min_length=1)
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: str | None = None
    batch_tokens: int | None = Field(default=None, ge=1)
    max_length: int | None = Field(default=None, ge=16)
    layer: int | None = Field(default=None, ge=1)
    pooling: Literal["mean", "cls", "max", "pooler"] | None = None
    prompt: str | None = None
    query_prompt: str | None = None
    passage_prompt: str | None = None
    label_order: str | None = None
    xnli_label_order: str | None = None
    pawsx_label_order: str | None = None
    panx_label_order: str | None = None
    udpos_label_order: str | None = None
    extra_types: Literal["drop", "mask"] = "drop"
    udpos_map: Literal["ptb"] | None = None
    enable_thinking: bool | None = None
    think_end_token: str | None = None
    chat_template_args: dict[str, Any] | None = None
    show_progress: bool = True
    heads: dict[str, str] = {}

    @field_validator("prompt", "query_prompt", "passage_prompt", "think_end_token")
    @classmethod
    def _unquoted(cls, prompt: str | None) -> str | None:
        """Quotes keep the spaces at the end, which readers of ``key=value`` strip."""
        quoted = prompt is not None and len(prompt) > 1 and prompt[0] == prompt[-1] and prompt[0] in "'\""
        return prompt[1:-1] if prompt is not None and quoted else prompt

    def reading(self) -> Reading:
        """How label names of heads are to be read."""
        given = {name: getattr(self, f"{name}_label_order") for name in ("xnli", "pawsx", "panx", "udpos")}
        orders = {name: order for name, order in given.items() if order}
        return Reading(self.label_order, orders, self.extra_types, self.udpos_map)


def read(given: dict[str, Any]) -> Arguments:
    """Validate; raises `SettingError` naming the argument, what came and what was allowed."""
    heads = {name: str(given[name]) for name in HEAD_FAMILIES if name in given}
    own = {name: value for name, value in given.items() if name not in (*heads, *_FROM_THE_HOST)}
    known = [name for name in Arguments.model_fields if name not in ("heads", "show_progress")] + list(HEAD_FAMILIES)
    for name in own:
        if name not in Arguments.model_fields or name == "heads":
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"
            raise SettingError(f"unknown model argument {name!r}{hint}")
    try:
        return Arguments(**own, heads=heads)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise SettingError(f"model argument {name}={first['input']!r}: {first['msg']}") from error


def row_cap(batch_size: int | str | None) -> int | None:
    """Rows per batch: the host says 1 when nobody asked for anything, and may say ``auto``."""
    text = str(batch_size)
    return int(text) if text.isdigit() and int(text) > 1 else None
