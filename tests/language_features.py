"""Features of languages from URIEL, Glottolog, WALS and tables of corpora: how the tables are made.

``python -m tests.language_features LANG2VEC GLOTTOLOG WALS STATS`` writes ``flores_distances.csv``, ``uriel.csv``,
``wals.csv`` and the sizes of CC-100 and mC4 in ``resources.csv``. LANG2VEC is ``lang2vec/data`` of antonisa/lang2vec @
82ab4457, GLOTTOLOG ``cldf`` of glottolog/glottolog-cldf v5.1, WALS ``cldf`` of cldf-datasets/wals v2020, STATS
mayhewsw/multilingual-data-stats @ f91a379d. Rows of the benchmarks' and Tatoeba's languages must come out as they
stand, else nothing is written.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xstilts_eval.analysis import features
from xstilts_eval.language_codes import flores_languages

KINDS = {"syntactic": "S_", "phonological": "P_", "inventory": "INV_", "featural": ""}
"""Prefixes of the features that a distance is taken over."""
COLUMNS = ("uriel", *KINDS, "genetic", "geographic")


def cosine(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """1 - cosine of two vectors."""
    return max(0.0, 1 - float(one @ other / np.sqrt((one @ one) * (other @ other))))


def great_circle(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance of two (latitude, longitude) pairs in degrees over half the circumference of a sphere, 0 to 1."""
    (a, b), (c, d) = (tuple(map(math.radians, place)) for place in (one, other))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * math.asin(math.sqrt(half)) / math.pi


def by_kind(names: Sequence[str], one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> dict[str, float]:
    """The four distances of two completed feature vectors."""
    places = {kind: [i for i, name in enumerate(names) if name.startswith(start)] for kind, start in KINDS.items()}
    return {kind: cosine(one[own], other[own]) for kind, own in places.items()}


@dataclass(frozen=True)
class Arrays:
    """One of lang2vec's files: feature names, rows by ISO 639-3 code, values [languages, features]."""

    names: list[str]
    rows: dict[str, int]
    values: np.ndarray[Any, Any]

    def of(self, code: str) -> np.ndarray[Any, Any]:
        vector: np.ndarray[Any, Any] = self.values[self.rows[code]].astype(np.float64)
        return vector


def arrays(path: Path) -> Arrays:
    content = np.load(path)
    rows = {str(code): place for place, code in enumerate(content["langs"])}
    return Arrays([str(name) for name in content["feats"]], rows, content["data"][:, :, 0])


@dataclass(frozen=True)
class Source:
    """URIEL and Glottolog as they were read."""

    completed: Arrays
    attested: Arrays
    families: Arrays
    places: Mapping[str, Mapping[str, str]]
    names: Mapping[str, str]

    @classmethod
    def read(cls, lang2vec: Path, glottolog: Path) -> Source:
        files = ("feature_predictions.npz", "feature_averages.npz", "family_features.npz")
        with (glottolog / "languages.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        places = {row["ISO639P3code"]: row for row in rows if row["ISO639P3code"]}
        completed, attested, families = (arrays(lang2vec / name) for name in files)
        return cls(completed, attested, families, places, {row["ID"]: row["Name"] for row in rows})

    def distances(self, code: str) -> dict[str, str]:
        """A row of a table of distances, four decimals; empty where the source has nothing."""
        found: dict[str, float | None] = dict(
            by_kind(self.completed.names, self.completed.of(code), self.completed.of("eng"))
        )
        has_family = code in self.families.rows and self.families.of(code).any()
        found["genetic"] = cosine(self.families.of(code), self.families.of("eng")) if has_family else None
        here, there = self._place(code), self._place("eng")
        found["geographic"] = great_circle(here, there) if here and there else None
        return {"uriel": code, **{name: "" if found[name] is None else f"{found[name]:.4f}" for name in COLUMNS[1:]}}

    def _place(self, code: str) -> tuple[float, float] | None:
        row = self.places[code]
        return (float(row["Latitude"]), float(row["Longitude"])) if row["Latitude"] else None

    def about(self, code: str) -> dict[str, str]:
        """A row of ``uriel.csv`` without codes of benchmarks; an isolate is its own family."""
        row = self.places[code]
        family = self.names[row["Family_ID"]] if row["Family_ID"] else row["Name"]
        attested = int((self.attested.of(code) >= 0).sum())
        return {"uriel": code, "code": "", "tatoeba": "", "name": row["Name"], "glottocode": row["ID"],
                "family": family, "attested": str(attested)}  # fmt: skip


def wanted() -> list[str]:
    """URIEL's codes of FLORES-200's languages."""
    codes = {row.iso639_3 for row in flores_languages().values()}
    return sorted({features.MEMBERS.get(code, code) for code in codes})


def table(name: str) -> list[dict[str, str]]:
    with (features.FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(name: str, rows: Sequence[Mapping[str, str]]) -> None:
    with (features.FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


WALS_CODES = {"ekk": "est", "lvs": "lav"}
"""What WALS calls two languages that URIEL names apart from their macro-language."""


def chapters(folder: Path, codes: Sequence[str], names: Sequence[str]) -> list[dict[str, str]]:
    """Rows of ``wals.csv``: by ISO 639-3 code the WALS language with most values, without those that have none here."""
    values: dict[str, dict[str, str]] = {}
    with (folder / "values.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values.setdefault(row["Language_ID"], {})[row["Parameter_ID"]] = row["Value"]
    by_code: dict[str, list[str]] = {}
    with (folder / "languages.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for code in row["ISO_codes"].split():
                by_code.setdefault(code, []).append(row["ID"])
    found = []
    for code in codes:
        most = max(by_code.get(WALS_CODES.get(code, code), ["none"]), key=lambda one: len(values.get(one, {})))
        own = {name: values.get(most, {}).get(name, "") for name in names}
        found += [{"uriel": code, "wals": most, **own}] if any(own.values()) else []
    return found


CORPORA = {"cc100_gib": ("cc-100/cc-100.csv", "Size (GiB)"), "mc4_tokens_b": ("mc4/mc4.csv", "Tokens (Billions)")}
STANDARD = {"fa": "pes_Arab", "no": "nob_Latn", "ar": "arb_Arab", "ms": "zsm_Latn", "lv": "lvs_Latn", "az": "azj_Latn",
            "zh": "zho_Hans", "ku": "kmr_Latn", "iw": "heb_Hebr", "fil": "tgl_Latn", "ceb": "ceb_Latn"}  # fmt: skip
"""Which language and script of FLORES-200 a corpus means by codes that it shares with others, or writes otherwise."""


def sizes(folder: Path, column: str) -> dict[str, str]:
    """Size of a corpus by FLORES code. A code counts for the first row that has it (Burmese before Zawgyi)."""
    by_code: dict[str, str] = {}
    for code, row in flores_languages().items():
        by_code.setdefault(row.iso639_1, code)
    name, value = CORPORA[column]
    found: dict[str, str] = {}
    with (folder / name).open(encoding="utf-8", newline="") as file:
        for size in csv.DictReader(file):
            short = next(iter(size.values()))
            flores = (
                "zho_Hant" if "Traditional" in size.get("Language", "") else STANDARD.get(short, by_code.get(short))
            )
            if flores:
                found.setdefault(flores, size[value].replace(",", ""))
    return found


def main(lang2vec: Path, glottolog: Path, wals: Path, stats: Path) -> None:
    source = Source.read(lang2vec, glottolog)
    benchmarks = [row for row in table("uriel.csv") if row["code"] or row["tatoeba"]]
    for row in table("tatoeba_distances.csv"):
        code = next(one["uriel"] for one in benchmarks if one["tatoeba"] == row["tatoeba"])
        made = source.distances(code)
        if any(made[name] != row[name] for name in COLUMNS[1:]):
            raise SystemExit(f"{code}: the arrays give {made}, the table says {row}")
    before = table("wals.csv")
    names = list(before[0])[2:]
    codes = [row["uriel"] for row in benchmarks]
    told = chapters(wals, codes, names)
    if told != [row for row in before if row["uriel"] in codes]:
        raise SystemExit(f"WALS gives other rows than the table: {[row['uriel'] for row in told if row not in before]}")
    resources = table("resources.csv")
    for column in CORPORA:
        known = sizes(stats, column)
        for row in resources:
            if row["code"] and row[column] != known.get(row["flores"], ""):
                raise SystemExit(
                    f"{row['flores']}: {column} is {row[column]}, the source has {known.get(row['flores'])}"
                )
            row[column] = known.get(row["flores"], "")
    more = [code for code in wanted() if code not in {row["uriel"] for row in benchmarks}]
    write("flores_distances.csv", [source.distances(code) for code in more])
    write("uriel.csv", sorted([*benchmarks, *map(source.about, more)], key=lambda row: row["uriel"]))
    write("wals.csv", chapters(wals, sorted([*codes, *more]), names))
    write("resources.csv", resources)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
