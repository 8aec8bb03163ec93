"""Folders of parallel text, such as FLORES: the same sentences in several languages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import files
from xstilts_eval.errors import MissingData
from xstilts_eval.language_codes import candidates


def texts_of(folder: Path, languages: Sequence[str], limit: int) -> dict[str, list[str]]:
    """The first `limit` lines of each language's file in a folder of parallel text, by our code.

    A file is named by a language code (``swh_Latn.devtest.gz``, ``sw.txt``). Raises `MissingData` for a language
    without a file and for files of different lengths.
    """
    named = {path.name.split(".")[0]: path for path in sorted(folder.glob("*")) if path.is_file()}
    found = {}
    for language in languages:
        codes = [language, *(row.code for row in candidates(language))]
        path = next((named[code] for code in codes if code in named), None)
        if path is None:
            raise MissingData(f"{folder} has no file of {language} (looked for {', '.join(codes)})")
        found[language] = [text for _, text in files.lines(path)]
    lengths = {language: len(texts) for language, texts in found.items()}
    if len(set(lengths.values())) > 1:
        raise MissingData(f"the files of {folder} are no parallel text: {lengths}")
    return {language: texts[:limit] for language, texts in found.items()}
