"""From score tables, runs and published records to the distance report, and everything that has to be refused."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.analysis.published import XNLI, XNLI_ORDER, xnli_table
from xstilts_eval.analysis import observations
from xstilts_eval.analysis.distance import analyse as distance
from xstilts_eval.analysis.observations import Observation
from xstilts_eval.cli import app
from xstilts_eval.errors import DataError, MissingData, NumericError, PredictionError, SettingError, UnknownName

RUN = CliRunner()


def gains(values: Any, benchmark: Any = "xtreme_xnli", model: Any = "m", outcome: Any = "gain") -> Any:
    return [Observation(model, benchmark, language, outcome, value) for language, value in values.items()]


MANY = {"de": 1.0, "fr": 2.0, "hi": 4.0, "ru": 2.5, "sw": 7.0, "tr": 5.0, "zh": 3.0}


def test_the_report_of_a_published_table(tmp_path):
    rows = observations.from_table(observations.read_table(xnli_table(tmp_path / "xnli.csv")))
    report: Any = distance.analyse(observations.select(rows, "gap", "xnli", "XLM-R Base"))
    assert (report.n, round(report.mean, 2), round(report.mean_half_width, 2)) == (14, 10.28, 2.44)
    found: Any = {feature.name: feature for feature in report.features}
    assert round(found["syntactic"].spearman.estimate, 3) == 0.919
    assert round(found["syntactic"].partial.estimate, 3) == 0.700
    assert round(report.regression["distance"].estimate, 2) == 16.87
    assert round(report.moran.estimate, 3) == -0.158
    assert report.permutation_p < 0.05
    tests = {one.name: one for one in report.sure.tests}
    assert tests["rho with syntactic"].p == found["syntactic"].spearman.p <= tests["rho with syntactic"].adjusted_p


def test_english_and_averages_are_no_points():
    report: Any = distance.analyse(gains({**MANY, "en": 50.0, "avg": 3.0}))
    assert {point.language for point in report.points} == set(MANY)


def test_below_ten_languages_there_is_no_regression():
    report: Any = distance.analyse(gains(MANY))
    assert report.regression is None and report.permutation_p is None
    assert any("no regression: 7 languages" in note for note in report.notes)


def test_a_language_without_features_is_left_out_by_name():
    report: Any = distance.analyse(gains({**MANY, "tlh": 9.0, "nqo_Nkoo": 1.0}))
    assert report.left_out == {"tlh": "no features", "nqo_Nkoo": "no syntactic distance"}


@pytest.mark.parametrize(("values", "message"), [
    (dict(list(MANY.items())[:4]), "4 languages with a distance: too few"),
    ({**dict(list(MANY.items())[:4]), "tlh": 1.0}, "tlh: no features"),
    (dict.fromkeys(MANY, 2.0), "the outcome is the same"),
])  # fmt: skip
def test_what_cannot_be_fitted(values, message):
    with pytest.raises(NumericError, match=message):
        distance.analyse(gains(values))


def test_benchmarks_are_mixed_only_on_purpose():
    both = [*gains(MANY), *gains({k: v + 1 for k, v in MANY.items()}, "xtreme_panx")]
    with pytest.raises(PredictionError, match="different benchmarks"):
        distance.analyse(both)
    report: Any = distance.analyse(both, pool=True)
    assert report.mixed.rows == 14 and report.mixed.languages == 7
    assert report.features == () and report.regression is None


def test_names_that_do_not_exist():
    with pytest.raises(UnknownName, match="syntactic"):
        distance.analyse(gains(MANY), by="syntax")
    with pytest.raises(UnknownName, match="cc100"):
        distance.analyse(gains(MANY), size="cc10")


def test_a_distance_that_none_of_the_languages_has():
    with pytest.raises(NumericError, match="no genetic distance"):
        distance.analyse(gains({"et": 1.0, "eu": 2.0, "de": 3.0, "fr": 4.0, "ru": 5.0}), by="genetic")


# Select: one model, one benchmark, one outcome.
def test_a_gap_needs_english():
    with pytest.raises(SettingError, match="needs English"):
        observations.select(gains(MANY, outcome="score"), "gap")


def test_gaps_are_of_the_same_model_and_benchmark():
    scores = [*gains({"en": 80.0, "de": 70.0}, outcome="score"), *gains({"en": 60.0, "de": 59.0}, "b", "n", "score")]
    assert {(row.model, row.value) for row in observations.gaps(scores)} == {("m", 10.0), ("n", 1.0)}


def test_several_models_or_values_are_refused():
    with pytest.raises(PredictionError, match="--model: m, n"):
        observations.select([*gains(MANY), *gains(MANY, model="n")], "gain")
    with pytest.raises(PredictionError, match="de occurs twice"):
        observations.select([*gains(MANY), *gains({"de": 2.0})], "gain")


def test_languages_under_codes_of_other_standards_meet(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("model,benchmark,language,score\nm,b,swh_Latn,1\nm,b,deu,2\nm,b,fr,3\n", encoding="utf-8")
    assert [row.language for row in observations.from_table(observations.read_table(path))] == ["sw", "de", "fr"]
    path.write_text("model,benchmark,language,score\nm,b,zho,1\n", encoding="utf-8")
    with pytest.raises(UnknownName, match="could mean"):
        observations.from_table(observations.read_table(path))


@pytest.mark.parametrize(("text", "message"), [
    ("model,benchmark,language,score\nm,b,de,high\n", "line 2: score"),
    ("model,benchmark,language,score\nm,b,de,nan\n", "line 2: score"),
    ("model,benchmark,language,points\nm,b,de,1\n", "line 2: score"),
    ("model,benchmark,language,score,colour\nm,b,de,1,red\n", "line 2: colour"),
    ("model,benchmark,language,score,half_width\nm,b,de,1,-2\n", "line 2: half_width"),
    ("model,benchmark,language,score\nm,b,de,1,2,3\n", "line 2"),
    ("model,benchmark,language,score\n", "no row"),
])  # fmt: skip
def test_tables_that_break_the_format(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        observations.read_table(path)
    with pytest.raises(MissingData):
        observations.read_table(tmp_path / "none.csv")


def published(**changes: Any) -> Any:
    base = {"model": "m", "stage": "base", "setting": "zero-shot", "family": "xtreme_xnli", "language": "de",
            "metric": "acc", "confidence": "seen", "percent": 70.0, "source": "s"}  # fmt: skip
    return SimpleNamespace(**{**base, **changes})


def test_published_records():
    records = [
        published(), published(language="fr", percent=71.0), published(language="fr", confidence="recalled"),
        published(family="none"), published(model="other"), published(language="avg", percent=1.0),
        published(family="xtreme_xquad", metric="f1", percent=60.0),
        published(family="xtreme_xquad", metric="exact_match", percent=40.0),
    ]  # fmt: skip
    found: Any = {
        (row.benchmark, row.language): row.value for row in observations.from_zoo(records, "m", observations.Which())
    }
    assert found == {("xtreme_xnli", "de"): 70.0, ("xtreme_xnli", "fr"): 71.0, ("xtreme_xquad", "de"): 50.0}


def test_two_published_values_of_one_cell_must_be_told_apart():
    records = [published(), published(setting="translate-train", percent=75.0)]
    with pytest.raises(PredictionError, match="translate-train"):
        observations.from_zoo(records, "m", observations.Which())
    assert observations.from_zoo(records, "m", observations.Which(setting="zero-shot"))[0].value == 70.0


# The command: table, JSON and figures.
def test_the_command_writes_what_it_shows(tmp_path):
    table = xnli_table(tmp_path / "xnli.csv")
    options = ["analyze", "distance", "--table", str(table), "--model", "XLM-R Base", "-o", str(tmp_path / "out")]
    result = RUN.invoke(app, options)
    assert result.exit_code == 0, result.output
    assert "16.87" in result.output and "0.92 [0.70, 0.98]" in result.output and "14 languages" in result.output
    content = json.loads((tmp_path / "out" / "distance.json").read_text())
    assert content["analysis"] == "distance"
    assert {point["language"] for point in content["points"]} == set(XNLI_ORDER[1:])
    german: Any = next(point for point in content["points"] if point["language"] == "de")
    assert german["value"] == pytest.approx(XNLI["XLM-R Base"][0] - XNLI["XLM-R Base"][3])
    svg = (tmp_path / "out" / "distance.svg").read_text()
    assert all(f'aria-label="{language}"' in svg for language in XNLI_ORDER[1:]) and 'width="604.8"' in svg
    parts = {path.name for path in (tmp_path / "out").glob("*.pdf")}
    assert parts == {"distance.pdf", "distance-size.pdf", "distance-families.pdf"}
    assert (tmp_path / "out" / "distance.png").read_bytes().startswith(b"\x89PNG")
    assert isinstance(RUN.invoke(app, options).exception, SettingError)
    again = RUN.invoke(app, [*options, "--overwrite"])
    assert again.exit_code == 0
    assert (tmp_path / "out" / "distance.svg").read_text() == svg


@pytest.mark.parametrize("options", [[], ["run", "--table", "t.csv"], ["--table", "t.csv", "--baseline", "b"],
                                     ["--table", "t.csv", "--outcome", "gains"],
                                     ["--table", "t.csv", "--width", "1"]])  # fmt: skip
def test_options_that_contradict(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    xnli_table(tmp_path / "t.csv")
    assert isinstance(RUN.invoke(app, ["analyze", "distance", *options]).exception, (SettingError, UnknownName))


def test_scaling_from_a_table(tmp_path):
    lines = ["model,benchmark,language,score,outcome,half_width,parameters,group,bases"]
    for bases in ("multilingual", "monolingual"):
        lines += [f"{bases}-{n},xtreme_xnli,avg,{n * 1.5},gain,1,{1e8 * 2**n:.0f},{bases},{bases}" for n in range(6)]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    result = RUN.invoke(app, ["analyze", "scaling", "--table", str(tmp_path / "t.csv"), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "scaling.json").read_text())
    assert [fit["doubling"]["estimate"] for fit in content["fits"]] == pytest.approx([1.5, 1.5])
    assert content["difference"]["estimate"] == pytest.approx(0, abs=1e-9)
    assert "multilingual bases" in (tmp_path / "out" / "scaling.svg").read_text()


def test_libraries_that_are_not_installed_are_named(monkeypatch):
    declared = ["numpy", "scipy>=1.0; extra == 'analysis'", "no-such-library>=2; extra == 'analysis'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda _: declared)
    error = RUN.invoke(app, ["analyze", "distance", "--zoo", "m"]).exception
    assert isinstance(error, SettingError)
    assert str(error) == "the analyses need no-such-library; pip install 'scipy>=1.0' 'no-such-library>=2'"


def test_without_the_library_that_paints_there_is_still_an_svg(tmp_path, monkeypatch):
    monkeypatch.setattr("xstilts_eval.figures.raster.is_installed", lambda: False)
    table = xnli_table(tmp_path / "xnli.csv")
    said = RUN.invoke(app, ["analyze", "distance", "--table", str(table), "--model", "XLM-R Base", "-o", str(tmp_path)])
    assert said.exit_code == 0 and "no PNG and PDF: they need matplotlib; pip install" in said.output
    assert (tmp_path / "distance.svg").is_file() and not (tmp_path / "distance.png").exists()
