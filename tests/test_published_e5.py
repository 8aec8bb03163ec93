"""MTEB's Tatoeba scores of multilingual-e5-small, from weights that were rounded to 4 bits.

The zoo's `multilingual-e5-small-q4` says how far such a copy lies from the original by chance; that number is measured
on the pairs that are not tested here by default, and measured again in the slow suite.
"""

import json
import math
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval import evaluation
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.results import record
from xstilts_eval.zoo import regression
from xstilts_eval.zoo.gating import Choice
from xstilts_eval.zoo.manifest import load
from xstilts_eval.zoo.regression import Report

SMALL = ["tzl", "swg", "gsw", "ast", "ang", "cha", "xho", "fry"]
"""The smallest pairs: 1,046 sentences a side."""
COPY, ORIGINAL = "multilingual-e5-small-q4", "multilingual-e5-small"


def leaves(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"bitext.tatoeba.{code}" for code in codes)


def scored(model: Path, codes: Iterable[str], output: Path, **model_args: Any) -> Path:
    """The function behind `xstilts eval`, in this process: a start of the libraries costs as much as the scoring."""
    settings = evaluation.Settings(str(model), leaves(codes), str(DATA), model_args=tuple(model_args.items()))
    evaluation.evaluate(settings, output, overwrite=False, say=lambda _: None)
    return output


def regress(results: Path, codes: Iterable[str]) -> Report:
    choice = Choice(COPY, only=[FAMILIES["bitext_tatoeba"].leaf(code) for code in codes])
    return regression.regress(load(), choice, [record.read(results)])


def accuracies(results: Path) -> dict[str, float]:
    scores = json.loads((results / "results.json").read_text(encoding="utf-8"))["results"]
    return {leaf.rpartition(".")[2]: found["acc,none"] for leaf, found in scores.items() if "acc,none" in found}


def published() -> dict[str, tuple[float, int]]:
    """Accuracy (a fraction) and sentences by code, of the original; without those whose size nobody counted."""
    return {
        one.language: (one.value, one.n)
        for one in load().of(ORIGINAL)
        if one.family == "bitext_tatoeba" and one.metric == "acc" and one.language != "avg" and one.n
    }


def in_variances(ours: float, theirs: float, n: int) -> float:
    """The squared difference of two scores of one test set, in units of the variance of one score."""
    return n * (ours - theirs) ** 2 / (theirs * (1 - theirs))


@needs_data
def test_small_pairs_are_reproduced_as_a_quantised_copy(e5: Path, tmp_path: Path) -> None:
    """By the regression; and by hand, with the error that the zoo states and Bonferroni's 8 numbers."""
    results = scored(e5, SMALL, tmp_path / "run")
    report = regress(results, SMALL)
    assert report.has_passed
    assert sorted(verdict.record.language for verdict in report.gating) == sorted(SMALL)
    assert {(verdict.record.metric, verdict.method) for verdict in report.gating} == {("acc", "quantised copy")}
    copy = load().model(COPY).copy_of
    assert copy is not None
    known = published()
    for language, accuracy in accuracies(results).items():
        value, n = known[language]
        error = math.sqrt(copy.variance["acc"] * value * (1 - value) / n)
        assert abs(accuracy - value) < statistics.NormalDist().inv_cdf(1 - 0.05 / 16) * error


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("wrong", [{"pooling": "cls"}, {"layer": 6}, {"prompt": "query: "}])
def test_wrong_settings_are_red(e5: Path, tmp_path: Path, wrong: dict[str, Any]) -> None:
    """The signature says so; and the numbers would, taken together."""
    results = scored(e5, SMALL, tmp_path / "run", **wrong)
    report = regress(results, SMALL)
    assert not report.has_passed
    assert {verdict.status.value for verdict in report.gating} == {"not comparable"}
    known, copy = published(), load().model(COPY).copy_of
    assert copy is not None
    shifts = [accuracy - known[language][0] for language, accuracy in accuracies(results).items()]
    assert statistics.fmean(shifts) < -0.03
    apart = [in_variances(ours, *known[code]) / copy.variance["acc"] for code, ours in accuracies(results).items()]
    assert sum(apart) > 21.96  # 99.5 % quantile of chi square with 8 degrees of freedom


@needs_data
@pytest.mark.slow
def test_all_pairs(e5: Path, tmp_path: Path) -> None:
    """102 pairs, no shift, and the spread that the zoo states: measured again on the pairs that are not in `SMALL`."""
    known = published()
    codes = [code for code in known if (DATA / f"tatoeba/v1/tatoeba.{code}-eng.{code}").is_file()]
    results = scored(e5, codes, tmp_path / "run")
    report = regress(results, codes)
    assert report.has_passed, [verdict for verdict in report.gating if verdict.status.value == "drifted"]
    ours = accuracies(results)
    rest = [code for code in ours if code not in SMALL]
    copy = load().model(COPY).copy_of
    assert copy is not None
    variance = statistics.fmean(in_variances(ours[code], *known[code]) for code in rest)
    assert variance == pytest.approx(copy.variance["acc"], rel=0.02)
    differences = [100 * (ours[code] - known[code][0]) for code in ours]
    assert abs(statistics.fmean(differences)) < 0.3
