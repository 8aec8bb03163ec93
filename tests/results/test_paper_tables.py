"""Tables for papers, command by command: numbers counted by hand, published cells marked, the same from Python."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

import xstilts_eval as xs
from tests.commanded import xstilts
from tests.result_folders import edit, write_run
from tests.zoo import small_zoo
from xstilts_eval.benchmark import family
from xstilts_eval.zoo import manifest

PAWSX = family("pawsx").languages
XLMR = "zoo:XLM-R Large"
PUBLISHED = {"avg": 86.4, "en": 94.7, "de": 89.7, "es": 90.1, "fr": 90.4, "ja": 78.7, "ko": 79.0, "zh": 82.3}
"""PAWS-X of XLM-R Large in XTREME; here the only numbers of a small zoo, which is read in no time."""


@pytest.fixture(autouse=True)
def one_table(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    what = small_zoo.content()
    what["models"][0]["name"] = "XLM-R Large"
    what["tables"][0] |= {"benchmark": "XTREME", "rows": [{"model": "XLM-R Large", "values": PUBLISHED}]}
    file = small_zoo.written(tmp_path_factory.mktemp("zoo"), what)
    monkeypatch.setattr(manifest, "zoo_path", lambda: file)


def hits(right: int, total: int = 100) -> list[int]:
    return [1] * right + [0] * (total - right)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` and `b`: PAWS-X in all languages (90 and 80 in English, 70 and 75 elsewhere) and XNLI in German alone.

    `s` has three seeds of PAWS-X in English: 80, 84 and 88.
    """
    folder = tmp_path_factory.mktemp("runs")
    for name, english, other, xnli in (("a", 90, 70, 60), ("b", 80, 75, 50)):
        answers = {f"xtreme.pawsx.{code}": hits(english if code == "en" else other) for code in PAWSX}
        write_run(folder / name, {**answers, "xtreme.xnli.de": hits(xnli)}, checkpoint=f"acme/{name}_1")
    for seed, right in enumerate((80, 84, 88), start=1):
        write_run(folder / "s" / f"seed-{seed}" / "eval", {"xtreme.pawsx.en": hits(right)}, checkpoint=f"s{seed}")
    return folder


def tables(text: str) -> dict[str, list[list[str]]]:
    """By caption the rows of a LaTeX file, its header first; parts of one table joined."""
    found: dict[str, list[list[str]]] = {}
    caption, tabular = r"% ([^\n]*?)(?: \(part [^\n]*\))?\n", r"\\noindent\\begin\{tabular\}(.*?)\\bottomrule"
    parts = re.findall(rf"{caption}(?:\\begingroup[^\n]*\n)?{tabular}", text, re.S)
    for caption, part in parts:
        lines = [line.removesuffix(r" \\").split(" & ") for line in part.split("\n") if line.endswith(r"\\")]
        there = found.setdefault(caption, [[] for _ in lines])
        for row, cells in zip(there, lines, strict=True):
            row += cells[1:] if row else cells
    return found


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_score_sets_models_and_published_ones_beside_each_other(runs: Path, tmp_path: Path) -> None:
    done = xstilts(
        "score", runs / "a", f"B={runs / 'b'}", XLMR, "--latex", tmp_path / "t.tex", "--csv", tmp_path / "t.csv"
    )
    assert done.returncode == 0, done.stderr
    found = tables((tmp_path / "t.tex").read_text())
    assert list(found) == ["Scores by dataset, means over languages", "XNLI by language", "PAWS-X by language"]
    by_language = found["PAWS-X by language"]
    mean_a, mean_b = (90 + 6 * 70) / 7, (80 + 6 * 75) / 7
    assert by_language[0] == ["Model", "en", "de", "es", "fr", "ja", "ko", "zh", "avg"]
    assert by_language[1] == ["a", "90.0", *["70.0"] * 6, f"{mean_a:.1f}"]
    assert by_language[2] == ["B", "80.0", *["75.0"] * 6, f"{mean_b:.1f}"]
    assert by_language[3][0] == "XLM-R Large" and all(
        cell.endswith(r"\textsuperscript{p}") for cell in by_language[3][1:]
    )
    assert by_language[3][1] == r"\textbf{94.7}\textsuperscript{p}" and by_language[3][-1].startswith(r"\textbf{86.4}")
    (xnli,) = (row[1] for row in found["Scores by dataset, means over languages"] if row[0] == "a")
    assert xnli == r"\textbf{60.0}$^{*}$", "one language of fifteen is no XNLI score, and says so"
    text = (tmp_path / "t.tex").read_text()
    assert "* a, XNLI: no score in ar bg el en es fr hi ru and 6 more" in text
    assert "was published; everything else was measured" in text and "% a: acme/a_1" in text
    assert "zoo:XLM-R Large" in text and "%   paper: A paper, Table 1" in text
    lines = rows(tmp_path / "t.csv")
    assert {(line["model"], line["origin"]) for line in lines} == {
        ("a", "measured"), ("B", "measured"), ("XLM-R Large", "published"),
    }  # fmt: skip
    (mean,) = [r for r in lines if r["model"] == "B" and r["dataset"] == "pawsx" and r["language"] == "avg"]
    assert float(mean["score"]) == pytest.approx(mean_b) and mean["documents"] == "700"
    (published,) = [r for r in lines if r["origin"] == "published" and r["task"] == "xtreme.pawsx.en"]
    assert (published["score"], published["signature"]) == ("94.7", "paper")
    assert "94.7ᵖ" in done.stdout and "90.0" in done.stdout and "ᵖ was published" in done.stdout


def test_one_thing_in_the_columns(runs: Path) -> None:
    captions = {
        columns: list(tables(xstilts("score", runs / "a", "--latex", "-", "--columns", columns).stdout))
        for columns in ("datasets", "languages")
    }
    assert captions["datasets"] == ["Scores by dataset, means over languages"]
    assert captions["languages"] == ["XNLI by language", "PAWS-X by language"]
    refused = xstilts("score", runs / "a", "--latex", "-", "--columns", "rows")
    assert refused.returncode == 2 and "unknown choice of --columns 'rows'" in refused.stderr


def test_python_gives_the_same(runs: Path, tmp_path: Path) -> None:
    results = xs.load_results(runs / "a")
    assert xstilts("score", runs / "a", "--latex", "-").stdout.rstrip("\n") == results.to_latex().rstrip("\n")
    plain = xstilts(
        "score", runs / "a", "--latex", "-", "--no-intervals", "--text-width", "500", "--columns", "languages"
    )
    assert plain.stdout.rstrip("\n") == results.to_latex("languages", intervals=False, text_width=500).rstrip("\n")
    pandas = pytest.importorskip("pandas")
    xstilts("score", runs / "a", "--csv", tmp_path / "a.csv")
    read = pandas.read_csv(tmp_path / "a.csv", keep_default_na=False, na_values=[""], dtype={"seed": str})
    frame = results.to_frame()
    assert list(read.columns) == list(frame.columns) and len(read) == len(frame) == 10
    for name in frame.columns:
        mine, theirs = frame[name].replace("", None).tolist(), read[name].tolist()
        assert [x for x in mine if x == x and x is not None] == [x for x in theirs if x == x and x is not None], name
    found = xs.load_results(runs / "a").compare(runs / "b", draws=100, resamples=100)
    said = xstilts("compare", runs / "a", runs / "b", "--draws", 100, "--resamples", 100, "--latex", "-").stdout
    assert found.to_latex().rstrip("\n") == said.rstrip("\n")
    gained = xs.gains(runs / "a", runs / "b")
    assert xstilts("gains", runs / "a", runs / "b", "--latex", "-").stdout.rstrip("\n") == gained.to_latex().rstrip(
        "\n"
    )
    assert list(gained.to_frame().columns)[:5] == ["baseline", "run", "suite", "dataset", "language"]
    assert len(found.to_frame()) == 1 + 1 + 7 + 3


def test_seeds_are_a_mean_with_its_interval(runs: Path, tmp_path: Path) -> None:
    """80, 84 and 88: 84 ± 4.303 · 4 / √3 from the seeds, in quadrature with nothing, as no sample interval is there."""
    done = xstilts(
        "score", runs / "s", "--json", tmp_path / "s.json", "--csv", tmp_path / "s.csv", "--markdown", tmp_path / "s.md"
    )
    assert done.returncode == 0 and re.search(r"PAWS-X\s+│\s+84\.0", done.stdout) and "seed 3" in done.stdout
    assert re.search(r"│\s+80\.0 │\s+84\.0 │\s+88\.0", done.stdout)
    lines = rows(tmp_path / "s.csv")
    english = [(r["seed"], float(r["score"])) for r in lines if r["language"] == "en"]
    assert english == [("1", 80.0), ("2", 84.0), ("3", 88.0), ("all", 84.0)]
    assert "| PAWS-X | 84.0" in (tmp_path / "s.md").read_text()
    for seed in (1, 2, 3):
        edit(
            runs / "s" / f"seed-{seed}" / "eval",
            lambda r: r["results"]["xtreme.pawsx.en"].update({"acc_ci95,none": [0.7, 0.9]}),
        )
    text = xstilts("score", runs / "s", "--latex", "-").stdout
    half = ((4.302653 * 4 / 3**0.5) ** 2 + 10**2) ** 0.5
    assert rf"s & 84.0 $\pm$ {half:.1f} &" in text
    assert "over test documents and seeds" in text and "Means over seeds: s 3 seeds" in text


def test_what_cannot_stand_beside_the_others_is_marked_and_no_rival(runs: Path, tmp_path: Path) -> None:
    dev = write_run(tmp_path / "dev", {f"xtreme.pawsx.{code}": hits(99) for code in PAWSX}, data={"split": "dev"})
    text = xstilts("score", runs / "a", dev, XLMR, "--latex", "-").stdout
    row = next(line for line in tables(text)["PAWS-X by language"] if line[0] == "dev")
    assert all(cell == r"99.0$^{\dagger}$" for cell in row[1:-1]) and row[-1] == r"99.0$^{*}$$^{\dagger}$"
    assert "was scored on another split (dev, not test) than a" in text
    first = xstilts("score", XLMR, dev, "--latex", "-").stdout
    assert "was scored on other data (split dev / test) than XLM-R Large" in first
    sample = write_run(tmp_path / "toy", {"xtreme.pawsx.de": hits(50)}, data={"source": "sample"})
    refused = xstilts("score", sample, XLMR)
    assert refused.returncode == 2
    assert "toy was scored on the bundled sample and others are published; report them apart" in refused.stderr


def test_parts_of_one_checkpoint_stay_one_scoreboard(runs: Path, tmp_path: Path) -> None:
    more = write_run(tmp_path / "more", {"xtreme.xnli.en": hits(50)}, checkpoint="acme/a_1")
    done = xstilts("score", runs / "a", more, "--latex", "-")
    assert done.returncode == 0, done.stderr
    (row,) = tables(done.stdout)["XNLI by language"][1:]
    assert row[0] == r"acme/a\_1" and row[1:3] == ["50.0", "60.0"]
    overlapping = write_run(tmp_path / "again", {"xtreme.xnli.de": hits(50)}, checkpoint="acme/a_1")
    found = tables(xstilts("score", runs / "a", overlapping, "--latex", "-").stdout)["XNLI by language"]
    assert [line[0] for line in found] == ["Model", "a", "again"]


def test_compare_has_differences_intervals_and_stars(runs: Path, tmp_path: Path) -> None:
    options = ("--draws", 2000, "--resamples", 1000, "--latex", "-")
    found = tables(xstilts("compare", runs / "a", runs / "b", XLMR, *options).stdout)
    lines = {line[0]: line for line in found["PAWS-X by language"]}
    assert list(lines)[1:] == ["a", "b", "difference", r"95 \% interval", "XLM-R Large"]
    assert found["PAWS-X by language"][3][1:3] == [r"$-$10.0$^{*}$", r"$+$5.0"], "5 of 100 is not clear after Holm"
    low, high = map(float, re.findall(r"[+-][0-9.]+", found["PAWS-X by language"][4][1]))
    assert low < -10 < high < 0
    xstilts("compare", runs / "a", runs / "b", *options[:4], "--csv", tmp_path / "c.csv")
    (gap,) = [r for r in rows(tmp_path / "c.csv") if r["language"] == "gap"]
    assert float(gap["reference_score"]) == pytest.approx(20) and float(gap["difference"]) == pytest.approx(-15)


def test_gains_report_and_zoo(runs: Path, tmp_path: Path) -> None:
    found = tables(xstilts("gains", runs / "a", runs / "b", "--latex", "-").stdout)
    by_language = found["PAWS-X, points gained by language"]
    assert by_language[0][:3] == ["Run", "en", "de"] and by_language[1][:3] == ["a (score)", "90.0", "70.0"]
    assert by_language[2][0] == "b" and by_language[2][1].startswith("$-$10.0 $\\pm$ ")
    done = xstilts(
        "report",
        runs / "a",
        runs / "b",
        XLMR,
        "-o",
        tmp_path / "r.html",
        "--latex",
        tmp_path / "r.tex",
        "--csv",
        tmp_path / "r.csv",
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "r.tex").read_text()
    assert set(found) < set(tables(text)) and "PAWS-X by language" in tables(text)
    assert {r["model"] for r in rows(tmp_path / "r.csv")} == {"a", "b", "XLM-R Large"}
    assert {r["run"] for r in rows(tmp_path / "r-gains.csv")} == {"b"} and "gains: " in done.stderr
    page = (tmp_path / "r.html").read_text()
    assert "94.7ᵖ" in page and "published in paper" in page and "everything else measured" in page
    zoo = xstilts("zoo", "show", "XLM-R Large", "-t", "pawsx", "--latex", "-", "--csv", tmp_path / "z.csv")
    (published,) = [
        line for line in tables(zoo.stdout)["XLM-R Large, XTREME, PAWS-X (base, zero-shot)"] if "paper" in line[1]
    ]
    assert published[:3] == ["acc", "paper", "94.7"] and published[-1] == "86.4"
    assert {r["family"] for r in rows(tmp_path / "z.csv")} == {"xtreme_pawsx"}


def test_a_report_may_begin_with_a_published_model_but_gains_need_samples(runs: Path, tmp_path: Path) -> None:
    done = xstilts("report", XLMR, runs / "a", runs / "b", "-o", tmp_path / "r.html")
    assert done.returncode == 0 and "b: gains over a" in done.stderr
    alone = xstilts("report", XLMR, runs / "a", "-o", tmp_path / "r.html")
    assert alone.returncode == 0 and "No gains: one run only" in (tmp_path / "r.html").read_text()
    refused = xstilts("report", runs / "a", XLMR, "--baseline", XLMR, "-o", tmp_path / "r.html")
    assert refused.returncode == 2 and "published scores have no samples" in refused.stderr


@pytest.mark.slow
def test_an_analysis_writes_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the whole zoo
    options = ("-t", "xnli", "--source", "xlmr_t1", "--setting", "zero-shot")
    files = ("--latex", "-", "--csv", tmp_path / "d.csv")
    done = xstilts("analyze", "distance", "--zoo", "XLM-R Large", *options, *files)
    assert done.returncode == 0, done.stderr
    assert {r["language"] for r in rows(tmp_path / "d.csv")} == set(family("xnli").languages) - {"en"}
    assert len(tables(done.stdout)) > 1


EVIL = {"=1+1": "'=1+1", "<script>alert(1)</script>": "<script>alert(1)</script>", r"\input{x}_&%": r"\input{x}_&%"}


@pytest.mark.parametrize("name", EVIL)
def test_a_hostile_name_is_text_in_every_output(name: str, runs: Path, tmp_path: Path) -> None:
    given = f"{name}={runs / 'a'}"
    if name.startswith("="):  # NAME=PATH cannot begin so; a folder can
        folder = tmp_path / name
        folder.symlink_to(runs / "a")
        given = str(folder)
    done = xstilts(
        "score",
        given,
        runs / "b",
        "--latex",
        tmp_path / "t.tex",
        "--csv",
        tmp_path / "t.csv",
        "--markdown",
        tmp_path / "t.md",
    )
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "t.csv")[0]["model"] == EVIL[name]
    assert r"\input{x}" not in (tmp_path / "t.tex").read_text().split(r"\begin{tabular}", 1)[1]
    assert "<script>" not in (tmp_path / "t.md").read_text().split("```")[0]
