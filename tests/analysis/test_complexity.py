"""Measures of word forms and of tokenizers against slow references and arithmetic."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts_eval.analysis.morphology import complexity
from xstilts_eval.errors import NumericError

WORDS = ["the", "cat", "saw", "the", "dog", "and", "the", "dog", "saw", "a", "cat"]


def test_recoding_of_wals():
    """By hand: 22A 6 of 7; 26A strongly suffixing, so 1; 28A 3, a reordered 2 of 4."""
    assert complexity.c_wals({"22A": 6, "26A": 2, "28A": 3}) == pytest.approx(((6 / 7 + 1 + 2 / 4) / 3, 3))
    assert complexity.c_wals({"22A": 1, "26A": 1}) == pytest.approx(((1 / 7 + 0) / 2, 2))
    assert complexity.c_wals({"49A": 9, "26A": 2}) == (1.0, 1)  # value 9 says nothing about case
    assert complexity.c_wals({"102A": 5, "999A": 1}) == (1.0, 1)
    assert len(complexity.CHAPTERS) == 28
    with pytest.raises(NumericError):
        complexity.c_wals({"49A": 9})


@given(st.lists(st.sampled_from("abcdef"), min_size=5, max_size=40))
def test_moving_ratio_is_the_mean_over_windows(words):
    slow = np.mean([len(set(words[i : i + 5])) / 5 for i in range(len(words) - 4)])
    assert complexity.moving_type_token_ratio(words, 5) == pytest.approx(slow)


def test_type_token_ratio():
    assert complexity.type_token_ratio(WORDS) == pytest.approx(6 / 11)
    assert complexity.type_token_ratio(WORDS, 4) == pytest.approx(3 / 4)
    with pytest.raises(NumericError, match="11 words"):
        complexity.type_token_ratio(WORDS, 12)
    with pytest.raises(NumericError, match="0 words"):
        complexity.type_token_ratio([])
    with pytest.raises(NumericError, match="fewer than one window"):
        complexity.moving_type_token_ratio(WORDS, 12)


def test_entropy_of_a_known_distribution_is_less_wrong_when_corrected():
    """500 draws from 200 words of equal probability: 7.64 bits."""
    random = np.random.default_rng(0)
    plain, corrected = [], []
    for _ in range(20):
        words = [str(word) for word in random.integers(0, 200, 500)]
        plain.append(complexity.unigram_entropy(words, corrected=False))
        corrected.append(complexity.unigram_entropy(words))
    true = np.log2(200)
    assert abs(np.mean(corrected) - true) < 0.3 * abs(np.mean(plain) - true)


def test_plain_entropy():
    assert complexity.unigram_entropy(list("aabb"), corrected=False) == pytest.approx(1)
    counts = np.array(list(Counter(WORDS).values())) / len(WORDS)
    assert complexity.unigram_entropy(WORDS, corrected=False) == pytest.approx(-(counts * np.log2(counts)).sum())
    assert np.isfinite(complexity.unigram_entropy(["a", "b", "c"]))  # every word once


def test_cutting_counts_words_as_often_as_they_occur():
    pieces = {"cat": ["▁cat"], "dogs": ["▁", "dog", "s"], "unhappily": ["▁un", "happi", "ly"]}
    found: Any = complexity.cutting(["cat", "cat", "dogs", "unhappily"], pieces.__getitem__)
    assert (found.fertility, found.continuation) == (pytest.approx((1 + 1 + 2 + 3) / 4), 0.5)
    assert found.subwords == 7


def test_bytes_of_a_word_are_its_subwords():
    found: Any = complexity.cutting(["ab", "नम"], lambda word: [chr(byte) for byte in word.encode()])
    assert found.fertility == (2 + 6) / 2


def test_premium():
    assert complexity.premium(["a b c", "d"], ["a b", "c"], lambda text: len(text.split())) == pytest.approx(4 / 3)
    with pytest.raises(NumericError):
        complexity.premium(["a"], [], len)


def test_features_per_word():
    assert complexity.features_per_word(["_", "Case=Nom", "Case=Gen|Number=Sing", "_"]) == 0.75


def test_unknown_tokens():
    pieces = {"a b": ["▁a", "▁b"], "ᱡᱚ": ["ᱡᱚ"], "a": ["▁a"]}
    assert complexity.unknown(list(pieces), pieces.__getitem__, {"▁a", "▁b"}) == 1 / 4
