"""Gains in a report: means over families, and what cannot be compared, part by part."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.report.made_runs import pattern, three_seeds, write_run
from xstilts_eval.benchmark import family
from xstilts_eval.report import comparison
from xstilts_eval.results import scored as runs
from xstilts_eval.results.gains import Gain


def gain(name: str, by_seed: tuple[float, ...], documents: float | None) -> Gain:
    return Gain(family(name), "all", 50.0, 50.0, float(np.mean(by_seed)), by_seed, None, documents, 20)


def test_the_mean_over_families_counts_each_once_and_shares_the_seeds() -> None:
    found = comparison.mean_gain([gain("pawsx", (1.0, 2.0, 6.0), 3.0), gain("xquad", (3.0, 0.0, 0.0), 4.0)])
    by_seed = [2.0, 1.0, 3.0]
    low, high = stats.t.interval(0.95, 2, loc=2.0, scale=stats.sem(by_seed))
    assert found is not None and found.gain == pytest.approx(2.0)
    assert found.half_width == pytest.approx(math.hypot((high - low) / 2, 5.0 / 2), rel=1e-5)
    assert not found.is_clear
    assert comparison.mean_gain([gain("pawsx", (1.0,), 3.0), gain("xquad", (1.0, 2.0), 1.0)]) is None


def test_the_mean_over_families_has_no_interval_where_a_family_has_none() -> None:
    found = comparison.mean_gain([gain("pawsx", (1.0, 2.0, 6.0), 3.0), gain("xquad", (3.0, 0.0, 0.0), None)])
    assert found is not None and found.gain == pytest.approx(2.0)
    assert found.half_width is None and not found.is_clear


def compared(*paths: Path) -> list[comparison.Comparison]:
    found = runs.read([str(path) for path in paths], ["eval"])
    return comparison.compare(found[0], found, say=lambda _: None)


def test_gains_by_language_family_and_over_families(tmp_path: Path) -> None:
    """PAWS-X: English 10 to 14 of 20 (+20 points), German 8 to 6 (-10); XQuAD: one language, 5 to 9 (+20)."""
    base = three_seeds(tmp_path / "base", {"en": [10] * 3, "de": [8] * 3}, {"es": [5] * 3})
    other = three_seeds(tmp_path / "other", {"en": [14] * 3, "de": [6] * 3}, {"es": [9] * 3})
    (found,) = compared(base, other)
    pawsx = found.languages["xtreme_pawsx"]
    assert {code: one.gain for code, one in pawsx.items()} == pytest.approx({"en": 20.0, "de": -10.0})
    assert {group: one.gain for group, one in found.families.items()} == pytest.approx(
        {"xtreme_pawsx": 5.0, "xtreme_xquad": 20.0}
    )
    assert found.families["xtreme_pawsx"].language == "all" and found.families["xtreme_xquad"].language == "es"
    assert found.mean is not None and found.mean.gain == pytest.approx(12.5) and not found.refusals


def test_what_cannot_be_compared_is_refused_and_the_rest_stays(tmp_path: Path) -> None:
    base = write_run(tmp_path / "base", {"xtreme.pawsx.de": pattern(8)})
    good = write_run(tmp_path / "good", {"xtreme.pawsx.de": pattern(9)})
    bare = write_run(tmp_path / "bare", {"xtreme.pawsx.de": pattern(9)})
    shutil.rmtree(bare / "samples")
    short = write_run(tmp_path / "short", {"xtreme.pawsx.de": pattern(9, 10)}, limit=10)
    found = compared(base, good, bare, short)
    assert [bool(one.families) for one in found] == [True, False, False]
    assert found[0].families["xtreme_pawsx"].gain == pytest.approx(5.0)
    assert "keeps no samples" in found[1].refusals[0] and (
        "xtreme.pawsx.de of base and short cannot be compared: documents 20 / 10" in found[2].refusals[0]
    )
    assert [one.mean for one in found] == [None, None, None], "one family has no mean over families"


def test_a_single_run_is_compared_with_a_run_of_one_seed_and_not_with_several(tmp_path: Path) -> None:
    base = write_run(tmp_path / "base", {"xtreme.pawsx.de": pattern(8)})
    write_run(tmp_path / "one" / "seed-7" / "eval", {"xtreme.pawsx.de": pattern(12)})
    three_seeds(tmp_path / "three", {"de": [9, 9, 9]}, {})
    one, three = compared(base, tmp_path / "one", tmp_path / "three")
    assert one.families["xtreme_pawsx"].gain == pytest.approx(20.0)
    assert not three.families and len(three.refusals) == 1 and "have no seed in common" in three.refusals[0]


def test_seeds_that_both_have_are_compared(tmp_path: Path) -> None:
    base = three_seeds(tmp_path / "base", {"de": [8, 10, 12]}, {})
    other = three_seeds(tmp_path / "other", {"de": [9, 12, 12]}, {})
    shutil.rmtree(base / "seed-3")
    (found,) = compared(base, other)
    assert found.families["xtreme_pawsx"].by_seed == pytest.approx((5.0, 10.0))


def test_samples_with_nan_are_refused_by_family(tmp_path: Path) -> None:
    base = write_run(tmp_path / "base", {"xtreme.pawsx.de": pattern(8)})
    other = write_run(tmp_path / "other", {"xtreme.pawsx.de": pattern(8)})
    samples = other / "samples" / "samples_xtreme.pawsx.de.jsonl"
    samples.write_text(samples.read_text().replace("[3, 1.0]", "[3, NaN]"))
    (found,) = compared(base, other)
    assert not found.families and len(found.refusals) == 1
    assert found.refusals[0].endswith("xtreme.pawsx.de.jsonl holds NaN or infinite values; score the run again")
