"""Responses to per-document statistics, and their aggregation; named by the YAML templates.

`process_results` functions turn one document and its responses into values by metric name; aggregations turn the values
of all documents, in any order (processes return theirs rank by rank), into one number or one 95 % interval. Values are
sufficient statistics wherever the corpus metric is not a mean, so that later comparisons can resample them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.benchmark import Family
from xstilts_eval.data.examples import (
    BitextDocument,
    ChoiceDocument,
    LineDocument,
    PairDocument,
    QueryDocument,
    QuestionDocument,
    TaggedDocument,
    TextDocument,
    TranslationDocument,
)
from xstilts_eval.metrics import bootstrap, qa, retrieval, tagging, translation
from xstilts_eval.metrics import classification as classification_metrics
from xstilts_eval.metrics.base import Metric, Scores, precision_recall_f1, ratio
from xstilts_eval.suites import dataset
from xstilts_eval.tasks import answers
from xstilts_eval.tasks.responses import Mined, Nearest, NearestByMargin, Ranked

Values = dict[str, object]
"""By metric what a document gives; the host hands each list of them to the aggregation of that name."""


def signature(family: Family, language: str) -> str:
    """Signature of the metric that scores a leaf: every choice that could move the number, version last."""
    return family.scoring.signature(language)


# ------------------------------------------------------------------------------------- one document


def classification(doc: PairDocument | TextDocument | ChoiceDocument, results: Sequence[tuple[float, bool]]) -> Values:
    """Right or wrong: the choice with the highest log-likelihood, the first among equals."""
    scores = [float(score) for score, _ in results]
    right = int(max(range(len(scores)), key=scores.__getitem__) == doc["label"])
    return {"acc": right, "acc_ci95": [doc["id"], right]}


def topic(doc: TextDocument, results: Sequence[tuple[float, bool]]) -> Values:
    """The class with the highest log-likelihood, the first among equals: right or wrong, and counts of all classes."""
    scores = [float(score) for score, _ in results]
    chosen = max(range(len(scores)), key=scores.__getitem__)
    counts = classification_metrics.one_hot(doc["label"], chosen, len(scores))
    return {"f1": counts, "acc": int(chosen == doc["label"]), "f1_ci95": [doc["id"], *counts]}


def chunks(doc: TaggedDocument, results: Sequence[str]) -> Values:
    """Chunk counts over the tags of the document's dataset by the rule of its metric, and right tags of all words."""
    metric = dataset(doc["family"]).scoring.metric(doc["language"])
    assert not isinstance(metric, str)
    predicted, parsed = _tags(doc, results[0])
    counts = [int(value) for value in metric.statistics(doc["tags"], predicted)]
    words = [int(value) for value in tagging.TOKEN_ACCURACY.statistics(doc["tags"], predicted)]
    return {
        "f1": counts,
        "precision": counts,
        "recall": counts,
        "token_accuracy": words,
        "f1_ci95": [doc["id"], *counts],
        "unparsed": int(not parsed),
    }


def word_tags(doc: TaggedDocument, results: Sequence[str]) -> Values:
    """Right tags and words over the tags of the document's dataset."""
    predicted, parsed = _tags(doc, results[0])
    counts = [int(value) for value in tagging.TOKEN_ACCURACY.statistics(doc["tags"], predicted)]
    return {"token_accuracy": counts, "token_accuracy_ci95": [doc["id"], *counts], "unparsed": int(not parsed)}


def squad(doc: QuestionDocument, results: Sequence[str]) -> Values:
    """SQuAD v1.1 exact match and token F1, the maximum over gold answers (XQuAD, TyDiQA)."""
    return _question(doc, results[0], qa.SQUAD)


def mlqa(doc: QuestionDocument, results: Sequence[str]) -> Values:
    """MLQA exact match and token F1 with the normaliser of the document's language."""
    return _question(doc, results[0], qa.mlqa(doc["language"]))


def tatoeba(doc: BitextDocument, results: Sequence[Nearest]) -> Values:
    """XTREME's direction (English query, foreign pool) as `acc`; the other one beside it."""
    right = int(results[0]["nearest_source"] == doc["gold"])
    return {
        "acc": right,
        "acc_from_foreign": int(results[0]["nearest_target"] == doc["gold"]),
        "acc_ci95": [doc["id"], right],
    }


def bitext_mining(doc: BitextDocument, results: Sequence[Nearest]) -> Values:
    """MTEB's direction (foreign query, English pool): accuracy and index pairs for weighted P/R/F1."""
    found = int(results[0]["nearest_target"])
    pair = [doc["gold"], found]
    right = int(found == doc["gold"])
    return {"acc": right, "f1": pair, "precision": pair, "recall": pair, "acc_ci95": [doc["id"], right]}


def mining(gold: set[tuple[str, str]], response: Mined) -> Values:
    """Counts of mined, gold and common pairs whose foreign sentence lies in one shard of BUCC.

    `f1_ci95` has them by foreign sentence and with its id, so that runs with other shards are set side by side.
    """
    predicted = {(source, target) for source, target, _ in response["pairs"]}
    counts = [int(value) for value in retrieval.PAIRS.statistics(gold, predicted)]
    units = [[source, *row] for source, row in retrieval.counts_by_source(gold, predicted).items()]
    return {"f1": counts, "precision": counts, "recall": counts, "f1_ci95": units}


def lareqa(doc: QueryDocument, results: Sequence[Ranked]) -> Values:
    """Average precision of the 20 nearest candidates."""
    (score,) = retrieval.MAP_20.statistics(doc["correct"], results[0]["candidates"])[:1]
    return {"map_at_20": score, "map_at_20_ci95": [doc["group"], score]}


def mewslix(doc: QueryDocument, results: Sequence[Ranked]) -> Values:
    """Reciprocal rank of the entity among the 20 nearest candidates; published as mAP@20."""
    (score,) = retrieval.MRR_20.statistics(doc["correct"], results[0]["candidates"])[:1]
    return {"mrr_at_20": score, "mrr_at_20_ci95": [doc["group"], score]}


def translated(doc: TranslationDocument, results: Sequence[str]) -> Values:
    """sacrebleu's counts of a translation against its reference; spBLEU's only where its tokenizer is there.

    `copied` is 1 for a translation that is its source, `unparsed` for an empty one (which is scored all the same).
    """
    answer = results[0].strip()
    values: Values = {"copied": int(answer == doc["source"]), "unparsed": int(not answer)}
    for metric in filter(None, (translation.chrf(), translation.spbleu())):
        counts = [int(count) for count in metric.statistics(doc["target"], answer)]
        values |= {metric.name: counts, f"{metric.name}_ci95": [doc["group"], *counts]}
    return values


def matched(doc: LineDocument, results: Sequence[NearestByMargin]) -> Values:
    """Nearest line and best margin among the other side's lines, from source to target and back."""
    gold = doc["gold"]
    right = int(results[0]["nearest_target"] == gold)
    wrong = int(results[0]["margin_target"] != gold)
    return {
        "acc": right,
        "acc_back": int(results[0]["nearest_source"] == gold),
        "xsim_error": wrong,
        "xsim_error_back": int(results[0]["margin_source"] != gold),
        "acc_ci95": [doc["group"], right],
        "xsim_error_ci95": [doc["group"], wrong],
    }


def _tags(doc: TaggedDocument, response: str) -> tuple[list[str], bool]:
    """The tags of a response, of those that the document's dataset has, and whether all could be read."""
    found = dataset(doc["family"])
    return answers.read_tags(response, doc["tokens"], (*found.labels, *found.extra_tags), found.filler)


def _question(doc: QuestionDocument, response: str, metric: Metric[Any, str]) -> Values:
    exact, f1, _ = metric.statistics([answer["text"] for answer in doc["answers"]], response)
    unit = doc["group"]
    return {
        "f1": f1,
        "exact_match": exact,
        "f1_ci95": [unit, f1],
        "exact_match_ci95": [unit, exact],
        "unparsed": int(not answers.may_be_extracted(response, doc["context"])),
    }


# ------------------------------------------------------------------------------------- all documents


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean, exactly rounded: the same whatever the order of documents."""
    return math.fsum(values) / len(values)


def total(values: Sequence[int]) -> int:
    """Sum of counts."""
    return sum(values)


def ratio_of_sums(values: Sequence[Sequence[int]]) -> float:
    """Sum of the first counts over the sum of the second (token accuracy)."""
    part, whole = _sums(values)
    return ratio(part, whole)


def f1(values: Sequence[Sequence[int]]) -> float:
    """Micro F1 from (correct, predicted, gold) counts."""
    return precision_recall_f1(_sums(values))["f1"]


def precision(values: Sequence[Sequence[int]]) -> float:
    """Micro precision from (correct, predicted, gold) counts."""
    return precision_recall_f1(_sums(values))["precision"]


def recall(values: Sequence[Sequence[int]]) -> float:
    """Micro recall from (correct, predicted, gold) counts."""
    return precision_recall_f1(_sums(values))["recall"]


def class_f1(values: Sequence[Sequence[int]]) -> float:
    """F1 of classes weighted by their gold counts."""
    return float(classification_metrics.weighted_f1(np.asarray(_sums(values), dtype=np.float64)))


def class_f1_interval(values: Sequence[Sequence[Any]]) -> list[float] | None:
    """95 % bootstrap interval of `class_f1`; items are (unit, counts of the classes)."""
    return _class_interval(values, classification_metrics.weighted_f1)


def macro_f1(values: Sequence[Sequence[int]]) -> float:
    """F1 of the classes, plain mean."""
    return float(classification_metrics.macro_f1(np.asarray(_sums(values), dtype=np.float64)))


def macro_f1_interval(values: Sequence[Sequence[Any]]) -> list[float] | None:
    """95 % bootstrap interval of `macro_f1`; items are (unit, counts of the classes)."""
    return _class_interval(values, classification_metrics.macro_f1)


def ratio_interval(values: Sequence[Sequence[Any]]) -> list[float] | None:
    """95 % bootstrap interval of a ratio of sums; items are (unit, part, whole)."""
    return _interval(
        [row[1:] for row in values],
        lambda sums: {"ratio": ratio(sums[0], sums[1])},
        "ratio",
        [row[0] for row in values],
    )


def chrf(values: Sequence[Sequence[int]]) -> float:
    """chrF++ (0-1) of the summed counts of all segments."""
    return translation.chrf().score(_sums(values))["chrf++"]


def spbleu(values: Sequence[Sequence[int]]) -> float:
    """spBLEU (0-1) of the summed counts of all segments."""
    return translation.bleu_score(_sums(values))["spbleu"]


def chrf_interval(values: Sequence[Sequence[Any]]) -> list[float] | None:
    """95 % bootstrap interval of chrF++; items are (article, counts), articles resampled whole."""
    return _interval([row[1:] for row in values], translation.chrf().score, "chrf++", [row[0] for row in values])


def spbleu_interval(values: Sequence[Sequence[Any]]) -> list[float] | None:
    """95 % bootstrap interval of spBLEU; items are (article, counts), articles resampled whole."""
    return _interval([row[1:] for row in values], translation.bleu_score, "spbleu", [row[0] for row in values])


def weighted_f1(values: Sequence[Sequence[int]]) -> float:
    """F1 per pool index, weighted by gold counts (MTEB's bitext mining)."""
    return _weighted(values)["f1"]


def weighted_precision(values: Sequence[Sequence[int]]) -> float:
    """Precision per pool index, weighted by gold counts."""
    return _weighted(values)["precision"]


def weighted_recall(values: Sequence[Sequence[int]]) -> float:
    """Recall per pool index, weighted by gold counts."""
    return _weighted(values)["recall"]


def mean_interval(values: Sequence[Sequence[Any]]) -> list[float] | None:
    """95 % bootstrap interval of a mean; items are (unit, value), units resampled whole."""
    rows = [[value, 1.0] for _, value in values]
    return _interval(rows, lambda sums: {"mean": ratio(sums[0], sums[1])}, "mean", [unit for unit, _ in values])


def f1_interval(values: Sequence[Sequence[Any]]) -> list[float] | None:
    """95 % bootstrap interval of micro F1; items are (unit, correct, predicted, gold)."""
    return _interval([row[1:] for row in values], precision_recall_f1, "f1", [row[0] for row in values])


def pair_f1_interval(values: Sequence[Sequence[Sequence[Any]]]) -> list[float] | None:
    """95 % bootstrap interval of mined pairs' F1; items are lists of (foreign sentence, correct, predicted, gold)."""
    return f1_interval([row for shard in values for row in shard])


def _interval(
    rows: Sequence[Sequence[float]],
    score: Callable[[Sequence[float]], Scores],
    name: str,
    units: Sequence[str],
) -> list[float] | None:
    if not rows:
        return None
    found = bootstrap.intervals(np.asarray(rows, dtype=np.float64), score, units)
    return [round(bound, 4) for bound in found[name]] if found else None


def _sums(values: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*values, strict=True)]


def _class_interval(
    values: Sequence[Sequence[Any]], average: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> list[float] | None:
    def score(sums: Sequence[float]) -> Scores:
        return {"f1": float(average(np.asarray(sums, dtype=np.float64)))}

    return _interval([row[1:] for row in values], score, "f1", [row[0] for row in values])


def _weighted(values: Sequence[Sequence[int]]) -> Scores:
    return retrieval.weighted_precision_recall_f1([row[0] for row in values], [row[1] for row in values])
