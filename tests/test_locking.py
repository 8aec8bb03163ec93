"""The lock between processes: who has it is named, and it goes with its process."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xstilts_eval import locking
from xstilts_eval.errors import SettingError, WriteError

HOLD = "import sys, time; from pathlib import Path; from xstilts_eval import locking\n" \
       "with locking.held(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"  # fmt: skip


def refuse(holder: str) -> SettingError:
    return SettingError(f"held by {holder}")


@pytest.fixture
def other(tmp_path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_the_holder_is_named_and_a_killed_one_lets_go(other: subprocess.Popen[str], tmp_path: Path) -> None:
    try:
        named = f"held by process {other.pid} on {socket.gethostname()}"
        with pytest.raises(SettingError, match=named), locking.held(tmp_path / "lock", refuse):
            pytest.fail("two hold one lock")
    finally:
        other.kill()
        other.communicate()
    with locking.held(tmp_path / "lock", refuse):
        assert (tmp_path / "lock").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"lock"}


def test_without_a_refusal_the_lock_is_waited_for(other: subprocess.Popen[str], tmp_path: Path) -> None:
    killer = subprocess.Popen([sys.executable, "-c", f"import os, time; time.sleep(0.5); os.kill({other.pid}, 9)"])
    began = time.monotonic()
    with locking.held(tmp_path / "lock"):
        waited = time.monotonic() - began
    killer.wait()
    other.communicate()
    assert waited > 0.2


def test_twice_in_one_process(tmp_path: Path) -> None:
    taken = pytest.raises(SettingError, match="held by process")
    with locking.held(tmp_path / "lock", refuse), taken, locking.held(tmp_path / "lock", refuse):
        pytest.fail("two hold one lock")
    with locking.held(tmp_path / "lock", refuse):
        pass


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(WriteError, match="cannot be locked"), locking.held(tmp_path / "file" / "lock", refuse):
        pass


def test_nothing_else_locks() -> None:
    folder = Path(locking.__file__).parent
    users = {path.name for path in folder.rglob("*.py") if "filelock" in path.read_text(encoding="utf-8")}
    assert users == {"locking.py"}
    assert not [path for path in folder.rglob("*.py") if "import fcntl" in path.read_text(encoding="utf-8")]
