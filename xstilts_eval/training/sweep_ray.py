"""The stages of a sweep as tasks of Ray: here on this machine, or on a cluster that shares the folders."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from xstilts_eval import extras
from xstilts_eval.errors import SettingError, XstiltsError
from xstilts_eval.training import run, stage, sweep
from xstilts_eval.training.stage import Say
from xstilts_eval.training.sweep import Job, Result

THREADS = 4
"""Cores that a stage gets by default where there is no GPU."""
STORE_BYTES = 80 * 2**20
"""Ray's store of objects, near the least it allows: what tasks hand on is a sentence."""
LOOK_SECONDS = 1.0
ANSWER_SECONDS = 10.0
STARTS = 3
GOING_SECONDS = 2.0
"""For Ray's processes to go by themselves."""


@dataclass(frozen=True)
class Pool:
    """Where stages are trained: so many at once on this machine, or at the `address` of a cluster.

    `gpus_per_stage` below 1 lets stages share a GPU; from 2 on a stage is trained by as many processes. None: one GPU
    where there are any.
    """

    workers: int | None = None
    gpus_per_stage: float | None = None
    address: str | None = None

    def check(self) -> None:
        """Raise `SettingError` where Ray is not installed and for options that do not go together."""
        if importlib.util.find_spec("ray") is None:
            raise SettingError(
                f"a sweep runs on Ray, which is not installed: {extras.install('sweep')}; or give --workers 0 to train "
                "stage after stage in this process"
            )
        if self.address and self.workers is not None:
            raise SettingError("--workers sizes Ray on this machine; a cluster (--address) has a size of its own")
        gpus = self.gpus_per_stage or 0
        if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
            raise SettingError(f"--gpus-per-stage {gpus:g}: give a share below 1 or a whole number")

    def execute(self, jobs: Sequence[Job], say: Say) -> Iterator[Result]:
        """Train `jobs`, each as soon as its parent is there; Ray is gone when the last result is out."""
        if not jobs:
            return
        import ray

        gpus = self._start(ray)
        try:
            yield from _results(ray, jobs, gpus, self._threads(), say)
        finally:
            started = {} if self.address else _started()
            ray.shutdown()
            _end(started)

    def _size(self) -> int:
        """How many stages at once on this machine."""
        import torch

        if self.workers:
            return self.workers
        if torch.cuda.is_available() and self.gpus_per_stage != 0:
            return max(1, int(torch.cuda.device_count() / (self.gpus_per_stage or 1)))
        return max(1, (os.cpu_count() or 1) // THREADS)

    def _threads(self) -> int | None:
        return None if self.address else max(1, (os.cpu_count() or 1) // self._size())

    def _knock(self) -> None:
        """Raise `SettingError` when nothing listens at the address: Ray itself would ask for a quarter of an hour."""
        host, _, port = (self.address or "").removeprefix("ray://").rpartition(":")
        if host and port.isdigit():
            try:
                socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
            except OSError as error:
                raise SettingError(
                    f"--address {self.address}: no Ray answers there ({error.strerror or error})"
                ) from error

    def _start(self, ray: Any) -> float:
        """Start Ray or join a cluster; how many GPUs a stage gets."""
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        self._knock()
        own = {"num_cpus": self._size(), "include_dashboard": False, "object_store_memory": STORE_BYTES}
        options = {"address": self.address} if self.address else {"address": "local"} | own
        for attempts_left in reversed(range(1 if self.address else STARTS)):
            try:
                ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
                break
            except Exception as error:  # on a busy machine also a bare one: Ray gives itself 30 seconds
                ray.shutdown()
                if not attempts_left:
                    raise SettingError(f"Ray does not start or answer ({' '.join(str(error).split())})") from error
        there = ray.cluster_resources().get("GPU", 0.0)
        wanted = min(1.0, there) if self.gpus_per_stage is None else self.gpus_per_stage
        if wanted > there:
            ray.shutdown()
            raise SettingError(f"--gpus-per-stage {wanted:g}: Ray has {there:g} GPUs")
        return wanted


def _results(ray: Any, jobs: Sequence[Job], gpus: float, threads: int | None, say: Say) -> Iterator[Result]:
    # A worker that the system kills is replaced once; the stage goes on from its checkpoints.
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=1)(_task)
    tasks: dict[str, object] = {}
    for job in jobs:
        job.log.unlink(missing_ok=True)
        tasks[job.key] = remote.remote(job, tasks.get(job.parent or ""), int(gpus), threads)
    open_ = {job.key: job for job in jobs}
    silent = dict(open_)
    lost: set[str] = set()
    while open_:
        ended = _wait(ray, [tasks[key] for key in open_])
        for key in [key for key, job in silent.items() if job.log.exists()]:
            job = silent.pop(key)
            say(f"started: {job}; log: {job.log}")
        for key in [key for key in open_ if tasks[key] in ended]:
            yield from _ended(ray, key, tasks, open_, lost)


def _wait(ray: Any, tasks: list[Any]) -> list[Any]:
    try:
        ended: list[Any] = ray.wait(tasks, num_returns=1, timeout=LOOK_SECONDS)[0]
        return ended
    except SystemError as error:  # around what a signal's handler raised, Ctrl-C's
        raise error.__cause__ or error from None


def _ended(ray: Any, key: str, tasks: Mapping[str, object], open_: dict[str, Job], lost: set[str]) -> Iterator[Result]:
    """The result of a task that has ended; that of its parent first, which has ended before."""
    job = open_.pop(key)
    if job.parent in open_:
        yield from _ended(ray, job.parent, tasks, open_, lost)
    try:
        result: Result = ray.get(tasks[key])
    except ray.exceptions.RayError as error:  # the process of the task is gone, or the one of its parent
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        result = Result(key, "failed", f"its worker ended without a word ({first.strip()}); log: {job.log}")
        if job.parent in lost:
            result = sweep.skipped(job)
    if not result.is_there:
        lost.add(key)
    yield result


def _task(job: Job, parent: Result | None, processes: int, threads: int | None) -> Result:
    """In a worker: train one stage, what it prints going to its log."""
    if parent is not None and not parent.is_there:
        return sweep.skipped(job)
    import torch

    if threads:
        torch.set_num_threads(threads)
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with (
        job.log.open("w", encoding="utf-8", buffering=1) as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        return _together(job, processes, log) if processes > 1 else sweep.train(job)


def _together(job: Job, processes: int, log: IO[str]) -> Result:
    """Train a stage in several processes, one for each GPU."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "job.json"
        file.write_text(job.model_dump_json(), encoding="utf-8")
        start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        code = subprocess.call(
            [sys.executable, *start, "-m", "xstilts_eval.training.sweep", str(file)],
            stdout=log,
            stderr=log,
            preexec_fn=_end_with_parent,
        )
    seconds = time.monotonic() - started
    if code:
        return Result(job.key, "failed", f"torchrun ended with code {code}; log: {job.log}", seconds)
    try:
        one = sweep.found(job)
        folder = stage.find(one, job.stages)
        detail = run.summary(one, folder) if folder else f"torchrun left no stage; log: {job.log}"
    except XstiltsError as error:
        folder, detail = None, str(error)
    return Result(job.key, "trained" if folder else "failed", detail, seconds)


def _started() -> dict[int, str]:
    """Ray's processes below this one, each with when it was started (Linux; elsewhere none)."""
    stats: dict[int, list[str]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            stats[int(file.parent.name)] = file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    found: dict[int, str] = {}
    above = {os.getpid()}
    while below := {process for process, stat in stats.items() if int(stat[1]) in above} - found.keys():
        above = {process for process in below if found or _is_rays(process)}
        found |= {process: stats[process][19] for process in above}
    return found


def _is_rays(process: int) -> bool:
    try:
        return b"/ray/" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def _end(started: Mapping[int, str]) -> None:
    """Kill what is left of these processes soon after Ray has gone: its agents would look for it for 15 seconds."""
    deadline = time.monotonic() + GOING_SECONDS
    while (left := started.items() & _started_at(started).items()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process, _ in left:
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)


def _started_at(processes: Mapping[int, str]) -> dict[int, str]:
    """When processes of these numbers were started that run now: a number may be another's by then."""
    found = {}
    for process in processes:
        with contextlib.suppress(OSError):
            stat = (
                Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            )
            if stat[0] != "Z":
                found[process] = stat[19]
    return found


def _end_with_parent() -> None:
    """Ask Linux to end this process when its parent dies, as Ray's workers do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
