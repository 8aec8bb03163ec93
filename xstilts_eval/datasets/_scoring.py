"""Scorings that datasets share. Metrics are imported when they are asked for: they bring numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xstilts_eval.datasets._dataset import Scoring

if TYPE_CHECKING:
    from xstilts_eval.metrics.base import Metric


def _accuracy(_: str) -> Metric[Any, Any]:
    from xstilts_eval.metrics.classification import ACCURACY

    return ACCURACY


def _pos(_: str) -> Metric[Any, Any]:
    from xstilts_eval.metrics.tagging import POS_F1

    return POS_F1


def _entities(_: str) -> Metric[Any, Any]:
    from xstilts_eval.metrics.tagging import NER_F1

    return NER_F1


def _squad(_: str) -> Metric[Any, Any]:
    from xstilts_eval.metrics.qa import SQUAD

    return SQUAD


def _mlqa(language: str) -> Metric[Any, Any]:
    from xstilts_eval.metrics.qa import mlqa

    return mlqa(language)


def _weighted(_: str) -> str:
    from xstilts_eval.metrics.classification import WEIGHTED_F1

    return WEIGHTED_F1


def _macro(_: str) -> str:
    from xstilts_eval.metrics.classification import MACRO_F1

    return MACRO_F1


def _words(_: str) -> Metric[Any, Any]:
    from xstilts_eval.metrics.tagging import TOKEN_ACCURACY

    return TOKEN_ACCURACY


def _pairs(_: str) -> Metric[Any, Any]:
    from xstilts_eval.metrics.retrieval import PAIRS

    return PAIRS


def nearest(direction: str) -> Callable[[str], str]:
    """Signature of nearest-neighbour accuracy with the query on the side that `direction` names."""

    def signature(_: str) -> str:
        from xstilts_eval.metrics.retrieval import NEAREST

        return f"{NEAREST.signature()}|query:{direction}"

    return signature


def _mrr(_: str) -> Metric[Any, Any]:
    from xstilts_eval.metrics.retrieval import MRR_20

    return MRR_20


def _map(_: str) -> Metric[Any, Any]:
    from xstilts_eval.metrics.retrieval import MAP_20

    return MAP_20


def translation(_: str) -> str:
    """Signature of chrF++ and, where its tokenizer is there, spBLEU."""
    from xstilts_eval.metrics import translation as metrics

    return metrics.signature()


def matching(language: str) -> str:
    """Signature of nearest-neighbour accuracy and xsim error, from source to target."""
    from xstilts_eval.metrics import xsim

    return f"{nearest('source')(language)}+{xsim.signature()}"


_MEAN = {"acc": "mean", "acc_ci95": "mean_interval"}
ACCURACY = Scoring(("acc",), ("acc",), _accuracy, "classification", _MEAN, "documents")

WEIGHTED_F1 = Scoring(
    ("f1", "acc"), ("f1",), _weighted, "topic", {"f1": "class_f1", "acc": "mean", "f1_ci95": "class_f1_interval"},
    "documents", "weighted_f1", of_document="acc",
)  # fmt: skip

MACRO_F1 = replace(
    WEIGHTED_F1, metric=_macro, statistic="macro_f1",
    aggregations={"f1": "macro_f1", "acc": "mean", "f1_ci95": "macro_f1_interval"},
)  # fmt: skip

_CHUNKS = {
    "f1": "f1", "precision": "precision", "recall": "recall", "token_accuracy": "ratio_of_sums",
    "f1_ci95": "f1_interval", "unparsed": "total",
}  # fmt: skip
_UNPARSED = frozenset(["unparsed"])
POS = Scoring(
    ("f1", "precision", "recall", "token_accuracy"),
    ("f1",),
    _pos,
    "chunks",
    _CHUNKS,
    "sentences",
    "counts",
    _UNPARSED,
    learned_by="pos_f1",
    of_document="token_accuracy",
)
ENTITIES = replace(POS, metric=_entities, learned_by="chunk_f1")
WORDS = Scoring(
    ("token_accuracy",), ("token_accuracy",), _words, "word_tags",
    {"token_accuracy": "ratio_of_sums", "token_accuracy_ci95": "ratio_interval", "unparsed": "total"},
    "sentences", "ratio", _UNPARSED, learned_by="word_accuracy",
)  # fmt: skip

_ANSWERS = {
    "f1": "mean", "exact_match": "mean", "f1_ci95": "mean_interval", "exact_match_ci95": "mean_interval",
    "unparsed": "total",
}  # fmt: skip
SQUAD = Scoring(
    ("f1", "exact_match"),
    ("exact_match", "f1"),
    _squad,
    "squad",
    _ANSWERS,
    "passages",
    lower_is_better=_UNPARSED,
    learned_by="squad",
    of_document="f1",
)
MLQA = replace(SQUAD, metric=_mlqa, process="mlqa", units="articles")

MINED = Scoring(
    ("f1", "precision", "recall"), ("f1",), _pairs, "mining",
    {"f1": "f1", "precision": "precision", "recall": "recall", "f1_ci95": "pair_f1_interval"},
    "foreign sentences", "pairs",
)  # fmt: skip
FROM_ENGLISH = Scoring(
    ("acc",), ("acc",), nearest("en"), "tatoeba",
    {"acc": "mean", "acc_from_foreign": "mean", "acc_ci95": "mean_interval"}, "pairs",
)  # fmt: skip
TO_ENGLISH = Scoring(
    ("acc", "f1", "precision", "recall"), ("acc",), nearest("foreign"), "bitext_mining",
    {"acc": "mean", "f1": "weighted_f1", "precision": "weighted_precision", "recall": "weighted_recall",
     "acc_ci95": "mean_interval"},
    "pairs",
)  # fmt: skip
RECIPROCAL_RANK = Scoring(
    ("mrr_at_20",), ("mrr_at_20",), _mrr, "mewslix", {"mrr_at_20": "mean", "mrr_at_20_ci95": "mean_interval"},
    "articles",
)  # fmt: skip
AVERAGE_PRECISION = Scoring(
    ("map_at_20",), ("map_at_20",), _map, "lareqa", {"map_at_20": "mean", "map_at_20_ci95": "mean_interval"},
    "passages", pooled=True,
)  # fmt: skip
CHRF = Scoring(
    ("chrf++", "spbleu"), ("chrf++",), translation, "translated",
    {"chrf++": "chrf", "spbleu": "spbleu", "chrf++_ci95": "chrf_interval", "spbleu_ci95": "spbleu_interval",
     "copied": "mean", "unparsed": "total"},
    "articles", "chrf", frozenset(["copied", "unparsed"]),
)  # fmt: skip
MATCHES = Scoring(
    ("acc", "acc_back", "xsim_error", "xsim_error_back"), ("acc",), matching, "matched",
    {"acc": "mean", "acc_back": "mean", "xsim_error": "mean", "xsim_error_back": "mean", "acc_ci95": "mean_interval",
     "xsim_error_ci95": "mean_interval"},
    "articles", lower_is_better=frozenset(["xsim_error", "xsim_error_back"]),
)  # fmt: skip
