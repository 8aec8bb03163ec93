"""One pip install, then plain `lm_eval`: the built wheel and an editable checkout, each used from an unrelated folder.

The environments are new; only the heavy dependencies are borrowed from the running one (every installed package but
ours, linked into one folder), so nothing is downloaded and no copy of ours but the one under test can be imported.
The commands run in the background, two at a time, from the start of the first test; each test waits for its own.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.environments import Environment, borrow, build_wheel, copy_checkout
from tests.tiny import make_bundle, results_file
from xstilts_eval.benchmark import FAMILIES, XTREME, family
from xstilts_eval.tasks import generate

GROUPS = {one.group for one in XTREME}
LEAVES = {one.leaf(language) for one in XTREME for language in one.languages}
BRIDGE = {f"xstilts_eval_bridge.{ending}" for ending in ("py", "pth", "start")}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(checkout, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def borrowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return borrow(tmp_path_factory.mktemp("borrowed"))


@pytest.fixture(scope="module")
def installed(wheel: Path, borrowed: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.make(tmp_path_factory.mktemp("installed") / "venv", borrowed)
    environment.install(wheel)
    return environment


@pytest.fixture(scope="module")
def editable(checkout: Path, borrowed: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.make(tmp_path_factory.mktemp("editable") / "venv", borrowed)
    environment.install("--no-build-isolation", "--editable", checkout)
    return environment


@dataclass(frozen=True)
class Finished:
    """What a command printed, its exit code, and the host's results file if it wrote one."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        assert self.code == 0, self.err[-3000:]
        return results_file(self.folder)


@pytest.fixture(scope="module")
def runs(
    installed: Environment, editable: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Finished]]]:
    """Every command, by name: started here, longest first."""
    here = tmp_path_factory.mktemp("elsewhere")
    bundle = make_bundle(here / "bundle")
    partial = here / "partial"
    shutil.copytree(bundle, partial)
    manifest = json.loads((partial / "bundle.json").read_text(encoding="utf-8"))
    del manifest["heads"]["xnli"]
    (partial / "bundle.json").write_text(json.dumps(manifest), encoding="utf-8")

    def lm_eval(
        environment: Environment, tasks: str, pretrained: Path, name: str, variables: dict[str, str]
    ) -> Finished:
        cwd = here / name
        cwd.mkdir()
        options = ["--model", "xstilts", "--model_args", f"pretrained={pretrained}", "--tasks", tasks]
        done = environment.run(cwd, "lm_eval", *options, "--output_path", "out", **variables)
        return Finished(done.returncode, done.stdout, done.stderr, cwd / "out")

    def list_tasks() -> Finished:
        done = installed.run(here, "lm_eval", "ls", "tasks")
        return Finished(done.returncode, done.stdout, done.stderr, here)

    commands: dict[str, tuple[Environment, str, Path, dict[str, str]]] = {
        "headline, installed": (installed, "xtreme_*", bundle, {}),
        "one group of nine, editable": (editable, "xtreme", bundle, {}),
        "one family": (installed, "xtreme_xnli", bundle, {}),
        "one language and two names": (editable, "xtreme.*.sw,bitext.tatoeba.fra,bitext.tatoeba.deu", bundle, {}),
        "no head": (installed, "xtreme_tatoeba,xtreme_xnli", partial, {}),
        "no head, traceback": (editable, "xtreme_xnli", partial, {"XSTILTS_TRACEBACK": "1"}),
        "group and leaves": (editable, "xtreme*", bundle, {}),
        "wrong leaf": (installed, "xtreme.xnli.xx", bundle, {}),
        "switched off": (installed, "xtreme_xnli", bundle, {"XSTILTS_BRIDGE": "0"}),
        "switched off, model": (installed, "hellaswag", bundle, {"XSTILTS_BRIDGE": "0"}),
    }
    pool = ThreadPoolExecutor(max_workers=2)
    started = {
        name: pool.submit(lm_eval, environment, tasks, pretrained, name.replace(" ", "_"), variables)
        for name, (environment, tasks, pretrained, variables) in commands.items()
    }
    started["list"] = pool.submit(list_tasks)
    yield started
    pool.shutdown(cancel_futures=True)


# ---------------------------------------------------------------------- what is in the wheel


def test_wheel_holds_every_data_file_once(checkout: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    tasks = {path.relative_to(checkout) for path in (checkout / "harness_tasks").rglob("*") if path.is_file()}
    assert {name for name in names if "/harness_tasks/" in name} == {f"xstilts_eval/{path}" for path in tasks}
    generated = sum(path.suffix == ".yaml" for path, _ in generate.files())  # every leaf and group
    assert sum(name.endswith(".yaml") and "/harness_tasks/" in name for name in names) == generated
    sample = checkout / "xstilts_eval" / "sample" / "official"
    official = {path.relative_to(checkout).as_posix() for path in sample.rglob("*") if path.is_file()}
    assert official and official <= set(names)
    assert {"xstilts_eval/zoo_data/model_zoo.yaml", "xstilts_eval/languages.csv", "xstilts_eval/py.typed"} <= set(names)
    zoo = {f"xstilts_eval/zoo_data/zoo/{path.name}" for path in (checkout / "zoo").iterdir()}
    assert {name for name in names if "/zoo_data/zoo/" in name} == zoo
    assert not [name for name in names if name.startswith("xstilts_eval/zoo/") and not name.endswith(".py")]
    recipes = {f"xstilts_eval/recipes/{path.name}" for path in (checkout / "recipes").iterdir()}
    assert {name for name in names if "/recipes/" in name} == recipes and len(recipes) > 20


def test_wheel_puts_only_the_bridge_beside_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"xstilts_eval", *BRIDGE}


def test_wheel_declares_its_command_and_the_hosts_entry_point(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        text = archive.read(path).decode()
    assert "xstilts = xstilts_eval.cli:main" in text
    assert "[lm_eval.models]\nxstilts = xstilts_eval.models.adapter:XstiltsLM" in text


# ---------------------------------------------------------------------- what is imported


@pytest.mark.parametrize("which", ["installed", "editable"])
def test_the_installation_under_test_is_the_one_imported(
    which: str, checkout: Path, request: Any, tmp_path: Path
) -> None:
    environment: Environment = request.getfixturevalue(which)
    code = (
        "import json, lm_eval, xstilts_eval, xstilts_eval_bridge as b; from xstilts_eval.paths import *; "
        "print(json.dumps([xstilts_eval.__file__, b.__file__, str(tasks_path()), str(zoo_path()), str(sample_path())]))"
    )
    done = environment.run(tmp_path, "python", "-c", code)
    package, bridge, tasks, zoo, sample = (Path(path) for path in json.loads(done.stdout))
    home = checkout if which == "editable" else environment.site
    assert package == home / "xstilts_eval" / "__init__.py"
    assert bridge == environment.site / "xstilts_eval_bridge.py"
    data = checkout if which == "editable" else environment.site / "xstilts_eval"
    inner = "" if which == "editable" else "zoo_data"
    assert (tasks, zoo) == (data / "harness_tasks", data / inner / "model_zoo.yaml")
    assert sample == home / "xstilts_eval" / "sample" / "official"
    assert all(path.exists() for path in (tasks, zoo, sample))


def test_an_installation_has_the_published_numbers(installed: Environment, tmp_path: Path) -> None:
    """`xstilts zoo list` reads all files: those included are found from where the first one is installed."""
    done = installed.run(tmp_path, "xstilts", "zoo", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "X-STILTs" in done.stdout


@pytest.mark.parametrize("which", ["installed", "editable"])
def test_own_command(which: str, request: Any, tmp_path: Path) -> None:
    environment: Environment = request.getfixturevalue(which)
    done = environment.run(tmp_path, "xstilts", "tasks-path")
    assert (done.returncode, done.stderr) == (0, "")
    assert (Path(done.stdout.strip()) / "xtreme" / "_xtreme.yaml").is_file()


def test_removal_leaves_nothing_behind(wheel: Path, borrowed: Path, tmp_path: Path) -> None:
    environment = Environment.make(tmp_path / "venv", borrowed)
    before = {path.name for path in environment.site.iterdir()}
    environment.install(wheel)
    assert environment.run(tmp_path, "python", "-c", "import xstilts_eval").returncode == 0
    assert environment.pip("uninstall", "--yes", "xstilts-eval").returncode == 0
    shutil.rmtree(environment.site / "__pycache__", ignore_errors=True)
    assert {path.name for path in environment.site.iterdir()} == before
    assert environment.run(tmp_path, "python", "-c", "pass").stderr == ""


# ---------------------------------------------------------------------- plain lm_eval, from an unrelated folder


def test_headline_command(runs: dict[str, Future[Finished]]) -> None:
    results = runs["headline, installed"].result().results
    assert set(results["groups"]) == GROUPS
    assert set(results["results"]) == GROUPS | LEAVES
    assert set(results["group_subtasks"]["xtreme_xnli"]) == {f"xtreme.xnli.{code}" for code in family("xnli").languages}


def test_wheel_and_checkout_give_the_same_numbers(runs: dict[str, Future[Finished]]) -> None:
    first, second = (runs[name].result().results for name in ("headline, installed", "one group of nine, editable"))
    for field in ("results", "versions", "n-samples", "higher_is_better"):
        assert all(first[field][name] == second[field][name] for name in first[field])


def test_all_nine_in_one_group(runs: dict[str, Future[Finished]]) -> None:
    results = runs["one group of nine, editable"].result().results
    assert set(results["groups"]) == GROUPS  # `xtreme` itself has no score: the host cannot compute the official one
    assert set(results["results"]) - {"xtreme"} == GROUPS | LEAVES
    assert set(results["group_subtasks"]["xtreme"]) == GROUPS


def test_one_family(runs: dict[str, Future[Finished]]) -> None:
    results = runs["one family"].result().results
    leaves = {f"xtreme.xnli.{code}" for code in family("xnli").languages}
    assert set(results["results"]) == leaves | {"xtreme_xnli"}
    mean = sum(results["results"][leaf]["acc,none"] for leaf in leaves) / len(leaves)
    assert results["groups"]["xtreme_xnli"]["acc,none"] == pytest.approx(mean)


def test_one_language_across_datasets_and_tasks_by_name(runs: dict[str, Future[Finished]]) -> None:
    results = runs["one language and two names"].result().results
    swahili = {one.leaf("sw") for one in XTREME if "sw" in one.languages}
    assert set(results["results"]) == swahili | {"bitext.tatoeba.fra", "bitext.tatoeba.deu"}


def test_host_lists_our_tasks(runs: dict[str, Future[Finished]]) -> None:
    listed = runs["list"].result()
    names = {line.split("|")[1].strip() for line in listed.out.splitlines() if line.startswith("|")}
    assert names >= {"xtreme", *FAMILIES}
    assert names >= LEAVES
    assert "hellaswag" in names


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("group and leaves", "ValueError: Duplicate task 'xtreme."),
        ("switched off", "ValueError: Tasks not found: xtreme_xnli"),
        ("switched off, model", "ValueError: Attempted to load model 'xstilts', but no model for this name found!"),
    ],
)
def test_what_the_host_refuses(name: str, sentence: str, runs: dict[str, Future[Finished]]) -> None:
    refused = runs[name].result()
    assert refused.code == 1
    assert refused.err.strip().splitlines()[-1].startswith(sentence)


def test_what_the_host_refuses_of_ours_is_one_sentence(runs: dict[str, Future[Finished]]) -> None:
    refused = runs["wrong leaf"].result()
    assert (refused.code, refused.err) == (2, "xstilts-eval: error: Tasks not found: xtreme.xnli.xx\n")


def test_our_refusal_is_one_sentence(runs: dict[str, Future[Finished]]) -> None:
    refused = runs["no head"].result()
    assert refused.code == 2
    assert "Traceback" not in refused.err
    last = refused.err.strip().splitlines()[-1]
    assert last.startswith("xstilts-eval: error: ") and "xtreme_xnli: no head for xnli" in last
    assert last.endswith("--tasks xtreme_tatoeba")
    assert not refused.folder.exists()


def test_our_refusal_with_its_traceback(runs: dict[str, Future[Finished]]) -> None:
    refused = runs["no head, traceback"].result()
    assert refused.code == 1
    assert "Traceback" in refused.err
    assert refused.err.strip().splitlines()[-1].startswith("xstilts_eval.errors.UnfitCheckpoint: ")


def test_an_edited_yaml_of_a_checkout_takes_effect(
    checkout: Path, editable: Environment, runs: dict[str, Future[Finished]], tmp_path: Path
) -> None:
    for run in runs.values():  # they read the same files
        run.exception()
    path = checkout / "harness_tasks" / "xtreme" / "xnli" / "xnli_sw.yaml"
    original = path.read_text(encoding="utf-8")
    assert "task: xtreme.xnli.sw" in original
    code = (
        "from lm_eval.tasks import TaskManager; from xstilts_eval.paths import tasks_path; "
        "m = TaskManager(include_path=str(tasks_path()), include_defaults=False); "
        "print('xtreme.xnli.sw' in m.all_tasks, 'xtreme.xnli.edited' in m.all_tasks)"
    )
    try:
        path.write_text(original.replace("xtreme.xnli.sw", "xtreme.xnli.edited"), encoding="utf-8")
        assert editable.run(tmp_path, "python", "-c", code).stdout.split() == ["False", "True"]
    finally:
        path.write_text(original, encoding="utf-8")
    assert editable.run(tmp_path, "python", "-c", code).stdout.split() == ["True", "False"]
