"""`xstilts data fetch` against a hub on loopback: the good path, and everything that goes wrong on the way.

Clients run in processes of their own, because the hub's library reads HF_ENDPOINT and HF_HOME when it is imported.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import hub_rows
from tests.hub_server import Fault, Hub
from xstilts_eval.benchmark import family
from xstilts_eval.data import fetch, sources
from xstilts_eval.errors import DataError, SettingError, UnknownName
from xstilts_eval.tasks.documents import load_leaf

SW, YO = "PAN-X.sw/test-00000-of-00001.parquet", "PAN-X.yo/test-00000-of-00001.parquet"
PANX = ("panx", "--languages", "sw,yo")


@pytest.fixture(scope="module")
def filled() -> Iterator[Hub]:
    hub = Hub()
    hub_rows.fill(hub)
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def hub(filled: Hub) -> Iterator[Hub]:
    filled.requests.clear()
    yield filled
    filled.faults.clear()


class Client:
    """A user with an empty home."""

    def __init__(self, hub: Hub, home: Path) -> None:
        self.hub, self.home, self.folder = hub, home, home / "out"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "xstilts_eval.cli", "data", "fetch", *arguments, "-o", str(self.folder)]

    def fetch(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self.hub.environment(self.home, **variables)
        return subprocess.run(self.command(*arguments), env=environment, capture_output=True, text=True, timeout=120)

    def refused(self, *arguments: str, **variables: str) -> str:
        """The one sentence of a call that ends with exit code 2 and leaves nothing half-written."""
        done = self.fetch(*arguments, **variables)
        assert done.returncode == 2, done.stderr
        lines = [line for line in done.stderr.replace("\r", "\n").split("\n") if line.strip() and "B/s]" not in line]
        assert len(lines) == 1 and lines[0].startswith("xstilts: error: "), done.stderr
        assert not self.half_written()
        return lines[0]

    def half_written(self) -> list[Path]:
        """Files in the data folder that the manifest does not name."""
        known = {name for entry in fetch.manifest(self.folder) for name in entry.files}
        present = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}
        return sorted(Path(name) for name in present - known - {fetch.MANIFEST, ".fetch.lock"})


@pytest.fixture
def client(hub: Hub, tmp_path: Path) -> Client:
    return Client(hub, tmp_path)


def test_good_path(client: Client) -> None:
    """A leaf of every family, then the same examples as the sample's; a second call asks for nothing."""
    chosen = ["panx", "xnli", "pawsx", "udpos", "xquad", "mlqa", "bucc2018", "tatoeba"]
    done = client.fetch(*chosen, "--languages", "zh", "--split", "test")
    assert done.stdout.startswith("8 tasks fetched, 0 already there, 0 not to be had from hub"), done.stderr
    done = client.fetch("tydiqa", "bitext_tatoeba", "bucc2018", "--languages", "sw,zh,cmn,kat", "--split", "test")
    assert done.stdout.startswith("2 tasks fetched, 2 already there"), done.stderr
    assert {entry.family for entry in fetch.manifest(client.folder)} == {*chosen, "tydiqa"}
    assert not client.half_written()
    for name, language in (("panx", "zh"), ("tatoeba", "zh")):
        made = sources.load(family(name), language, "test", client.folder).examples
        official = sources.load(family(name), language, "test", hub_rows.SAMPLE).examples
        assert [vars(one) for one in made] == [vars(one) for one in official]
    entry = next(entry for entry in fetch.manifest(client.folder) if entry.family == "pawsx")
    assert (entry.repository, entry.revision, entry.rows) == (
        "google-research-datasets/paws-x",
        "4cd8187c404bda33cb1f62b49b001115862acf37",
        20,
    )
    assert entry.differences.endswith("; 1 rows without a label left out")
    client.hub.requests.clear()
    again = client.fetch("panx", "xnli", "--languages", "zh")
    assert again.stdout.startswith("0 tasks fetched, 2 already there, 0 not to be had from hub")
    assert client.hub.requests == []


def test_what_was_scored_is_in_the_provenance(client: Client) -> None:
    assert client.fetch("udpos", "--languages", "fr").returncode == 0
    assert client.fetch("panx", "--languages", "sw").returncode == 0
    data = load_leaf(family("udpos"), "fr", str(client.folder))
    assert data.source == "hub"
    assert data.notes[0].startswith("google/xtreme@ec5f1f46e9af (multi-word tokens split into words, not fused")
    assert data.notes[1] == "partial: 24 of 5,009 sentences" and not data.complete
    path = client.folder / "panx/panx_dataset/sw/test"
    path.write_text(path.read_text(encoding="utf-8") + "sw:Moja\tO\n", encoding="utf-8")
    changed = load_leaf(family("panx"), "sw", str(client.folder))
    assert changed.source == "local"
    assert changed.notes[0] == "panx/panx_dataset/sw/test was changed after it was fetched from google/xtreme"


def test_unfused_words_are_never_the_whole_benchmark(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many sentences of UD-POS came from the hub, they form no official score; those of PAN-X do."""
    for name, language in (("udpos", "fr"), ("panx", "sw")):
        assert client.fetch(name, "--languages", language).returncode == 0
        monkeypatch.setitem(family(name).data.sizes, "test", {language: 24})
    assert not load_leaf(family("udpos"), "fr", str(client.folder)).complete
    assert load_leaf(family("panx"), "sw", str(client.folder)).complete


def test_on_demand(client: Client) -> None:
    """``data=hub`` fetches the leaf that is asked for, and no other; BUCC says what it lacks before any download."""
    code = (
        "from xstilts_eval.benchmark import family; from xstilts_eval.tasks.documents import load_leaf, english_shots\n"
        "data = load_leaf(family('panx'), 'sw', 'hub'); print(data.source, len(data.documents), data.notes[0])\n"
        "shots = english_shots(family('mlqa'), data.folder, 'test'); print(len(shots))\n"
        "try: load_leaf(family('bucc2018'), 'zh', 'hub')\n"
        "except LookupError: raise\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    environment = client.hub.environment(client.home)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert lines[0] == "hub 24 google/xtreme@ec5f1f46e9af (none known)", done.stderr
    assert lines[1] == "60"
    assert lines[2].startswith("MissingData the hub has no sample (dev) set of BUCC 2018")
    asked = {path.rsplit("/", 2)[-2] for _, path, _ in client.hub.requests if "/resolve/" in path}
    assert asked == {"PAN-X.sw", "SQuAD"}


def test_wrong_revision(client: Client) -> None:
    line = client.refused(*PANX, "--revision", f"google/xtreme={'0' * 40}")
    assert f"google/xtreme on the hub has no revision '{'0' * 40}'; give a branch, tag or commit" in line


@pytest.mark.slow
def test_a_branch_is_resolved_to_its_commit(client: Client) -> None:
    assert client.fetch("panx", "--languages", "sw", "--revision", "google/xtreme=main").returncode == 0
    (entry,) = fetch.manifest(client.folder)
    assert entry.revision == hub_rows.SHA["google/xtreme"]


def test_missing_configuration(client: Client) -> None:
    line = client.refused("panx", "--languages", "de")
    assert "google/xtreme@ec5f1f46e9af on the hub has no file PAN-X.de/test-*.parquet" in line


def test_truncated_file(client: Client) -> None:
    client.hub.faults[YO] = Fault("cut")
    line = client.refused(*PANX)
    assert "arrived cut off" in line and "call the same command again" in line
    assert sources.load(family("panx"), "sw", "test", client.folder).rows == 24  # the leaf before is whole and kept
    client.hub.faults.clear()
    client.hub.requests.clear()
    done = client.fetch(*PANX)
    assert done.stdout.startswith("1 task fetched, 1 already there")
    assert not any("PAN-X.sw" in path for _, path, _ in client.hub.requests)


def test_wrong_checksum(client: Client) -> None:
    client.hub.faults[SW] = Fault("corrupt", times=1)
    line = client.refused("panx", "--languages", "sw")
    assert f"{SW} is not what the hub lists (its checksum or size differs); it was deleted" in line
    assert client.fetch("panx", "--languages", "sw").returncode == 0  # the damaged copy is not taken from the cache


def test_server_dies_and_comes_back_within_a_call(client: Client) -> None:
    """The rest is asked for, from where the library last wrote (it does so every 10 MB; every 100 bytes here)."""
    client.hub.faults[SW] = Fault("die", times=1)
    small = "import huggingface_hub.constants as c; c.DOWNLOAD_CHUNK_SIZE = 100; import xstilts_eval.cli as x; x.main()"
    command = [sys.executable, "-c", small, *client.command("panx", "--languages", "sw")[3:]]
    done = subprocess.run(command, env=client.hub.environment(client.home), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ranges = [asked for method, path, asked in client.hub.requests if method == "GET" and "/blobs/" in path]
    size = len(client.hub.repositories["datasets/google/xtreme"].commits[hub_rows.SHA["google/xtreme"]][SW])
    assert ranges == ["", f"bytes={size // 2 // 100 * 100}-"]
    assert sources.load(family("panx"), "sw", "test", client.folder).rows == 24


def test_server_dies_for_good_and_comes_back_later(client: Client) -> None:
    client.hub.faults[YO] = Fault("status", status=503)
    line = client.refused(*PANX)
    assert "answered 503" in line
    client.hub.stop()
    try:
        assert "cannot be reached or does not answer in time" in client.refused(*PANX)
    finally:
        client.hub.start()
    client.hub.faults.clear()
    assert client.fetch(*PANX).stdout.startswith("1 task fetched, 1 already there")


@pytest.mark.slow
def test_killed_in_the_middle(client: Client) -> None:
    client.hub.faults[YO] = Fault("slow", pause=3)
    environment = client.hub.environment(client.home)
    process = subprocess.Popen(client.command(*PANX), env=environment, stderr=subprocess.DEVNULL)
    started = time.monotonic()
    while time.monotonic() - started < 60 and not fetch.manifest(client.folder):
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [entry.languages for entry in fetch.manifest(client.folder)] == [("sw",)]
    client.hub.faults.clear()
    assert client.fetch(*PANX).stdout.startswith("1 task fetched, 1 already there")
    assert not client.half_written()


@pytest.mark.slow
def test_slow_server_shows_progress_and_times_out_when_told(client: Client) -> None:
    client.hub.faults[SW] = Fault("slow", pause=0.4)
    done = client.fetch("panx", "--languages", "sw")
    assert done.returncode == 0
    assert "xtreme_panx test sw [1/1]" in done.stderr and "100%" in done.stderr and "B/s]" in done.stderr
    client.hub.faults[YO] = Fault("slow", pause=1.5)
    line = client.refused("panx", "--languages", "yo", "--timeout", "0.2")
    assert "does not answer in time (timed out)" in line and "HF_HUB_DOWNLOAD_TIMEOUT" in line


def test_gated(client: Client) -> None:
    repository = client.hub.repositories["datasets/google/xquad"]
    repository.gated = True
    try:
        line = client.refused("xquad", "--languages", "zh")
        assert f"accept its terms at {client.hub.endpoint}/datasets/google/xquad, set HF_TOKEN" in line
        assert "--from archives or a local folder" in line
        assert client.fetch("xquad", "--languages", "zh", HF_TOKEN="hf_something").returncode == 0
    finally:
        repository.gated = False


def test_offline(client: Client) -> None:
    line = client.refused(*PANX, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids a download; fetch it on a machine with network and copy it" in line


@pytest.mark.slow
def test_no_such_repository(client: Client) -> None:
    taken = client.hub.repositories.pop("datasets/google/xquad")
    try:
        assert "the hub has no dataset 'google/xquad' (or it is private" in client.refused("xquad", "--languages", "zh")
    finally:
        client.hub.repositories["datasets/google/xquad"] = taken


def test_a_folder_with_official_files_is_left_alone(client: Client) -> None:
    own = client.folder / "panx_dataset/sw/test"
    own.parent.mkdir(parents=True)
    own.write_text("sw:Moja\tO\n", encoding="utf-8")
    done = client.fetch(*PANX)
    assert done.stdout.startswith("1 task fetched, 1 already there")
    assert own.read_text(encoding="utf-8") == "sw:Moja\tO\n"


def test_settings(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean xnli"):
        fetch.select(["xnlj"], None, ["test"])
    with pytest.raises(UnknownName, match="unknown language 'xx'"):
        fetch.select(["xnli"], ["xx"], ["test"])
    with pytest.raises(SettingError, match="split 'validation'; allowed"):
        fetch.select([], None, ["validation"])
    with pytest.raises(SettingError, match="--from 'web'; allowed: hub, archives"):
        fetch.parse_origin("web")
    with pytest.raises(SettingError, match="write REPOSITORY=COMMIT"):
        fetch.parse_revisions(["google/xtreme"])
    with pytest.raises(SettingError, match="--revision names 'a/b'"):
        fetch.fetch([], tmp_path, revisions={"a/b": "main"})
    assert len(fetch.select([], None, ["test"])) == 162
    assert {language for _, language, _ in fetch.select([], None, ["train"])} == {"en", "de", "ar"}


def test_broken_manifest(tmp_path: Path) -> None:
    (tmp_path / fetch.MANIFEST).write_text(json.dumps({"entries": [{"family": "panx"}]}), encoding="utf-8")
    with pytest.raises(DataError, match="not a manifest of xstilts data fetch"):
        fetch.manifest(tmp_path)


def test_killed_between_two_files_of_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest names them before they are in their places, or the next call would take them for somebody else's."""
    files = {"panx/a.tsv": "1", "panx/b.tsv": "2"}

    def made(stage: Path) -> fetch.Entry:
        (stage / "panx").mkdir()
        for name, text in files.items():
            (stage / name).write_text(text)
        return fetch.Entry("panx", ("sw", "yo"), "test", "hub", "a/b", "0" * 40, {"x": "1"}, files, 3, "none")

    moved: list[object] = []
    move = os.replace

    def killed(source: Path, target: Path) -> None:
        if target.name == "b.tsv":
            raise KeyboardInterrupt
        moved.append(target)
        move(source, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("os.replace", killed)
        fetch._run(fetch.Job([], made), tmp_path)
    assert tmp_path / "panx" / "a.tsv" in moved
    fetch._run(fetch.Job([], made), tmp_path)
    assert {path.name for path in (tmp_path / "panx").iterdir()} == {"a.tsv", "b.tsv"}
    assert [entry.files for entry in fetch.manifest(tmp_path)] == [files]
