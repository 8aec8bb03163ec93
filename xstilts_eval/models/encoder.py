"""Run an encoder over encoded rows: load, batch, forward, give back one array per row."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from xstilts_eval.errors import NumericError, SettingError
from xstilts_eval.models.batching import longest_first, pad, rows_that_fit, tokens_that_fit, unless_out_of_memory
from xstilts_eval.models.packed import PackedModel

log = logging.getLogger("xstilts_eval")

T = TypeVar("T")
Row = dict[str, list[int]]
"""One encoded input: `input_ids`, `attention_mask` and, where the model has them, `token_type_ids`."""


Counts = dict[str, list[int]]
"""What happened to documents on the way, by name a number for each of them."""
Read = Callable[[Any, dict[str, torch.Tensor]], torch.Tensor]
"""Takes what is wanted out of a model's output and inputs: a tensor [rows, …], or [rows, tokens, …]."""


@dataclass
class Runtime:
    """How to run: where, in which precision, how many padded tokens (and at most how many rows) at once.

    Where `automatic`, `batch_tokens` is lowered to what the free memory of a CUDA device holds. It is halved for the
    rest of the run each time memory runs out; results do not depend on it.
    """

    device: torch.device
    dtype: torch.dtype
    batch_tokens: int
    max_rows: int | None = None
    show_progress: bool = True
    automatic: bool = False


@dataclass(frozen=True)
class Loaded:
    """A model ready to run with its tokenizer; `max_length` in sub-words, `label` names it in the progress bar.

    `first_piece` is for taggers, see `tagging.FirstPiece`; `lengths` are those of a dual encoder's query and candidate.
    """

    model: Any
    tokenizer: Any
    runtime: Runtime
    max_length: int
    label: str = ""
    first_piece: Literal["any", "text"] = "any"
    lengths: tuple[int, int] | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Input fields both sides know; XLM-R has no token types, mBERT has."""
        fields = ["input_ids", "attention_mask"]
        takes_types = "token_type_ids" in inspect.signature(self.model.forward).parameters
        has_types = (getattr(self.model.config, "type_vocab_size", 0) or 0) > 1
        if "token_type_ids" in self.tokenizer.model_input_names and takes_types and has_types:
            fields.append("token_type_ids")
        return tuple(fields)

    @property
    def pad_token_id(self) -> int:
        """Id to pad with; any will do where the tokenizer has none, since padding is masked."""
        return int(self.tokenizer.pad_token_id or 0)


def forward_rows(
    loaded: Loaded, rows: Sequence[Row], read: Read, names: Sequence[str] | None = None, **options: Any
) -> list[NDArray[np.float32]]:
    """Forward every row once and return `read(output, inputs)` per row, in the order given.

    Each row's slice comes back as float32 on the CPU, one of three axes cut to the row's own length. Models that
    `PackedModel` knows run without padding; `read` then sees rows of one length at a time. `names` identify rows in the
    error raised for NaN (`NumericError`); `options` go to the model. Raises `SettingError` when a single row does not
    fit in memory.
    """
    runtime = loaded.runtime
    packed = None if options else PackedModel.of(loaded.model)

    def forward(batch: list[int]) -> list[NDArray[np.float32]]:
        chosen = [rows[index] for index in batch]
        return _packed(packed, chosen, read, runtime) if packed else _padded(loaded, chosen, read, options)

    lengths = [len(row["input_ids"]) for row in rows]
    fit_to_memory(runtime, loaded.model, max(lengths, default=1))
    pause, delay = _pace()
    results: list[NDArray[np.float32] | None] = [None] * len(rows)
    with (
        torch.inference_mode(),
        tqdm(
            total=len(rows),
            desc=loaded.label,
            unit="seq",
            disable=not runtime.show_progress,
            mininterval=pause,
            delay=delay,
        ) as bar,
    ):
        for batch, values in in_batches(runtime, loaded.label, lengths, forward):
            for index, value in zip(batch, values, strict=True):
                if not np.isfinite(value).all():
                    which = names[index] if names else f"row {index}"
                    raise NumericError(
                        f"{loaded.label}: the model gave NaN or infinite numbers for {which} (precision "
                        f"{str(runtime.dtype).removeprefix('torch.')}); try dtype=float32 or check the checkpoint"
                    )
                results[index] = value
            bar.update(len(batch))
    return [result for result in results if result is not None]


def fit_to_memory(runtime: Runtime, model: Any, longest: int) -> None:
    """Lower an automatic token budget to what the free memory of a CUDA device holds for rows up to `longest`."""
    if runtime.automatic and runtime.device.type == "cuda":
        runtime.batch_tokens = min(runtime.batch_tokens, tokens_that_fit(model, runtime.device, longest))


def in_batches(
    runtime: Runtime, label: str, lengths: Sequence[int], forward: Callable[[list[int]], list[T]]
) -> Iterator[tuple[list[int], list[T]]]:
    """Batches of row numbers, longest rows first, with their results; half as many tokens when memory runs out.

    Raises `SettingError` when a single row does not fit.
    """
    order = longest_first(lengths)
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        batch = order[start : start + rows_that_fit(longest, runtime.batch_tokens, runtime.max_rows)]
        values = unless_out_of_memory(forward, batch)
        if values is not None:
            yield batch, values
            start += len(batch)
            continue
        if len(batch) == 1:
            raise SettingError(
                f"{label}: one row of {longest} tokens does not fit in the memory of {runtime.device}; "
                "use a smaller max_length, dtype=bfloat16 or a device with more memory"
            )
        runtime.batch_tokens = longest * len(batch) // 2
        log.warning("%s: out of memory, going on with batch_tokens=%d", label, runtime.batch_tokens)


def _packed(model: PackedModel, rows: Sequence[Row], read: Read, runtime: Runtime) -> list[NDArray[np.float32]]:
    parts = [read(output, inputs) for output, inputs in model(rows, runtime.device)]
    by_token = parts[0].ndim == 3
    values = torch.cat([part.flatten(0, 1) if by_token else part for part in parts]).float().cpu().numpy()
    if not by_token:
        return list(values)
    return np.split(values, np.cumsum([len(row["input_ids"]) for row in rows])[:-1])


def _padded(loaded: Loaded, rows: Sequence[Row], read: Read, options: Mapping[str, Any]) -> list[NDArray[np.float32]]:
    inputs = pad(rows, {"input_ids": loaded.pad_token_id}, loaded.runtime.device)
    values = read(loaded.model(**inputs, **options), inputs).float().cpu().numpy()
    if values.ndim != 3:
        return list(values)
    return [value[: len(row["input_ids"])] for value, row in zip(values, rows, strict=True)]


def model_positions(model: Any) -> int | None:
    """Tokens a model has positions for; None without a limit.

    Models of the RoBERTa kind number positions from behind the padding index on, which their table must make room for.
    """
    total = getattr(model.config, "max_position_embeddings", None)
    table = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return None if not total else int(total) - (0 if padding is None else int(padding) + 1)


def _pace() -> tuple[float, float]:
    """Seconds between updates of the progress bar, and before the first: rare in a log."""
    return (0.5, 0.0) if sys.stderr.isatty() else (30.0, 10.0)


def rows_of(encoding: Any, fields: Iterable[str]) -> list[Row]:
    """Split a batch encoding into rows."""
    return [dict(zip(fields, values, strict=True)) for values in zip(*(encoding[name] for name in fields), strict=True)]
