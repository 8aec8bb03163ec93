"""Complexity against transfer: a planted effect is found, languages without enough chapters are named."""

import json
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.analysis.published import xnli_table
from tests.shared_data import DATA, needs_data
from xstilts_eval.analysis import morphology
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


@needs_data
def test_measures_on_flores_agree_with_what_is_known_of_the_languages():
    """Finnish and Turkish have more word forms than English and Vietnamese; Chinese has no words between blanks."""
    from xstilts_eval.analysis.representations import parallel_texts

    texts = parallel_texts(DATA / "flores200" / "devtest", ["fi", "tr", "vi", "zh", "nl"], 1012)
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
