"""`xstilts regress --against RESULTS` and `compare --fail-on-loss`: verdicts by exact binomials and by hand."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from tests.commanded import xstilts
from tests.result_folders import edit, write_run
from xstilts_eval.benchmark import family
from xstilts_eval.errors import MissingData, PredictionError
from xstilts_eval.results import compare, drift, losses, sides
from xstilts_eval.results.drift import Report
from xstilts_eval.results.estimates import Options

DE = "xtreme.pawsx.de"


def flips(n: int, right: int, wins: int, lost: int) -> tuple[list[int], list[int]]:
    """Two systems' answers to n items: the first has `right`, the second `wins` more of the rest and `lost` fewer."""
    first = [1] * right + [0] * (n - right)
    return first, [0] * lost + [1] * (right - lost + wins) + [0] * (n - right - wins)


def pair(folder: Path, **answers: tuple[list[int], list[int]]) -> tuple[Path, Path]:
    """Two folders: `pawsx_de=flips(…)` are the answers of both to PAWS-X in German."""
    leaves = {f"xtreme.{name.replace('_', '.')}": rows for name, rows in answers.items()}
    return tuple(
        write_run(folder / name, {leaf: rows[i] for leaf, rows in leaves.items()})
        for i, name in enumerate(("old", "new"))
    )  # type: ignore[return-value]


def regressed(old: Path, new: Path, tolerance: float | None = None, draws: int = 10_000, seed: int = 12345) -> Report:
    reference, run = (sides.of_run(str(path), path.name) for path in (old, new))
    return drift.regress(reference, run, tolerance, options=Options(draws=draws, resamples=200, seed=seed))


@pytest.mark.parametrize(("lost", "is_red"), [(0, False), (5, False), (6, True)])
def test_one_language_is_an_exact_binomial(lost: int, is_red: bool, tmp_path: Path) -> None:
    """Of k that change, all for the worse, p is 2^(1 - k): 0.0625 for 5, 0.031 for 6; it can see 6 of 2,000."""
    report = regressed(*pair(tmp_path, pawsx_de=flips(2000, 1500, 0, lost)))
    (one,) = report.datasets
    assert one.p == pytest.approx(min(1.0, 2.0 ** (1 - lost)), abs=0.01) and one.level == 0.05
    assert one.difference == pytest.approx(-lost / 20)
    assert report.has_passed is not is_red and report.pooled is None
    if not lost:
        assert one.detects == pytest.approx(100 * 6 / 2000), "where nothing differs, the number of documents decides"


def test_a_gain_is_a_drift_too_and_a_tolerance_allows_it(tmp_path: Path) -> None:
    """+1.5 points of 5,000, where 140 were won and 65 lost: the change that published numbers could not see."""
    old, new = pair(tmp_path, xnli_de=flips(5000, 3500, 140, 65))
    (one,) = regressed(old, new).datasets
    assert one.difference == pytest.approx(1.5) and one.interval is not None
    half = 196 * math.sqrt((205 - 75**2 / 5000) / 5000**2)
    assert one.interval == pytest.approx((1.5 - half, 1.5 + half), abs=0.15)
    assert one.p is not None and one.p < 0.001 and one.has_drifted
    said = xstilts("regress", new, "--against", old)
    assert said.returncode == 1 and said.stdout.rstrip().endswith(
        "DRIFTED: 1 dataset against old; XNLI +1.50 [" + said.stdout.rstrip().rpartition("[")[2]
    )
    assert xstilts("regress", new, "--against", old, "--tolerance", 1.5).returncode == 0
    red = xstilts("regress", new, "--against", old, "--tolerance", 1.4)
    assert red.returncode == 1 and "±1.4" in red.stdout


def test_languages_that_move_against_each_other_are_found_where_the_mean_stays(tmp_path: Path) -> None:
    rows = {"pawsx_de": flips(500, 250, 20, 0), "pawsx_fr": flips(500, 250, 0, 20), "pawsx_en": flips(500, 250, 0, 0)}
    (one,) = regressed(*pair(tmp_path, **rows)).datasets
    assert one.difference == 0 and one.p == 1.0 and one.level == 0.025
    assert one.p_languages is not None and one.p_languages < 0.001 and one.has_drifted
    assert one.largest is not None and abs(one.largest[1]) == pytest.approx(4.0)


def test_the_largest_of_many_languages_is_not_taken_for_one(tmp_path: Path) -> None:
    """8 lost of 8 in one language alone have p = .008; the same somewhere among thirty is found at .21 by chance."""
    tatoeba = {f"tatoeba_{code}": flips(300, 150, 4, 4) for code in family("tatoeba").languages[:30]}
    tatoeba["tatoeba_de"] = flips(300, 150, 0, 8)
    (one,) = regressed(*pair(tmp_path, **tatoeba)).datasets
    alone = 2 * 0.5**8
    assert one.p_languages == pytest.approx(1 - (1 - alone) ** 30, abs=0.03)


def test_small_drifts_of_many_datasets_are_found_together(tmp_path: Path) -> None:
    """12 of 16 in each of four: p = .077 alone; 48 of 64: p = 8e-5."""
    names = ("pawsx_de", "xnli_de", "tatoeba_de", "bucc2018_de")[:3]
    rows = {name: flips(1000, 500, 4, 12) for name in names}
    report = regressed(*pair(tmp_path, **rows))
    assert [one.has_drifted for one in report.datasets] == [False] * 3
    assert all(one.p == pytest.approx(stats.binomtest(4, 16).pvalue, abs=0.012) for one in report.datasets)
    assert report.pooled is not None and report.pooled.has_drifted and not report.has_passed
    assert report.pooled.p == pytest.approx(stats.binomtest(12, 48).pvalue, abs=0.002)
    assert report.pooled.difference == pytest.approx(-0.8) and report.pooled.level == 0.025


def test_what_is_missing_is_red_unless_it_may_be(tmp_path: Path) -> None:
    old, new = pair(tmp_path, pawsx_de=flips(100, 50, 0, 0), pawsx_fr=flips(100, 50, 0, 0))
    edit(new, lambda r: r["results"].pop("xtreme.pawsx.fr"))
    red = xstilts("regress", new, "--against", old, "--junit", tmp_path / "j.xml")
    assert red.returncode == 1 and "1 task missing" in red.stdout and "missing: xtreme.pawsx.fr" in red.stdout
    cases = {case.get("name"): case for case in ElementTree.parse(tmp_path / "j.xml").iter("testcase")}
    assert cases["xtreme.pawsx.fr"].find("failure") is not None and cases["PAWS-X"].find("failure") is None
    green = xstilts("regress", new, "--against", old, "--allow-missing")
    assert green.returncode == 0 and "1 task missing (allowed)" in green.stdout
    assert xstilts("regress", new, "--against", old, "-t", DE).returncode == 0
    back = xstilts("regress", old, "--against", new)
    assert back.returncode == 0 and "not in new: xtreme.pawsx.fr" in back.stdout


def test_every_output_says_the_same(tmp_path: Path) -> None:
    old, new = pair(tmp_path, pawsx_de=flips(400, 200, 0, 12), tatoeba_de=flips(400, 200, 0, 0))
    edit(new, lambda r: r["config"]["xstilts"].update(dtype="bfloat16"))
    files = ("--json", tmp_path / "j.json", "--markdown", tmp_path / "m.md", "--junit", tmp_path / "x.xml")
    done = xstilts("regress", new, "--against", old, *files)
    assert done.returncode == 1 and "settings that differ (old / new): dtype float32 / bfloat16" in done.stdout
    found = json.loads((tmp_path / "j.json").read_text())
    pawsx, tatoeba = found["datasets"]
    assert (pawsx["family"], pawsx["difference"], pawsx["drifted"]) == ("xtreme_pawsx", -3.0, True)
    assert (tatoeba["drifted"], found["passed"], found["pooled"]["difference"]) == (False, False, -1.5)
    page = (tmp_path / "m.md").read_text()
    assert page.startswith("## ❌ DRIFTED: 2 datasets against old; PAWS-X -3.00") and "| Tatoeba | 1 |" in page
    failed = [case.get("name") for case in ElementTree.parse(tmp_path / "x.xml").iter("testcase") if len(case)]
    assert failed == ["PAWS-X", "all datasets"]


def test_what_cannot_be_compared_is_refused_in_a_sentence(tmp_path: Path) -> None:
    old, new = pair(tmp_path, pawsx_de=flips(100, 50, 0, 9))
    cases = {
        "is compared with itself": (new, new),
        "give one folder or file": (new, old, "--against", old),
        "is a folder of results; --setting": (new, "--against", old, "--setting", "zero-shot"),
        "--tolerance is for results, and LaBSE is no file or folder": (new, "--against", "LaBSE", "--tolerance", 1),
        "gone does not exist; give the results of a run": (new, "--against", tmp_path / "gone"),
    }
    for words, (run, *rest) in cases.items():
        options = rest if "--against" in rest else ["--against", rest[0]]
        done = xstilts("regress", run, *options)
        assert done.returncode == 2 and words in done.stderr, (words, done.stderr)
    shutil.rmtree(new / "samples")
    with pytest.raises(MissingData, match=r"no samples of PAWS-X in .*--tolerance POINTS"):
        regressed(old, new)
    assert regressed(old, new, tolerance=9.0).has_passed and not regressed(old, new, tolerance=8.9).has_passed
    other = write_run(tmp_path / "other", {DE: [1] * 100}, data={"revision": "fedcba987654"})
    with pytest.raises(PredictionError, match=r"xtreme\.pawsx\.de of old and other cannot be compared: data"):
        regressed(old, other)
    apart = write_run(tmp_path / "apart", {"xtreme.xnli.de": [1] * 100})
    with pytest.raises(PredictionError, match="no task in common"):
        regressed(old, apart)
    for seed in (1, 2):
        write_run(tmp_path / "seeds" / f"seed-{seed}" / "eval", {DE: [1] * 100})
    with pytest.raises(PredictionError, match=r"holds 2 seeds.*seed-1/eval"):
        regressed(old, tmp_path / "seeds")


@pytest.mark.slow
def test_false_alarms_and_power_are_as_said(tmp_path: Path) -> None:
    """400 pairs of equal systems are red in 5 % of cases at most; a drift of `detects` in 80 % of them about."""
    random = np.random.default_rng(3)
    codes = ("de", "en", "fr")
    red, seen = 0, []
    for trial in range(400):
        rows = {}
        for name in ("pawsx", "tatoeba"):
            for code in codes if name == "pawsx" else ("de", "fr"):
                first = random.random(400) < 0.7
                change = random.random(400) < 0.08
                rows[f"{name}_{code}"] = (
                    [*map(int, first)],
                    [*map(int, first ^ (change & (random.random(400) < 0.5)))],
                )
                swap = random.random(400) < 0.5
                a, b = (np.array(part) for part in rows[f"{name}_{code}"])
                rows[f"{name}_{code}"] = ([*map(int, np.where(swap, a, b))], [*map(int, np.where(swap, b, a))])
        folder = tmp_path / str(trial)
        report = regressed(*pair(folder, **rows), draws=2000, seed=trial)
        red += not report.has_passed
        shutil.rmtree(folder)
    assert red / 400 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)
    for trial in range(150):
        base = random.random(2000) < 0.7
        noise = random.random(2000) < 0.04  # of the items on which the two differ, more are lost than won
        shift = 0.0125
        better = random.random(2000) < 0.5 - shift / 0.04 / 2
        first = np.where(noise, ~better, base)
        second = np.where(noise, better, base)
        folder = tmp_path / f"p{trial}"
        report = regressed(*pair(folder, pawsx_de=([*map(int, first)], [*map(int, second)])), draws=2000, seed=trial)
        seen.append((report.datasets[0].detects, not report.has_passed))
        shutil.rmtree(folder)
    detects = float(np.mean([value for value, _ in seen]))
    assert detects == pytest.approx(1.25, abs=0.1)
    assert np.mean([found for _, found in seen]) == pytest.approx(0.8, abs=0.1)


# -------------------------------------------------------------------------------------------- fail on loss


def lost(*given: Path) -> list[losses.Loss]:
    read = [sides.of_run(str(path), path.name) for path in given]
    return losses.losses(compare.compare(read, Options(draws=10_000, resamples=200)))


def test_a_loss_fails_and_a_gain_does_not(tmp_path: Path) -> None:
    old, new = pair(tmp_path, pawsx_de=flips(400, 200, 0, 12), pawsx_fr=flips(400, 200, 0, 0))
    (mean, german) = lost(old, new)
    assert (mean.dataset, mean.language, german.language) == ("PAWS-X", "", "de")
    assert (mean.difference, german.difference) == pytest.approx((-1.5, -3.0))
    assert german.p == pytest.approx(2 * 2 * 2 * 0.5**12, abs=0.002), "twice for the half of the level, twice by Holm"
    assert lost(new, old) == [] and lost(old, old / ".." / "old") == []
    quick = ("--draws", 2000, "--resamples", 200, "--no-groups")
    red = xstilts("compare", old, new, *quick, "--fail-on-loss")
    assert red.returncode == 1 and red.stderr.startswith("LOSS: new: PAWS-X -1.5 (p ")
    assert xstilts("compare", new, old, *quick, "--fail-on-loss").returncode == 0
    assert xstilts("compare", old, new, *quick).returncode == 0


def test_losses_are_corrected_over_datasets_and_sides(tmp_path: Path) -> None:
    """9 of 9 lost in one of three datasets: p = .0039, times 2 for its half of the level, times 3 by Holm: .023.

    7 of 7 have .0156 alone, and .094 so.
    """
    rows = {"pawsx_de": flips(400, 200, 0, 9), "xnli_de": flips(400, 200, 5, 5), "tatoeba_de": flips(400, 200, 5, 5)}
    (one,) = lost(*pair(tmp_path / "nine", **rows))
    assert one.p == pytest.approx(6 * 2 * 0.5**9, abs=0.01)
    assert lost(*pair(tmp_path / "seven", **rows | {"pawsx_de": flips(400, 200, 0, 7)})) == []


def test_without_samples_nothing_is_said_of_losses(tmp_path: Path) -> None:
    old, new = pair(tmp_path, pawsx_de=flips(100, 50, 0, 9))
    shutil.rmtree(new / "samples")
    done = xstilts("compare", old, new, "--fail-on-loss", "--no-groups")
    assert done.returncode == 2 and "--fail-on-loss needs samples on both sides" in done.stderr
