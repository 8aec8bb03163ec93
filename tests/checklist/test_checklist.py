"""MultiCheckList: the pass rule, the cases, the counts, the official file's layout, and the way through a span head."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from xstilts_eval.checklist import official, run, templates
from xstilts_eval.checklist.generate import cases
from xstilts_eval.checklist.rule import clean, passes
from xstilts_eval.checklist.templates import TESTS, Template
from xstilts_eval.errors import DataError, SettingError, UnfitCheckpoint, UnknownName

# --- the rule: expected by hand from the table in the project's notes (1.10)


@pytest.mark.parametrize(
    ("predicted", "right", "language", "is_right"),
    [
        ("dog", "a dog", "en", True),
        ("the dog.", "a dog", "en", True),
        ("Dog", "dog", "en", False),  # no lower-casing
        ("The dog", "dog", "en", False),  # hence no article either
        ("another dog", "dog", "en", False),
        ("Adam, ", "Adam", "en", True),
        ("Adam!", "Adam", "en", False),
        ("", "Adam", "en", False),
        ("einen Hund", "Hund", "de", True),
        ("den Hund", "Hund", "de", False),
        ("une oie.", "oie", "fr", True),
        ("laine", "la laine", "fr", True),
        ("la laine", "laisse", "fr", False),
        ("el perro", "un perro", "es", True),
        ("a dog", "dog", "id", False),  # no articles to remove
        ("الكلب", "كلب", "ar", True),
        ("’n hond", "hond", "af", True),
        ("„Jan”.", "Jan", "pl", True),
        ("ένα σκύλο", "σκύλο", "el", True),
        ("ਕੁੱਤਾ।", "ਕੁੱਤਾ", "pa", True),
        ("एककुत्ता", "कुत्ता", "hi", True),  # also glued to the word
    ],
)
def test_what_passes(predicted: str, right: str, language: str, is_right: bool) -> None:
    assert passes(predicted, right, language) is is_right


def test_articles_in_the_middle_go_too() -> None:
    assert clean("a dog in the car.", "en") == re.sub(r"\b(a|an|the|in|at)\b", " ", "a dog in the car").strip(" ")


# --- cases


@pytest.mark.parametrize("code", templates.own_languages())
def test_every_language_makes_the_official_number_of_cases(code: str) -> None:
    """Six tests, 200 distinct cases, every answer to be found in its context (it is cut out of it)."""
    planned = run.plan([code], [], 200, 1)
    assert list(planned.cases) == [f"multichecklist.{test}.{code}" for test in TESTS]
    for name, listed in planned.cases.items():
        assert len(set(listed)) == len(listed) == 200, name
        for case in listed:
            for one in case:
                assert one.answer in one.context, one
                assert not set("{}") & set(one.context + one.question + one.answer), one
                assert one.context[0].isupper() and one.context.endswith("."), one
                assert one.question.rstrip()[-1] == "?", one
            assert len({one.answer for one in case}) > 1, "a constant answer must not pass"


def test_questions_of_a_case_are_all_contexts_times_all_questions() -> None:
    counts = {test: len(run.plan(["en"], [test], 1, 1).cases[f"multichecklist.{test}.en"][0]) for test in TESTS}
    # The official file's: 1 x 2, 6 x 2 (as in the original CheckList), 1 x 2, 4 x 2, 2 x 2, 2 x 2.
    assert list(counts.values()) == [2, 12, 2, 8, 4, 4]


def test_cases_depend_on_the_seed_alone() -> None:
    one, again, other = (run.plan(["de"], ["profession"], 20, seed).cases for seed in (1, 1, 2))
    assert one == again != other
    both = run.plan(["en", "de"], [], 20, 1).cases
    assert both["multichecklist.profession.de"] == one["multichecklist.profession.de"], "whatever else is asked for"


def test_templates_that_make_too_few() -> None:
    content = {"contexts": ["{first_name} is {s}."], "questions": [["Who?", "{first_name}"]], "values": {"s": ["here"]}}
    test = Template.model_validate(content)
    assert len(cases(test, ("A", "B", "C"), 3, "x")) == 3
    with pytest.raises(SettingError, match="the templates of x make 3 different cases; ask for fewer than 4"):
        cases(test, ("A", "B", "C"), 4, "x")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contexts": ["{first_nam} is {s}."]}, "unknown field {first_nam}"),
        ({"values": {}}, "no values for {s}"),
        ({"values": {"s": ["x"], "adj": ["older"]}}, "adj 'older' needs two forms"),
        ({"contexts": ["{p.v1} {s}"]}, "{p} needs two properties"),
        ({"extra": 1}, "Extra inputs"),
    ],
)
def test_templates_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    content = {"contexts": ["{first_name} is {s}."], "questions": [["Who?", "{first_name}"]], "values": {"s": ["x"]}}
    with pytest.raises(ValidationError, match=re.escape(message)):
        Template.model_validate(content | changes)


def test_names_that_do_not_exist() -> None:
    with pytest.raises(UnknownName, match="no MultiCheckList templates in 'fi'"):
        run.plan(["fi"], [], 1, 1)
    with pytest.raises(UnknownName, match="'comparisons'; did you mean comparison"):
        run.plan([], ["comparisons"], 1, 1)


# --- counts


def test_a_case_fails_when_any_answer_does() -> None:
    planned = run.plan(["en"], ["profession", "comparison"], 10, 1)

    def answer(documents: Sequence[Any]) -> list[str]:
        """Right, but for the first question of the cases 0, 1 and 2 and all questions of case 3 of `profession`."""
        found = []
        for doc in documents:
            _, test, _, number, place = doc["id"].split(".")
            right = planned.cases[f"multichecklist.{test}.en"][int(number)][int(place)].answer
            is_wrong = test == "profession" and (int(number) == 3 or (int(number) < 3 and place == "0"))
            found.append("nobody" if is_wrong else f"{right}.")
        return found

    leaves, rows = run.score(planned, answer)
    found = {leaf.test: (leaf.cases, leaf.failed, leaf.questions, leaf.questions_failed) for leaf in leaves}
    assert found == {"profession": (10, 4, 80, 3 + 8), "comparison": (10, 0, 20, 0)}
    assert {leaf.test: leaf.error_percent for leaf in leaves} == {"profession": 40.0, "comparison": 0.0}
    assert len(rows) == 100 and sum(not row["pass"] for row in rows) == 11
    assert run.grid(leaves) == (
        ["language", "comparison", "profession", "mean"],
        [["en", "0.0", "40.0", "20.0"]],
    )


def test_a_test_that_was_not_run_has_no_number() -> None:
    leaves = [
        run.Leaf("multichecklist.comparison.en", "comparison", "en", 4, 1, 8, 1),
        run.Leaf("multichecklist.profession.de", "profession", "de", 4, 2, 8, 2),
    ]
    assert run.grid(leaves)[1] == [["en", "25.0", "–", "–"], ["de", "–", "50.0", "–"]]


# --- the official file's layout


def official_file(folder: Path, **changes: str) -> Path:
    """A made-up file in the layout of checklist_templates.tsv: en, xx without rules, yy with one in a single test."""
    rows = ["Field\ten\tsw\tfi\tfi-placeholders"]
    for test, title in TESTS.items():
        rows += [f"Name\t{title}\t\t\t", "Capability\tTaxonomy\t\t\t"]
        who, what = ("first_name", "first_name2") if test == "animal_vehicle_v2" else ("first_name", "first_name1")
        rule = "dog" if test == "animal_vehicle" else ""
        fields = {
            "comparison": "is {adj[0]}", "intensifiers": "is {very} {s}, {somewhat}",
            "profession": "is {profession} {nationality}",
            "animal_vehicle": "has {animal} {vehicle}", "animal_vehicle_v2": "has {animal} {vehicle}",
            "properties": "has {obj[0]}. {obj[1]} is {p.v1} {p.v2} ({p.p1} {p.p2})",
        }[test]  # fmt: skip
        cell = f"{{{who}}}, {{{what}}} {fields}."
        rows.append(f"Context\t{cell}\tsw {cell}\tfi {cell}\t{rule}")
        rows.append(f"Question\tWho?\tNani?\tKuka?\t\nAnswer\t{{{who}}}\t{{{who}}}\t{{{who}}}\t")
        values = {
            "comparison": ["adj\tolder, old\tA, B\tC, D\t"],
            "intensifiers": ["state\ts1\ts2\ts3\t", "very\tv\tv\tv\t", "somewhat\tw\tw\tw\t"],
            "properties": [
                "obj\ta sofa, the sofa\tkiti, kiti\tsohva, sohva\t",
                "color\tred\tnyekundu\tpunainen\t", "size\tbig\tkubwa\tiso\t", "shape\tround\t\tpyöreä\t",
                "property\tcolor\trangi\tväri\t", "property\tsize\tukubwa\tkoko\t", "property\tshape\t\tmuoto\t",
            ],
            "profession": ["nationality\tFrench\tn\tn\t", "profession\ta baker\tp\tp\t"],
            "animal_vehicle": ["animal\ta dog\tmbwa\tkoira\t", "vehicle\ta car\tgari\tauto\t"],
            "animal_vehicle_v2": [],
        }  # fmt: skip
        rows += [*values[test], "\t\t\t\t"]
    text = "\n".join(rows) + "\n"
    for old, new in changes.items():
        text = text.replace(old.replace("_", " "), new)
    path = folder / "checklist_templates.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_official_layout_is_read(tmp_path: Path) -> None:
    path = official_file(tmp_path)
    planned = run.plan([], [], 2, 1, path)
    assert planned.left_out == ("multichecklist.animal_vehicle.fi",), "its wording depends on the animal"
    assert planned.source.startswith("checklist_templates.tsv@")
    found = {name: listed[0][0] for name, listed in planned.cases.items()}
    names = set(templates.names("sw"))
    first = found["multichecklist.animal_vehicle_v2.sw"]
    assert re.fullmatch(r"Sw (\w+), (\w+) has mbwa gari\.", first.context) and first.answer in names
    properties = found["multichecklist.properties.sw"].context
    assert properties.endswith("has kiti. Kiti is nyekundu kubwa (rangi ukubwa).")
    with pytest.raises(UnknownName, match=r"unknown language of checklist_templates\.tsv 'de'"):
        run.plan(["de"], [], 2, 1, path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Field": "Feld"}, "the columns Field, en … were expected"),
        ({"Animal_vs_Vehicle_v2": "Animal 2"}, "no test 'Animal vs Vehicle v2'"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        official.read(official_file(tmp_path, **changes))


# --- a checkpoint


def test_a_span_head_is_asked(tiny_bundle: Path, tmp_path: Path) -> None:
    planned = run.plan(["en", "de"], ["comparison"], 3, 1)
    leaves = run.run(str(tiny_bundle), planned, 1, tmp_path / "out")
    content = json.loads((tmp_path / "out" / run.RESULTS).read_text())
    assert content["leaves"].keys() == {"multichecklist.comparison.en", "multichecklist.comparison.de"}
    rows = [json.loads(line) for line in (tmp_path / "out" / run.PREDICTIONS).read_text().splitlines()]
    assert len(rows) == 12 and all(row["prediction"] in row["context"] for row in rows)
    for leaf in leaves:
        mine = [row for row in rows if row["leaf"] == leaf.name]
        failed = {row["case"] for row in mine if not row["pass"]}
        assert leaf.error_percent == pytest.approx(100 * len(failed) / 3)
        assert content["leaves"][leaf.name]["error_percent"] == leaf.error_percent
    with pytest.raises(SettingError, match="exists; give another --output, or --overwrite"):
        run.run(str(tiny_bundle), planned, 1, tmp_path / "out")
    run.run(str(tiny_bundle), planned, 1, tmp_path / "out", overwrite=True)


def test_a_checkpoint_without_a_span_head(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(UnfitCheckpoint, match="no head for xquad"):
        run.run(str(tiny_bundle / "encoder"), run.plan(["en"], ["comparison"], 1, 1), 1, tmp_path)
