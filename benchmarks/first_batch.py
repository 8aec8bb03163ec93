"""Run by `startup`: ``python -m benchmarks.first_batch eval|plain CHECKPOINT OUTPUT`` prints seconds since launch.

``eval`` is `xstilts eval` stopped at its first forward pass; the big imports are made one by one beforehand, which
moves no work but tells them apart. ``plain`` is a script that only loads model and tokenizer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

_LAUNCHED = float(os.environ["BENCHMARK_LAUNCHED"])


def _now() -> float:
    return time.time() - _LAUNCHED


def plain(checkpoint: str) -> None:
    """Import, load, print."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    AutoTokenizer.from_pretrained(checkpoint)
    AutoModelForSequenceClassification.from_pretrained(checkpoint)
    print(json.dumps({"loaded": _now()}))


def evaluate(checkpoint: str, output: str) -> None:
    """`xstilts eval` with a clock; ends at the first forward pass."""
    marks: dict[str, float] = {"python and benchmark script": _now()}
    step = _stepper(marks)
    from xstilts_eval import cli

    step("import command line")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch

    step("import torch")
    import transformers

    transformers.AutoModelForSequenceClassification  # noqa: B018  (imported when named)
    step("import transformers")
    import lm_eval.models
    import lm_eval.tasks  # noqa: F401

    step("import lm_eval")
    from xstilts_eval.models.source import Source

    step("import adapter")
    load: list[float] = []
    for method in ("load", "tokenizer"):
        setattr(Source, method, _added(getattr(Source, method), load))

    def first(module: Any, inputs: Any) -> None:
        step("everything else: settings, tasks, requests")
        marks["everything else: settings, tasks, requests"] -= sum(load)
        print(json.dumps(marks | {"load model and tokenizer": sum(load), "first batch": _now()}), flush=True)
        os._exit(0)

    torch.nn.modules.module.register_module_forward_pre_hook(first)
    sys.argv = ["xstilts", "eval", checkpoint, "--data", "sample", "--output", output]
    cli.main()


def _stepper(marks: dict[str, float]) -> Callable[[str], None]:
    last = [_now()]

    def step(name: str) -> None:
        now = _now()
        marks[name], last[0] = now - last[0], now

    return step


def _added(call: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **options: Any) -> Any:
        begin = time.perf_counter()
        try:
            return call(*arguments, **options)
        finally:
            seconds.append(time.perf_counter() - begin)

    return timed


if __name__ == "__main__":
    if sys.argv[1] == "plain":
        plain(sys.argv[2])
    else:
        evaluate(*sys.argv[2:4])
