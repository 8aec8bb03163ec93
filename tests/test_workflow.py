"""The GitHub workflow cannot run here; what it says must fit the project all the same."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.test_published_numbers import EVERY_RUN
from xstilts_eval.data import fetch
from xstilts_eval.selection import select

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / ".github" / "workflows" / "regress.yml"
WORKFLOW: dict[Any, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
(JOB,) = WORKFLOW["jobs"].values()
COMMANDS = [step["run"] for step in JOB["steps"] if "run" in step]


def test_every_step_does_one_thing_and_actions_are_pinned() -> None:
    assert WORKFLOW[True].keys() >= {"pull_request", "schedule"}  # YAML 1.1 reads `on` as true
    assert all(("run" in step) != ("uses" in step) for step in JOB["steps"])
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in JOB["steps"] if "uses" in step)


def chosen(event: str) -> dict[str, str]:
    """What the step that chooses the pairs writes for an event, run by a real shell."""
    (script,) = (text for text in COMMANDS if "GITHUB_EVENT_NAME" in text)
    environment = {"GITHUB_EVENT_NAME": event, "GITHUB_ENV": "/dev/stdout", "PAIRS": WORKFLOW["env"]["PAIRS"]}
    done = subprocess.run(["bash", "-e", "-c", script], env=environment, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_a_change_scores_the_small_pairs_and_the_week_all() -> None:
    small = chosen("pull_request")
    (codes,) = select(small["TASKS"].split(",")).values()
    assert sorted(codes) == sorted(EVERY_RUN)
    languages = small["LANGUAGES"].removeprefix("--languages=").split(",")
    assert len(fetch.select(["bitext_tatoeba"], languages, ["test"])) == len(EVERY_RUN)
    weekly = chosen("schedule")
    (codes,) = select([weekly["TASKS"]]).values()
    assert len(codes) == 112
    assert weekly["LANGUAGES"] == ""


def test_what_is_shown_and_kept_is_what_make_writes() -> None:
    (make,) = (text for text in COMMANDS if text.startswith("make regress"))
    command = [*make.split(), "TASKS=bitext.tatoeba.tzl", "--dry-run", "--old-file=.venv/.demo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    written = set(re.findall(r"--(?:markdown|junit|json) (\S+)", done.stdout))
    (upload,) = (step for step in JOB["steps"] if step.get("uses", "").startswith("actions/upload"))
    assert written == set(upload["with"]["path"].split()) - {"results/regress/run/results.json"}
    assert "results/regress/regress.md" in written
    assert "--data 'data'" in done.stdout
    assert "--allow-missing" not in done.stdout
