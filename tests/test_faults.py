"""How a command ends: exit codes, one sentence, a traceback only where it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commanded, shared_data
from xstilts_eval import faults, reading
from xstilts_eval.errors import SettingError

CASES = shared_data.DATA.parent / "cases" / "reliability"


@faults.in_one_sentence
def command(error: BaseException | None) -> None:
    if error:
        raise error


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (SettingError("give --output"), 2, "xstilts: error: give --output\n"),
        (PermissionError(13, "Permission denied", "/x"), 2, "xstilts: error: Permission denied: /x\n"),
        (faults.Interrupted(), 130, "\nxstilts: interrupted; what is finished is kept\n"),
    ],
)
def test_what_is_expected(error: BaseException, code: int, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command(error)
    assert (ended.value.code, capsys.readouterr().err) == (code, sentence)


@pytest.mark.parametrize(
    "error", [RecursionError("too\ndeep"), KeyError("x" * 5000), TypeError(), ZeroDivisionError("0")]
)
def test_what_nobody_expected(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    reading.note("/data/xnli/test.tsv")
    with pytest.raises(SystemExit) as ended:
        command(error)
    said = capsys.readouterr().err
    assert ended.value.code == 70 and said.count("\n") == 1 and len(said) < 500
    assert f"{type(error).__name__}: " in said and "after reading /data/xnli/test.tsv; this is a fault of" in said


def test_a_traceback_on_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(faults.TRACEBACK, "1")
    with pytest.raises(SystemExit, match="70"):
        command(RuntimeError("odd"))
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said and said.splitlines()[-1].startswith("xstilts: error: Runtime")
    monkeypatch.setenv(faults.TRACEBACK, "0")
    with pytest.raises(SystemExit, match="70"):
        command(RuntimeError("odd"))
    assert "Traceback" not in capsys.readouterr().err


def xstilts(*arguments: str | Path, shell: str = "") -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "xstilts_eval.cli", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    environment.pop(faults.TRACEBACK, None)
    if shell:
        piped = ["bash", "-c", f'set -o pipefail; "$@" | {shell}', "bash", *line]
        return subprocess.run(piped, capture_output=True, text=True, timeout=120, env=environment)
    return subprocess.run(line, capture_output=True, text=True, timeout=120, env=environment)


def test_a_reader_that_goes_is_no_error() -> None:
    """2,000 rows are more than a pipe holds: `head` has gone before they are written."""
    ended = xstilts("zoo", "list", "--json", shell="head -n 1 | cut -c 1-20")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("r1.yaml", "targets.tasks: Input should be a list, got 5"),
        ("r2.yaml", "line 4: the key 2024 is no text (int); put it into quotes"),
        ("r3.yaml", "line 1, '2024-13-01' (month must be in 1..12); put texts into quotes"),
        ("deep.json", "is not a recipe"),
    ],
)
def test_recipes_that_are_none(name: str, sentence: str, tmp_path: Path) -> None:
    ended = commanded.xstilts("train", CASES / name, "-o", tmp_path / "out")
    assert ended.returncode == 2 and sentence in ended.stderr
    assert ended.stderr.count("\n") == 1 and "Traceback" not in ended.stderr


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there")
def test_labels_with_an_id_that_is_no_text(tmp_path: Path) -> None:
    for folder in ("labels", "predictions"):
        (tmp_path / folder / "xquad").mkdir(parents=True)
    labels = (CASES / "labels_xquad_id_list.json").read_text(encoding="utf-8")
    (tmp_path / "labels" / "xquad" / "test-en.json").write_text(labels, encoding="utf-8")
    (tmp_path / "predictions" / "xquad" / "test-en.json").write_text('{"sample-p1-q2": "x"}', encoding="utf-8")
    folders: list[str | Path] = ["--predictions", tmp_path / "predictions", "--labels", tmp_path / "labels"]
    ended = commanded.xstilts("score", *folders, "--allow-incomplete")
    assert ended.returncode == 2 and "ids and answers must be texts, got ([1], '1872')" in ended.stderr
    assert ended.stderr.count("\n") == 1
