"""The output folder of a run: what is kept is what is whole, one process writes at a time."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from xstilts_eval.errors import SettingError
from xstilts_eval.results import output

RUN: output.Identity = {"settings": {"pretrained": "a", "tasks": ["xnli"]}, "data": {"xtreme.xnli.de": "01"}}
PARTS = ("xtreme_xnli", "xtreme_panx")


def write(folder: Path) -> list[str]:
    """Two parts, as a run writes them; returns what was kept of an earlier one."""
    with output.opened(folder, RUN) as one:
        kept = one.whole(said.append)
        for part in PARTS:
            if part not in kept:
                one.add(part, f"samples/samples_{part}.de.jsonl", b"{}\n")
                one.add(part, f"samples/samples_{part}.sw.jsonl", b"{}\n{}\n")
                one.finish(part, json.dumps({"part": part}))
        assert [one.read(part) for part in PARTS] == [{"part": part} for part in PARTS]
    return kept


said: list[str] = []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    said.clear()
    assert write(tmp_path / "run") == []
    assert write(tmp_path / "run") == list(PARTS) and not said
    return tmp_path / "run"


def test_the_marker_has_the_checksums_of_all_files(folder: Path) -> None:
    """By hashlib, over what lies there."""
    finished = json.loads((folder / "run.json").read_text())["finished"]
    found = {name: digest for files in finished.values() for name, digest in files.items()}
    lies = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert set(found) == set(lies) - {"run.json", ".lock"}
    assert found == {name: hashlib.sha256(lies[name].read_bytes()).hexdigest() for name in found}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [Path.unlink, cut, flip, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("name", ["families/xtreme_xnli.json", "samples/samples_xtreme_xnli.sw.jsonl"])
def test_a_part_that_is_not_whole_is_made_again(folder: Path, name: str, harm: Callable[[Path], None]) -> None:
    before = (folder / name).read_bytes()
    harm(folder / name)
    assert write(folder) == ["xtreme_panx"]
    fault = "is missing" if harm is Path.unlink else "has changed"
    assert said == [f"xtreme_xnli: {name} {fault}; it is scored again"]
    assert (folder / name).read_bytes() == before
    assert write(folder) == list(PARTS)


@pytest.mark.parametrize(
    "marker", ["", "{", "[]", '{"key": 1', "null", '{"key": "KEY"}', '{"key": "KEY", "finished": {"xtreme_xnli": 5}}']
)
def test_a_marker_that_says_too_little_keeps_nothing(folder: Path, marker: str) -> None:
    """An empty one is what a full disk leaves; it names no other run."""
    (folder / "run.json").write_text(marker.replace("KEY", output.key_of(RUN)))
    assert write(folder) == []
    assert write(folder) == list(PARTS)


def test_a_part_named_by_somebody_else_is_not_read(folder: Path) -> None:
    """Only files under the part's own name make it finished."""
    marker = json.loads((folder / "run.json").read_text())
    marker["finished"]["xtreme_xnli"] = {"../../etc/passwd": "0"}
    (folder / "run.json").write_text(json.dumps(marker))
    assert write(folder) == ["xtreme_panx"]


def test_parts_are_added(folder: Path) -> None:
    """Data that the earlier call did not read is no other run; data that it did read and that changed is."""
    more = {**RUN, "data": {"xtreme.pawsx.de": "02"}}
    with output.opened(folder, more) as one:
        assert one.whole(print) == list(PARTS)
        one.add("xtreme_pawsx", "units/units_xtreme.pawsx.de.safetensors", b"-")
        one.finish("xtreme_pawsx", "{}")
    assert output.leaves_there(folder) == {"xtreme.pawsx.de": "02"}, "of the other parts no sample is a task's"
    assert json.loads((folder / "run.json").read_text())["data"] == {**RUN["data"], **more["data"]}  # type: ignore[dict-item]
    with pytest.raises(SettingError, match=r"another run \(data of xtreme.xnli.de changed\)"):
        output.opened(folder, {**RUN, "data": {"xtreme.xnli.de": "03"}}).__enter__()


def test_a_part_that_nobody_asked_for_is_left_out(folder: Path) -> None:
    cut(folder / "families/xtreme_xnli.json")
    with output.opened(folder, RUN) as one:
        assert one.whole(said.append, asked=["xtreme_panx"]) == ["xtreme_panx"]
    assert said == ["xtreme_xnli: families/xtreme_xnli.json has changed; left out until --tasks names it"]


def test_another_run_is_left_alone(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(SettingError, match="another run \\(pretrained: a there, b here\\)"):
        output.opened(folder, {**RUN, "settings": {"pretrained": "b", "tasks": ["xnli"]}}).__enter__()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_killed_while_it_clears_an_older_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marker goes last: a folder without one would be refused as somebody else's."""
    other = {**RUN, "settings": {"pretrained": "b", "tasks": ["xnli"]}}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        output.opened(folder, other, overwrite=True).__enter__()
    with output.opened(folder, other, overwrite=True) as one:
        assert one.whole(said.append) == []
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "run.json"]


HOLD = """
import sys, time
from pathlib import Path
from xstilts_eval.results import output
with output.opened(Path(sys.argv[1]), {"settings": {}}) as one:
    print("held", flush=True)
    sys.stdin.readline()
    one.finish("xtreme_xnli", "{}")
"""


def test_the_second_waits_and_finds_it_done(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdin is not None and first.stdout is not None and first.stdout.readline() == "held\n"
    lines: list[str] = []
    with pytest.raises(SettingError, match=f"process {first.pid} on .* writes into .*; wait for it, or give another"):
        output.opened(tmp_path, {"settings": {}}, may_wait=False).__enter__()
    with pytest.raises(SettingError, match="holds the results of another run"):  # no waiting for what will be refused
        output.opened(tmp_path, {"settings": {"pretrained": "b"}}).__enter__()

    def tell(line: str) -> None:
        lines.append(line)
        threading.Timer(0.2, lambda: first.communicate("go\n")).start()

    with output.opened(tmp_path, {"settings": {}}, say=tell) as second:
        assert second.whole(lines.append) == ["xtreme_xnli"]
    assert lines == [line for line in lines if f"process {first.pid}" in line and line.endswith(": waiting for it")]
    assert len(lines) == 1


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert first.stdout is not None and first.stdout.readline() == b"held\n"
    first.kill()
    first.communicate()
    with output.opened(tmp_path, {"settings": {}}, may_wait=False) as second:
        assert second.whole(print) == []
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", ".lock"}, "the name of the holder has gone"
