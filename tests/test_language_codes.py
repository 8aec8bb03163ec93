"""One table of language codes: every FLORES-200 file, every XTREME(-R) language; what is ambiguous is refused."""

import csv

import pytest

from tests.shared_data import DATA, REFERENCE, needs_data, needs_reference
from xstilts_eval.errors import UnknownName
from xstilts_eval.language_codes import candidates, find, flores_languages, iso639_3, xtreme_code
from xstilts_eval.languages import languages


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("deu_Latn", "deu_Latn"),
        ("deu", "deu_Latn"),
        ("de", "deu_Latn"),
        ("zho_Hant", "zho_Hant"),
        ("zh", "zho_Hans"),  # XTREME's Chinese is simplified
        ("ar", "arb_Arab"),
        ("kor", "kor_Hang"),
        ("swa", "swh_Latn"),  # a macro-language with one member in FLORES-200
        ("sqi", "als_Latn"),
        ("sq", "als_Latn"),
        ("sv", "swe_Latn"),
        ("mon", "khk_Cyrl"),
        ("aka", "aka_Latn"),  # FLORES has both the macro-language and its member Twi
        ("tw", "twi_Latn"),
        ("est", "est_Latn"),
        ("sat", "sat_Olck"),
    ],
)
def test_a_code_of_any_standard_means_one_language(code: str, meant: str) -> None:
    assert find(code).code == meant


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("zho", {"zho_Hans", "zho_Hant", "yue_Hant"}),
        ("fas", {"pes_Arab", "prs_Arab"}),
        ("aze", {"azj_Latn", "azb_Arab"}),
        ("no", {"nno_Latn", "nob_Latn"}),
        ("nor", {"nno_Latn", "nob_Latn"}),
        ("ku", {"ckb_Arab", "kmr_Latn"}),
        ("msa", {"zsm_Latn", "ind_Latn", "min_Arab", "min_Latn", "bjn_Arab", "bjn_Latn"}),
        ("ace", {"ace_Arab", "ace_Latn"}),
        ("arb", {"arb_Arab", "arb_Latn"}),
        ("lv", {"ltg_Latn", "lvs_Latn"}),
    ],
)
def test_an_ambiguous_code_is_refused_with_all_it_could_mean(code: str, meant: set[str]) -> None:
    assert {row.code for row in candidates(code)} == meant
    with pytest.raises(UnknownName) as refusal:
        find(code)
    assert all(name in str(refusal.value) for name in meant)


@pytest.mark.parametrize("code", ["xx", "", "DEU", "deu_Cyrl", "klingon"])
def test_an_unknown_code_is_refused(code: str) -> None:
    with pytest.raises(UnknownName, match="unknown language code"):
        find(code)


@pytest.mark.parametrize("code", ["deu_Cyrl", "deu_latn", "DEU"])
def test_a_wrong_script_or_case_is_met_with_the_right_code(code: str) -> None:
    with pytest.raises(UnknownName, match="deu_Latn"):
        find(code)


def test_every_language_of_xtreme_and_its_flores_code_agree() -> None:
    for code, language in languages().items():
        assert find(code).code == language.flores
        assert xtreme_code(language.flores) == code
    assert sum(bool(row.xtreme) for row in flores_languages().values()) == len(languages()) == 50


def test_a_language_outside_xtreme_has_no_code_there() -> None:
    assert iso639_3("lao_Laoo") == "lao"
    with pytest.raises(UnknownName, match="lao_Laoo"):
        xtreme_code("lao_Laoo")


@needs_data
def test_the_table_has_exactly_the_files_of_the_release() -> None:
    names = {path.name.split(".")[0] for path in (DATA / "flores200" / "devtest").iterdir()}
    assert names == set(flores_languages()) and len(names) == 204


@needs_reference
def test_resource_classes_are_those_of_the_reference_table() -> None:
    with (REFERENCE / "language_resources.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            expected = row["joshi_class"] or row["joshi_class_second"]
            assert flores_languages()[row["flores_code"]].resource_class == expected, row["flores_code"]


@needs_data
def test_families_agree_with_those_beside_the_typological_distances() -> None:
    """Other rows of Glottolog, taken by URIEL's codes."""
    with (DATA / "language_features" / "distance_to_english.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["xtreme_r_code"] and row["family"]]
    assert len(rows) > 40
    for row in rows:
        ours = find(row["xtreme_r_code"]).family
        assert ours.removesuffix(" (isolate)") == row["family"].removesuffix(" (isolate)"), row
