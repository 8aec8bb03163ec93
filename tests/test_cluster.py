"""`examples/cluster/`: scripts that bash can read, and their commands run with two processes on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from tests.training import runs
from xstilts_eval import locking
from xstilts_eval.errors import SettingError
from xstilts_eval.training import run, stage

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "cluster"
SCRIPTS = sorted(FOLDER.glob("*.sh"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_bash_reads_it_and_it_asks_for_what_it_lacks(path: Path) -> None:
    subprocess.run(["bash", "-n", str(path)], check=True)
    clean = {"PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", str(path)], env=clean, capture_output=True, text=True)
    assert done.returncode != 0 and ("give " in done.stderr or "set " in done.stderr)


def test_the_job_has_as_many_tasks_as_recipes_and_seeds() -> None:
    job = yaml.safe_load((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (script,) = container["args"]
    subprocess.run(["bash", "-n", "-c", script], check=True)
    echoed = script.replace("xstilts ", "echo ")
    said = []
    for number in range(job["spec"]["completions"]):
        environment = {"PATH": os.environ["PATH"], "SHARED": "/s", "JOB_COMPLETION_INDEX": str(number)}
        done = subprocess.run(["bash", "-c", echoed], env=environment, capture_output=True, text=True, check=True)
        said.append(done.stdout.splitlines()[1].split()[1])
    assert said == [f"/s/runs/{name}/seed-{seed}" for name in ("none", "squad") for seed in (1, 2, 3)]


def test_a_stage_that_somebody_trains_is_waited_for(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process's lock stands there for a while; then it has gone, and the stage is trained here."""
    monkeypatch.setattr(run, "_PAUSE", 0.05)
    wanted = runs.recipe_of(minilm, targets=runs.quick("xnli", limit=8))
    (plan,) = run.plans(wanted, 1, "sample")
    stages = tmp_path / "stages"
    lines: list[str] = []
    lock = plan.folder(stages).with_name(f".{plan.folder(stages).name}.work") / "lock"
    let_go, has_it = threading.Event(), threading.Event()

    def other() -> None:
        with locking.held(lock):
            has_it.set()
            let_go.wait(60)

    thread = threading.Thread(target=other)
    thread.start()
    assert has_it.wait(30)
    with pytest.raises(
        SettingError, match=r"is being trained by process \d+ on .*; --wait waits for it, --stages names"
    ):
        run.run(wanted, tmp_path / "out", "sample", say=lines.append)

    def say(line: str) -> None:
        lines.append(line)
        if "waiting for it" in line:
            threading.Timer(0.3, let_go.set).start()

    run.run(wanted, tmp_path / "out", "sample", say=say, wait=True)
    thread.join()
    assert sum("waiting for it" in line for line in lines) == 1 and stage.find(plan, stages) is not None


@pytest.mark.slow
def test_the_array_and_the_node(minilm: Path, tmp_path: Path) -> None:
    """Two tasks of the array at once, whose recipes share a stage; then the node's script with two processes; gains."""
    for name, settings in (("none", {}), ("squad", {"intermediate": runs.quick("squad", limit=16)})):
        content = runs.content(minilm, targets=runs.quick("xnli", limit=16), **settings) | {"name": name}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    content = yaml.safe_load((tmp_path / "squad.yaml").read_text()) | {"name": "more"}
    content["targets"] = runs.quick("pawsx", limit=16)
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    shared = tmp_path / "shared"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XSTILTS", "SLURM"))} | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "SHARED": str(shared), "OMP_NUM_THREADS": "1",
        "XSTILTS_STORE": "off", "XSTILTS_DATA": "sample",
        "RECIPES": f"{tmp_path}/squad.yaml {tmp_path}/more.yaml {tmp_path}/none.yaml",
        "SEEDS": "1", "EVAL_OPTIONS": "-t xtreme.xnli.de,xtreme.pawsx.de --limit 8", "PROCESSES": "2",
    }  # fmt: skip

    def start(script: str, *words: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(["bash", str(FOLDER / script), *words], env=environment | more, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)  # fmt: skip

    def finished(process: subprocess.Popen[str]) -> str:
        said = process.communicate(timeout=600)[0]
        assert process.returncode == 0, said
        return said

    first = start("slurm_array.sh", SLURM_ARRAY_TASK_ID="0")
    time.sleep(1)
    both = [first, start("slurm_array.sh", SLURM_ARRAY_TASK_ID="1"), start("slurm_array.sh", SLURM_ARRAY_TASK_ID="2")]
    said = [finished(process) for process in both]
    trained = sorted(path.name.partition("-")[0] for path in (shared / "stages").iterdir() if path.name[0] != ".")
    assert trained == ["mnli", "mnli", "pawsx", "squad"], "XNLI is learned from MNLI, from two bases; SQuAD once"
    assert sum("waiting for it" in text for text in said) == 1, said
    finished(start("slurm_node.sh", str(tmp_path / "none.yaml"), "node"))
    results = json.loads((shared / "results" / "node" / "results.json").read_text())
    assert results["config"]["xstilts"]["processes"] == 2
    finished(start("slurm_gains.sh", "none", "squad"))
    assert "squad" in (shared / "results" / "gains.md").read_text(encoding="utf-8")
