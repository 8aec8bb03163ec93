"""The nine datasets on the Hugging Face hub: pinned repositories, and their rows back in the official raw formats.

Nothing here downloads. `plan` says which files of which repository hold one leaf; `convert` turns their rows into the
official files that `sources` reads, and says how they differ from what the benchmark's makers published.

Pins were read in public code, not on the hub itself; `Repository.seen` says where. The layouts of the repositories
(configuration, column and file names) are those of their dataset cards, of `datasets/xtreme/xtreme.py` @ 02bb18c7 of
huggingface/datasets (which made the rows), and of the public code that pins them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts_eval import reading
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.data.converters import Convert, Output, Part, Row
from xstilts_eval.datasets._dataset import Repository
from xstilts_eval.errors import FetchError, MissingData

__all__ = [
    "Output",
    "Part",
    "Plan",
    "Repository",
    "Row",
    "convert",
    "plan",
    "read_rows",
    "refuse_absent",
    "repositories",
]


@dataclass(frozen=True)
class Plan:
    """What to download for one leaf and split, and what it becomes.

    `patterns` maps a language to a regular expression that full-matches the wanted paths in the repository; a plan of
    several languages (one official file holds them all) fetches them together. `paths` are the official files.
    """

    repository: Repository
    patterns: Mapping[str, str]
    paths: tuple[str, ...]
    convert: Convert
    differences: str


# pyarrow's and JSON's are ValueErrors or OSErrors; `datasets` raises the others for a description that is none.
_UNREADABLE = (OSError, ValueError, EOFError, zlib.error, KeyError, TypeError, AttributeError)


def repositories() -> tuple[Repository, ...]:
    """Every repository that some dataset comes from, once."""
    given = [family.data.hub for family in FAMILIES.values()]
    found = [files.repository for by_split in given if not isinstance(by_split, str) for files in by_split.values()
             if not isinstance(files, str)]  # fmt: skip
    return tuple(dict.fromkeys(found))


def refuse_absent(family: Family, language: str, split: str) -> None:
    """Raise `MissingData` for a split that nobody published in this language, `UnknownName` for the language."""
    family.leaf(language)
    if split in family.data.english and language != "en":
        raise MissingData(f"{family.group} has {split} data in English only, not in {language!r}")
    if language in family.data.absent.get(split, ()):
        raise MissingData(f"{family.group} has no {split} data in {language!r}")


def plan(family: Family, language: str, split: str) -> Plan:
    """Where the hub keeps one leaf and split.

    Raises `MissingData` when it has no such split, `UnknownName` for a language the family lacks.
    """
    refuse_absent(family, language, split)
    given = family.data.hub
    if isinstance(given, str):
        raise MissingData(f"{given}; use a local folder, or xstilts data fetch --from archives")
    if language in family.data.hub_lacks:
        raise MissingData(
            f"the hub's copy of XTREME has no {family.title} in {language!r}, which XTREME-R added; use a local folder"
        )
    found = given.get(split)
    if isinstance(found, str):
        raise MissingData(found)
    if found is None:
        there = [name for name, files_there in given.items() if not isinstance(files_there, str)]
        raise MissingData(f"the hub has no {split} data of {family.group}; it has {' and '.join(there)}")
    languages = {"each": (language,), "all": family.languages, "english": ("en",), "mixed": ("*",)}[found.together]
    patterns = {code: found.pattern.format(**family.codes(language if code == "*" else code)) for code in languages}
    paths = tuple(official.format(**family.codes(language)) for official in found.paths)
    return Plan(found.repository, patterns, paths, found.convert, found.said_of(language))


def convert(plan: Plan, parts: Sequence[Part]) -> Output:
    """The official files of `parts`; raises `FetchError` when their columns are not those expected."""
    output = Output()
    try:
        plan.convert(parts, plan.paths, output)
    except (KeyError, TypeError, ValueError) as error:
        raise FetchError(
            f"{plan.repository.name}@{plan.repository.revision}: its rows are not as expected "
            f"({type(error).__name__}: {error}); another revision may have other columns"
        ) from error
    return output


def read_rows(path: Path, name: str) -> list[Row]:
    """Rows of a downloaded parquet or JSON-lines file called `name` on the hub; class indices become class names.

    Raises `FetchError` for a file that breaks its format.
    """
    try:
        if name.endswith(".parquet"):
            return _parquet_rows(path)
        with gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else path.open(encoding="utf-8") as file:
            numbered = [(number, line) for number, line in enumerate(file, 1) if line.strip()]
    except _UNREADABLE as error:
        raise FetchError(f"{name}: cannot be read ({str(error).splitlines()[0][:150]})") from error
    return [reading.parse_json(line, name, number, FetchError) for number, line in numbered]


def _parquet_rows(path: Path) -> list[Row]:
    """`datasets` reads the description that it stores in every parquet file; nothing is cached on disk."""
    from datasets import Dataset
    from datasets.table import InMemoryTable
    from pyarrow import parquet

    table = Dataset(InMemoryTable(parquet.read_table(path)))
    rows: list[Row] = table.to_list()
    for column, feature in table.features.items():
        if names := _class_names(feature):
            for row in rows:
                row[column] = _named(row[column], names)
    return rows


def _named(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


def _class_names(feature: Any) -> Sequence[str]:
    """Names of the classes in a column or in its lists; () for other columns."""
    from datasets import ClassLabel

    while hasattr(feature, "feature"):
        feature = feature.feature
    return tuple(feature.names) if isinstance(feature, ClassLabel) else ()
