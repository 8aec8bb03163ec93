"""When a stage is the same stage, how its settings are shown, and what is found again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from tests.training import architectures, runs
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.training import loop, mlm, run, stage
from xstilts_eval.training import recipe as recipes
from xstilts_eval.training.settings import StageSettings


@pytest.fixture(scope="module")
def base(tiny_bundle: Path) -> Path:
    return tiny_bundle / "encoder"


def key(base: Path, tasks: Any = "mnli", more: dict[str, Any] | None = None, seed: int = 1, **settings: Any) -> str:
    wanted = runs.recipe_of(base, None, runs.quick(tasks, **settings) | (more or {}), seeds=[seed])
    (plan,) = run.plans(wanted, seed, "sample")
    return plan.key


CHANGED: dict[str, Any] = {
    "learning_rate": 2e-3,
    "epochs": 2,
    "batch_size": 4,
    "max_length": 32,
    "warmup": 0.2,
    "weight_decay": 0.01,
    "adam_epsilon": 1e-6,
    "max_grad_norm": 0.5,
    "selection": "last",
    "evaluate_every": 5,
    "development": 3,
    "patience": 7,
    "limit": 10,
    "max_steps": 5,
    "precision": "bfloat16",
    "group_by_length": False,
    "hidden_dropout": 0.3,
    "attention_dropout": 0.3,
    "lora": {"rank": 4},
    "embeddings": "frozen",
    "layers": 1,
    "first_piece": "text",
}
SAME: dict[str, Any] = {"micro_batch": 2, "save_every": 3, "gradient_checkpointing": True}


def test_every_setting_is_sorted() -> None:
    """A new one has to be put on a side: part of a stage's identity or not."""
    assert CHANGED.keys() | SAME.keys() == StageSettings.model_fields.keys()


def test_what_makes_another_stage(base: Path, tmp_path: Path) -> None:
    usual = key(base)
    keys = {name: key(base, **{name: value}) for name, value in CHANGED.items()}
    keys["seed"] = key(base, seed=2)
    keys["base"] = key(architectures.make("bert", tmp_path / "other"))
    keys["task"] = key(base, "snli")
    keys["split"] = key(base, [{"name": "mnli", "split": "dev"}])
    keys["holdout"] = key(base, [{"name": "mnli", "split": "dev", "holdout": 2}])
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "en.txt").write_text("A line of text.\n" * 3)
    text = {"mlm": {"share": 0.5, "folder": str(tmp_path / "text")}}
    keys["mlm"] = key(base, more=text)
    (tmp_path / "text" / "en.txt").write_text("Another line of text.\n" * 3)
    keys["text"] = key(base, more=text)
    several = ["mnli", "squad"]
    keys["several"] = key(base, several)
    keys["mixture"] = key(base, several, {"mixture": {"method": "uniform"}})
    keys["order"] = key(base, several[::-1])
    assert usual not in keys.values()
    assert len(set(keys.values())) == len(keys), keys


def test_what_does_not(base: Path, tmp_path: Path) -> None:
    usual = key(base)
    for name, value in SAME.items():
        assert key(base, **{name: value}) == usual, name
    assert key(base, more={"mixture": {"method": "uniform"}}) == usual, "a single task has no mixture"
    moved = tmp_path / "moved"
    os.symlink(base, moved)
    assert key(moved) == usual, "the base's files count, not where they lie"


def test_a_changed_data_file_makes_another_stage(base: Path, tmp_path: Path) -> None:
    data = tmp_path / "QQP"
    data.mkdir()

    def found(lines: list[str]) -> str:
        for split in ("train", "dev"):
            (data / f"{split}.tsv").write_text(
                "\n".join(["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", *lines]) + "\n"
            )
        wanted = runs.recipe_of(base, None, runs.quick("qqp"))
        return run.plans(wanted, 1, str(tmp_path))[0].key

    one = found(["0\t1\t2\tWho?\tWhich?\t0", "1\t3\t4\tWhy?\tWhy so?\t1"])
    assert one != found(["0\t1\t2\tWho?\tWhich?\t0", "1\t3\t4\tWhen?\tWhy so?\t1"])


def test_a_parent_makes_another_stage(base: Path) -> None:
    def target(first: str, **settings: Any) -> str:
        wanted = runs.recipe_of(base, runs.quick("udpos", limit=8), runs.quick(first, limit=8, **settings))
        return run.plans(wanted, 1, "sample")[1].key

    alone = run.plans(runs.recipe_of(base, runs.quick("udpos", limit=8)), 1, "sample")[0].key
    assert len({alone, target("mnli"), target("squad"), target("mnli", epochs=2)}) == 4
    assert target("mnli") == target("mnli", micro_batch=1)


def test_settings_are_shown_with_their_origin(base: Path) -> None:
    content = runs.content(base, {"tasks": ["udpos"], "preset": "jiant", "settings": {"limit": 9, "epochs": 1}})
    (plan,) = run.plans(recipes.validated(content, "t"), 1, "sample")
    shown = stage.described(plan)
    groups = {}
    for line in shown.splitlines():
        origin, sign, values = line.strip().partition(": ")
        if sign and origin in ("default", "overridden", "inherited"):
            source, _, values = (values if origin != "default" else f" : {values}").partition(": ")
            groups[f"{origin} {source}".strip()] = values
    assert "limit 9" in groups["overridden recipe tiny"] and "epochs 1" in groups["overridden recipe tiny"]
    assert any("batch_size 32" in values for origin, values in groups.items() if origin.startswith("inherited jiant"))
    assert "micro_batch None" in groups["default"]
    for name in StageSettings.model_fields:
        assert sum(f"{name} " in values for values in groups.values()) == 1, name
    assert "200 examples, 9 trained, 191 not drawn, 30 development" in shown


def test_settings_of_a_mixture_are_shown_by_task(base: Path) -> None:
    tasks = [{"name": "mnli", "settings": {"limit": 5}}, "squad"]
    (plan,) = run.plans(runs.recipe_of(base, None, runs.quick(tasks, limit=7)), 1, "sample")
    assert "limit (mnli 5, squad 7)" in stage.described(plan)
    assert [len(material.training) for material in plan.materials] == [5, 7]


def test_a_changed_stage_is_refused(base: Path, tmp_path: Path) -> None:
    wanted = runs.recipe_of(base, runs.quick("mnli", limit=8))
    folder = runs.train(wanted, tmp_path)
    for part, name in (("encoder", "blocks.safetensors"), ("heads/mnli", "head.safetensors")):
        file = folder / part / name
        whole = file.read_bytes()
        weights = load_file(file)
        tensor = next(iter(weights))
        save_file(weights | {tensor: weights[tensor] + 1}, file, {"format": "pt"})
        with pytest.raises(UnfitCheckpoint, match=f"part {part} has changed: {name}"):
            runs.train(wanted, tmp_path)
        file.write_bytes(whole)
    assert runs.train(wanted, tmp_path) == folder


def test_the_record_adds_up(base: Path, tmp_path: Path) -> None:
    folder = runs.train(runs.recipe_of(base, runs.quick("mnli", limit=20, evaluate_every=2)), tmp_path)
    record = runs.record(folder)
    assert record["tasks"]["mnli"]["trained"] == record["rows"]["mnli"]["rows"] == 20
    outcome = record["outcome"]
    assert outcome["steps"] == len(outcome["losses"]) == 3
    assert outcome["tokens"] == record["rows"]["mnli"]["tokens"], "one epoch reads every row once"
    assert outcome["tokens_per_second"] == pytest.approx(outcome["tokens"] / outcome["seconds"], rel=0.01)
    assert outcome["device_seconds"] == pytest.approx(outcome["seconds"], abs=0.1)
    assert {"torch", "transformers", "accelerate", "python", "xstilts-eval"} <= record["versions"].keys()
    assert record["key"] in folder.name and record["settings"]["limit"] == 20
    assert record["origins"]["limit"] == "overridden: recipe tiny"


# --- masked text in a stage


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    for language, words in {"en": "the cat saw a dog", "de": "die Katze sah einen Hund"}.items():
        lines = [" ".join(words.split()[n % 5 :] + words.split()[: n % 5]) for n in range(40)]
        (folder / f"{language}.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def with_text(base: Path, text: Path, share: float = 0.5, **settings: Any) -> Any:
    return runs.recipe_of(base, None, runs.quick("mnli", **settings) | {"mlm": {"share": share, "folder": str(text)}})


def test_masked_text_has_its_share_and_is_learned(base: Path, text: Path, tmp_path: Path) -> None:
    settings = {"limit": 96, "epochs": 1, "learning_rate": 3e-3, "selection": "last", "development": 0}
    folder = runs.train(with_text(base, text, 0.75, **settings), tmp_path)
    record = runs.record(folder)
    seen, asked = record["mixture"]["seen"], record["mixture"]["asked"]
    assert asked == {"mnli": 0.25, "mlm": 0.75}
    assert seen == {"mnli": 12 / 48, "mlm": 36 / 48}
    assert set(record["rows"]["mlm"]["lines"]) == {"en", "de"}
    losses = [loss for _, loss in record["outcome"]["losses"]]
    assert max(losses[-12:]) < 0.8 * max(losses[:12]), "those of masked text, far above those of three classes"
    assert not (folder / "heads" / "mlm").exists()


def test_masks_are_the_same_after_an_interruption(
    base: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = with_text(base, text, limit=32, selection="last", save_every=1)
    masked: list[Any] = []
    draw = mlm.MaskedRows.__getitem__

    def noting(self: Any, index: Any) -> Any:
        row = draw(self, index)
        masked.append((index, row["input_ids"], row["labels"]))
        return row

    monkeypatch.setattr(mlm.MaskedRows, "__getitem__", noting)
    whole = runs.weights(runs.train(wanted, tmp_path / "whole"))
    expected, masked[:] = sorted({str(one) for one in masked}), []
    step = loop._PlannedTrainer.training_step

    def stops(self: Any, model: Any, number: int, *rest: Any, **more: Any) -> Any:
        if number == 5:
            raise KeyboardInterrupt
        return step(self, model, number, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(loop._PlannedTrainer, "training_step", stops)
        with pytest.raises(KeyboardInterrupt):
            runs.train(wanted, tmp_path / "cut")
    again = runs.weights(runs.train(wanted, tmp_path / "cut"))
    assert runs.same(whole, again)
    assert sorted({str(one) for one in masked}) == expected
