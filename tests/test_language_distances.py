"""Distances to English: complete, in range, equal to the table they were taken from."""

from __future__ import annotations

import csv

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval.errors import UnknownName
from xstilts_eval.language_distances import MEASURES, to_english
from xstilts_eval.languages import languages


@pytest.mark.parametrize("measure", MEASURES)
def test_every_language_has_a_distance_between_0_and_1(measure: str) -> None:
    found = to_english(measure)
    assert found["en"] == 0 and all(0 <= value <= 1 for value in found.values())
    lacking = set(languages()) - set(found)
    assert lacking == ({"et", "eu"} if measure == "genetic" else set()), "URIEL gives those two no family"


def test_an_unknown_measure_is_refused_with_close_matches() -> None:
    with pytest.raises(UnknownName, match="did you mean syntactic"):
        to_english("syntax")


@needs_data
def test_the_table_is_that_of_the_source() -> None:
    columns = {name: "genetic_family_cosine" if name == "genetic" else name for name in MEASURES}
    with (DATA / "language_features" / "distance_to_english.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["xtreme_r_code"]]
    assert len(rows) == 50
    for measure, column in columns.items():
        assert to_english(measure) == {row["xtreme_r_code"]: float(row[column]) for row in rows if row[column]}
