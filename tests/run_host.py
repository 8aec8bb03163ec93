"""Run leaves through the host's evaluator in this process, quietly."""

import logging
import re
from pathlib import Path
from typing import Any


def load_tasks(names: list[str], data: str = "sample", **metadata: Any) -> Any:
    """The host's task dictionary for our leaves and groups, without its own thousands of tasks."""
    import lm_eval.models  # noqa: F401
    from lm_eval.tasks import TaskManager

    from xstilts_eval.paths import tasks_path

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    suites = {re.split(r"[._-]", name)[0] for name in names}  # of all suites there are a thousand files to parse
    folders = [str(tasks_path() / suite) for suite in sorted(suites)]
    manager = TaskManager(include_path=folders, include_defaults=False, metadata={"data": data, **metadata})
    loaded = manager.load(names)
    for task in loaded["tasks"].values():
        task.set_config("num_fewshot", 0)
    return loaded


def run_host(
    names: list[str], pretrained: Path, data: str = "sample", limit: float | None = None, **model_args: Any
) -> dict[str, Any]:
    """Results dictionary of the host, samples included; our own rows of the same run have to be those samples."""
    from lm_eval import evaluate

    from xstilts_eval.models.adapter import XstiltsLM
    from xstilts_eval.tasks import logged

    loaded = load_tasks(names, data)
    for task in loaded["tasks"].values():
        task.scored = []
    model = XstiltsLM(pretrained=str(pretrained), show_progress=False, **model_args)
    results: dict[str, Any] = evaluate(model, loaded, limit=limit, log_samples=True, bootstrap_iters=0)
    for leaf, task in loaded["tasks"].items():
        assert logged.rows(task, is_whole=True) == results["samples"][leaf], leaf
    return results | {"config": {"limit": limit} | model.get_model_info(), "model": model}
