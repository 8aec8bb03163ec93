"""Generation with a model that may think aloud: stop sequences count only behind the end of a thought.

lm_eval 0.4.13 takes thoughts out of an answer (`postprocess_generated_text`), but its `HFLM` stops generating at the
first stop sequence, which for most tasks is a line break, and a thought has many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from xstilts_eval import thoughts
from xstilts_eval.errors import SettingError
from xstilts_eval.reading import Json

End = str | int
"""What ends a thought: text, or a token's id where decoding would drop the token."""

_TAIL = 16
"""Tokens at the end of a prompt in which the beginning of a thought is looked for."""


def end_of_thought(tokenizer: Any, given: str | int | None) -> End | None:
    """What ends a thought: as `given`, else the first known mark that is one token of the vocabulary; None without.

    A mark that is a special token becomes its id, because decoding leaves special tokens out. Raises `SettingError` for
    an id that the vocabulary does not have.
    """
    if given is None:
        known = tokenizer.get_vocab()
        given = next((end for _, end in thoughts.MARKS if end in known), None)
        if given is None:
            return None
    if isinstance(given, int) or given.isdigit():
        if not 0 <= int(given) < len(tokenizer):
            raise SettingError(f"think_end_token={given}: the vocabulary has {len(tokenizer)} tokens")
        return int(given)
    return int(tokenizer.convert_tokens_to_ids(given)) if given in tokenizer.all_special_tokens else given


def described(chat_template_args: Mapping[str, Any], end: End | None) -> dict[str, Json]:
    """What a chat template was told and what ends a thought, as results files keep it; what nobody said is left out."""
    others = {name: value for name, value in chat_template_args.items() if name != "enable_thinking"}
    found = {
        "enable_thinking": chat_template_args.get("enable_thinking"),
        "think_end_token": end,
        "chat_template_args": others or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def generate(
    generate_: Callable[..., Any], tokenizer: Any, end: End, context: Any, stop: Sequence[str], **options: Any
) -> Any:
    """The host's `_model_generate` of a decoder, stopping at `stop` only behind a thought.

    Rows of the result whose prompt opened a thought begin with the mark that opens it, so that an answer says by itself
    whether it is one. With beams, which change places, only the end of the text stops.
    """
    eos = tokenizer.decode(tokenizer.eos_token_id)
    opening = thoughts.opening_of(tokenizer.decode([end]) if isinstance(end, int) else end)
    opened = [_is_opened(tokenizer, row, opening) for row in context]
    if int(options.get("num_beams", 1)) == 1:
        stops = [text for text in stop if text and text != eos]
        watch = StopAfterThought(tokenizer, end, opening, stops, context.shape[1], opened)
        options["logits_processor"] = LogitsProcessorList([watch])
    found = generate_(context=context, stop=[eos], **options)
    return _reopened(tokenizer, found, context.shape[1], opening, opened) if any(opened) else found


def _is_opened(tokenizer: Any, row: Any, opening: str) -> bool:
    return bool(tokenizer.decode(row[-_TAIL:]).rstrip().endswith(opening))


def _reopened(tokenizer: Any, found: Any, start: int, opening: str, opened: Sequence[bool]) -> Any:
    mark = torch.tensor(tokenizer.encode(opening, add_special_tokens=False), device=found.device)
    filler = torch.full_like(mark, tokenizer.pad_token_id)
    rows = [
        torch.cat([row[:start], mark, row[start:]] if is_open else [row, filler])
        for row, is_open in zip(found, opened, strict=True)
    ]
    return torch.stack(rows)


@dataclass
class _Row:
    """How far one answer has come: `start` is where it begins, behind the thought, once that is known."""

    is_thinking: bool
    start: int | None = None
    is_done: bool = False


@dataclass
class StopAfterThought(LogitsProcessor):  # type: ignore[misc]
    """Makes the end of the text the only next token of a row whose answer, thought aside, holds a stop sequence.

    Before the answer, white space is no stop: the host strips it there. Rows keep their places (greedy search and
    sampling).
    """

    tokenizer: Any
    end: End
    opening: str
    stops: Sequence[str]
    prompt_length: int
    opened: Sequence[bool]
    rows: list[_Row] = field(default_factory=list)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self.rows = self.rows or [_Row(is_open) for is_open in self.opened]
        for row, ids, values in zip(self.rows, input_ids, scores, strict=True):
            row.is_done = row.is_done or self._stops(row, ids[self.prompt_length :])
            if row.is_done:
                values.fill_(-float("inf"))
                values[self.tokenizer.eos_token_id] = 0.0
        return scores

    def _stops(self, row: _Row, ids: Any) -> bool:
        if not len(ids) or not self.stops:
            return False
        if row.is_thinking:
            if not self._ends_here(ids):
                return False
            row.is_thinking, row.start = False, len(ids)
            return False
        if row.start is None:  # does it begin with a thought?
            text = self.tokenizer.decode(ids).lstrip()
            if text.startswith(self.opening):
                row.is_thinking = True
                return self._stops(row, ids)
            if not text or self.opening.startswith(text):
                return False
            row.start = 0
        text = self.tokenizer.decode(ids[row.start :], skip_special_tokens=True).lstrip()
        return any(stop in text for stop in self.stops)

    def _ends_here(self, ids: Any) -> bool:
        """Whether the newest token ends the thought."""
        if isinstance(self.end, int):
            return bool(ids[-1] == self.end)
        tail = self.tokenizer.decode(ids[-max(_TAIL, len(self.end)) :])
        return self.end in tail
