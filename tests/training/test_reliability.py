"""Kills, full disks, diverging losses, memory that runs out: what a run leaves behind, and how it goes on."""

from __future__ import annotations

import errno
import random
import resource
import shutil
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training import runs
from xstilts_eval import locking
from xstilts_eval.errors import NumericError, SettingError
from xstilts_eval.training import loop, run

STEPS = 25
"""192 sentences, some of them longer than a row, eight rows a step."""


@pytest.fixture(scope="module")
def base(tiny_bundle: Path) -> Path:
    """An encoder with dropout: what a resumed run draws has to be what it would have drawn."""
    return tiny_bundle / "encoder"


@pytest.fixture(scope="module")
def wanted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`STEPS` steps, scored and saved every second one."""
    stage_ = runs.quick("udpos", epochs=1, limit=192, evaluate_every=2, development=4, patience=0)
    return runs.write(runs.content(base, stage_), tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def uninterrupted(wanted: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    process = runs.Process(wanted, tmp_path_factory.mktemp("uninterrupted"))
    assert process.wait() == 0, process.output
    return runs.weights(finished(process))


def finished(process: runs.Process) -> Path:
    """The only stage there is; nothing hidden is left beside it."""
    (folder,) = process.stages.iterdir()
    assert not folder.name.startswith(".")
    return folder


def working(process: runs.Process) -> Path | None:
    return next(process.stages.glob(".*.work"), None)


def wait_for(process: runs.Process, name: str) -> None:
    """Until the file or folder exists in the working folder, or the process has ended."""
    while process.is_running:
        folder = working(process)
        if folder is not None and (folder / name).exists():
            return
        time.sleep(0.001)


def cut_off(process: runs.Process) -> int:
    folder = working(process)
    found = folder.glob("checkpoint-*") if folder else ()
    return sum(not (path / loop.WHOLE).is_file() for path in found)


# --- killed


def killed_at(wanted: Path, folder: Path, moments: list[tuple[str, float]]) -> runs.Process:
    """Kill the command so many seconds after each file appeared, then let it finish."""
    for name, delay in moments:
        process = runs.Process(wanted, folder)
        wait_for(process, name)
        time.sleep(delay)
        assert process.is_running, process.output
        process.kill()
    process = runs.Process(wanted, folder)
    assert process.wait() == 0, process.output
    return process


def test_ten_kills_at_random_moments(wanted: Path, uninterrupted: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """Most of these fall into the write of a checkpoint, but no clock can promise it: the next test does."""
    draw = random.Random(4)
    steps = sorted(draw.sample(range(2, 23, 2), 8))
    moments = [("lock", draw.uniform(0, 0.3)), *((f"checkpoint-{step}", draw.uniform(0, 0.03)) for step in steps)]
    folder = finished(killed_at(wanted, tmp_path, [*moments, ("finished", 0.0)]))
    assert runs.same(runs.weights(folder), uninterrupted)
    outcome = runs.record(folder)["outcome"]
    assert outcome["steps"] == STEPS and [step for step, _ in outcome["losses"]] == list(range(1, STEPS + 1))
    assert [score["step"] for score in outcome["scores"]] == [*range(2, STEPS, 2), STEPS]


def die_in_optimiser_file(step: int) -> None:
    """Half of the optimiser's file, then nothing."""
    write = torch.save

    def save(value: Any, path: Any, *args: Any, **options: Any) -> None:
        write(value, path, *args, **options)
        if str(path).endswith(f"checkpoint-{step}/optimizer.pt"):
            with open(path, "r+b") as file:
                file.truncate(Path(path).stat().st_size // 2)
            runs.die()

    torch.save = save  # type: ignore[assignment]


def die_in_deletion(step: int) -> None:
    """An old checkpoint loses its weights, and then the process its life."""

    def delete(path: Any, *_: Any, **__: Any) -> None:
        if Path(path).name == f"checkpoint-{step}":
            (Path(path) / loop.WEIGHTS).unlink()
            runs.die()
        shutil_rmtree(path, ignore_errors=True)

    shutil_rmtree, shutil.rmtree = shutil.rmtree, delete  # type: ignore[assignment]


@pytest.mark.parametrize("fault", [partial(die_in_optimiser_file, 6), partial(die_in_deletion, 4)])
def test_killed_inside_a_checkpoint(
    fault: Any, base: Path, wanted: Path, uninterrupted: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    process = runs.Process(wanted, tmp_path, fault)
    assert process.wait() == -signal.SIGKILL, process.output
    assert cut_off(process) == 1
    process = runs.Process(wanted, tmp_path)
    assert process.wait() == 0, process.output
    assert runs.same(runs.weights(finished(process)), uninterrupted)


def test_killed_as_the_working_folder_goes(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage is in its place by then, and the next call removes the rest of the folder, unless somebody has it."""
    wanted = runs.recipe_of(base, runs.quick("panx", limit=8))
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path, **_: None)
        folder = runs.train(wanted, tmp_path)
    (work,) = (tmp_path / "stages").glob(".*.work")
    with locking.held(work / "lock"):
        assert runs.train(wanted, tmp_path) == folder and work.is_dir()
    assert runs.train(wanted, tmp_path) == folder and [*(tmp_path / "stages").iterdir()] == [folder]


def test_a_second_process_is_refused(wanted: Path, uninterrupted: dict[str, torch.Tensor], tmp_path: Path) -> None:
    first = runs.Process(wanted, tmp_path)
    wait_for(first, "checkpoint-2")
    second = runs.Process(wanted, tmp_path)
    assert second.wait() == 2
    assert second.error.startswith("stage udpos-")
    assert f"is being trained by process {first.inner.pid} on" in second.error
    assert first.wait() == 0, first.output
    assert runs.same(runs.weights(finished(first)), uninterrupted)


# --- a full disk


def no_file_above(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def disk_full_at(step: int) -> None:
    """The library's state file finds no room."""
    import transformers

    write = transformers.TrainerState.save_to_json

    def save(self: Any, path: str) -> None:
        write(self, path)
        if self.global_step == step:
            raise OSError(errno.ENOSPC, "No space left on device", path)

    transformers.TrainerState.save_to_json = save


def test_disk_full_in_a_checkpoint(wanted: Path, uninterrupted: dict[str, torch.Tensor], tmp_path: Path) -> None:
    process = runs.Process(wanted, tmp_path, partial(disk_full_at, 8))
    assert process.wait() == 2
    assert "the checkpoint of step 8 cannot be written: No space left on device" in process.error
    assert "it goes on from step 6" in process.error
    folder = working(process)
    assert folder is not None
    last = loop.last_whole_checkpoint(folder)
    assert last is not None and last.name == "checkpoint-6" and not (folder / "checkpoint-8").exists()
    process = runs.Process(wanted, tmp_path)
    assert process.wait() == 0, process.output
    assert runs.same(runs.weights(finished(process)), uninterrupted)


@pytest.mark.parametrize("room", ["weights", "optimiser"])
def test_disk_full_in_a_library(room: str, base: Path, wanted: Path, tmp_path: Path) -> None:
    """safetensors and torch write themselves, and say so in exceptions of their own."""
    size = (base / "model.safetensors").stat().st_size
    limit = size // 5 if room == "weights" else size // 2  # in training the table has the rows of the data alone
    process = runs.Process(wanted, tmp_path, partial(no_file_above, limit))
    assert process.wait() == 2, process.output
    assert "the checkpoint of step 2 cannot be written" in process.error
    assert "goes on from its beginning" in process.error


# --- a loss that is no number


def test_nan_loss(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage_ = runs.quick("mnli", limit=48, save_every=2, selection="last", development=0)
    wanted = runs.recipe_of(base, stage_)
    before: list[torch.Tensor] = []
    model: list[Any] = []
    loss_of = loop._PlannedTrainer.compute_loss

    def poisoned(self: Any, inner: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
        loss = loss_of(self, inner, inputs, *rest, **more)
        if self.state.global_step != 3:
            return loss
        model[:] = [inner]
        before[:] = [weight.detach().clone() for weight in inner.parameters()]
        return loss * float("nan")

    monkeypatch.setattr(loop._PlannedTrainer, "compute_loss", poisoned)
    with pytest.raises(NumericError) as caught:
        runs.train(wanted, tmp_path)
    names = {str(doc["id"]) for doc in run.plans(wanted, 1, "sample")[0].materials[0].training}
    shown = str(caught.value)
    assert "NaN or infinite in step 4 of 6" in shown and "those of step 2" in shown
    assert "learning_rate below 0.001" in shown
    listed = shown.partition("with the examples ")[2].partition(" and 5 more")[0].split(", ")
    assert len(listed) == 3 and set(listed) <= names
    assert all(torch.equal(old, new) for old, new in zip(before, model[0].parameters(), strict=True))
    assert next((tmp_path / "stages").glob(".*/checkpoint-2/whole.json"))
    monkeypatch.setattr(loop._PlannedTrainer, "compute_loss", loss_of)
    resumed = runs.weights(runs.train(wanted, tmp_path))
    assert runs.same(resumed, runs.weights(runs.train(wanted, tmp_path / "again")))


def poison() -> None:
    """A gradient that is no number although the loss is one."""
    made = loop._PlannedTrainer.training_step

    def step(self: Any, model: Any, number: int, *rest: Any, **more: Any) -> Any:
        loss = made(self, model, number, *rest, **more)
        if number == 2:
            next(model.parameters()).grad.fill_(float("inf"))
        return loss

    loop._PlannedTrainer.training_step = step  # type: ignore[method-assign]


def test_nan_ends_the_command_with_one_sentence(wanted: Path, tmp_path: Path) -> None:
    process = runs.Process(wanted, tmp_path, poison)
    assert process.wait() == 2
    assert "the loss became NaN or infinite in step 3 of 25, a batch of udpos with the examples" in process.error
    assert "the last good weights are those of step 2" in process.error


# --- seeds


def test_seeds(base: Path, tmp_path: Path) -> None:
    def weights(folder: str, seed: int) -> dict[str, torch.Tensor]:
        wanted = runs.recipe_of(base, runs.quick("panx", limit=24), seeds=[seed])
        return runs.weights(runs.train(wanted, tmp_path / folder))

    first, again, other = weights("first", 1), weights("again", 1), weights("other", 2)
    assert runs.same(first, again)
    assert not runs.same(first, other)


# --- memory


def test_out_of_memory_halves_the_micro_batch(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As if the halved budget had been there from the start, up to rounding; no dropout, whose draws would differ."""
    settings = runs.quick("mnli", limit=32, max_length=32, learning_rate=1e-4)
    wanted = runs.recipe_of(runs.without_dropout(base, tmp_path / "base"), settings)
    made = loop._PlannedTrainer.compute_loss

    def small(self: Any, model: Any, inputs: dict[str, Any], *rest: Any, **more: Any) -> Any:
        if inputs["input_ids"].numel() > 90:
            raise torch.OutOfMemoryError("made up")
        return made(self, model, inputs, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(loop._PlannedTrainer, "compute_loss", small)
        folder = runs.train(wanted, tmp_path / "small")
    budget = runs.record(folder)["outcome"]["micro_batch_tokens"]
    assert 0 < budget <= 90
    assert f"out of memory; going on with micro-batches of at most {budget} tokens" in caplog.text
    assert "half as large, accumulated twice as often" in caplog.text
    monkeypatch.setattr(loop, "MICRO_BATCH_TOKENS", {("cpu", "float32"): budget})
    expected = runs.train(wanted, tmp_path / "expected")
    assert runs.furthest(runs.weights(folder), runs.weights(expected)) < 1e-6


def test_a_row_that_does_not_fit(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(loop._PlannedTrainer, "compute_loss", never)
    with pytest.raises(SettingError, match="one row does not fit in the memory of cpu"):
        runs.train(runs.recipe_of(base, runs.quick("mnli", limit=8)), tmp_path)
