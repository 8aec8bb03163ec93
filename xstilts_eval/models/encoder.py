"""Run an encoder over encoded rows: load, batch, forward, give back one array per row."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from xstilts_eval.errors import NumericError, SettingError
from xstilts_eval.models.batching import batches, default_batch_tokens, pad

Row = dict[str, list[int]]
"""One encoded input: `input_ids`, `attention_mask` and, where the model has them, `token_type_ids`."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Runtime:
    """How to run: where, in which precision, how many padded tokens (and at most how many rows) at once."""

    device: torch.device
    dtype: torch.dtype
    batch_tokens: int
    max_rows: int | None = None
    show_progress: bool = True

    @classmethod
    def of(
        cls,
        device: torch.device,
        dtype: str,
        batch_tokens: int | None,
        max_rows: int | None,
        show_progress: bool,
    ) -> Runtime:
        if dtype not in DTYPES:
            raise SettingError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
        if batch_tokens is not None and batch_tokens < 1:
            raise SettingError(f"batch_tokens must be at least 1, got {batch_tokens}")
        return cls(device, DTYPES[dtype], batch_tokens or default_batch_tokens(device), max_rows, show_progress)


@dataclass(frozen=True)
class Loaded:
    """A model ready to run with its tokenizer; `max_length` in sub-words, `label` names it in the progress bar."""

    model: Any
    tokenizer: Any
    runtime: Runtime
    max_length: int
    label: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """Input fields both sides know; XLM-R has no token types, mBERT has."""
        fields = ["input_ids", "attention_mask"]
        has_types = getattr(self.model.config, "type_vocab_size", 2) > 1
        if "token_type_ids" in self.tokenizer.model_input_names and has_types:
            fields.append("token_type_ids")
        return tuple(fields)


def forward_rows(
    loaded: Loaded,
    rows: Sequence[Row],
    read: Callable[[Any, dict[str, torch.Tensor]], torch.Tensor],
    names: Sequence[str] | None = None,
    **options: Any,
) -> list[NDArray[np.float32]]:
    """Forward every row once and return `read(output, inputs)` per row, in the order given.

    `read` maps the model's output of a batch to a tensor [rows, …]; each row's slice comes back as float32 on the CPU,
    one of three axes cut to the row's own length. `names` identify rows in the error raised for NaN (`NumericError`);
    `options` go to the model.
    """
    runtime = loaded.runtime
    results: list[NDArray[np.float32] | None] = [None] * len(rows)
    lengths = [len(row["input_ids"]) for row in rows]
    with (
        torch.inference_mode(),
        tqdm(
            total=len(rows), desc=loaded.label, unit="seq", disable=not runtime.show_progress, mininterval=_interval()
        ) as bar,
    ):
        for batch in batches(lengths, runtime.batch_tokens, runtime.max_rows):
            inputs = pad([rows[index] for index in batch], {"input_ids": loaded.tokenizer.pad_token_id}, runtime.device)
            values = read(loaded.model(**inputs, **options), inputs).float().cpu().numpy()
            finite = np.isfinite(values.reshape(len(batch), -1)).all(axis=1)
            for place, index in enumerate(batch):
                if not finite[place]:
                    which = names[index] if names else f"row {index}"
                    raise NumericError(
                        f"{loaded.label}: the model gave NaN or infinite numbers for {which} (precision "
                        f"{str(runtime.dtype).removeprefix('torch.')}); try dtype=float32 or check the checkpoint"
                    )
                results[index] = values[place, : lengths[index]] if values.ndim == 3 else values[place]
            bar.update(len(batch))
    return [result for result in results if result is not None]


def _interval() -> float:
    """Seconds between two updates of the progress bar: rare where every update is a line of a log."""
    return 0.5 if sys.stderr.isatty() else 30.0


def rows_of(encoding: Any, fields: Iterable[str]) -> list[Row]:
    """Split a batch encoding into rows."""
    return [dict(zip(fields, values, strict=True)) for values in zip(*(encoding[name] for name in fields), strict=True)]
