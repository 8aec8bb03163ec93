"""`xstilts weights`: one folder on the output, for ``$(…)``; progress and refusals elsewhere."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from xstilts_eval import weights
from xstilts_eval.cli import app
from xstilts_eval.errors import UnknownName


def test_the_folder_alone_is_printed(minilm: Path) -> None:
    done = CliRunner().invoke(app, ["weights", "minilm"])
    assert (done.exit_code, done.stdout) == (0, f"{minilm}\n")


def test_progress_goes_to_the_other_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def folder(name: str, say: object) -> Path:
        say("downloading ...")  # type: ignore[operator]
        return Path("/cache") / name

    monkeypatch.setattr("xstilts_eval.commands.weights.folder", folder)
    done = CliRunner().invoke(app, ["weights", "e5"])
    assert (done.stdout, done.stderr) == ("/cache/e5\n", "downloading ...\n")


def test_the_list_and_a_wrong_name() -> None:
    listed = CliRunner().invoke(app, ["weights"]).stdout
    assert all(f"{name}: {entry.title}" in listed for name, entry in weights.WEIGHTS.items())
    assert isinstance(CliRunner().invoke(app, ["weights", "e6"]).exception, UnknownName)
