"""Scores on English development data while a model is being trained: the intermediate tasks' own metrics.

Every function gives fractions 0-1; `score` is the one that chooses among checkpoints. Metrics are those of jiant's
major metric per task (`jiant/tasks/evaluate/core.py`), as spec'd in `training_tasks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from xstilts_eval.metrics import neighbours, qa, tagging
from xstilts_eval.metrics.base import Metric
from xstilts_eval.metrics.classification import ACCURACY
from xstilts_eval.models import spans
from xstilts_eval.models import tagging as tagger
from xstilts_eval.models.answering import CLASSIFIERS
from xstilts_eval.models.embedding import SentenceEncoder
from xstilts_eval.models.encoder import Loaded
from xstilts_eval.training.dual_encoder import lengths
from xstilts_eval.training_tasks import TrainingTask

Scores = dict[str, float]


def score(head: Loaded, documents: Sequence[Any], task: TrainingTask, labels: Sequence[str]) -> Scores:
    """Scores of a head on documents of its task; the deciding one is named ``score``."""
    measure = MEASURES[task.metric]
    found = measure.score(head, documents, task, labels)
    return {"score": float(np.mean([found[name] for name in measure.shown]))} | found


def _accuracy(head: Loaded, documents: Sequence[Any], task: TrainingTask, labels: Sequence[str]) -> Scores:
    predicted = _classes(head, documents, task, labels)
    return {"accuracy": ACCURACY.corpus_score([doc["label"] for doc in documents], predicted)["acc"]}


def _classes(head: Loaded, documents: Sequence[Any], task: TrainingTask, labels: Sequence[str]) -> list[int]:
    values, _ = CLASSIFIERS.of(task.kind)(head, documents, range(len(labels)))
    return [int(row.argmax()) for row in values]


def _accuracy_f1(head: Loaded, documents: Sequence[Any], task: TrainingTask, labels: Sequence[str]) -> Scores:
    gold, predicted = [doc["label"] for doc in documents], _classes(head, documents, task, labels)
    hits = sum(g == p == 1 for g, p in zip(gold, predicted, strict=True))
    total = gold.count(1) + predicted.count(1)
    return {"accuracy": ACCURACY.corpus_score(gold, predicted)["acc"], "f1": 2 * hits / total if total else 0.0}


def _chunks(
    metric: Metric[Sequence[str], Sequence[str]],
    head: Loaded,
    documents: Sequence[Any],
    task: TrainingTask,
    labels: Sequence[str],
) -> Scores:
    predicted, _ = tagger.tag(head, documents, labels)
    gold = [doc["tags"] for doc in documents]
    return {"f1": metric.corpus_score(gold, predicted)["f1"]} | _words(gold, predicted)


def _word_accuracy(head: Loaded, documents: Sequence[Any], task: TrainingTask, labels: Sequence[str]) -> Scores:
    predicted, _ = tagger.tag(head, documents, labels)
    return _words([doc["tags"] for doc in documents], predicted)


def _words(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Scores:
    hits = [g == p for one, other in zip(gold, predicted, strict=True) for g, p in zip(one, other, strict=True)]
    return {"word_accuracy": sum(hits) / max(1, len(hits))}


def _squad(head: Loaded, documents: Sequence[Any], task: TrainingTask, labels: Sequence[str]) -> Scores:
    predicted, _ = spans.answer(head, documents)
    found = qa.SQUAD.corpus_score([[answer["text"] for answer in doc["answers"]] for doc in documents], predicted)
    return {"f1": found["f1"], "exact_match": found["exact_match"]}


def _squad_v2(head: Loaded, documents: Sequence[Any], task: TrainingTask, labels: Sequence[str]) -> Scores:
    found, _ = spans.answer_or_none(head, documents)
    gold = [[answer["text"] for answer in doc["answers"]] for doc in documents]
    return dict(qa.at_best_threshold(gold, [one.text for one in found], [one.no_answer for one in found]))


def _mrr(head: Loaded, documents: Sequence[Any], task: TrainingTask, labels: Sequence[str]) -> Scores:
    """Candidates are the distinct ones of the set; a query's own counts as the last of those with its score."""
    place = {text: index for index, text in enumerate(dict.fromkeys(doc["candidate"] for doc in documents))}
    encoder = SentenceEncoder(head, None, "pooler")
    of_query, of_candidate = (encoder.reading(most) for most in lengths(task, head.max_length))
    queries = of_query.embed([doc["query"] for doc in documents])
    own = np.array([place[doc["candidate"]] for doc in documents])
    ranks = neighbours.ranks(queries, of_candidate.embed(list(place)), own)
    return {"mrr": float(np.mean(1 / ranks))}


@dataclass(frozen=True)
class Measure:
    """How a development set is scored; the mean of the scores that are `shown`, by name and title, decides."""

    score: Callable[[Loaded, Sequence[Any], TrainingTask, Sequence[str]], Scores]
    shown: Mapping[str, str]


MEASURES: Mapping[str, Measure] = {
    "accuracy": Measure(_accuracy, {"accuracy": "accuracy"}),
    "accuracy_f1": Measure(_accuracy_f1, {"accuracy": "accuracy", "f1": "F1"}),
    "chunk_f1": Measure(partial(_chunks, tagging.NER_F1), {"f1": "chunk F1"}),
    "pos_f1": Measure(partial(_chunks, tagging.POS_F1), {"f1": "chunk F1"}),
    "word_accuracy": Measure(_word_accuracy, {"word_accuracy": "word accuracy"}),
    "squad": Measure(_squad, {"f1": "F1", "exact_match": "exact match"}),
    "squad_v2": Measure(_squad_v2, {"f1": "F1", "exact_match": "exact match"}),
    "mrr": Measure(_mrr, {"mrr": "MRR"}),
}
"""By `TrainingTask.metric`."""
