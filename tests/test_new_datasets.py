"""A dataset of another suite is served wherever ours are, with what it says itself and nothing of theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.hub_server import Hub, Repository
from tests.new_datasets import COMMIT, PAIRS, SUBTITLES
from tests.registering import registered
from xstilts_eval import suites
from xstilts_eval.data import archives, fetch, hub, sources, status
from xstilts_eval.errors import MissingData
from xstilts_eval.results import intervals
from xstilts_eval.tasks.documents import load_leaf
from xstilts_eval.tasks.leaf import LeafTask

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def films() -> Iterator[None]:
    with registered(SUBTITLES), registered(PAIRS):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Subtitles in German, as their archive has them."""
    path = tmp_path / "subtitles/deu_Latn.tsv"
    path.parent.mkdir()
    path.write_text("Guten Tag.\tGood day.\nAuf Wiedersehen.\tGoodbye.\n", encoding="utf-8")
    return tmp_path


def task(leaf: str, folder: Path) -> LeafTask:
    dataset, language = suites.leaf_parts(leaf)

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda _, node: node.value)
    template = yaml.load(dataset.template(), Loader)
    content: dict[str, Any] = {name: template[name] for name in ("dataset_path", "output_type", "test_split")}
    content |= {"task": leaf, "dataset_name": language, "metadata": {"data": str(folder)}}
    return LeafTask(content | {"doc_to_text": "{{source}}", "doc_to_target": "{{target}}", "num_fewshot": 0})


def test_a_translation_dataset_has_its_own_signature_and_licence(folder: Path) -> None:
    """Once: `nearest_acc|v1|query:en`, and FLORES-200's licence, for whatever was no family of the table."""
    found = task("films.subtitles.deu_Latn", folder)
    metric = found.config.metadata["xs_metric"]
    assert metric.startswith("chrf++|") and metric.endswith("|films:1") and "nearest" not in metric
    assert [doc["group"] for doc in found.test_docs()] == ["scene 0", "scene 0"]
    german, french = status.status(folder, families=[SUBTITLES])
    assert (german.licence, german.rows, german.complete, german.path) == (
        "CC0 1.0", 2, True, "subtitles/deu_Latn.tsv",
    )  # fmt: skip
    assert french.rows == 0 and "get the archive of subtitles and put it there" in french.notes[0]


def _samples(right: list[int]) -> list[dict[str, Any]]:
    return [{"doc_id": n, "acc_ci95": [str(n), one]} for n, one in enumerate(right)]


def test_parallel_items_are_drawn_together_whatever_the_suite() -> None:
    """One language is right exactly where the other is wrong: drawn together, the mean is 0.5 in every draw."""
    right = [n % 2 for n in range(40)]
    samples = {"en": _samples(right), "sw": _samples([1 - one for one in right])}
    assert intervals.family_interval(PAIRS, samples, draws=200) == (0.5, 0.5)
    apart = intervals.family_interval(replace(PAIRS, parallel=False), samples, draws=200)
    assert apart is not None and apart[0] < 0.45 and apart[1] > 0.55


def test_plans_are_those_of_the_dataset() -> None:
    plan = hub.plan(PAIRS, "sw", "test")
    assert (plan.repository.name, dict(plan.patterns), plan.paths) == (
        "made/pairs", {"sw": r"sw/test\.jsonl"}, ("pairs/sw.tsv",),
    )  # fmt: skip
    assert plan.repository in hub.repositories()
    with pytest.raises(MissingData, match=r"it was never put on the hub; use a local folder, or .* --from archives"):
        hub.plan(SUBTITLES, "deu_Latn", "test")
    with pytest.raises(MissingData, match="its makers have no archive"):
        archives.archives(PAIRS, "sw", "test")
    with pytest.raises(MissingData, match="the hub has no train data of films_pairs; it has test"):
        hub.plan(PAIRS, "sw", "train")


def test_fetch_from_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Hub()
    files = {f"example.org/subtitles/{code}.tsv": b"Ja.\tYes.\n" for code in SUBTITLES.languages}
    server.repositories["archives"] = Repository({"": files})
    server.start()
    monkeypatch.setenv(archives.BASE, f"{server.endpoint}/archives")
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    try:
        summary = fetch.fetch(fetch.select(["films_subtitles"], None, ["test"]), tmp_path / "data", "archives")
    finally:
        server.stop()
    assert (summary.fetched, summary.kept, summary.absent) == (2, 0, [])
    loaded = sources.load(SUBTITLES, "fra_Latn", "test", tmp_path / "data")
    assert [one.target for one in loaded.examples] == ["Yes."]  # type: ignore[union-attr]
    assert loaded.notes == ("1 pairs; the official number is not known here",)


def test_fetch_from_the_hub_and_status(tmp_path: Path) -> None:
    """The commands, with the dataset registered before them."""
    server = Hub()
    rows = [{"label": "neutral", "one": "Moja.", "two": "Mbili."}, {"label": "entailment", "one": "A\tb", "two": "B"}]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    server.add("datasets", "made/pairs", COMMIT, {f"{code}/test.jsonl": content for code in PAIRS.languages})
    server.start()
    try:
        fetched = _command(server, tmp_path, "data", "fetch", "films_pairs", "-o", str(tmp_path / "data"))
    finally:
        server.stop()
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.startswith("2 tasks fetched, 0 already there")
    found = load_leaf(PAIRS, "sw", str(tmp_path / "data"))
    documents: Any = found.documents
    assert found.complete and found.source == "hub" and [doc["label"] for doc in documents] == [2, 1]
    assert found.notes[0].startswith("made/pairs@0123456789ab (none known; 1 texts with a TAB")
    told = _command(server, tmp_path, "data", "status", "--data", str(tmp_path / "data"), "--json")
    mine = [row for row in json.loads(told.stdout) if row["family"] == "films_pairs"]
    assert [(row["language"], row["rows"], row["complete"], row["licence"]) for row in mine] == [
        ("en", 2, True, "CC BY 4.0"), ("sw", 2, True, "CC BY 4.0"),
    ]  # fmt: skip


def _command(server: Hub, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.new_datasets", *arguments]
    environment = server.environment(home)
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
