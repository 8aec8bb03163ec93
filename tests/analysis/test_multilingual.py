"""English-only against multilingual: a planted effect by group, arms from runs and tables, what is refused."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

from tests.analysis.written import write_run
from xstilts_eval.analysis.features import features
from xstilts_eval.analysis.multilingual import analyse as multilingual
from xstilts_eval.analysis.multilingual import sources as multilingual_sources
from xstilts_eval.analysis.multilingual.analyse import IN_MIX, OUTSIDE, SAME_FAMILY, UNSEEN, Arms
from xstilts_eval.analysis.observations import Observation, TableRow
from xstilts_eval.analysis.stats import dependence
from xstilts_eval.cli import app
from xstilts_eval.errors import MissingData, NumericError, PredictionError, SettingError, UnknownName
from xstilts_eval.languages import languages

SCORED = ("en", "de", "fr", "hi", "sw", "th", "tr", "zh")
CODES = [code for code in languages() if code != "en"]
RUN = CliRunner()


def observed(model: Any, values: Any, benchmark: Any = "xtreme_xnli") -> Any:
    return tuple(Observation(model, benchmark, code, "gain", value, 1.0) for code, value in values.items())


def arms(english: Any, both: Any) -> Any:
    difference = {code: both[code] - english[code] for code in both}
    return Arms(observed("en", english), observed("multi", both), observed("multi - en", difference))


def planted(codes: Any = CODES, mix: Any = ("ko", "sw"), in_mix: Any = 6.0, slope: Any = 0.0) -> Any:
    """Noise 1; languages of the mix get `in_mix`, every one `slope` points per decade of CC-100."""
    random = np.random.default_rng(1)
    english = {code: float(random.normal(2, 3)) for code in codes}
    sizes: Any = {code: features(code).number("cc100") or 1 for code in codes}
    effect: Any = {code: in_mix * (code in mix) + slope * np.log10(sizes[code]) for code in codes}
    return arms(english, {code: english[code] + float(effect[code] + random.normal(0, 1)) for code in codes})


def corrected(report: Any) -> Any:
    return {one.name: one.adjusted_p for one in report.sure.tests}


def test_groups_follow_from_the_mix():
    report: Any = multilingual.analyse(planted(), ("en", "ko", "sw"))
    groups = {row.language: row.group for row in report.rows}
    assert groups["ko"] == groups["sw"] == IN_MIX
    # Wolof and Yoruba are Atlantic-Congo, as Swahili
    assert {code for code, group in groups.items() if group == SAME_FAMILY} == {"wo", "yo"}
    assert groups["ja"] == UNSEEN
    mean: Any = {one.group: one for one in report.means}
    assert mean[IN_MIX].n == 2 and mean[IN_MIX].half_width is None and mean[IN_MIX].clearly_better == 2
    values = [row.value for row in report.rows if row.group == UNSEEN]
    assert mean[UNSEEN].mean == pytest.approx(np.mean(values))
    assert abs(mean[UNSEEN].mean) < mean[UNSEEN].half_width < 1


def test_codes_of_flores_meet_those_of_the_mix():
    codes = [languages()[code].flores for code in ("ko", "sw", "de", "fi", "tr", "yo")]
    report: Any = multilingual.analyse(planted(codes, mix=()), ("ko", "sw"))
    assert [row.group for row in report.rows if row.language in ("kor_Hang", "swh_Latn")] == [IN_MIX] * 2
    assert next(row.group for row in report.rows if row.language == "yor_Latn") == SAME_FAMILY


def test_a_planted_dependence_on_size_is_found_and_none_is_not():
    report: Any = multilingual.analyse(planted(slope=-2.0), ("de", "fr", "es"))
    overall: Any = report.associations[0]
    sizes = [row.log_size for row in report.rows if row.log_size is not None]
    values = [row.value for row in report.rows if row.log_size is not None]
    assert overall.spearman.estimate == pytest.approx(spearmanr(sizes, values).statistic)
    assert corrected(report)[overall.name] < 0.001 and overall.blocks.high < 0
    assert report.regression["log10 cc100"].low < -2 < report.regression["log10 cc100"].high < 0
    nothing: Any = multilingual.analyse(planted(), ("de", "fr", "es"))
    assert corrected(nothing)[nothing.associations[0].name] > 0.05
    assert [one.scope for one in nothing.associations].count(OUTSIDE) == 2


def test_english_is_shown_and_not_counted():
    given: Any = planted(["en", *CODES[:8]])
    report: Any = multilingual.analyse(given, ("ko",))
    assert report.english.language == "en" and all(row.language != "en" for row in report.rows)
    assert sum(one.n for one in report.means) == 8


@pytest.mark.parametrize(("codes", "mix", "error", "message"), [
    (["de", "fi", "tr", "sw", "en"], ["sw"], NumericError, "4 languages besides English"),
    (["de", "fi", "tr", "sw", "tlh"], ["sw"], NumericError, "tlh: no features"),
    (CODES, ["en"], PredictionError, "English alone"),
])  # fmt: skip
def test_what_is_refused(codes, mix, error, message):
    given: Any = arms(dict.fromkeys(codes, 1.0), {code: float(n) for n, code in enumerate(codes)})
    with pytest.raises(error, match=message):
        multilingual.analyse(given, mix)


def test_unlike_and_constant_results_are_refused():
    given: Any = planted()
    mixed = replace(given, multilingual=observed("multi", dict.fromkeys(CODES, 1.0), "xtreme_panx"))
    with pytest.raises(PredictionError, match="different benchmarks"):
        multilingual.analyse(mixed, ["sw"])
    with pytest.raises(NumericError, match="D is the same"):
        multilingual.analyse(arms(dict.fromkeys(CODES, 1.0), dict.fromkeys(CODES, 2.0)), ["sw"])
    with pytest.raises(UnknownName, match="cc100"):
        multilingual.analyse(given, ["sw"], "cc-100")


def test_few_languages_outside_the_mix_are_told():
    report: Any = multilingual.analyse(planted(["de", "fr", "es", "fi", "tr", "ru"]), ["de", "fr", "es"])
    assert "3 languages with both" in report.refused[f"log10 cc100, {OUTSIDE}"]
    assert report.regression is None and "10 are needed" in report.refused["regression"]


# The mix: from runs, or given.
@pytest.mark.parametrize(("said", "given", "english", "error", "message"), [
    ((), (), ("en",), MissingData, "--trained-on"),
    (("en", "ko"), ("sw",), ("en",), PredictionError, "--trained-on names sw"),
    (("en", "ko"), (), ("en", "ko"), PredictionError, "trained on ko too"),
    ((), ("xx",), (), UnknownName, "xx"),
])  # fmt: skip
def test_a_mix_that_is_not_known_or_contradicts(said, given, english, error, message):
    with pytest.raises(error, match=message):
        multilingual_sources.the_mix(said, given, english)


def test_a_mix_under_other_codes():
    assert multilingual_sources.the_mix((), ("swh_Latn", "kor"), ("en",)) == ("ko", "sw")
    assert multilingual_sources.the_mix(("en", "ko"), ("ko",), ("en",)) == ("en", "ko")


def scores(offset: Any, seed: Any = 0) -> Any:
    return {code: 0.5 + 0.02 * n + offset.get(code, 0) + 0.005 * seed for n, code in enumerate(SCORED)}


def write_arms(folder: Any, extra: Any = (), english_on: Any = ("en",), multi_on: Any = ("en", "sw", "th")) -> Any:
    """Two seeds: English gains .02 everywhere, the other arm .05 more in sw and th and .01 less in English."""
    english = dict.fromkeys(SCORED, 0.02)
    other = english | {"sw": 0.07, "th": 0.07, "en": 0.01}
    for seed in (1, 2):
        write_run(folder / "base" / f"seed-{seed}" / "eval", scores({}, seed))
        write_run(folder / "english" / f"seed-{seed}" / "eval", scores(english, seed), english_on)
        if seed not in extra:
            write_run(folder / "multi" / f"seed-{seed}" / "eval", scores(other, seed), multi_on)
    return [str(folder / name) for name in ("base", "english", "multi")]


def test_the_command_on_runs(tmp_path):
    base, english, multi = write_arms(tmp_path, extra=(2,))
    options = ["analyze", "multilingual", "--baseline", base, "--english", english, "--multilingual", multi]
    result = RUN.invoke(app, [*options, "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "multilingual.json").read_text())
    found: Any = {row["language"]: row for row in content["rows"]}
    assert found["sw"]["group"] == found["th"]["group"] == IN_MIX and content["mix"] == ["en", "sw", "th"]
    assert found["sw"]["value"] == pytest.approx(5) and found["de"]["value"] == pytest.approx(0, abs=1e-9)
    assert found["sw"]["english"] == pytest.approx(2) and found["sw"]["multilingual"] == pytest.approx(7)
    # 10 of 200 items differ, all in one direction: normal interval of a paired difference
    assert found["sw"]["half_width"] == pytest.approx(196 * (0.05 * 0.95 / 200) ** 0.5, rel=0.1)
    assert content["english"]["value"] == pytest.approx(-1)
    assert content["notes"][0].startswith("below three seeds")
    assert any(note.startswith("one seed stands behind") for note in content["notes"])  # the second has no arm
    svg = (tmp_path / "out" / "multilingual.svg").read_text()
    assert "in the mix, n 2" in svg and "unseen, n 5" in svg
    assert isinstance(RUN.invoke(app, [*options, "-o", str(tmp_path / "out")]).exception, SettingError)


def test_runs_that_do_not_say_and_runs_that_contradict(tmp_path):
    base, english, multi = write_arms(tmp_path / "silent", multi_on=())
    options = ["analyze", "multilingual", "--baseline", base, "--english", english, "--multilingual", multi]
    assert isinstance(RUN.invoke(app, options).exception, MissingData)
    assert RUN.invoke(app, [*options, "--trained-on", "swh_Latn,th"]).exit_code == 0
    assert isinstance(RUN.invoke(app, options[:2] + options[4:]).exception, SettingError)
    base, english, multi = write_arms(tmp_path / "both", english_on=("en", "sw"))
    options = ["analyze", "multilingual", "--baseline", base, "--english", english, "--multilingual", multi]
    error = RUN.invoke(app, options).exception
    assert isinstance(error, PredictionError) and "trained on sw too" in str(error)


def test_recipes_are_compared(tmp_path):
    folders = {}
    for name, source, steps in (("english", "en", 60), ("multi", ["ko", "sw"], 80)):
        tasks = [{"name": "tydiqa", "source_language": source}]
        stage = {"source_language": source, "settings": {"max_steps": steps}, "tasks": tasks}
        recipe = {"name": name, "intermediate": [stage]}
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.json").write_text(json.dumps({"recipe": recipe}), encoding="utf-8")
        folders[name] = write_run(tmp_path / f"{name}-eval", {"de": 0.5}, checkpoint=str(tmp_path / name))
    (note,) = multilingual_sources.notes(folders["english"], folders["multi"], ("en",))
    assert note.endswith("(English / multilingual): intermediate.0.settings.max_steps: 60 / 80")
    (note,) = multilingual_sources.notes(folders["english"], folders["english"], ("en",))
    assert note == "the two recipes differ in nothing but languages"
    other = write_run(tmp_path / "other", {"de": 0.5})
    (note,) = multilingual_sources.notes(folders["english"], other, ("en",))
    assert "on trust" in note


def test_arms_from_a_table():
    rows = [
        TableRow(model=model, benchmark="b", language=code, score=50 + n + extra, half_width=3)
        for model, extra in (("base", 0), ("en", 1), ("multi", 4))
        for n, code in enumerate(("de", "fr"))
    ]
    found: Any = multilingual_sources.from_table(rows, "base", "en", "multi", None)
    assert [(row.language, row.value) for row in found.difference] == [("de", 3), ("fr", 3)]
    assert [row.value for row in found.english] == [1, 1] and [row.value for row in found.multilingual] == [4, 4]
    assert found.difference[0].half_width == pytest.approx(18**0.5)  # the baseline has no part in it
    gains = [row.model_copy(update={"outcome": "gain"}) for row in rows]
    direct: Any = multilingual_sources.from_table(gains, None, "en", "multi", None)
    assert [row.value for row in direct.difference] == [3, 3]
    with pytest.raises(SettingError, match="no score of english"):
        multilingual_sources.from_table(rows, "base", "english", "multi", None)


# Families as blocks.
def test_blocks_of_one_family_each_are_the_plain_bootstrap():
    random = np.random.default_rng(2)
    x, y = random.standard_normal((2, 12))
    found: Any = dependence.block_interval(x, y, [str(n) for n in range(12)], draws=4000)
    draws = random.integers(0, 12, (4000, 12))
    slow = np.percentile([spearmanr(x[row], y[row]).statistic for row in draws], (2.5, 97.5))
    assert (found.low, found.high) == pytest.approx(slow, abs=0.06) and found.families == 12
    assert dependence.block_interval(x, y, ["a", "b", "c", "d"] * 3) is None


def test_blocks_are_wider_where_families_are_alike():
    random = np.random.default_rng(3)
    families = [str(n // 5) for n in range(40)]
    centre = np.repeat(random.standard_normal((2, 8)), 5, axis=1)
    x, y = centre + 0.1 * random.standard_normal((2, 40))
    blocks: Any = dependence.block_interval(x, y, families)
    single: Any = dependence.block_interval(x, y, [str(n) for n in range(40)])
    assert blocks.high - blocks.low > 1.5 * (single.high - single.low)


def test_a_language_that_the_baseline_lacks_is_compared_all_the_same(tmp_path):
    """D is the difference of the arms; what only some have scored is named."""
    scores = {code: 0.4 + n / 50 for n, code in enumerate(SCORED)}
    write_run(tmp_path / "none", {code: value for code, value in scores.items() if code != "zh"})
    write_run(tmp_path / "english", scores, ("en",))
    write_run(tmp_path / "multi", {c: v + (0.02 + n / 100) * (c != "th") for n, (c, v) in enumerate(scores.items())},
              ("en", "de"))  # fmt: skip
    result = RUN.invoke(app, ["analyze", "multilingual", "--baseline", str(tmp_path / "none"), "--english",
                              str(tmp_path / "english"), "--multilingual", str(tmp_path / "multi"), "-t", "xnli",
                              "-o", str(tmp_path / "out")])  # fmt: skip
    assert result.exit_code == 0, result.exception
    found = json.loads((tmp_path / "out" / "multilingual.json").read_text())
    chinese = next(row for row in found["rows"] if row["language"] == "zh")
    assert chinese["english"] is None and chinese["value"] == pytest.approx(9.0)
    assert any("zh" in note and "XNLI" in note for note in found["notes"])
