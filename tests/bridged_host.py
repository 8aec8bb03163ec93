"""The host in this process, with the repository's own bridge at work and without the host's thousands of tasks."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from xstilts_eval.paths import tasks_path

BRIDGE = Path(__file__).resolve().parents[1] / "xstilts_eval" / "startup" / "xstilts_eval_bridge.py"


def load_bridge() -> Any:
    """The bridge as it lies in the repository: site-packages may hold another copy."""
    spec = importlib.util.spec_from_file_location("xstilts_eval_bridge", BRIDGE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def bridged() -> Iterator[None]:
    """Supply `embed` and the checks to the host's modules, and take them away again."""
    import lm_eval.models  # noqa: F401
    from lm_eval import evaluator
    from lm_eval.models import huggingface

    bridge = load_bridge()
    evaluate, whole, embed = evaluator.evaluate, evaluator.simple_evaluate, huggingface.HFLM.__dict__.get("embed")
    if "xstilts_eval_bridge" in evaluate.__code__.co_filename:  # an installed bridge has been here
        evaluator.evaluate = evaluate.__wrapped__
        evaluator.simple_evaluate = getattr(whole, "__wrapped__", whole)
    if embed is not None:
        del huggingface.HFLM.embed
    bridge._supply_embed(huggingface)
    bridge._supply_checks(evaluator)
    try:
        yield
    finally:
        evaluator.evaluate, evaluator.simple_evaluate = evaluate, whole
        del huggingface.HFLM.embed
        if embed is not None:
            huggingface.HFLM.embed = embed


def simple_evaluate(model: Any, tasks: list[str], model_args: Any = None, **options: Any) -> dict[str, Any]:
    """The host's own entry point on the bundled sample, samples included."""
    from lm_eval import evaluator

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    with patch.object(evaluator, "add_env_info"):  # it lists all installed packages: two seconds a run
        results: dict[str, Any] = evaluator.simple_evaluate(
            model=model, model_args=model_args, tasks=tasks, task_manager=_manager(), bootstrap_iters=0, **options
        )
    return results


@lru_cache(maxsize=1)
def _manager() -> Any:
    """One for all runs: reading the folder takes half a second."""
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(tasks_path()), include_defaults=False, metadata={"data": "sample"})


def hf(folder: Path, tasks: list[str], limit: float | None = None, **options: Any) -> dict[str, Any]:
    """``--model hf`` on a folder, on the CPU."""
    arguments = {"pretrained": str(folder), **options.pop("model_args", {})}
    return simple_evaluate("hf", tasks, arguments, limit=limit, device="cpu", batch_size=16, **options)
