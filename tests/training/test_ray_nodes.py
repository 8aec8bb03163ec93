"""`xstilts sweep` on a Ray cluster of two nodes, both on this machine: one of them dies, and Ctrl-C ends the sweep."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training import runs
from tests.training.test_sweep import descendants, longer, names, planned, silent
from xstilts_eval.training import sweep

pytest.importorskip("ray", reason="needs Ray: pip install 'xstilts-eval[sweep]'")
pytestmark = pytest.mark.slow
RAY = Path(sys.executable).with_name("ray")
PORTS = range(7400, 9900)
"""Below those that Ray gives its workers."""
NODE = ("--num-cpus=1", "--num-gpus=0", "--disable-usage-stats", f"--object-store-memory={80 * 2**20}",
        "--dashboard-agent-listen-port=0", "--block")  # fmt: skip


class Cluster:
    """Two nodes of one core each, as `ray start` starts them; each is a group of processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = next(port for port in PORTS if _is_free(port))
        self.nodes = [self._start("head", "--head", f"--port={port}", "--include-dashboard=false",
                                  f"--temp-dir={folder / 'r'}")]  # fmt: skip
        self.address = self._told("head", rf"[\d.]+:{port}")
        self.nodes.append(self._start("node", f"--address={self.address}"))
        self._told("node", "Ray runtime started")

    def _start(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        with (self.folder / name).open("w") as log:
            return subprocess.Popen([RAY, "start", *options, *NODE], stdout=log, stderr=log, start_new_session=True)

    def _told(self, name: str, pattern: str) -> str:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            text = (self.folder / name).read_text()
            if "Ray runtime started" in text and (found := re.search(pattern, text)):
                return found[0]
            assert self.nodes[-1].poll() is None, text
            time.sleep(0.1)
        raise AssertionError(f"{name} does not start: {text}")

    def workers(self, node: int) -> list[int]:
        return descendants("ray::_task", self.nodes[node].pid)

    def kill(self, node: int) -> None:
        for process in [self.nodes[node].pid, *descendants("", self.nodes[node].pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.nodes[node].wait(60)


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("ray"))
    yield found
    for node in reversed(range(2)):
        found.kill(node)


def start(recipe: str, folder: Path, cluster: Cluster, seeds: str) -> subprocess.Popen[bytes]:
    options = ["--seeds", seeds, "--data", "sample", "--address", cluster.address, "-o", str(folder)]
    with (folder.with_name("log")).open("w") as log:
        command = [sys.executable, "-m", "xstilts_eval.cli", "sweep", recipe, *options]
        return subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})


def at_work(cluster: Cluster, node: int, stages: Path) -> Path | None:
    """The working folder that a worker of the node holds, once there are two checkpoints in it."""
    workers = cluster.workers(node)
    for holder in stages.glob(".*.work/lock.holder"):
        try:
            process = int(holder.read_text().split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if process in workers and len(list(holder.parent.glob("checkpoint-*/whole.json"))) >= 2:
            return holder.parent
    return None


def wait_for(condition: object, process: subprocess.Popen[bytes], seconds: float = 300) -> object:
    deadline = time.monotonic() + seconds
    while not (found := condition()):  # type: ignore[operator]
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def test_a_node_dies_in_the_middle_of_a_stage(tiny_bundle: Path, cluster: Cluster, tmp_path: Path) -> None:
    """Six stages queue for two nodes; what the lost one was training goes on elsewhere, to the same bits."""
    recipe = longer(tiny_bundle / "encoder", tmp_path / "recipe")
    found = planned([recipe], tmp_path / "whole", "1,2,3")
    assert not sweep.carry_out(found, sweep.one_by_one, silent).has_failed

    output = tmp_path / "runs"
    process = start(recipe, output, cluster, "1,2,3")
    hurt = wait_for(lambda: at_work(cluster, 1, output / "stages"), process)
    cluster.kill(1)
    assert process.wait(600) == 0, (tmp_path / "log").read_text()
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert "6 stages: 6 trained, 0 already there, 0 failed, 0 skipped" in text, text
    assert isinstance(hurt, Path) and not hurt.exists()
    for job in found.jobs.values():
        folder = Path("stages") / f"{job.name}-{job.key}"
        assert runs.same(runs.weights(tmp_path / "whole" / folder), runs.weights(output / folder)), job
    assert not list((output / "stages").glob(".*"))
    again = sweep.carry_out(planned([recipe], output, "1,2,3"), sweep.one_by_one, silent)
    assert len(names(planned([recipe], output, "1,2,3"), "already there", again)) == 6


def test_control_c_leaves_nothing_of_the_sweep_on_the_nodes(
    tiny_bundle: Path, cluster: Cluster, tmp_path: Path
) -> None:
    recipe = longer(tiny_bundle / "encoder", tmp_path / "recipe")
    process = start(recipe, tmp_path / "runs", cluster, "1,2")
    wait_for(lambda: cluster.workers(0) and cluster.workers(1), process)
    below = descendants("", process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    deadline = time.monotonic() + 10
    while (left := cluster.workers(0) + cluster.workers(1)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left and not [one for one in below if Path(f"/proc/{one}").exists()]
    assert all(node.poll() is None for node in cluster.nodes), "the cluster itself goes on"
