"""The tables of language features: what they cover, that they are the sources' values, and codes of other standards."""

import csv
from typing import Any

import numpy as np
import pytest

from tests.shared_data import DATA, REFERENCE, needs_reference
from xstilts_eval.analysis.features import DISTANCES, SIZES, features, known
from xstilts_eval.analysis.morphology import complexity
from xstilts_eval.analysis.stats import regression
from xstilts_eval.errors import UnknownName
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
