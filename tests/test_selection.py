"""`-t` and `--baseline` mean the same in every command that has them; what `-t` does to a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.result_folders import write_run
from xstilts_eval import cli, selection
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.results import record

WITHOUT_TASKS = {
    "bundle make", "bundle show", "cache prune", "cache show", "cache verify", "checklist", "leaderboard", "push",
    "questions", "study plan", "study run", "study tables", "study unpack", "sweep", "tasks-path", "train",
    "translate", "version", "weights", "zoo add", "zoo check",
}  # fmt: skip
"""Commands that take no evaluation tasks: `train`, `sweep` and `translate` name training tasks."""


def commands(app: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for inner, command in app.commands.items():
        full = f"{name} {inner}".strip()
        if hasattr(command, "commands"):
            yield from commands(command, full)
        else:
            yield full, command


COMMANDS = dict(commands(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_tasks_and_baselines_have_one_name_each(name: str) -> None:
    options = {option for given in COMMANDS[name].params for option in given.opts if option.startswith("-")}
    assert ("-t" in options, "--tasks" in options) == (name not in WITHOUT_TASKS,) * 2
    assert not options & {"--family", "--families", "--task"}
    assert {option for option in options if "base" in option} <= {"--baseline", "--byte-baseline", "--base"}


def test_names_of_tasks() -> None:
    assert selection.leaves([]) is None
    assert list(selection.leaves(["xtreme.xnli.sw"]) or ()) == ["xtreme.xnli.sw"]
    whole = selection.leaves(["xnli"])
    assert whole == selection.leaves(["xtreme_xnli"]) and len(whole or ()) == 15
    with pytest.raises(UnknownName, match="unknown task 'xlni'; did you mean"):
        selection.leaves(["xlni"])


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """Two runs of two datasets in two languages, the second one better in both."""
    for name, right in (("a", 12), ("b", 18)):
        answers = [1] * right + [0] * (30 - right)
        leaves = {f"xtreme.{task}.{code}": answers for task in ("xnli", "pawsx") for code in ("de", "fr")}
        write_run(tmp_path / name, leaves)
    return [str(tmp_path / "a"), str(tmp_path / "b")]


def said(*arguments: str) -> Any:
    done = CliRunner().invoke(cli.app, [*arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


@pytest.mark.parametrize("pattern", ["pawsx", "xtreme_pawsx", "xtreme.pawsx.*"])
def test_every_command_keeps_to_the_tasks(runs: list[str], pattern: str) -> None:
    assert list(said("score", runs[0], "-t", pattern, "--json", "-")["families"]) == ["xtreme_pawsx"]
    assert list(said("show", runs[0], "-t", pattern, "--json")["scoreboard"]["families"]) == ["xtreme_pawsx"]
    text = json.dumps([said("gains", *runs, "-t", pattern, "--json", "-"),
                       said("compare", *runs, "-t", pattern, "--json", "-")])  # fmt: skip
    assert "pawsx" in text and "xnli" not in text


def test_a_part_of_a_dataset_has_no_interval_of_the_whole(runs: list[str]) -> None:
    run = record.read(Path(runs[0]))
    run = run.model_copy(update={"family_intervals": {"xtreme_xnli": (0.1, 0.2), "xtreme_pawsx": (0.3, 0.4)}})
    assert run.only(None) is run
    part = run.only({"xtreme.xnli.de", "xtreme.pawsx.de", "xtreme.pawsx.fr"})
    assert part.family_intervals == {"xtreme_pawsx": (0.3, 0.4)} and len(part.leaves) == 3


@pytest.mark.parametrize("command", ["score", "show", "gains", "compare", "report"])
def test_nothing_of_these_tasks(runs: list[str], command: str, tmp_path: Path) -> None:
    more = ["-o", str(tmp_path / "page.html")] if command == "report" else []
    given = runs if command in ("gains", "compare", "report") else runs[:1]
    with pytest.raises(SettingError, match="no result of these --tasks"):
        CliRunner().invoke(cli.app, [command, *given, "-t", "panx", *more], catch_exceptions=False)
