"""Make plain `lm_eval` find this package's model and tasks, on hosts that cannot discover plug-ins themselves.

Python imports this module at every start (through the `.pth` or `.start` file beside it), so it imports nothing but
`sys` and `os`, and does nothing until one of six modules of the host is imported:

* `lm_eval.models`: if the host does not know a model called ``xstilts``, its name is registered (not imported);
* `lm_eval.models.huggingface`: ``--model hf`` gets `embed`, which retrieval needs, unless it has one;
* `lm_eval.evaluator`: before a run with tasks of ours, what the model class cannot serve is refused by name, and a
  checkpoint that is no language model is warned about; under ``--model xstilts`` the refusal comes before a task is
  loaded; see `xstilts_eval.models.host_models`;
* `lm_eval.loggers.evaluation_tracker`: what the host could not write, which it tells in a warning and ends with exit
  code 0, is named in one line at the end;
* `lm_eval.tasks.manager`: a task manager that reads the host's own tasks also reads ours, unless they are there;
* `lm_eval.__main__`: an error of ours ends the host's command with its one sentence instead of a traceback
  (``XSTILTS_TRACEBACK=1`` shows it).

Other packages have such hooks too. While this one asks the others for a module, it answers none of their questions
about the same module, and what two copies of this file would supply twice is supplied once.

``XSTILTS_BRIDGE=0`` switches it off. A failure here is reported in one line and never stops Python or the host.
"""

import os
import sys
from _thread import get_ident  # built in: `threading` would cost a start 1 ms

ADAPTER = "xstilts_eval.models.adapter:XstiltsLM"


def _supply_model(module):
    from importlib.metadata import EntryPoint

    from lm_eval.api.registry import model_registry

    if "xstilts" not in model_registry:
        # What a host that reads entry points will find by itself: equal, so that it may register the name again.
        model_registry.register("xstilts", target=EntryPoint("xstilts", ADAPTER, "lm_eval.models"))


def _supply_tasks(module):
    from functools import wraps
    from inspect import signature

    manager = module.TaskManager
    original = manager.__init__
    if _is_supplied(original):
        return
    parameters = signature(original)

    @wraps(original)
    def init(*args, **kwargs):
        try:
            call = parameters.bind(*args, **kwargs)
            call.apply_defaults()
            if call.arguments["include_defaults"]:
                call.arguments["include_path"] = _with_ours(call.arguments["include_path"])
            args, kwargs = call.args, call.kwargs
            _include(call.arguments["include_path"])
        except Exception as error:  # the host must go on without us
            if _is_ours(error):
                raise
            _complain(error)
        original(*args, **kwargs)

    manager.__init__ = _supplied(init)


def _with_ours(given):
    """The folders given with ours in front (so that a user's own overrides a task of ours), unless it is among them."""
    from xstilts_eval.paths import tasks_path

    given = [path for path in (given if isinstance(given, (list, tuple)) else [given]) if path]
    ours = tasks_path()
    known = any(os.path.realpath(path) == os.path.realpath(ours) for path in given)
    return given if known else [ours, *given]


def _include(folders):
    """Register users' datasets before a model is made, which may have a head for them: the host reads tasks later."""
    folders = folders if isinstance(folders, (list, tuple)) else [folders]
    for folder in folders:
        if folder and os.path.isfile(os.path.join(folder, "xstilts_own.txt")):
            from xstilts_eval.own_datasets import include_folder

            include_folder(folder)


def _supply_embed(module):
    if hasattr(module.HFLM, "embed"):
        return

    def embed(self, requests):
        from xstilts_eval.models.host_vectors import embed as answer

        return answer(self, requests)

    module.HFLM.embed = embed


def _supply_checks(module):
    from contextlib import nullcontext
    from functools import wraps
    from inspect import signature

    original = module.evaluate
    if _is_supplied(original):
        return
    parameters = signature(original)

    @wraps(original)
    def evaluate(*args, **kwargs):
        around = nullcontext()
        if "xstilts_eval.tasks.leaf" in sys.modules:  # without it no task of ours can be among them
            try:
                call = parameters.bind(*args, **kwargs).arguments
                from xstilts_eval.models.host_models import before_evaluation

                around = before_evaluation(
                    *(call["lm"], call["task_dict"], call.get("apply_chat_template", False)),
                    *(call.get("limit"), call.get("samples")),
                )
            except Exception as error:
                if _is_ours(error):
                    raise
                _complain(error)  # the host must go on without us
        with around:
            return original(*args, **kwargs)

    module.evaluate = _supplied(evaluate)
    _supply_first_check(module)
    run_tests = getattr(module, "run_task_tests", None)
    if run_tests is None:
        return

    @wraps(run_tests)
    def run_task_tests(*args, **kwargs):
        try:
            return run_tests(*args, **kwargs)
        except FileNotFoundError as error:
            if "xstilts_eval.tasks.leaf" not in sys.modules:
                raise
            from xstilts_eval.errors import SettingError

            raise SettingError(
                "--check_integrity runs tests that an installed lm_eval does not have; leave it out"
            ) from error

    module.run_task_tests = _supplied(run_task_tests)


def _supply_first_check(module):
    """Under ``--model xstilts`` a refusal comes before the host loads hundreds of tasks and prints a line for each."""
    from functools import wraps
    from inspect import signature

    original = getattr(module, "simple_evaluate", None)
    if original is None or _is_supplied(original):
        return
    parameters = signature(original)
    wanted = ("model_args", "tasks", "num_fewshot", "apply_chat_template", "system_instruction")

    @wraps(original)
    def simple_evaluate(*args, **kwargs):
        try:
            call = parameters.bind(*args, **kwargs).arguments
            if call.get("model") == "xstilts":
                from xstilts_eval.models.host_models import before_loading

                before_loading(**{name: call[name] for name in wanted if name in call})
        except Exception as error:
            if _is_ours(error):
                raise
            _complain(error)  # the host must go on without us
        return original(*args, **kwargs)

    module.simple_evaluate = _supplied(simple_evaluate)


def _is_ours(error):
    errors = sys.modules.get("xstilts_eval.errors")
    return errors is not None and isinstance(error, errors.XstiltsError)


def _supply_sentence(module):
    from functools import wraps

    original = module.cli_evaluate
    if _is_supplied(original):
        return

    @wraps(original)
    def cli_evaluate(*args, **kwargs):
        try:
            return original(*args, **kwargs)
        except Exception as error:
            is_ours = _is_ours(error) or (_is_about_options(error) and _runs_ours(sys.argv))
            if not is_ours or os.environ.get("XSTILTS_TRACEBACK"):
                raise
            print(f"xstilts-eval: error: {error}", file=sys.stderr)
            sys.exit(2)

    module.cli_evaluate = _supplied(cli_evaluate)


def _is_about_options(error):
    """Whether the host refused the combination of options it was called with, before anything was loaded."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    inside = place.tb_frame.f_code.co_filename if place is not None else ""
    return isinstance(error, ValueError) and inside.endswith(os.path.join("lm_eval", "config", "evaluate_config.py"))


def _runs_ours(arguments):
    names = ("xstilts", "xtreme", "flores200", "bitext_tatoeba", "bitext.tatoeba")
    return any(name in argument for argument in arguments[1:] for name in names)


def _supply_saving(module):
    from functools import wraps

    tracker = module.EvaluationTracker
    if _is_supplied(tracker.save_results_aggregated):
        return

    def looked_at(original, look):
        @wraps(original)
        def save(self, *args, **kwargs):
            found = original(self, *args, **kwargs)
            if "xstilts_eval.tasks.leaf" in sys.modules:  # without it no task of ours can have run
                try:
                    from xstilts_eval.models import host_output

                    getattr(host_output, look)(self, *args, **kwargs)
                except Exception as error:  # the host must go on without us
                    _complain(error)
            return found

        return _supplied(save)

    tracker.save_results_aggregated = looked_at(tracker.save_results_aggregated, "after_results")
    tracker.save_results_samples = looked_at(tracker.save_results_samples, "after_samples")


_SUPPLIES = {
    "lm_eval.models": _supply_model,
    "lm_eval.models.huggingface": _supply_embed,
    "lm_eval.evaluator": _supply_checks,
    "lm_eval.loggers.evaluation_tracker": _supply_saving,
    "lm_eval.tasks.manager": _supply_tasks,
    "lm_eval.__main__": _supply_sentence,
}


def _supplied(function):
    """`function`, marked so that a second copy of this module leaves it alone; a reload of the host loses the mark."""
    function.xstilts_supplied = True
    return function


def _is_supplied(function):
    return getattr(function, "xstilts_supplied", False)


def _complain(error):
    print(f"xstilts-eval: the bridge to lm_eval failed ({error!r}); see docs/install.md", file=sys.stderr)


class _Loader:
    """The real loader, followed by one supply step."""

    def __init__(self, loader, supply):
        self._loader, self._supply = loader, supply

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        try:
            self._supply(module)
        except Exception as error:  # the host must go on without us
            _complain(error)


class _Finder:
    """A meta-path finder that answers for those modules of the host only."""

    def __init__(self):
        self._asking = set()
        """Thread and module of every question put to the other finders, which may put it back to this one."""

    def find_spec(self, name, path=None, target=None):
        supply = _SUPPLIES.get(name)
        question = (get_ident(), name)
        if supply is None or question in self._asking:
            return None
        self._asking.add(question)
        try:
            for finder in list(sys.meta_path):
                if finder is self or not hasattr(finder, "find_spec"):
                    continue
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    # A loader that can only `load_module` (PEP 302) has nothing to wrap: the host goes without us.
                    if hasattr(spec.loader, "exec_module"):
                        spec.loader = _Loader(spec.loader, supply)
                    return spec
            return None
        finally:
            self._asking.discard(question)


def install():
    """Put the finder in front, once; does nothing when switched off."""
    if os.environ.get("XSTILTS_BRIDGE", "1") == "0":
        return
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
