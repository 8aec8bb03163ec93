"""The adapter's arguments as one validated object; everything from the command line passes here."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from xstilts_eval import reading
from xstilts_eval.bundle import head_families, labelled_families
from xstilts_eval.errors import SettingError
from xstilts_eval.label_reading import ExtraTypes, PosMap, split_order
from xstilts_eval.models.checkpoint import Reading
from xstilts_eval.reading import Json
from xstilts_eval.validation import complaint
from xstilts_eval.wording import shortened

_FROM_THE_HOST = ("data", "split", "source", "target", "batch_size", "max_batch_size")
"""The host merges its own options and task metadata into a model's arguments."""


class Arguments(BaseModel):
    """See `XstiltsLM` for what each means.

    `heads` maps a family to the checkpoint that serves it, `label_orders` to the names of its classes.
    """

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
    label_order: tuple[str, ...] = ()
    label_orders: dict[str, tuple[str, ...]] = {}
    extra_types: ExtraTypes = "drop"
    udpos_map: PosMap | None = None
    gpe: Literal["loc"] | None = None
    first_piece: Literal["any", "text"] | None = None
    enable_thinking: bool | None = None
    think_end_token: str | None = None
    chat_template_args: dict[str, JsonValue] | None = None
    load_in_4bit: bool = False
    load_in_8bit: bool = False
    show_progress: bool = True
    store: str | None = None
    heads: dict[str, str] = {}

    @field_validator("prompt", "query_prompt", "passage_prompt", "think_end_token")
    @classmethod
    def _unquoted(cls, prompt: str | None) -> str | None:
        """Quotes keep blanks and commas, which readers of ``key=value`` may take for something else."""
        return _without_quotes(prompt) if prompt is not None else None

    @field_validator("label_order", mode="before")
    @classmethod
    def _split(cls, order: Any) -> tuple[str, ...]:
        return split_order(str(order) if isinstance(order, int) else order)

    @field_validator("label_orders", mode="before")
    @classmethod
    def _split_each(cls, orders: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        return {family: cls._split(order) for family, order in orders.items()}

    def reading(self) -> Reading:
        """How label names of heads are to be read."""
        orders = {name: order for name, order in self.label_orders.items() if order}
        return Reading(self.label_order, orders, self.extra_types, self.udpos_map, self.gpe, self.first_piece)


_ORDER = "_label_order"
"""Ends the argument with the label order of one family."""
_TABLES = ("heads", "label_orders")
"""Fields whose entries are arguments of their own, named by family."""
_TEXTS = ("prompt", "query_prompt", "passage_prompt", "think_end_token")
"""Arguments in which a blank at either end counts."""


def parse(text: str, option: str = "--model-args") -> dict[str, Json]:
    """``key=value,key=value``, or a JSON object, as a dictionary; raises `SettingError`.

    A comma inside quotes, brackets or braces belongs to the value. A value is what stands behind the sign, blanks
    included; whole numbers become int, lists and objects are JSON.
    """
    if text.lstrip().startswith("{"):
        return _json_object(text, option)
    values: dict[str, Json] = {}
    for part in filter(str.strip, _parts(text)):
        name, sign, value = part.partition("=")
        key = name.strip()
        if not sign or not key:
            raise SettingError(
                f"cannot read {part!r} in {option}; write key=value,key=value, with a value that holds a comma in "
                f"quotes of its own ({option} \"prompt='a, b: '\"), or a JSON object"
            )
        if key in values:
            raise SettingError(f"{option} gives {key} twice ({values[key]} and {value}); keep one")
        bare = value.strip()
        if bare.isascii() and bare.isdigit():
            values[key] = _json(bare.lstrip("0") or "0", f"{option} {key}")
        elif bare.startswith(("{", "[{", '["')):
            values[key] = _json(bare, f"{option} {key}")
        else:
            values[key] = value if key in _TEXTS else _without_quotes(bare)
    return values


def parse_generation(text: str) -> dict[str, Json]:
    """Options of text generation, as `parse` reads them, with numbers and true or false as such."""
    values = parse(text, "--gen-kwargs")
    for key, value in values.items():
        try:
            values[key] = reading.parse_json(value.strip().lower(), key) if isinstance(value, str) else value
        except ValueError:
            continue  # a text
    return values


def _json(text: str, where: str) -> Json:
    try:
        found: Json = reading.parse_json(text, where, fault=SettingError)
        return found
    except SettingError as error:
        raise SettingError(f"{error}: {shortened(text)}; names and texts want double quotes") from error


def _json_object(text: str, option: str) -> dict[str, Json]:
    found = _json(text, option)
    if not isinstance(found, dict):
        raise SettingError(f"{option} {text} is not a JSON object")
    return found


def _parts(text: str) -> Iterator[str]:
    """Pieces between the commas outside of quotes, brackets and braces; quotes open where a value begins."""
    start, depth, quote = 0, 0, ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and (depth or text[start:place].rstrip().endswith("=")):
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth = max(0, depth - 1)
        elif character == "," and not depth:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _without_quotes(text: str) -> str:
    bare = text.strip()
    is_quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\""
    return bare[1:-1] if is_quoted else text


def read(given: Mapping[str, object]) -> Arguments:
    """Validate; raises `SettingError` naming the argument, what came and what was allowed."""
    heads = {name: str(given[name]) for name in head_families() if name in given}
    orders = {f"{name}{_ORDER}": name for name in labelled_families()}
    own = {
        name: value.strip() if isinstance(value, str) and name not in _TEXTS else value
        for name, value in given.items()
        if name not in (*heads, *orders, *_FROM_THE_HOST)
    }
    if own.pop("trust_remote_code", False):
        raise SettingError("trust_remote_code: code of checkpoints is never run by --model xstilts; leave it out")
    fields = [name for name in Arguments.model_fields if name not in _TABLES]
    known = [name for name in fields if name != "show_progress"] + [*head_families(), *orders]
    for name in own:
        if name not in fields:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"
            raise SettingError(f"unknown model argument {name!r}{hint}")
    try:
        label_orders = {family: given[name] for name, family in orders.items() if name in given}
        return Arguments.model_validate({**own, "heads": heads, "label_orders": label_orders})
    except ValidationError as error:
        raise SettingError(f"model argument {complaint(error)}") from error


def row_cap(batch_size: int | str | None) -> int | None:
    """Rows per batch: the host says 1 when nobody asked for anything, and may say ``auto``."""
    text = str(batch_size)
    return int(text) if text.isdigit() and int(text) > 1 else None
