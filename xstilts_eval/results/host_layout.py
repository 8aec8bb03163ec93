"""`xstilts export --format lm-eval`: a run as `lm_eval --output_path DIR --log_samples` writes it, for its viewers.

One results file and the samples, under names that hold the model's name and the time, and a standard error beside every
metric that has a 95 % interval here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from pathlib import Path
from statistics import NormalDist
from typing import Any, cast

from xstilts_eval import reading
from xstilts_eval.errors import PredictionError, SettingError
from xstilts_eval.results import record, samples
from xstilts_eval.results.host import HostResults
from xstilts_eval.writing import write_atomically

_QUANTILE = NormalDist().inv_cdf(0.975)
_BY_TASK = ("results", "configs", "versions", "n-shot", "higher_is_better", "n-samples")
_NO_FILE_NAME = re.compile(r"[\"<>:/\\|?*\[\]]+")
"""What lm_eval 0.4.13 replaces in a model's name (`utils.sanitize_model_name`)."""


def export(
    results: Path, output: Path, name: str = "", only: Collection[str] | None = None, overwrite: bool = False
) -> list[Path]:
    """Write ``{output}/{model}/results_{time}.json`` and ``samples_{task}_{time}.jsonl``; returns the files.

    Raises `SettingError` for a folder that holds results already, without `overwrite`.
    """
    file = record.results_file(results)
    record.read(file)  # that it is one
    content = cast(HostResults, reading.json_object(file, "a results file", PredictionError))
    model = name or str(content.get("model_name") or "model")
    folder = output / _NO_FILE_NAME.sub("__", model)
    if folder.is_dir() and any(folder.glob("results_*.json")) and not overwrite:
        raise SettingError(f"{folder} holds results already; give another folder or --overwrite")
    tasks = [task for task in content["results"] if only is None or task in only]
    kept = {
        part: {task: about for task, about in value.items() if task in tasks}
        for part, value in content.items()
        if part in _BY_TASK and isinstance(value, dict)
    }
    kept["results"] = {task: _with_errors(content["results"][task]) for task in tasks}
    moment = datetime.fromtimestamp(content.get("date") or file.stat().st_mtime, timezone.utc)
    stamp = moment.strftime("%Y-%m-%dT%H-%M-%S.%f")
    written = []
    for task in tasks:
        if path := samples.path_of(file, task):
            write_atomically(folder / f"samples_{task}_{stamp}.jsonl", path.read_text(encoding="utf-8"))
            written.append(folder / f"samples_{task}_{stamp}.jsonl")
    target = folder / f"results_{stamp}.json"
    write_atomically(target, json.dumps({**content, **kept, "model_name": model}, indent=2, ensure_ascii=False) + "\n")
    return [target, *written]


def _with_errors(values: Mapping[str, Any]) -> dict[str, Any]:
    """Standard errors in the place of ``N/A``: an interval's width over twice the normal quantile."""
    found = dict(values)
    for key, interval in values.items():
        metric, sign, rest = key.partition("_ci95,")
        if sign and isinstance(interval, list) and f"{metric}_stderr,{rest}" in found:
            found[f"{metric}_stderr,{rest}"] = (interval[1] - interval[0]) / (2 * _QUANTILE)
    return found
