"""Checkpoints from a hub on loopback: weights, identity, and everything that goes wrong on the way.

One client process serves the whole module, because importing the model library takes seconds and because the hub's
library reads HF_ENDPOINT and HF_HOME when it is imported. Every case has a repository of its own, so no cache helps.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub_server import Fault, Hub

COMMIT = "c" * 40
OLD = "0" * 39 + "1"
WORKER = """
import json, sys, time, types
import huggingface_hub.constants as constants
import huggingface_hub.file_download as download, huggingface_hub.utils._http as http
constants.HF_HUB_DOWNLOAD_TIMEOUT = constants.HF_HUB_ETAG_TIMEOUT = 0.5
download.time = http.time = types.SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})
import transformers
from xstilts_eval.models.source import Source
for line in sys.stdin:
    name, revision = json.loads(line)
    try:
        source = Source(name, revision)
        model = source.load(transformers.AutoModelForSequenceClassification)
        total = sum(float(p.double().abs().sum()) for p in model.parameters())
        answer = {"identity": source.identity, "sum": total, "tokenizer": len(source.tokenizer())}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
"""


class Client:
    def __init__(self, hub: Hub, home: Path, folder: Path) -> None:
        self.hub, self.home, self.folder = hub, home, folder
        command = [sys.executable, "-c", WORKER]
        self._process = subprocess.Popen(
            command, env=hub.environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def load(self, name: str, revision: str | None = None) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, revision]) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert not list(self.home.rglob("*.incomplete"))
        return answer

    def refused(self, name: str, revision: str | None = None) -> str:
        """The one sentence that an unfit checkpoint gets."""
        error: str = self.load(name, revision)["error"]
        assert error.startswith("UnfitCheckpoint: ") and "\n" not in error
        return error

    def repository(self, name: str, **files: bytes | None) -> str:
        """A repository with the tiny checkpoint; `files` (dots as two underscores) replace or, None, take away."""
        content = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        for key, value in files.items():
            content.pop(key.replace("__", "."), None)
            if value is not None:
                content[key.replace("__", ".")] = value
        self.hub.add("models", name, COMMIT, content)
        return name

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def client(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    hub = Hub()
    hub.start()
    made = Client(hub, tmp_path_factory.mktemp("home"), tiny_bundle / "xnli")
    yield made
    made.close()
    hub.stop()


@pytest.fixture(autouse=True)
def no_fault(client: Client) -> Iterator[None]:
    client.hub.faults.clear()
    yield
    client.hub.faults.clear()


def test_same_weights_as_the_folder_under_id_and_commit(client: Client) -> None:
    local = client.load(str(client.folder))
    remote = client.load(client.repository("me/good"))
    assert remote["sum"] == local["sum"] and remote["tokenizer"] == local["tokenizer"]
    assert remote["identity"] == f"me/good@{COMMIT}"


def test_branches_and_commits_show_the_commit(client: Client) -> None:
    name = client.repository("me/branches")
    repository = client.hub.repositories[f"models/{name}"]
    repository.commits[OLD] = repository.commits[COMMIT]
    repository.refs["v1"] = OLD
    assert client.load(name, "v1")["identity"] == f"{name}@{OLD}"
    assert client.load(name, OLD)["identity"] == f"{name}@{OLD}"
    assert client.load(name)["identity"] == f"{name}@{COMMIT}"


def test_wrong_revision(client: Client) -> None:
    assert "has no revision 'nope'; give a branch, tag or commit" in client.refused(client.repository("me/rev"), "nope")


def test_wrong_id(client: Client) -> None:
    assert "the hub has no model 'me/gone' (or it is private: set HF_TOKEN)" in client.refused("me/gone")
    assert "'no id/x y' is not a hub id (owner/name)" in client.refused("no id/x y")


def test_gated(client: Client) -> None:
    name = client.repository("me/gated")
    client.hub.repositories[f"models/{name}"].gated = True
    line = client.refused(name)
    assert f"accept its terms at {client.hub.endpoint}/me/gated, set HF_TOKEN" in line and "local folder" in line


def test_pickled_weights(client: Client) -> None:
    name = client.repository("me/pickle", model__safetensors=None, pytorch_model__bin=b"\x80\x02.")
    assert "has no safetensors weights; pickled weights, which can run any code" in client.refused(name)
    assert not any(path.endswith("pytorch_model.bin") for _, path, _ in client.hub.requests)


def test_remote_code(client: Client) -> None:
    config = json.loads((client.folder / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {"AutoModelForSequenceClassification": "modeling.Own"}
    name = client.repository("me/code", config__json=json.dumps(config).encode(), modeling__py=b"raise SystemExit\n")
    assert "asks for its own code" in client.refused(name)
    assert not any(path.endswith("modeling.py") for _, path, _ in client.hub.requests)


def test_no_configuration(client: Client) -> None:
    assert "config.json" in client.refused(client.repository("me/noconfig", config__json=None))


def test_truncated_weights(client: Client) -> None:
    name = client.repository("me/cut")
    client.hub.faults["model.safetensors"] = Fault("cut", times=1)
    assert "a file of me/cut arrived cut off" in client.refused(name)
    assert "sum" in client.load(name)


def test_wrong_checksum(client: Client) -> None:
    name = client.repository("me/corrupt")
    client.hub.faults["model.safetensors"] = Fault("corrupt", times=1)
    line = client.refused(name)
    assert "model.safetensors is not what the hub announced (its sha256 differs); it was deleted" in line
    assert client.load(name)["sum"] == client.load(str(client.folder))["sum"]


def test_server_dies_and_comes_back(client: Client) -> None:
    name = client.repository("me/dying")
    client.hub.faults["model.safetensors"] = Fault("die", times=2)
    assert client.load(name)["sum"] == client.load(str(client.folder))["sum"]


def test_slow_server(client: Client) -> None:
    name = client.repository("me/slow")
    client.hub.faults["model.safetensors"] = Fault("slow", pause=0.1)
    assert "sum" in client.load(name)
    name = client.repository("me/slower")
    client.hub.faults["model.safetensors"] = Fault("slow", pause=1.5)
    line = client.refused(name)
    assert "does not answer in time (timed out)" in line and "raise HF_HUB_DOWNLOAD_TIMEOUT" in line


def test_no_network(client: Client) -> None:
    name = client.repository("me/cached")
    cached = client.load(name)
    client.hub.stop()
    try:
        line = client.refused("me/unseen")
        assert f"the hub at {client.hub.endpoint} cannot be reached" in line and "local folder" in line
        assert client.load(name, COMMIT)["sum"] == cached["sum"]  # what is in the cache at a commit needs no hub
    finally:
        client.hub.start()


@pytest.mark.slow
def test_eval_scores_as_the_folder_does(client: Client, tmp_path: Path) -> None:
    name = client.repository("me/scored")
    scores, signatures = [], []
    for number, pretrained in enumerate((name, str(client.folder))):
        output = tmp_path / str(number)
        command = [
            sys.executable,
            "-m",
            "xstilts_eval.cli",
            "eval",
            pretrained,
            "-t",
            "xtreme.xnli.sw",
            "-o",
            str(output),
        ]
        done = subprocess.run(
            [*command, "--data", "sample"], env=client.hub.environment(tmp_path), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        results = json.loads((output / "results.json").read_text(encoding="utf-8"))["results"]
        scores.append(results["xtreme.xnli.sw"]["acc,none"])
        signatures.append((output / "scoreboard.md").read_text(encoding="utf-8"))
    assert scores[0] == scores[1]
    assert f"ckpt:{name}@{COMMIT}" in signatures[0]
