"""`--plan` against arithmetic by hand and against what a run then does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import transformers

from tests import tiny_language_models
from tests.training import architectures, runs
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.training import planning, run

MACHINE = planning.Machine(1, 1e9, "made up")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return architectures.make("bert", tmp_path_factory.mktemp("base"))


def costs(base: Path, stages: Path, targets: Any = None, intermediate: Any = None) -> list[planning.StageCost]:
    planned = run.plans(runs.recipe_of(base, targets, intermediate), 1, "sample")
    return planning.costs(planned, stages, MACHINE)


@pytest.mark.parametrize(
    "task", ["squad", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mnli", "hellaswag", "udpos"))]
)
def test_steps_and_tokens_are_those_of_the_run(task: str, base: Path, tmp_path: Path) -> None:
    stage = runs.quick(task, epochs=2, limit=10, max_length=96, development=0, selection="last")
    (planned,) = costs(base, tmp_path / "stages", stage)
    assert not planned.is_trained and planned.examples == 10
    outcome = runs.record(runs.train(runs.recipe_of(base, stage), tmp_path))["outcome"]
    assert planned.steps == outcome["steps"]
    assert planned.tokens == pytest.approx(outcome["tokens"], rel=0.03)
    (again,) = costs(base, tmp_path / "stages", stage)
    assert again.is_trained


def test_parameters_of_a_bert(base: Path) -> None:
    """Two blocks of 4 x 32² + 2 x 32 x 64 weights with their 4 x 32 + 64 + 32 biases and 4 x 32 of the norms."""
    config = transformers.AutoConfig.from_pretrained(base)
    block = 4 * 32**2 + 2 * 32 * 64 + 4 * 32 + 64 + 32 + 4 * 32
    embeddings = (config.vocab_size + 514 + 2) * 32 + 2 * 32
    pooler = 32 * 32 + 32
    assert planning.parameters(config) == (2 * block + pooler, 2 * block + pooler + embeddings)


def test_operations_per_token(base: Path) -> None:
    """6 per weight, and 12 x blocks x width x length for attention (Kaplan et al. 2020, table 1, backward included)."""
    config = transformers.AutoConfig.from_pretrained(base)
    assert planning.per_token(config, 1000, 50) == 6 * 1000 + 12 * 2 * 32 * 50


def test_time_is_work_over_rate(base: Path, tmp_path: Path) -> None:
    (found,) = costs(base, tmp_path, runs.quick("mnli", limit=16))
    assert found.seconds == pytest.approx(found.flops / 1e9)
    blocks, _ = planning.parameters(transformers.AutoConfig.from_pretrained(base))
    config = transformers.AutoConfig.from_pretrained(base)
    low, high = (found.tokens * planning.per_token(config, blocks, length) for length in (1, 64))
    assert low < found.flops < high


def test_steps_are_cut_and_masked_text_adds_some(base: Path, tmp_path: Path) -> None:
    stage = runs.quick("mnli", epochs=4, limit=80)
    (whole,) = costs(base, tmp_path, None, stage)
    (cut,) = costs(base, tmp_path, None, runs.quick("mnli", epochs=4, limit=80, max_steps=10))
    assert (whole.steps, cut.steps) == (40, 10)
    assert cut.tokens == pytest.approx(whole.tokens / 4, rel=0.01)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "en.txt").write_text("A line.\n")
    (text,) = costs(base, tmp_path, None, stage | {"mlm": {"share": 0.2, "folder": str(tmp_path / "text")}})
    assert text.steps == 50 and text.tokens > whole.tokens


def test_language_models_can_be_planned(tmp_path: Path) -> None:
    for name in ("make_llama", "make_mt5"):
        made = getattr(tiny_language_models, name)(tmp_path / name)
        (found,) = costs(made, tmp_path, runs.quick(["xnli", "udpos"], limit=6))
        assert found.examples == 12 and found.flops > 0


@pytest.mark.parametrize(("text", "devices", "peak"), [("8xA100", 8, 312e12), ("1 x V100", 1, 125e12)])
def test_devices(text: str, devices: int, peak: float) -> None:
    machine = planning.Machine.of(text)
    assert machine.devices == devices
    assert machine.rate == pytest.approx(peak * planning.UTILISATION)
    assert "not measured" in machine.source


def test_devices_that_are_none() -> None:
    for text in ("A100", "0xA100", "8x", "eight A100"):
        with pytest.raises(SettingError, match="write a number, x and a device, as 8xA100"):
            planning.Machine.of(text)
    with pytest.raises(UnknownName, match="unknown device 'A1000'; did you mean A100"):
        planning.Machine.of("8xA1000")


def test_this_machine_is_measured() -> None:
    machine = planning.Machine.of(None)
    assert machine.rate > 1e8 and "timed" in machine.source


def test_planning_trains_and_writes_nothing(base: Path, tmp_path: Path) -> None:
    found = costs(base, tmp_path / "stages", runs.quick("udpos"), runs.quick(["mnli", "squad"]))
    assert [cost.name for cost in found] == ["mnli+squad", "udpos"]
    assert not (tmp_path / "stages").exists()
    assert planning.table(found, MACHINE).row_count == 3
    assert len(cast(Any, planning.as_json(found, MACHINE)["stages"])) == 2
