"""FLORES-200's files of the sample: the hand-written parallel sentences, and placeholders where there are none.

204 languages cannot be written by hand; those without a file in ``source/sentences`` get lines that say so, in English,
so that every leaf can be run and nobody takes them for text. The sentences are divided into devtest (scored as test)
and dev (few-shot examples), the devtest lines into made-up articles.
"""

from __future__ import annotations

from pathlib import Path

from xstilts_eval.data.flores import PLACEHOLDER
from xstilts_eval.language_codes import FloresLanguage, flores_languages
from xstilts_eval.sample.source import SampleError, detokenize, sentences

DEVTEST = 20
"""Of the sentences the first so many are devtest, the rest dev."""
_ARTICLE = 4
FOLDER = "flores200_dataset"
_COLUMNS = ("URL", "domain", "topic", "has_image", "has_hyperlink")


def files(source: Path) -> dict[str, str]:
    """Contents of every file by path; raises `SampleError` for a language with more or fewer sentences than English."""
    expected = len(_sentences(source, flores_languages()["eng_Latn"]) or [])
    made = {}
    for code, language in flores_languages().items():
        found = _sentences(source, language)
        lines = found or [
            f"{PLACEHOLDER}{n}, not {language.name}: the sample has no text in it." for n in range(1, expected + 1)
        ]
        if len(lines) != expected:
            raise SampleError(f"sentences/{language.xtreme}.txt has {len(lines)} sentences, English has {expected}")
        made[f"{FOLDER}/devtest/{code}.devtest"] = _joined(lines[:DEVTEST])
        made[f"{FOLDER}/dev/{code}.dev"] = _joined(lines[DEVTEST:])
    made[f"{FOLDER}/metadata_devtest.tsv"] = _metadata(DEVTEST)
    made[f"{FOLDER}/metadata_dev.tsv"] = _metadata(expected - DEVTEST)
    return made


def written(source: Path) -> list[str]:
    """Codes of the languages that have hand-written sentences."""
    return [code for code, language in flores_languages().items() if _sentences(source, language)]


def _sentences(source: Path, language: FloresLanguage) -> list[str] | None:
    path = source / "sentences" / f"{language.xtreme}.txt"
    if not language.xtreme or not path.is_file():
        return None
    return [detokenize(tokens) for tokens in sentences(path)]


def _metadata(lines: int) -> str:
    rows = [[f"https://example.org/sample/{n // _ARTICLE}", "sample", "sample", "no", "no"] for n in range(lines)]
    return _joined(["\t".join(row) for row in (_COLUMNS, *rows)])


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
