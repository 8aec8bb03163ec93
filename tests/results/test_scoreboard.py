"""The score table against the official evaluator's averages, and when it must stay silent."""

import json
from statistics import fmean
from typing import Any

import pytest

from tests.host_results import host_results
from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import SUITES, XTREME, XTREMER, family, leaf_parts
from xstilts_eval.errors import PredictionError
from xstilts_eval.results import record, render, scoreboard
from xstilts_eval.results.official import score_predictions

OFFICIAL_NAMES = {"acc": "accuracy"}


def board(scores: dict[str, dict[str, Any]], **options: Any) -> scoreboard.Scoreboard:
    return scoreboard.build([record.from_host(host_results(scores, **options))])


def full(value: float = 0.5) -> dict[str, dict[str, Any]]:
    """Every leaf of XTREME with the same score."""
    return {f.leaf(lang): dict.fromkeys(f.metrics, value) for f in XTREME for lang in f.languages}


@needs_data
def test_averages_equal_the_official_evaluator_on_its_mock_data() -> None:
    """Leaf scores of the mock predictions, averaged by the scoreboard, against xtreme_spec.md section 6.1."""
    official = score_predictions(DATA / "xtreme_mock/predictions", DATA / "xtreme_mock/labels")
    scores = {}
    for f in XTREME:
        names = {name: OFFICIAL_NAMES.get(name, name) for name in f.metrics if name != "token_accuracy"}
        for language in f.languages:
            scores[f.leaf(language)] = {
                ours: official[f.name][theirs][language] / 100 for ours, theirs in names.items()
            }
    table = board(scores)
    assert table.overall == pytest.approx(62.17319850507246, abs=1e-9)
    assert table.categories == pytest.approx(
        {
            "classification": 41.04761904761905,
            "tagging": 63.862698495741725,
            "qa": 80.37568011593986,
            "retrieval": 54.30555555555556,
        },
        abs=1e-9,
    )
    assert table.families["xtreme_mlqa"].score == pytest.approx(69.45578231292518, abs=1e-9)
    assert table.families["xtreme_panx"].averages["precision"] == pytest.approx(54.729166666666664, abs=1e-9)


def test_the_overall_score_is_the_mean_of_nine_families_not_of_four_categories() -> None:
    scores = full(0.5)
    for language in family("xnli").languages:
        scores[f"xtreme.xnli.{language}"] = {"acc": 0.8}
    table = board(scores)
    assert table.overall == pytest.approx((8 * 50 + 80) / 9)
    assert table.overall != pytest.approx(fmean(v for v in table.categories.values() if v is not None))


@pytest.mark.parametrize("lost", [f.leaf(f.languages[-1]) for f in XTREME])
def test_one_missing_leaf_takes_category_and_overall_away(lost: str) -> None:
    scores = full()
    del scores[lost]
    table = board(scores)
    assert table.overall is None
    category = leaf_parts(lost)[0].category
    assert category is not None and table.categories[category.value] is None
    assert sum(value is None for value in table.categories.values()) == 1


@pytest.mark.parametrize(
    "options",
    [{"limit": 10}, {"data": {"split": "dev"}}, {"data": {"complete": False}}],
    ids=["limit", "other split", "incomplete data"],
)
def test_no_official_averages_from_anything_but_the_whole_test_data(options: dict[str, Any]) -> None:
    table = board(full(), **options)
    assert table.overall is None
    assert set(table.categories.values()) == {None}
    assert len(table.families) == 9, "family rows stay, with their note"


def test_the_sample_has_an_overall_score_that_is_called_sample() -> None:
    table = board(full(), data={"source": "sample", "complete": False})
    assert table.is_sample
    assert table.overall == pytest.approx(50)
    assert "SAMPLE" in render.markdown(table).splitlines()[0]


def test_transfer_gap_is_english_minus_the_mean_of_the_others() -> None:
    table = board({"xtreme.xnli.en": {"acc": 0.9}, "xtreme.xnli.de": {"acc": 0.7}, "xtreme.xnli.sw": {"acc": 0.5}})
    assert table.families["xtreme_xnli"].transfer_gap == pytest.approx(30)
    assert board({"xtreme.xnli.en": {"acc": 0.9}}).families["xtreme_xnli"].transfer_gap is None
    assert board({"xtreme.tatoeba.de": {"acc": 0.9}}).families["xtreme_tatoeba"].transfer_gap is None


def test_qa_counts_exact_match_and_f1_alike() -> None:
    table = board({"xtreme.xquad.en": {"f1": 0.8, "exact_match": 0.6}})
    assert table.families["xtreme_xquad"].score == pytest.approx(70)


def test_unlike_results_are_not_put_into_one_table() -> None:
    one = record.from_host(host_results({"xtreme.xnli.en": {"acc": 0.5}}))
    other = {"xtreme.xnli.de": {"acc": 0.5}}
    with pytest.raises(PredictionError, match="different checkpoints"):
        scoreboard.build([one, record.from_host(host_results(other, checkpoint="another"))])
    with pytest.raises(PredictionError, match="limit"):
        scoreboard.build([one, record.from_host(host_results(other, limit=5))])
    with pytest.raises(PredictionError, match="sample and real data"):
        scoreboard.build([one, record.from_host(host_results(other, data={"source": "sample"}))])
    with pytest.raises(PredictionError, match="occurs twice"):
        scoreboard.build([one, one])


def test_json_and_markdown_carry_every_signature() -> None:
    table = board(full())
    signatures = {cell.signature for row in table.families.values() for cell in row.cells.values()}
    assert len(signatures) == 162
    text = render.markdown(table)
    assert all(signature in text for signature in signatures)
    assert json.loads(json.dumps(table.to_json()))["overall"] == pytest.approx(50)


def test_a_missing_score_is_a_dash_never_a_zero() -> None:
    scores = full()
    del scores["xtreme.xnli.sw"]
    header, rows = render.language_rows(board(scores))
    swahili = next(row for row in rows if row[0] == "sw")
    assert swahili[header.index("XNLI")] == render.MISSING
    assert ["overall", render.MISSING] in render.summary_rows(board(scores))


# XTREME-R


def full_r(**values: float) -> dict[str, dict[str, Any]]:
    """Every leaf of XTREME-R: the named families' values, 0.5 for the others."""
    return {f.leaf(lang): dict.fromkeys(f.metrics, values.get(f.name, 0.5)) for f in XTREMER for lang in f.languages}


def test_the_groups_of_xtreme_r_are_the_official_ones() -> None:
    """evaluate.py:180-206: XCOPA in two groups, LAReQA in none."""
    table = board(full_r(xcopa=0.9, lareqa=0.1, mewslix=0.3, tatoeba=0.7))
    assert table.suites["xtremer"].categories == pytest.approx(
        {"classification": 70, "tagging": 50, "qa": 50, "retrieval": 50, "multi_choice": 90}
    )
    assert table.overall is None and table.categories == {}, "nothing of XTREME was run"


def test_the_overall_score_of_xtreme_r_counts_lareqa_and_says_whose_it_is() -> None:
    table = board(full_r(lareqa=0.1, xcopa=0.9))
    assert table.suites["xtremer"].overall == pytest.approx((8 * 50 + 10 + 90) / 10)
    text = render.markdown(table)
    assert "XTREME-R's overall score is ours: the mean over its ten datasets, LAReQA among them" in text
    assert "mAP@20 of Mewsli-X is MRR@20" in text
    scores = full_r()
    del scores["xtremer.lareqa.tr"]
    assert board(scores).suites["xtremer"].overall is None
    assert "No overall score for XTREME-R: incomplete or missing LAReQA (XQuAD-R)." in render.markdown(board(scores))


def test_both_suites_in_one_folder_stay_apart() -> None:
    table = board(full(0.4) | full_r())
    assert table.overall == pytest.approx(40)
    assert table.suites["xtremer"].overall == pytest.approx(50)
    assert len(table.families) == 19
    text = render.markdown(table)
    assert text.startswith("# XTREME and XTREME-R · ")
    for heading in ("## Categories\n", "## Categories (XTREME-R)\n", "## Languages\n", "## Languages (XTREME-R)\n"):
        assert heading in text
    header, rows = render.language_rows(table, "xtremer")
    assert header[1:] == [
        "XNLI",
        "XCOPA",
        "UD-POS",
        "PAN-X",
        "XQuAD",
        "MLQA",
        "TyDiQA",
        "Tatoeba",
        "Mewsli-X",
        "LAReQA",
    ]
    assert len(rows) == 50
    assert json.loads(json.dumps(table.to_json()))["suites"]["xtremer"]["overall"] == pytest.approx(50)


def test_lareqa_is_the_mean_over_all_questions() -> None:
    """Spec 1.8: not over languages, which differ when questions were left out."""
    results = host_results({"xtremer.lareqa.en": {"map_at_20": 0.9}, "xtremer.lareqa.de": {"map_at_20": 0.3}})
    results["n-samples"]["xtremer.lareqa.en"] = {"original": 50, "effective": 50}
    row = scoreboard.build([record.from_host(results)]).families["xtremer_lareqa"]
    assert row.score == pytest.approx((50 * 90 + 100 * 30) / 150)
    assert row.averages["map_at_20"] == pytest.approx(60), "the mean over languages stands beside it"


def test_every_family_of_a_category_is_in_its_suite() -> None:
    for suite in SUITES.values():
        known = {f.name for f in suite.families}
        assert all(set(names) <= known for names in suite.categories.values()), suite.name
    assert {name for names in SUITES["xtremer"].categories.values() for name in names} == {
        f.name for f in XTREMER if f.name != "lareqa"
    }


def test_a_metric_that_one_language_lacks_has_no_average() -> None:
    found = {"xtreme.udpos.de": {"f1": 0.5, "precision": 0.5}, "xtreme.udpos.en": {"f1": 0.7}}
    row = scoreboard.build([record.from_host(host_results(found))]).families["xtreme_udpos"]
    assert row.averages == {"f1": 60.0}
