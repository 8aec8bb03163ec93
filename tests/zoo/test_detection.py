"""What a regression can detect is said before it runs, and comes true when it does."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.host_results import host_results
from tests.zoo.small_zoo import MODEL, table, write_zoo
from xstilts_eval import cli
from xstilts_eval.benchmark import family
from xstilts_eval.results import record
from xstilts_eval.zoo import gating, manifest, regression
from xstilts_eval.zoo.detection import Detection, by_model, detections, span

XNLI = family("xnli").languages
PAGE = Path(__file__).parents[2] / "docs" / "regression.md"


def lower(points: float) -> Any:
    """A run on all 5,010 pairs, so many points below 80."""
    results = host_results({f"xtreme.xnli.{code}": {"acc": 0.8 - points / 100} for code in XNLI})
    for leaf in results["n-samples"]:
        results["n-samples"][leaf] = {"original": 5010, "effective": 5010}
        results["configs"][leaf]["metadata"]["xs_data"]["documents"] = 5010
    return record.from_host(results)


def test_what_is_said_beforehand_is_what_the_regression_says(tmp_path: Path) -> None:
    zoo = manifest.load(write_zoo(tmp_path / "zoo.yaml", table(dict.fromkeys(XNLI, 80.0), tolerance=None, n=5010)))
    (found,) = detections(zoo, MODEL)
    assert (found.family, found.metric, found.by, found.numbers) == ("xtreme_xnli", "acc", "sampling error", 15)
    assert found.together is not None and found.smallest == found.largest
    # 15 numbers share 2.5 %: 3.144 errors are allowed, 0.842 more are found with 80 %; 0.8222 is that of 80 and 76.72.
    assert found.smallest == pytest.approx((3.1440 + 0.8416) * 0.8222, rel=1e-3)
    report = regression.regress(zoo, gating.Choice(MODEL), [lower(found.smallest)])
    assert {round(v.detectable or 0, 4) for v in report.verdicts} == {round(found.smallest, 4)}
    (joint,) = regression.regress(zoo, gating.Choice(MODEL), [lower(0.0)]).families
    assert (
        joint.detectable
        == pytest.approx(found.together, rel=1e-6)
        == pytest.approx((2.2414 + 0.8416) * 0.7992, rel=1e-3)
    )


def test_a_tolerance_detects_whatever_is_larger(tmp_path: Path) -> None:
    zoo = manifest.load(write_zoo(tmp_path / "zoo.yaml", table({"sw": 0.79}, scale="fraction", tolerance=0.005)))
    (found,) = detections(zoo, MODEL)
    assert (found.by, found.numbers, found.smallest, found.largest, found.together) == ("tolerance", 1, 0.5, 0.5, None)


def test_stages_and_sources_are_kept_apart_and_what_decides_nothing_is_not_there(tmp_path: Path) -> None:
    zoo = manifest.load(
        write_zoo(
            tmp_path / "zoo.yaml",
            table({"sw": 79.0}),
            table({"sw": 79.0}, stage="intermediate: squad"),
            table({"sw": 79.2}, source="reproduction", tolerance=None, n=5010),
            table({"ur": 60.0}, confidence="recalled"),
            table({"de": 66.0}, family="xtreme_panx", metric="f1", tolerance=None),
        )
    )
    assert [(one.stage, one.source, one.by) for one in detections(zoo, MODEL)] == [
        ("base", "paper", "tolerance"), ("intermediate: squad", "paper", "tolerance"),
        ("base", "reproduction", "sampling error"),
    ]  # fmt: skip


def test_a_score_of_0_does_not_detect_everything(tmp_path: Path) -> None:
    """0 of 112: ours at d has an error of its own, and one right answer (0.9 points) is no drift."""
    zoo = table({"tzl": 0.0}, family="bitext_tatoeba", setting="embedding", tolerance=None, n=112)
    (found,) = detections(manifest.load(write_zoo(tmp_path / "zoo.yaml", zoo)), MODEL)
    assert 2 < found.smallest < 10


@pytest.mark.parametrize(("values", "text"), [([], ""), ([1.0, None], "1"), ([2.14, 0.5, 1.0], "0.5-2.1")])
def test_spans(values: list[float | None], text: str) -> None:
    assert span(values) == text


def test_the_shipped_zoo() -> None:
    """Every model with a number that gates is there, and no other; the page says how many these are."""
    zoo = manifest.load()
    found = by_model(zoo)
    records = {name: zoo.of(name) for name in zoo.models}
    able = [name for name, own in records.items() if any(gating.ungated(record, own) is None for record in own)]
    assert [name for name, *_ in found] == able
    result = CliRunner().invoke(cli.app, ["zoo", "check", "--detects"])
    assert result.exit_code == 0, result.output
    assert f"{len(able)} of {len(zoo.models)} models decide in xstilts regress" in result.output
    assert all(model in result.output for model in able)
    assert f"{len(able)} of {len(zoo.models)} models have numbers that decide" in PAGE.read_text(encoding="utf-8")


def test_the_table_of_the_documentation() -> None:
    """docs/regression.md by family and metric: models, numbers, what one number and what a family detects."""
    zoo = manifest.load()
    found: dict[tuple[str, str, str], list[Detection]] = {}
    for model in zoo.models:
        for one in detections(zoo, model):
            found.setdefault((one.family, one.metric, one.by), []).append(one)
    text = PAGE.read_text(encoding="utf-8")
    for place, rows in found.items():
        single = span(value for one in rows for value in (one.smallest, one.largest))
        counts = (str(len({one.model for one in rows})), f"{sum(one.numbers for one in rows)}")
        assert f"| {' | '.join((*place, *counts, single, span(one.together for one in rows) or '–'))} |" in text


def test_zoo_show_says_it_for_one_model() -> None:
    shown = CliRunner().invoke(cli.app, ["zoo", "show", "LaBSE", "-t", "bitext_tatoeba"]).output
    (row,) = (line for line in shown.splitlines() if "sampling error" in line)
    assert [cell.strip() for cell in row.split("│")] == [
        "base", "embedding", "mteb", "bitext_tatoeba", "acc", "105", "sampling error", "2.8-30", "0.25",
    ]  # fmt: skip
    assert "prompt: ''" in CliRunner().invoke(cli.app, ["zoo", "show", "all-MiniLM-L6-v2", "-t", "none"]).output
