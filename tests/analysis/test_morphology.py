"""Complexity against transfer: a planted effect is found, languages without enough chapters are named."""

import csv
import gzip
import json
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer
from typer.testing import CliRunner

from tests.analysis.published import xnli_table
from tests.shared_data import DATA, needs_data
from xstilts_eval.analysis.features import features
from xstilts_eval.analysis.morphology import analyse as morphology
from xstilts_eval.analysis.morphology import complexity, shipped
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


@pytest.mark.parametrize(("code", "has"), [("lao_Laoo", False), ("bod_Tibt", False), ("khm_Khmr", False),
                                           ("zho_Hant", False), ("ja", False), ("wuu", False), ("kor_Hang", True),
                                           ("amh_Ethi", True), ("vie", True), ("tlh", True)])  # fmt: skip
def test_languages_written_without_blanks_have_no_words(code, has):
    assert morphology.has_words(code) is has
    assert (morphology.measure(code, ["a b c d e"] * 200).mattr is not None) is has


def test_punctuation_of_other_scripts_is_no_part_of_a_word():
    assert morphology.words_of(["ሰላም፣ ዓለም።", "ᱡᱚᱦᱟᱨ᱾", "¿Qué?", "बस॥"]) == ["ሰላም", "ዓለም", "ᱡᱚᱦᱟᱨ", "qué", "बस"]


def test_the_shipped_measures_cover_flores():
    """204 languages; scripts without blanks have no words, scripts that a tokenizer does not know no numbers of it."""
    rows = shipped.measured()
    assert len(rows) == 204
    unspaced = {code for code, row in rows.items() if "mattr" not in row}
    assert {features(code).script for code in unspaced} == set(complexity.UNSPACED)
    assert all("fertility" not in name for code in unspaced for name in rows[code])
    assert rows["en"]["e5_premium"] == rows["en"]["minilm_premium"] == 1
    # XLM-R's vocabulary was made without these scripts, BERT's English one without almost all others.
    unknown = {code for code, row in rows.items() if "e5_premium" not in row}
    assert unknown == {"sat_Olck", "taq_Tfng", "tzm_Tfng", "bod_Tibt", "dzo_Tibt", "ace_Arab"}
    assert "minilm_premium" not in rows["amh"]
    assert rows["de"]["e5_premium"] < rows["de"]["minilm_premium"]


@needs_data
@pytest.mark.parametrize("code", ["fin_Latn", "vie_Latn", "amh_Ethi"])
def test_the_shipped_measures_are_those_of_the_sentences(code):
    """Recomputed with other code: sets over windows, and the entropy's formula word by word."""
    with gzip.open(DATA / "flores200" / "devtest" / f"{code}.devtest.gz", "rt", encoding="utf-8") as file:
        words = morphology.words_of(file.read().split("\n"))
    row = shipped.measured()[features(code).code]
    assert row["words"] == len(words)
    ratios = [len(set(words[start : start + 500])) / 500 for start in range(len(words) - 499)]
    assert row["mattr"] == pytest.approx(sum(ratios) / len(ratios), abs=5.1e-5)
    assert row["type_token"] == pytest.approx(len(set(words[:10_000])) / 10_000, abs=5.1e-5)
    counts = Counter(words)
    coverage = 1 - sum(n == 1 for n in counts.values()) / len(words)
    terms = [coverage * n / len(words) for n in counts.values()]
    chao_shen = -sum(p * math.log2(p) / (1 - (1 - p) ** len(words)) for p in terms)
    assert row["entropy"] == pytest.approx(chao_shen, abs=5.1e-5)


@needs_data
def test_the_shipped_cuts_are_those_of_the_tokenizer(minilm):
    """transformers' own tokenizer, sentence by sentence."""
    tokenizer: Any = AutoTokenizer.from_pretrained(minilm)
    ids = {}
    for code in ("eng_Latn", "fra_Latn", "rus_Cyrl"):
        with gzip.open(DATA / "flores200" / "devtest" / f"{code}.devtest.gz", "rt", encoding="utf-8") as file:
            ids[code] = tokenizer(file.read().rstrip("\n").split("\n"), add_special_tokens=False)["input_ids"]
    counts = {code: sum(map(len, rows)) for code, rows in ids.items()}
    for code in ("fra_Latn", "rus_Cyrl"):
        row = shipped.measured()[features(code).code]
        assert row["minilm_premium"] == pytest.approx(counts[code] / counts["eng_Latn"], abs=5.1e-5)
        unknown = sum(row.count(tokenizer.unk_token_id) for row in ids[code]) / counts[code]
        assert row["minilm_unknown"] == pytest.approx(unknown, abs=5.1e-5)


def test_the_command_without_texts_takes_the_shipped_measures(tmp_path):
    """A gap of 100 points per unit of MATTR, planted in the table that comes with the package."""
    rows = {code: row["mattr"] for code, row in shipped.measured().items() if "mattr" in row and code != "en"}
    lines = [f"m,x,{code},{100 * value + n % 3 / 10:.6f},gap" for n, (code, value) in enumerate(rows.items())]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["model,benchmark,language,score,outcome", *lines]) + "\n", encoding="utf-8")
    options = ["analyze", "morphology", "--table", str(table), "--subword", "m", "--outcome", "gap", "--by", "mattr",
               "--size", "cc100", "--tokenizer", "e5", "-o", str(tmp_path / "out")]  # fmt: skip
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "morphology.json").read_text())
    assert content["spearman"]["estimate"] > 0.99 and content["spearman"]["n"] == len(rows)
    terms = {term["name"]: term["estimate"] for term in content["regression"]["terms"]}
    assert terms["mattr"] == pytest.approx(100, abs=1) and "premium of e5" in terms
    assert "1,012 sentences" in result.output and "no premium of e5" in result.output
    for name, error in (("xlmr", UnknownName), ("e5=x", SettingError)):
        assert isinstance(CliRunner().invoke(app, [*options[:-4], "--tokenizer", name]).exception, error)


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
