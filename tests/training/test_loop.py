"""The loop against transformers' own losses, one big batch, one process, and an uninterrupted walk."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny_language_models
from tests.training import architectures, runs
from xstilts_eval.models.checkpoint import is_language_model
from xstilts_eval.models.source import Source
from xstilts_eval.training import fit, loop
from xstilts_eval.training.batches import Step

TASKS = ["mnli", "udpos", "squad", "hellaswag"]
LANGUAGE_MODELS = {
    "llama": tiny_language_models.make_llama,
    "mt5": tiny_language_models.make_mt5,
    "byt5": tiny_language_models.make_byt5,
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bases")
    made = {name: make(root / name) for name, make in LANGUAGE_MODELS.items()}
    for folder in made.values():  # a T5 has dropout inside of functions, too
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"dropout_rate": 0.0}))
    return made | {"encoder": architectures.make("bert", root / "encoder")}


@pytest.fixture(scope="module")
def base(bases: dict[str, Path]) -> Path:
    return bases["encoder"]


def work_of(base: Path, task: str, folder: Path, rows: int = 8, **settings: Any) -> loop.Work:
    """One task, ready to be trained for `rows` rows a step, in order."""
    if is_language_model(Source(str(base)).config):
        settings |= {"max_length": 512}
    learned = runs.learner(runs.recipe_of(base, None, runs.quick(task, limit=10, **settings)), folder)
    torch.nn.Module.eval(learned.model)
    tasks = learned.tasks
    lengths = tasks[task].lengths
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    steps = [Step(task, tuple(order[start : start + rows])) for start in range(0, len(order), rows)]
    (material,) = learned.plan.materials
    return loop.Work(learned.model, tasks, steps, material.settings, 1, folder / "work", task, learned.collate)


def gradients(work: loop.Work, budget: int, micro_batch: int | None = None) -> tuple[float, list[torch.Tensor]]:
    """Loss and gradients of the first step, without dropout."""
    work.settings.__dict__["micro_batch"] = micro_batch
    trainer = loop._trainer(work)
    trainer.budget = budget
    for module in work.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    work.model.zero_grad()
    loss = float(trainer.training_step(work.model, 0))
    return loss, [weight.grad.clone() for weight in work.model.parameters() if weight.grad is not None]


def assert_close(one: list[torch.Tensor], other: list[torch.Tensor]) -> None:
    assert len(one) == len(other) > 0
    scale = max(float(gradient.abs().max()) for gradient in one)
    for left, right in zip(one, other, strict=True):
        assert float((left - right).abs().max()) <= 1e-6 * max(1.0, scale)


# --- one step


def of_mixed_lengths(work: loop.Work) -> loop.Work:
    """The same rows, the longest and the shortest in the first step, so that one pass has to pad."""
    (step, *others), (task,) = work.steps, work.tasks.values()
    order = sorted(range(len(task.lengths)), key=lambda row: -task.lengths[row])
    rows = (*order[:4], *order[-4:])
    assert task.lengths[rows[0]] > task.lengths[rows[-1]]
    return replace(work, steps=[Step(step.task, rows), *others])


@pytest.mark.parametrize("task", TASKS)
def test_micro_batches_give_the_gradient_of_one_batch(task: str, base: Path, tmp_path: Path) -> None:
    work = of_mixed_lengths(work_of(base, task, tmp_path))
    loss, whole = gradients(work, 10**6)
    cut_loss, cut = gradients(work, 64)
    single_loss, single = gradients(work, 10**6, 1)
    assert cut_loss == pytest.approx(loss, abs=1e-5) and single_loss == pytest.approx(loss, abs=1e-5)
    assert_close(whole, cut)
    assert_close(whole, single)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_micro_batches_of_text(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    work = work_of(bases[name], "pawsx", tmp_path, rows=4)
    work.model.double()  # float32 sums over mT5's vocabulary depend on the processor's kernels
    (loss, whole), (cut_loss, cut) = gradients(work, 10**6), gradients(work, 64)
    assert cut_loss == pytest.approx(loss, rel=1e-5)
    assert_close(whole, cut)


@pytest.mark.parametrize("task", TASKS)
def test_the_loss_is_that_of_transformers(task: str, base: Path, tmp_path: Path) -> None:
    """The mean over examples, each forwarded alone and unpadded, and over labelled words in tagging."""
    work = of_mixed_lengths(work_of(base, task, tmp_path))
    loss, ours = gradients(work, 10**6)
    rows = [work.tasks[task].row(row, 0) for row in work.steps[0].rows]
    weights = [work.tasks[task].items(row, 0) for row in work.steps[0].rows]
    (model,) = work.model.heads.values()
    work.model.zero_grad()
    losses = [model(**work.collate([row])).loss * weight for row, weight in zip(rows, weights, strict=True)]
    expected = torch.stack(losses).sum() / sum(weights)
    expected.backward()  # type: ignore[no-untyped-call]
    assert loss == pytest.approx(expected.item(), abs=1e-5)
    assert_close(ours, [weight.grad for weight in work.model.parameters() if weight.grad is not None])


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_the_loss_of_text_is_that_of_transformers(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    """The mean over the target tokens of a batch."""
    work = work_of(bases[name], "squad", tmp_path, rows=4)
    loss, _ = gradients(work, 10**6)
    batch = work.collate([work.tasks["squad"].row(row, 0) for row in work.steps[0].rows])
    inputs = {key: value for key, value in batch.items() if key != "decoder_input_ids"}
    with torch.no_grad():
        expected = work.model.encoder(**inputs).loss
    assert loss == pytest.approx(float(expected), rel=1e-5)


def test_recomputed_activations_give_the_same_gradients(base: Path, tmp_path: Path) -> None:
    def walked(recompute: bool) -> tuple[list[torch.Tensor], int]:
        work = work_of(base, "mnli", tmp_path, gradient_checkpointing=recompute)
        passes: list[int] = []
        work.model.encoder.encoder.layer[0].attention.register_forward_hook(lambda *_: passes.append(1))
        return gradients(work, 10**6)[1], len(passes)

    (plain, once), (recomputed, twice) = walked(False), walked(True)
    assert (once, twice) == (1, 2)
    assert_close(plain, recomputed)


@pytest.mark.slow
@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_language_models_recompute_activations(name: str, bases: dict[str, Path], tmp_path: Path) -> None:
    plain = gradients(work_of(bases[name], "pawsx", tmp_path, rows=2), 10**6)
    recomputed = gradients(work_of(bases[name], "pawsx", tmp_path, rows=2, gradient_checkpointing=True), 10**6)
    assert_close(plain[1], recomputed[1])


# --- a run


def test_rate_rises_and_falls_linearly(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    clip = loop._PlannedTrainer._clip_grad_norm

    def noting(self: Any, model: Any) -> Any:
        rates.append(self.optimizer.param_groups[0]["lr"])
        return clip(self, model)

    monkeypatch.setattr(loop._PlannedTrainer, "_clip_grad_norm", noting)
    for warmup in (0.25, 2):  # a share of the eight steps, or a number of them
        rates.clear()
        stage = runs.quick("mnli", limit=64, learning_rate=1e-3, warmup=warmup, development=0)
        runs.train(runs.recipe_of(base, stage), tmp_path / str(warmup))
        assert rates == pytest.approx([1e-3 * rate for rate in (0, 1 / 2, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6)])


@pytest.mark.slow
def test_bfloat16_learns_the_same_up_to_its_precision(base: Path, tmp_path: Path) -> None:
    def losses(precision: str) -> list[float]:
        stage = runs.quick("mnli", limit=32, epochs=2, precision=precision, learning_rate=1e-4)
        folder = runs.train(runs.recipe_of(base, stage), tmp_path / precision)
        return [loss for _, loss in runs.record(folder)["outcome"]["losses"]]

    exact, rounded = losses("float32"), losses("bfloat16")
    assert exact != rounded
    assert rounded == pytest.approx(exact, abs=0.05)


SCORES = [0.1, 0.5, 0.4, 0.5, 0.3, 0.9]
"""The second is the best of those seen: the fourth equals it, and after three without a better one it ends."""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """Development scores as in `SCORES`; returns the weights that each of them was asked for."""
    weights: list[dict[str, torch.Tensor]] = []
    scores: Iterator[float] = iter(SCORES)

    def score(self: fit.Heads) -> dict[str, float]:
        weights.append({name: value.clone() for name, value in self.model.state_dict().items()})
        return {"score": next(scores)}

    monkeypatch.setattr(fit.Heads, "scores", score)
    return weights


EARLY = {"limit": 96, "evaluate_every": 2, "patience": 3}


def test_patience_ends_the_run_and_the_best_weights_are_kept(
    base: Path, tmp_path: Path, scripted: list[dict[str, torch.Tensor]]
) -> None:
    folder = runs.train(runs.recipe_of(base, runs.quick("mnli", **EARLY)), tmp_path)
    outcome = runs.record(folder)["outcome"]
    assert (outcome["steps"], outcome["best_step"]) == (10, 4)
    assert [score["score"] for score in outcome["scores"]] == SCORES[:5]
    saved = runs.checkpoint(folder / "encoder")
    for name, value in saved.items():
        best = scripted[1]
        key = f"encoder.{name}"
        if "word_embeddings" in name:  # while a stage trains, the table has the rows of its data alone
            value = value[best[key.replace("weight", "rows")]]
        assert torch.equal(value, best[key])


def test_the_last_weights_are_kept_on_demand(
    base: Path, tmp_path: Path, scripted: list[dict[str, torch.Tensor]]
) -> None:
    settings = {"limit": 96, "evaluate_every": 3, "patience": 0, "selection": "last"}
    folder = runs.train(runs.recipe_of(base, runs.quick("mnli", **settings)), tmp_path)
    outcome = runs.record(folder)["outcome"]
    assert (outcome["steps"], outcome["best_step"], len(scripted)) == (12, None, 4)
    name, last = "embeddings.word_embeddings.", scripted[-1]
    table = runs.checkpoint(folder / "encoder")[f"{name}weight"]
    assert torch.equal(table[last[f"encoder.{name}rows"]], last[f"encoder.{name}weight"])


@pytest.mark.parametrize("settings", [EARLY, {"limit": 24, "selection": "last"}])
def test_a_run_that_ended_is_not_trained_again(
    settings: dict[str, Any], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off between its last step and its bundle, it takes the weights it had, also after stopping early."""
    scores = iter([*SCORES, *SCORES])
    monkeypatch.setattr(fit.Heads, "scores", lambda self: {"score": next(scores)})
    wanted = runs.recipe_of(base, runs.quick("mnli", **settings))

    def full(*_: Any, **__: Any) -> None:
        raise OSError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr("xstilts_eval.training.stage.write", full)
        with pytest.raises(OSError, match="cut off"):
            runs.train(wanted, tmp_path)
    monkeypatch.setattr(loop._PlannedTrainer, "training_step", full)
    monkeypatch.setattr(fit.Heads, "scores", full)
    folder = runs.train(wanted, tmp_path)
    monkeypatch.undo()
    scores = iter(SCORES)
    monkeypatch.setattr(fit.Heads, "scores", lambda self: {"score": next(scores)})
    whole = runs.train(wanted, tmp_path / "whole")
    assert runs.same(runs.weights(folder), runs.weights(whole))
    kept, expected = runs.record(folder)["outcome"], runs.record(whole)["outcome"]
    for name in ("steps", "best_step", "losses", "tokens"):
        assert kept[name] == expected[name]
    assert 0 < kept["seconds"] < 60


def test_mixtures_note_what_was_asked_and_seen(base: Path, tmp_path: Path) -> None:
    stage = runs.quick(TASKS, limit=24) | {"mixture": {"method": "uniform"}}
    record = runs.record(runs.train(runs.recipe_of(base, None, stage), tmp_path))
    assert record["mixture"]["asked"] == pytest.approx(dict.fromkeys(TASKS, 0.25))
    assert sum(record["mixture"]["seen"].values()) == pytest.approx(1)


# --- two processes


def torchrun(recipe: Path, folder: Path) -> tuple[dict[str, Any], str]:
    """The record of the only stage, and what both processes said."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command += ["-m", "xstilts_eval.training", str(recipe), "--data", "sample", "-o", str(folder / "out")]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        stdout, stderr = run.communicate(timeout=300)
    finally:
        if run.poll() is None:  # torchrun's workers would outlive it
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 0, stderr
    (found,) = (folder / "stages").iterdir()
    return runs.record(found), stdout


def forked(recipe: Path, folder: Path) -> tuple[dict[str, Any], str]:
    """As `torchrun`, with the variables it sets in two processes that have imported everything already."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [runs.Process(recipe, folder, None, shared | {"RANK": str(n), "LOCAL_RANK": str(n)}) for n in range(2)]
    codes = [process.wait() for process in processes]
    assert codes == [0, 0], [process.output for process in processes]
    (found,) = (folder / "stages").iterdir()
    return runs.record(found), "".join(process.output for process in processes)


@pytest.mark.parametrize("launch", [forked, pytest.param(torchrun, marks=pytest.mark.slow)])
def test_two_processes_are_one_with_the_same_batch(launch: Any, base: Path, tmp_path: Path) -> None:
    """Loss curve, development scores, early stop and weights; steps of a single row leave one process without any."""
    settings = {"limit": 17, "batch_size": 8, "learning_rate": 1e-4, "evaluate_every": 2, "patience": 1, "epochs": 2}
    stage = runs.quick(["mnli", "udpos", "squad"], **settings) | {"mixture": {"method": "uniform"}}
    content = runs.content(base, None, stage)
    several, said = launch(runs.write(content, tmp_path), tmp_path / "several")
    one = runs.record(runs.train(runs.recipe_of(base, None, stage), tmp_path / "one"))
    assert several["key"] == one["key"]
    assert (several["outcome"]["processes"], one["outcome"]["processes"]) == (2, 1)
    assert said.count("bundle of recipe tiny") == 1, "only the first process talks"
    for name in ("steps", "best_step", "tokens"):
        assert several["outcome"][name] == one["outcome"][name]
    assert several["outcome"]["steps"] < len_of_plan(base, stage, tmp_path), "patience ended both early"
    curves = [dict(found["outcome"]["losses"]) for found in (several, one)]
    assert curves[0].keys() == curves[1].keys() and len(curves[0]) >= 4
    assert max(abs(curves[0][step] - curves[1][step]) for step in curves[1]) < 1e-4
    scores = [[score["score"] for score in found["outcome"]["scores"]] for found in (several, one)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    folders = [next((tmp_path / name / "stages").iterdir()) for name in ("several", "one")]
    assert runs.furthest(*map(runs.weights, folders)) < 1e-4


def len_of_plan(base: Path, stage: Any, folder: Path) -> int:
    learned = runs.learner(runs.recipe_of(base, None, stage), folder)
    return sum(2 * math.ceil(len(task.lengths) / 8) for task in learned.tasks.values())
