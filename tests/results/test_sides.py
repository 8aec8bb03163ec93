"""Sides of a comparison: short names, seeds, bad files in one sentence each, and published rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.result_folders import edit, write_run
from xstilts_eval.errors import MissingData, NumericError, PredictionError, SettingError, UnknownName
from xstilts_eval.results import sides
from xstilts_eval.zoo import sides as named
from xstilts_eval.zoo.manifest import Record

LEAF = "xtreme.pawsx.de"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["runs/a/seed-1/eval", "runs/b/seed-1/eval"], ["a", "b"]),
        (["runs/a", "runs/b/", "runs/c"], ["a", "b", "c"]),
        (["x/a", "y/a"], ["x", "y"]),
        (["x/a/eval", "y/a/scores"], ["eval", "scores"]),
        (["x/a/seed-1/eval", "y/b/scores"], ["a", "b"]),
        (["x/a/seed-1/eval", "x/a/seed-2/eval"], ["seed-1", "seed-2"]),
        (["x/a", "y/a", "z/b"], ["x/a", "y/a", "b"]),
        (["runs/a/seed-1/eval", "zoo:XLM-R Base"], ["a", "zoo:XLM-R Base"]),
        (["results.json", "zoo:M"], ["results.json", "zoo:M"]),
    ],
)
def test_short_names(given: list[str], names: list[str]) -> None:
    assert sides.short_names(given) == names


def test_a_run_with_seeds_and_its_parts(tmp_path: Path) -> None:
    for seed in (2, 10, 1):
        write_run(
            tmp_path / "run" / f"seed-{seed}" / "eval", {LEAF: [1] * seed + [0] * (20 - seed)}, checkpoint=f"c{seed}"
        )
    side = named.read(str(tmp_path / "run"))
    assert side.seeds == ("seed-1", "seed-2", "seed-10")
    assert [leaf.metrics["acc"] for leaf in side.scores[LEAF].results] == pytest.approx([0.05, 0.1, 0.5])
    one = named.read(str(tmp_path / "run" / "seed-2" / "eval" / "results.json"))
    assert one.scores[LEAF].points == pytest.approx((10,)) and one.seeds == ()
    with pytest.raises(PredictionError, match="no seed-N/other"):
        named.read(str(tmp_path / "run"), inner="other")


def test_seeds_must_have_scored_the_same(tmp_path: Path) -> None:
    write_run(tmp_path / "seed-1" / "eval", {LEAF: [1, 0]})
    write_run(tmp_path / "seed-2" / "eval", {"xtreme.pawsx.fr": [1, 0]})
    with pytest.raises(PredictionError, match="have not scored the same tasks"):
        named.read(str(tmp_path))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (float("nan"), NumericError, "acc of xtreme.pawsx.de is nan"),
        (
            84.2,
            PredictionError,
            r"acc of xtreme.pawsx.de is 84.2, but results hold fractions from 0 to 1; is it in per",
        ),
        (-0.1, PredictionError, "is -0.1, but results hold fractions from 0 to 1$"),
        ("N/A", PredictionError, "has no acc, its official metric"),
    ],
)
def test_scores_that_cannot_be(tmp_path: Path, value: Any, error: type[Exception], message: str) -> None:
    folder = write_run(tmp_path / "a", {LEAF: [1, 0]})
    edit(folder, lambda content: content["results"][LEAF].update({"acc,none": value}))
    with pytest.raises(error, match=message):
        named.read(str(folder))


def test_files_that_are_cut_off_or_of_another_version(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", {LEAF: [1, 0]})
    text = (folder / "results.json").read_text()
    edit(folder, lambda content: content.pop("n-samples"))
    with pytest.raises(PredictionError, match=r"xtreme\.pawsx\.de is not a result this version can read"):
        named.read(str(folder))
    (folder / "results.json").write_text(text[: len(text) // 2])
    with pytest.raises(PredictionError, match="is not a results file"):
        named.read(str(folder))
    with pytest.raises(MissingData, match="does not exist"):
        named.read(str(tmp_path / "nothing"))


def test_what_cannot_be_a_comparison() -> None:
    with pytest.raises(SettingError, match="at least two results, got 1"):
        named.read_all(["a"])
    with pytest.raises(SettingError, match="a is given twice"):
        named.read_all(["a", "b", "a/"])


# ------------------------------------------------------------------------------------------------- the zoo


def row(language: str, value: float, metric: str = "acc", group: str = "xtreme_pawsx", **fields: Any) -> Record:
    given: dict[str, Any] = {
        "model": "M", "stage": "base", "setting": "zero-shot", "benchmark": "PAWS-X", "benchmark_version": "1",
        "family": group, "task": "x", "language": language, "metric": metric, "value": value, "scale": "percent",
        "source": "paper", "confidence": "seen",
    }  # fmt: skip
    return Record(**(given | fields))


def published(*rows: Record, sources: tuple[str, ...] = ()) -> sides.Side:
    return named.of_records(rows, "zoo:M", "zoo:M", sources)


def test_published_scales_are_brought_to_points() -> None:
    side = published(row("de", 0.85, scale="fraction"), row("fr", 86.0))
    assert side.scores[LEAF].points == pytest.approx((85.0,)) and side.scores["xtreme.pawsx.fr"].mean == 86


def test_questions_need_both_metrics() -> None:
    group = "xtreme_xquad"
    f1, exact = row("de", 70, "f1", group), row("de", 50, "exact_match", group)
    side = published(f1, exact, row("es", 60, "f1", group))
    assert side.scores["xtreme.xquad.de"].mean == 60
    assert side.unusable == {"xtreme.xquad.es": "zoo:M publishes no exact_match"}


def test_other_settings_and_recalled_numbers_are_left_out_and_said() -> None:
    side = published(row("de", 85), row("de", 90, setting="translate-train-all"), row("fr", 1, confidence="recalled"))
    assert side.scores.keys() == {LEAF} and side.scores[LEAF].mean == 85
    assert side.notes == ("left out: numbers that are recalled, translate-train-all",)


def test_publications_that_disagree() -> None:
    rows = row("de", 85), row("de", 82, source="other"), row("fr", 80), row("fr", 80.04, source="other")
    side = published(*rows)
    assert side.scores.keys() == {"xtreme.pawsx.fr"}  # printed with another number of digits is the same number
    assert side.unusable[LEAF] == "publications disagree about zoo:M (acc: paper, other); choose one with --source"
    assert published(*rows, sources=("other",)).scores[LEAF].mean == 82
    assert published(*rows[:2], row("de", 81, benchmark="XTREME", source="xtreme")).scores[LEAF].mean == 81
    with pytest.raises(PredictionError, match="publications disagree"):
        published(*rows[:2])


def test_stages_must_be_chosen() -> None:
    with pytest.raises(PredictionError, match=r"stages 'base', 'mnli'; say which: zoo:M@STAGE"):
        published(row("de", 85), row("de", 86, stage="mnli"))


def test_averages_over_other_languages_are_no_family_averages() -> None:
    full = ("de", "en", "es", "fr", "ja", "ko", "zh")
    assert published(row("avg", 80)).averages["xtreme_pawsx"].mean == 80
    assert published(row("avg", 80), *(row(code, 80) for code in full)).averages
    assert not published(row("avg", 80), row("de", 80), row("fr", 80)).averages  # of two languages
    assert not published(row("avg", 80), *(row(code, 80) for code in (*full, "ro"))).averages


def test_unknown_models_and_sources() -> None:
    with pytest.raises(UnknownName, match=r"unknown model of the zoo 'XLM-RLarge'; did you mean XLM-R Large"):
        named.read("zoo:XLM-RLarge")
    with pytest.raises(UnknownName, match="unknown source of the zoo 'nobody'"):
        named.read("zoo:XLM-R Large", sources=["nobody"])
    with pytest.raises(UnknownName, match="unknown stage of XLM-R Large"):
        named.read("zoo:XLM-R Large@nowhere")


def test_a_baseline_is_named_in_one_way() -> None:
    """By path, by its short name, or as one more; without the option the first counts."""
    given = ["runs/none", "runs/squad", "runs/copa"]
    assert sides.over_baseline(given, None) == ("runs/none", ["runs/squad", "runs/copa"])
    assert sides.over_baseline(given, "runs/squad/") == ("runs/squad", ["runs/none", "runs/copa"])
    assert sides.over_baseline(given, "copa") == ("runs/copa", ["runs/none", "runs/squad"])
    assert sides.over_baseline(given[:1], "other") == ("other", ["runs/none"])
    with pytest.raises(SettingError, match="nothing to compare with runs/none"):
        sides.over_baseline(given[:1], None)
