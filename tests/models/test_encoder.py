"""Forwarding rows: what happens when memory runs out, and to numbers that are none."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from xstilts_eval.errors import NumericError, SettingError
from xstilts_eval.models.encoder import Loaded, Row, Runtime, forward_rows

LENGTHS = (5, 9, 9, 2, 16, 9, 3, 5, 12)


class Nothing:
    pad_token_id = 0


def make(kind: str, batch_tokens: int, **run: Any) -> Loaded:
    torch.manual_seed(2)
    if kind == "packed":
        config: Any = transformers.BertConfig(
            vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20
        )
        model: Any = transformers.BertForTokenClassification(config)
    else:
        config = transformers.DistilBertConfig(vocab_size=50, dim=16, n_layers=2, n_heads=2, hidden_dim=20)
        model = transformers.DistilBertForTokenClassification(config)
    runtime = Runtime(torch.device("cpu"), torch.float32, batch_tokens, show_progress=False, **run)
    return Loaded(model.eval(), Nothing(), runtime, 64, "udpos")


def make_rows() -> list[Row]:
    draw = np.random.default_rng(1)
    return [{"input_ids": draw.integers(1, 50, n).tolist(), "attention_mask": [1] * n} for n in LENGTHS]


def limit(head: Loaded, tokens: int, error: Callable[[], Exception]) -> list[int]:
    """Let the model raise `error` for more than `tokens` tokens at once; returns the sizes it was asked for."""
    asked: list[int] = []

    def check(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = args[0] if args else kwargs["input_ids"]
        asked.append(ids.numel())
        if ids.numel() > tokens:
            raise error()

    head.model.base_model.embeddings.register_forward_pre_hook(check, with_kwargs=True)
    return asked


def logits(output: Any, _: Any) -> torch.Tensor:
    found: torch.Tensor = output.logits
    return found


def allocate_too_much() -> Exception:
    try:
        torch.empty(1 << 60, dtype=torch.int8)
    except RuntimeError as error:
        return error
    raise AssertionError("a zebibyte was to be had")


@pytest.mark.parametrize("kind", ["packed", "padded"])
@pytest.mark.parametrize("error", [lambda: torch.OutOfMemoryError("CUDA out of memory."), allocate_too_much])
def test_too_little_memory_halves_the_budget_for_good(
    kind: str, error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    rows = make_rows()
    expected = forward_rows(make(kind, 1000), rows, logits)
    head = make(kind, 70)
    asked = limit(head, 20, error)
    with caplog.at_level(logging.WARNING, logger="xstilts_eval"):
        found = forward_rows(head, rows, logits)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    # 4 rows of at most 16 tokens fill 64 of 70; half of them 32, of which 2 rows; half again, 1 row.
    assert [record.message for record in caplog.records] == [
        "udpos: out of memory, going on with batch_tokens=32",
        "udpos: out of memory, going on with batch_tokens=16",
    ]
    assert sum(size > 20 for size in asked) == 2 and asked[2:] == [size for size in asked if size <= 20]
    assert sum(asked[2:]) in range(sum(LENGTHS), sum(LENGTHS) + 6), "no row twice (padding apart)"
    assert head.runtime.batch_tokens == 16
    caplog.clear()
    forward_rows(head, rows, logits)
    assert not caplog.records, "the budget stays small, so nothing fails any more"


@pytest.mark.parametrize("kind", ["packed", "padded"])
def test_a_single_row_that_does_not_fit_is_one_sentence(kind: str) -> None:
    head = make(kind, 1000)
    limit(head, 11, lambda: torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(SettingError, match=r"udpos: one row of 16 tokens does not fit in the memory of cpu; use a sm"):
        forward_rows(head, make_rows(), logits)


@pytest.mark.parametrize("kind", ["packed", "padded"])
def test_other_errors_are_not_taken_for_it(kind: str) -> None:
    head = make(kind, 1000)
    asked = limit(head, 11, lambda: RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        forward_rows(head, make_rows(), logits)
    assert len(asked) == 1


def test_automatic_is_lowered_to_the_free_memory_on_cuda_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from xstilts_eval.models import encoder

    monkeypatch.setattr(encoder, "tokens_that_fit", lambda *_: 24)
    for device, automatic, expected in (("cuda", True, 24), ("cuda", False, 1000), ("cpu", True, 1000)):
        head = make("packed", 1000, automatic=automatic)
        head.runtime.device = torch.device(device)
        encoder.fit_to_memory(head.runtime, head.model, 8)
        rows = encoder.in_batches(head.runtime, "", [8] * 9, lambda batch: [np.zeros(1, np.float32)] * len(batch))
        sizes = [len(batch) for batch, _ in rows]
        assert head.runtime.batch_tokens == expected
        assert sizes == ([3, 3, 3] if expected == 24 else [9])


def test_the_users_budget_is_not_automatic(tiny_bundle: Path) -> None:
    from xstilts_eval.models.adapter import XstiltsLM

    assert XstiltsLM(str(tiny_bundle)).runtime.automatic
    own = XstiltsLM(str(tiny_bundle), batch_tokens=300).runtime
    assert (own.automatic, own.batch_tokens) == (False, 300)


@pytest.mark.parametrize("kind", ["packed", "padded"])
def test_nan_names_the_row(kind: str) -> None:
    head, rows = make(kind, 30), make_rows()
    rows[4]["input_ids"][1] = 49
    for row in (row for number, row in enumerate(rows) if number != 4):
        row["input_ids"] = [min(i, 48) for i in row["input_ids"]]
    with torch.no_grad():
        head.model.get_input_embeddings().weight[49] = float("nan")
    with pytest.raises(NumericError, match=r"for doc-4 \(precision float32\)"):
        forward_rows(head, rows, logits, [f"doc-{number}" for number in range(len(rows))])


def test_no_rows() -> None:
    assert forward_rows(make("packed", 30), [], logits) == []
