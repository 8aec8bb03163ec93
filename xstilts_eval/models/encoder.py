"""Run an encoder over encoded rows: load, batch, forward, give back one array per row."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from xstilts_eval.errors import NumericError
from xstilts_eval.models.batching import batches, pad

Row = dict[str, list[int]]
"""One encoded input: `input_ids`, `attention_mask` and, where the model has them, `token_type_ids`."""


@dataclass(frozen=True)
class Runtime:
    """How to run: where, in which precision, how many padded tokens (and at most how many rows) at once."""

    device: torch.device
    dtype: torch.dtype
    batch_tokens: int
    max_rows: int | None = None
    show_progress: bool = True


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
    pause, delay = _pace()
    results: list[NDArray[np.float32] | None] = [None] * len(rows)
    lengths = [len(row["input_ids"]) for row in rows]
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
        for batch in batches(lengths, runtime.batch_tokens, runtime.max_rows):
            inputs = pad([rows[index] for index in batch], {"input_ids": loaded.pad_token_id}, runtime.device)
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
