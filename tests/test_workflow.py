"""GitHub's workflows cannot run here; what they say must fit the project all the same."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lowest import PROJECT
from tests.test_published_numbers import EVERY_RUN
from xstilts_eval.data import fetch
from xstilts_eval.selection import select

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXAMPLE = ROOT / "examples" / "ci" / ".github" / "workflows" / "regress.yml"
ACTIONS = r"actions/[a-z-]+@v\d+|pypa/gh-action-pypi-publish@release/v\d+|xstilts-eval/xstilts-eval@v\d+\.\d+\.\d+"


def read(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    if "runs" in workflow:
        return list(workflow["runs"]["steps"])
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


WORKFLOW = read(ROOT / ".github" / "workflows" / "regress.yml")
(JOB,) = WORKFLOW["jobs"].values()
COMMANDS = [step["run"] for step in JOB["steps"] if "run" in step]


@pytest.mark.parametrize(
    "path", [*FILES, EXAMPLE, ROOT / "action.yml"], ids=lambda path: path.parent.parent.name + path.name
)
def test_every_step_does_one_thing_and_actions_are_pinned(path: Path) -> None:
    workflow = read(path)
    for step in steps(workflow):
        assert ("run" in step) != ("uses" in step)
        assert "uses" not in step or re.fullmatch(ACTIONS, step["uses"]), step
        if "run" in step:
            assert "${{ inputs" not in step["run"] and "${{ github.event" not in step["run"], "run as a program"
            subprocess.run(["bash", "-n", "-c", step["run"]], check=True)
    if "jobs" in workflow:
        assert workflow["permissions"] == {"contents": "read"}
        assert all("timeout-minutes" in job for job in workflow["jobs"].values())
        assert workflow[True], "YAML 1.1 reads `on` as true"


def test_what_workflows_make_exists() -> None:
    """Every `make` line is a target of the Makefile."""
    lines = [line for path in FILES for step in steps(read(path)) for line in step.get("run", "").splitlines()]
    made = [line.strip() for line in lines if line.strip().startswith("make ")]
    assert {line.split()[1] for line in made} >= {"lint", "env", "test", "test-slow", "test-lowest", "regress", "docs"}
    for line in made:
        subprocess.run([*line.split(), "--dry-run"], cwd=ROOT, capture_output=True, check=True)


def test_the_tested_versions_are_the_declared_ones() -> None:
    tests = read(ROOT / ".github" / "workflows" / "tests.yml")
    versions = tests["jobs"]["tests"]["strategy"]["matrix"]["python"]
    declared = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if "Python :: 3." in one]
    assert versions == declared and PROJECT["requires-python"] == f">={versions[0]}"


def test_a_release_publishes_without_a_token_and_only_a_tag() -> None:
    release = read(ROOT / ".github" / "workflows" / "release.yml")
    publish = release["jobs"]["publish"]
    assert publish["if"] == "${{ github.ref_type == 'tag' }}" and publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"} and "secrets" not in yaml.safe_dump(release)


def test_the_addresses_agree() -> None:
    """The example uses the repository that pyproject.toml names, and the version that it has."""
    (used,) = (step["uses"] for step in steps(read(EXAMPLE)) if "xstilts" in step.get("uses", ""))
    assert f"https://github.com/{used.partition('@')[0]}" == PROJECT["urls"]["Homepage"]
    assert used.endswith(f"@v{PROJECT['version']}")
    assert f"uses: {used}" in (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


def test_the_actions_inputs_are_documented() -> None:
    action = read(ROOT / "action.yml")
    rows = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "ci.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows and set(rows) == set(action["inputs"])


# ------------------------------------------------------------------------------------- the published numbers


def test_it_runs_for_changes_and_every_week() -> None:
    assert WORKFLOW[True].keys() >= {"pull_request", "schedule"}


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
