"""What passes on from stage to stage, and what plain transformers finds in the checkpoints, in every architecture."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.training import architectures, runs
from xstilts_eval import bundle, kinds
from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.kinds import Kind
from xstilts_eval.models import pairs
from xstilts_eval.models.encoder import Loaded, Runtime
from xstilts_eval.models.heads import HEADS
from xstilts_eval.models.source import Source
from xstilts_eval.training import model as models
from xstilts_eval.training.model import HeadSpec

SPECS = [
    HeadSpec("nli", kinds.PAIR, ("no", "yes", "maybe")),
    HeadSpec("upos", kinds.TAGGED, ("A", "B")),
    HeadSpec("span", kinds.QUESTION),
    HeadSpec("choice", kinds.CHOICE),
]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bases")
    return {name: architectures.make(name, root / name) for name in architectures.NAMES}


def inputs_of(kind: Kind) -> dict[str, torch.Tensor]:
    ids = torch.arange(5, 21).view(2, 8)
    ids = ids[:, None].repeat(1, 3, 1) if kind is kinds.CHOICE else ids
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def open_head(folder: Path, kind: Kind) -> tuple[Any, dict[str, Any]]:
    found: tuple[Any, dict[str, Any]] = getattr(transformers, HEADS.of(kind).auto_class).from_pretrained(
        folder, output_loading_info=True
    )
    return found


def pooling_of(model: Any) -> list[torch.Tensor]:
    """Weights of every pooling layer that a head or its encoder has, under whatever name."""
    found: dict[int, torch.Tensor] = {}
    for name, weight in model.named_parameters():
        if "pooler.dense" in name or "classifier.dense" in name or "pre_classifier" in name:
            found[weight.data_ptr()] = weight
    return list(found.values())


@pytest.mark.parametrize("name", architectures.NAMES)
def test_saved_heads_open_with_plain_transformers(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    source = Source(str(bases[name]))
    shared = models.build(source, SPECS).eval()
    models.save(
        shared,
        partial(source.write_tokenizer, source.tokenizer()),
        tmp_path,
        {spec.name: f"heads/{spec.name}" for spec in SPECS},
    )
    for spec in SPECS:
        opened, info = open_head(tmp_path / "heads" / spec.name, spec.kind)
        assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), (spec.name, info)
        inputs = inputs_of(spec.kind)
        with torch.no_grad():
            ours, theirs = shared.heads[spec.name](**inputs), opened.eval()(**inputs)
        torch.testing.assert_close(ours[0], theirs[0], rtol=0, atol=1e-6, msg=spec.name)
        if spec.labels:
            assert opened.config.id2label == dict(enumerate(spec.labels))
    _, info = transformers.AutoModel.from_pretrained(tmp_path / "encoder", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]


@pytest.mark.parametrize("name", architectures.NAMES)
def test_encoder_pooling_and_heads_pass_on(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    """Everything that the first stage wrote stands in the second before its first step, bit for bit."""
    source = Source(str(bases[name]))
    torch.manual_seed(1)
    first = models.build(source, SPECS)
    with torch.no_grad():
        for weight in first.parameters():  # as if trained: nothing that a new weight could be by chance
            weight.add_(torch.randn_like(weight) * 0.1)
    models.save(
        first,
        partial(source.write_tokenizer, source.tokenizer()),
        tmp_path,
        {spec.name: f"heads/{spec.name}" for spec in SPECS},
    )
    torch.manual_seed(2)
    encoder = Source(str(tmp_path / "encoder"))
    parents = [
        HeadSpec(spec.name, spec.kind, spec.labels, Source(str(tmp_path / "heads" / spec.name))) for spec in SPECS
    ]
    second = models.build(encoder, parents)
    assert runs.same(first.state_dict(), second.state_dict())
    torch.manual_seed(3)
    anew = models.build(encoder, SPECS)
    assert runs.same(first.encoder.state_dict(), anew.encoder.state_dict())
    old, new = pooling_of(first), pooling_of(anew)
    assert len(old) == len(new) == 2, "one pooling layer, weight and bias, for encoder and heads"
    assert all(torch.equal(one, other) for one, other in zip(old, new, strict=True))
    heads = {key for key in first.state_dict() if key.endswith(("qa_outputs.weight", "upos.classifier.weight"))}
    assert len(heads) == 2
    assert not any(torch.equal(first.state_dict()[key], anew.state_dict()[key]) for key in heads)


@pytest.mark.parametrize("name", architectures.NAMES)
def test_one_pooling_layer_is_trained_by_all_heads(name: str, bases: dict[str, Path]) -> None:
    shared = models.build(Source(str(bases[name])), SPECS)
    found = {id(weight) for model in shared.heads.values() for weight in pooling_of(model)}
    assert len(found) == 2


@pytest.mark.parametrize("name", architectures.NAMES)
def test_development_scores_are_those_of_the_saved_head(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    """A head in training stands on an encoder that has a pooler, which a published head of its class may lack."""
    source = Source(str(bases[name]))
    shared = models.build(source, SPECS[:1]).eval()
    models.save(shared, partial(source.write_tokenizer, source.tokenizer()), tmp_path, {"nli": "nli"})
    opened, _ = open_head(tmp_path / "nli", kinds.PAIR)
    documents: list[Any] = [{"id": str(n), "premise": "one two " * n, "hypothesis": "three"} for n in range(1, 5)]
    runtime = Runtime(torch.device("cpu"), torch.float32, 512, show_progress=False)
    found = [
        pairs.classify(Loaded(model.eval(), source.tokenizer(), runtime, 64), documents, range(3))[0]
        for model in (shared.heads["nli"], opened)
    ]
    for ours, theirs in zip(*found, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_an_architecture_without_such_a_head(tmp_path: Path) -> None:
    config = transformers.ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    transformers.ViTModel(config).save_pretrained(tmp_path)
    with pytest.raises(UnfitCheckpoint, match="has no TokenClassification head for vit"):
        models.build(Source(str(tmp_path)), SPECS[1:2])


@pytest.mark.parametrize("name", architectures.NAMES)
def test_dropout_of_a_stage_reaches_every_layer(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    settings = {"limit": 8, "hidden_dropout": 0.3, "attention_dropout": 0.3}
    learned = runs.learner(runs.recipe_of(bases[name], None, runs.quick("udpos", **settings)), tmp_path)
    found = {module.p for module in learned.model.modules() if isinstance(module, torch.nn.Dropout)}
    assert found == {0.3}


# --- in recipes


def test_heads_pass_on_where_task_and_labels_agree(tiny_bundle: Path, tmp_path: Path) -> None:
    """squad's head goes on as tydiqa's; panx, whose labels no head of the first stage has, gets a new one."""
    first = runs.quick(["mnli", "squad", "udpos"], limit=16)
    wanted = runs.recipe_of(tiny_bundle / "encoder", runs.quick(["tydiqa", "panx", "udpos"], limit=8), first)
    runs.train(wanted, tmp_path)
    (mixture,) = (tmp_path / "stages").glob("mnli+squad+udpos-*")
    manifest = bundle.read(mixture)
    assert {task: head.path for task, head in manifest.trained.items()} == {
        task: f"heads/{task}" for task in ("mnli", "squad", "udpos")
    }
    origins = {}
    for number, task in enumerate(["tydiqa", "panx", "udpos"], 1):
        learned = runs.learner(wanted, tmp_path, number)
        origins[task] = learned.counts[task]["head"]
        saved = runs.checkpoint(mixture / "encoder")
        assert runs.same(saved, learned.model.encoder.state_dict())
        if origins[task] == "of the parent":
            old = runs.checkpoint(mixture / manifest.trained[{"tydiqa": "squad"}.get(task, task)].path)
            (inner,) = learned.model.heads.values()
            new = inner.state_dict()
            assert all(torch.equal(weight, new[key]) for key, weight in old.items())
    assert origins == {"tydiqa": "of the parent", "panx": "new", "udpos": "of the parent"}
    made = bundle.read(tmp_path / "out").heads
    places = {family: (head.path.rpartition("-")[0], head.path.rpartition("/")[2]) for family, head in made.items()}
    assert places == {
        "xnli": ("mnli+squad+udpos", "mnli"),
        "xquad": ("mnli+squad+udpos", "squad"),
        "mlqa": ("mnli+squad+udpos", "squad"),
        "tydiqa": ("tydiqa", "tydiqa"),
        "udpos": ("udpos", "udpos"),
        "panx": ("panx", "panx"),
    }


@pytest.mark.slow
def test_heads_start_anew_where_the_recipe_says_so(tiny_bundle: Path, tmp_path: Path) -> None:
    wanted = runs.recipe_of(
        tiny_bundle / "encoder", runs.quick("udpos", limit=8), runs.quick("udpos", limit=8), reuse_heads="never"
    )
    runs.train(wanted, tmp_path)
    assert runs.learner(wanted, tmp_path, 1).counts["udpos"]["head"] == "new"


def test_the_sets_of_anli_plus_share_a_head(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = runs.train(runs.recipe_of(tiny_bundle / "encoder", None, runs.quick("anli_plus", limit=8)), tmp_path)
    manifest = bundle.read(folder)
    assert set(manifest.trained) == {"snli", "mnli", "anli_r1", "anli_r2", "anli_r3"}
    assert {head.path for head in manifest.trained.values()} == {manifest.heads["xnli"].path}
    seen = runs.record(folder)["mixture"]["seen"]
    assert set(seen) <= set(manifest.trained) and sum(seen.values()) == pytest.approx(1)


# --- adapters


@pytest.mark.parametrize(
    "name", ["bert", *(pytest.param(name, marks=pytest.mark.slow) for name in architectures.NAMES[1:])]
)
def test_adapters_are_merged(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("peft")
    lora: dict[str, Any] = {"rank": 4, "alpha": 8}
    lora |= {"targets": ["q_lin", "v_lin"]} if name == "distilbert" else {}  # peft knows no layers of it
    settings = {"limit": 16, "lora": lora, "selection": "last", "learning_rate": 5e-3}
    wanted = runs.recipe_of(bases[name], None, runs.quick("mnli", **settings))
    folder = runs.train(wanted, tmp_path)
    before, after = runs.checkpoint(bases[name]), runs.checkpoint(folder / "encoder")
    assert before.keys() == after.keys(), "plain layers, under their own names"
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    adapted = {key for key in moved if "pooler" not in key}
    assert adapted and all(key.endswith("weight") for key in adapted)
    for key in adapted:
        difference = (after[key] - before[key]).float()
        values = torch.linalg.svdvals(difference)
        assert values[4] < 1e-4 * values[0], "a product of two matrices of rank 4"
    opened, info = open_head(folder / bundle.read(folder).heads["xnli"].path, kinds.PAIR)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert not any(torch.isnan(weight).any() for weight in opened.parameters())


def test_adapters_go_on_after_an_interruption(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from xstilts_eval.training import loop

    settings = {"limit": 24, "lora": {"dropout": 0.1}, "selection": "last", "save_every": 1}
    wanted = runs.recipe_of(tiny_bundle / "encoder", None, runs.quick("mnli", **settings))
    whole = runs.weights(runs.train(wanted, tmp_path / "whole"))
    step = loop._PlannedTrainer.training_step

    def stops(self: Any, model: Any, number: int, *rest: Any, **more: Any) -> Any:
        if number == 2:
            raise KeyboardInterrupt
        return step(self, model, number, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._PlannedTrainer, "training_step", stops)
        with pytest.raises(KeyboardInterrupt):
            runs.train(wanted, tmp_path / "cut")
    assert runs.same(runs.weights(runs.train(wanted, tmp_path / "cut")), whole)


def test_adapters_without_their_package(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    wanted = runs.recipe_of(tiny_bundle / "encoder", None, runs.quick("mnli", limit=8, lora={}))
    with pytest.raises(SettingError, match="lora needs the package peft; pip install 'peft"):
        runs.train(wanted, tmp_path)


def test_adapters_for_layers_that_do_not_exist(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    wanted = runs.recipe_of(tiny_bundle / "encoder", None, runs.quick("mnli", limit=8, lora={"targets": ["nowhere"]}))
    with pytest.raises(SettingError, match=r"nowhere.*give lora.targets names of linear layers of BertModel"):
        runs.train(wanted, tmp_path)
