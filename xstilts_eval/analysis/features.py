"""What is known about languages: distance to English, family, script, size of pre-training corpora, WALS chapters.

The tables lie in ``features/``; its README names every source. A value that no source gives is None, never 0.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from xstilts_eval import language_codes, language_distances
from xstilts_eval.errors import DataError, UnknownName
from xstilts_eval.languages import languages
from xstilts_eval.validation import complaint

FOLDER = Path(__file__).with_name("features")
DISTANCES = language_distances.MEASURES
SIZES = {"cc100": "cc100_gib", "mc4": "mc4_tokens_b", "wikipedia": "wikipedia_bytes"}
"""Pre-training corpora by name: CC-100 (GiB; XLM-R), mC4 (billion tokens; mT5, ByT5), Wikipedia (bytes; mBERT)."""
SIZE_LABELS = {"cc100": "CC-100 size (GiB)", "mc4": "mC4 tokens (billions)", "wikipedia": "Wikipedia size (bytes)"}

MEMBERS = {"zho": "cmn", "est": "ekk", "grn": "gug", "kon": "kng", "srd": "sro"}
"""Macro-languages under which FLORES-200 names an individual language: the member with most attested URIEL features."""
TABLES = {"code": "", "tatoeba": "tatoeba_distances.csv", "uriel": "flores_distances.csv"}
"""Where the distances of a row of ``uriel.csv`` stand, by the first of these columns that it fills."""

_Number = Annotated[float | None, BeforeValidator(lambda given: None if given == "" else given)]
_Count = Annotated[int | None, BeforeValidator(lambda text: text or None)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Distance(_Row):
    """One row of ``uriel.csv`` with its distances to English, 0 (English) to 1, from URIEL vectors and coordinates.

    The distances of the benchmarks' languages are those of `language_distances`, of Tatoeba's other languages those of
    ``tatoeba_distances.csv``, of FLORES-200's further ones those of ``flores_distances.csv``. `attested` counts the
    features (of 289) with an attested, not a predicted, value.
    """

    uriel: str
    code: str
    tatoeba: str
    name: str
    glottocode: str
    family: str
    geographic: _Number
    genetic: _Number
    syntactic: _Number
    phonological: _Number
    inventory: _Number
    featural: _Number
    attested: int


class Resources(_Row):
    """One row of ``resources.csv``: Joshi class 0-5, sizes of corpora, whether mBERT was trained on the language."""

    code: str
    iso639_3: str
    flores: str
    name: str
    joshi_class: _Count
    cc100_gib: _Number
    mc4_tokens_b: _Number
    wikipedia_bytes: _Number
    wikipedia_articles: _Number
    wikipedia_tokens: _Number
    in_mbert: _Count


class Features(_Row):
    """All features of one language; `code` is ours, `wals` maps chapter to value (both as WALS numbers them)."""

    code: str
    name: str
    family: str | None
    script: str | None
    distance: Distance | None
    resources: Resources | None
    wals: dict[str, int] = {}

    def number(self, name: str) -> float | None:
        """A distance (``syntactic``) or a corpus size (``cc100``) by name; raises `UnknownName`."""
        if name in DISTANCES:
            return getattr(self.distance, name) if self.distance else None
        if name in SIZES:
            return getattr(self.resources, SIZES[name]) if self.resources else None
        raise UnknownName.of("language feature", name, [*DISTANCES, *SIZES])


def features(code: str) -> Features:
    """Features by the benchmarks', a Tatoeba, ISO 639 or FLORES code; raises `UnknownName`, also for unclear ones."""
    found = known(code)
    if found is None:
        raise UnknownName.of("language", code, [*_by_code(), *_aliases()])
    return found


def known(code: str) -> Features | None:
    """Like `features`, None for a language without any; a code that may mean several still raises `UnknownName`."""
    table, others = _by_code(), _aliases()
    if code in table or code in others:
        return table[others.get(code, code)]
    if not language_codes.candidates(code):
        return None
    language = language_codes.find(code)
    return table.get(others.get(language.code, language.code))


def written_twice(codes: Iterable[str]) -> list[str]:
    """Of some languages those that are one language in several scripts, as ``ace_Arab and ace_Latn``."""
    found: dict[str, list[str]] = {}
    for code in sorted(set(codes)):
        entry = known(code)
        if entry and entry.distance:
            found.setdefault(entry.distance.uriel, []).append(code)
    return [" and ".join(members) for members in found.values() if len(members) > 1]


@cache
def _by_code() -> dict[str, Features]:
    everything = [_parsed(Distance, row, "uriel.csv") for row in _distances()]
    distances = [row for row in everything if row.code or row.tatoeba]
    resources = [_parsed(Resources, row, "resources.csv") for row in _rows("resources.csv")]
    wals = {row["uriel"]: _chapters(row) for row in _rows("wals.csv")}
    by_flores = {row.flores: row for row in resources}
    table: dict[str, Features] = {}
    for row in distances:
        code = row.code or row.tatoeba
        ours = languages().get(code)
        size = by_flores.get(ours.flores) if ours else _only([r for r in resources if r.iso639_3 == row.uriel])
        script = ours.script if ours else (size.flores.rpartition("_")[2] if size else None)
        table[code] = Features(
            code=code, name=ours.name if ours else row.name, family=row.family or None, script=script, distance=row,
            resources=size, wals=wals.get(row.uriel, {}),
        )  # fmt: skip
    placed = {entry.resources.flores for entry in table.values() if entry.resources}
    for left in resources:
        if left.flores not in placed:
            table[left.flores] = _of_flores(left, table, {row.uriel: row for row in everything}, wals)
    return table


def _distances() -> list[Mapping[str, object]]:
    """Rows of ``uriel.csv``, each with its distances; what has none is None."""
    benchmarks = {name: language_distances.to_english(name) for name in DISTANCES}
    others = {key: {row[key]: row for row in _rows(name)} for key, name in TABLES.items() if name}
    found: list[Mapping[str, object]] = []
    for row in _rows("uriel.csv"):
        key = next(name for name in TABLES if row[name])
        given = {name: benchmarks[name].get(row[key]) if key == "code" else others[key][row[key]][name]
                 for name in DISTANCES}  # fmt: skip
        found.append({**row, **given})
    return found


def _of_flores(
    row: Resources, table: Mapping[str, Features], distances: Mapping[str, Distance], wals: Mapping[str, dict[str, int]]
) -> Features:
    """A language of FLORES-200 or SIB-200 with its script; in a second script it shares what is known of it."""
    script = row.flores.rpartition("_")[2]
    uriel = MEMBERS.get(row.iso639_3, row.iso639_3)
    if twin := next((e for e in table.values() if e.distance and e.distance.uriel == uriel), None):
        return twin.model_copy(update={"code": row.flores, "script": script, "resources": row})
    listed = language_codes.flores_languages().get(row.flores)
    return Features(code=row.flores, name=row.name, family=listed.family or None if listed else None, script=script,
                    distance=distances.get(uriel), resources=row, wals=wals.get(uriel, {}))  # fmt: skip


@cache
def _aliases() -> dict[str, str]:
    """Codes of Tatoeba, URIEL and FLORES, to the codes of `_by_code`; the benchmarks' own come first."""
    found: dict[str, str] = {}
    for code, entry in _by_code().items():
        ours = languages().get(code)
        names = [ours.tatoeba, ours.flores] if ours else []
        names += [entry.distance.tatoeba, entry.distance.uriel] if entry.distance and "_" not in code else []
        names += [entry.resources.flores] if entry.resources else []
        for name in names:
            found.setdefault(name, code)
    found.pop("", None)
    return found


def _only(rows: list[Resources]) -> Resources | None:
    return rows[0] if len(rows) == 1 else None


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _chapters(row: dict[str, str]) -> dict[str, int]:
    return {chapter: int(value) for chapter, value in row.items() if chapter[0].isdigit() and value}


def _parsed(model: type[Any], row: Mapping[str, object], name: str) -> Any:
    try:
        return model(**row)
    except ValidationError as error:
        raise DataError(f"{FOLDER / name}: row {row}: {complaint(error)}") from error
