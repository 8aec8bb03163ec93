"""Measures of morphology per language: from parallel text and from what tokenizers make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from xstilts_eval.analysis import parallel
from xstilts_eval.analysis.morphology import analyse, complexity
from xstilts_eval.analysis.morphology.analyse import Measured
from xstilts_eval.errors import MissingData, SettingError


def measure(languages: Sequence[str], texts: Path | None, tokenizers: Sequence[str]) -> dict[str, Measured]:
    """What is known of each language, by its code; `tokenizers` are NAME=FOLDER.

    Raises `MissingData` where English has no text or a folder is not there, `SettingError` for another form.
    """
    if texts is None:
        return {language: analyse.measure(language) for language in languages}
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
            raise SettingError(f"cannot read --tokenizer {text!r}; write NAME=FOLDER")
        cut = _tokenizer(Path(folder))
        measures = {code: _cut(one, name, cut, lines) for code, one in measures.items()}
    return measures


def _tokenizer(folder: Path) -> Callable[[str], Sequence[str]]:
    from xstilts_eval.models.source import Source

    if not folder.is_dir():
        raise MissingData(f"{folder} does not exist; give a folder with a tokenizer")
    loaded = Source(str(folder)).tokenizer(needs_offsets=False)

    def cut(text: str) -> Sequence[str]:
        pieces: list[str] = loaded.tokenize(text)
        return pieces

    return cut


def _cut(measured: Measured, name: str, cut: Callable[[str], Sequence[str]], lines: dict[str, list[str]]) -> Measured:
    texts = lines.get(measured.language)
    if not texts:
        return measured
    premium = complexity.premium(texts, lines["en"], lambda text: len(cut(text)))
    changed = replace(measured, premium={**measured.premium, name: premium})
    words = analyse.words_of(texts) if measured.language not in complexity.UNSPACED else []
    if not words:
        return changed
    found = complexity.cutting(words, cut)
    return replace(
        changed,
        fertility={**measured.fertility, name: found.fertility},
        continuation={**measured.continuation, name: found.continuation},
    )
