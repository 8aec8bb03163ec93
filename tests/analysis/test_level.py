"""Gains, what they are set against, and the level they start from: planted effects of either, and of both."""

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from tests.analysis.written import write_run
from xstilts_eval.analysis.distance import analyse as distance
from xstilts_eval.analysis.features import features
from xstilts_eval.analysis.morphology import analyse as morphology
from xstilts_eval.analysis.multilingual import analyse as multilingual
from xstilts_eval.analysis.multilingual.analyse import Arms
from xstilts_eval.analysis.observations import Observation, from_runs
from xstilts_eval.analysis.relatedness import analyse as relatedness_report
from xstilts_eval.analysis.scaling import analyse as scaling_report
from xstilts_eval.analysis.scaling.analyse import Sized
from xstilts_eval.analysis.stats import level
from xstilts_eval.analysis.stats.level import BASELINE, COLLINEAR, MEAN, Level
from xstilts_eval.cli import app
from xstilts_eval.languages import languages

Vector = NDArray[np.float64]
CODES = [
    code
    for code in languages()
    if code != "en" and features(code).number("syntactic") and features(code).number("cc100")
]
DISTANCE = np.array([features(code).number("syntactic") for code in CODES])
FEW = [
    CODES.index(code) for code in ("de", "fr", "es", "ru", "hi", "tr", "zh", "ja", "fi", "sw", "ar", "ur", "th", "vi")
]


def held(x: Vector, baseline: Vector, gain: Vector) -> Level:
    found = level.hold("distance", x, gain, {"baseline": list(baseline)}, {"baseline": list(gain)})
    assert found is not None
    return found


def rows(gain: Vector, baseline: Vector | None, places: Any = range(len(CODES))) -> list[Observation]:
    start = [None] * len(gain) if baseline is None else [float(value) for value in baseline]
    return [
        Observation("m", "xtreme_xnli", CODES[place], "gain", float(value), 1.0, first, 3)
        for place, value, first in zip(places, gain, start, strict=True)
    ]


# --- a gain that only depends on the level


def test_a_gain_of_the_level_is_not_one_of_distance() -> None:
    """gain = -0.3 · baseline + noise, baseline = 70 - 100 · distance: r .99 and p .0001 for what is no effect."""
    x = DISTANCE[FEW]
    baseline = 70 - 100 * x
    gain = -0.3 * baseline + np.random.default_rng(2).normal(0, 0.5, len(x))
    report = distance.analyse(rows(gain, baseline, FEW))
    assert report.level is not None and report.regression is not None
    assert report.level.raw.linear.estimate > 0.98 and report.level.raw.linear.p < 0.0001
    assert report.level.is_collinear and report.level.inflation == math.inf and report.level.fixed == ()
    assert "distance and the level of the baseline cannot be told apart" in report.level.conclusion
    assert report.level_regression is None and report.level_permutation_p is None


@pytest.mark.parametrize("noise", [3.0, 8.0, 15.0])
def test_the_same_with_a_baseline_that_distance_does_not_determine(noise: float) -> None:
    """The raw correlation is clear; at the level it is either gone, or the two cannot be told apart."""
    draw = np.random.default_rng(3)
    baseline = 70 - 100 * DISTANCE + draw.normal(0, noise, len(DISTANCE))
    gain = -0.3 * baseline + draw.normal(0, 1, len(DISTANCE))
    found = held(DISTANCE, baseline, gain)
    assert found.raw.is_clear and found.raw.linear.p < 0.001
    assert found.is_collinear is (noise == 3.0)
    if not found.is_collinear:
        assert [one.held for one in found.fixed] == [BASELINE, MEAN]
        assert "of the level: it is gone" in found.conclusion or "no safe conclusion" in found.conclusion


def test_the_limit_is_a_variance_inflation_of_five() -> None:
    """Two orthogonal columns mixed to a correlation of .890 and .899: inflation 4.81 and 5.21."""
    x = np.tile([-1.0, 1.0, -1.0, 1.0], 5)
    z = np.tile([-1.0, -1.0, 1.0, 1.0], 5)
    gain = np.random.default_rng(1).normal(0, 1, 20)
    for r, is_collinear in ((0.890, False), (0.899, True)):
        found = level.hold("distance", x, gain, {"baseline": list(r * x + math.sqrt(1 - r**2) * z)})
        assert found is not None
        assert found.inflation == pytest.approx(1 / (1 - r**2)) and found.with_level == pytest.approx(r)
        assert found.is_collinear is is_collinear is (found.inflation > COLLINEAR)


# --- the converse


def test_a_true_effect_beside_an_independent_baseline_is_found() -> None:
    draw = np.random.default_rng(4)
    baseline = draw.normal(50, 10, len(DISTANCE))
    gain = 12 * DISTANCE - 0.1 * baseline + draw.normal(0, 1, len(DISTANCE))
    report = distance.analyse(rows(gain, baseline))
    assert report.level is not None
    at_baseline, at_mean = report.level.fixed
    assert at_baseline.is_clear and at_baseline.slope.low < 12 < at_baseline.slope.high
    # The mean holds half of the gain: at one mean the baseline falls with distance, which adds 0.1 · 6 / 0.95.
    assert at_mean.is_clear and at_mean.slope.low < 12.63 < at_mean.slope.high
    assert report.level.conclusion.endswith("also where the level is held fixed")
    assert report.level_regression is not None and report.level_permutation_p is not None
    assert report.level_regression["distance"].low < 12 < report.level_regression["distance"].high
    assert report.level_regression["baseline"].low < -0.1 < report.level_regression["baseline"].high
    assert report.level_permutation_p < 0.01
    by_name: Any = {feature.name: feature for feature in report.features}
    assert by_name["syntactic"].at_level.p < 0.001


def share(claims: int, draws: int) -> float:
    return claims / draws


def claims(make: Any, draws: int) -> dict[str, float]:
    """Part of simulated tables in which the raw fit, each way of holding the level, and both are clear at 5 %."""
    counts = dict.fromkeys(("raw", BASELINE, MEAN, "both"), 0)
    draw = np.random.default_rng(6)
    for _ in range(draws):
        found = held(*make(draw))
        counts["raw"] += found.raw.is_clear
        for one in found.fixed:  # none where the two cannot be told apart
            counts[one.held] += one.is_clear
        counts["both"] += found.conclusion.endswith("also where the level is held fixed")
    return {name: share(count, draws) for name, count in counts.items()}


def noisy_baseline(draw: np.random.Generator) -> tuple[Vector, Vector, Vector]:
    """No effect at all: a baseline that falls with distance, and chance of 3 points in it and in the score after."""
    true = 70 - 60 * DISTANCE + draw.normal(0, 6, len(DISTANCE))
    before, after = true + draw.normal(0, 3, (2, len(DISTANCE)))
    return DISTANCE, before, after - before


def of_the_level(draw: np.random.Generator) -> tuple[Vector, Vector, Vector]:
    """A gain of the level with chance of its own, 3 points."""
    baseline = 70 - 60 * DISTANCE + draw.normal(0, 6, len(DISTANCE))
    return DISTANCE, baseline, -0.3 * baseline + draw.normal(0, 3, len(DISTANCE))


def of_distance(draw: np.random.Generator) -> tuple[Vector, Vector, Vector]:
    """Ten points for a distance of 1 in a gain with chance of 1 point."""
    baseline = 70 - 60 * DISTANCE + draw.normal(0, 6, len(DISTANCE))
    return DISTANCE, baseline, 10 * DISTANCE + draw.normal(0, 1, len(DISTANCE))


@pytest.mark.slow
def test_either_way_alone_can_be_wrong_and_both_together_are_not() -> None:
    """What each says of 500 simulated tables: 5 % is the level."""
    limit = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 500)
    noise, floor, true = (claims(make, 500) for make in (noisy_baseline, of_the_level, of_distance))
    assert noise[BASELINE] > 2 * limit and noise["both"] <= limit  # regression to the mean
    assert floor["raw"] > 0.9 and floor[MEAN] > floor[BASELINE] and floor["both"] <= limit
    assert true["both"] > 0.8


# --- what is said


def test_a_baseline_that_nobody_knows() -> None:
    report = distance.analyse(rows(DISTANCE * 5 + np.random.default_rng(1).normal(0, 1, len(DISTANCE)), None))
    assert report.level is None and level.UNKNOWN in report.notes
    assert "seeds behind every number: 3" in report.notes


def test_too_few_points_and_a_baseline_that_does_not_vary() -> None:
    x, gain = np.arange(6.0), np.array([1.0, 3.0, 2.0, 5.0, 4.0, 6.0])
    found = held(x, np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0]), gain)
    assert found.fixed == () and found.conclusion == "6 points are too few to hold it fixed"
    assert level.hold("distance", x, gain, {"baseline": [50.0] * 6}) is None
    assert level.why_not([50.0] * 6) == "the baseline's level is the same everywhere"
    assert level.why_not([None] * 6) == level.UNKNOWN


def test_points_without_a_baseline_are_left_out() -> None:
    x, gain = np.arange(9.0), np.random.default_rng(1).normal(0, 1, 9)
    baseline: list[float | None] = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, None, 6.0]
    found = level.hold("distance", x, gain, {"baseline": baseline})
    assert found is not None and found.n == 8 and [one.held for one in found.fixed] == [BASELINE]


def test_two_runs_of_one_baseline_have_one_level() -> None:
    x, gain = np.arange(9.0), np.random.default_rng(1).normal(0, 1, 9)
    one = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0]
    alone, twice = (level.hold("d", x, gain, baselines) for baselines in ({"a": one}, {"a": one, "b": one}))
    assert alone == twice


def test_the_command_with_a_table_of_gains(tmp_path: Any) -> None:
    """The planted table as it is typed: the raw correlation stays, and beside it stands that it says nothing."""
    draw = np.random.default_rng(2)
    lines = ["model,benchmark,language,score,outcome,baseline,seeds"]
    for place in FEW:
        baseline = 70 - 100 * DISTANCE[place]
        lines.append(f"m,xnli,{CODES[place]},{-0.3 * baseline + draw.normal(0, 0.5):.4f},gain,{baseline:.4f},1")
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    options = [
        "analyze",
        "distance",
        "--table",
        str(tmp_path / "t.csv"),
        "--outcome",
        "gain",
        "-o",
        str(tmp_path / "o"),
    ]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    output = " ".join(result.output.split())
    assert "syntactic distance and the level of the baseline cannot be told apart" in output
    assert "one seed stands behind every number" in output
    content = json.loads((tmp_path / "o" / "distance.json").read_text())
    assert "not to be told apart from the baseline" in (tmp_path / "o" / "distance.svg").read_text(encoding="utf-8")
    assert content["level"]["n"] == 14 and content["level"]["fixed"] == []
    assert content["points"][0]["baseline"] > 0 and content["points"][0]["seeds"] == 1


# --- the other analyses of gains

WALS = {code: morphology.measure(code) for code in CODES}
WITH_WALS = [code for code, one in WALS.items() if one.c_wals is not None and one.chapters >= 10]


def gains(model: str, values: dict[str, float], baseline: dict[str, float], seeds: int | None = 3) -> list[Observation]:
    return [
        Observation(model, "xtreme_xnli", code, "gain", value, 1.0, baseline[code], seeds)
        for code, value in values.items()
    ]


def test_complexity_that_goes_with_the_level_and_complexity_that_does_not() -> None:
    """The same two plants for one model: morphology orders the gains by the baseline alone, and by itself."""
    draw = np.random.default_rng(5)
    complexity = {code: float(WALS[code].c_wals or 0) for code in WITH_WALS}
    low = {code: 80 - 60 * complexity[code] + draw.normal(0, 0.5) for code in WITH_WALS}
    free = {code: float(draw.normal(60, 8)) for code in WITH_WALS}
    of_level = gains("m", {code: -0.3 * low[code] + draw.normal(0, 0.5) for code in WITH_WALS}, low)
    own = gains("m", {code: 15 * complexity[code] + draw.normal(0, 0.5) for code in WITH_WALS}, free)
    first, second = (morphology.analyse(given, WALS) for given in (of_level, own))
    assert first.level is not None and first.level.raw.is_clear and first.level.is_collinear
    assert first.level_regression is None and "cannot be told apart" in first.level.conclusion
    assert second.level is not None and second.level.conclusion.endswith("also where the level is held fixed")
    assert second.level_regression is not None and second.level_regression["c_wals"].p < 0.001


def test_two_models_have_two_levels() -> None:
    """Bytes start lower where morphology is rich, and gain 0.3 of what they lack: D is theirs to explain."""
    draw = np.random.default_rng(5)
    complexity = {code: float(WALS[code].c_wals or 0) for code in WITH_WALS}
    sub = {code: float(draw.normal(60, 5)) for code in WITH_WALS}
    byte = {code: sub[code] - 10 * complexity[code] + draw.normal(0, 2) for code in WITH_WALS}
    arms = [
        gains(name, {code: 30 - 0.3 * start[code] + draw.normal(0, 0.2) for code in WITH_WALS}, start)
        for name, start in (("s", sub), ("b", byte))
    ]
    report = morphology.analyse(morphology.differences(*arms), WALS, starts=morphology.baselines(*arms))
    assert report.level is not None and report.level.raw.is_clear
    assert "of the level: it is gone" in report.level.conclusion
    assert report.level_regression is not None
    names = [term.name for term in report.level_regression.terms]
    assert names[-2:] == ["baseline of sub-words", "baseline of bytes"]
    assert report.level_regression["baseline of sub-words"].estimate == pytest.approx(0.3, abs=0.03)
    assert report.level_regression["baseline of bytes"].estimate == pytest.approx(-0.3, abs=0.03)


def test_a_contrast_of_two_arms_under_one_ceiling() -> None:
    """D = 0.1 · (100 - baseline), the baseline rising with corpus size; and D = -2 a decade whatever the baseline."""
    draw = np.random.default_rng(7)
    size = {code: math.log10(features(code).number("cc100") or 1) for code in CODES}
    for steep, expected in ((True, "cannot be told apart"), (False, "also where the level is held fixed")):
        baseline = {code: 60 + 8 * size[code] * steep + draw.normal(0, 1 if steep else 8) for code in CODES}
        effect = {code: 0.1 * (100 - baseline[code]) if steep else -2 * size[code] for code in CODES}
        english = {code: float(draw.normal(2, 1)) for code in CODES}
        both = {code: english[code] + effect[code] + draw.normal(0, 0.2) for code in CODES}
        difference = {code: both[code] - english[code] for code in CODES}
        arms = Arms(*(tuple(gains(n, v, baseline)) for n, v in (("e", english), ("m", both), ("m - e", difference))))
        report = multilingual.analyse(arms, ("de",))
        found = {one.predictor: one for one in report.levels}["log10 cc100"]
        assert found.raw.is_clear and expected in found.conclusion
        assert [one.held for one in found.fixed] == ([] if steep else [BASELINE])  # the baseline cancels in D
        assert any("seeds behind every number: 3" in note for note in report.notes)


@pytest.mark.parametrize(
    ("steep", "expected"), [(True, "cannot be told apart"), (False, "also where the level is held")]
)
def test_larger_models_start_higher(steep: bool, expected: str) -> None:
    draw = np.random.default_rng(8)
    points = []
    for power in range(10):
        start = 40 + 4 * power * steep + draw.normal(0, 1 if steep else 6)
        gain = (30 - 0.3 * start if steep else 1.5 * power) + draw.normal(0, 0.2)
        points.append(Sized(f"m{power}", "xnli", "gain", gain, None, 1e8 * 2**power, None, baseline=start, seeds=1))
    report = scaling_report.analyse(points)
    (fit,) = report.fits
    assert fit.level is not None and fit.level.raw.is_clear and expected in fit.level.conclusion
    assert any(note.startswith("one seed stands behind") for note in report.notes)
    unknown = [Sized(p.model, "xnli", "gain", p.value, None, p.parameters, None) for p in points]
    assert level.UNKNOWN in scaling_report.analyse(unknown).notes


def test_tasks_over_one_baseline_are_not_ordered_by_its_level() -> None:
    """The ranks of a target do not change with its level; two baselines of one target are named."""

    def table(other: float) -> list[Observation]:
        return [
            Observation(task, target, code, "gain", 1.0, None, start + (other if task == "b" else 0.0), 2)
            for task in "ab" for target, start in (("xnli", 60.0), ("udpos", 30.0)) for code in ("en", "de")
        ]  # fmt: skip

    same, different = (relatedness_report.analyse(relatedness_report.cells(table(other))) for other in (0.0, 1.0))
    assert same.cells[0].baseline == 60 and same.cells[0].seeds == 2
    assert any("its level cannot order them" in note for note in same.notes)
    assert any("xnli (60.0 to 61.0), udpos (30.0 to 31.0)" in note for note in different.notes)


def test_runs_say_where_gains_start(tmp_path: Any) -> None:
    before = write_run(tmp_path / "none", {"en": 0.8, "de": 0.6, "sw": 0.4})
    after = write_run(tmp_path / "squad", {"en": 0.8, "de": 0.65, "sw": 0.5})
    found = {row.language: row for row in from_runs(after, before, "eval")}
    assert found["sw"].value == pytest.approx(10) and found["sw"].seeds == 1
    assert found["sw"].baseline == 40.0 and found["avg"].baseline == pytest.approx(60)
