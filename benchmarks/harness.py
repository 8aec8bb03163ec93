"""What the host and our tasks cost per document when the model costs nothing."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import lm_eval.models  # noqa: F401  (fills the registry before a task asks for it)
from lm_eval import evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

from benchmarks import inputs
from benchmarks.inputs import Size
from benchmarks.measure import Cost
from xstilts_eval.paths import sample_path, tasks_path
from xstilts_eval.tasks.leaf import LeafTask

TARGET = 0.5
"""Milliseconds a document."""
_LEAVES = {
    "pairs": ("Harness: sentence pairs", ("xtreme.pawsx.de", "xtreme.pawsx.zh")),
    "tagging": ("Harness: tagging", ("xtreme.udpos.en", "xtreme.udpos.de")),
    "questions": ("Harness: questions", ("xtreme.xquad.en", "xtreme.xquad.es")),
    "retrieval": ("Harness: retrieval", ("xtreme.tatoeba.de", "xtreme.tatoeba.fr")),
}


class GoldModel(LM):  # type: ignore[misc]
    """Answers every request from the document it belongs to, at no cost."""

    def loglikelihood(self, requests: list[Any], **_: Any) -> list[tuple[float, bool]]:
        return [(-float(request.idx != request.doc["label"]), False) for request in requests]

    def generate_until(self, requests: list[Any], **_: Any) -> list[str]:
        return [_gold_text(request.doc) for request in requests]

    def embed(self, requests: list[Any], **_: Any) -> list[dict[str, Any]]:
        names = ("nearest_source", "nearest_target")
        return [dict.fromkeys(names, request.doc["gold"]) for request in requests]

    def loglikelihood_rolling(self, requests: list[Any], **_: Any) -> list[float]:
        raise NotImplementedError


def _gold_text(doc: dict[str, Any]) -> str:
    return " ".join(doc["tags"]) if "tags" in doc else str(doc["answers"][0]["text"])


def pairs(size: Size) -> Cost:
    """Two requests a document."""
    return _cost("pairs", size)


def tagging(size: Size) -> Cost:
    """One request, a tag sequence to parse and count."""
    return _cost("tagging", size)


def questions(size: Size) -> Cost:
    """One request, answers to normalise and compare."""
    return _cost("questions", size)


def retrieval(size: Size) -> Cost:
    """One request, an index to compare."""
    return _cost("retrieval", size)


def _cost(kind: str, size: Size) -> Cost:
    title, leaves = _LEAVES[kind]
    # A data folder without these leaves would leave nothing to measure.
    folder = inputs.data_folder() if _has(leaves) else sample_path()
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = TaskManager(include_path=str(tasks_path()), include_defaults=False, metadata={"data": str(folder)})
    tasks = manager.load(list(leaves))
    limit = -(-size.harness // len(leaves))
    count = sum(min(limit, len(task.data.documents)) for task in tasks["tasks"].values())
    parts: dict[str, list[float]] = {}
    return Cost(
        name=f"harness_{kind}",
        title=title,
        inputs=f"{count:,} documents of {' and '.join(leaves)}, the model answering at once, samples logged",
        unit="ms a document",
        run=lambda: _milliseconds(tasks, limit, count, parts),
        target=TARGET,
        parts=parts,
        limits="The host: it copies documents into requests and samples one by one.",
    )


def _has(leaves: tuple[str, ...]) -> bool:
    from xstilts_eval.benchmark import leaf_parts
    from xstilts_eval.errors import MissingData
    from xstilts_eval.tasks.documents import load_leaf

    try:
        for leaf in leaves:
            load_leaf(*leaf_parts(leaf), str(inputs.data_folder()))
    except MissingData:
        return False
    return True


def _milliseconds(tasks: dict[str, Any], limit: int, count: int, parts: dict[str, list[float]]) -> float:
    spent: dict[str, float] = {}
    with _timed(spent), mock.patch.dict(os.environ, {"TQDM_DISABLE": "1"}):
        begin = time.perf_counter()
        evaluate(GoldModel(), tasks, limit=limit, log_samples=True, bootstrap_iters=0)
        whole = time.perf_counter() - begin
    spent["the rest"] = whole - sum(spent.values())
    for name, seconds in spent.items():
        parts.setdefault(name, []).append(1000 * seconds / count)
    return 1000 * whole / count


@contextmanager
def _timed(spent: dict[str, float]) -> Iterator[None]:
    """Add up the time inside the steps of an evaluation."""
    from lm_eval import evaluator

    targets = (
        (LeafTask, "build_all_requests", "building requests"),
        (LeafTask, "process_results", "scoring documents"),
        (LeafTask, "apply_filters", "filters"),
    )
    with ExitStack() as stack:
        for owner, method, name in targets:
            stack.enter_context(mock.patch.object(owner, method, _clocked(getattr(owner, method), name, spent)))
        for function in ("hash_string", "hash_dict_images"):
            if hasattr(evaluator, function):
                clocked = _clocked(getattr(evaluator, function), "hashes of samples", spent)
                stack.enter_context(mock.patch.object(evaluator, function, clocked))
        yield


def _clocked(call: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    def clocked(*arguments: Any, **options: Any) -> Any:
        begin = time.perf_counter()
        try:
            return call(*arguments, **options)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - begin

    return clocked
