"""Where every value of a stage comes from, and which values there may be."""

from __future__ import annotations

from typing import Any

import pytest

from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.training.settings import PRESETS, SPEED_ONLY, StageSettings, resolve
from xstilts_eval.training_tasks import TRAINING_TASKS


def test_every_value_has_an_origin() -> None:
    found = resolve("jiant", "squad", {"limit": 100, "epochs": 1}, "recipe mine")
    assert found.origins["limit"] == found.origins["epochs"] == "overridden: recipe mine"
    assert found.origins["batch_size"].startswith("inherited: jiant, ")
    assert found.origins["micro_batch"] == "default"
    assert found.origins.keys() == StageSettings.model_fields.keys()
    assert (found.settings.limit, found.settings.epochs, found.settings.batch_size) == (100, 1, 16)


@pytest.mark.parametrize(
    ("preset", "task", "expected"),
    [  # spec 2 and 3: XTREME's scripts for XLM-R large, jiant's run configurations
        ("xtreme", "mnli", {"learning_rate": 3e-5, "epochs": 5, "batch_size": 32, "max_length": 128, "warmup": 0}),
        (
            "xtreme",
            "squad",
            {"learning_rate": 3e-5, "epochs": 3, "max_length": 384, "warmup": 500, "weight_decay": 1e-4},
        ),
        ("xtreme", "udpos", {"learning_rate": 2e-5, "epochs": 10, "max_length": 128}),
        ("jiant", "mnli", {"learning_rate": 1e-5, "epochs": 2, "batch_size": 32, "max_length": 256, "warmup": 0.1}),
        ("jiant", "tydiqa", {"epochs": 2, "batch_size": 16, "max_length": 384, "patience": 30, "evaluate_every": 1000}),
    ],
)
def test_published_values(preset: str, task: str, expected: dict[str, Any]) -> None:
    found = resolve(preset, task, {}).settings
    assert {name: getattr(found, name) for name in expected} == expected


def test_sets_name_tasks_settings_and_sources_that_exist() -> None:
    for preset, tasks in PRESETS.items():
        for task, values in tasks.items():
            assert task in TRAINING_TASKS, preset
            assert all(source for _, source in values.values())
            assert values.keys() <= StageSettings.model_fields.keys()
            resolve(preset, task, {})
    assert all("recalled, unverified" in PRESETS["paper"]["squad"][name][1] for name in ("batch_size", "epochs"))


def test_speed_settings_are_settings() -> None:
    assert StageSettings.model_fields.keys() > SPEED_ONLY


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rate": -1}, "recipe: learning_rate: Input should be greater than 0"),
        ({"learning_rate": "fast"}, "learning_rate: Input should be a valid number"),
        ({"epochs": 0}, "epochs: Input should be greater than 0"),
        ({"batch_size": 0}, "batch_size: Input should be greater than or equal to 1"),
        ({"batch_size": 1.5}, "batch_size: Input should be a valid integer"),
        ({"max_length": 15}, "max_length: Input should be greater than or equal to 16"),
        ({"warmup": -0.1}, "warmup: "),
        ({"precision": "float16"}, "precision: Input should be 'float32' or 'bfloat16', got 'float16'"),
        ({"selection": "first"}, "selection: Input should be 'best' or 'last'"),
        ({"micro_batch": 0}, "micro_batch: "),
        ({"limit": 0}, "limit: "),
        ({"lora": {"rank": 0}}, "lora.rank: Input should be greater than or equal to 1"),
        ({"lora": {"size": 8}}, "lora.size: is not known here"),
        ({"learning_rate": float("nan")}, "learning_rate: Input should be a finite number, got nan"),
        ({"epochs": float("inf")}, "epochs: Input should be a finite number"),
    ],
)
def test_values_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError) as caught:
        resolve("defaults", "udpos", values)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_names_that_do_not_exist() -> None:
    with pytest.raises(UnknownName, match=r"unknown setting of a stage \(recipe\) 'lerning_rate'; did you mean learn"):
        resolve("defaults", "udpos", {"lerning_rate": 1})
    with pytest.raises(UnknownName, match="unknown set of hyper-parameters 'jant'; did you mean jiant"):
        resolve("jant", "udpos", {})
    with pytest.raises(SettingError, match="the set 'jiant' has no hyper-parameters for hellaswag; it has mnli, pawsx"):
        resolve("jiant", "hellaswag", {})
    assert resolve("defaults", "hellaswag", {}).settings == StageSettings()
