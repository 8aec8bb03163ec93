"""Complexity against transfer: a planted effect is found, languages without enough chapters are named."""

import csv
import json
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.analysis.published import xnli_table
from tests.shared_data import DATA, needs_data
from xstilts_eval.analysis.morphology import analyse as morphology
from xstilts_eval.analysis.observations import Observation
from xstilts_eval.cli import app
from xstilts_eval.errors import NumericError, PredictionError, SettingError, UnknownName
from xstilts_eval.languages import languages

CODES = [code for code in languages() if code != "en"]
MEASURES = {code: morphology.measure(code) for code in CODES}


def observed(model: Any, value: Any, outcome: Any = "score") -> Any:
    return [Observation(model, "xtreme_xnli", code, outcome, float(value(code)), 1.0) for code in CODES]


def planted(effect: Any) -> Any:
    random = np.random.default_rng(3)
    base = {code: random.normal(60, 8) for code in CODES}
    noise = {code: random.normal(0, 1) for code in CODES}
    subword = observed("mT5", base.__getitem__)
    byte = observed("ByT5", lambda code: base[code] + effect * (MEASURES[code].c_wals or 0.4) + noise[code])
    return subword, byte


def test_a_planted_advantage_of_bytes_is_found():
    """The languages' own difficulty (sd 8) is taken out by the difference; the effect of 10 points is not."""
    report: Any = morphology.analyse(morphology.differences(*planted(10.0)), MEASURES)
    term: Any = report.regression["c_wals"]
    assert term.low < 10 < term.high and term.p < 0.001
    assert report.models == ("ByT5 - mT5",)
    assert report.rows[0].byte - report.rows[0].subword == pytest.approx(report.rows[0].value)
    assert report.rows[0].half_width == pytest.approx(2**0.5)


def test_no_effect_is_not_found():
    report: Any = morphology.analyse(morphology.differences(*planted(0.0)), MEASURES)
    assert report.regression["c_wals"].low < 0 < report.regression["c_wals"].high


def test_languages_with_few_chapters_are_left_out_by_name():
    report: Any = morphology.analyse(planted(10.0)[0], MEASURES)
    assert len(report.rows) == 39  # 40 languages of XTREME-R with ten chapters, English among them
    assert report.left_out["kk"] == "1 WALS chapters, 10 are needed"
    assert report.left_out["ht"] == "no c_wals"


def test_the_premium_is_held_fixed():
    from dataclasses import replace

    priced = {code: replace(one, premium={"t": 1 + i / 50}) for i, (code, one) in enumerate(MEASURES.items())}
    report: Any = morphology.analyse(planted(10.0)[0], priced, tokenizer="t")
    assert [term.name for term in report.regression.terms] == ["intercept", "c_wals", "log10 mc4", "premium of t"]
    assert report.premium.n == 39


def test_unlike_results_are_refused():
    subword, _ = planted(1.0)
    with pytest.raises(PredictionError, match="different kinds"):
        morphology.differences(subword, observed("b", lambda _: 1.0, "gain"))
    with pytest.raises(UnknownName, match="c_wals"):
        morphology.analyse(subword, MEASURES, by="wals")
    with pytest.raises(NumericError, match="0 languages have an outcome and mattr"):
        morphology.analyse(subword, MEASURES, by="mattr")


def test_words_of_sentences():
    assert morphology.words_of(["«Да», said he; (no)!", "— 3.5 %"]) == ["да", "said", "he", "no", "3.5", "%"]


@pytest.mark.slow
@needs_data
def test_measures_on_flores_agree_with_what_is_known_of_the_languages():
    """Finnish and Turkish have more word forms than English and Vietnamese; Chinese has no words between blanks."""
    from xstilts_eval.analysis.parallel import texts_of

    texts = texts_of(DATA / "flores200" / "devtest", ["fi", "tr", "vi", "zh", "nl"], 1012)
    found: Any = {code: morphology.measure(code, lines) for code, lines in texts.items()}
    assert found["zh"].mattr is None and found["zh"].c_wals is not None
    for rich in ("fi", "tr"):
        for poor in ("vi", "nl"):
            assert found[rich].mattr > found[poor].mattr and found[rich].entropy > found[poor].entropy
            assert found[rich].type_token > found[poor].type_token


def test_the_command(tmp_path):
    table = xnli_table(tmp_path / "xnli.csv")
    options = ["analyze", "morphology", "--table", str(table), "--subword", "XLM-R Base", "--outcome", "gap",
               "--size", "cc100", "-o", str(tmp_path / "out")]  # fmt: skip
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "morphology.json").read_text())
    assert content["spearman"]["n"] == 12 and set(content["left_out"]) == {"ar", "ur"}
    without_text = ["analyze", "morphology", "--table", str(table), "--subword", "XLM-R Base", "--tokenizer", "t=x"]
    assert isinstance(CliRunner().invoke(app, without_text).exception, SettingError)


# Features per word: PUD rows only, multiword tokens and empty nodes are no words.
def treebank(folder: Any, code: Any, name: Any, cells: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# text = x", "1-2\tab" + "\t_" * 8, *(f"{n}\tw\tw\tX\t_\t{cell}\t0\troot\t_\t_" for n, cell in cells),
             "8.1\te" + "\t_" * 8, ""]  # fmt: skip
    (folder / f"{code}_{name}-ud-test.conllu").write_text("\n".join(lines), encoding="utf-8")


def test_features_per_word_of_pud_alone(tmp_path):
    treebank(tmp_path / "r2.5", "fi", "pud", [(1, "_")])
    treebank(tmp_path / "r2.7", "fi", "pud", [(1, "Case=Nom|Number=Sing"), (2, "_"), (3, "Case=Gen")])
    treebank(tmp_path / "z", "fi", "tdt", [(1, "A=B|C=D|E=F")])
    treebank(tmp_path / "z", "ko", "kaist", [(1, "A=B")])
    assert morphology.from_treebanks(tmp_path, "fi") == 1.0
    assert morphology.from_treebanks(tmp_path, "ko") is None


@needs_data
def test_features_per_word_of_the_real_treebanks():
    """The measures of a table that was computed apart from this package, to its three decimals."""
    table = DATA / "language_features" / "ud_test_surface_measures.tsv"
    with table.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["treebank"].endswith("-PUD")]
    expected = {
        row["lang"]: float(row["mean_feats_per_word"]) for row in rows if row["lang"] in ("ko", "fi", "tr", "th")
    }
    found = {code: round(morphology.from_treebanks(DATA / "ud", code) or 0, 3) for code in expected}
    assert found == expected and found["ko"] == 0.995


def test_the_command_with_treebanks(tmp_path):
    table = xnli_table(tmp_path / "xnli.csv")
    for n, code in enumerate(("fr", "es", "de", "ru", "tr", "hi")):
        treebank(tmp_path / "ud", code, "pud", [(1, "A=B"), (2, "|".join(["A=B"] * (n + 1)))])
    options = ["analyze", "morphology", "--table", str(table), "--subword", "XLM-R Base", "--outcome", "gap",
               "--by", "ud_features"]  # fmt: skip
    assert isinstance(CliRunner().invoke(app, options).exception, SettingError)
    result = CliRunner().invoke(app, [*options, "--treebanks", str(tmp_path / "ud"), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "morphology.json").read_text())
    assert [(row["language"], row["complexity"]) for row in content["rows"]] == [
        (code, 1 + n / 2) for n, code in enumerate(("fr", "es", "de", "ru", "tr", "hi"))
    ]
    assert content["left_out"]["zh"] == "no ud_features"


def test_byte_against_subword_runs(tmp_path):
    from tests.analysis.written import write_run

    codes = ("en", "de", "es", "fr", "hi", "ru", "tr", "vi")
    rows: Any = {
        name: {code: 0.5 + step * n for n, code in enumerate(codes)} for name, step in (("s", 0.01), ("b", 0.03))
    }
    for name, accuracy in rows.items():
        write_run(tmp_path / name, accuracy)
    options = ["analyze", "morphology", "--subword", str(tmp_path / "s"), "--byte", str(tmp_path / "b"), "-o",
               str(tmp_path / "out")]  # fmt: skip
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "morphology.json").read_text())
    found = {row["language"]: row["value"] for row in content["rows"]}
    assert found == pytest.approx({code: 2.0 * n for n, code in enumerate(codes) if code != "en"})
