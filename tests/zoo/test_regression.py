"""Verdicts on results small enough to judge by hand."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.host_results import host_results
from tests.zoo.small_zoo import MODEL, table, write_zoo
from xstilts_eval.benchmark import FAMILIES, family, leaf_parts
from xstilts_eval.errors import DataError, NumericError, PredictionError, SettingError, UnknownName, XstiltsError
from xstilts_eval.results import record
from xstilts_eval.results.record import RunResult
from xstilts_eval.results.signature import Signature
from xstilts_eval.zoo import gating, manifest, regression
from xstilts_eval.zoo.gating import Choice
from xstilts_eval.zoo.regression import Report, Status

Change = Callable[[dict[str, Any]], None]
XNLI = family("xnli").languages
SWAHILI = "xtreme.xnli.sw"


def run(scores: dict[str, float], change: Change | None = None, **options: Any) -> RunResult:
    """A run of 100 documents, all metrics of a leaf equal; `change` alters the host's dictionary before it is read."""
    results = host_results(
        {leaf: dict.fromkeys(leaf_parts(leaf)[0].metrics, value) for leaf, value in scores.items()}, **options
    )
    if change:
        change(results)
    return record.from_host(results)


def judge(zoo: Path, *runs: RunResult, may_miss: bool = False, **choice: Any) -> Report:
    return regression.regress(manifest.load(zoo), Choice(MODEL, **choice), runs, may_miss)


def only(report: Report) -> tuple[str, str]:
    (verdict,) = report.verdicts
    return verdict.status.value, verdict.reason


# --- tolerance


@pytest.mark.parametrize(
    ("ours", "status"), [(0.795, "reproduced"), (0.785, "reproduced"), (0.7951, "drifted"), (0.7849, "drifted")]
)
def test_the_tolerance_is_the_border_on_both_sides(tmp_path: Path, ours: float, status: str) -> None:
    """79.0 ± 0.5 points: 78.5 and 79.5 pass, a hundredth of a point more does not."""
    report = judge(write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0})), run({SWAHILI: ours}))
    assert only(report)[0] == status
    assert report.has_passed is (status == "reproduced")


def test_a_zoo_in_fractions_gives_the_same_verdicts(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 0.79}, scale="fraction", tolerance=0.005))
    assert only(judge(zoo, run({SWAHILI: 0.794})))[0] == "reproduced"
    assert only(judge(zoo, run({SWAHILI: 0.796})))[0] == "drifted"


def test_every_status_and_counts_that_add_up(tmp_path: Path) -> None:
    zoo = write_zoo(
        tmp_path / "zoo.yaml",
        table({"en": 85.0, "de": 80.0, "sw": 70.0}),
        table({"en": 90.0}, family="xtreme_pawsx"),
        table({"de": 66.0}, family="xtreme_panx", metric="f1", tolerance=None),
        table({"ur": 60.0}, confidence="recalled"),
        table({"ro": 75.0}),
        table({"en": 50.0}, family="none"),
        table({"en": 50.0}, family="xtremex_new"),
    )
    report = judge(
        zoo,
        run({"xtreme.xnli.en": 0.851, "xtreme.xnli.de": 0.70, "xtreme.panx.de": 0.66, "xtreme.xnli.ur": 0.6}),
        run({"xtreme.pawsx.en": 0.90}, data={"split": "dev"}),
    )
    assert [(v.record.family, v.record.language, v.status.value, v.gates, v.reason) for v in report.verdicts] == [
        ("xtreme_xnli", "en", "reproduced", True, ""),
        ("xtreme_xnli", "de", "drifted", True, ""),
        ("xtreme_xnli", "sw", "missing", True, "not scored"),
        ("xtreme_pawsx", "en", "not comparable", True, "split dev, not test"),
        ("xtreme_panx", "de", "not comparable", False, "no tolerance"),
        ("xtreme_xnli", "ur", "not comparable", False, "recalled"),
        ("xtreme_xnli", "ro", "not comparable", False, "language outside the dataset"),
        ("none", "en", "not comparable", False, "no dataset of ours"),
        ("xtremex_new", "en", "not comparable", False, "no dataset xtremex_new here"),
    ]
    assert list(report.counts.values()) == [1, 1, 1, 1]
    assert (len(report.gating), sum(report.not_gated.values()), len(report.verdicts)) == (4, 5, 9)
    assert not report.has_passed


def test_what_may_be_missing_and_what_not(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"en": 85.0, "sw": 70.0}))
    good, bad = run({"xtreme.xnli.en": 0.85}), run({"xtreme.xnli.en": 0.80})
    assert not judge(zoo, good).has_passed
    assert judge(zoo, good, may_miss=True).has_passed
    assert not judge(zoo, bad, may_miss=True).has_passed
    nothing = judge(zoo, run({"xtreme.xnli.de": 0.85}), may_miss=True)
    assert list(nothing.counts.values()) == [0, 0, 2, 0]
    assert not nothing.has_passed  # where nothing was compared nothing is reproduced


def test_a_metric_that_the_results_lack(tmp_path: Path) -> None:
    zoo = write_zoo(
        tmp_path / "zoo.yaml",
        table({"de": 60.0}, family="xtreme_tatoeba", metric="acc_from_foreign"),
        table({"de": 60.0}, family="xtreme_tatoeba", metric="mAP@20"),
    )
    missing, foreign = judge(zoo, run({"xtreme.tatoeba.de": 0.6})).verdicts
    assert (missing.status, missing.gates, missing.reason) == (
        Status.MISSING, True, "the results have no acc_from_foreign"
    )  # fmt: skip
    assert (foreign.gates, foreign.reason) == (False, "metric outside the dataset")
    with pytest.raises(PredictionError, match=r"xtreme\.xquad\.en has no f1, its official metric"):
        run({"xtreme.xquad.en": 0.6}, change=lambda results: results["results"]["xtreme.xquad.en"].pop("f1,none"))


def test_a_number_that_decides_nothing_is_shown_beside_ours(tmp_path: Path) -> None:
    zoo = write_zoo(
        tmp_path / "zoo.yaml",
        table({"sw": 79.0, "avg": 70.0}, tolerance=None),
        table({"de": 85.0}, confidence="recalled"),
        table({"en": 50.0}, family="none"),
    )
    scores = {SWAHILI: 0.80, "xtreme.xnli.de": 0.80, "xtreme.xnli.en": 0.80}
    verdicts = judge(zoo, run(scores)).verdicts
    assert [(v.gates, v.measured) for v in verdicts] == [(False, 80.0), (False, None), (False, 80.0), (False, None)]
    assert [v.difference for v in verdicts] == [1.0, None, -5.0, None]
    sample = judge(zoo, run(scores, data={"source": "sample", "complete": False})).verdicts
    assert {v.measured for v in sample} == {None}


# --- sampling error


def test_the_sampling_error_of_both_sides(tmp_path: Path) -> None:
    """Published 40.0 of n 1,000: 1.5492 points; ours 45.0 of 100: 4.9749; together sqrt(27.15), times 1.959964."""
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 40.0}, tolerance=None, n=1000))
    (verdict,) = judge(zoo, run({SWAHILI: 0.45})).verdicts
    assert (verdict.status, verdict.method) == (Status.REPRODUCED, "sampling error")
    assert verdict.allowed == pytest.approx(10.2125, abs=1e-4)
    assert only(judge(zoo, run({SWAHILI: 0.51})))[0] == "drifted"  # 11 points; 10.26 are allowed


def test_our_interval_goes_before_the_formula(tmp_path: Path) -> None:
    """[0.43, 0.47] is 2 / 1.959964 = 1.0204 points; with the published 1.5492: 1.8551; allowed 3.6359."""
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 40.0}, tolerance=None, n=1000))
    results = host_results({SWAHILI: {"acc": 0.45, "acc_ci95": [0.43, 0.47]}})
    (verdict,) = judge(zoo, record.from_host(results)).verdicts
    assert verdict.allowed == pytest.approx(3.6359, abs=1e-4)
    assert verdict.status is Status.DRIFTED


def test_a_published_standard_error_is_in_the_scale_of_its_value(tmp_path: Path) -> None:
    zoo = write_zoo(
        tmp_path / "zoo.yaml",
        table({"sw": 0.4}, scale="fraction", tolerance=None, stderr={"sw": 0.03}),
        table({"de": 40.0}, tolerance=None, stderr={"de": 3.0}),
    )
    wide = {"acc": 0.45, "acc_ci95": [0.45 - 0.0784, 0.45 + 0.0784]}  # 4 points; with 3: 5
    report = judge(zoo, record.from_host(host_results({SWAHILI: dict(wide), "xtreme.xnli.de": dict(wide)})))
    # two records share the 5 %: the 98.75 % quantile of the normal distribution is 2.241403
    assert [verdict.allowed for verdict in report.verdicts] == pytest.approx([5 * 2.241403] * 2, abs=1e-3)


def test_the_error_of_a_proportion_is_that_of_the_harness() -> None:
    """BLOOM-560m, XNLI Arabic, 5,010 test pairs: lm-evaluation-harness published a standard error of 0.66617 points.

    Source: results/bloom/bloom-560m/bloom-560m_xnli_0-shot.json at 4a0b0d6e; it divides by n - 1.
    """
    assert gating.error_of_mean(33.35329341317365, 5009) == pytest.approx(0.6661671189931638, rel=1e-6)


@pytest.mark.parametrize(("records", "quantile"), [(1, 1.959964), (4, 2.497705), (10, 3.023341)])
def test_records_share_the_chance_of_a_false_alarm(tmp_path: Path, records: int, quantile: float) -> None:
    """Quantiles of the normal distribution at 1 - 0.05 / (2 m), from a table.

    From five numbers of a family on half of the level belongs to their joint verdict: 1 - 0.025 / (2 m).
    """
    languages = XNLI[:records]
    zoo = write_zoo(tmp_path / "zoo.yaml", table(dict.fromkeys(languages, 40.0), tolerance=None, n=1000))
    report = judge(zoo, run({f"xtreme.xnli.{language}": 0.45 for language in languages}))
    assert {round(verdict.allowed or 0, 3) for verdict in report.verdicts} == {round(quantile * math.sqrt(27.15), 3)}


def test_faithful_runs_turn_red_once_in_twenty_and_wrong_ones_always(tmp_path: Path) -> None:
    """15 languages, 1,000 pairs each, true accuracy 0.6 on both sides, all of them independent.

    The single numbers have half of the 5 %, which of 300 runs is 7.5 (7.5 ± 8.1 in 3 sd). The joint verdict, made for
    languages that move as one, hardly adds to it here.
    """
    random = np.random.default_rng(7)
    languages = XNLI
    zoo = manifest.load(write_zoo(tmp_path / "zoo.yaml", table({"de": 1.0})))
    (example,) = zoo.records
    fixed = {"family": "xtreme_xnli", "tolerance": None, "n": 1000}

    def is_green(shift: float) -> bool:
        published, ours = random.binomial(1000, 0.6, (2, len(languages))) / 1000
        ours[0] += shift
        records = tuple(
            example.model_copy(update={**fixed, "language": language, "value": 100 * float(value)})
            for language, value in zip(languages, published, strict=True)
        )
        results = host_results({f"xtreme.xnli.{a}": {"acc": float(b)} for a, b in zip(languages, ours, strict=True)})
        for counts in results["n-samples"].values():
            counts |= {"original": 1000, "effective": 1000}
        every = manifest.Zoo.model_construct(models=zoo.models, records=records, sources={}, known=())
        return regression.regress(every, Choice(MODEL), [record.from_host(results)]).has_passed

    assert 1 <= sum(not is_green(0.0) for _ in range(300)) <= 16
    assert not any(is_green(0.15) for _ in range(20))  # 15 points, 6.8 standard errors


def test_a_chunk_f1_has_no_error_from_n_alone(tmp_path: Path) -> None:
    zoo = write_zoo(
        tmp_path / "zoo.yaml",
        table({"de": 66.0}, family="xtreme_panx", metric="f1", tolerance=None, n=10000),
        table({"de": 66.0}, family="xtreme_xquad", metric="f1", tolerance=None, n=1190),
    )
    report = judge(zoo, run({"xtreme.panx.de": 0.66, "xtreme.xquad.de": 0.66}))
    assert [(v.status.value, v.reason) for v in report.verdicts] == [
        ("not comparable", "no tolerance"),  # chunks are not documents
        ("reproduced", ""),  # a mean of values from 0 to 1 over questions
    ]


# --- averages


def mixed() -> dict[str, float]:
    """13 languages at 0.70 and two at 0.85: (9.1 + 1.7) / 15 = 0.72."""
    return {f"xtreme.xnli.{language}": 0.85 if language in ("en", "de") else 0.70 for language in XNLI}


def test_an_average_needs_all_its_languages(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"avg": 72.0}, tolerance=0.01))
    assert only(judge(zoo, run(mixed())))[0] == "reproduced"
    fewer = {leaf: value for leaf, value in mixed().items() if leaf != SWAHILI}
    assert only(judge(zoo, run(fewer))) == ("missing", "14 of 15 languages scored")


def test_an_average_over_other_languages_decides_nothing(tmp_path: Path) -> None:
    """The XQuAD repository's averages include Romanian, which XTREME's do not."""
    languages = [*family("xquad").languages, "ro"]
    same_table = {"family": "xtreme_xquad", "metric": "f1"}
    zoo = write_zoo(tmp_path / "zoo.yaml", table({**dict.fromkeys(languages, 70.0), "avg": 70.0}, **same_table))
    scores = {f"xtreme.xquad.{language}": 0.70 for language in family("xquad").languages}
    verdicts = {v.record.language: v for v in judge(zoo, run(scores)).verdicts}
    assert (verdicts["avg"].gates, verdicts["avg"].reason) == (False, "average over other languages")
    assert verdicts["de"].status is Status.REPRODUCED


def test_the_error_of_an_average_from_n_is_a_bound_whatever_the_languages_share() -> None:
    """Against simulated test sets: items alike in every language (XNLI), partly alike, and of its own each."""
    draw = np.random.default_rng(7)
    shares, n, errors = np.array([0.85, 0.75, 0.7, 0.6]), 200, []
    for alike in (1.0, 0.5, 0.0):
        common, own = draw.random((2_000, n, 1)), draw.random((2_000, n, 4))
        answers = np.where(draw.random((2_000, n, 4)) < alike, common, own) < shares
        error = 100 * answers.mean(axis=(1, 2)).std()
        bound = gating.error_of_mean(100 * shares.mean(), n)
        assert error < bound
        errors.append(error / bound)
    assert errors == sorted(errors, reverse=True) and errors[0] > 0.8, "no loose one where the items are the same"


def test_an_average_with_n_decides_by_the_errors_of_both_sides(tmp_path: Path) -> None:
    """72 of 100 points from 400 documents: 2.245; ours, the mean over languages at 70 and 85 of 100: 4.448."""
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"avg": 72.0}, tolerance=None, n=400))
    (verdict,) = judge(zoo, run(mixed())).verdicts
    ours = (13 * 100 * math.sqrt(0.7 * 0.3 / 100) + 2 * 100 * math.sqrt(0.85 * 0.15 / 100)) / 15
    assert verdict.error == pytest.approx(math.hypot(100 * math.sqrt(0.72 * 0.28 / 400), ours))
    assert verdict.error is not None
    assert verdict.status is Status.REPRODUCED
    assert verdict.allowed == pytest.approx(1.959964 * verdict.error, rel=1e-6)
    assert only(judge(zoo, run({leaf: value - 0.11 for leaf, value in mixed().items()})))[0] == "drifted"


XLMR = {"en": 89.1, "fr": 84.1, "es": 85.1, "de": 83.9, "el": 82.9, "bg": 84.0, "ru": 81.2, "tr": 79.6, "ar": 79.8,
        "vi": 80.8, "th": 78.1, "zh": 80.2, "hi": 76.9, "sw": 73.9, "ur": 73.8}  # fmt: skip
"""XLM-R Large on XNLI: the XLM-R paper's Table 1."""


def of_xnli(lower: dict[str, float]) -> RunResult:
    """XLM-R's own scores on all 5,010 pairs, so many points lower."""

    def whole(results: dict[str, Any]) -> None:
        for leaf in results["n-samples"]:
            results["n-samples"][leaf] = {"original": 5010, "effective": 5010}
            results["configs"][leaf]["metadata"]["xs_data"]["documents"] = 5010

    return run({f"xtreme.xnli.{code}": (value - lower.get(code, 0)) / 100 for code, value in XLMR.items()}, whole)


def mean_error(lower: dict[str, float]) -> float:
    """Of a difference from XLM-R's scores, if all languages move as one: the mean of the single errors."""
    pairs = [(value / 100, (value - lower.get(code, 0)) / 100) for code, value in XLMR.items()]
    return sum(math.sqrt((p * (1 - p) + q * (1 - q)) / 5010) for p, q in pairs) / len(pairs)


@pytest.mark.parametrize(
    ("lower", "drifted"),
    [({}, set()), ({"sw": 2.5, "de": -1.5}, set()), ({"sw": 3.0}, {"sw"}), (dict.fromkeys(XLMR, 3.0), {"avg", *XLMR})],
)
def test_a_run_against_the_paper_of_xlmr(lower: dict[str, float], drifted: set[str]) -> None:
    """16 numbers share 2.5 %: 3.163 standard errors of both sides, which is 2.8 points in Swahili, the widest."""
    choice = Choice("XLM-R Large", "base", source="xlmr_t1", only=[family("xnli").leaf(code) for code in XNLI])
    report = regression.regress(manifest.load(), choice, [of_xnli(lower)])
    assert len(report.gating) == 16
    assert {v.record.language for v in report.verdicts if v.status is Status.DRIFTED} == drifted
    assert report.has_passed is (not drifted)
    (together,) = report.families
    assert together.fails is (len(drifted) > 1)
    assert together.detectable == pytest.approx((2.2414 + 0.8416) * 100 * mean_error(lower), rel=1e-3)
    allowed = {v.record.language: v.allowed for v in report.verdicts}
    share, ours = 0.739, 0.739 - lower.get("sw", 0) / 100
    expected = 3.163 * 100 * math.sqrt((share * (1 - share) + ours * (1 - ours)) / 5010)
    assert allowed["sw"] == pytest.approx(expected, rel=1e-3) and max(map(float, allowed.values())) < 2.85  # type: ignore[arg-type]


def test_an_average_of_runs_in_several_files(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"avg": 72.0}, tolerance=0.01))
    leaves = list(mixed().items())
    assert judge(zoo, run(dict(leaves[:7])), run(dict(leaves[7:]))).has_passed
    with pytest.raises(PredictionError, match="occurs twice"):
        judge(zoo, run(dict(leaves)), run(dict(leaves[7:])))


def test_one_language_that_cannot_be_compared_spoils_the_average(tmp_path: Path) -> None:
    def dev_in_hindi(results: dict[str, Any]) -> None:
        results["configs"]["xtreme.xnli.hi"]["metadata"]["xs_data"]["split"] = "dev"

    zoo = write_zoo(tmp_path / "zoo.yaml", table({"avg": 72.0}, tolerance=0.01))
    assert only(judge(zoo, run(mixed(), change=dev_in_hindi))) == ("not comparable", "hi: split dev, not test")


# --- what the signature says


def on_leaf(**metadata: Any) -> Change:
    return lambda results: results["configs"][SWAHILI]["metadata"].update(metadata)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"data": {"split": "dev"}}, "split dev, not test"),
        ({"data": {"source": "sample", "complete": False}}, "documents sample, not complete"),
        ({"data": {"complete": False}}, "documents partial, not complete"),
        ({"limit": 50.0}, "limit 50.0, not none"),
        ({"change": on_leaf(version="0.9")}, "task 0.9, not 1.0"),
        ({"change": lambda r: r["configs"][SWAHILI].update(num_fewshot=5)}, "shots 5, not 0"),
        ({"change": lambda r: r["n-samples"][SWAHILI].update(effective=90)}, "only 90/100 documents have a score"),
        ({"data": {"split": "dev"}, "limit": 50.0}, "split dev, not test; limit 50.0, not none"),
    ],
)
def test_other_test_data_are_not_compared(tmp_path: Path, options: dict[str, Any], reason: str) -> None:
    report = judge(write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0})), run({SWAHILI: 0.79}, **options))
    assert only(report) == ("not comparable", reason)
    assert not report.has_passed  # an equal number, and yet red: it was not the same measurement


FRENCH = "bitext.tatoeba.fra"


def retrieval(**settings: Any) -> Change:
    def change(results: dict[str, Any]) -> None:
        results["config"]["xstilts"]["retrieval"] = {"layer": None, "pooling": "mean"} | settings
        results["config"]["xstilts"]["max_length"]["retrieval"] = settings.pop("max_length", 256)
        results["configs"][FRENCH]["metadata"]["xs_metric"] = settings.pop("metric", "nearest_acc|v1|query:foreign")

    return change


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, ""),
        ({"pooling": "cls"}, "pooling cls, not mean"),
        ({"layer": 5}, "layer 5, not last"),
        ({"max_length": 128}, "max_length 128, not 256"),
        ({"prompt": "passage: "}, "prompt 'passage: ', not 'query: '"),
        ({"prompt": ""}, "prompt '', not 'query: '"),
        ({"metric": "nearest_acc|v1|query:en"}, "direction query:en, not query:foreign"),
    ],
)
def test_other_settings_are_not_compared(tmp_path: Path, settings: dict[str, Any], reason: str) -> None:
    zoo = write_zoo(
        tmp_path / "zoo.yaml",
        table({"fra": 8.6}, family="bitext_tatoeba", setting="embedding"),
        layer="last", pooling="mean", max_length=256, prompt="query: ", direction="language to English",
    )  # fmt: skip
    change = retrieval(**{"prompt": "query: "} | settings)
    status = "not comparable" if reason else "reproduced"
    assert only(judge(zoo, run({FRENCH: 0.086}, change=change))) == (status, reason)


@pytest.mark.parametrize(("prompt", "reason"), [("", ""), ("query: ", "prompt 'query: ', not ''")])
def test_no_prompt_is_a_setting_too(tmp_path: Path, prompt: str, reason: str) -> None:
    said = {"family": "bitext_tatoeba", "setting": "embedding"}
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"fra": 8.6}, **said), prompt="")
    status = "not comparable" if reason else "reproduced"
    assert only(judge(zoo, run({FRENCH: 0.086}, change=retrieval(prompt=prompt)))) == (status, reason)


@pytest.mark.parametrize(
    ("published", "data", "reason"),
    [
        ("0123456789ab", {}, ""),
        ("ba9876543210", {}, "data revision 0123456789ab, not ba9876543210"),
        ("c" * 40, {}, ""),  # a commit says nothing about a content hash
        ("c" * 40, {"source": "hub", "notes": ["some/data@cccccccccccc (none)"]}, ""),
        (
            "d" * 40,
            {"source": "hub", "notes": ["some/data@cccccccccccc (none)"]},
            "data of commit cccccccccccc, not dddddddddddd",
        ),
    ],
)
def test_data_revisions_of_one_kind_are_compared(tmp_path: Path, published: str, data: Any, reason: str) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}, data_revision=published))
    assert only(judge(zoo, run({SWAHILI: 0.79}, data=data)))[1] == reason


def test_weights_of_another_commit_are_not_compared(tmp_path: Path) -> None:
    def from_hub(commit: str) -> Change:
        return lambda results: results["config"]["xstilts"]["heads"].update(xnli=f"some/tiny-model@{commit}")

    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}))
    assert only(judge(zoo, run({SWAHILI: 0.79}, change=from_hub("f" * 12))))[0] == "reproduced"
    found = only(judge(zoo, run({SWAHILI: 0.79}, change=from_hub("e" * 12))))
    assert found == ("not comparable", "weights of commit eeeeeeeeeeee, not ffffffffffff")


def test_a_record_with_a_signature_is_compared_field_by_field(tmp_path: Path) -> None:
    """Numbers of one's own, even on the sample and with a limit, are met by the same measurement only."""
    ours = run({SWAHILI: 0.79}, limit=50.0, data={"source": "sample", "complete": False})
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}, signature={"sw": ours.leaves[0].signature}))
    assert only(judge(zoo, ours)) == ("reproduced", "")
    other = {"source": "sample", "complete": False, "revision": "ba9876543210"}
    assert only(judge(zoo, run({SWAHILI: 0.79}, data=other))) == (
        "not comparable",
        "data ba9876543210, not 0123456789ab; limit none, not 50.0",
    )


def test_fields_of_a_signature() -> None:
    """A metric's own signature holds the separator; a flag has no value; a bar in a prompt is written otherwise."""
    line = (
        "xtreme.tatoeba.de|data:sample@ec09e5b942db|split:test|sample|task:1.0|metric:nearest_acc|v1|query:en"
        r"|ckpt:cbf231bb01e4|layer:last|pooling:mean|max_length:256|prompt:'a\x7cb'|dtype:float32|shots:0|limit:none"
        "|torch:2.13.0+cpu|transformers:5.23.0|xstilts:0.1.0|lm_eval:0.4.13"
    )
    found = Signature.parse(line).fields()
    assert found["data"] == "ec09e5b942db"
    assert found["documents"] == "sample"
    assert found["metric"] == "nearest_acc|v1|query:en"
    assert Signature.parse(line).setting("prompt") == "'a|b'"
    assert found["limit"] == "none"
    assert found["lm_eval"] == "0.4.13"


def test_a_signature_that_cannot_be_read(tmp_path: Path) -> None:
    """Somebody else's record: not comparable, and why."""
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}, signature={"sw": "xnli|sw|v0"}))
    status, reason = only(judge(zoo, run({SWAHILI: 0.79})))
    assert status == "not comparable"
    assert reason == "its signature cannot be read (the signature 'xnli|sw|v0' lacks data: 'sw' stands there)"


# --- which records


def test_the_stage_must_be_named_where_there_are_several(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}), table({"sw": 82.0}, stage="stilts"))
    with pytest.raises(SettingError, match=r"2 stages \(base, stilts\); give one, as in --against tiny-model@base"):
        judge(zoo, run({SWAHILI: 0.79}))
    assert judge(zoo, run({SWAHILI: 0.79}), stage="base").has_passed
    assert not judge(zoo, run({SWAHILI: 0.79}), stage="stilts").has_passed
    with pytest.raises(UnknownName, match="did you mean stilts"):
        judge(zoo, run({SWAHILI: 0.79}), stage="stilt")


def test_records_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    """79.0 ± 0.5 and 80.1 ± 0.5 leave no number that meets both; 79.9 would."""
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}), table({"sw": 80.1}, source="reproduction"))
    with pytest.raises(DataError, match=r"contradicts itself about acc of xtreme_xnli in sw: 79 \(zero-shot, source"):
        judge(zoo, run({SWAHILI: 0.79}))
    assert judge(zoo, run({SWAHILI: 0.79}), source="paper").has_passed
    with pytest.raises(UnknownName, match="unknown source"):
        judge(zoo, run({SWAHILI: 0.79}), source="newspaper")
    near = write_zoo(tmp_path / "near.yaml", table({"sw": 79.0}), table({"sw": 79.9}, source="reproduction"))
    assert judge(near, run({SWAHILI: 0.7945})).has_passed


def test_rows_of_one_key_with_two_values_are_refused(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}), table({"sw": 70.9}))
    with pytest.raises(DataError, match="contradicts itself"):
        judge(zoo, run({SWAHILI: 0.79}))


def test_recalled_numbers_contradict_nobody(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}), table({"sw": 60.0}, confidence="recalled"))
    report = judge(zoo, run({SWAHILI: 0.79}))
    assert report.has_passed
    assert report.not_gated == {"recalled": 1}


@pytest.mark.parametrize(("checkpoint", "is_same"), [("f" * 12, True), ("e" * 12, False)])
def test_vectors_of_other_weights_are_not_held_to_arithmetic(tmp_path: Path, checkpoint: str, is_same: bool) -> None:
    """Six pairs, each 4 of 100 lower than a run of our own: no drift, but too much for one checkpoint's arithmetic."""
    leaves = {f"bitext.tatoeba.{code}": 0.5 for code in FAMILIES["bitext_tatoeba"].languages[:6]}

    def of(commit: str, value: float) -> RunResult:
        def change(results: dict[str, Any]) -> None:
            results["config"]["xstilts"]["encoder_sha256"] = commit

        return run(dict.fromkeys(leaves, value), change)

    before = of("f" * 12, 0.5)
    signatures = {leaf.language: leaf.signature for leaf in before.leaves}
    said = {"family": "bitext_tatoeba", "setting": "embedding", "tolerance": None, "n": 100}
    zoo = write_zoo(tmp_path / "zoo.yaml", table(dict.fromkeys(signatures, 50.0), signature=signatures, **said))
    report = judge(zoo, of(checkpoint, 0.46))
    (together,) = report.families
    assert report.counts[Status.REPRODUCED] == 6
    assert (together.fails, together.sign_p is not None, report.has_passed) == (is_same, is_same, not is_same)


def test_a_choice_of_tasks_keeps_averages_of_whole_families(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"en": 85.0, "sw": 70.0, "avg": 72.0}, source="paper"))
    scores = run(mixed())
    some = judge(zoo, scores, only=["xtreme.xnli.sw"])
    assert [verdict.record.language for verdict in some.verdicts] == ["sw"]
    every = judge(zoo, scores, only=[f"xtreme.xnli.{code}" for code in XNLI])
    assert [verdict.record.language for verdict in every.verdicts] == ["en", "sw", "avg"]


def test_the_name_of_a_model_may_hold_the_sign_of_the_stage(tmp_path: Path) -> None:
    zoo = manifest.load(write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0})))
    odd = manifest.Zoo.model_construct(
        models=zoo.models | {"a@b": zoo.models[MODEL].model_copy(update={"name": "a@b"})}, records=(), sources={}
    )
    assert odd.parse("a@b") == ("a@b", None)
    assert odd.parse("a@b@base") == ("a@b", "base")
    assert odd.parse(f"{MODEL}@base") == (MODEL, "base")
    with pytest.raises(UnknownName, match="did you mean tiny-model"):
        odd.parse("tiny-modl@base")


# --- numbers that are none, scales


def test_a_tolerance_of_nothing_is_refused(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}, tolerance=0.0))
    with pytest.raises(DataError, match="tolerance of 0"):
        judge(zoo, run({SWAHILI: 0.79}))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (79.0, PredictionError, "acc of xtreme.xnli.sw is 79, but results hold fractions"),
        (-0.1, PredictionError, "results hold fractions"),
        (math.nan, NumericError, "acc of xtreme.xnli.sw is nan"),
    ],
)
def test_scores_on_another_scale_or_none_are_refused(
    tmp_path: Path, value: float, error: type[XstiltsError], message: str
) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 79.0}))
    with pytest.raises(error, match=message):
        judge(zoo, run({SWAHILI: value}))


def test_a_published_number_on_the_wrong_scale_is_named(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"sw": 0.79}))  # says percent
    assert only(judge(zoo, run({SWAHILI: 0.79}))) == ("drifted", "about 100 times: is the scale right?")


# --- properties


@settings(deadline=None, max_examples=50)
@given(
    st.floats(0, 1), st.floats(0, 100), st.floats(1e-6, 50), st.floats(1e-6, 50), st.sampled_from(["sw", "de", "ur"])
)
def test_a_wider_tolerance_never_turns_green_to_red(
    tmp_path_factory: pytest.TempPathFactory, ours: float, published: float, one: float, other: float, language: str
) -> None:
    zoo = manifest.load(write_zoo(tmp_path_factory.getbasetemp() / "zoo.yaml", table({language: 50.0})))
    scores = [run({f"xtreme.xnli.{language}": ours})]

    def is_green(tolerance: float) -> bool:
        update = {"value": published, "tolerance": tolerance}
        records = (zoo.records[0].model_copy(update=update),)
        changed = manifest.Zoo.model_construct(models=zoo.models, records=records, sources={}, known=())
        return regression.regress(changed, Choice(MODEL), scores).has_passed

    narrow, wide = sorted((one, other))
    assert is_green(narrow) <= is_green(wide)
    assert is_green(narrow) == (abs(100 * ours - published) <= narrow + 1e-9)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(XNLI), st.floats(0, 100)), max_size=8), st.sets(st.sampled_from(XNLI)))
def test_counts_add_up_whatever_is_there(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]], scored: set[str]
) -> None:
    zoo = manifest.load(write_zoo(tmp_path_factory.getbasetemp() / "zoo.yaml", table({"sw": 50.0})))
    records = tuple(
        zoo.records[0].model_copy(update={"language": language, "value": value, "tolerance": tolerance})
        for (language, value), tolerance in zip(dict(rows).items(), [0.5, None] * 4, strict=False)
    )
    changed = manifest.Zoo.model_construct(models=zoo.models, records=records, sources={}, known=())
    scores = run({f"xtreme.xnli.{language}": 0.5 for language in scored | {"en"}})
    report = regression.regress(changed, Choice(MODEL), [scores])
    assert sum(report.counts.values()) == len(report.gating)
    assert len(report.gating) + sum(report.not_gated.values()) == len(report.verdicts) == len(records)
    failing = sum(report.fails(verdict) for verdict in report.verdicts)
    assert report.counts[Status.REPRODUCED] + failing == len(report.gating)
    assert report.has_passed == (failing == 0 and report.counts[Status.REPRODUCED] > 0)
