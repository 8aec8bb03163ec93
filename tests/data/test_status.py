"""The table of what a folder holds."""

from pathlib import Path

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import FAMILIES, XTREME, family
from xstilts_eval.data.status import Row, status

PANX = "yo:Ibadan\tB-LOC\n\n"


def _put(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def test_one_row_per_leaf_in_the_order_of_the_benchmark(tmp_path: Path) -> None:
    rows = status(tmp_path)
    assert len(rows) == 162 + 203 + 112 + 411 + 3 * 203  # XTREME, XTREME-R, LASER's pairs, beyond, FLORES-200
    assert [(row.family, row.language) for row in rows[:2]] == [("xtreme_xnli", "ar"), ("xtreme_xnli", "bg")]
    assert rows[-1].family == "beyond_belebele"
    assert len({(row.family, row.language) for row in rows}) == len(rows)
    assert all(row.rows == 0 and row.path == "" and not row.complete and len(row.notes) == 1 for row in rows)
    assert sum(len(each.languages) for each in XTREME) == 162


def test_found_partial_broken_and_missing(tmp_path: Path) -> None:
    _put(tmp_path, "panx/yo/test", PANX * 100)
    _put(tmp_path, "panx/my/test", PANX * 3)
    _put(tmp_path, "panx/jv/test", "jv:a\tB-CITY\n")
    rows = {row.language: row for row in status(tmp_path, families=[family("panx")])}
    assert len(rows) == 40
    assert rows["yo"] == Row("xtreme_panx", "yo", "panx/yo/test", 100, True, "none stated", ())
    assert rows["my"].notes == ("partial: 3 of 100 sentences",)
    assert (rows["jv"].path, rows["jv"].rows) == ("", 0)
    assert "panx/jv/test, line 1: label 'B-CITY'" in rows["jv"].notes[0]
    assert "AmazonPhotos.zip" in rows["de"].notes[0]


def test_path_of_several_files(tmp_path: Path) -> None:
    sentence = "1\ta\t_\tX\t_\t_\t0\troot\t_\t_\n\n"
    _put(tmp_path, "ud-treebanks-v2.5/UD_German-A/de_a-ud-test.conllu", sentence)
    _put(tmp_path, "ud-treebanks-v2.5/UD_German-B/de_b-ud-test.conllu", sentence)
    for ending, text in {"de": "d\tx\n", "en": "e\ty\n", "gold": "d\te\n"}.items():
        _put(tmp_path, f"bucc2018/de-en/de-en.training.{ending}", text)
    rows = status(tmp_path, families=[family("udpos"), family("bucc2018")])
    paths = {row.family: row.path for row in rows if row.language == "de"}
    assert paths == {
        "xtreme_udpos": "ud-treebanks-v2.5",
        "xtreme_bucc2018": "bucc2018/de-en/de-en.training.de",
    }


def test_managed_folder_says_where_the_rest_comes_from(tmp_path: Path) -> None:
    _put(tmp_path, "panx/yo/test", PANX * 100)
    rows = {row.language: row for row in status(tmp_path, families=[family("panx")], is_hub=True)}
    assert rows["yo"].notes == ()
    assert rows["sw"].notes == ("not fetched yet: comes from google/xtreme@ec5f1f46e9af when it is asked for",)
    (bucc, *_) = status(tmp_path, "dev", families=[family("bucc2018")], is_hub=True)
    assert "the hub has no sample (dev) set of BUCC 2018" in bucc.notes[0]


@pytest.mark.parametrize("group", sorted(FAMILIES))
def test_every_family_has_terms_and_a_citation(group: str) -> None:
    credit = FAMILIES[group].data
    assert credit.licence and any(str(year) in credit.citation for year in range(2017, 2026))


def test_licences() -> None:
    expected = {
        "xnli": "CC BY-NC 4.0",
        "pawsx": "may be freely used for any purpose (acknowledge Google LLC)",
        "udpos": "per treebank (see each README; several are NC)",
        "panx": "none stated",
        "xquad": "CC BY-SA 4.0",
        "mlqa": "CC BY-SA 3.0",
        "tydiqa": "Apache 2.0",
        "bucc2018": "none found",
        "tatoeba": "CC BY 2.0 FR",
        "xcopa": "CC BY 4.0",
        "lareqa": "CC BY-SA 4.0",
        "mewslix": "not stated with the data",
    }
    assert {name: family(name).data.licence for name in expected} == expected


@needs_data
def test_real_folder() -> None:
    groups = [one.group for one in FAMILIES.values() if one.suite in ("xtreme", "xtremer", "bitext")]
    rows = status(DATA, families=[FAMILIES[group] for group in groups])
    found = {group: sum(row.rows > 0 for row in rows if row.family == group) for group in groups}
    assert found == {
        "xtreme_xnli": 0, "xtreme_pawsx": 2, "xtreme_udpos": 25, "xtreme_panx": 0, "xtreme_xquad": 9,
        "xtreme_mlqa": 0, "xtreme_tydiqa": 0, "xtreme_bucc2018": 0, "xtreme_tatoeba": 33,
        "bitext_tatoeba": 102,
        "xtremer_xnli": 0, "xtremer_xcopa": 11, "xtremer_udpos": 26, "xtremer_panx": 0, "xtremer_xquad": 9,
        "xtremer_mlqa": 0, "xtremer_tydiqa": 0, "xtremer_tatoeba": 38, "xtremer_mewslix": 0, "xtremer_lareqa": 9,
    }  # fmt: skip
    assert sum(row.rows for row in rows if row.family == "bitext_tatoeba") == 80_694
    tydiqa = next(row for row in rows if (row.family, row.language) == ("xtreme_tydiqa", "fi"))
    assert "782 of 782 questions have no answers" in tydiqa.notes[0]
