"""From runs to rows: what two runs share, what is left out, and intervals that follow the one rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.result_folders import write_run
from xstilts_eval.analysis import observations
from xstilts_eval.analysis.pitfalls import samples as pitfall_samples
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.cli import app
from xstilts_eval.errors import SettingError

LANGUAGES = ("en", "de", "es", "fr", "ja", "ko", "zh")


def two_runs(folder: Path) -> tuple[Path, Path]:
    """A baseline with PAWS-X and XNLI, and a run with PAWS-X and UD-POS that gains more in later languages."""
    pawsx = {f"xtreme.pawsx.{code}": [1] * 10 + [0] * 10 for code in LANGUAGES}
    base = write_run(folder / "base", pawsx | {"xtreme.xnli.de": [0, 1] * 10})
    better = {f"xtreme.pawsx.{code}": [1] * (10 + n) + [0] * (10 - n) for n, code in enumerate(LANGUAGES)}
    return base, write_run(folder / "run", better | {"xtreme.udpos.de": [(3, 4, 5)] * 20})


def test_gains_of_runs_that_share_some_families(tmp_path: Path) -> None:
    base, run = two_runs(tmp_path)
    rows = observations.from_runs(run, base, "eval")
    assert {row.benchmark for row in rows} == {"xtreme_pawsx"}
    assert {row.language: row.value for row in rows} == pytest.approx(
        {code: 5.0 * n for n, code in enumerate(LANGUAGES)} | {"avg": 15.0}
    )
    assert observations.left_out(run, base, "eval") == [
        f"left out of the gains of run, XNLI de: {run} has no result",
        f"left out of the gains of run, UD-POS de: {base} has no result",
    ]
    assert observations.left_out(run, base, "eval", "pawsx") == []
    with pytest.raises(SettingError, match="have no results on xnli; there is: xtreme_pawsx"):
        observations.from_runs(run, base, "eval", "xnli")


def test_languages_are_called_the_same_however_a_dataset_spells_them(tmp_path: Path) -> None:
    """SIB-200's codes are FLORES-200's; features, measures of words and mixtures go by ours."""
    sib = {"eng_Latn": 18, "afr_Latn": 15, "swh_Latn": 10, "zho_Hans": 12, "ace_Arab": 8, "ace_Latn": 9}
    run = write_run(tmp_path / "run", {f"beyond.sib200.{code}": [1] * n + [0] * (20 - n) for code, n in sib.items()})
    base = write_run(tmp_path / "base", {f"beyond.sib200.{code}": [1] * 8 + [0] * 12 for code in sib})
    wanted = ["en", "af", "sw", "zh", "ace_Arab", "ace_Latn"]
    rows = observations.from_runs(run, None, "eval")
    assert {row.language: row.value for row in rows} == dict(zip(wanted, (90, 75, 50, 60, 40, 45), strict=True))
    gaps = {row.language: row.value for row in observations.select(rows, "gap", "sib200")}
    assert gaps == {"af": 15, "sw": 40, "zh": 30, "ace_Arab": 50, "ace_Latn": 45}
    gains = {row.language: row.value for row in observations.from_runs(run, base, "eval")}
    assert gains == {**dict(zip(wanted, (50, 35, 10, 20, 0, 5), strict=True)), "avg": 20}
    for family in FAMILIES.values():
        called = [observations.canonical(code) for code in family.languages]
        assert len(set(called)) == len(called), f"two languages of {family.group} are called alike"


def test_distance_and_relatedness_say_what_they_left_out(tmp_path: Path) -> None:
    base, run = two_runs(tmp_path)
    for words in (("distance", run, "--baseline", base), ("relatedness", base, run, "--no-models")):
        done = CliRunner().invoke(app, ["analyze", *map(str, words)], env={"COLUMNS": "400"})
        assert done.exit_code == 0, done.exception
        assert "left out of the gains of run, XNLI de" in done.output and "UD-POS de" in done.output


def test_scores_of_few_units_have_no_interval_however_many_the_seeds(tmp_path: Path) -> None:
    """Results name no interval of their questions on few passages, and three seeds do not make one."""
    for seed in (1, 2, 3):
        answers = {"xtreme.xquad.de": [("p1", 0.1 * seed, 0), ("p2", 1.0, 1)]}
        write_run(tmp_path / "run" / f"seed-{seed}" / "eval", answers)
    (row,) = observations.from_runs(tmp_path / "run", None, "eval")
    assert row.outcome == "score" and row.half_width is None


def test_a_ranking_is_as_wrong_as_its_score_says() -> None:
    lareqa = FAMILIES["xtremer_lareqa"]
    assert pitfall_samples.wrong({"map_at_20": 0.25}, lareqa) == 0.75
    assert pitfall_samples.wrong({"acc": 1}, FAMILIES["xtreme_pawsx"]) == 0.0
