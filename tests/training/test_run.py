"""From a recipe to a bundle: what is trained once, what stands where, and language models that evaluation can ask."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests import tiny_language_models
from tests.training import runs
from xstilts_eval import bundle, fingerprints
from xstilts_eval.errors import SettingError
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.training import fit, run, stage


@pytest.fixture(scope="module")
def base(tiny_bundle: Path) -> Path:
    return tiny_bundle / "encoder"


def said(wanted: Any, folder: Path, output: str = "out", **options: Any) -> list[str]:
    lines: list[str] = []
    run.run(wanted, folder / output, "sample", folder / "stages", say=lines.append, **options)
    return lines


def check(folder: Path) -> bundle.Bundle:
    """A bundle whose files are what its manifest says."""
    found = bundle.read(folder)
    for path in found.paths:
        bundle.verify(found, folder, path)
    return found


def test_recipes_that_share_a_stage_train_it_once(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []
    fit_ = fit.fit
    monkeypatch.setattr(fit, "fit", lambda plan, *rest: trained.append(plan.name) or fit_(plan, *rest))  # type: ignore[func-returns-value]
    first = runs.quick("squad", limit=8)
    said(runs.recipe_of(base, runs.quick("udpos", limit=8), first, name="one"), tmp_path, "one")
    lines = said(runs.recipe_of(base, runs.quick("panx", limit=8), first, name="two"), tmp_path, "two")
    assert trained == ["squad", "udpos", "panx"]
    assert sum("is there already" in line for line in lines) == 1
    one, two = check(tmp_path / "one"), check(tmp_path / "two")
    assert set(one.heads) == {"xquad", "mlqa", "tydiqa", "udpos"} and set(two.heads) == {
        "xquad",
        "mlqa",
        "tydiqa",
        "panx",
    }
    assert one.sha256["encoder"] == two.sha256["encoder"]


def test_seeds_have_folders_of_their_own(base: Path, tmp_path: Path) -> None:
    wanted = runs.recipe_of(base, runs.quick("mnli", limit=8), seeds=[5, 7])
    lines = said(wanted, tmp_path)
    found = [check(tmp_path / "out" / f"seed-{seed}") for seed in (5, 7)]
    assert [one.seed for one in found] == [5, 7]
    hashes = [one.sha256[one.heads["xnli"].path] for one in found]
    assert hashes[0]["head.safetensors"] != hashes[1]["head.safetensors"]
    assert lines[-1] == f"bundle of recipe tiny, seed 7: {tmp_path / 'out' / 'seed-7'}"


def test_without_an_intermediate_stage_the_base_serves_retrieval(base: Path, tmp_path: Path) -> None:
    said(runs.recipe_of(base, runs.quick("mnli", limit=8)), tmp_path)
    found = check(tmp_path / "out")
    assert fingerprints.file_hashes(tmp_path / "out" / "encoder") == fingerprints.file_hashes(base)
    assert found.parent and found.recipe and found.recipe.startswith("tiny: mnli@")


def test_with_one_its_encoder_does(base: Path, tmp_path: Path) -> None:
    wanted = runs.recipe_of(base, runs.quick("udpos", limit=16), runs.quick("squad", limit=8))
    said(wanted, tmp_path)
    first, second = (plan.folder(tmp_path / "stages") for plan in run.plans(wanted, 1, "sample"))
    found = runs.checkpoint(tmp_path / "out" / "encoder")
    assert runs.same(found, runs.checkpoint(first / "encoder"))
    assert not runs.same(found, runs.checkpoint(second / "encoder"))
    content = json.loads((tmp_path / "out" / "recipe.json").read_text())
    relative = wanted.model_dump(mode="json") | {
        "base": {"model": os.path.relpath(base, tmp_path / "out"), "revision": None}
    }
    assert content["recipe"] == relative and len(content["stages"]) == 2
    assert resolve(str(tmp_path / "out")).heads.keys() == {"xquad", "mlqa", "tydiqa", "udpos"}


def test_where_a_task_is_trained_twice_the_head_of_the_target_counts(base: Path, tmp_path: Path) -> None:
    wanted = runs.recipe_of(base, runs.quick("xquad", limit=16), runs.quick("squad", limit=8))
    said(wanted, tmp_path)
    first, second = (plan.folder(tmp_path / "stages") for plan in run.plans(wanted, 1, "sample"))
    found = check(tmp_path / "out")
    head = runs.checkpoint(tmp_path / "out" / found.heads["xquad"].path)
    assert runs.same(head, runs.checkpoint(second / "heads" / "squad"))
    assert not runs.same(head, runs.checkpoint(first / "heads" / "squad"))


def test_what_lies_beside_a_bundle_stays(base: Path, tmp_path: Path) -> None:
    """Results that somebody keeps in a run's folder outlive the next call, also one that makes another bundle."""
    said(runs.recipe_of(base, runs.quick("mnli", limit=8)), tmp_path)
    (tmp_path / "out" / "eval").mkdir()
    (tmp_path / "out" / "eval" / "results.json").write_text("{}")
    said(runs.recipe_of(base, runs.quick("mnli", limit=8)), tmp_path)
    said(runs.recipe_of(base, runs.quick("panx", limit=8)), tmp_path, overwrite=True)
    assert (tmp_path / "out" / "eval" / "results.json").read_text() == "{}"
    assert set(check(tmp_path / "out").heads) == {"panx"}
    kept = {path.name for path in (tmp_path / "out").iterdir()}
    assert len(kept) == 5 and kept > {"eval", "encoder", "bundle.json", "recipe.json"}


def test_a_folder_of_something_else_is_no_place_for_seeds(base: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(SettingError, match="exists and is no folder of seeds"):
        said(runs.recipe_of(base, runs.quick("mnli", limit=8), seeds=[1, 2]), tmp_path)


def test_a_bundle_is_made_again_from_its_stages(base: Path, tmp_path: Path) -> None:
    """What a kill left half-made is no obstacle, and a deleted bundle costs no training."""
    wanted = runs.recipe_of(base, runs.quick("mnli", limit=8))
    said(wanted, tmp_path)
    before = check(tmp_path / "out").sha256
    shutil.rmtree(tmp_path / "out")
    (tmp_path / ".out.new" / "encoder").mkdir(parents=True)
    (tmp_path / ".out.new" / "encoder" / "half").write_text("cut")
    lines = said(wanted, tmp_path)
    assert any("is there already" in line for line in lines)
    assert check(tmp_path / "out").sha256 == before
    assert not list(tmp_path.glob(".out*"))


def test_the_first_process_alone_holds_the_lock(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (plan,) = run.plans(runs.recipe_of(base, runs.quick("mnli", limit=8)), 1, "sample")
    with stage.working_folder(plan, tmp_path) as work:
        with pytest.raises(SettingError, match="is being trained by process"), stage.working_folder(plan, tmp_path):
            pass
        monkeypatch.setenv("RANK", "1")
        with stage.working_folder(plan, tmp_path) as other:
            assert other == work
    monkeypatch.delenv("RANK")
    with stage.working_folder(plan, tmp_path):
        pass


# --- language models

SHAPES = {
    "llama": tiny_language_models.make_llama,
    "mt5": tiny_language_models.make_mt5,
    "byt5": tiny_language_models.make_byt5,
}
LEARNED = {"limit": 12, "max_length": 256, "batch_size": 4, "development": 2, "learning_rate": 3e-3, "epochs": 4}


@pytest.fixture(scope="module")
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    made = SHAPES[name](folder / "base")
    first = runs.quick("hellaswag", limit=4, max_length=512)
    wanted = runs.recipe_of(made, runs.quick(["xnli", "udpos"], **LEARNED), first)
    said(wanted, folder)
    return name, folder


@pytest.mark.parametrize(
    "trained", ["llama", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mt5", "byt5"))], indirect=True
)
def test_language_models_learn_all_targets_at_once(trained: tuple[str, Path]) -> None:
    name, folder = trained
    found = check(folder / "out")
    assert found.language_model == "encoder" and not found.heads
    (last,) = (folder / "stages").glob("mnli+udpos-*")
    record = runs.record(last)
    losses = [loss for _, loss in record["outcome"]["losses"]]
    assert sum(losses[-4:]) < sum(losses[:4]), name
    assert record["outcome"]["scores"] and record["rows"].keys() == {"mnli", "udpos"}
    assert runs.same(
        load_file(folder / "out" / "encoder" / "model.safetensors"), load_file(last / "model" / "model.safetensors")
    )
    assert resolve(str(folder / "out")).language_model is not None


@pytest.mark.slow
@pytest.mark.parametrize("trained", SHAPES, indirect=True)
def test_trained_language_models_are_scored(trained: tuple[str, Path], tmp_path: Path) -> None:
    from xstilts_eval import evaluation

    _, folder = trained
    tasks = ("xtreme.xnli.sw", "xtreme.udpos.de", "xtreme.xquad.en", "xtreme.tatoeba.fr")
    settings = evaluation.Settings(pretrained=str(folder / "out"), tasks=tasks, data="sample", limit=2)
    evaluation.evaluate(settings, tmp_path, False, say=lambda line: None)
    results = json.loads((tmp_path / "results.json").read_text())["results"]
    assert set(tasks) <= results.keys()


def test_masked_text_is_for_encoders(tmp_path: Path) -> None:
    llama = tiny_language_models.make_llama(tmp_path / "llama")
    masked = runs.quick("squad", limit=4) | {"mlm": {"share": 0.5, "folder": str(tmp_path)}}
    with pytest.raises(SettingError, match="is a language model; mlm is for encoders"):
        said(runs.recipe_of(llama, None, masked), tmp_path)
