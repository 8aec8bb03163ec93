"""Measures of morphology per language: from parallel text and from what tokenizers make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from xstilts_eval.analysis import parallel
from xstilts_eval.analysis.morphology import analyse, complexity, shipped
from xstilts_eval.analysis.morphology.analyse import Measured
from xstilts_eval.errors import MissingData, SettingError, UnknownName

SHIPPED = "word forms and tokens as measured on the 1,012 sentences of FLORES-200's devtest"
MOST_UNKNOWN = 0.1
"""Share of unknown tokens above which numbers of tokens say nothing: what is not known is short."""


def measure(languages: Sequence[str], texts: Path | None, tokenizers: Sequence[str]) -> dict[str, Measured]:
    """What is known of each language, by its code; `tokenizers` are NAME=FOLDER, or a NAME that was measured before.

    Without `texts` the measures are those of FLORES-200 that come with the package. Raises `MissingData` where English
    has no text or a folder is not there, `SettingError` for another form, `UnknownName` for a tokenizer.
    """
    if texts is None:
        return _known(languages, tokenizers)
    lines: dict[str, list[str]] = {}
    for language in ["en", *languages]:
        try:
            lines |= parallel.texts_of(texts, [language], 1_000_000)
        except MissingData:
            if language == "en":
                raise
    measures = {language: analyse.measure(language, lines.get(language, ())) for language in languages}
    for text in tokenizers:
        name, sign, folder = text.partition("=")
        if not sign:
            raise SettingError(f"cannot read --tokenizer {text!r}; with --texts write NAME=FOLDER")
        tokenizer = load(Path(folder))
        measures = {code: cut(one, name, tokenizer, lines) for code, one in measures.items()}
    return measures


def _known(languages: Sequence[str], tokenizers: Sequence[str]) -> dict[str, Measured]:
    for name in tokenizers:
        if "=" in name:
            raise SettingError(f"--tokenizer {name} needs --texts, the parallel text to cut")
        if name not in shipped.TOKENIZERS:
            raise UnknownName.of("measured tokenizer", name, shipped.TOKENIZERS)
    return {language: shipped.added_to(analyse.measure(language), tokenizers) for language in languages}


@dataclass(frozen=True)
class Tokenizer:
    """How texts are cut, and the pieces that are known."""

    tokenize: Callable[[str], Sequence[str]]
    vocabulary: frozenset[str]


def load(folder: Path) -> Tokenizer:
    """The tokenizer of a checkpoint's folder; raises `MissingData` where it is not there."""
    from xstilts_eval.models.source import Source

    if not folder.is_dir():
        raise MissingData(f"{folder} does not exist; give a folder with a tokenizer")
    loaded = Source(str(folder)).tokenizer(needs_offsets=False)

    @lru_cache(maxsize=100_000)
    def tokenize(text: str) -> Sequence[str]:
        pieces: list[str] = loaded.tokenize(text)
        return pieces

    return Tokenizer(tokenize, frozenset(loaded.get_vocab()) - {getattr(loaded, "unk_token", None)})


def cut(measured: Measured, name: str, tokenizer: Tokenizer, lines: dict[str, list[str]]) -> Measured:
    """A language with what a tokenizer makes of its text; above `MOST_UNKNOWN` only that."""
    texts = lines.get(measured.language)
    if not texts:
        return measured
    share = complexity.unknown(texts, tokenizer.tokenize, tokenizer.vocabulary)
    changed = replace(measured, unknown={**measured.unknown, name: share})
    if share > MOST_UNKNOWN:
        return changed
    premium = complexity.premium(texts, lines["en"], lambda text: len(tokenizer.tokenize(text)))
    changed = replace(changed, premium={**measured.premium, name: premium})
    words = analyse.words_of(texts) if analyse.has_words(measured.language) else []
    if not words:
        return changed
    found = complexity.cutting(words, tokenizer.tokenize)
    return replace(
        changed,
        fertility={**measured.fertility, name: found.fertility},
        continuation={**measured.continuation, name: found.continuation},
    )
