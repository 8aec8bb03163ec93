"""`xstilts sweep`: which stages there are, that each is trained once, and what a failure or a kill leaves."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.training import runs
from xstilts_eval import bundle, cli
from xstilts_eval.data.examples import document
from xstilts_eval.errors import DataError, SettingError
from xstilts_eval.paths import sample_path
from xstilts_eval.training import run, stage, sweep, sweep_ray
from xstilts_eval.training.sweep import Job, Result, Sweep
from xstilts_eval.training.sweep_ray import Pool

DIVERGES = 1e30
Recipes = dict[str, str]


@pytest.fixture(scope="module")
def base(tiny_bundle: Path) -> Path:
    return tiny_bundle / "encoder"


@pytest.fixture(scope="module")
def recipes(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipes:
    """`one` and `two` share the intermediate stage and a target; the intermediate stage of `three` diverges."""
    folder = tmp_path_factory.mktemp("recipes")
    first, bad = runs.quick("pawsx", limit=24), runs.quick("udpos", limit=24, learning_rate=DIVERGES)

    def recipe(name: str, intermediate: Any, targets: Sequence[str]) -> str:
        values = runs.content(base, runs.quick(list(targets), limit=16), intermediate, name=name)
        return str(runs.write(values, folder / name))

    return {
        "one": recipe("one", first, ["udpos", "panx"]),
        "two": recipe("two", first, ["udpos", "tydiqa"]),
        "three": recipe("three", bad, ["panx", "pawsx"]),
        "none": recipe("none", None, ["udpos", "panx"]),
    }


def planned(recipes: Sequence[str], output: Path, seeds: str = "", bases: Sequence[str] = (), **more: Any) -> Sweep:
    options: dict[str, Any] = {"changes": (), "data": "sample", "stages": None, "overwrite": False} | more
    return sweep.plan(recipes, bases, [part for part in seeds.split(",") if part], output=output, **options)


def names(found: Sweep, state: str, report: sweep.Report) -> list[str]:
    """Stages in one state, as ``NAME`` or ``NAME<PARENT``, sorted."""
    jobs = [found.jobs[key] for key, result in report.results.items() if result.state == state]
    return sorted(f"{job.name}<{found.jobs[job.parent].name}" if job.parent else job.name for job in jobs)


def silent(line: str) -> None:
    del line


# ------------------------------------------------------------------ the graph


def test_what_runs_share_is_one_stage(recipes: Recipes, tmp_path: Path) -> None:
    found = planned([recipes["one"], recipes["two"], recipes["none"]], tmp_path, seeds="1,2")
    assert len(found.runs) == 6
    assert sum(len(made.plans) for made in found.runs) == 2 * (3 + 3 + 2)
    assert len(found.jobs) == 2 * (1 + 3 + 2)  # pawsx; udpos, panx, tydiqa on it; udpos, panx on the base
    order = list(found.jobs)
    assert all(job.parent is None or order.index(job.parent) < order.index(key) for key, job in found.jobs.items())
    assert [str(made.output.relative_to(tmp_path)) for made in found.runs][:3] == [
        "one/seed-1",
        "one/seed-2",
        "two/seed-1",
    ]
    assert not list(tmp_path.iterdir())


def test_two_hundred_stages_are_planned_in_five_seconds(
    recipes: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50 seeds of four stages; a document is made once, however many stages train on it.

    With a limit the examples of each seed are drawn anew, from documents that are there.
    """
    made: Counter[str] = Counter()
    whole = document

    def counted(example: Any, task: str, language: str) -> Any:
        made[task] += 1
        return whole(example, task, language)

    monkeypatch.setattr("xstilts_eval.training.material.document", counted)
    planned([recipes["one"]], tmp_path / "runs", "1")
    once = dict(made)
    begin = time.process_time()
    found = planned([recipes["one"], recipes["two"]], tmp_path / "runs", ",".join(map(str, range(1, 51))))
    assert time.process_time() - begin < 5
    assert len(found.jobs) == 4 * 50 and len(found.runs) == 100
    assert all(made[task] == 2 * once[task] for task in once), "once in each call"


def test_bases_get_folders_of_their_own(recipes: Recipes, base: Path, tmp_path: Path) -> None:
    other = shutil.copytree(base, tmp_path / "other" / "encoder")
    (other / "vocab.note").write_text("another base")
    third = shutil.copytree(base, tmp_path / "third")
    found = planned([recipes["none"]], tmp_path / "runs", bases=[str(base), str(other), str(third)])
    first, second, last = (made.output.relative_to(tmp_path / "runs") for made in found.runs)
    assert first.parts[0].endswith("--encoder") and second.parts[0].endswith("other--encoder")
    assert str(last) == "third/none/seed-1"
    with pytest.raises(SettingError, match="--base names one twice"):
        planned([recipes["none"]], tmp_path / "runs", bases=[str(base), str(base)])


def test_a_job_finds_its_stage_with_its_own_part_of_the_recipe(recipes: Recipes, tmp_path: Path) -> None:
    found = planned([recipes["one"]], tmp_path)
    for key, job in found.jobs.items():
        again = Job.model_validate_json(job.model_dump_json())
        assert again == job
        plan = sweep.found(again)
        assert plan.key == key and plan.materials[0].training
        assert len(again.recipe.targets.tasks) == (0 if job.parent is None else 1)
    assert all(not material.training for plan in found.runs[0].plans for material in plan.materials)


def test_two_recipes_of_one_name_are_refused(recipes: Recipes, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="two of the recipes are called one"):
        planned([recipes["one"], recipes["one"]], tmp_path)


def test_a_folder_of_something_else_is_refused_before_anything_is_trained(recipes: Recipes, tmp_path: Path) -> None:
    mine = tmp_path / "two" / "seed-1" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("keep me")
    with pytest.raises(SettingError, match="seed-1 exists and is no run of a recipe"):
        planned([recipes["one"], recipes["two"]], tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mine.txt"]


# ------------------------------------------------------------------ one by one


def test_a_failure_is_that_of_what_goes_on_from_it(recipes: Recipes, tmp_path: Path) -> None:
    """The command line in one process: exit code 1, the reason said, the other bundle made."""
    arguments = ["sweep", recipes["three"], recipes["none"], "-o", str(tmp_path), "--data", "sample", "--workers", "0"]
    shown = CliRunner().invoke(cli.app, arguments)
    assert shown.exit_code == 1, shown.output
    assert "5 stages: 2 trained, 0 already there, 1 failed, 2 skipped" in shown.output
    failed = [line for line in shown.output.splitlines() if line.startswith("failed: stage udpos")]
    assert "NaN or infinite" in failed[-1] and "learning_rate below 1e+30" in failed[-1]
    assert "not made: no stage udpos" in shown.output
    assert (tmp_path / "none" / "seed-1" / bundle.MANIFEST).is_file()
    assert not (tmp_path / "three").exists()


def test_more_seeds_later_train_only_those(recipes: Recipes, tmp_path: Path) -> None:
    sweep.carry_out(planned([recipes["none"]], tmp_path, "1"), sweep.one_by_one, silent)
    before = {path: path.read_bytes() for path in tmp_path.rglob(stage.RECORD)}
    found = planned([recipes["none"]], tmp_path, "1,2")
    report = sweep.carry_out(found, sweep.one_by_one, silent)
    assert names(found, "already there", report) == names(found, "trained", report) == ["panx", "udpos"]
    assert not report.has_failed
    assert len(before) == 2 and all(path.read_bytes() == content for path, content in before.items())
    for made in found.runs:
        manifest = bundle.read(made.output)
        assert manifest.seed == made.recipe.seeds[0] and set(manifest.heads) == {"udpos", "panx"}
        for part in manifest.paths:
            bundle.verify(manifest, made.output, part)


def test_a_damaged_stage_fails_and_the_others_go_on(recipes: Recipes, tmp_path: Path) -> None:
    found = planned([recipes["none"]], tmp_path)
    sweep.carry_out(found, sweep.one_by_one, silent)
    hurt = next(job for job in found.jobs.values() if job.name == "panx")
    weights = next((tmp_path / "stages").glob(f"*{hurt.key}/heads/*/head.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    report = sweep.carry_out(found, sweep.one_by_one, silent)
    assert report.results[hurt.key].state == "failed" and "has changed" in report.results[hurt.key].detail
    assert names(found, "already there", report) == ["udpos"]


def test_data_that_changes_after_planning_are_noticed(recipes: Recipes, tmp_path: Path) -> None:
    data = shutil.copytree(sample_path(), tmp_path / "data")
    found = planned([recipes["none"]], tmp_path / "runs", data=str(data))
    (file,) = [path for path in data.rglob("*en*train*.conllu")]
    sentences = file.read_text(encoding="utf-8").split("\n\n")
    file.write_text("\n\n".join(sentences[1:]), encoding="utf-8")
    report = sweep.carry_out(found, sweep.one_by_one, silent)
    assert names(found, "trained", report) == ["panx"]
    (failed,) = [result for result in report.results.values() if result.state == "failed"]
    assert "its data or its base has changed since the sweep began" in failed.detail
    with pytest.raises(DataError):
        sweep.found(found.jobs[failed.key])


def test_a_stage_that_somebody_trains_is_waited_for(
    recipes: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BUSY_SECONDS", 0.05)
    found = planned([recipes["none"]], tmp_path)
    job = next(iter(found.jobs.values()))
    plan, lines = sweep.found(job), []
    held, release = threading.Event(), threading.Event()

    def other() -> None:
        with stage.working_folder(plan, job.stages):
            held.set()
            release.wait(60)

    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(60)

    def say(line: str) -> None:
        lines.append(line)
        if "is being trained by process" in line:
            release.set()

    result = sweep.train(job, say)
    thread.join()
    assert result.state == "trained", result
    assert any("is being trained" in line for line in lines)


# ------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        (Pool(workers=2, address="auto"), "--workers sizes Ray on this machine"),
        (Pool(gpus_per_stage=1.5), "--gpus-per-stage 1.5: give a share below 1 or a whole number"),
        (Pool(gpus_per_stage=-1), "--gpus-per-stage -1"),
    ],
)
def test_options_that_do_not_fit(pool: Pool, message: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(SettingError, match=message):
        pool.check()


def test_without_ray_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "ray" else find(name, *rest))
    with pytest.raises(SettingError, match=r"pip install 'ray>=[^']*'.*--workers 0"):
        Pool().check()


def test_an_address_without_ray_is_told_at_once(recipes: Recipes, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and nobody answers
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SettingError, match=f"--address {address}: no Ray answers there"):
            sweep.carry_out(planned([recipes["none"]], tmp_path), Pool(address=address).execute, silent)


def test_what_a_signal_raises_inside_ray_comes_out_as_itself() -> None:
    """Ray 2.60 wraps it in a SystemError, which would hide Ctrl-C; seen with its compiled `wait`."""

    class Ray:
        @staticmethod
        def wait(*_: Any, **__: Any) -> None:
            raise SystemError("returned a result with an exception set") from KeyboardInterrupt("^C")

    with pytest.raises(KeyboardInterrupt, match="C"):
        sweep_ray._wait(Ray, [])


# ------------------------------------------------------------------ on Ray


@pytest.mark.slow  # Ray gives its own processes 30 s to start, which a busy machine may not have
def test_on_ray_each_stage_is_trained_once(recipes: Recipes, base: Path, tmp_path: Path) -> None:
    """Two workers, five stages that two recipes share, three more of which one diverges."""
    ray = pytest.importorskip("ray")
    lines: list[str] = []
    found = planned([recipes["one"], recipes["two"], recipes["three"]], tmp_path / "runs")
    report = sweep.carry_out(found, Pool(workers=2).execute, lines.append)
    assert not ray.is_initialized() and not descendants("raylet")
    assert names(found, "trained", report) == ["panx<pawsx", "pawsx", "tydiqa<pawsx", "udpos<pawsx"]
    assert names(found, "failed", report) == ["udpos"]
    assert names(found, "skipped", report) == ["panx<udpos", "pawsx<udpos"]
    assert report.has_failed
    (failed,) = [result for result in report.results.values() if result.state == "failed"]
    assert "NaN or infinite" in failed.detail

    started = [line for line in lines if line.startswith("started: ")]
    assert len(started) == len(set(started)) == 5  # the four, and the one that failed
    finished = {job.key: job.stages / f"{job.name}-{job.key}" for job in found.jobs.values()}
    trained = {key for key, folder in finished.items() if (folder / stage.RECORD).is_file()}
    assert trained == {key for key, result in report.results.items() if result.state == "trained"}
    for key in trained:
        job, record = found.jobs[key], runs.record(finished[key])
        assert record["key"] == key
        if job.parent:
            assert runs.record(finished[job.parent])["finished"] <= record["finished"]
        assert f"{job.name} · seed 1" in job.log.read_text(encoding="utf-8")
    assert sorted(str(made.output.relative_to(tmp_path / "runs")) for made in found.runs if made.output.exists()) == [
        "one/seed-1",
        "two/seed-1",
    ]

    # The same weights as those of the plain command, bit for bit.
    one = run.plans(found.runs[0].recipe, 1, "sample")
    run.run(found.runs[0].recipe, tmp_path / "plain" / "out", "sample", say=silent)
    for plan in one:
        weights = runs.weights(plan.folder(tmp_path / "plain" / "stages"))
        assert weights and runs.same(weights, runs.weights(finished[plan.key]))

    # Nothing is trained again.
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "stages").rglob(stage.RECORD)}
    again = planned([recipes["one"], recipes["two"]], tmp_path / "runs")

    def nothing(jobs: Sequence[Job], say: Any) -> Iterator[Result]:
        assert list(jobs) == []
        return iter(())

    assert not sweep.carry_out(again, nothing, silent).has_failed
    assert {path: path.stat().st_mtime_ns for path in before} == before


def descendants(name: str, of: int | None = None) -> list[int]:
    """Processes below `of` (this one) whose command holds `name`."""
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text().rpartition(")")[2].split()
                commands[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            except (OSError, UnicodeDecodeError):
                continue
            if status[0] != "Z":
                parents[int(entry.name)] = int(status[1])
    top, found = of or os.getpid(), []
    for process in parents:
        above = process
        while above in parents and above != top:
            above = parents[above]
        if above == top and process != top and name in commands[process]:
            found.append(process)
    return found


def longer(base: Path, folder: Path) -> str:
    """An intermediate stage of some seconds with many checkpoints, and a target."""
    first = runs.quick("pawsx", epochs=30, evaluate_every=10, development=4, patience=0)
    return str(runs.write(runs.content(base, runs.quick("udpos", limit=16), first, name="longer"), folder))


def checkpoints(stages: Path) -> int:
    return sum(1 for _ in stages.glob(".*.work/checkpoint-*/whole.json"))


def wait_for_checkpoints(stages: Path, process: Any) -> None:
    deadline = time.monotonic() + 400
    while checkpoints(stages) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_a_killed_sweep_goes_on(base: Path, tmp_path: Path) -> None:
    """SIGKILL while two stages are trained; the same command at once, on the heels of dying workers."""
    pytest.importorskip("ray")
    recipe = longer(base, tmp_path)
    found = planned([recipe], tmp_path / "whole", "1,2")
    assert not sweep.carry_out(found, sweep.one_by_one, silent).has_failed

    options = ["--seeds", "1,2", "--data", "sample", "--workers", "2", "-o", str(tmp_path / "killed")]
    command = [sys.executable, "-m", "xstilts_eval.cli", "sweep", recipe, *options]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for_checkpoints(tmp_path / "killed" / "stages", process)
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    for job in found.jobs.values():
        folder = Path("stages") / f"{job.name}-{job.key}"
        assert runs.same(runs.weights(tmp_path / "whole" / folder), runs.weights(tmp_path / "killed" / folder))
    assert not list((tmp_path / "killed" / "stages").glob(".*"))


@pytest.mark.slow
def test_control_c_ends_it_and_leaves_nothing_running(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    options = ["--data", "sample", "--workers", "1", "-o", str(tmp_path / "runs")]
    command = [sys.executable, "-m", "xstilts_eval.cli", "sweep", longer(base, tmp_path), *options]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for_checkpoints(tmp_path / "runs" / "stages", process)
        below = descendants("ray", process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(200) == 130
    deadline = time.monotonic() + 3
    while (left := [one for one in below if Path(f"/proc/{one}").exists()]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert below and not left
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert "interrupted" in text and "Traceback" not in text, text


@pytest.mark.slow
def test_a_killed_worker_is_replaced(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    found = planned([longer(base, tmp_path)], tmp_path / "runs")
    killed: list[int] = []

    def kill() -> None:
        while checkpoints(tmp_path / "runs" / "stages") < 2:
            time.sleep(0.01)
        killed.extend(descendants("ray::_task"))
        for process in killed:
            os.kill(process, signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    report = sweep.carry_out(found, Pool(workers=1).execute, silent)
    assert killed
    assert not report.has_failed, report.results


@pytest.mark.slow
def test_a_stage_on_two_devices_is_trained_by_two_processes(
    recipes: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray counts devices that are not there; the processes then run on the CPU."""
    ray = pytest.importorskip("ray")
    start = ray.init
    monkeypatch.setattr(ray, "init", lambda **options: start(num_gpus=2, **options))
    found = planned([recipes["none"]], tmp_path)
    report = sweep.carry_out(found, Pool(workers=1, gpus_per_stage=2).execute, silent)
    assert not report.has_failed, report.results
    for job in found.jobs.values():
        assert runs.record(job.stages / f"{job.name}-{job.key}")["outcome"]["processes"] == 2


@pytest.mark.slow
def test_devices_that_are_not_there_are_refused(recipes: Recipes, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    found = planned([recipes["none"]], tmp_path)
    with pytest.raises(SettingError, match="--gpus-per-stage 64: Ray has"):
        sweep.carry_out(found, Pool(workers=1, gpus_per_stage=64).execute, silent)
    assert not ray.is_initialized()
