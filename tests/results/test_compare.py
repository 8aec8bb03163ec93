"""`xstilts compare`: verdicts counted by hand, joint draws, seeds, refusals, and one real published table."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from tests.result_folders import edit, write_run
from xstilts_eval.benchmark import family
from xstilts_eval.cli import app
from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics.significance import mcnemar
from xstilts_eval.results import compare_render
from xstilts_eval.results.compare import Comparison, FamilyDifference, compare
from xstilts_eval.results.estimates import Options
from xstilts_eval.wording import counted
from xstilts_eval.zoo import sides

QUICK = Options(draws=2000, resamples=1000)


def run(folder: Path, answers: dict[str, Any], **options: Any) -> Path:
    return write_run(folder, answers, **options)


def compared(*given: Path | str, options: Options = QUICK) -> list[Comparison]:
    return compare(sides.read_all([str(path) for path in given]), options)


def only(*given: Path | str, options: Options = QUICK) -> FamilyDifference:
    (one,) = compared(*given, options=options)
    (found,) = one.families
    return found


def flips(n: int, right: int, wins: int, losses: int) -> tuple[list[int], list[int]]:
    """Two systems' answers to n items: the first has `right`, the second `wins` more of the rest and `losses` fewer."""
    first = [1] * right + [0] * (n - right)
    second = [0] * losses + [1] * (right - losses) + [1] * wins + [0] * (n - right - wins)
    return first, second


def test_one_language_by_hand(tmp_path: Path) -> None:
    """400 items, 20 won and 8 lost: +3 points, exact McNemar p, 1.96 sqrt(sum) half-width."""
    one, other = flips(400, 240, wins=20, losses=8)
    found = only(run(tmp_path / "a", {"xtreme.pawsx.de": one}), run(tmp_path / "b", {"xtreme.pawsx.de": other}))
    (row,) = found.languages
    assert (row.reference, row.score, row.difference) == pytest.approx((60, 63, 3))
    assert (row.units, row.only_reference, row.only_other) == (400, 8, 20)
    assert row.p_mcnemar == pytest.approx(mcnemar(8, 20)) and row.p == pytest.approx(row.p_mcnemar, abs=0.01)
    assert row.p_holm == row.p
    assert row.error_reduction == pytest.approx(3 / 40)
    half = 196 * math.sqrt((28 - 12**2 / 400) / 400**2)
    assert row.interval is not None
    assert row.interval == pytest.approx((3 - half, 3 + half), abs=0.35)
    assert row.verdict == "win" and found.count("win") == 1
    assert found.gap is None and found.kept is None


def test_a_run_equals_itself(tmp_path: Path) -> None:
    one, _ = flips(100, 50, 0, 0)
    found = only(*(run(tmp_path / name, {"xtreme.pawsx.de": one, "xtreme.pawsx.en": one}) for name in "ab"))
    for row in (*found.languages, found.average, found.gap):
        assert row is not None
        assert (row.difference, row.interval, row.p, row.verdict) == (0, (0, 0), 1.0, "tie")
    assert found.significant == 0


def test_holm_goes_over_the_languages_of_one_family_only(tmp_path: Path) -> None:
    strong, weak = flips(400, 200, 40, 0), flips(400, 200, 10, 8)
    answers = {"xtreme.pawsx.de": strong, "xtreme.pawsx.fr": weak, "xtreme.tatoeba.de": strong}
    folders = [run(tmp_path / "ab"[i], {leaf: rows[i] for leaf, rows in answers.items()}) for i in (0, 1)]
    (one,) = compared(*folders)
    pawsx, tatoeba = one.families
    german, french = pawsx.languages
    assert german.p_holm == pytest.approx(2 * german.p) and french.p_holm == pytest.approx(french.p)  # type: ignore[operator]
    assert tatoeba.languages[0].p_holm == tatoeba.languages[0].p
    assert (pawsx.count("win"), pawsx.count("tie"), pawsx.count("loss"), pawsx.significant) == (1, 1, 0, 1)


def test_translated_items_are_drawn_together(tmp_path: Path) -> None:
    """Five languages with the same outcome per item: their mean is as uncertain as one, not sqrt(5) times surer."""
    one, other = flips(500, 250, 60, 40)
    codes = ("de", "en", "es", "fr", "ja")
    for name, ratio in (("xnli", 1.0), ("tatoeba", 1 / math.sqrt(4))):
        leaves = [f"xtreme.{name}.{code}" for code in codes if code in family(name).languages]
        folders = [run(tmp_path / f"{name}{i}", dict.fromkeys(leaves, rows)) for i, rows in enumerate((one, other))]
        found = only(*folders, options=Options(draws=4000, resamples=4000))
        assert found.average is not None and found.average.interval is not None
        widths = [high - low for low, high in (row.interval for row in found.languages if row.interval)]
        width = found.average.interval[1] - found.average.interval[0]
        assert width / np.mean(widths) == pytest.approx(1.0 if name == "xnli" else 1 / math.sqrt(len(leaves)), abs=0.08)
        assert found.average.p is not None and found.languages[0].p is not None
        if ratio == 1.0:
            assert found.average.p == pytest.approx(found.languages[0].p, abs=1e-12)
        else:
            assert found.average.p < found.languages[0].p


def test_transfer_gap_and_what_is_kept(tmp_path: Path) -> None:
    """A en 90, de 70, fr 80; B en 80, de 75, fr 75. Gaps 15 and 5; kept of what is above a chance c.

    PAWS-X, c = 50: 62.5 % and 83.3 %. SIB-200, c = 100/7, which calls its languages otherwise.
    """
    scores = {"A": (90, 70, 80), "B": (80, 75, 75)}
    for place, codes, chance in (
        ("xtreme.pawsx", ("en", "de", "fr"), 50),
        ("beyond.sib200", ("eng_Latn", "deu_Latn", "fra_Latn"), 100 / 7),
    ):
        folders = []
        for name, points in scores.items():
            answers = {
                f"{place}.{code}": [1] * one + [0] * (100 - one) for code, one in zip(codes, points, strict=True)
            }
            folders.append(run(tmp_path / place / name, answers))
        found = only(*folders)
        assert found.gap is not None and found.kept is not None and found.average is not None
        assert (found.gap.reference, found.gap.score, found.gap.difference) == pytest.approx((15, 5, -10))
        assert found.chance == pytest.approx(chance)
        kept = [100 * (75 - chance) / (english - chance) for english in (90, 80)]
        assert (found.kept.reference, found.kept.score) == pytest.approx(kept)
        assert found.kept.label == f"kept of {codes[0]}"
    found = only(tmp_path / "xtreme.pawsx/A", tmp_path / "xtreme.pawsx/B")
    assert found.kept is not None and found.average is not None
    assert found.kept.interval is not None and found.kept.interval[0] > 0
    assert (found.average.reference, found.average.score) == pytest.approx((80, 230 / 3))
    assert [row.label for row in found.languages] == ["en", "de", "fr"]
    assert found.spread == pytest.approx(np.std([-10, 5, -5], ddof=1))


def test_english_at_chance_keeps_nothing(tmp_path: Path) -> None:
    one, other = flips(100, 50, 10, 0)
    folders = [
        run(tmp_path / name, {"xtreme.pawsx.en": one, "xtreme.pawsx.de": rows})
        for name, rows in (("a", one), ("b", other))
    ]
    assert only(*folders).kept is None


def test_groups_are_means_over_their_languages(tmp_path: Path) -> None:
    codes = {"de": 60, "en": 70, "ru": 50, "fi": 40, "zz": 0}
    del codes["zz"]
    answers = {f"xtreme.udpos.{code}": [(value, 100, 100), (value, 100, 100)] for code, value in codes.items()}
    better = {leaf: [(c + 10, p, g) for c, p, g in rows] for leaf, rows in answers.items()}
    better["xtreme.udpos.fi"] = answers["xtreme.udpos.fi"]
    found = only(run(tmp_path / "a", answers), run(tmp_path / "b", better))
    groups = {kind: {row.label: row for row in rows} for kind, rows in found.groups.items()}
    assert {label: len(row.languages) for label, row in groups["family"].items()} == {"Indo-European": 3, "Uralic": 1}
    assert groups["family"]["Indo-European"].reference == pytest.approx(60)
    assert groups["script"]["Latn"].difference == pytest.approx(20 / 3)
    assert list(groups["resources"]) == ["class 4", "class 5"]
    assert groups["resources"]["class 4"].languages == ("fi", "ru")


def with_seeds(folder: Path, leaf: str, by_seed: dict[int, list[int]]) -> Path:
    for seed, answers in by_seed.items():
        run(folder / f"seed-{seed}" / "eval", {leaf: answers})
    return folder


def hits(right: int, n: int = 1000) -> list[int]:
    return [1] * right + [0] * (n - right)


def test_three_seeds_are_a_t_interval_with_the_documents_in_quadrature(tmp_path: Path) -> None:
    leaf = "xtreme.tatoeba.de"
    a = with_seeds(tmp_path / "a", leaf, {1: hits(500), 2: hits(510), 3: hits(490)})
    b = with_seeds(tmp_path / "b", leaf, {1: hits(520), 2: hits(560), 3: hits(530)})
    (row,) = only(a, b).languages
    paired = stats.ttest_rel([52, 56, 53], [50, 51, 49]).confidence_interval()
    assert row.difference == pytest.approx(11 / 3) and row.interval is not None
    assert row.from_seeds == pytest.approx((paired.high - paired.low) / 2)
    assert row.interval[1] - row.difference == pytest.approx(math.hypot(row.from_seeds, row.from_documents))  # type: ignore[arg-type]
    items = [np.mean([hits(n) for n in points], axis=0) for points in ((500, 510, 490), (520, 560, 530))]
    assert row.from_documents == pytest.approx(196 * np.std(items[1] - items[0], ddof=1) / math.sqrt(1000), rel=0.08)
    assert row.by_seed is not None
    assert [*row.by_seed[0], *row.by_seed[1]] == pytest.approx([50, 51, 49, 52, 56, 53])
    assert row.p is not None and (row.p < 0.05) == (row.verdict != "tie")
    other = with_seeds(tmp_path / "c", leaf, {4: hits(520), 5: hits(560), 6: hits(530), 7: hits(540)})
    (row,) = only(a, other).languages
    welch = stats.ttest_ind([52, 56, 53, 54], [50, 51, 49], equal_var=False).confidence_interval()
    assert row.from_seeds == pytest.approx((welch.high - welch.low) / 2)


def test_too_few_seeds_say_so(tmp_path: Path) -> None:
    leaf = "xtreme.tatoeba.de"
    a = with_seeds(tmp_path / "a", leaf, {1: hits(500), 2: hits(510)})
    b = run(tmp_path / "b", {leaf: hits(520)})
    c = with_seeds(tmp_path / "c", leaf, {1: hits(500), 2: hits(540)})
    for other, difference, count in ((b, 1.5, 1), (c, 1.5, 2)):
        (row,) = only(a, other).languages
        assert row.from_seeds is None
        assert row.note == f"2 against {counted(count, 'run')}: the interval covers the documents alone"
        assert row.difference == pytest.approx(difference) and row.interval is not None


def test_seeds_that_scored_other_documents_are_refused(tmp_path: Path) -> None:
    a = with_seeds(tmp_path / "a", "xtreme.tatoeba.de", {1: hits(500), 2: hits(400, 900)})
    b = run(tmp_path / "b", {"xtreme.tatoeba.de": hits(520)})
    with pytest.raises(
        PredictionError, match=r"seeds of xtreme\.tatoeba\.de were not scored in the same way: documents 1,000 / 900"
    ):
        compared(a, b)


def test_a_handful_of_passages_gives_no_interval(tmp_path: Path) -> None:
    """Three passages of XQuAD: the randomization has eight outcomes and says so, an interval would be too narrow."""
    rows = {name: [(f"p{i % 3}", shift, 0) for i in range(20)] for name, shift in (("a", 0.2), ("b", 0.6))}
    folders = [run(tmp_path / name, {"xtreme.xquad.de": answers}) for name, answers in rows.items()]
    (row,) = only(*folders).languages
    assert (row.units, row.interval, row.verdict) == (3, None, "unknown")
    assert (
        row.p == pytest.approx(0.25, abs=0.04)
        and row.note == "3 independent units of test data (20 are needed): no interval"
    )
    seeds = [tmp_path / f"{name}-seeds" for name in rows]
    for folder, answers in zip(seeds, rows.values(), strict=True):
        for seed in (1, 2, 3):
            run(folder / f"seed-{seed}" / "eval", {"xtreme.xquad.de": answers})
    (row,) = only(*seeds).languages
    assert (row.interval, row.p) == (None, None) and row.difference == pytest.approx(20)


# ---------------------------------------------------------------------------------------------- what differs

LEAF = "xtreme.pawsx.de"


def metadata(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["configs"][LEAF]["metadata"]
    return found


DIFFERENCES = {
    "data": lambda content: metadata(content)["xs_data"].update(revision="ffffffffffff"),
    "split": lambda content: metadata(content)["xs_data"].update(split="dev"),
    "task version": lambda content: metadata(content).update(version="2.0"),
    "metric": lambda content: metadata(content).update(xs_metric="acc|v2"),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_was_scored_otherwise_is_refused_or_marked(tmp_path: Path, name: str) -> None:
    one, other = flips(200, 100, 30, 5)
    a, b = run(tmp_path / "a", {LEAF: one}), edit(run(tmp_path / "b", {LEAF: other}), DIFFERENCES[name])
    with pytest.raises(
        PredictionError, match=rf"xtreme\.pawsx\.de of a and b cannot be compared: {name} .* / .*--allow"
    ):
        compared(a, b)
    found = only(a, b, options=Options(allow_different=True, draws=500, resamples=500))
    (row,) = found.languages
    assert row.different and row.different[0].startswith(f"{name} ")
    assert (row.interval is None) == (name in ("data", "split"))  # other documents cannot be paired
    assert row.difference == pytest.approx(12.5)
    (comparison,) = compared(a, b, options=Options(allow_different=True, draws=500, resamples=500))
    assert "≠" in compare_render.markdown([comparison], QUICK)


def test_another_limit_is_refused_unless_it_left_the_same_documents(tmp_path: Path) -> None:
    one, other = flips(100, 50, 20, 0)
    whole = run(tmp_path / "whole", {LEAF: one})
    short = run(tmp_path / "short", {LEAF: other[:60]}, limit=60, documents=100)
    with pytest.raises(PredictionError, match=r"documents 100 / 60"):
        compared(whole, short)
    same = run(tmp_path / "same", {LEAF: other}, limit=5000)
    assert only(whole, same).languages[0].interval is not None


def test_other_ids_under_the_same_data_are_refused(tmp_path: Path) -> None:
    one, other = flips(100, 50, 20, 0)
    a, b = run(tmp_path / "a", {LEAF: one}), run(tmp_path / "b", {LEAF: other})
    samples = b / "samples" / f"samples_{LEAF}.jsonl"
    samples.write_text(samples.read_text().replace('"d7"', '"other"'))
    with pytest.raises(PredictionError, match="other items"):
        compared(a, b)
    found = only(a, b, options=Options(allow_different=True))
    assert found.languages[0].interval is None and found.languages[0].different


def test_missing_leaves_are_listed(tmp_path: Path) -> None:
    one, other = flips(100, 50, 20, 0)
    a = run(tmp_path / "a", {LEAF: one, "xtreme.pawsx.fr": one, "xtreme.tatoeba.de": one})
    b = run(tmp_path / "b", {LEAF: other, "xtreme.pawsx.es": other})
    (comparison,) = compared(a, b)
    assert comparison.missing == {
        "xtreme_pawsx": ("es: a has no result", "fr: b has no result"),
        "xtreme_tatoeba": ("de: b has no result",),
    }
    text = compare_render.markdown([comparison], QUICK)
    assert "not compared, xtreme_pawsx: fr: b has no result" in text
    with pytest.raises(PredictionError, match="no task in common"):
        compared(run(tmp_path / "c", {"xtreme.tatoeba.fr": one}), b)


def test_without_samples_there_is_a_difference_and_nothing_else(tmp_path: Path) -> None:
    one, other = flips(100, 50, 20, 0)
    a, b = run(tmp_path / "a", {LEAF: one}), run(tmp_path / "b", {LEAF: other})
    shutil.rmtree(b / "samples")
    found = only(a, b)
    (row,) = found.languages
    assert (row.difference, row.interval, row.p, row.p_holm, row.verdict) == (20, None, None, None, "unknown")
    assert row.note == "no samples: no interval" and found.count("unknown") == 1 and found.significant == 0


def test_settings_that_differ_are_named(tmp_path: Path) -> None:
    one, other = flips(100, 50, 20, 0)
    a = run(tmp_path / "a", {LEAF: one})
    b = edit(run(tmp_path / "b", {LEAF: other}), lambda content: content.update(lm_eval_version="0.4.12"))
    (comparison,) = compared(a, b)
    assert comparison.settings == {"lm_eval": ("0.4.13", "0.4.12")}


# ------------------------------------------------------------------------------------------------- the zoo


def test_gaps_of_the_published_xnli_table() -> None:
    """XLM-R paper, XNLI: mean gaps 10.28 (base) and 8.79 (large), worked out in the analysis notes, section 4."""
    given = ["zoo:XLM-R Base", "zoo:XLM-R Large"]
    (comparison,) = compare(sides.read_all(given, sources=["xlmr_t1"]), QUICK)
    xnli = next(one for one in comparison.families if one.family.name == "xnli")
    assert xnli.gap is not None and (xnli.gap.reference, xnli.gap.score) == pytest.approx((10.28, 8.79), abs=0.006)
    assert xnli.gap.interval is None and all(row.interval is None and row.p is None for row in xnli.languages)
    assert all(row.note.startswith("no samples: no interval") for row in xnli.languages)
    text = compare_render.markdown([comparison], QUICK)
    assert "published numbers have no samples" in text and "Holm |" not in text


def test_our_sample_does_not_stand_against_published_numbers(tmp_path: Path) -> None:
    data = {"source": "sample", "complete": False}
    ours = run(tmp_path / "ours", {"bitext.tatoeba.fra": hits(90)}, data=data)
    with pytest.raises(PredictionError, match="the sample / published data"):
        compared(ours, "zoo:all-MiniLM-L6-v2")
    whole = run(tmp_path / "whole", {"bitext.tatoeba.fra": hits(90)})
    (row,) = only(whole, "zoo:all-MiniLM-L6-v2").languages
    assert (row.reference, row.score) == pytest.approx((9.0, 8.6))  # MTEB: fra .086


# -------------------------------------------------------------------------------------------------- the command


def test_the_command_writes_three_formats(tmp_path: Path) -> None:
    one, other = flips(200, 100, 30, 5)
    answers = [{f"xtreme.pawsx.{code}": rows for code in ("de", "en", "fr", "es")} for rows in (one, other, one)]
    folders = [str(run(tmp_path / name, rows)) for name, rows in zip("abc", answers, strict=True)]
    options = ["--json", str(tmp_path / "x.json"), "--markdown", str(tmp_path / "x.md"), "--draws", "500"]
    done = CliRunner().invoke(app, ["compare", *folders, "--baseline", folders[1], *options])
    assert done.exit_code == 0, done.output
    assert "B − A" in done.output and "b (reference)" in done.output
    content = json.loads((tmp_path / "x.json").read_text())
    assert content["reference"]["name"] == "b"
    assert [one["other"]["name"] for one in content["comparisons"]] == ["a", "c"]
    german = content["comparisons"][0]["families"]["xtreme_pawsx"]["languages"]["de"]
    assert german["difference"] == pytest.approx(-12.5) and german["verdict"] == "loss"
    assert german["only_reference"] == 30 and german["only_other"] == 5
    text = (tmp_path / "x.md").read_text()
    assert "| de | 62.5 | 50.0 | -12.5 | ▼ |" in text
    again = CliRunner().invoke(app, ["compare", *folders, "--baseline", folders[1], "--json", "-", "--draws", "500"])
    printed = json.loads(again.output)  # same seed, same numbers; nothing else printed
    for side in (printed["reference"], *(one["other"] for one in printed["comparisons"])):
        side |= {"given": Path(side["given"]).name, "runs": [Path(run).name for run in side["runs"]]}
    assert printed == content, "a file names places relative to itself"


def test_markdown_keeps_its_tables_whole_whatever_the_names(tmp_path: Path) -> None:
    one, other = flips(50, 20, 10, 0)
    a, b = run(tmp_path / "a|b", {LEAF: one}), run(tmp_path / "[bold]c", {LEAF: other})
    (comparison,) = compared(a, b)
    for line in compare_render.markdown([comparison], QUICK).split("\n"):
        if line.startswith("| A "):
            assert line.replace("\\|", "").count("|") == 5
    from rich.console import Console

    console = Console(width=100, record=True)
    console.print(compare_render.terminal([comparison], QUICK))
    assert "[bold]c" in console.export_text()
