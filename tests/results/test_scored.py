"""Runs of a report: estimates against their textbook formulas, names, refusals, what cannot stand side by side."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from tests.report.made_runs import edit, pattern, three_seeds, write_run
from xstilts_eval.errors import MissingData, NumericError, PredictionError, SettingError, XstiltsError
from xstilts_eval.results import scored as runs


def test_one_seed_keeps_the_interval_of_the_scoreboard() -> None:
    found = runs.joined([50.0], [(42.0, 55.0)])
    assert (found.value, found.interval) == (50.0, (42.0, 55.0)) and found.half_width == 6.5


def test_three_seeds_join_documents_and_a_t_interval_in_quadrature() -> None:
    found = runs.joined([50.0, 53.0, 59.0], [(46.0, 54.0), (50.0, 56.0), (54.0, 64.0)])
    low, high = stats.t.interval(0.95, 2, loc=54.0, scale=stats.sem([50.0, 53.0, 59.0]))
    assert found.value == 54.0
    assert found.half_width == pytest.approx(math.hypot((4 + 3 + 5) / 3, (high - low) / 2), rel=1e-5)


def test_two_seeds_have_the_interval_of_the_documents_alone() -> None:
    assert runs.joined([50.0, 60.0], [(48.0, 52.0), (56.0, 64.0)]).half_width == 3.0
    assert runs.joined([50.0, 60.0], [None, None]).interval is None


def test_scores_over_seeds_are_means_and_the_gap_is_english_minus_the_others(tmp_path: Path) -> None:
    """Of 20 answers 10, 12, 14 are right in English, 8, 8, 8 in German, 4, 6, 2 in French."""
    three_seeds(tmp_path / "x", {"en": [10, 12, 14], "de": [8, 8, 8], "fr": [4, 6, 2]}, {})
    (run,) = runs.read([str(tmp_path / "x")], ["eval"])
    scored = run.families["xtreme_pawsx"]
    assert run.seeds == ["1", "2", "3"] and run.name == "x"
    assert {code: one.value for code, one in scored.languages.items()} == pytest.approx({"en": 60, "de": 40, "fr": 20})
    assert scored.mean.by_seed == pytest.approx((110 / 3, 130 / 3, 40.0)) and scored.mean.value == pytest.approx(40)
    assert scored.gap is not None and scored.gap.by_seed == pytest.approx((20.0, 25.0, 45.0))
    assert scored.gap.value == pytest.approx(30) and scored.others == pytest.approx(30)
    assert run.overall is None and run.categories == {}


def test_names_are_the_parts_in_which_paths_differ(tmp_path: Path) -> None:
    for name in ("a/one", "a/two", "b/one"):
        write_run(tmp_path / name / "eval", {"xtreme.pawsx.de": pattern(3)})
    paths = [str(tmp_path / name / "eval") for name in ("a/one", "a/two")]
    assert [run.name for run in runs.read(paths, ["eval"])] == ["one", "two"]
    paths = [str(tmp_path / name / "eval") for name in ("a/one", "b/one")]
    assert [run.name for run in runs.read(paths, ["eval"])] == ["a", "b"]
    assert [run.name for run in runs.read([f"SQuAD={paths[0]}", paths[1]], ["eval"])] == ["SQuAD", "b"]
    with pytest.raises(SettingError, match="two runs are called x"):
        runs.read([f"x={paths[0]}", f"x={paths[1]}"], ["eval"])


def spoiled(change: Any) -> Any:
    def apply(folder: Path) -> None:
        edit(folder, change)

    return apply


def cut_off(folder: Path) -> None:
    path = folder / "results.json"
    path.write_text(path.read_text()[:200])


DAMAGE = {
    "NaN": (
        spoiled(lambda r: r["results"]["xtreme.pawsx.de"].update({"acc,none": float("nan")})),
        NumericError | PredictionError,
        "xtreme.pawsx.de",
    ),
    "NaN in an interval": (
        spoiled(lambda r: r["results"]["xtreme.pawsx.de"].update({"acc_ci95,none": [float("nan"), 0.5]})),
        NumericError | PredictionError,
        "xtreme.pawsx.de",
    ),
    "percentages": (
        spoiled(lambda r: r["results"]["xtreme.pawsx.de"].update({"acc,none": 50.0})),
        PredictionError,
        "xtreme.pawsx.de",
    ),
    "without its metric": (
        spoiled(lambda r: r["results"]["xtreme.pawsx.de"].pop("acc,none")),
        PredictionError,
        "xtreme.pawsx.de",
    ),
    "of other tasks": (spoiled(lambda r: r["results"].clear()), PredictionError, "no result of"),
    "cut off": (cut_off, PredictionError, "results.json"),
    "not there": (shutil.rmtree, MissingData, "does not exist"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_results_that_cannot_be_read_are_named_in_one_sentence(what: str, tmp_path: Path) -> None:
    damage, _, named = DAMAGE[what]
    folder = write_run(tmp_path / "bad", {"xtreme.pawsx.de": pattern(3)})
    damage(folder)
    with pytest.raises(XstiltsError, match=named) as error:
        runs.read([str(folder)], ["eval"])
    assert isinstance(error.value, DAMAGE[what][1])
    assert "bad" in str(error.value) and len(str(error.value)) < 600


def test_seeds_must_have_scored_the_same(tmp_path: Path) -> None:
    three_seeds(tmp_path / "x", {"en": [1, 2, 3], "de": [1, 2, 3]}, {})
    edit(tmp_path / "x" / "seed-2" / "eval", lambda r: r["results"].pop("xtreme.pawsx.de"))
    with pytest.raises(PredictionError, match="x: not every seed has scored xtreme_pawsx in de"):
        runs.read([str(tmp_path / "x")], ["eval"])
    three_seeds(tmp_path / "y", {"en": [1, 2, 3]}, {"en": [1, 2, 3]})
    edit(tmp_path / "y" / "seed-3" / "eval", lambda r: r["results"].pop("xtreme.xquad.en"))
    with pytest.raises(PredictionError, match="y: not every seed has scored xtreme_xquad"):
        runs.read([str(tmp_path / "y")], ["eval"])
    with pytest.raises(PredictionError, match="no seed-N/other"):
        runs.read([str(tmp_path / "y")], ["other"])


def test_folders_of_other_limits_join_a_run_without_an_overall_score(tmp_path: Path) -> None:
    for seed in (1, 2):
        base = tmp_path / "x" / f"seed-{seed}"
        write_run(base / "eval", {"xtreme.pawsx.de": pattern(3)}, checkpoint=f"x{seed}", limit=20)
        write_run(base / "more", {"xtreme.xquad.de": pattern(4, 10)}, checkpoint=f"x{seed}", limit=10)
    (run,) = runs.read([str(tmp_path / "x")], ["eval", "more"])
    assert list(run.families) == ["xtreme_pawsx", "xtreme_xquad"] and run.limits == [10, 20] and run.overall is None
    shutil.rmtree(tmp_path / "x" / "seed-2" / "more")
    with pytest.raises(PredictionError, match="seed-2 lacks one of eval, more"):
        runs.read([str(tmp_path / "x")], ["eval", "more"])


def test_one_family_with_two_limits_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "x" / "seed-1"
    write_run(base / "eval", {"xtreme.pawsx.de": pattern(3)}, limit=20)
    write_run(base / "more", {"xtreme.pawsx.de": pattern(3, 10)}, limit=10)
    with pytest.raises(PredictionError, match="x: xtreme_pawsx was scored with two limits"):
        runs.read([str(tmp_path / "x")], ["eval", "more"])


def test_sample_and_real_data_are_reported_apart(tmp_path: Path) -> None:
    real = write_run(tmp_path / "real", {"xtreme.pawsx.de": pattern(3)})
    sample = write_run(tmp_path / "toy", {"xtreme.pawsx.de": pattern(3)}, data={"source": "sample"})
    with pytest.raises(PredictionError, match="toy was scored on the bundled sample"):
        runs.read([str(real), str(sample)], ["eval"])


@pytest.mark.parametrize(
    ("options", "total", "reason"),
    [
        ({"data": {"revision": "fedcba987654"}}, 20, "other data"),
        ({"data": {"split": "dev"}}, 20, r"another split (dev, not test)"),
        ({"limit": 10}, 10, "another number of documents (10, not 20)"),
    ],
)
def test_scores_of_other_documents_are_found(options: Any, total: int, reason: str, tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", {"xtreme.pawsx.de": pattern(3)})
    other = write_run(tmp_path / "other", {"xtreme.pawsx.de": pattern(3, total)}, **options)
    found = runs.differences(runs.read([str(one), str(other)], ["eval"]))
    assert found == {("other", "xtreme.pawsx.de"): f"{reason} than one"}


def test_scores_of_another_metric_version_are_found_and_of_another_checkpoint_are_not(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", {"xtreme.pawsx.de": pattern(3)})
    other = write_run(tmp_path / "other", {"xtreme.pawsx.de": pattern(9)}, checkpoint="other")
    assert not runs.differences(runs.read([str(one), str(other)], ["eval"]))
    edit(other, lambda r: r["configs"]["xtreme.pawsx.de"]["metadata"].update(xs_metric="acc|v2"))
    found = runs.differences(runs.read([str(one), str(other)], ["eval"]))
    assert found == {("other", "xtreme.pawsx.de"): "another version of task or metric than one"}
