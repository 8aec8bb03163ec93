"""The startup bridge: harmless at every Python start, and on the host only what the host lacks.

Each test runs a new interpreter. An installed copy of the bridge is switched off there, and the repository's own is put
in its place, so that what is tested is what is being edited.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from xstilts_eval.paths import tasks_path

STARTUP = Path(__file__).resolve().parents[1] / "xstilts_eval" / "startup"
BEGIN = f"""
import atexit, gc, os, sys
gc.set_threshold(700, 10, 1000); atexit.register(gc.freeze)  # as `cycles`: two thirds of the time
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "xstilts_eval_bridge"]
sys.modules.pop("xstilts_eval_bridge", None)
os.environ.pop("XSTILTS_BRIDGE", None)
sys.path.insert(0, {str(STARTUP)!r})
import xstilts_eval_bridge as bridge
del sys.path[0]
"""
INSTALL = BEGIN + "bridge.install()\n"
NO_DEFAULTS = """
import lm_eval.tasks.manager as manager
manager.__file__ = sys.argv[1] + "/host/manager.py"  # the host's own tasks: none, so that a test takes a second
from lm_eval.tasks import TaskManager
"""


def python(
    code: str, *arguments: str | Path, options: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("XSTILTS_")}
    return subprocess.run(
        [sys.executable, *options, "-c", code, *map(str, arguments)],
        env=clean | {"XSTILTS_BRIDGE": "0"} | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )


def answer(code: str, *arguments: str | Path) -> Any:
    """What the code prints, as JSON; nothing else may be printed."""
    done = python(code, *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def write_task(folder: Path, name: str, path: str = "xtreme_xnli") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(f"task: {name}\ndataset_path: {path}\n", encoding="utf-8")
    return folder


# ---------------------------------------------------------------------- at every start


@pytest.mark.parametrize("options", [(), ("-I",), ("-S",), ("-I", "-S"), ("-E",), ("-O",), ("-X", "utf8=0")])
def test_start_imports_the_bridge_only(options: tuple[str, ...]) -> None:
    code = BEGIN.replace("import xstilts_eval_bridge", "before = set(sys.modules)\nimport xstilts_eval_bridge")
    code += "bridge.install()\nprint(*sorted(set(sys.modules) - before))"
    done = python(code, options=options)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["xstilts_eval_bridge"]


def test_startup_files_name_the_same_call() -> None:
    (line,) = (STARTUP / "xstilts_eval_bridge.pth").read_text(encoding="utf-8").splitlines()
    (entry,) = (STARTUP / "xstilts_eval_bridge.start").read_text(encoding="utf-8").splitlines()
    module, function = entry.split(":")
    assert line == f"import {module}; {module}.{function}()"


def test_installing_twice_adds_one_finder() -> None:
    code = INSTALL + "bridge.install()\nprint(sum(isinstance(finder, bridge._Finder) for finder in sys.meta_path))"
    assert answer(code) == 1


def test_switched_off() -> None:
    code = BEGIN + (
        "os.environ['XSTILTS_BRIDGE'] = '0'\nbridge.install()\n"
        "print(sum(isinstance(finder, bridge._Finder) for finder in sys.meta_path))"
    )
    assert answer(code) == 0


def test_other_imports_are_left_alone() -> None:
    code = INSTALL + (
        "import json, json.decoder, lm_eval, lm_eval.models\n"
        "print(json.dumps([type(m.__spec__.loader).__name__ for m in (json, lm_eval, lm_eval.models)]))"
    )
    assert answer(code) == ["SourceFileLoader", "SourceFileLoader", "_Loader"]


OTHER_HOOK = """
class Other:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("lm_eval."):
            for finder in sys.meta_path:
                if finder is not self and hasattr(finder, "find_spec"):
                    spec = finder.find_spec(name, path, target)
                    if spec:
                        return spec
"""


@pytest.mark.parametrize("place", ["0", "1", "len(sys.meta_path)"])
def test_beside_another_hook_that_asks_the_others(place: str) -> None:
    """Before, behind and at the end: each asks the other, and neither may ask for ever."""
    code = INSTALL + OTHER_HOOK + (
        f"sys.meta_path.insert({place}, Other())\n"
        "import json, lm_eval.models, lm_eval.tasks.manager as manager\n"
        "from lm_eval.api.registry import model_registry\n"
        "print(json.dumps(['xstilts' in model_registry, hasattr(manager.TaskManager.__init__, '__wrapped__')]))"
    )  # fmt: skip
    assert answer(code) == [True, True]


def test_two_copies_supply_once() -> None:
    """An installed copy and a user's own, or two environments on one path."""
    code = INSTALL + OTHER_HOOK + (
        "import importlib.util, json\n"
        "spec = importlib.util.spec_from_file_location('second_copy', bridge.__file__)\n"
        "second = importlib.util.module_from_spec(spec); spec.loader.exec_module(second); second.install()\n"
        "sys.meta_path.insert(1, Other())\n"
        "import lm_eval.models, lm_eval.tasks.manager as manager\n"
        "from lm_eval.api.registry import model_registry\n"
        "wrapped = manager.TaskManager.__init__.__wrapped__\n"
        "copies = sum(type(finder).__name__ == '_Finder' for finder in sys.meta_path)\n"
        "print(json.dumps([copies, 'xstilts' in model_registry, hasattr(wrapped, '__wrapped__')]))"
    )  # fmt: skip
    assert answer(code) == [2, True, False]


def test_threads_that_import_the_host_at_once() -> None:
    code = INSTALL + OTHER_HOOK + (
        "import json, threading\nsys.meta_path.insert(0, Other())\nsys.setswitchinterval(1e-6)\n"
        "start, failures = threading.Barrier(8), []\n"
        "def work(name):\n"
        "    start.wait()\n"
        "    try:\n        __import__(name)\n"
        "    except BaseException as error:\n        failures.append(repr(error))\n"
        "names = ['lm_eval.models', 'lm_eval.tasks.manager'] * 4\n"
        "threads = [threading.Thread(target=work, args=(name,)) for name in names]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "import lm_eval.tasks.manager as manager\nfrom lm_eval.api.registry import model_registry\n"
        "once = manager.TaskManager.__init__.__wrapped__\n"
        "print(json.dumps([failures, 'xstilts' in model_registry, hasattr(once, '__wrapped__')]))"
    )  # fmt: skip
    assert answer(code) == [[], True, False]


@pytest.mark.parametrize(("options", "there"), [((), True), (("-I",), True), (("-E",), True), (("-S",), False)])
def test_where_python_reads_startup_files(options: tuple[str, ...], there: bool, tmp_path: Path) -> None:
    """The bridge's files in a new environment: `-S` skips them, and the host is unharmed."""
    venv.create(tmp_path / "env", symlinks=True)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    for path in STARTUP.glob("xstilts_eval_bridge.*"):
        shutil.copy(path, site)
    (site / "lm_eval").mkdir()
    (site / "lm_eval" / "__init__.py").write_text("", encoding="utf-8")
    code = (
        f"import sys; sys.path.append({str(site)!r}); import lm_eval; "
        "print(any(type(finder).__module__ == 'xstilts_eval_bridge' for finder in sys.meta_path))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XSTILTS_", "PYTHON"))}
    done = subprocess.run(
        [tmp_path / "env" / "bin" / "python", *options, "-c", code],
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(there), "")


def test_in_a_zip_application(tmp_path: Path) -> None:
    """A zip's startup files are not read: without a bridge the host is what it is, and importing it by hand works."""
    archive = tmp_path / "app.pyz"
    with zipfile.ZipFile(archive, "w") as file:
        for path in STARTUP.glob("xstilts_eval_bridge.*"):
            file.write(path, path.name)
        file.writestr(
            "__main__.py",
            "import sys\nfound = lambda: any(type(f).__module__ == 'xstilts_eval_bridge' for f in sys.meta_path)\n"
            "before = found()\nimport xstilts_eval_bridge\nxstilts_eval_bridge.install()\nprint(before, found())\n",
        )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("XSTILTS_")}
    done = subprocess.run([sys.executable, "-I", "-S", archive], env=clean, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False True\n", "")


def test_without_the_host(tmp_path: Path) -> None:
    """A module of the host that does not exist stays an ordinary ModuleNotFoundError."""
    code = INSTALL + (
        "sys.path[:] = [sys.argv[1]]; sys.path_importer_cache.clear()\n"
        "try:\n    import lm_eval.models\nexcept ModuleNotFoundError as error:\n    print('\"' + error.name + '\"')"
    )
    assert answer(code, tmp_path) == "lm_eval"


def test_a_failing_step_costs_one_line() -> None:
    code = INSTALL + (
        "def fail(module): raise RuntimeError('the host has changed')\n"
        "bridge._SUPPLIES['lm_eval.models'] = fail\n"
        "from lm_eval.api.registry import model_registry\nimport lm_eval.models\n"
        "print('hf' in model_registry, 'xstilts' in model_registry)"
    )
    done = python(code)
    assert (done.returncode, done.stdout.split()) == (0, ["True", "False"])
    (line,) = done.stderr.splitlines()
    assert "RuntimeError('the host has changed')" in line and "docs/install.md" in line


def test_wrapped_module_still_has_its_source_and_data() -> None:
    code = INSTALL + (
        "import inspect, json, importlib.resources\nimport lm_eval.models\n"
        "files = importlib.resources.files('lm_eval.models')\n"
        "print(json.dumps(['MODEL_MAPPING' in inspect.getsource(lm_eval.models), (files / '__init__.py').is_file()]))"
    )
    assert answer(code) == [True, True]


# ---------------------------------------------------------------------- the model


def test_model_is_named_but_not_imported() -> None:
    code = INSTALL + (
        "import json, lm_eval.models\nfrom lm_eval.api.registry import model_registry\n"
        "names = list(model_registry)\n"
        "print(json.dumps(['xstilts' in names, 'hf' in names, 'torch' in sys.modules, 'xstilts_eval' in sys.modules]))"
    )
    assert answer(code) == [True, True, False, False]


def test_model_resolves_to_the_adapter() -> None:
    code = INSTALL + (
        "import json\nfrom lm_eval.api.registry import get_model\n"
        "found = get_model('xstilts')\nprint(json.dumps([found.__module__, found.__name__]))"
    )
    assert answer(code) == ["xstilts_eval.models.adapter", "XstiltsLM"]


def test_a_model_the_host_knows_already_is_kept() -> None:
    code = INSTALL + (
        "import json\nfrom lm_eval.api.registry import model_registry\n"
        "model_registry.register('xstilts', target='somebody.else:Model')\n"
        "import lm_eval.models\nprint(json.dumps(str(model_registry._objs['xstilts'])))"
    )
    assert answer(code) == "somebody.else:Model"


# ---------------------------------------------------------------------- the tasks


@pytest.mark.parametrize("given", ["None", "[]", "sys.argv[2]", "sys.argv[2] + '/'", "[sys.argv[2]]"])
def test_tasks_are_indexed_once(given: str, tmp_path: Path) -> None:
    code = INSTALL + NO_DEFAULTS + (
        f"import json, logging\nlogging.basicConfig(level='WARNING')\nfound = TaskManager(include_path={given})\n"
        "paths = [found.include_path] if isinstance(found.include_path, str) else found.include_path\n"
        "print(json.dumps([len(paths), 'xtreme_xnli' in found.all_groups, len(found.all_tasks)]))"
    )  # fmt: skip
    count, there, total = answer(code, tmp_path, tasks_path())
    assert (count, there) == (1, True)
    assert total == len(list(tasks_path().rglob("*.yaml")))


def test_a_users_folder_overrides_a_task_of_ours(tmp_path: Path) -> None:
    mine = write_task(tmp_path / "mine", "xtreme.xnli.sw")
    code = INSTALL + NO_DEFAULTS + (
        "import json, logging\nlogging.disable()\nfound = TaskManager(include_path=sys.argv[2])\n"
        "print(json.dumps([str(found.task_index[f'xtreme.xnli.{code}'].yaml_path) for code in ('sw', 'en')]))"
    )  # fmt: skip
    swahili, english = answer(code, tmp_path, mine)
    assert Path(swahili) == mine / "xtreme.xnli.sw.yaml"
    assert Path(english).is_relative_to(tasks_path())


def test_a_manager_without_defaults_is_left_alone(tmp_path: Path) -> None:
    mine = write_task(tmp_path / "mine", "own")
    code = INSTALL + NO_DEFAULTS + (
        "import json\nfound = TaskManager(include_path=sys.argv[2], include_defaults=False)\n"
        "print(json.dumps(found.all_tasks))"
    )  # fmt: skip
    assert answer(code, tmp_path, mine) == ["own"]


def test_manager_keeps_its_signature_and_arguments(tmp_path: Path) -> None:
    code = INSTALL + NO_DEFAULTS + (
        "import inspect, json\nfound = TaskManager(None, None, True, {'data': 'sample'})\n"
        "print(json.dumps([list(inspect.signature(TaskManager).parameters), found.metadata]))"
    )  # fmt: skip
    names, metadata = answer(code, tmp_path)
    assert names == ["verbosity", "include_path", "include_defaults", "metadata"]
    assert metadata == {"data": "sample"}


def test_reloading_the_host_module_adds_nothing_twice(tmp_path: Path) -> None:
    code = INSTALL + NO_DEFAULTS + (
        "import importlib, json\nimportlib.reload(manager)\nmanager.__file__ = sys.argv[1] + '/host/manager.py'\n"
        "print(json.dumps(len(manager.TaskManager().include_path)))"
    )  # fmt: skip
    assert answer(code, tmp_path) == 1


def test_the_host_works_when_our_package_cannot_be_imported(tmp_path: Path) -> None:
    """An editable checkout that was moved away: the bridge lies in site-packages, the package is gone."""
    code = INSTALL + NO_DEFAULTS + (
        "sys.modules['xstilts_eval'] = None\nfound = TaskManager(include_path=sys.argv[2])\nprint(*found.all_tasks)"
    )  # fmt: skip
    done = python(code, tmp_path, write_task(tmp_path / "mine", "own"))
    assert (done.returncode, done.stdout.split()) == (0, ["own"])
    (line,) = done.stderr.splitlines()
    assert line.startswith("xstilts-eval: the bridge to lm_eval failed (ModuleNotFoundError(")


def test_a_host_that_drops_a_deprecated_parameter(tmp_path: Path) -> None:
    """`verbosity` is deprecated in 0.4.13; the bridge must not insist on passing it."""
    code = INSTALL + (
        "import json, types\n"
        "class TaskManager:\n"
        "    def __init__(self, include_path=None, include_defaults=True, metadata=None):\n"
        "        self.include_path = include_path\n"
        "module = types.ModuleType('lm_eval.tasks.manager')\nmodule.TaskManager = TaskManager\n"
        "bridge._supply_tasks(module)\nprint(json.dumps(len(TaskManager(metadata={}).include_path)))"
    )
    assert answer(code, tmp_path) == 1


# ---------------------------------------------------------------------- retrieval and checks


def test_start_costs_less_than_half_a_millisecond() -> None:
    """In one of several new interpreters; what is counted is reading the module and installing the finder."""
    code = BEGIN.replace("import xstilts_eval_bridge as bridge", "import time; start = time.perf_counter()").replace(
        "del sys.path[0]", "import xstilts_eval_bridge as bridge"
    )
    code += "bridge.install()\nprint(time.perf_counter() - start)"
    assert any(answer(code) < 0.0005 for _ in range(25)), "not one of 25, and a busy machine has a quiet moment"


def test_an_embed_of_the_hosts_own_is_kept() -> None:
    code = INSTALL + (
        "import json, types\n"
        "class HFLM:\n    def embed(self, requests): return 'theirs'\n"
        "bridge._supply_embed(types.SimpleNamespace(HFLM=HFLM))\nprint(json.dumps(HFLM().embed([])))"
    )
    assert answer(code) == "theirs"


EVALUATOR = """
import json, types
def evaluate(lm, task_dict, limit=None, apply_chat_template=False):
    return ["ran", limit]
module = types.SimpleNamespace(evaluate=evaluate)
bridge._supply_checks(module)
"""


def test_without_our_tasks_nothing_of_ours_is_imported() -> None:
    code = INSTALL + EVALUATOR + (
        "found = module.evaluate(None, {'tasks': {}}, limit=3)\n"
        "print(json.dumps([found, any(name.startswith('xstilts_eval.') for name in sys.modules)]))"
    )  # fmt: skip
    assert answer(code) == [["ran", 3], False]


def test_a_refusal_stops_the_host_and_a_failure_does_not() -> None:
    code = INSTALL + EVALUATOR + (
        "from xstilts_eval import errors\n"
        "checks = types.ModuleType('checks')\n"
        "sys.modules |= {'xstilts_eval.tasks.leaf': checks, 'xstilts_eval.models.host_models': checks}\n"
        "def before_evaluation(lm, task_dict, *options):\n    raise lm\n"
        "checks.before_evaluation = before_evaluation\n"
        "print(module.evaluate(lm=KeyError('theirs'), task_dict={}))\n"
        "module.evaluate(errors.UnfitCheckpoint('no head'), {})\n"
    )  # fmt: skip
    done = python(code)
    assert (done.returncode, done.stdout) == (1, "['ran', None]\n")
    first, *_, last = done.stderr.splitlines()
    assert first.startswith("xstilts-eval: the bridge to lm_eval failed (KeyError('theirs')")
    assert last == "xstilts_eval.errors.UnfitCheckpoint: no head"


# ---------------------------------------------------------------------- errors

FAILING = """
import lm_eval.__main__ as main
from xstilts_eval.errors import UnfitCheckpoint
class Parser:
    parse_args = execute = lambda self, *arguments: fail()
def fail():
    raise %s
main.HarnessCLI = Parser
main.cli_evaluate()
"""


def test_our_error_is_one_sentence() -> None:
    done = python(INSTALL + FAILING % "UnfitCheckpoint('no head for xnli')")
    assert done.returncode == 2
    assert done.stderr == "xstilts-eval: error: no head for xnli\n"


def test_our_error_with_its_traceback() -> None:
    done = python(INSTALL + FAILING % "UnfitCheckpoint('no head for xnli')", XSTILTS_TRACEBACK="1")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback") and done.stderr.endswith("UnfitCheckpoint: no head for xnli\n")


# What lm_eval 0.4.13 says to --log_samples without --output_path; it says so with a traceback.
REFUSED = """
from lm_eval.config.evaluate_config import EvaluatorConfig
class Parser:
    parse_args = lambda self: None
    execute = lambda self, arguments: EvaluatorConfig(log_samples=True, tasks=["any"])._configure()
import lm_eval.__main__ as main
main.HarnessCLI = Parser
sys.argv[1:] = ["--tasks", %r]
main.cli_evaluate()
"""


def test_options_that_the_host_refuses_are_one_sentence_with_our_tasks() -> None:
    done = python(INSTALL + REFUSED % "xtreme_xnli")
    assert done.returncode == 2
    assert done.stderr == ("xstilts-eval: error: Specify --output_path if providing --log_samples or --predict_only\n")
    theirs = python(INSTALL + REFUSED % "hellaswag")
    assert theirs.returncode == 1 and theirs.stderr.startswith("Traceback")


@pytest.mark.parametrize(
    ("error", "code"), [("ValueError('theirs')", 1), ("KeyboardInterrupt", -signal.SIGINT), ("SystemExit(3)", 3)]
)
def test_other_errors_pass(error: str, code: int) -> None:
    done = python(INSTALL + FAILING % error)
    assert done.returncode == code
    assert "xstilts-eval" not in done.stderr


def test_a_host_that_reads_entry_points_may_register_the_name_again() -> None:
    """The registry refuses a second, different target; the entry point of our own metadata must not be one."""
    code = INSTALL + (
        "import lm_eval.models\n"
        "from importlib.metadata import entry_points\n"
        "from lm_eval.api.registry import model_registry\n"
        "ours = next(point for point in entry_points(group='lm_eval.models') if point.name == 'xstilts')\n"
        "model_registry.register('xstilts', target=ours)\n"
        "print(model_registry.get('xstilts').__name__)"
    )
    run = python(code)
    assert run.returncode == 0 and run.stdout.split() == ["XstiltsLM"], run.stderr
