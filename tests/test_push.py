"""`xstilts push` to a hub on loopback: one commit or nothing, and the token in no file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_server import Fault, Hub
from tests.report.made_runs import edit
from tests.result_folders import write_run

TOKEN = "hf_" + "t" * 34
RIGHT = [1] * 15 + [0] * 5


@pytest.fixture
def hub() -> Iterator[Hub]:
    found = Hub()
    found.start()
    yield found
    found.stop()


def push(hub: Hub, home: Path, *words: str | Path, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the hub's library reads its address when it is imported."""
    command = [sys.executable, "-m", "xstilts_eval", "push", *map(str, words)]
    environment = hub.environment(home, **({"HF_TOKEN": token} if token else {}))
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_a_bundle_with_its_scores(hub: Hub, tiny_bundle: Path, tmp_path: Path) -> None:
    """What comes back by name is what was pushed; the card went through the hub's own check before anything else."""
    run = write_run(tmp_path / "run", {f"xtreme.pawsx.{code}": RIGHT for code in ("en", "de")})
    done = push(hub, tmp_path, tiny_bundle, "me/mine", "--results", run, "--private")
    assert done.returncode == 0, done.stderr
    files = hub.files("models", "me/mine")
    assert files.keys() - {"README.md"} == {
        path.relative_to(tiny_bundle).as_posix() for path in tiny_bundle.rglob("*") if path.is_file()
    }
    assert all(content == (tiny_bundle / name).read_bytes() for name, content in files.items() if name != "README.md")
    card = files["README.md"].decode()
    assert hub.cards == [card] and "- type: accuracy\n      value: 75.0\n" in card
    assert set(hub.tokens) == {f"Bearer {TOKEN}", ""}, "large files go to addresses that the hub has signed"
    assert not any(TOKEN.encode() in content for content in files.values())
    assert TOKEN not in done.stdout + done.stderr
    commits = [path for method, path, _ in hub.requests if path.endswith("/commit/main")]
    assert len(commits) == 1


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        pytest.param("/commit/main", Fault("status", status=500), marks=pytest.mark.slow),
        pytest.param("/objects/batch", Fault("status", status=403), marks=pytest.mark.slow),
        ("/commit/main", Fault("die")),
    ],
)
def test_a_hub_that_refuses_half_way_has_nothing(
    hub: Hub, tiny_bundle: Path, tmp_path: Path, where: str, fault: Fault
) -> None:
    hub.add("models", "me/mine", "1" * 40, {"old.txt": b"old"})
    hub.faults[where] = fault
    done = push(hub, tmp_path, tiny_bundle, "me/mine")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("xstilts: error: nothing was put into me/mine: ") and said.endswith("the same command again")
    assert hub.files("models", "me/mine") == {"old.txt": b"old"}


def test_results_go_without_the_texts_of_the_datasets(hub: Hub, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"xtreme.pawsx.de": RIGHT})
    assert push(hub, tmp_path, run, "me/scores").returncode == 0
    assert set(hub.files("datasets", "me/scores")) == {"results.json"}
    assert push(hub, tmp_path, run, "me/scores", "--samples").returncode == 0
    assert set(hub.files("datasets", "me/scores")) == {"results.json", "samples/samples_xtreme.pawsx.de.jsonl"}


@pytest.mark.slow
def test_what_is_refused(hub: Hub, tiny_bundle: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"xtreme.pawsx.de": RIGHT})
    (tmp_path / "nothing").mkdir()
    assert (
        "holds neither a bundle (bundle.json) nor results" in push(hub, tmp_path, tmp_path / "nothing", "me/x").stderr
    )
    of_sample = write_run(tmp_path / "sample", {"xtreme.pawsx.de": RIGHT}, data={"source": "sample"})
    sample = push(hub, tmp_path, tiny_bundle, "me/x", "--results", of_sample)
    assert "xtreme.pawsx.de was scored on the bundled sample: others would take it for the benchmark" in sample.stderr
    edit(run, lambda results: results["config"].update(note=TOKEN))
    assert f"{run}/results.json holds your token of the hub; take it out" in push(hub, tmp_path, run, "me/x").stderr
    harmed = tmp_path / "harmed"
    shutil.copytree(tiny_bundle, harmed)
    (harmed / "xnli" / "config.json").write_text(json.dumps({}))
    assert push(hub, tmp_path, harmed, "me/x").returncode == 2
    nobody = push(hub, tmp_path, tiny_bundle, "me/x", token="")
    assert nobody.returncode == 2 and "nothing was put into me/x" in nobody.stderr
    assert not hub.repositories
