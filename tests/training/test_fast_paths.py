"""Compact tables, packed rows and cheap dropout against the whole table, the models' own forward passes and chance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.tiny_language_models import make_llama
from tests.training import architectures, runs
from xstilts_eval import kinds
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.models.dropout import CheapDropout, keep_mask, use_cheap_masks
from xstilts_eval.training import fit, vocabulary
from xstilts_eval.training.losses import LOSSES
from xstilts_eval.training.packed_loss import Stream
from xstilts_eval.training_tasks import training_task

TASKS = ["mnli", "udpos", "squad", "hellaswag"]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bases")
    return {name: architectures.make(name, root / name) for name in architectures.NAMES}


def learner(base: Path, task: str, folder: Path, **settings: Any) -> fit.Heads:
    found = runs.learner(runs.recipe_of(base, None, runs.quick(task, limit=12, **settings)), folder)
    assert isinstance(found, fit.Heads)
    return found


def batch_of(found: fit.Heads, task: str, rows: int = 6) -> dict[str, Any]:
    part = found.tasks[task]
    batch = found.collate([part.row(row, 0) for row in range(rows)])
    return batch | {"keep": torch.tensor([1.0] * (rows - 1) + [0.0])}


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


# ---------------------------------------------------------------------- packed rows


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("name", "recompute"),
    [
        ("xlm-roberta", True),
        pytest.param("bert", False, marks=pytest.mark.slow),
        pytest.param("bert", True, marks=pytest.mark.slow),
        pytest.param("xlm-roberta", False, marks=pytest.mark.slow),
    ],
)
def test_packed_losses_are_the_models_own(
    name: str, task: str, recompute: bool, bases: dict[str, Path], tmp_path: Path
) -> None:
    """Same loss and gradients as the padded forward pass of transformers; the last row only fills up."""
    found = learner(bases[name], task, tmp_path)
    model = found.model.eval()
    (head,) = model.heads
    batch = batch_of(found, task)
    keep = batch.pop("keep")
    assert len(set(batch["attention_mask"].flatten(0, -2).sum(-1).tolist())) > 1  # rows of several lengths
    losses = LOSSES.of(training_task(task).kind)
    own: Any = losses.plain(model.encoder, model.heads[head], keep, batch)
    own.backward()
    wanted = gradients(model)
    model.zero_grad()
    model.use_fast_paths()
    if recompute:
        model.recompute_activations()
    assert model.packed is not None
    assert losses.packed is not None
    packed: Any = losses.packed(model.packed, model.heads[head], keep, batch)
    packed.backward()
    assert float(packed.detach()) == pytest.approx(float(own.detach()), rel=2e-6)
    got = gradients(model)
    scale = max(float(value.abs().max()) for value in wanted.values())
    for key in wanted.keys() | got.keys():
        zero = torch.zeros(())
        difference = (got.get(key, zero) - wanted.get(key, zero)).abs().max()
        assert float(difference) <= 2e-5 * scale, key


def test_nothing_but_fillers_costs_nothing(bases: dict[str, Path], tmp_path: Path) -> None:
    """A process without rows of its own runs another's with weight 0."""
    found = learner(bases["bert"], "udpos", tmp_path)
    found.model.use_fast_paths()
    batch = batch_of(found, "udpos", 2)
    (head,) = found.model.heads
    loss = found.model(head=head, items=torch.tensor(1.0), **batch | {"keep": torch.zeros(2)})["loss"]
    loss.backward()
    assert float(loss.detach()) == 0.0


@pytest.mark.parametrize("name", ["deberta-v2", "distilbert"])
def test_other_architectures_keep_their_own_forward_pass(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    found = learner(bases[name], "mnli", tmp_path)
    found.model.use_fast_paths()
    assert found.model.packed is None


def test_a_stream_has_the_rows_without_padding() -> None:
    ids = torch.tensor([[[5, 6, 7], [8, 9, 0]], [[3, 0, 0], [4, 2, 0]]])
    stream = Stream.of({"input_ids": ids, "attention_mask": (ids > 0).long()})
    assert stream.ids.tolist() == [5, 6, 7, 8, 9, 3, 4, 2]
    assert (stream.lengths, stream.types) == ([3, 2, 1, 2], None)


# ---------------------------------------------------------------------- compact tables


def trained(base: Path, folder: Path, task: str, whole: bool, monkeypatch: Any, **settings: Any) -> tuple[Any, Any]:
    """Outcome of a short training and the weights after it."""
    if whole:
        monkeypatch.setattr(vocabulary, "compact", lambda encoder, ids: None)
    found = learner(base, task, folder, learning_rate=3e-3, epochs=3, batch_size=4, development=4, **settings)
    for module in found.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    outcome, _ = fit.train(found, folder / "work", keep_checkpoints=False)
    monkeypatch.undo()
    return outcome, {name: value.clone() for name, value in found.model.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "task", "settings"),
    [
        ("xlm-roberta", "udpos", {"weight_decay": 0.1}),
        pytest.param("bert", "mnli", {"weight_decay": 0.0}, marks=pytest.mark.slow),
        pytest.param("deberta-v2", "squad", {"weight_decay": 0.1}, marks=pytest.mark.slow),
        ("bert", "hellaswag", {"weight_decay": 0.1, "gradient_checkpointing": True}),
        ("bert", "udpos", {"weight_decay": 0.1, "lora": {"rank": 4, "alpha": 8}}),
        pytest.param("bert", "udpos", {"weight_decay": 0.1, "embeddings": "frozen"}, marks=pytest.mark.slow),
    ],
)
def test_a_compact_table_gives_the_whole_tables_result(
    name: str, task: str, settings: dict[str, Any], bases: dict[str, Path], tmp_path: Path, monkeypatch: Any
) -> None:
    """Losses and table within 1e-6, all weights within 1e-5; rows that no document touches have decayed as well."""
    settings = settings | {"selection": "last"}
    one, weights = trained(bases[name], tmp_path / "whole", task, True, monkeypatch, **settings)
    other, found = trained(bases[name], tmp_path / "compact", task, False, monkeypatch, **settings)
    assert [loss for _, loss in other.losses] == pytest.approx([loss for _, loss in one.losses], abs=1e-6)
    assert found.keys() == weights.keys()
    for key, value in weights.items():
        bound = 1e-6 if "word_embeddings" in key else 1e-5
        assert float((found[key] - value).abs().max()) <= bound, key


def test_only_touched_rows_are_trained(bases: dict[str, Path], tmp_path: Path) -> None:
    found = learner(bases["xlm-roberta"], "udpos", tmp_path, weight_decay=0.0, selection="last", development=2)
    before = found.model.encoder.get_input_embeddings().weight.detach().clone()
    ids = set(found.ids)
    outcome, _ = fit.train(found, tmp_path / "work", keep_checkpoints=False)
    after = found.model.encoder.get_input_embeddings().weight
    moved = {int(row) for row in (after != before).any(1).nonzero()[:, 0]}
    assert len(moved) > 10 and moved <= ids and len(ids) < len(before) / 2
    assert (outcome.table_rows, outcome.vocabulary) == (len(ids), len(before))


def test_masked_text_keeps_the_whole_table(bases: dict[str, Path], tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "en.txt").write_text("A short line of text that is long enough to be read.\n" * 40, encoding="utf-8")
    entry = runs.quick("udpos", limit=8) | {"mlm": {"folder": str(texts), "languages": ["en"], "share": 0.5}}
    wanted = runs.recipe_of(bases["xlm-roberta"], None, entry)
    outcome = runs.record(runs.train(wanted, tmp_path))["outcome"]
    assert outcome["table_rows"] == outcome["vocabulary"] > 0


def table_of(rows: int = 8, width: int = 3) -> torch.nn.Embedding:
    torch.manual_seed(1)
    return torch.nn.Embedding(rows, width, padding_idx=0)


def test_a_token_outside_the_compact_table() -> None:
    table = vocabulary.CompactTable(table_of(), [2, 5])
    assert table.rows.tolist() == [0, 2, 5]
    assert torch.equal(table(torch.tensor([5, 0])), table.__dict__["whole"].weight[[5, 0]])
    with pytest.raises(SettingError, match="token 3 is not among the 3 rows"):
        table(torch.tensor([2, 3]))


def test_a_token_outside_the_whole_table() -> None:
    with pytest.raises(SettingError, match="the data have the token 9, the model's table has 8 rows"):
        vocabulary.CompactTable(table_of(), [2, 9])


def test_a_checkpoint_with_other_rows_is_refused(bases: dict[str, Path], tmp_path: Path) -> None:
    found = learner(bases["bert"], "udpos", tmp_path)
    table = vocabulary.compact(found.model.encoder, found.ids)
    assert table is not None
    for ids in ([1, 2, 3], [number + 1 for number in found.ids]):
        other = vocabulary.CompactTable(table.__dict__["whole"], ids)
        with pytest.raises(SettingError, match="was made with other rows"):
            table.refuse_other_rows(other.rows, "checkpoint-5")
    table.refuse_other_rows(table.rows, "checkpoint-5")


# ---------------------------------------------------------------------- dropout


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5])
def test_rate_scale_and_independence(rate: float) -> None:
    """A million elements: the share dropped within 5 standard errors, neighbours uncorrelated, the mean kept."""
    torch.manual_seed(3)
    layer = CheapDropout(rate).train()
    count = 1_000_000
    kept = layer(torch.ones(1000, 1000)).flatten()
    dropped = (kept == 0).float()
    error = (rate * (1 - rate) / count) ** 0.5
    assert abs(float(dropped.mean()) - rate) < 5 * error
    assert abs(float(kept.mean()) - 1.0) < 5 * error / (1 - rate)
    assert kept.unique().tolist() == pytest.approx([0.0, 1 / (1 - rate)], rel=2e-5)
    for distance in (1, 2, 3, 4, 8, 1000):
        together = (dropped[:-distance] * dropped[distance:]).mean()
        assert abs(float(together) - rate**2) < 6 * error, distance


def test_masks_follow_torchs_random_state() -> None:
    torch.manual_seed(5)
    first = keep_mask(torch.Size([7, 5]), 20_000)
    state = torch.random.get_rng_state()
    second = keep_mask(torch.Size([7, 5]), 20_000)
    torch.random.set_rng_state(state)
    assert torch.equal(keep_mask(torch.Size([7, 5]), 20_000), second) and not torch.equal(first, second)


def test_gradient_has_the_mask_of_the_output() -> None:
    layer = CheapDropout(0.4).train()
    value = torch.randn(40, 30, requires_grad=True)
    output = layer(value)
    output.sum().backward()
    assert value.grad is not None
    assert torch.equal(value.grad == 0, output == 0)
    assert torch.allclose(value.grad[output != 0], torch.tensor(1 / 0.6), rtol=1e-4)


@pytest.mark.parametrize("make", [lambda: torch.nn.Dropout(0.0), lambda: torch.nn.Dropout(0.3).eval()])
def test_nothing_is_dropped(make: Callable[[], torch.nn.Module]) -> None:
    layer = torch.nn.Sequential(make())
    use_cheap_masks(layer)
    value = torch.randn(3, 3)
    assert isinstance(layer[0], CheapDropout) and torch.equal(layer[0](value), value)


def test_everything_is_dropped() -> None:
    """At rate 1, as torch does, and no infinite scale times 0."""
    assert torch.equal(CheapDropout(1.0).train()(torch.ones(3, 3)), torch.zeros(3, 3))


def test_kinds_without_a_packed_loss_are_left_to_the_model() -> None:
    assert LOSSES.of(kinds.RANKING).packed is None
    with pytest.raises(UnknownName, match="no loss for datasets of the kind 'mining'; there is one for: choice, pair"):
        LOSSES.of(kinds.MINING)


# ---------------------------------------------------------------------- frozen tables, first blocks


def test_frozen_word_vectors_stay(bases: dict[str, Path], tmp_path: Path) -> None:
    wanted = runs.recipe_of(bases["bert"], None, runs.quick("udpos", embeddings="frozen", weight_decay=0.1))
    folder = runs.train(wanted, tmp_path)
    before, after = (runs.checkpoint(place) for place in (bases["bert"], folder / "encoder"))
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(before[name], after[name])
    query = "encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(before[query], after[query])


def test_first_blocks(bases: dict[str, Path], tmp_path: Path) -> None:
    """The later stage, which asks for nothing, has the blocks of the earlier one."""
    target = runs.quick("mnli", learning_rate=1e-9)
    wanted = runs.recipe_of(bases["xlm-roberta"], target, runs.quick("udpos", layers=1, learning_rate=1e-9))
    folder = runs.train(wanted, tmp_path)
    saved, base = runs.checkpoint(folder / "encoder"), runs.checkpoint(bases["xlm-roberta"])
    blocks = {name.split(".")[2] for name in saved if ".layer." in name}
    assert blocks == {"0"}
    for name, value in saved.items():
        if "encoder.layer" in name:
            assert torch.allclose(value, base[name], atol=1e-6)
    assert transformers.AutoConfig.from_pretrained(folder / "encoder").num_hidden_layers == 1


def test_more_blocks_than_the_base_has(bases: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"layers 3: .* has 2 blocks; give at most that many"):
        learner(bases["bert"], "udpos", tmp_path, layers=3)


def test_language_models_take_neither(tmp_path: Path) -> None:
    base = make_llama(tmp_path / "llama")
    for settings in ({"layers": 1}, {"embeddings": "frozen"}):
        with pytest.raises(SettingError, match="settings of encoders"):
            runs.learner(runs.recipe_of(base, None, runs.quick("mnli", **settings)), tmp_path)
