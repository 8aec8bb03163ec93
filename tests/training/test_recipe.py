"""Recipes as data: short forms, what is refused and how, and that every shipped one can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xstilts_eval.errors import DataError, SettingError, UnknownName
from xstilts_eval.training import recipe, request
from xstilts_eval.training.settings import PRESETS, StageSettings, resolve

MINIMAL: dict[str, Any] = {"name": "r", "base": "somewhere/model", "targets": ["udpos"]}


def made(**changes: Any) -> recipe.Recipe:
    return recipe.validated(MINIMAL | changes, "r.yaml")


def test_short_and_long_forms_are_one() -> None:
    assert made() == made(base={"model": "somewhere/model"}, targets={"tasks": [{"name": "udpos"}]})
    assert made(intermediate=[{"tasks": ["squad"]}]) == made(intermediate=[{"tasks": [{"name": "squad"}]}])


def test_a_file_without_a_name_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: x/y\ntargets: [xnli, {name: udpos, language: de}]\n")
    found = recipe.read(tmp_path / "mine.yaml")
    assert found.name == "mine"
    assert [(entry.task.name, entry.source_language) for entry in found.targets.tasks] == [
        ("mnli", ("en",)),
        ("udpos", ("de",)),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"intermidiate": []},
            r"r.yaml: unknown key intermidiate; allowed there: name, description, base, intermediate",
        ),
        ({"base": {"model": "x", "branch": "main"}}, "unknown key base.branch; allowed there: model, revision"),
        ({"targets": {"task": []}}, "unknown key targets.task; allowed there: tasks, source_language, preset"),
        ({"targets": [{"name": "udpos", "lang": "de"}]}, "unknown key targets.tasks.0.lang; allowed there: name, s"),
        (
            {"intermediate": [{"tasks": ["mnli"], "mix": 1}]},
            "unknown key intermediate.0.mix; allowed there: tasks, source_language, mix",
        ),
        (
            {"intermediate": [{"tasks": ["mnli"], "mixture": {"temp": 2}}]},
            "unknown key intermediate.0.mixture.temp; allowed there: method, cap, temperature",
        ),
        ({"intermediate": [{"tasks": []}]}, r"intermediate.0.tasks: .*at least 1 item"),
        ({"intermediate": [{"tasks": ["mnli"], "mixture": {"method": "best"}}]}, "intermediate.0.mixture.method"),
        ({"targets": []}, "a recipe needs an intermediate stage or a target"),
        ({"seeds": [1, 2, 1]}, r"seeds \[1, 2, 1\] name one twice"),
        ({"seeds": []}, "seeds: .*at least 1 item"),
        ({"name": "../evil"}, "name: String should match pattern"),
        (
            {"targets": [{"name": "udpos", "holdout": -1}]},
            "targets.tasks.0.holdout: Input should be greater than or equal",
        ),
        ({"targets": [{"name": "udpos", "split": "test"}]}, "targets.tasks.0.split: Input should be 'train' or 'dev'"),
        ({"reuse_heads": "always"}, "reuse_heads: Input should be 'matching' or 'never'"),
        (
            {"intermediate": [{"tasks": ["mnli"], "mlm": {"share": 1.0, "folder": "t"}}]},
            "mlm.share: Input should be less",
        ),
    ],
)
def test_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        made(**changes)
    assert "\n" not in str(caught.value)


def test_unknown_tasks_offer_close_ones() -> None:
    with pytest.raises(UnknownName, match=r"unknown training task 'hellaswagg'; did you mean hellaswag?"):
        made(targets=["hellaswagg"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "is not a recipe: it holds a list, not keys and values"),
        ("a: [1\n", "is not a recipe: while parsing"),
        ("", "is not a recipe: it holds nothing"),
        ("base: \xff", "r.yaml is not a recipe"),
    ],
)
def test_files_that_are_no_recipes(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message) as caught:
        recipe.read(tmp_path / "r.yaml")
    assert "\n" not in str(caught.value)


def test_a_recipe_without_a_base_takes_the_one_that_is_given(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("targets: [udpos]\n")
    found = request.recipe_of(str(tmp_path / "r.yaml"), "owner/name@abc", (), (), (), ())
    assert found.base == recipe.Base(model="owner/name", revision="abc")
    with pytest.raises(DataError, match="base: is missing"):
        request.recipe_of(str(tmp_path / "r.yaml"), None, (), (), (), ())


def test_recipes_are_found_by_path_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text("{}")
    assert recipe.find(str(tmp_path / "own.yaml")) == tmp_path / "own.yaml"
    name = next(iter(recipe.shipped()))
    assert recipe.find(name) == recipe.find(f"recipes/{name}.yaml") == recipe.shipped()[name]
    with pytest.raises(UnknownName, match="unknown recipe"):
        recipe.find(f"{name}_")


@pytest.mark.parametrize("name", sorted(recipe.shipped()))
def test_shipped_recipes(name: str) -> None:
    """Each names itself, pins a base of the hub, and its settings exist for every task of every stage."""
    found = recipe.read(recipe.shipped()[name])
    assert found.name == name and found.description
    if not Path(found.base.model).is_dir() and "/" in found.base.model:
        assert found.base.revision is None or len(found.base.revision) == 40
    stages: list[recipe.Stage | recipe.Targets] = [*found.intermediate, found.targets]
    for stage in stages:
        for entry in stage.tasks:
            resolved = resolve(stage.preset, entry.task.name, {**stage.settings, **entry.settings})
            assert resolved.origins.keys() == StageSettings.model_fields.keys()


def test_made_of_options() -> None:
    found = recipe.quick("x/y", ["squad", "hellaswag"], ["xquad", "mlqa", "udpos"], (1, 2))
    assert found.name == "xstilts_squad_hellaswag" and found.seeds == (1, 2)
    assert [entry.task.name for entry in found.targets.tasks] == ["squad", "udpos"], "XQuAD and MLQA are trained once"
    assert (found.intermediate[0].preset, found.targets.preset) == ("paper", "jiant")
    assert {"squad", "hellaswag"} <= set(PRESETS["paper"]) and {"squad", "udpos"} <= set(PRESETS["jiant"])
    assert recipe.quick("x/y", ["siqa"], ["copa"]).intermediate[0].preset == "defaults", "the paper has no such stage"
    assert recipe.quick("x/y", [], ["udpos"]).name == "baseline"


def test_changed_from_outside() -> None:
    found = made(intermediate=[{"tasks": ["mnli"]}, {"tasks": ["squad"], "settings": {"limit": 9}}])
    changed = recipe.overridden(
        found, {"intermediate.limit": "5", "targets.learning_rate": "1e-3", "targets.lora": "{}"}
    )
    assert [stage.settings for stage in changed.intermediate] == [{"limit": 5}, {"limit": 5}]
    settings = resolve("defaults", "udpos", changed.targets.settings).settings
    assert settings.learning_rate == 1e-3 and settings.lora is not None
    assert found.targets.settings == {}
    for wrong in ("limit", "targets", "target.limit"):
        with pytest.raises(SettingError, match=r"write intermediate.NAME=VALUE or targets.NAME=VALUE"):
            recipe.overridden(found, {wrong: "5"})
