"""Training tasks from a hub on loopback into a folder.

The client runs in a process of its own, because the hub's library reads HF_ENDPOINT and HF_HOME when it is imported.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import hub_rows, intermediate_rows
from tests.hub_server import Fault, Hub
from xstilts_eval.data import fetch, intermediate
from xstilts_eval.training_tasks import training_task

PROGRAM = """
import sys
from pathlib import Path
from xstilts_eval.data import intermediate_fetch
from xstilts_eval.errors import XstiltsError
from xstilts_eval.training_tasks import training_task
for wanted in sys.argv[2:]:
    name, split = wanted.split(":")
    try:
        intermediate_fetch.ensure(training_task(name), split, Path(sys.argv[1]))
    except XstiltsError as error:
        sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.fixture(scope="module")
def filled() -> Iterator[Hub]:
    hub = Hub()
    hub_rows.fill(hub)
    intermediate_rows.fill(hub)
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def hub(filled: Hub) -> Iterator[Hub]:
    filled.requests.clear()
    yield filled
    filled.faults.clear()


def _ensure(hub: Hub, home: Path, *wanted: str) -> str:
    """Complaint of a client that asks for ``task:split`` one after another; empty when all went well."""
    command = [sys.executable, "-c", PROGRAM, str(home / "data"), *wanted]
    done = subprocess.run(command, env=hub.environment(home), capture_output=True, text=True, timeout=120)
    lines = [line for line in done.stderr.replace("\r", "\n").split("\n") if line.strip() and "B/s]" not in line]
    return "" if done.returncode == 0 else "\n".join(lines)


def _whole(folder: Path) -> bool:
    """Whether the folder has nothing but what its manifest names."""
    known = {name for entry in fetch.manifest(folder) for name in entry.files}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {fetch.MANIFEST, ".fetch.lock"} == known


def test_good_path(hub: Hub, tmp_path: Path) -> None:
    """Tasks of every repository and one that the benchmark knows; a second call asks for nothing."""
    wanted = ["mnli:dev", "snli:train", "anli_r2:dev", "qqp:train", "squad_v2:train", "hellaswag:train"]
    wanted += ["cosmosqa:train", "commonsenseqa:train", "siqa:train", "copa:train", "squad:train"]
    assert _ensure(hub, tmp_path, *wanted) == ""
    folder = tmp_path / "data"
    assert _whole(folder)
    for one in wanted:
        name, _, split = one.partition(":")
        made, official = (intermediate.load(training_task(name), split, at) for at in (folder, hub_rows.SAMPLE))  # type: ignore[arg-type]
        assert made.rows == official.rows, name
        if name not in ("squad", "mnli"):
            assert fetch.provenance(folder, made.files)[0] == "hub"
    entries = {entry.family: entry for entry in fetch.manifest(folder)}
    assert (entries["siqa"].repository, entries["siqa"].revision, entries["siqa"].rows) == (
        "allenai/social_i_qa",
        "537a2ec8ec565adc0b70b70752893e59e024df26",
        9,
    )
    hub.requests.clear()
    assert _ensure(hub, tmp_path, *wanted) == ""
    assert hub.requests == []


def test_what_the_hub_does_not_have(hub: Hub, tmp_path: Path) -> None:
    assert "MissingData: the hub has no train data of ccg" in _ensure(hub, tmp_path, "ccg:train")
    said = _ensure(hub, tmp_path, "hellaswag:dev")
    assert said.startswith("FetchError: Rowan/hellaswag@218ec52e09a7 on the hub has no file data/validation-*.parquet")
    assert _whole(tmp_path / "data")


def test_damaged_download_leaves_nothing_and_the_next_call_goes_on(hub: Hub, tmp_path: Path) -> None:
    hub.faults["data/train-00000-of-00001.parquet"] = Fault("corrupt", times=1)
    assert "is not what the hub lists" in _ensure(hub, tmp_path, "copa:train", "commonsenseqa:train")
    folder = tmp_path / "data"
    assert _whole(folder) and [entry.family for entry in fetch.manifest(folder)] == ["copa"]
    assert _ensure(hub, tmp_path, "commonsenseqa:train") == ""
    assert [entry.family for entry in fetch.manifest(folder)] == ["copa", "commonsenseqa"]


def test_a_user_s_own_file_is_used_and_never_replaced(hub: Hub, tmp_path: Path) -> None:
    own = tmp_path / "data" / "hellaswag" / "hellaswag_train.jsonl"
    own.parent.mkdir(parents=True)
    own.write_text("mine\n", encoding="utf-8")
    assert _ensure(hub, tmp_path, "hellaswag:train") == ""
    assert hub.requests == [] and own.read_text(encoding="utf-8") == "mine\n"
