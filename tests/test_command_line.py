"""What every command has alike: its help, the version, completion, how loud it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tests.commanded import xstilts
from xstilts_eval import __version__, cli, extras, faults, printing


def every(command: typer.core.TyperGroup, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group."""
    yield above
    for name, one in command.commands.items():
        if isinstance(one, typer.core.TyperGroup):
            yield from every(one, (*above, name))
        else:
            yield (*above, name)


GROUP = typer.main.get_command(cli.app)
assert isinstance(GROUP, typer.core.TyperGroup)
COMMANDS = list(every(GROUP))


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv(faults.TRACEBACK, "0")  # what -v sets is taken back
    yield
    printing.quieten(False)


def test_the_help_of_every_command_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no extra is installed; no line is wider than a terminal, no summary in a list is cut."""
    monkeypatch.setattr(extras, "missing", lambda extra: ["statsmodels", "ray", "peft"])
    assert len(COMMANDS) > 30
    for words in COMMANDS:
        done = xstilts(*words, "--help")
        assert done.returncode == 0, (words, done.stderr)
        lines = done.stdout.splitlines()
        assert [line for line in lines if len(line) > 80] == [], words
        listed = lines[lines.index("Commands:") :] if "Commands:" in lines else []
        assert [line for line in listed if line.endswith("...")] == [], words
        if words not in ((), ("version",)) and not listed:
            assert {"--quiet", "--verbose"} <= {word.strip(",") for line in lines for word in line.split()}, words


def test_an_analysis_without_its_libraries_names_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extras, "missing", lambda extra: ["statsmodels"] if extra == "analysis" else [])
    done = xstilts("analyze", "scaling", "--table", tmp_path / "absent.csv")
    assert done.returncode == 2
    assert done.stderr.startswith("xstilts: error: the analyses need statsmodels; pip install '")


def test_the_version_by_each_of_its_names() -> None:
    module = subprocess.run([sys.executable, "-m", "xstilts_eval", "--version"], capture_output=True, text=True)
    assert {xstilts("--version").stdout, xstilts("version").stdout, module.stdout} == {f"{__version__}\n"}


@pytest.mark.parametrize(
    ("typed", "offered"), [("xstilts re", {"report", "regress"}), ("xstilts eval --str", {"--strict"})]
)
def test_a_shell_completes(typed: str, offered: set[str]) -> None:
    asked = {"_XSTILTS_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    command = [sys.executable, "-c", "from xstilts_eval.cli import app; app(prog_name='xstilts')"]
    done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True)
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize("before", [True, False])
def test_quiet_leaves_the_table(tiny_bundle: Path, tmp_path: Path, before: bool) -> None:
    words = ["eval", tiny_bundle, "--data", "sample", "-t", "xtreme.pawsx.de", "--limit", "3", "-o", tmp_path / "out"]
    loud = xstilts(*words)
    quiet = xstilts("-q", *words) if before else xstilts(*words, "--quiet")
    assert "done before" in xstilts(*words).stderr, "the next command is loud again"
    assert loud.stderr and not quiet.stderr and quiet.stdout == loud.stdout
    assert xstilts("-q", "score", "absent.json").stderr.startswith("xstilts: error: absent.json does not exist")


def test_verbose_shows_a_traceback() -> None:
    assert "Traceback" in xstilts("score", "absent.json", "-v").stderr
