"""Fits against size: published check values, recovery of known slopes, and what is refused."""

import json
import re
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from tests.analysis.published import MT5_XNLI
from tests.analysis.written import write_run
from xstilts_eval.analysis.scaling import fits as scaling
from xstilts_eval.analysis.scaling import sizes
from xstilts_eval.analysis.scaling.analyse import BARE, TOTAL, Sized, analyse
from xstilts_eval.cli import app
from xstilts_eval.errors import DataError, MissingData, NumericError, PredictionError, SettingError

KNOWN = [sizes.known_sizes()[name] for name in MT5_XNLI]
SCORES = list(MT5_XNLI.values())
ALL = [size.parameters for size in KNOWN]
BODY = [size.parameters - size.embedding_parameters for size in KNOWN]


# Check values computed apart from this package from the published averages.
@pytest.mark.parametrize(("count", "slope", "low", "high", "alpha", "floor"), [
    (ALL, 2.95, 0.38, 5.52, 0.194, 14.8), (BODY, 2.17, 0.96, 3.38, 0.140, 12.2)])  # fmt: skip
def test_mt5_on_xnli(count, slope, low, high, alpha, floor):
    found, _ = scaling.per_doubling(count, SCORES, list(MT5_XNLI))
    assert (round(found.estimate, 2), round(found.low, 2), round(found.high, 2)) == (slope, low, high)
    assert round(scaling.power_law(count, SCORES).alpha, 3) == alpha
    curve: Any = scaling.saturating(count, SCORES)
    assert round(curve.floor, 1) == floor and not curve.is_supported


def test_share_of_embeddings():
    """Shares 85, 66, 42, 27 and 16 % follow from 250,112 untied rows of 512 to 4,096 numbers."""
    assert [int(100 * s.embedding_parameters / s.parameters + 0.3) for s in KNOWN] == [85, 66, 41, 27, 16]
    assert [s.embedding_parameters for s in KNOWN] == [2 * 250_112 * width for width in (512, 768, 1024, 2048, 4096)]


def test_a_known_slope_with_own_intercepts():
    size = np.array([1e8, 2e8, 4e8, 8e8, 3e8, 6e8, 1.2e9])
    groups = ["a"] * 4 + ["b"] * 3
    y = 3 * np.log2(size) + np.where(np.array(groups) == "a", 0, 10)
    found, bands = scaling.per_doubling(size, y, list("1234567"), groups)
    assert found.estimate == pytest.approx(3)
    assert found.intercepts["b"] - found.intercepts["a"] == pytest.approx(10)
    assert [band.group for band in bands] == ["a", "b"]
    assert all(value == pytest.approx(3) for value in found.without.values()) and len(found.without) == 7


def test_the_interval_covers_the_slope_as_often_as_it_says():
    random = np.random.default_rng(1)
    x = np.array([1e8, 3e8, 6e8, 1e9, 3e9, 1e10])
    inside = 0
    for _ in range(400):
        found, _ = scaling.per_doubling(x, 2 * np.log2(x) + random.standard_normal(6), list("abcdef"))
        inside += found.low <= 2 <= found.high
    assert 0.92 < inside / 400 < 0.98


def test_difference_of_slopes():
    size = np.tile([1e8, 2e8, 4e8, 8e8], 2)
    kinds = ["monolingual"] * 4 + ["multilingual"] * 4
    random = np.random.default_rng(4)
    y = np.where(np.array(kinds) == "monolingual", 1.0, 3.0) * np.log2(size) + random.normal(0, 0.01, 8)
    found: Any = scaling.difference_of_slopes(size, y, kinds, "monolingual", "multilingual")
    assert found.estimate == pytest.approx(-2, abs=0.05)
    assert found.low < -2 < found.high


@pytest.mark.parametrize(("size", "y", "message"), [
    ([1, 2, 3, 4], [1, 2, 3, 5], "4 points: too few"),
    ([7, 7, 7, 7, 7], [1, 2, 3, 4, 5], "parameters is the same"),
    ([1, 2, 3, 4, 0], [1, 2, 3, 4, 5], "above 0"),
])  # fmt: skip
def test_what_is_refused(size, y, message):
    with pytest.raises(NumericError, match=message):
        scaling.per_doubling(size, y, [str(i) for i in range(len(y))])


def test_a_group_of_two_sizes_gets_no_intercept():
    with pytest.raises(NumericError, match="b has 2 sizes"):
        scaling.per_doubling([1, 2, 3, 4, 5], [1, 2, 3, 4, 6], list("vwxyz"), list("aaabb"))


def test_a_level_beyond_the_scale_has_no_power_law():
    with pytest.raises(NumericError, match="0-100"):
        scaling.power_law([1, 2, 3, 4, 5], [1, 2, 3, 4, 100])


def sized(count: Any, bases: Any, **changes: Any) -> Any:
    return [
        Sized(f"{bases}-{n}", changes.get("benchmark", "xtreme_xnli"), changes.get("outcome", "gain"), n * 1.0 + n % 2,
              None, 1e8 * 2**n, changes.get("embeddings"), "all", bases)
        for n in range(count)
    ]  # fmt: skip


def test_bases_are_fitted_side_by_side_and_the_refusal_is_kept():
    report: Any = analyse([*sized(6, "multilingual", embeddings=1e7), *sized(4, "monolingual")])
    assert [(fit.bases, fit.counting) for fit in report.fits] == [("multilingual", TOTAL), ("multilingual", BARE)]
    assert "4 models" in report.refused[f"monolingual, {TOTAL}"]
    assert report.difference is not None and report.difference.n == 10
    assert report.fits[0].power_law is None  # a gain has no error to take the power law of


def ladder(bases: Any, task: Any, sizes: Any, slope: float, start: float, table: float) -> Any:
    """One intermediate task on a base of several depths: `start` plus `slope` points per doubling of the blocks."""
    return [Sized(f"{bases} {task} {size}", "sib200", "gain", start + slope * np.log2(size), None, table + size, table,
                  f"{bases} {task}", bases) for size in sizes]  # fmt: skip


def test_slopes_differ_by_what_the_blocks_say_whatever_the_embeddings_and_the_levels():
    """Two tasks a base, each at a level of its own; a table of embeddings that hides the blocks in the sum."""
    points = [
        *ladder("multilingual", "nli", (5e6, 1e7, 2e7), 4.0, -100, 96e6),
        *ladder("multilingual", "qa", (5e6, 1e7, 2e7), 4.0, -60, 96e6),
        *ladder("monolingual", "nli", (4e6, 7e6, 11e6), 1.5, -10, 12e6),
        *ladder("monolingual", "qa", (4e6, 7e6, 11e6), 1.5, 20, 12e6),
    ]
    report: Any = analyse(points)
    assert report.counting == BARE
    assert report.difference.estimate == pytest.approx(1.5 - 4.0) and report.difference.degrees == 12 - 6
    assert {f.bases: f.doubling.estimate for f in report.fits if f.counting == BARE} == pytest.approx(
        {"multilingual": 4.0, "monolingual": 1.5}
    )


def test_a_group_of_too_few_sizes_is_left_out_by_name():
    points = ladder("multilingual", "nli", (5e6, 1e7, 2e7, 4e7, 8e7), 4.0, -100, 96e6)
    more = ladder("multilingual", "qa", (5e6, 2e7), 0.0, 50, 96e6)
    report: Any = analyse([*points, *more])
    assert report.refused == {"multilingual, multilingual qa": "2 sizes; a group needs 3 for an intercept of its own"}
    alone: Any = analyse(points)
    assert [f.doubling for f in report.fits] == [f.doubling for f in alone.fits] and len(report.points) == 5


def test_results_that_do_not_belong_together():
    with pytest.raises(PredictionError, match="one benchmark at a time"):
        analyse([*sized(5, "multilingual"), *sized(5, "monolingual", benchmark="xtreme_panx")])
    with pytest.raises(PredictionError, match="one outcome at a time"):
        analyse([*sized(5, "multilingual"), *sized(5, "monolingual", outcome="score")])
    with pytest.raises(PredictionError, match="occurs twice"):
        analyse([*sized(5, "multilingual"), *sized(1, "multilingual")])
    with pytest.raises(NumericError, match="3 models; a fit needs at least 5"):
        analyse(sized(3, "multilingual"))


def test_parameters_are_counted_in_the_weights(minilm):
    counted = sizes.count(minilm)
    # 30,522 word pieces of 384; 22,713,216 is what transformers' num_parameters() gives for this checkpoint
    assert (counted.parameters, counted.embeddings) == (22_713_216, 30_522 * 384)


def test_weights_that_are_none(tmp_path):
    with pytest.raises(MissingData, match="no safetensors"):
        sizes.count(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(DataError, match="not a safetensors file"):
        sizes.count(tmp_path)


def test_published_averages_with_counted_sizes(monkeypatch):
    from types import SimpleNamespace

    from xstilts_eval.analysis.observations import Which
    from xstilts_eval.analysis.scaling import sources
    from xstilts_eval.zoo import manifest

    def record(name: str, value: float, language: str) -> SimpleNamespace:
        return SimpleNamespace(
            model=name, stage="base", setting="zero-shot", source="mt5", family="xtreme_xnli", language=language,
            metric="acc", confidence="seen", percent=value,
        )  # fmt: skip

    zoo = SimpleNamespace(
        model=lambda name: SimpleNamespace(name=name, hub_id=name, parameters=1),
        of=lambda name: [record(name, MT5_XNLI[name], "avg"), record(name, 1.0, "de")],
    )
    monkeypatch.setattr(manifest, "load", lambda: zoo)
    report = analyse(sources.sized_from_zoo(list(MT5_XNLI), Which(family="xnli"), "avg"))
    assert round(report.fits[0].doubling.estimate, 2) == 2.95
    assert round(report.fits[1].doubling.estimate, 2) == 2.17


# Runs: a CSV of result folders with known slope.
def runs_csv(folder: Any, slope: Any, count: Any, baselines: Any = True) -> Any:
    """Models of 1e8 · 2^n parameters; XNLI accuracy is n · slope above the baseline's in every language."""
    lines = ["model,run,baseline,parameters,embedding_parameters"]
    for n in range(count):
        base = {"en": 0.6, "de": 0.5, "sw": 0.4}
        write_run(folder / f"base{n}", base)
        write_run(folder / f"run{n}", {code: value + slope * n for code, value in base.items()})
        lines.append(f"m{n},run{n},{f'base{n}' if baselines else ''},{1e8 * 2**n:.0f},{5e7 * 2**n:.0f}")
    (folder / "runs.csv").write_text("\n".join(lines), encoding="utf-8")
    return str(folder / "runs.csv")


def test_the_command_finds_the_slope_of_runs(tmp_path):
    path = runs_csv(tmp_path, 0.02, 5)
    result = CliRunner().invoke(app, ["analyze", "scaling", "--runs", path, "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "scaling.json").read_text())
    assert [fit["counting"] for fit in content["fits"]] == [TOTAL, BARE]
    assert [fit["doubling"]["estimate"] for fit in content["fits"]] == pytest.approx([2.0, 2.0])
    assert content["outcome"] == "gain" and [p["value"] for p in content["points"]] == pytest.approx([0, 2, 4, 6, 8])
    assert all(point["half_width"] > 0 for point in content["points"][1:])
    assert (tmp_path / "out" / "scaling.png").is_file()


def test_the_command_on_scores_of_runs_in_one_language(tmp_path):
    path = runs_csv(tmp_path, 0.02, 5, baselines=False)
    result = CliRunner().invoke(app, ["analyze", "scaling", "--runs", path, "--language", "swh_Latn"])
    assert result.exit_code == 0, result.output
    assert "score on xtreme_xnli" in result.output and "+2.00" in result.output and "40.00" in result.output


def test_four_runs_and_runs_without_sizes_are_refused(tmp_path):
    path = runs_csv(tmp_path, 0.02, 4)
    error = CliRunner().invoke(app, ["analyze", "scaling", "--runs", path]).exception
    assert isinstance(error, NumericError) and "4 models; a fit needs at least 5" in str(error)
    (tmp_path / "bare.csv").write_text("model,run\nm,run0\n", encoding="utf-8")
    error = CliRunner().invoke(app, ["analyze", "scaling", "--runs", str(tmp_path / "bare.csv")]).exception
    assert isinstance(error, DataError) and "give parameters, or weights" in str(error)


def table_csv(folder: Any, rows: Any) -> Any:
    """Six models of growing size; `rows` gives language and score of each."""
    lines = [
        f"m{place},xnli,{language},{score},{1e8 * 2**place}" for place in range(6) for language, score in rows(place)
    ]
    path = folder / "table.csv"
    path.write_text("\n".join(["model,benchmark,language,score,parameters", *lines]) + "\n")
    return path


def doublings(*words: Any) -> Any:
    folder = words[0].parent / "out"
    arguments = ["analyze", "scaling", "--table", str(words[0]), *words[1:], "-o", str(folder), "--overwrite"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.exception
    return json.loads((folder / "scaling.json").read_text())


def test_rows_of_a_table_are_averaged_over_languages(tmp_path):
    """Points per doubling: 1 in English, 4 in German, so 2.5 on average; a row called avg is taken as it is."""
    path = table_csv(tmp_path, lambda place: [("en", 50 + place), ("de", 20 + 4 * place)])
    slopes = {
        name: doublings(path, *options)["fits"][0]["doubling"]["estimate"]
        for name, options in {"avg": (), "en": ("--language", "en"), "de": ("--language", "deu")}.items()
    }
    assert slopes == pytest.approx({"avg": 2.5, "en": 1.0, "de": 4.0})
    path = table_csv(tmp_path, lambda place: [("en", 50 + place), ("avg", 10 + 3 * place)])
    assert doublings(path)["fits"][0]["doubling"]["estimate"] == pytest.approx(3.0)


@pytest.mark.parametrize(("rows", "options", "message"), [
    (lambda place: [("de" if place == 3 else "en", 50 + place)], (), "m0 and m1 have no language of xnli in common"),
    (lambda place: [("en", 50 + place)] * 2, (), "en occurs twice for m0 on xnli"),
    (lambda place: [("en", 50 + place)], ("--language", "sw"), "no row of the language sw; there is: en"),
])  # fmt: skip
def test_a_table_whose_rows_have_no_common_mean(rows, options, message, tmp_path):
    arguments = ["analyze", "scaling", "--table", str(table_csv(tmp_path, rows)), *options]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, (DataError, SettingError)) and re.search(message, str(done.exception))


def test_models_meet_on_the_languages_that_all_have(tmp_path):
    """1 point per doubling in English; the German of one model, far below, is left out by name."""
    path = table_csv(tmp_path, lambda place: [("en", 50 + place)] + [("de", 5)] * (place == 3))
    found = doublings(path)
    assert found["fits"][0]["doubling"]["estimate"] == pytest.approx(1.0)
    assert any("left out of m3: de" in note for note in found["notes"])


def test_runs_meet_on_the_languages_that_all_have(tmp_path):
    """Accuracy grows by a hundredth per doubling; one run lacks German, which is 20 points higher in the others."""
    lines = ["model,run,parameters"]
    for place in range(5):
        scores = {"en": 0.5 + place / 100, "fr": 0.4 + place / 100} | ({"de": 0.7} if place != 2 else {})
        write_run(tmp_path / f"m{place}", scores)
        lines.append(f"m{place},m{place},{1e8 * 2**place}")
    (tmp_path / "runs.csv").write_text("\n".join(lines) + "\n")
    options = ["analyze", "scaling", "--runs", str(tmp_path / "runs.csv"), "-t", "xnli", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.exception
    found = json.loads((tmp_path / "out" / "scaling.json").read_text())
    assert [point["value"] for point in found["points"]] == pytest.approx([45 + place for place in range(5)])
    assert found["fits"][0]["doubling"]["estimate"] == pytest.approx(1.0)
    assert any("m0: de" in note and "m2" not in note for note in found["notes"])


def test_what_a_ladder_could_have_seen():
    """Slopes of 2 with noise 1 on six sizes: the smallest slope by (t_.975 + t_.8) x SE of four degrees."""
    random = np.random.default_rng(7)
    points = [Sized(f"m{n}", "x", "gain", 2 * n + random.normal(), None, 1e7 * 2**n, None)
              for n in range(6)]  # fmt: skip
    report = analyse(points)
    line = stats.linregress(range(6), [point.value for point in points])
    expected = (stats.t.ppf(0.975, 4) + stats.t.ppf(0.8, 4)) * line.stderr
    assert report.smallest[0].value == pytest.approx(expected)
    assert report.tests[0].p == pytest.approx(line.pvalue)
