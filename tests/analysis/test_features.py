"""The tables of language features: what they cover, that they are the sources' values, and codes of other standards."""

import csv
from typing import Any

import numpy as np
import pytest

from tests import language_features
from tests.shared_data import DATA, REFERENCE, needs_data, needs_reference
from xstilts_eval.analysis.features import DISTANCES, SIZES, features, known
from xstilts_eval.analysis.morphology import complexity
from xstilts_eval.analysis.stats import regression
from xstilts_eval.errors import UnknownName
from xstilts_eval.language_codes import flores_languages
from xstilts_eval.languages import languages


def test_every_language_of_the_benchmarks_has_features():
    for code in languages():
        entry: Any = features(code)
        assert entry.distance is not None and entry.resources is not None
        assert entry.script == languages()[code].script
        assert all(0 <= (entry.number(name) or 0) <= 1 for name in DISTANCES)


@pytest.mark.parametrize(("given", "code"), [("swh_Latn", "sw"), ("swh", "sw"), ("swa", "sw"), ("cmn", "zh"),
                                             ("sv", "swe"), ("eng_Latn", "en"), ("pes_Arab", "fa")])  # fmt: skip
def test_codes_of_other_standards(given, code):
    assert features(given).code == code


@pytest.mark.parametrize("code", ["zho", "ace", "no"])
def test_a_code_that_names_several_languages_is_refused(code):
    with pytest.raises(UnknownName, match="could mean"):
        features(code)
    with pytest.raises(UnknownName, match="could mean"):
        known(code)


def test_an_unknown_code_offers_close_ones():
    with pytest.raises(UnknownName, match="unknown language 'sw_Latn'"):
        features("sw_Latn")
    assert known("xx") is None


def test_what_no_source_gives_is_none():
    assert features("ht").number("cc100") is None
    assert features("wo").number("mc4") is None
    with pytest.raises(UnknownName, match="syntactic"):
        features("de").number("syntaktic")


# Check values computed apart from this package.
def test_corpus_sizes_rank_languages_alike():
    entries: Any = [features(code) for code in languages()]
    whole: Any = [e for e in entries if e.number("cc100") is not None and e.number("mc4") is not None]
    assert len(whole) == 46
    cc100 = [e.number("cc100") for e in whole]
    found: Any = {name: regression.spearman(cc100, [e.number(name) for e in whole]).estimate for name in SIZES}
    assert round(found["mc4"], 2) == 0.84 and round(found["wikipedia"], 2) == 0.83
    classes = [e.resources.joshi_class for e in whole]
    assert round(regression.spearman(cc100, classes).estimate, 2) == 0.64


def test_classes_of_the_fifty_languages():
    entries: Any = [features(code) for code in languages()]
    classes = [entry.resources.joshi_class for entry in entries]
    assert [classes.count(level) for level in range(1, 6)] == [7, 6, 17, 13, 7]


@needs_reference
def test_the_tables_are_the_sources_values():
    with (DATA / "language_features" / "distance_to_english.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            entry: Any = features(row["xtreme_r_code"] or row["tatoeba_code"])
            assert entry.distance.uriel == row["uriel_code"]
            assert entry.number("syntactic") == float(row["syntactic"])
            assert entry.number("genetic") == (float(row["genetic_family_cosine"] or "nan") if
                                               row["genetic_family_cosine"] else None)  # fmt: skip
    with (REFERENCE / "language_resources.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            entry = features(row["flores_code"])
            if row["iso639_1"]:  # the reference has sizes of the benchmarks' languages
                assert entry.number("cc100") == (float(row["cc100_GiB"]) if row["cc100_GiB"] else None)


@needs_reference
def test_morphological_complexity_of_the_fifty_languages():
    """C_WALS of the reference table, computed apart from this package; 67 of its rows agree with the authors' own."""
    with (REFERENCE / "language_resources.csv").open(encoding="utf-8") as file:
        expected = {row["iso639_1"]: row for row in csv.DictReader(file) if row["iso639_1"] and row["c_wals"]}
    compared = 0
    for code, row in expected.items():
        value, chapters = complexity.c_wals(features(code).wals)
        assert value == pytest.approx(float(row["c_wals"]), abs=5.1e-5)
        assert chapters == int(row["c_wals_chapters"])
        compared += chapters >= complexity.MINIMUM_CHAPTERS
    assert compared == 40
    assert np.isclose(complexity.c_wals(features("ta").wals)[0], 0.878, atol=5e-4)


@needs_data
def test_the_recipe_of_the_distances_gives_those_of_the_source():
    """URIEL's vectors of 119 languages, and distances computed from them apart from this package."""
    with (DATA / "language_features" / "uriel_knn_features.tsv").open(encoding="utf-8") as file:
        header, *lines = [line.rstrip("\n").split("\t") for line in file]
    vectors = {line[0]: np.array([float(value) for value in line[1:]]) for line in lines}
    with (DATA / "language_features" / "distance_to_english.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 119
    english = next((float(r["latitude"]), float(r["longitude"])) for r in rows if r["uriel_code"] == "eng")
    for row in rows:
        made = language_features.by_kind(header[1:], vectors[row["uriel_code"]], vectors["eng"])
        assert {kind: f"{value:.4f}" for kind, value in made.items()} == {kind: row[kind] for kind in made}
        if not row["latitude"]:
            assert row["geographic"] == ""  # Esperanto and others have no place
            continue
        place = (float(row["latitude"]), float(row["longitude"]))
        assert f"{language_features.great_circle(place, english):.4f}" == row["geographic"]


def test_every_language_of_flores_and_sib_has_what_analyses_need():
    """204 of FLORES-200; N'Ko (SIB-200) has neither an attested feature nor a place in the sources."""
    entries: Any = {code: features(code) for code in flores_languages()}
    for code, entry in entries.items():
        assert entry.script == ("Kore" if code == "kor_Hang" else code.rpartition("_")[2])
        assert entry.family == flores_languages()[code].family
        assert all(0 <= entry.number(name) <= 1 for name in DISTANCES if name != "genetic"), code
    # URIEL has no family-membership vector of these.
    assert {code for code, entry in entries.items() if entry.number("genetic") is None} == {
        "est_Latn", "eus_Latn", "ltg_Latn", "lvs_Latn", "nno_Latn", "nob_Latn", "twi_Latn"
    }  # fmt: skip
    assert features("nqo_Nkoo").script == "Nkoo" and features("nqo_Nkoo").number("syntactic") is None
    scripts = [features(code) for code in ("ace_Arab", "ace_Latn")]
    assert scripts[0].distance == scripts[1].distance and scripts[0].code != scripts[1].code
    assert features("zho_Hant").distance == features("zh").distance


# Kilometres by air from London to Wellington, Johannesburg, Apia, Kathmandu and Luxembourg over half the circumference.
# Glottolog places a language at its middle, not in a capital.
@pytest.mark.parametrize(("code", "kilometres"), [("mri_Latn", 18_800), ("zul_Latn", 9_560), ("smo_Latn", 15_750),
                                                  ("npi_Deva", 7_330), ("ltz_Latn", 490)])  # fmt: skip
def test_distances_on_the_map(code, kilometres):
    assert features(code).number("geographic") == pytest.approx(kilometres / 20_015, abs=0.04)


# XLM-R's paper, table 6 (arXiv:1911.02116), GiB; mT5's, table 5 (arXiv:2010.11934), billion tokens.
@pytest.mark.parametrize(("code", "cc100", "mc4"), [
    ("swe_Latn", 85, 45), ("zho_Hant", 16.6, None), ("gaz_Latn", 0.1, None), ("nob_Latn", 49, 27),
    ("zul_Latn", None, 0.2), ("ckb_Arab", None, None), ("arz_Arab", None, None), ("uig_Arab", 0.4, None),
    ("khk_Cyrl", 3, 1.8),
])  # fmt: skip
def test_sizes_of_corpora_beyond_the_benchmarks(code, cc100, mc4):
    assert (features(code).number("cc100"), features(code).number("mc4")) == (cc100, mc4)


def test_languages_of_cc100_in_flores():
    """100 rows of the table: five romanised, Latin, Frisian and Breton not in FLORES-200, Burmese twice."""
    entries: Any = [features(code) for code in flores_languages()]
    assert sum(entry.number("cc100") is not None for entry in entries) == 100 - 5 - 3 - 1


@needs_reference
def test_resource_classes_of_flores():
    with (REFERENCE / "language_resources.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            resources: Any = features(row["flores_code"]).resources
            assert resources.joshi_class == (int(row["joshi_class"]) if row["joshi_class"] else None)
