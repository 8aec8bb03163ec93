"""`xstilts gains`: intervals against their textbook formulas, pairing of seeds, refusals."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.result_folders import write_run
from xstilts_eval import evaluation
from xstilts_eval.benchmark import family
from xstilts_eval.errors import MissingData, PredictionError
from xstilts_eval.metrics.bootstrap import SharedWeights
from xstilts_eval.results import compare, gains, seeds
from xstilts_eval.results import scored as runs
from xstilts_eval.results.run import find, in_common, read
from xstilts_eval.zoo import sides


@pytest.mark.parametrize("count", [3, 4, 11, 30])
def test_the_seeds_share_is_the_t_interval_of_scipy(count: int) -> None:
    values = np.random.default_rng(count).normal(2.0, 1.0, count).tolist()
    low, high = stats.t.interval(0.95, count - 1, loc=np.mean(values), scale=stats.sem(values))
    assert seeds.over_seeds(values) == pytest.approx((high - low) / 2)
    assert seeds.over_seeds(values[:2]) is None


def rows(right: list[int]) -> Any:
    """Statistics of a pair task, [units, (right, 1)]."""
    return np.array([[float(value), 1.0] for value in right])


def test_the_documents_share_of_an_interval_is_the_standard_error_of_paired_differences() -> None:
    draw = np.random.default_rng(3)
    before = [rows(draw.integers(0, 2, 400).tolist()) for _ in range(3)]
    after = [rows(draw.integers(0, 2, 400).tolist()) for _ in range(3)]
    drawn = gains._drawn(family("pawsx"), {"de": np.stack([*before, *after])}, SharedWeights())["de"]
    difference = np.mean([b[:, 0] for b in after], axis=0) - np.mean([a[:, 0] for a in before], axis=0)
    assert drawn.std(ddof=1) == pytest.approx(100 * difference.std(ddof=1) / math.sqrt(400), rel=0.1)
    assert drawn.mean() == pytest.approx(100 * difference.mean(), abs=0.3)


def test_three_seeds_give_a_t_interval_in_quadrature_with_the_documents() -> None:
    tables = {"de": (np.zeros((6, 20, 2)), [50.0, 51.0, 52.0], [53.0, 53.0, 57.0])}
    found = gains._gain(family("pawsx"), "de", ["de"], tables, {"de": np.array([1.0, 3.0] * 500)})
    assert found.by_seed == (3.0, 2.0, 5.0) and found.gain == pytest.approx(10 / 3)
    low, high = stats.t.interval(0.95, 2, loc=10 / 3, scale=stats.sem([3.0, 2.0, 5.0]))
    assert found.from_seeds == pytest.approx((high - low) / 2, rel=1e-5)
    assert found.half_width == pytest.approx(math.hypot((high - low) / 2, 1.959964 * np.std([1, 3] * 500, ddof=1)))
    assert not found.is_clear


def test_few_units_have_no_interval_however_many_the_seeds() -> None:
    """19 passages are too few, 20 enough; a mean over languages has as many as the language with the fewest."""
    three = [50.0, 51.0, 52.0], [70.0, 71.0, 72.0]
    tables = {"de": (np.zeros((6, 19, 3)), *three), "es": (np.zeros((6, 20, 3)), *three)}
    drawn = {code: np.array([1.0, 3.0] * 500) for code in tables}
    few, enough, mean = (
        gains._gain(family("xquad"), name, members, tables, drawn)
        for name, members in (("de", ["de"]), ("es", ["es"]), ("all", ["de", "es"]))
    )
    assert (few.units, enough.units, mean.units) == (19, 20, 19)
    assert few.half_width is mean.half_width is None and enough.half_width is not None
    assert enough.is_clear and not few.is_clear and not mean.is_clear
    assert few.from_seeds == enough.from_seeds, "what the seeds say is still in the JSON"
    content: Any = gains.as_json({"run": [few]})["run"]
    (shown,) = content["gains"]
    assert shown["half_width"] is None and shown["units"] == 19
    page = gains.markdown({"run": [few, enough, mean]})
    assert "| de | 51.0 | +20.0 |" in page and "| es | 51.0 | **+20.0 ± 2.0** |" in page
    assert page.endswith("XQuAD: 19 independent units of test data (20 are needed): no interval\n")
    assert gains.without_interval({"run": [enough]}) == []


def test_two_seeds_have_no_interval_over_seeds() -> None:
    tables = {"de": (np.zeros((4, 1, 2)), [50.0, 51.0], [53.0, 53.0])}
    assert gains._gain(family("pawsx"), "de", ["de"], tables, {"de": np.array([1.0, 3.0])}).from_seeds is None


@pytest.mark.parametrize(
    ("after", "is_said"),
    [([53.0, 53.0], False), ([53.0, 58.0], True), ([53.0, 58.0, 53.0], False), ([53.0], False)],
)
def test_seeds_that_lie_further_apart_than_their_interval_are_told(after: list[float], is_said: bool) -> None:
    """Of two seeds the interval (± 1.96 here) is of documents alone; of three it covers them; one says nothing."""
    before = [50.0, 51.0, 50.0][: len(after)]
    tables = {"de": (np.zeros((2 * len(after), 20, 2)), before, after)}
    found = {"run": [gains._gain(family("pawsx"), "de", ["de"], tables, {"de": np.array([1.0, 3.0] * 500)})]}
    line = "run, PAWS-X (de): +3.0 and +7.0 by seed, further apart than the interval, which is of test documents alone"
    assert gains.seeds_apart(found) == ([line] if is_said else [])
    assert (line in gains.markdown(found)) == is_said


@pytest.fixture(scope="module")
def scored(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scored") / "run"
    tasks = ("xtreme.pawsx.de", "xtreme.pawsx.en", "xtreme.pawsx.fr")
    evaluation.evaluate(evaluation.Settings(str(tiny_bundle), tasks, "sample"), folder, False, say=lambda _: None)
    return folder


def with_seeds(scored: Path, run: Path, seeds: list[int]) -> Path:
    for seed in seeds:
        shutil.copytree(scored, run / f"seed-{seed}" / "eval")
    return run


def test_a_run_gains_nothing_over_itself(scored: Path, tmp_path: Path) -> None:
    base, other = with_seeds(scored, tmp_path / "base", [2, 1, 10]), with_seeds(scored, tmp_path / "x", [1, 2, 10, 11])
    for one in in_common([read(base), read(other)]):
        assert [path.parent.name for path in one.places] == ["seed-1", "seed-2", "seed-10"] and len(one.seeds) == 3
    found = gains.gains(base, other)
    assert [gain.language for gain in found] == ["de", "en", "fr", "all", "others"]
    assert {(gain.gain, gain.half_width, gain.is_clear) for gain in found} == {(0.0, 0.0, False)}
    table = gains.markdown({"x": found})
    assert "| others | " in table and " 0.0 ± 0.0 " in table


def test_a_better_run_gains_what_it_has_more_right(scored: Path, tmp_path: Path) -> None:
    """Every wrong answer in German is made right in the copy's results and samples."""
    better = tmp_path / "better"
    shutil.copytree(scored, better, ignore=shutil.ignore_patterns("units"))  # as older versions kept a run
    results = json.loads((better / "results.json").read_text())
    accuracy = results["results"]["xtreme.pawsx.de"]["acc,none"]
    results["results"]["xtreme.pawsx.de"]["acc,none"] = 1.0
    (better / "results.json").write_text(json.dumps(results))
    samples = better / "samples" / "samples_xtreme.pawsx.de.jsonl"
    lines = [json.loads(line) for line in samples.read_text(encoding="utf-8").split("\n") if line]
    for line in lines:
        line["acc_ci95"][1] = 1.0
    samples.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = {gain.language: gain for gain in gains.gains(scored, better)}
    assert found["de"].gain == pytest.approx(100 * (1 - accuracy)) and found["de"].gain > 0
    assert found["all"].gain == pytest.approx(found["de"].gain / 3)
    assert found["others"].gain == pytest.approx(found["de"].gain / 2)
    assert found["en"].gain == 0


def test_runs_that_cannot_be_compared_are_refused(scored: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    short = tmp_path / "short"
    tasks = ("xtreme.pawsx.de", "xtreme.pawsx.en", "xtreme.pawsx.fr")
    settings = evaluation.Settings(str(tiny_bundle), tasks, "sample", limit=3)
    evaluation.evaluate(settings, short, False, say=lambda _: None)
    with pytest.raises(PredictionError, match=r"xtreme\.pawsx\.de of .* cannot be compared: documents 20 / 3; score"):
        gains.gains(scored, short)
    with pytest.raises(MissingData, match=r"nothing does not exist; give a results file or the output folder"):
        gains.gains(tmp_path / "nothing", scored)
    with pytest.raises(PredictionError, match=r"holds no results\.json and no seed-N/other"):
        gains.gains(with_seeds(scored, tmp_path / "c", [1]), scored, "other")
    with pytest.raises(PredictionError, match="have no seed in common"):
        gains.gains(with_seeds(scored, tmp_path / "a", [1, 2]), with_seeds(scored, tmp_path / "b", [3]))
    for kept in ("samples", "units"):
        shutil.rmtree(short / kept)
    with pytest.raises(MissingData, match="keeps no samples"):
        gains.gains(short, short)


def test_runs_that_share_some_tasks_are_compared_on_those(tmp_path: Path) -> None:
    """Two runs share other languages with the baseline: their means are in rows of their own, the rest is named."""
    base = write_run(tmp_path / "base", {f"xtreme.pawsx.{code}": [0, 1] * 10 for code in ("en", "de", "fr")})
    one = write_run(tmp_path / "one", {f"xtreme.pawsx.{code}": [1, 1] * 10 for code in ("en", "de", "fr", "es")})
    two = write_run(
        tmp_path / "two",
        {"xtreme.pawsx.en": [0, 1] * 10, "xtreme.pawsx.de": [1, 1] * 10, "xtreme.udpos.de": [(3, 4, 5)] * 20},
    )
    pairings = {run.name: gains.pair_seeds(base, run, "eval") for run in (one, two)}
    found = {
        name: [gain for one in pairing.families for gain in pairing.gains(one)] for name, pairing in pairings.items()
    }
    assert {gain.language: gain.gain for gain in found["two"]} == {"de": 50.0, "en": 0.0, "all": 25.0}
    left_out = {name: pairing.left_out for name, pairing in pairings.items()}
    assert left_out["one"] == {"xtreme_pawsx": (f"es: {base} has no result",)}
    assert left_out["two"] == {
        "xtreme_pawsx": (f"fr: {two} has no result",), "xtreme_udpos": (f"de: {base} has no result",),
    }  # fmt: skip
    lines = gains.markdown(found, left_out).split("\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    assert [(row[0], row[2].split(" ")[0], row[3].split(" ")[0]) for row in rows[1:]] == [
        ("de", "**+50.0", "**+50.0"), ("en", "**+50.0", "0.0"), ("fr", "**+50.0", "–"),
        ("all (3 languages)", "**+50.0", "–"), ("all (2 languages)", "–", "**+25.0"), ("others", "**+50.0", "–"),
    ]  # fmt: skip
    assert lines[-2] == f"- two, xtreme_udpos left out: de: {base} has no result"
    shown: Any = gains.as_json(found, left_out)["two"]
    assert shown["left_out"]["xtreme_udpos"] and shown["gains"][0]["languages"] == ["de"]
    other = write_run(tmp_path / "other", {"xtreme.udpos.de": [(3, 4, 5)] * 20})
    with pytest.raises(PredictionError, match=r"have no task in common \(de en fr: .*other has no result\)"):
        gains.gains(base, other)


@pytest.mark.parametrize("inner", [".", "eval", "eval/deeper"])
def test_results_lie_in_any_folder_of_a_seed(inner: str, tmp_path: Path) -> None:
    for name, right in (("base", 8), ("run", 12)):
        for seed in (1, 2, 10):
            answers = {"xtreme.pawsx.de": [1] * (right + seed % 3) + [0] * (20 - right - seed % 3)}
            write_run(tmp_path / name / f"seed-{seed}" / inner, answers)
    assert list(find(tmp_path / "run", inner)[inner]) == ["1", "2", "10"]
    pairing = gains.pair_seeds(tmp_path / "base", tmp_path / "run", inner)
    (gain,) = pairing.gains(family("pawsx"))
    assert len(gain.by_seed) == 3 and gain.gain > 0
    assert sides.read(str(tmp_path / "run"), inner=inner).seeds == ("seed-1", "seed-2", "seed-10")
    assert [run.seeds for run in runs.read([str(tmp_path / "run")], [inner])] == [["1", "2", "10"]]


def test_a_bucc_leaf_of_two_encoders_is_compared(tmp_path: Path, tiny_bundle: Path) -> None:
    """The one mined sentences that the other did not: gains, as compare does, counts 0 for what was not mined."""
    tasks = ("xtreme.bucc2018.de",)
    evaluation.evaluate(
        evaluation.Settings(str(tiny_bundle), tasks, "sample"), tmp_path / "one", False, say=lambda _: None
    )
    shutil.rmtree(tmp_path / "one" / "units")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    sample = json.loads((tmp_path / "one" / "samples" / "samples_xtreme.bucc2018.de.jsonl").read_text())
    gold = [row[0] for row in sample["f1_ci95"] if row[3]]
    strays = [row[0] for row in sample["f1_ci95"] if not row[3]]
    assert len(gold) > 5 and len(strays) > 3
    mined = {"one": (gold[:4], strays), "two": (gold[2:7], strays[2:3])}  # found, and mined without being gold
    scores = {}
    for name, (right, wrong) in mined.items():
        rows = sorted(
            [[one, int(one in right), int(one in right), 1] for one in gold] + [[one, 0, 1, 0] for one in wrong]
        )
        path = tmp_path / name / "samples" / "samples_xtreme.bucc2018.de.jsonl"
        path.write_text(json.dumps(sample | {"f1_ci95": rows}) + "\n", encoding="utf-8")
        results = json.loads((tmp_path / name / "results.json").read_text())
        scores[name] = 2 * len(right) / (len(right) + len(wrong) + len(gold))
        results["results"]["xtreme.bucc2018.de"]["f1,none"] = scores[name]
        (tmp_path / name / "results.json").write_text(json.dumps(results))
    (gain,) = gains.gains(tmp_path / "one", tmp_path / "two")
    (compared,) = compare.compare(sides.read_all([str(tmp_path / "one"), str(tmp_path / "two")]))
    (row,) = compared.families[0].languages
    assert gain.gain == pytest.approx(100 * (scores["two"] - scores["one"])) == pytest.approx(row.difference)
    assert gain.units == row.units == len(gold) + len(strays)
