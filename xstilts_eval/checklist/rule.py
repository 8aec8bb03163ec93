"""When an answer passes: equal to the right one, articles and punctuation at the ends apart, letter case included.

The words and marks are those of google-research/xtreme @ 838c13b, `multichecklist/generate_test_utils.py:58-121`.
"""

from __future__ import annotations

import re
from functools import cache

PUNCTUATION = ",. "
_MORE_PUNCTUATION = {"bn": "৷", "hi": "৷", "pa": "।", "pl": "„”", "ur": "\u200f"}
_WORDS = {
    "de": "ein eine einen",
    "el": "Ο ένα μια",
    "en": "a an the in at",
    "es": "un una unos unas el la los las",
    "eu": "bat",
    "fa": "یک",
    "fr": "un une le la en",
    "hu": "egy",
    "it": "un una",
    "nl": "een",
    "pt": "um uma",
    "tl": "Si",
    "tr": "bir",
    "vi": "một",
    "wo": "dafa",
    "yo": "kan",
}
"""Removed as whole words."""
_BEGINNINGS = {"bn": "একটি একজন", "hi": "एक", "ml": "ഒരു", "mr": "एक", "my": "တစ်ဦး", "pa": "ਇੱਕ ਇਕ", "ta": "ஒரு"}
"""Removed also where a word goes on behind them."""


def clean(text: str, language: str) -> str:
    """`text` without the language's articles, and without commas, full stops and blanks at its ends."""
    pattern = _articles(language)
    shortened = pattern.sub(" ", text) if pattern else text
    return shortened.strip(PUNCTUATION + _MORE_PUNCTUATION.get(language, ""))


def passes(predicted: str, right: str, language: str) -> bool:
    """Whether a prediction is the right answer, both cleaned."""
    return clean(predicted, language) == clean(right, language)


@cache
def _articles(language: str) -> re.Pattern[str] | None:
    if language == "ar":
        return re.compile("ال")  # anywhere, inside words too
    if language == "af":
        return re.compile(r"’n\b")
    if language in _WORDS:
        return re.compile(rf"\b(?:{'|'.join(_WORDS[language].split())})\b")
    if language in _BEGINNINGS:
        return re.compile(rf"\b(?:{'|'.join(_BEGINNINGS[language].split())})")
    return None
