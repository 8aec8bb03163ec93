"""What analyses say of 200 languages with a planted truth: families, seeds, two targets, what could have been seen."""

from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.analysis.written import write_run
from xstilts_eval.analysis.distance import analyse as distance
from xstilts_eval.analysis.features import features, written_twice
from xstilts_eval.analysis.morphology import analyse as morphology
from xstilts_eval.analysis.morphology import shipped
from xstilts_eval.analysis.multilingual import analyse as multilingual
from xstilts_eval.analysis.multilingual.analyse import IN_MIX, UNSEEN, Arms
from xstilts_eval.analysis.observations import Observation, canonical, over_inners
from xstilts_eval.analysis.stats import pooling
from xstilts_eval.cli import app
from xstilts_eval.errors import PredictionError
from xstilts_eval.language_codes import flores_languages

CODES = [canonical(code) for code in flores_languages() if code not in ("eng_Latn", "est_Latn")]


def planted(
    effect: float, seed: int = 0, between: float = 0.0, target: str = "sib200", scale: float = 1.0, wave: float = 0.0
) -> Any:
    """Gains of `effect` × distance, noise 1, families shifted by `between` (sd), seeds by `wave`; all times `scale`."""
    random = np.random.default_rng(seed)
    shift = {name: random.normal(0, between) for name in sorted({features(code).family or "" for code in CODES})}
    waves = random.normal(0, wave, 3) if wave else np.zeros(3)
    rows = []
    for code in CODES:
        entry = features(code)
        value = effect * (entry.number("syntactic") or 0) + shift[entry.family or ""] + random.normal(0, 1)
        by_seed = tuple(float(scale * (value + one)) for one in waves)
        rows.append(Observation("m", target, code, "gain", float(np.mean(by_seed)), None, 50.0, 3, by_seed))
    return rows


def test_a_planted_slope_over_200_languages_is_found_with_families_resampled():
    report: Any = distance.analyse(planted(6.0))
    assert report.n == 202 and report.sure.slope.low < 6 < report.sure.slope.high and report.sure.slope.low > 0
    assert report.sure.ranks.low > 0
    corrected = {one.name: one.adjusted_p for one in report.sure.tests}
    assert corrected["rho with syntactic"] < 0.001 and corrected["regression: distance"] < 0.001
    assert "ace_Arab and ace_Latn" in next(note for note in report.notes if note.startswith("one language in two"))
    # The slope that the design sees is one that it finds, and well above noise 1 over the spread of 91 languages.
    smallest = {one.what: one.value for one in report.sure.smallest}
    assert 0.5 < smallest["slope of syntactic distance"] < 6
    assert smallest["correlation with syntactic distance"] == pytest.approx(0.196, abs=0.002)


def test_families_that_differ_widen_the_intervals():
    """Without an effect of distance: what families share is no evidence of 200 languages."""
    alone: Any = distance.analyse(planted(0.0)).sure
    shared: Any = distance.analyse(planted(0.0, between=3.0)).sure
    width = [one.pooled[0].high - one.pooled[0].low for one in (alone, shared)]
    assert width[1] > 3 * width[0] and shared.pooled[0].smallest > 3 * alone.pooled[0].smallest


def test_seeds_move_all_languages_at_once():
    report: Any = distance.analyse(planted(6.0, wave=2.0))
    mean = next(one for one in report.sure.seeds if one.what == "mean")
    rho = next(one for one in report.sure.seeds if one.what.startswith("rho"))
    assert len(mean.values) == 3 and mean.half_width > 1  # t of two degrees on a spread of about 2
    assert np.ptp(rho.values) < 1e-9, "a shift of all languages leaves their order"


def test_a_mean_over_languages_is_as_sure_as_its_seeds():
    """Three trainings without an effect, each of which moves all languages by chance (sd 2): the interval with seeds
    holds 0 as often as it says, the one of 200 languages hardly ever. Nineteen times of twenty is 95 %."""
    random = np.random.default_rng(11)
    families = {code: features(code).family or code for code in CODES}
    held = {"with": 0, "without": 0}
    seen = []
    for _ in range(100):
        values = np.array([random.normal(0, 1, len(CODES)) + wave for wave in random.normal(0, 2, 3)])
        mean = {"t": dict(zip(CODES, values.mean(axis=0), strict=True))}
        by_seed = {"t": dict(zip(CODES, values.T, strict=True))}
        for name, given in (("with", by_seed), ("without", None)):
            found: Any = pooling.pool(mean, families, draws=200, by_seed=given)[0]
            held[name] += found.low < 0 < found.high
        assert found.seeds == 0 and found.text.endswith(", families alone)")
        whole: Any = pooling.pool(mean, families, draws=200, by_seed=by_seed)[0]
        seen.append(whole.smallest)
    assert 90 <= held["with"] <= 99 and held["without"] < 30
    # (t_.975 + t_.8) of two degrees, 4.303 + 1.061, times sd / sqrt(3) of a mean of three (tables of t).
    assert np.sqrt(np.mean(np.square(seen))) == pytest.approx((4.303 + 1.061) * 2 / np.sqrt(3), rel=0.15)


def test_below_three_seeds_a_mean_is_of_families_alone():
    families = {code: features(code).family or code for code in CODES}
    values = {code: float(place) for place, code in enumerate(CODES)}

    def pooled(by_seed: Any) -> Any:
        return pooling.pool({"t": values}, families, by_seed=by_seed and {"t": by_seed})

    alone = pooled(None)
    assert pooled({code: (value - 1, value + 1) for code, value in values.items()}) == alone
    three = {code: (value - 1, value, value + 1) for code, value in values.items()}
    assert pooled(three | {"en": (1.0, 2.0)}) == alone, "seeds that languages do not share"
    wider = pooled(three)
    assert [one.seeds for one in wider] == [3, 3] and wider[0].text.endswith(", families and 3 seeds)")
    assert all(a.low > b.low and a.high < b.high for a, b in zip(alone, wider, strict=True))


def test_two_targets_are_pooled_in_points_and_in_standard_units():
    """The second target is ten times the first in other languages too; standard units do not care."""
    first, second = planted(6.0, 1), planted(6.0, 2, target="udpos", scale=10.0)[:120]
    report: Any = distance.analyse([*first, *second], pool=True)
    assert 6 < report.mixed.estimate < 60
    spread = np.std([row.value for row in first])
    assert report.standard.low < 6 / spread < report.standard.high
    assert [one.unit for one in report.sure.pooled] == ["points", "standard units"]
    assert any("udpos lacks" in note for note in report.notes)


def test_morphology_over_flores():
    """50 points per unit of MATTR planted; premium and corpus size held fixed, families resampled."""
    random = np.random.default_rng(4)
    rows = [
        Observation("m", "sib200", code, "gap", 50 * mattr + random.normal(0, 1))
        for code in CODES if (mattr := shipped.measured()[code].get("mattr"))
    ]  # fmt: skip
    measures = {row.language: shipped.added_to(morphology.measure(row.language), ["e5"]) for row in rows}
    report: Any = morphology.analyse(rows, measures, "mattr", "cc100", "e5")
    assert report.sure.slope.low < 50 < report.sure.slope.high and len(report.rows) == len(rows) > 180
    assert {one.what for one in report.sure.smallest} == {"mean", "correlation with mattr", "slope of mattr"}


def test_multilingual_over_flores():
    """Two points in the mix, none elsewhere; English-only gains of 1 everywhere."""
    random = np.random.default_rng(5)
    mix = ["de", "fr", "sw", "zh", "tr", "fi", "ta", "vi"]
    gains = {code: 1 + random.normal(0, 0.5) for code in CODES}
    both = {code: value + 2 * (code in mix) + random.normal(0, 0.5) for code, value in gains.items()}

    def arm(values: Any) -> Any:
        return tuple(Observation("m", "sib200", code, "gain", float(v), 1.0, 50.0) for code, v in values.items())

    report: Any = multilingual.analyse(
        Arms(arm(gains), arm(both), arm({code: both[code] - gains[code] for code in CODES})), ("en", *mix)
    )
    means = {one.group: one for one in report.means}
    assert means[IN_MIX].families.low < 2 < means[IN_MIX].families.high
    assert means[UNSEEN].families.low < 0 < means[UNSEEN].families.high and means[UNSEEN].families.smallest < 0.5
    assert [(one.unit, one.languages) for one in report.sure.pooled] == [
        ("points", len(CODES)), ("standard units", len(CODES))
    ]  # fmt: skip
    spread = np.std([both[code] - gains[code] for code in CODES], ddof=1)
    assert report.sure.pooled[1].mean == pytest.approx(report.sure.pooled[0].mean / spread)


def test_two_scripts_of_one_language():
    assert written_twice(["de", "ace_Arab", "ace_Latn", "zho_Hant", "zh"]) == [
        "ace_Arab and ace_Latn", "zh and zho_Hant"
    ]  # fmt: skip


def test_an_inner_folder_that_is_not_there_is_named(tmp_path):
    codes = ("en", "de", "es", "fr", "hi", "ru", "tr", "vi")
    for name, step in (("base", 0.0), ("run", 0.01)):
        write_run(tmp_path / name / "seed-1" / "eval", {code: 0.5 + step * n for n, code in enumerate(codes)})
    rows, lines = over_inners(tmp_path / "run", tmp_path / "base", ["eval", "eval-xquad"])
    assert len(rows) == 9 and any("left out, eval-xquad of run" in line for line in lines)
    with pytest.raises(PredictionError):
        over_inners(tmp_path / "run", tmp_path / "base", ["eval-xquad"])
    options = ["analyze", "distance", str(tmp_path / "run"), "--baseline", str(tmp_path / "base"), "--inner", "eval",
               "--inner", "eval-xquad"]  # fmt: skip
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    assert "left out, eval-xquad of run" in result.output and "corrected together by Holm" in result.output
    assert "smallest effects that the design sees" in result.output.replace("\n", " ")


def test_a_task_that_one_seed_lacks_is_left_out_by_name(tmp_path):
    """German in one of two seeds only: the other languages' gains are those of both seeds."""
    codes = ("en", "de", "es", "fr", "hi", "ru", "tr", "vi")
    for name, step in (("base", 0.0), ("run", 0.02)):
        for seed in (1, 2):
            scores = {code: 0.5 + step * seed + n / 100 for n, code in enumerate(codes) if (code, seed) != ("de", 2)}
            write_run(tmp_path / name / f"seed-{seed}" / "eval", scores)
    rows, lines = over_inners(tmp_path / "run", tmp_path / "base", ["eval"])
    assert {row.language for row in rows} == {*codes, "avg"} - {"de"}
    assert all(row.value == pytest.approx(3.0) and row.by_seed == pytest.approx((2.0, 4.0)) for row in rows)
    assert any("de: not in every seed of" in line for line in lines)
