"""Exact match and token F1 of extractive question answering: SQuAD v1.1 and MLQA, quirks included.

XQuAD and TyDiQA use the English SQuAD normaliser in every language, MLQA one per language. Token F1 is 0
without common tokens, so two answers that both normalise to nothing score exact match 1 and F1 0, as in the
official scripts. Sources: `evaluate_squad.py:26-89` and `evaluate_mlqa.py:50-134` in google-research/xtreme @
838c13b, third_party.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

from xstilts_eval.errors import DataError, PredictionError, UnknownName
from xstilts_eval.metrics.base import Metric, Scores, Statistics, ratio

Answers = Sequence[str]
Normaliser = Callable[[str], str]

_CACHED_ANSWERS = 1 << 17  # a gold answer is compared with few predictions, but recurs over models and draws
_ASCII_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))


class _Punctuation(dict[int, int | None]):
    """Translation table that deletes ASCII punctuation and every Unicode category P…, filled on first use."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        gone = character in string.punctuation or unicodedata.category(character).startswith("P")
        result = self[code] = None if gone else code
        return result


_PUNCTUATION = _Punctuation()
_NO_ARTICLES = re.compile(r"(?!)")
_ARTICLES = {
    "en": re.compile(r"\b(?:a|an|the)\b"),
    "es": re.compile(r"\b(?:un|una|unos|unas|el|la|los|las)\b"),
    "de": re.compile(r"\b(?:ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "vi": re.compile(r"\b(?:của|là|cái|chiếc|những)\b"),
    # Anywhere, also inside words: the branch that asked for a preceding space can never match.
    "ar": re.compile("ال"),
    "hi": _NO_ARTICLES,
    "zh": _NO_ARTICLES,
}
# The official range, not all Han characters. Punctuation, its other class of lone tokens, is gone by then.
_CHINESE_CHARACTER = re.compile("([\u4e00-\u9fa5])")


@lru_cache(maxsize=_CACHED_ANSWERS)
def normalise_squad(text: str) -> str:
    """SQuAD v1.1 normal form: lower case, no ASCII punctuation, no a/an/the, single spaces."""
    return " ".join(_ARTICLES["en"].sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split())


@cache
def mlqa_normaliser(language: str) -> Normaliser:
    """Normaliser of one MLQA language, memoised; tokens of its result are separated by single spaces.

    Raises `UnknownName` for any language but the seven of MLQA.
    """
    if language not in _ARTICLES:
        raise UnknownName.of("language of MLQA", language, _ARTICLES)
    articles = _ARTICLES[language]

    @lru_cache(maxsize=_CACHED_ANSWERS)
    def normalise(text: str) -> str:
        text = articles.sub(" ", text.lower().translate(_PUNCTUATION))
        if language == "zh":
            text = _CHINESE_CHARACTER.sub(r" \1 ", text)
        return " ".join(text.split())

    return normalise


def token_f1(gold: str, predicted: str) -> float:
    """F1 (0-1) of the bags of tokens of two normalised answers; 0 without common tokens."""
    if gold == predicted:  # the usual case, and the counters are slow
        return 1.0 if gold else 0.0
    gold_tokens, tokens = gold.split(), predicted.split()
    common = sum((Counter(gold_tokens) & Counter(tokens)).values())
    if not common:
        return 0.0
    precision, recall = common / len(tokens), common / len(gold_tokens)
    return 2 * precision * recall / (precision + recall)


def _best(normalise: Normaliser, gold: Answers, predicted: str) -> Statistics:
    """(exact match, token F1, 1) of one question, each the maximum over the gold answers."""
    if not gold:
        raise DataError("a question without gold answers cannot be scored")
    if not isinstance(predicted, str):
        raise PredictionError(f"an answer must be a string, got {type(predicted).__name__}")
    answer = normalise(predicted)
    forms = [normalise(text) for text in gold]
    return (float(answer in forms), max(token_f1(form, answer) for form in forms), 1)


def _finish(statistics: Sequence[float]) -> Scores:
    exact, f1, questions = statistics
    return {"f1": ratio(f1, questions), "exact_match": ratio(exact, questions)}


def _qa_metric(normalise: Normaliser, rule: str) -> Metric[Answers, str]:
    return Metric(
        name="qa",
        names=("f1", "exact_match"),
        counts=("exact_match", "f1", "questions"),
        count=lambda gold, predicted: _best(normalise, gold, predicted),
        finish=_finish,
        choices=(f"norm:{rule}", "gold:max"),
    )


SQUAD = _qa_metric(normalise_squad, "squad1.1-en")


@cache
def mlqa(language: str) -> Metric[Answers, str]:
    """The MLQA metric of one language (context, question and answer language are the same)."""
    return _qa_metric(mlqa_normaliser(language), f"mlqa-{language}")


def at_best_threshold(gold: Sequence[Answers], predicted: Sequence[str], no_answer: Sequence[float]) -> Scores:
    """`f1` and `exact_match` (0-1) of SQuAD v2.0, each at the threshold for "no answer" that suits it best.

    `predicted` are the best answers whatever `no_answer` says; a question counts as unanswered where its score there is
    above the threshold. `gold` is empty for a question without an answer, whose only right prediction is the empty
    string. The official `evaluate-v2.0.py` (`find_best_thresh`): thresholds are the scores themselves, and two
    answers that both normalise to nothing agree. Raises `DataError` without questions.
    """
    if not gold:
        raise DataError("no questions to score")
    forms = [[form for text in texts if (form := normalise_squad(text))] for texts in gold]
    answers = [normalise_squad(text) for text in predicted]
    f1 = [max(_soft(form, answer) for form in own or [""]) for own, answer in zip(forms, answers, strict=True)]
    exact = [float(answer in (own or [""])) for own, answer in zip(forms, answers, strict=True)]
    order = sorted(range(len(gold)), key=lambda index: no_answer[index])
    has_answer = [bool(own) for own in forms]
    return {
        "f1": _best_sum(f1, has_answer, predicted, order) / len(gold),
        "exact_match": _best_sum(exact, has_answer, predicted, order) / len(gold),
    }


def _soft(gold: str, answer: str) -> float:
    return token_f1(gold, answer) if gold and answer else float(gold == answer)


def _best_sum(scores: Sequence[float], has_answer: Sequence[bool], predicted: Sequence[str], order: list[int]) -> float:
    """The highest sum of scores when the questions up to some place of `order` are answered and the others are not."""
    total = best = float(has_answer.count(False))
    for index in order:
        total += scores[index] if has_answer[index] else (-1.0 if predicted[index] else 0.0)
        best = max(best, total)
    return best
