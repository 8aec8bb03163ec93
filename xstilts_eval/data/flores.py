"""FLORES-200 from its official files: one sentence per line, the same sentence on the same line in every language.

Layout of the release (``flores200_dataset``): ``devtest/swh_Latn.devtest``, ``dev/swh_Latn.dev`` and tab-separated
``metadata_devtest.tsv`` with the address of the article each line was taken from. What is scored as ``test`` is
devtest; the release's own test set was never published. Articles are the units of independence: 281 in devtest.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from xstilts_eval.benchmark import Family
from xstilts_eval.data import files
from xstilts_eval.data.examples import Translation
from xstilts_eval.errors import DataError, NoFiles, SettingError
from xstilts_eval.language_codes import ENGLISH, find, flores_languages
from xstilts_eval.wording import counted

SPLITS = {"test": "devtest", "dev": "dev"}
LINES = {"devtest": 1_012, "dev": 997}
"""Sentences in each split of the release (NLLB Team 2022, arXiv:2207.04672)."""
ARCHIVE = "https://dl.fbaipublicfiles.com/nllb/flores200_dataset.tar.gz"
"""Where the link of facebookresearch/flores, `flores200/README.md`, leads."""
PLACEHOLDER = "Placeholder "
"""How every line of a sample file begins that holds no text in its language."""
PLACEHOLDER_NOTE = "placeholder lines, not "
_FOLDERS = ("flores200_dataset/", "flores200/flores200_dataset/", "flores200/", "")
_URL = "URL"


def parallel(
    source: str, target: str, split: str, folder: Path, leaf: str
) -> tuple[list[Translation], list[Path], list[str]]:
    """The lines of two languages side by side, the files read, and notes; `leaf` is for what is said of missing files.

    Raises `NoFiles` naming what was looked for and where to get it, `DataError` for files that do not fit together
    and for blank lines.
    """
    if split not in SPLITS:
        raise NoFiles("FLORES-200 has no train data; it has devtest (scored as test) and dev")
    name = SPLITS[split]
    paths = [_file(f"{name}/{code}.{name}", folder, f"{split} data of {leaf}") for code in (source, target)]
    sides = [_lines(path) for path in paths]
    if len(sides[0]) != len(sides[1]):
        what = counted(len(sides[0]), "line")
        raise DataError(f"{paths[0]} has {what} and {paths[1]} has {len(sides[1])}; all of FLORES-200 is parallel")
    metadata = _find(f"metadata_{name}.tsv", folder)
    notes = _size(name, len(sides[0]))
    if metadata is None:
        notes.append(f"no metadata_{name}.tsv: intervals resample sentences, not articles")
        units = [f"line {number}" for number in range(1, len(sides[0]) + 1)]
    else:
        paths.append(metadata)
        units = _articles(metadata, len(sides[0]))
    lines = [
        Translation(f"{name}.{number}", ours, theirs, source, target, unit)
        for number, (ours, theirs, unit) in enumerate(zip(*sides, units, strict=True), 1)
    ]
    notes += [
        f"{PLACEHOLDER_NOTE}{flores_languages()[code].name}"
        for code, side in zip((source, target), sides, strict=True)
        if all(line.startswith(PLACEHOLDER) for line in side)
    ]
    return lines, paths, notes


def languages_of(family: Family, language: str) -> tuple[str, str]:
    """Source and target of a leaf; of a pair's, which is named ``deu_Latn-fra_Latn`` when it is run.

    Raises `SettingError` for a pair that was not named.
    """
    if family.takes_a_pair:
        source, hyphen, target = language.partition("-")
        if not hyphen:
            raise SettingError(
                f"{family.leaf(language)} needs a pair of FLORES-200's languages: --metadata "
                '\'{"source": "deu_Latn", "target": "fra_Latn"}\''
            )
        return source, target
    family.leaf(language)
    return (ENGLISH, language) if family.english_side == "source" else (language, ENGLISH)


def pair(source: str, target: str) -> str:
    """Two languages under codes of any standard as the name of a pair; raises `UnknownName`, or `SettingError`."""
    codes = find(source).code, find(target).code
    if codes[0] == codes[1]:
        raise SettingError(f"source {source!r} and target {target!r} are one language of FLORES-200, {codes[0]}")
    return "-".join(codes)


def is_complete(split: str, lines: int) -> bool:
    """Whether a split has as many lines as the release's."""
    return lines == LINES[SPLITS[split]]


def _size(name: str, lines: int) -> list[str]:
    if lines == LINES[name]:
        return []
    return [f"{'partial: ' if lines < LINES[name] else ''}{lines:,} of {LINES[name]:,} lines"]


def _file(name: str, folder: Path, what: str) -> Path:
    found = _find(name, folder)
    if found is None:
        raise NoFiles(
            f"no {what} under {folder}; looked for {name} in {', '.join(place or '.' for place in _FOLDERS)} (also "
            f"with .gz or .xz); get {ARCHIVE} (xstilts data fetch flores200-retrieval --from archives) and put it there"
        )
    return found


def _find(name: str, folder: Path) -> Path | None:
    return files.find(folder, [f"{place}{name}" for place in _FOLDERS])


@lru_cache(maxsize=8)  # English is one side of every leaf
def _lines(path: Path) -> tuple[str, ...]:
    found = []
    for number, text in files.lines(path):
        if not text.strip():
            raise DataError(f"{path}, line {number}: blank; FLORES-200 has a sentence on every line")
        found.append(text.strip())
    if not found:
        raise DataError(f"{path} holds no sentences")
    return tuple(found)


@lru_cache(maxsize=2)
def _articles(path: Path, expected: int) -> list[str]:
    """The article of every line, numbered in the order in which they begin."""
    rows = [text.split("\t") for _, text in files.lines(path)]
    if not rows or _URL not in rows[0]:
        raise DataError(f"{path}: no column {_URL}; the first line of the release's file names its columns")
    column = rows[0].index(_URL)
    found = [row[column] for row in rows[1:] if len(row) > column]
    if len(found) != expected:
        what = counted(len(found), "line")
        raise DataError(f"{path} names an article for {what}, and the sentence files have {expected}")
    numbers: dict[str, str] = {}
    return [numbers.setdefault(address, f"article {len(numbers) + 1}") for address in found]
