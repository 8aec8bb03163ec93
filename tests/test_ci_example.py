"""`examples/ci/` and the action that it uses: their own shell lines, run here as GitHub runs them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.commanded import xstilts
from tests.documented import commands
from tests.test_workflow import EXAMPLE, ROOT, read, steps

ACTION = read(ROOT / "action.yml")
(USE,) = (step for step in steps(read(EXAMPLE)) if "xstilts" in step.get("uses", ""))


@pytest.fixture
def repository(tiny_bundle: Path, tmp_path: Path) -> Path:
    """The example with a checkpoint, and the baseline made by the command of its README."""
    shutil.copytree(ROOT / "examples" / "ci", tmp_path / "mine")
    shutil.copytree(tiny_bundle, tmp_path / "mine" / "model")
    (command,) = commands("examples/ci/README.md")
    done = xstilts(*shlex.split(command.text)[1:], cwd=tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    return tmp_path / "mine"


def run(repository: Path, **inputs: str) -> dict[str, int]:
    """Every step's exit code; after a failure only those that always run. What is installed here is the package."""
    given = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()} | USE["with"] | inputs
    environment = os.environ | {
        "GITHUB_STEP_SUMMARY": str(repository / "summary.md"), "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    codes: dict[str, int] = {}
    for step in steps(ACTION):
        if "run" not in step or step["name"] == "Install" or (any(codes.values()) and "if" not in step):
            continue
        variables = {name: _filled(text, given) for name, text in step.get("env", {}).items()}
        done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=repository,
                              env=environment | variables, capture_output=True, text=True)  # fmt: skip
        codes[step["name"]] = done.returncode
    return codes


def _filled(text: str, given: dict[str, Any]) -> str:
    return re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda found: str(given[found[1]]), text)


def test_an_unchanged_checkpoint_is_green(repository: Path) -> None:
    codes = run(repository)
    assert codes == {"Score": 0, "Compare": 0, "Show the outcome": 0}
    assert "no drift" in (repository / "summary.md").read_text(encoding="utf-8").lower()
    report = json.loads((repository / "results" / "regress" / "regress.json").read_text(encoding="utf-8"))
    assert report and (repository / "results" / "regress" / "junit.xml").is_file()


@pytest.mark.slow
def test_a_changed_checkpoint_is_red_and_shown(repository: Path) -> None:
    """Other weights find other sentences: more than half a point of Tatoeba, by the two scoreboards themselves."""
    tasks = {"tasks": "xtreme_tatoeba", "tolerance": "0.5"}
    done = xstilts("eval", "model", "-t", tasks["tasks"], "--data", "sample", "-o", "tatoeba", cwd=repository)
    assert done.returncode == 0
    shutil.rmtree(repository / "model")
    tiny.make_bundle(repository / "model", seed=2)
    codes = run(repository, **tasks, against="tatoeba")
    boards = [repository / place / "scoreboard.json" for place in ("tatoeba", "results/regress/run")]
    one, other = (json.loads(board.read_text())["families"]["xtreme_tatoeba"]["score"] for board in boards)
    assert abs(one - other) > 0.5 and codes == {"Score": 0, "Compare": 1, "Show the outcome": 0}
    assert "drifted" in (repository / "summary.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_tolerance_and_options_reach_the_commands(repository: Path) -> None:
    codes = run(repository, tolerance="50", **{"eval-options": "--limit 3", "output": "out put"})
    assert codes == {"Score": 0, "Compare": 2, "Show the outcome": 0}, "other documents are not compared"
    assert json.loads((repository / "out put" / "run" / "run.json").read_text())["settings"]["limit"] == 3
