"""`xstilts report` from end to end on the sample: files, refusals, and what it leaves alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.report.made_runs import pattern, write_run
from xstilts_eval import cli, evaluation
from xstilts_eval.errors import SettingError, XstiltsError
from xstilts_eval.figures.scene import Scene, Text
from xstilts_eval.report import files
from xstilts_eval.results import record, scoreboard

FIGURES = ("heat-map", "bars", "gaps")


@pytest.fixture(scope="module")
def scored(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run on the sample: classification, tagging, questions and retrieval in two languages."""
    folder = tmp_path_factory.mktemp("scored") / "run"
    leaves = ("pawsx.en", "pawsx.de", "udpos.en", "udpos.de", "xquad.en", "xquad.de", "tatoeba.de")
    tasks = tuple(f"xtreme.{leaf}" for leaf in leaves)
    evaluation.evaluate(evaluation.Settings(str(tiny_bundle), tasks, "sample"), folder, False, say=lambda _: None)
    return folder


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli.app, ["report", *map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_page_figures_and_summary_of_a_real_run(scored: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    said = run(scored, "-o", tmp_path / "r.html", "--figures", tmp_path / "figures", "--markdown", tmp_path / "r.md")
    assert f"page: {tmp_path / 'r.html'}" in said
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert names == sorted(f"{name}{ending}" for name in FIGURES for ending in (".svg", ".png", ".pdf"))
    board = scoreboard.build([record.read(scored)])
    text, summary = (tmp_path / "r.html").read_text(encoding="utf-8"), (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "SAMPLE" in text and "SAMPLE" in summary and "No gains: one run only" in summary
    assert [group for group, row in board.families.items() if row.interval is None] == ["xtreme_xquad"], "5 passages"
    for row in board.families.values():
        assert f'data-v="{row.score}"' in text
        spread = f" ±{(row.interval[1] - row.interval[0]) / 2:.1f}" if row.interval else " |"
        assert f"{row.score:.1f}{spread}" in summary
        for cell in row.cells.values():
            assert f'data-v="{cell.score}"' in text


def test_figures_for_print_are_a_panel_each(scored: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = tmp_path / "figures"
    said = run(f"../a<b={scored}", "-o", tmp_path / "r.html", "--figures", folder, "--width", "2")
    names = {"heat-map-a-b", "bars-tatoeba"}
    names |= {f"{figure}-{dataset}" for figure in ("bars", "gaps") for dataset in ("paws-x", "ud-pos", "xquad")}
    assert {path.name for path in folder.iterdir()} == {f"{n}{e}" for n in names for e in (".svg", ".png", ".pdf")}
    assert all(b"/MediaBox [0 0 144 " in path.read_bytes().replace(b"[ ", b"[") for path in folder.glob("*.pdf"))
    assert "smallest text" not in said


def test_text_that_is_too_small_in_print_is_said() -> None:
    """9 pixels of 480 are 4.5 points of 3.3 inches."""
    scene = Scene(480, 10, (Text(0, 0, "x", size=9),), "")
    assert files.too_small("map", scene, 3.3) == "map: its smallest text has 4.5 points; it has 6 at --width 4.5"
    assert files.too_small("map", scene, 4.5) == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--width", "3.3"], "name a folder for them with --figures"),
     (["--figures", "f", "--width", "0.1"], "--width 0.1 is not between 2 and 20 inches"),
     (["--figures", "f", "--width", "nan"], "--width nan is not between")],
)  # fmt: skip
def test_a_width_that_is_none(options: list[str], message: str, scored: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=re.escape(message)):
        run(scored, "-o", tmp_path / "r.html", *options)


def test_a_run_gains_nothing_over_itself(scored: Path, tmp_path: Path) -> None:
    run(f"a={scored}", f"b={scored}", "-o", tmp_path / "r.html", "--markdown", tmp_path / "r.md")
    gains = (tmp_path / "r.md").read_text(encoding="utf-8").split("## Gains over the baseline")[1].split("\n\n")[1]
    # the sample's questions are on fewer than 20 passages, so they have no interval, nor has the mean over families
    assert re.findall(r"\| b \|.*", gains) == ["| b | 0.0 ±0.0 | 0.0 ±0.0 | 0.0 | 0.0 ±0.0 | 0.0 |"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-o", "results.json"], "results.json does not end in .html"),
        (["--markdown", "notes.txt"], "notes.txt does not end in .md"),
        (["-o", "folder.html"], "folder.html is a folder"),
        (["--figures", "file"], "file is a file"),
    ],
)
def test_a_report_replaces_no_other_file(
    arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "one", {"xtreme.pawsx.de": pattern(8)})
    (tmp_path / "folder.html").mkdir()
    for name in ("results.json", "notes.txt", "file"):
        (tmp_path / name).write_text("precious")
    with pytest.raises(SettingError, match=re.escape(named)):
        run("one", *arguments)
    assert all((tmp_path / name).read_text() == "precious" for name in ("results.json", "notes.txt", "file"))
    assert not (tmp_path / "report.html").exists()


def test_an_empty_inner_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="--inner is empty"):
        run(tmp_path, "--inner", ",", "-o", tmp_path / "r.html")


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    good = write_run(tmp_path / "one", {"xtreme.pawsx.de": pattern(8)})
    run(good, "-o", tmp_path / "r.html")
    before = (tmp_path / "r.html").read_bytes()
    (good / "results.json").write_text((good / "results.json").read_text()[:100])
    with pytest.raises(XstiltsError, match="is not a results file"):
        run(good, "-o", tmp_path / "r.html")
    assert (tmp_path / "r.html").read_bytes() == before
    assert not list(tmp_path.glob(".*"))
