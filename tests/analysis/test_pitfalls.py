"""A planted shortfall is found and ranked first; examples come from the samples with their evidence."""

import json
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from xstilts_eval.analysis.features import features
from xstilts_eval.analysis.observations import Observation
from xstilts_eval.analysis.pitfalls import analyse as pitfalls
from xstilts_eval.analysis.pitfalls import samples as pitfall_samples
from xstilts_eval.analysis.pitfalls import text
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.cli import app
from xstilts_eval.errors import NumericError, PredictionError
from xstilts_eval.languages import languages


def scores(change: Any = (), only: Any = None) -> Any:
    """Scores that follow distance and family, so that neighbours predict them."""
    random = np.random.default_rng(1)
    rows = []
    for code in only or languages():
        entry: Any = features(code)
        bonus = 5.0 if entry.family == "Indo-European" else 0.0
        value = 80 - 40 * (entry.number("featural") or 0) + bonus + float(random.normal(0, 0.5))
        rows.append(Observation("m", "xtreme_panx", code, "score", value + dict(change).get(code, 0.0), 0.5))
    return rows


def test_a_planted_shortfall_comes_first():
    report: Any = pitfalls.analyse(scores({"nl": -20.0}.items()))
    first = report.shortfalls[0]
    assert first.language == "nl"
    assert first.difference == pytest.approx(-20, abs=4)
    assert first.adjusted_p < 0.01
    assert {"af", "de"} <= {language for language, _ in first.neighbours}
    assert sum(one.adjusted_p < 0.05 for one in report.shortfalls) <= 4


def test_without_one_few_languages_are_flagged():
    report: Any = pitfalls.analyse(scores())
    assert sum(one.adjusted_p < 0.05 for one in report.shortfalls) <= 2


def test_a_shortfall_of_twice_the_smallest_is_found_and_one_of_a_third_is_not():
    (seen,) = pitfalls.analyse(scores()).smallest
    before = {one.language: one.difference for one in pitfalls.analyse(scores()).shortfalls}
    for share, is_found in ((2.0, True), (1 / 3, False)):
        planted = {"nl": -share * seen.value - before["nl"]}
        found: Any = pitfalls.analyse(scores(planted.items()))
        assert (next(one for one in found.shortfalls if one.language == "nl").adjusted_p < 0.05) is is_found
    console = Console(width=200)
    with console.capture() as screen:
        console.print(text.show(found))
    assert f"one language of {len(before)} below its neighbours: {seen.value:.2f} points" in screen.get()


def test_a_wide_interval_is_no_shortfall():
    rows = [Observation(r.model, r.benchmark, r.language, r.outcome, r.value, 60.0 if r.language == "nl" else 0.5)
            for r in scores({"nl": -20.0}.items())]  # fmt: skip
    found: Any = next(one for one in pitfalls.analyse(rows).shortfalls if one.language == "nl")
    assert found.adjusted_p > 0.1


def test_a_language_does_not_predict_itself():
    report: Any = pitfalls.analyse(scores())
    for one in report.shortfalls:
        assert one.language not in {language for language, _ in one.neighbours}
        assert sum(weight for _, weight in one.neighbours) == pytest.approx(1)


def test_taggers_are_told_about_first_pieces():
    """Only families of tags: an answer has no first piece."""
    rows = [Observation(r.model, "xtreme_xnli", r.language, r.outcome, r.value, 0.5) for r in scores()]
    said: Any = [any("first_piece=text" in note for note in pitfalls.analyse(one).notes) for one in (scores(), rows)]
    assert said == [True, False]


def test_refusals():
    with pytest.raises(NumericError, match="3 languages"):
        pitfalls.analyse(scores(only=["de", "fr", "es", "en"]))
    with pytest.raises(NumericError, match="the score is the same"):
        pitfalls.analyse([Observation("m", "b", code, "score", 5.0) for code in languages()])
    with pytest.raises(PredictionError, match="different benchmarks"):
        pitfalls.analyse([*scores(), Observation("m", "xtreme_xnli", "de", "score", 5.0)])


def sample(number: Any, language: Any, acc: Any, answer: Any = "neutral") -> Any:
    document = {"id": str(number), "premise": f"p{number}", "hypothesis": f"h{number}", "label": 1, "family": "xnli",
                "language": language}  # fmt: skip
    return {"doc_id": number, "doc": document, "target": 1, "filtered_resps": [answer], "acc": acc}


def write(folder: Any, language: Any, accuracies: Any) -> Any:
    path = folder / "samples" / f"samples_xtreme.xnli.{language}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(sample(number, language, acc)) for number, acc in enumerate(accuracies)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_examples_wrong_here_and_right_in_english_come_first(tmp_path):
    runs = [tmp_path / "one", tmp_path / "two"]
    for run, swahili in zip(runs, ([0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0]), strict=True):
        write(run, "sw", swahili)
        write(run, "en", [0.0, 1.0, 1.0, 1.0])
    found: Any = pitfalls.hardest(pitfall_samples.read(runs, FAMILIES["xtreme_xnli"], ["sw"]))
    assert [(one.document, one.wrong, one.english, one.runs) for one in found] == [
        ("1", 1.0, 0.0, 2),
        ("0", 1.0, 1.0, 2),
    ]
    assert found[0].leaf == "xtreme.xnli.sw" and found[0].target == "entailment" and found[0].text == "p1 | h1"


@pytest.mark.parametrize(("family", "given", "expected"), [
    ("xtreme_udpos", {"token_accuracy": [3, 12]}, 0.75), ("xtreme_xquad", {"f1": 0.25}, 0.75),
    ("xtreme_xnli", {"acc": 1.0}, 0.0), ("xtreme_tatoeba", {"acc": 0.0}, 1.0)])  # fmt: skip
def test_the_share_that_is_wrong(family, given, expected):
    assert pitfall_samples.wrong(given, FAMILIES[family]) == expected


def test_samples_that_are_missing_or_broken(tmp_path):
    with pytest.raises(PredictionError, match="--examples 0 leaves them out"):
        pitfall_samples.read([tmp_path], FAMILIES["xtreme_xnli"], ["sw"])
    write(tmp_path, "sw", [1.0])
    path = tmp_path / "samples" / "samples_xtreme.xnli.sw.jsonl"
    path.write_text('{"doc": {}}\n', encoding="utf-8")
    with pytest.raises(PredictionError, match="line 1"):
        pitfall_samples.read([tmp_path], FAMILIES["xtreme_xnli"], ["sw"])


def test_the_command(tmp_path):
    lines = ["model,benchmark,language,score"]
    lines += [f"m,xtreme_panx,{row.language},{row.value}" for row in scores({"nl": -20.0}.items())]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    options = ["analyze", "pitfalls", "--table", str(tmp_path / "t.csv"), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "pitfalls.json").read_text())
    assert content["shortfalls"][0]["language"] == "nl"
    assert "Dutch (nl) *" in (tmp_path / "out" / "pitfalls.svg").read_text()
