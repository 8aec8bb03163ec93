"""Groups of languages, and the table of resource classes against the notes' counts."""

from __future__ import annotations

import csv
from collections import Counter

from tests.shared_data import REFERENCE, needs_reference
from xstilts_eval.languages import languages, resource_classes
from xstilts_eval.results.groups import KINDS, UNKNOWN, group_of, groups


def test_every_language_has_a_class() -> None:
    """Class 1: 7, 2: 6, 3: 17, 4: 13, 5: 7 languages (analysis notes, section 7)."""
    assert resource_classes().keys() == languages().keys()
    assert Counter(resource_classes().values()) == {1: 7, 2: 6, 3: 17, 4: 13, 5: 7}


@needs_reference
def test_classes_are_those_of_the_reference_table() -> None:
    with (REFERENCE / "language_resources.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["iso639_1"]]
    assert {row["iso639_1"]: int(row["joshi_class"]) for row in rows} == resource_classes()


def test_groups_by_family_script_and_resources() -> None:
    codes = ["de", "ru", "hi", "fi", "eu", "ko", "az", "sw"]
    assert groups(codes, "family") == {
        "Indo-European": ["de", "ru", "hi"],
        "Niger-Congo": ["sw"],
        "Uralic": ["fi"],
        "isolate (Basque)": ["eu"],
        "isolate (Korean)": ["ko"],  # two isolates are no family
        UNKNOWN: ["az"],
    }
    assert groups(codes, "script")["Latn"] == ["de", "fi", "eu", "az", "sw"]
    assert list(groups(codes, "resources")) == ["class 1", "class 2", "class 4", "class 5"]


def test_codes_of_the_bitext_files() -> None:
    found = [group_of(code, "script") for code in ("deu", "cmn", "swh", "xho", "tzl")]
    assert found == ["Latn", "Hans", "Latn", "Latn", UNKNOWN]  # Xhosa is in the table of FLORES-200, Talossan in none
    assert group_of("deu", "resources") == "class 5"


def test_groups_divide_the_languages() -> None:
    for kind in KINDS:
        found = groups(languages(), kind)
        assert sorted(code for members in found.values() for code in members) == sorted(languages())
