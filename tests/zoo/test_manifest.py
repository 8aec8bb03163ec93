"""What a zoo file may say, and what is refused in one sentence that names the place."""

from pathlib import Path
from typing import Any

import pytest

from tests.zoo.small_zoo import content, written
from xstilts_eval.errors import DataError, MissingData, UnknownName
from xstilts_eval.zoo.manifest import load


def test_a_row_says_anew_what_its_table_says(tmp_path: Path) -> None:
    what = content()
    what["tables"][0] |= {"n": 2000, "note": "of the table"}
    row = {"model": "Tiny", "setting": "translate-train", "scale": "fraction", "note": "of the row", "n": {"de": 7}}
    what["tables"][0]["rows"].append(row | {"values": {"de": 0.5, "en": 0.25}, "derived": {"avg": 0.375}})
    zoo = load(written(tmp_path, what))
    first = [(r.language, r.value, r.scale, r.n, r.setting, r.note, r.derived) for r in zoo.records]
    assert first == [
        ("avg", 82.2, "percent", 2000, "zero-shot", "of the table", False),
        ("de", 81.0, "percent", 2000, "zero-shot", "of the table", False),
        ("en", 84.5, "percent", 2000, "zero-shot", "of the table", False),
        ("fr", 81.0, "percent", 2000, "zero-shot", "of the table", False),
        ("de", 0.5, "fraction", 7, "translate-train", "of the row; of the table", False),
        ("en", 0.25, "fraction", None, "translate-train", "of the row; of the table", False),
        ("avg", 0.375, "fraction", None, "translate-train", "of the row; of the table", True),
    ]
    assert [record.percent for record in zoo.records[4:]] == [50.0, 25.0, 37.5]


def test_sizes_stand_in_where_a_table_says_no_n(tmp_path: Path) -> None:
    """An average has that of its smallest language; what a table says goes before, and recalled numbers have none."""
    what = content()
    what["sizes"] = {"xtreme_pawsx": {"n": {"de": 30, "en": 20, "fr": 40}, "read_in": "a card"}}
    first = what["tables"][0]
    own = {**first, "stage": "other", "n": {"de": 7}}
    what["tables"] += [own, {**first, "stage": "third", "confidence": "recalled"}]
    found = {stage: {r.language: r.n for r in load(written(tmp_path, what)).of("Tiny", stage)}
             for stage in ("base", "other", "third")}  # fmt: skip
    assert found == {
        "base": {"avg": 20, "de": 30, "en": 20, "fr": 40},
        "other": {"avg": None, "de": 7, "en": None, "fr": None},
        "third": dict.fromkeys(("avg", "de", "en", "fr")),
    }
    what["sizes"]["xtreme_pawsx"]["n"] = 0
    with pytest.raises(DataError, match=r"sizes\.xtreme_pawsx\.n"):
        load(written(tmp_path, what))


def test_columns_hold_several_tasks_in_one_row(tmp_path: Path) -> None:
    what = content()
    table = what["tables"][0]
    for name in ("family", "task", "metric"):
        del table[name]
    table["columns"] = {
        "XNLI": {"family": "xtreme_xnli", "task": "XNLI", "metric": "acc"},
        "MLQA EM": {"family": "xtreme_mlqa", "task": "MLQA", "metric": "exact_match"},
    }
    table["rows"] = [{"model": "Tiny", "cells": {"XNLI": 79.2, "MLQA EM": 53.2}}]
    found = [(r.family, r.task, r.metric, r.language, r.value) for r in load(written(tmp_path, what)).records]
    assert found == [
        ("xtreme_xnli", "XNLI", "acc", "avg", 79.2),
        ("xtreme_mlqa", "MLQA", "exact_match", "avg", 53.2),
    ]
    table["rows"][0]["cells"]["XNIL"] = 1.0
    with pytest.raises(DataError, match=r"row 1 \(Tiny\): unknown column 'XNIL'; did you mean XNLI\?"):
        load(written(tmp_path, what))


def test_stage_and_name(tmp_path: Path) -> None:
    what = content()
    what["tables"][0]["rows"].append({"model": "Tiny", "stage": "intermediate: squad", "values": {"de": 1.5}})
    zoo = load(written(tmp_path, what))
    assert [record.value for record in zoo.of("Tiny", "intermediate: squad")] == [1.5]
    assert len(zoo.of("Tiny")) == 5
    with pytest.raises(UnknownName, match=r"unknown model of the zoo 'Tinny'; did you mean Tiny\?"):
        zoo.of("Tinny")
    with pytest.raises(UnknownName, match="unknown stage of Tiny 'sqaud'"):
        zoo.of("Tiny", "sqaud")


def model(**changes: Any) -> dict[str, Any]:
    what = content()
    what["models"][0] |= changes
    return what


def table(**changes: Any) -> dict[str, Any]:
    what = content()
    what["tables"][0] |= changes
    return {**what, "tables": [{k: v for k, v in what["tables"][0].items() if v is not None}]}


def row(**changes: Any) -> dict[str, Any]:
    what = content()
    what["tables"][0]["rows"][0] |= changes
    return what


def without(name: str) -> dict[str, Any]:
    what = content()
    del what["models"][0][name]
    return what


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (content() | {"model": []}, r"model: is not known here"),
        (model(license="MIT"), r"models\.0\.license: is not known here, got 'MIT'"),
        (without("licence"), r"models\.0\.licence: is missing"),
        (without("revision"), r"models\.0\.revision: is missing"),
        (model(licence=""), r"models\.0\.licence: String should have at least 1 character"),
        (model(architecture="transformer"), r"models\.0\.architecture: Input should be 'encoder', 'encoder-decoder'"),
        (model(parameters="many"), r"models\.0\.parameters.*got 'many'"),
        (model(evaluate={"poolling": "mean"}), r"models\.0\.evaluate\.poolling: is not known here"),
        (table(scale="0-100"), r"tables\.0\.scale: Input should be 'fraction' or 'percent', got '0-100'"),
        (table(scale=None), r"table 1, row 1 \(Tiny\) does not say its scale"),
        (table(confidence="sure"), r"tables\.0\.confidence: .*got 'sure'"),
        (table(stage=None, metric=None), r"does not say its stage, metric"),
        (table(source="papre"), r"unknown source 'papre'; did you mean paper\?"),
        (table(rows=[]), r"tables\.0\.rows"),
        (row(model="Tine"), r"unknown model 'Tine'; did you mean Tiny\?"),
        (row(value={"de": 1.0}), r"tables\.0\.rows\.0\.value: is not known here"),
        (row(values={}), r"has no values"),
        (row(values={"de": float("nan")}), r"values\.de: Input should be a finite number, got nan"),
        (row(values={"de": "high"}), r"values\.de: Input should be a valid number"),
        (row(values={"de": True}), r"values\.de: Input should be a valid number, got True"),
        (row(values={"de": "81.0"}), r"values\.de: Input should be a valid number, got '81.0'"),
        (row(values={"de": None}), r"values\.de: Input should be a valid number"),
        (row(tolerance=-1.0), r"tolerance: Input should be greater than or equal to 0"),
        (row(derived={"de": 1.0}), r"gives de as published and as derived"),
        (row(stderr={"sw": 0.1}), r"gives stderr for sw, which has no value"),
        (row(n={"sw": 3}), r"gives n for sw, which has no value"),
        (row(values={False: 1.0}), r"the key false is no text"),
    ],
)
def test_what_breaks_the_schema_is_refused(what: dict[str, Any], says: str, tmp_path: Path) -> None:
    path = written(tmp_path, what)
    with pytest.raises(DataError, match=says) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_repeated_key_would_hide_a_number(tmp_path: Path) -> None:
    path = written(tmp_path, content())
    path.write_text(path.read_text().replace("fr: 81.0", "de: 91.0"), encoding="utf-8")
    with pytest.raises(DataError, match=r"line 34: 'de' is there twice"):
        load(path)


@pytest.mark.parametrize("text", ["- a list", "", "models: [", "just words", "\x00", "? [a, b]\n: 1"])
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "zoo.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"is not a YAML file of the zoo|a key is not a word"):
        load(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"none.yaml does not exist"):
        load(tmp_path / "none.yaml")
    path = written(tmp_path, content() | {"include": ["gone.yaml"]})
    with pytest.raises(MissingData, match=r"gone.yaml does not exist"):
        load(path)


def test_no_python_object_comes_out_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "zoo.yaml"
    path.write_text("models: !!python/object/apply:os.getcwd []\n", encoding="utf-8")
    with pytest.raises(DataError, match="could not determine a constructor"):
        load(path)


def test_included_files_are_read_once_even_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "zoo").mkdir()
    part = {"include": ["../zoo.yaml", "part.yaml"], "tables": content()["tables"]}
    written(tmp_path / "zoo", part, "part.yaml")
    path = written(tmp_path, {**content(), "tables": [], "include": ["zoo/part.yaml", "zoo/part.yaml"]})
    assert len(load(path).records) == 4


def test_a_name_is_given_once_over_all_files(tmp_path: Path) -> None:
    written(tmp_path, {"models": content()["models"]}, "part.yaml")
    path = written(tmp_path, content() | {"include": ["part.yaml"]})
    with pytest.raises(DataError, match=r"part.yaml: model 'Tiny' is there twice"):
        load(path)
    written(tmp_path, {"sources": content()["sources"]}, "part.yaml")
    with pytest.raises(DataError, match=r"part.yaml: source 'paper' is there twice"):
        load(path)


def test_ones_own_file_may_include_the_shipped_one(tmp_path: Path) -> None:
    zoo = load(written(tmp_path, content() | {"include": ["shipped"]}))
    assert len(zoo.records) == len(load().records) + 4
    assert zoo.model("Tiny").hub_id == "owner/tiny" and zoo.model("LaBSE").languages == 109
