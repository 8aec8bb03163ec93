"""Each check finds the fault that is put in, and nothing else; what is listed as known may only shrink."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.zoo.small_zoo import content, written
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.zoo.check import Verdict, check
from xstilts_eval.zoo.manifest import load

PAWSX = {"avg": 82.2, "de": 81.0, "en": 84.5, "fr": 81.0}


def verdict(what: dict[str, Any], folder: Path) -> Verdict:
    return check(load(written(folder, what)))


def found(what: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    return [(finding.check, finding.detail) for finding in verdict(what, folder).errors]


def more(**row: Any) -> dict[str, Any]:
    """The small zoo with a second row and a second source, "other", that is used."""
    what = content()
    what["sources"]["other"] = {"title": "Another", "url": "none", "table": "Table 2"}
    what["tables"][0]["rows"].append({"model": "Tiny", "source": "other"} | row)
    return what


def test_nothing_is_wrong_with_the_small_zoo(tmp_path: Path) -> None:
    assert found(content(), tmp_path) == []


def test_sizes_are_of_a_family_and_of_its_languages(tmp_path: Path) -> None:
    what = content()
    languages = dict.fromkeys(FAMILIES["xtreme_pawsx"].languages, 2000)
    what["sizes"] = {"xtreme_pawsx": {"n": languages, "read_in": "a card"}}
    assert found(what, tmp_path) == []
    del languages["ko"]
    what["sizes"] |= {"xtreme_pawx": {"n": 2000, "read_in": "a card"}}
    assert found(what, tmp_path) == [
        ("size", "the languages of xtreme_pawsx and of its sizes differ: ko"),
        ("size", "'xtreme_pawx' is no dataset"),
    ]


def test_two_rows_that_say_the_same(tmp_path: Path) -> None:
    assert found(more(source="paper", values={"de": 81.0}), tmp_path) == [
        ("duplicate", "paper gives 81.0 twice"),
        ("source", "no record comes from it"),
    ]


def test_another_source_that_agrees_is_no_fault(tmp_path: Path) -> None:
    assert found(more(values={"de": 81.0}), tmp_path) == []
    # 81.04 is printed as 81.0 by whoever rounds.
    assert found(more(values={"de": 81.04}), tmp_path) == []
    assert found(more(values={"de": 0.8104}, scale="fraction"), tmp_path) == []


def test_two_rows_that_contradict_each_other(tmp_path: Path) -> None:
    assert found(more(values={"de": 81.1}), tmp_path) == [
        ("contradiction", "paper (seen) 81.0; other (seen) 81.1"),
    ]
    (one,) = verdict(more(values={"de": 0.7}, scale="fraction", confidence="recalled"), tmp_path).errors
    assert one.name == "contradiction: Tiny | base | zero-shot | PAWS-X | PAWS-X | acc | de"
    assert one.detail == "paper (seen) 81.0; other (recalled) 0.7"


@pytest.mark.parametrize("field", ["stage", "setting", "benchmark", "benchmark_version", "data_revision"])
def test_other_circumstances_contradict_nothing(field: str, tmp_path: Path) -> None:
    assert found(more(values={"de": 70.0}), tmp_path) != []
    assert found(more(values={"de": 70.0}, **{field: "other"}), tmp_path) == []


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        ({"values": {"sw": 70.0}, "scale": "fraction"}, "70.0 is no fraction"),
        ({"values": {"sw": 170.0}}, "170.0 is no percent"),
        ({"values": {"sw": -0.1}}, "-0.1 is no percent"),
        ({"values": {"sw": 0.5}, "scale": "fraction", "stderr": {"sw": 0.7}}, "a stderr of 0.7 is no fraction"),
        (
            {"values": {"sw": 0.5}, "scale": "fraction", "tolerance": 1.5, "tolerance_reason": "why"},
            "a tolerance of 1.5 is no fraction",
        ),
        ({"values": {"sw": 0.5, "el": 0.6, "ru": 1.0}}, "all 3 percentages are at most 1; are they fractions?"),
    ],
)
def test_scales(row: dict[str, Any], detail: str, tmp_path: Path) -> None:
    assert found(more(family="xtreme_xnli", **row), tmp_path) == [("scale", detail)]


def test_points_gained_may_be_negative(tmp_path: Path) -> None:
    row = {"metric": "gain", "family": "none", "note": "points", "values": {"avg": -3.4, "de": -0.2, "en": -6.6}}
    assert found(more(**row), tmp_path) == []


@pytest.mark.parametrize(
    ("average", "wrong"),
    [
        (82.2, False),  # (81.0 + 84.5 + 81.0) / 3 = 82.1667
        (82.1, False),  # each printed digit may be half a unit off: 82.1667 +- 0.1
        (82.3, True),
        (82.0, True),
        (82.167, False),
        (82.27, True),
    ],
)
def test_averages(average: float, wrong: bool, tmp_path: Path) -> None:
    what = content()
    what["tables"][0]["rows"][0]["values"] = PAWSX | {"avg": average}
    assert [check for check, _ in found(what, tmp_path)] == (["average"] if wrong else [])


def test_an_average_alone_is_held_against_languages_of_other_sources(tmp_path: Path) -> None:
    what = more(values={"avg": 83.0}, family="xtreme_pawsx", setting="alone")
    assert found(what, tmp_path) == []
    languages = FAMILIES["xtreme_pawsx"].languages
    values = dict.fromkeys(languages[1:], 80.0)
    what["tables"][0]["rows"].append({"model": "Tiny", "setting": "alone", "values": values})
    assert found(what, tmp_path) == []  # one language is missing, so the average cannot be checked
    values[languages[0]] = 80.0
    assert found(what, tmp_path) == [("average", "other gives 83 %, its 7 languages 80 %")]


def named(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    what = content()
    change(what["tables"][0])
    return what


@pytest.mark.parametrize(
    ("what", "finding"),
    [
        (named(lambda t: t.update(family="xtreme_paws")), ("family", "'xtreme_paws' is no dataset")),
        (named(lambda t: t.update(family="none")), ("family", "family none needs a note that says why")),
        (named(lambda t: t.update(metric="accuracy")), ("metric", "xtreme_pawsx has acc")),
        (
            named(lambda t: t["rows"][0].update(values={"sw": 81.0})),
            ("language", "'sw' is no language of xtreme_pawsx"),
        ),
        (
            named(lambda t: t.update(family="bitext_tatoeba", rows=[{"model": "Tiny", "values": {"fr": 1.5}}])),
            ("language", "'fr' is no language of bitext_tatoeba"),
        ),
        (
            named(
                lambda t: t.update(
                    family="flores200-to_eng", metric="chrf++", rows=[{"model": "Tiny", "values": {"fra": 9.0}}]
                )
            ),
            ("language", "'fra' is no language of flores200-to_eng"),
        ),
        (
            named(lambda t: t.update(family="none", note="why", rows=[{"model": "Tiny", "values": {"xx": 9.0}}])),
            ("language", "'xx' is no language of none"),
        ),
        (named(lambda t: t.update(tolerance=0.0)), ("tolerance", "a tolerance of 0: give what a faithful re-run")),
        (named(lambda t: t.update(tolerance=0.5)), ("tolerance", "0.5 without a tolerance_reason")),
    ],
)
def test_names_and_tolerances(what: dict[str, Any], finding: tuple[str, str], tmp_path: Path) -> None:
    errors = found(what, tmp_path)
    assert errors and {name for name, _ in errors} == {finding[0]}
    assert all(detail.startswith(finding[1]) for _, detail in errors)


def test_a_parent_that_does_not_exist(tmp_path: Path) -> None:
    what = content()
    what["models"][0]["parent"] = "Tinier"
    assert found(what, tmp_path) == [("parent", "'Tinier' is no model of the zoo and no hub id")]


def test_what_is_known_stays_listed_only_while_it_is_there(tmp_path: Path) -> None:
    name = "contradiction: Tiny | base | zero-shot | PAWS-X | PAWS-X | acc | de"
    what = more(values={"de": 81.1}) | {"known": [{"finding": name, "reason": "both are printed"}]}
    now = verdict(what, tmp_path)
    assert now.errors == () and [(finding.name, reason) for finding, reason in now.known] == [
        (name, "both are printed")
    ]
    what["tables"][0]["rows"][1]["values"]["de"] = 81.0
    (left,) = verdict(what, tmp_path).errors
    assert left.name == f"known: {name}" and "no longer found" in left.detail


def test_counts_add_up(tmp_path: Path) -> None:
    what = more(values={"sw": 50.0}, family="xtreme_xnli", confidence="recalled", n=5010)
    what["models"].append({**what["models"][0], "name": "Bare", "licence": "unknown", "parameters": "unknown"})
    numbers = verdict(what, tmp_path).counts
    assert numbers["records"] == numbers["seen"] + numbers["secondary"] + numbers["recalled"] == 5
    assert (numbers["recalled"], numbers["with n or a standard error"]) == (1, 1)
    assert (numbers["models whose licence is unknown"], numbers["models whose revision is unknown"]) == (1, 2)
    assert numbers["models whose size is unknown"] == 1
