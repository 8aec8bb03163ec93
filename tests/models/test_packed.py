"""The forward without padding against the model's own forward, one row at a time."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts_eval.models import dropout, packed
from xstilts_eval.models.embedding import pool
from xstilts_eval.models.encoder import Loaded, Row, Runtime, forward_rows
from xstilts_eval.models.packed import ARCHITECTURES, PackedEncoder, PackedModel, Run, Tile, positions_in_rows

HEADS = ("", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
CLASSES = {"bert": "Bert", "camembert": "Camembert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta"}
TOLERANCE = 1e-5
"""Logits of two float32 computations that differ in the order of additions alone, if they are of the order of 1."""
LENGTHS = (7, 3, 7, 1, 20, 7, 3, 12)
PADDING = 1


class Nothing:
    """Stands where a tokenizer is asked for nothing but its padding token."""

    pad_token_id = PADDING


def loaded(model: Any, batch_tokens: int = 64) -> Loaded:
    runtime = Runtime(torch.device("cpu"), torch.float32, batch_tokens, show_progress=False)
    return Loaded(model, Nothing(), runtime, 512, "test")


def tiny(kind: str, head: str, **changes: Any) -> Any:
    torch.manual_seed(5)
    shape = {
        "vocab_size": 60, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 40,
        "max_position_embeddings": 40, "type_vocab_size": 2, "initializer_range": 0.4, "pad_token_id": PADDING,
    }  # fmt: skip
    config = transformers.AutoConfig.for_model(kind, **(shape | changes))
    name = CLASSES[kind] + (head or "Model")
    return getattr(transformers, name)(config).eval()


def make_rows(seed: int = 0, types: bool = True) -> list[Row]:
    """Rows of mixed lengths; the padding token stands in the middle of some, as a text that spells it would have it."""
    draw = np.random.default_rng(seed)
    rows = []
    for length in LENGTHS:
        ids = draw.integers(2, 60, length).tolist()
        if length > 7:
            ids[length // 2] = PADDING
        row = {"input_ids": ids, "attention_mask": [1] * length}
        if types:
            row["token_type_ids"] = draw.integers(0, 2, length).tolist()
        rows.append(row)
    return rows


def read(output: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """What the heads of the package read, by the fields there are."""
    if hasattr(output, "start_logits"):
        return torch.stack((output.start_logits, output.end_logits), dim=-1)
    if hasattr(output, "logits"):
        logits: torch.Tensor = output.logits
        return logits
    return pool(output.last_hidden_state, inputs["attention_mask"], "mean")


@torch.inference_mode()
def one_at_a_time(model: Any, rows: list[Row]) -> list[Any]:
    found = []
    for row in rows:
        inputs = {name: torch.tensor([values]) for name, values in row.items()}
        found.append(read(model(**inputs), inputs)[0].float().numpy())
    return found


def assert_equal(found: list[Any], expected: list[Any], tolerance: float = TOLERANCE) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def forbid_own_forward(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the model's own forward was used")

    monkeypatch.setattr(model, "forward", refuse)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_and_head(kind: str, head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = tiny(kind, head, num_labels=2 if head == "ForQuestionAnswering" else 5), make_rows()
    expected = one_at_a_time(model, rows)
    assert float(np.std(np.concatenate([values.ravel() for values in expected]))) > 0.1, "logits that decide"
    forbid_own_forward(model, monkeypatch)
    for batch_tokens in (1, 30, 1000):
        assert_equal(forward_rows(loaded(model, batch_tokens), rows, read), expected)


@pytest.mark.parametrize("changes", [{"hidden_act": "relu"}, {"hidden_act": "gelu_new"}, {"num_hidden_layers": 1}])
def test_other_settings(changes: dict[str, Any]) -> None:
    model, rows = tiny("bert", "ForSequenceClassification", **changes), make_rows(types=False)
    assert PackedModel.of(model) is not None
    assert_equal(forward_rows(loaded(model), rows, read), one_at_a_time(model, rows))


@pytest.mark.parametrize("name", ["xnli", "udpos", "xquad", ""])
def test_real_weights(name: str, heads: dict[str, Path], minilm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {
        "xnli": transformers.AutoModelForSequenceClassification,
        "udpos": transformers.AutoModelForTokenClassification,
        "xquad": transformers.AutoModelForQuestionAnswering,
        "": transformers.AutoModel,
    }
    model = kinds[name].from_pretrained(heads[name] if name else minilm).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm)
    texts = ["The ferry left at noon.", "It had not left.", "Die Fähre fuhr um zwölf ab; niemand war an Bord.", "Why?"]
    rows = [dict(tokenizer(first, second)) for first in texts for second in texts]
    expected = one_at_a_time(model, rows)
    forbid_own_forward(model, monkeypatch)
    found = forward_rows(loaded(model, 128), rows, read)
    largest = max(float(np.abs(values).max()) for values in expected)  # these heads decide: up to 20
    assert_equal(found, expected, 2e-6 * largest if largest > 5 else TOLERANCE)
    assert [v.argmax(axis=-1).tolist() for v in found] == [v.argmax(axis=-1).tolist() for v in expected]


def test_bfloat16_is_as_near_to_float32_as_the_models_own_forward(minilm: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm)
    texts = ["A dog sleeps.", "Two men mend a red boat in the harbour.", "Il pleut depuis trois jours.", "No."]
    rows = [dict(tokenizer(f"{first} {second}")) for first in texts for second in texts]
    exact = np.stack(one_at_a_time(transformers.AutoModel.from_pretrained(minilm).eval(), rows))
    model = transformers.AutoModel.from_pretrained(minilm, dtype=torch.bfloat16).eval()
    own, packed = np.stack(one_at_a_time(model, rows)), np.stack(forward_rows(loaded(model), rows, read))

    def error(values: Any) -> float:
        return float(np.sqrt(np.mean((values - exact) ** 2)))

    assert error(packed) < 1.2 * error(own) + 1e-4
    cosines = (packed * exact).sum(-1) / np.linalg.norm(packed, axis=-1) / np.linalg.norm(exact, axis=-1)
    assert cosines.min() > 0.999


class Doubled(transformers.BertForSequenceClassification):  # type: ignore[misc]
    """A class that is not the library's own, so its forward may be anything."""

    def forward(self, **inputs: Any) -> Any:
        output = super().forward(**inputs)
        output.logits = output.logits * 2
        return output


def others() -> dict[str, Any]:
    shape = {"vocab_size": 60, "num_labels": 3, "pad_token_id": PADDING}
    small = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 40}
    bert = transformers.BertConfig(**shape, **small)
    decoder = transformers.BertConfig(**shape, **small, is_decoder=True)
    torch.manual_seed(5)
    return {
        "distilbert": transformers.DistilBertForSequenceClassification(
            transformers.DistilBertConfig(**shape, dim=24, n_layers=2, n_heads=2, hidden_dim=40)
        ),
        "electra": transformers.ElectraForTokenClassification(
            transformers.ElectraConfig(**shape, **small, embedding_size=12)
        ),
        "subclass": Doubled(bert),
        "decoder": transformers.BertForTokenClassification(decoder),
    }


@pytest.mark.parametrize("name", ["distilbert", "electra", "subclass", "decoder"])
def test_what_is_not_known_runs_through_its_own_forward(name: str) -> None:
    model, rows = others()[name].eval(), make_rows(types=False)
    assert PackedModel.of(model) is None
    assert_equal(forward_rows(loaded(model, 30), rows, read), one_at_a_time(model, rows))


def test_training_mode_and_options_run_through_the_models_own_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = tiny("bert", ""), make_rows()
    assert PackedModel.of(model.train()) is None
    model.eval()
    with torch.inference_mode():
        expected = [
            model(**{name: torch.tensor([values]) for name, values in row.items()}, output_hidden_states=True)
            .hidden_states[1][0].numpy()
            for row in rows
        ]  # fmt: skip
    found = forward_rows(loaded(model), rows, lambda output, _: output.hidden_states[1], output_hidden_states=True)
    assert_equal(found, expected)


rows_of_ids = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=9), min_size=1, max_size=8)


@given(rows_of_ids)
@settings(deadline=None)
def test_positions_are_those_transformers_gives_row_by_row(rows: list[list[int]]) -> None:
    ids, lengths = torch.tensor([i for row in rows for i in row]), [len(row) for row in rows]
    from_zero = [position for length in lengths for position in range(length)]
    assert positions_in_rows(ids, lengths, None).tolist() == from_zero
    oracle = transformers.models.roberta.modeling_roberta.RobertaEmbeddings.create_position_ids_from_input_ids
    expected = [position for row in rows for position in oracle(torch.tensor([row]), PADDING)[0].tolist()]
    assert positions_in_rows(ids, lengths, PADDING).tolist() == expected


@given(st.lists(st.integers(1, 5), max_size=20))
def test_runs_tile_the_stream(lengths: list[int]) -> None:
    runs = Run.split(lengths)
    assert [run.length for run in runs for _ in range(run.rows)] == lengths
    assert all(one.length != other.length for one, other in itertools.pairwise(runs))
    stream = torch.arange(sum(lengths))[:, None]
    parts = [run.of(stream).flatten() for run in runs]
    assert torch.cat([*parts, torch.empty(0, dtype=torch.long)]).tolist() == stream.flatten().tolist()


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.booleans())
def test_tiles_hold_the_rows_in_order_and_little_padding(lengths: list[int], merges: bool) -> None:
    tiles = Tile.split(lengths, heads=300, merges=merges)
    assert sum(tile.rows for tile in tiles) == len(lengths) and sum(tile.tokens for tile in tiles) == sum(lengths)
    before = 0
    for tile in tiles:
        mine = lengths[before : before + tile.rows]
        before += tile.rows
        assert tile.longest == max(mine) and (tile.places is None) == (len(set(mine)) == 1)
        stream = torch.arange(1.0, tile.tokens + 1)[:, None].expand(-1, 6)
        spread = tile.spread(stream, 3)
        assert spread.shape == (tile.rows, 3, tile.longest, 2) and torch.equal(tile.gather(spread), stream)
        padding = sum(tile.longest**2 - length**2 for length in mine)
        assert 300 * padding < packed._PADDING_WORTH * len(mine)
    assert merges or len(tiles) == len(Run.split(lengths))


@pytest.mark.parametrize(("plain", "multiple"), [(False, 1), (True, 1), (True, 64)])
def test_rows_that_attend_together_are_the_rows_alone(plain: bool, multiple: int) -> None:
    """Hidden states and gradients; the rectangle's empty places, and what fills the stream up, take no part."""
    base, rows = tiny("xlm-roberta", ""), make_rows(types=False)
    ids = torch.tensor([value for row in rows for value in row["input_ids"]])
    found = []
    for merges in (False, True):
        base.zero_grad()
        encoder = PackedEncoder(base, plain=plain, merges=merges, multiple=multiple if merges else 1)
        hidden = encoder.hidden(ids, None, LENGTHS)
        torch.autograd.backward((hidden * torch.linspace(-1, 1, hidden.numel()).view_as(hidden)).sum())
        gradients = [weight.grad.clone() for weight in base.parameters() if weight.grad is not None]
        found.append([hidden.detach(), *gradients])
    assert len(Tile.split(LENGTHS, 3, merges=True)) == 1 < len(Tile.split(LENGTHS, 3, merges=False))
    largest = max(float(part.abs().max()) for part in found[0])  # of what is 0 in exact arithmetic, keys' biases, too
    for alone, together in zip(*found, strict=True):
        torch.testing.assert_close(together, alone, atol=1e-5 * largest, rtol=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("is_padded", [False, True])
def test_attention_in_steps_is_its_formula(rate: float, is_padded: bool) -> None:
    """softmax(q kᵀ / √width + bias) · mask · scale · v and its gradients, as torch derives them, in float64."""
    parts = [torch.randn(2, 3, 7, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    bias = torch.zeros(2, 1, 1, 7, dtype=torch.float64)
    bias[1, ..., 4:] = -torch.inf
    given = torch.randn(2, 3, 7, 4, dtype=torch.float64)
    found = []
    for own in (False, True):
        torch.manual_seed(5)
        query, key, value = parts
        if own:
            context = packed._in_steps(query, key, value, bias if is_padded else None, rate)
        else:
            mask, scale = dropout.drawn(torch.Size([2, 3, 7, 7]), rate)
            assert (mask is None) == (rate == 0)
            scores = torch.einsum("rhqw,rhkw->rhqk", query, key) / 2 + (bias if is_padded else 0)
            weights = scores.softmax(-1) * (1 if mask is None else mask.double()) * scale
            context = torch.einsum("rhqk,rhkw->rhqw", weights, value)
        found.append([context, *torch.autograd.grad(context, parts, given)])
    for formula, steps in zip(*found, strict=True):
        torch.testing.assert_close(steps, formula, atol=1e-12, rtol=1e-12)
