"""How rich a language's word forms are, and how a tokenizer cuts them.

Corpus measures belong on parallel text (the same sentences in every language). Words are what the caller counts as
words: languages written without blanks have none, and are left out unless a treebank gives them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xstilts_eval.errors import NumericError

UNSPACED = frozenset({"Hans", "Hant", "Jpan", "Thai", "Mymr", "Laoo", "Khmr", "Tibt"})
"""Scripts (ISO 15924) without blanks between words."""
WINDOW = 500
MINIMUM_CHAPTERS = 10

_DIRECT = {"22A": 7, "29A": 3, "30A": 5, "34A": 6, "49A": 8, "59A": 4}
_REORDERED: dict[str, dict[int, int]] = {
    "28A": {1: 1, 2: 3, 3: 2, 4: 4},
    "66A": {1: 2, 2: 3, 3: 4, 4: 1},
    "70A": {1: 4, 2: 3, 3: 3, 4: 2, 5: 1},
    "102A": {1: 1, 2: 2, 3: 2, 4: 2, 5: 3},
}
_EXCEPT = {"26A": {1}, "27A": {3}, "33A": {7, 9}, "51A": {9}, "57A": {4}, "69A": {5}}
_ONLY = {"37A": {3}, "38A": {3}, "65A": {1}, "67A": {1}, "73A": {1}, "74A": {1}, "75A": {2}, "78A": {2, 3}, "94A": {4},
         "101A": {2, 3}, "111A": {2}, "112A": {1}}  # fmt: skip
_DROPPED = {"49A": {9}, "78A": {5, 6}, "94A": {5}, "101A": {6}, "111A": {4}, "112A": {5, 6}}
CHAPTERS = tuple(sorted([*_DIRECT, *_REORDERED, *_EXCEPT, *_ONLY], key=lambda chapter: int(chapter[:-1])))


def c_wals(chapters: Mapping[str, int]) -> tuple[float, int]:
    """Morphological complexity 0-1 from WALS values by chapter, and the number of chapters it rests on.

    The mean over the available of 28 chapters, each recoded and divided by its maximum (Bentz et al. 2016; recoding of
    the authors' script). Fewer than 10 chapters say little. Raises `NumericError` without any.
    """
    values = [value for chapter in CHAPTERS if (value := _recoded(chapter, chapters.get(chapter))) is not None]
    if not values:
        raise NumericError("no WALS chapter on morphology has a value")
    return float(np.mean(values)), len(values)


def _recoded(chapter: str, value: int | None) -> float | None:
    """A chapter's value on 0-1; None where it is missing or says nothing about morphology."""
    if value is None or value in _DROPPED.get(chapter, ()):
        return None
    if chapter in _DIRECT:
        return value / _DIRECT[chapter]
    if chapter in _REORDERED:
        order = _REORDERED[chapter]
        return order[value] / max(order.values())
    if chapter in _EXCEPT:
        return float(value not in _EXCEPT[chapter])
    return float(value in _ONLY[chapter])


def type_token_ratio(words: Sequence[str], first: int | None = None) -> float:
    """Distinct words / words (0-1) of the first `first`; it falls with length, so compare equal lengths only."""
    counted = words[:first] if first else words
    if not counted or (first and len(counted) < first):
        raise NumericError(f"{len(counted)} words; the type-token ratio was asked for {first or 'at least 1'}")
    return len(set(counted)) / len(counted)


def moving_type_token_ratio(words: Sequence[str], window: int = WINDOW) -> float:
    """Mean type-token ratio over all windows (MATTR, Covington & McFall 2010), which length does not move."""
    if len(words) < window:
        raise NumericError(f"{len(words)} words are fewer than one window of {window}")
    counts = Counter(words[:window])
    total = types = len(counts)
    for leaving, entering in zip(words, words[window:], strict=False):
        counts[leaving] -= 1
        if not counts[leaving]:
            del counts[leaving]
        counts[entering] += 1
        types = len(counts)
        total += types
    return total / (len(words) - window + 1) / window


def unigram_entropy(words: Sequence[str], corrected: bool = True) -> float:
    """Bits per word of the word distribution.

    The plain estimate is too low on small text; corrected by Chao & Shen 2003 (coverage-adjusted, Horvitz-Thompson),
    one of the estimators compared by Bentz et al. 2017.
    """
    if not words:
        raise NumericError("no words to take the entropy of")
    counts = np.array(list(Counter(words).values()), dtype=np.float64)
    total = counts.sum()
    share = counts / total
    if not corrected:
        return float(-(share * np.log2(share)).sum())
    once = float((counts == 1).sum())
    coverage = 1 - min(once, total - 1) / total  # all words once: coverage of one word in all, not 0
    adjusted = coverage * share
    return float(-(adjusted * np.log2(adjusted) / (1 - (1 - adjusted) ** total)).sum())


def unknown(texts: Sequence[str], tokenize: Callable[[str], Sequence[str]], vocabulary: Container[str]) -> float:
    """Share of the tokens of texts (0-1) that the vocabulary does not have; leave the unknown token out of it."""
    counts = Counter(piece for text in texts for piece in tokenize(text))
    return sum(count for piece, count in counts.items() if piece not in vocabulary) / max(1, counts.total())


@dataclass(frozen=True)
class Cutting:
    """How a tokenizer cuts words: sub-words per word, share of words in two or more pieces (0-1), numbers counted."""

    fertility: float
    continuation: float
    words: int
    subwords: int


def cutting(words: Sequence[str], tokenize: Callable[[str], Sequence[str]]) -> Cutting:
    """Fertility and continuation of words tokenised alone (Rust et al. 2021); a bare ``▁`` is no sub-word."""
    if not words:
        raise NumericError("no words to tokenise")
    counts = Counter(words)
    pieces = {word: max(1, sum(piece != "▁" for piece in tokenize(word))) for word in counts}
    subwords = sum(pieces[word] * count for word, count in counts.items())
    split = sum(count for word, count in counts.items() if pieces[word] > 1)
    return Cutting(subwords / len(words), split / len(words), len(words), subwords)


def premium(texts: Sequence[str], english: Sequence[str], count: Callable[[str], int]) -> float:
    """Tokens of parallel texts over tokens of their English counterparts; 1 means no dearer than English."""
    if len(texts) != len(english) or not texts:
        raise NumericError(f"{len(texts)} sentences and {len(english)} English ones; a premium needs pairs")
    return sum(map(count, texts)) / sum(map(count, english))


def features_per_word(features: Sequence[str]) -> float:
    """Mean number of morphological features in the FEATS column of words (``_`` is none).

    Treebanks annotate differently (Korean: .000 in Kaist, .995 in PUD): compare rows of PUD only.
    """
    if not features:
        raise NumericError("no words to count features of")
    return sum(0 if cell in ("_", "") else cell.count("|") + 1 for cell in features) / len(features)
