"""How files that are written name others: relative to themselves, and found again from there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.commanded import xstilts
from tests.result_folders import write_run
from xstilts_eval import paths


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("/data/runs/a", "/data/runs/out", "../a"),
        ("/data/models/xlmr", "/data/runs/out", "../../models/xlmr"),
        ("/data/runs/squad/seed-1", "/data/runs/squad/seed-1/eval", "../../../squad/seed-1"),
        ("/data/runs/squad", "/data/runs/squad/eval", "../../squad"),
        ("/data/runs/out/ckpt", "/data/runs/out", "ckpt"),
        ("/home/ada/models/xlmr", "/data/runs/out", "xlmr"),  # nothing in common but the root
        ("/home/bob/xlmr", "/home/ada/out", "xlmr"),  # nothing but the folder of all homes
        ("/home/ada/xlmr", "/home/ada/out", "../xlmr"),
        ("runs/a", "/data/out", "runs/a"),
        ("owner/name@0123abc", "/data/out", "owner/name@0123abc"),
        ("memory:1", "/data/out", "memory:1"),
    ],
)
def test_names(path: str, folder: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert paths.named(path, Path(folder)) == name
    if name.startswith(".."):  # by the system's own arithmetic
        assert os.path.normpath(os.path.join(folder, name)) == path
    with paths.keeping_paths():
        assert paths.named(path, Path(folder)) == path


def test_a_name_is_found_from_its_file_and_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ckpt", "out", "here/bundles/x"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert paths.located("../ckpt", tmp_path / "out") == tmp_path / "ckpt"
    assert paths.located("bundles/x", tmp_path / "out").resolve() == tmp_path / "here" / "bundles" / "x"
    assert paths.located(str(tmp_path / "ckpt"), tmp_path / "out") == tmp_path / "ckpt"


def test_names_in_texts() -> None:
    names = paths.Names(["/data/a", "/data/a/inner", "/", "relative", None], Path("/data/out"))
    assert names.in_text("/data/a/inner/x.tsv, /data/a: line 3; /data/ab and /x/data/a stay") == (
        "../a/inner/x.tsv, ../a: line 3; /data/ab and /x/data/a stay"
    )
    value = {"/data/a": ["/data/a.json", 3, None, ("/data/a",)]}
    assert names.in_value(value) == {"../a": ["../a.json", 3, None, ["../a"]]}


def hosts_results(folder: Path) -> Path:
    """What a host writes: the path of the checkpoint as it was given."""
    run = write_run(folder / "run", {"xtreme.pawsx.de": [1, 0, 1, 1]})
    content = json.loads((run / "results.json").read_text())
    content["config"]["xstilts"]["checkpoint"] = f"{folder}/models/xlmr"
    (run / "results.json").write_text(json.dumps(content))
    return run


@pytest.mark.parametrize("keep", [False, True])
def test_files_made_from_results(tmp_path: Path, keep: bool) -> None:
    run = hosts_results(tmp_path)
    options = ["--keep-paths"] if keep else []
    board, page = (tmp_path / "made" / name for name in ("board.md", "page.html"))
    assert xstilts("score", run, "--markdown", board, "--json", board.with_suffix(".json"), *options).returncode == 0
    assert xstilts("report", run, "-o", page, "--markdown", page.with_suffix(".md"), *options).returncode == 0
    for file in (board, board.with_suffix(".json"), page):
        text = file.read_text(encoding="utf-8")
        assert (f"{tmp_path}/models/xlmr" in text) == keep, file
        assert keep or ("../models/xlmr" in text and str(tmp_path) not in text), file


def test_a_checkpoint_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `xstilts eval` calls the folder of results where nobody gave one."""
    (tmp_path / "runs" / "squad" / "seed-1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "runs")
    names = {
        "squad": "squad",
        "squad/": "squad",
        "./squad/seed-1": "squad-seed-1",
        ".": "runs",
        "owner/name": "owner__name",
    }
    assert {given: paths.checkpoint_name(given) for given in names} == names
