"""What the host could not write is named in one line, through the bridge, when the host ends."""

from __future__ import annotations

import atexit
import errno
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import xstilts_eval.tasks.leaf  # noqa: F401  (tasks of ours have run)
from tests.bridged_host import load_bridge
from xstilts_eval.models import host_output

SAMPLE = {"doc_hash": "a", "prompt_hash": "b", "target_hash": "c", "arguments": [["x"]], "target": 0}


@pytest.fixture
def save(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The host's own class under the bridge: saves, and gives what is said when the process ends."""
    from lm_eval.loggers import EvaluationTracker

    class Tracker(EvaluationTracker):  # type: ignore[misc]
        pass

    load_bridge()._supply_saving(SimpleNamespace(EvaluationTracker=Tracker))
    monkeypatch.setattr(atexit, "register", lambda call: None)
    monkeypatch.setattr(host_output, "_lost", {})

    def save_all(output: Path | str) -> str:
        tracker = Tracker(output_path=str(output) or None)
        tracker.general_config_tracker.model_name_sanitized = "model"
        rows = {name: [SAMPLE | {"resps": [["1"]], "filtered_resps": "1"}] * 3 for name in ("xnli.de", "xnli.en")}
        rows = {name: [dict(row) for row in found] for name, found in rows.items()}
        tracker.save_results_aggregated(results={"results": {}}, samples=rows)
        for name, found in rows.items():
            tracker.save_results_samples(task_name=name, samples=found)
        capsys.readouterr()
        if host_output._lost:
            host_output._say()
        return capsys.readouterr().err

    return save_all


def test_nothing_is_said_where_all_is_written(save: Any, tmp_path: Path) -> None:
    assert save(tmp_path / "out") == save(tmp_path / "out" / "named.json") == save("") == ""
    assert len(list((tmp_path / "out" / "model").glob("*"))) == 3, "what the host writes is what is looked for"
    assert len(list((tmp_path / "out").glob("*.json*"))) == 3


def test_a_folder_that_cannot_be_made(save: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert save(tmp_path / "file" / "out") == (
        f"xstilts-eval: lm_eval could not write the results and 2 files of samples into {tmp_path}/file/out/model and "
        "says so in a warning only; what is missing there must be run again\n"
    )
    monkeypatch.setattr(host_output, "_lost", {})
    monkeypatch.delitem(sys.modules, "xstilts_eval.tasks.leaf")
    assert save(tmp_path / "file" / "out") == "", "runs without our tasks are the host's alone"


def test_results_that_are_cut_off(save: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves a part of the file."""

    def half(self: Path, text: str, **options: Any) -> int:
        self.write_bytes(text.encode()[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", half)
    assert f"could not write the results into {tmp_path}/model and says so" in save(tmp_path)


def test_samples_that_are_cut_off(save: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lm_eval.loggers import evaluation_tracker

    calls: list[Any] = []

    def full(found: Any) -> Any:
        calls.append(found)
        if len(calls) == 9:  # twice a sample: in the second task's second
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return found

    monkeypatch.setattr(evaluation_tracker, "sanitize_list", full)
    assert f"could not write samples of xnli.en into {tmp_path}/model and says so" in save(tmp_path)


def _starve() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


@pytest.mark.slow
def test_the_hosts_command(tiny_bundle: Path, tmp_path: Path) -> None:
    """From its command line: exit code 0, which is the host's, and our line behind everything else."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lm_eval"), "--model", "xstilts", "--model_args", f"pretrained={tiny_bundle}",
         "--tasks", "xtreme.pawsx.de", "--limit", "2", "--output_path", tmp_path / "out", "--log_samples"],
        capture_output=True, text=True, timeout=600, preexec_fn=_starve,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "xstilts-eval: lm_eval could not write the results and samples of xtreme.pawsx.de into "
    )
    assert not [path for path in tmp_path.rglob("results*.json") if json.loads(path.read_text() or "{}")]
