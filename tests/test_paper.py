"""Tables for papers: what is bold, what is split, what hostile names become, and that TeX reads all of it."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.campaign.hostile import MARK, STRINGS
from xstilts_eval import paper
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.paper import Cell, Column, Rows, Table, Wanted
from xstilts_eval.tables import terminal_table

needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here: nothing is compiled")


def table_of(rows: Sequence[Sequence[Cell]], columns: int = 0, name: str = "Scores", **more: object) -> Table:
    count = columns or len(rows[0])
    titles = [Column("Model", is_text=True), *(Column(f"l{i}", "highest") for i in range(1, count))]
    return Table("t", name, tuple(titles), tuple(map(tuple, rows)), **more)  # type: ignore[arg-type]


def body(text: str) -> list[str]:
    """Lines between the rules of all tabulars, without commands of white space."""
    found: list[str] = []
    for part in re.findall(r"\\midrule\n(.*?)\\bottomrule", text, flags=re.S):
        found += [line for line in part.strip().split("\n") if line != r"\addlinespace"]
    return found


def test_the_best_is_bold_and_what_prints_alike_is_bold_alike() -> None:
    """79.24 and 79.16 print as 79.2; 71.5 is no rival; where all are alike none is; where lower wins the lowest."""
    rows = [
        [Cell(text="A"), Cell(79.24), Cell(70.0), Cell(60.0), Cell(3.0)],
        [Cell(text="B"), Cell(79.16), Cell(71.5, is_rival=False), Cell(60.04), Cell(2.0)],
        [Cell(text="C"), Cell(79.1), Cell(), Cell(60.0), Cell(4.0)],
    ]
    table = table_of(rows)
    table = Table("t", "Scores", (*table.columns[:4], Column("error", "lowest")), table.rows)
    assert body(paper.latex([table])) == [
        r"A & \textbf{79.2} & 70.0 & 60.0 & 3.0 \\",
        r"B & \textbf{79.2} & 71.5 & 60.0 & \textbf{2.0} \\",
        r"C & 79.1 & -- & 60.0 & 4.0 \\",
    ]
    shown = paper.markdown(table)
    assert shown[2:] == [
        "| A | **79.2** | 70.0 | 60.0 | 3.0 |",
        "| B | **79.2** | 71.5 | 60.0 | **2.0** |",
        "| C | 79.1 | – | 60.0 | 4.0 |",
    ]


def test_signs_intervals_and_marks() -> None:
    rows = [
        [Cell(text="A"), Cell(1.26, half_width=0.5, marks="*", is_signed=True), Cell(-0.04, is_signed=True)],
        [Cell(text="B"), Cell(-2.0, is_signed=True, marks="ᵖ†"), Cell(text="[-1.0, +2.0]")],
    ]
    assert body(paper.latex([table_of(rows)])) == [
        r"A & $\mathbf{+1.3}$ $\pm$ 0.5$^{*}$ & 0.0 \\",
        r"B & $-$2.0\textsuperscript{p}$^{\dagger}$ & {}[-1.0, +2.0] \\",
    ]
    assert r"\pm" not in paper.latex([table_of(rows)], with_intervals=False)
    assert rows[0][1].plain() == "+1.3* ±0.5" and rows[0][2].plain() == "0.0" and Cell().plain() == "–"


def wide(languages: int, models: int = 2) -> Table:
    return table_of(
        [[Cell(text=f"m{m}"), *(Cell(50.0 + i + m, half_width=1.0) for i in range(languages))] for m in range(models)]
    )


def test_a_table_too_wide_comes_in_even_parts_with_its_keys_and_that_is_said() -> None:
    table = wide(16)
    parts = re.findall(r"^Model & (.*?) \\\\$", paper.latex([table]), flags=re.M)
    counts = [len(part.split(" & ")) for part in parts]
    assert len(counts) > 1 and max(counts) - min(counts) <= 1
    assert " & ".join(parts) == " & ".join(f"l{i}" for i in range(1, 17)), "every column once, in order"
    first, hint = paper.cut([table])
    assert first.startswith("Scores: about ") and first.endswith(f"split into {len(counts)} tables")
    assert "--text-width" in hint and "345 points" in hint
    assert f"(part 1 of {len(counts)}" in paper.latex([table])
    assert paper.cut([table], text_width=2000) == [] and paper.latex([table], 2000).count(r"\toprule") == 1
    assert paper.latex([table], with_intervals=False).count(r"\toprule") < len(counts)


def test_one_column_beside_the_keys_at_least_and_long_tables_in_parts() -> None:
    assert paper.latex([wide(3)], text_width=50).count(r"\toprule") == 3
    long = wide(1, models=100)
    text = paper.latex([long])
    assert text.count(r"\toprule") == 3 and len(body(text)) == 100
    assert "100 rows long, split into 3 tables" in paper.cut([long])[0]


def test_what_is_best_is_decided_before_a_table_is_split() -> None:
    text = paper.latex([wide(1, models=100)])
    assert text.count(r"\textbf") == 1 and r"m99 & \textbf{149.0}" in text


def test_notes_stand_below_and_comments_once() -> None:
    tables = [table_of([[Cell(text="A"), Cell(1.0)]], notes=("5 % of it", "why?"), comments=("made by x",))] * 2
    text = paper.latex(tables)
    assert r"5 \% of it. why?" in text and text.count("% made by x") == 1


@pytest.mark.parametrize("name", STRINGS)
def test_hostile_names_are_text_in_tex_and_csv(name: str) -> None:
    table = table_of([[Cell(text=name), Cell(1.0)]], name=name, notes=(name,), comments=(name,))
    text = paper.latex([table])
    # What is left without our own commands obeys nothing: no command, no maths, no comment in the middle of a line.
    (row,) = body(text)
    plain = re.sub(r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater)\{\}|\\[&%$#_{}]", "", row)
    assert not re.search(r"[\\$%#~^]", plain.removesuffix(r" \\"))
    assert sum(MARK in line for line in text.splitlines() if line.startswith("% ")) == 2
    assert sum(MARK in line for line in text.splitlines()) == 4, "the comment, the caption, the cell and the note"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    (header, line) = list(csv.reader(io.StringIO(paper.csv_text(Rows("r", (name,), ((name,),))))))
    assert header == line and not line[0].lstrip().startswith(tuple("=+-@"))


def test_csv_keeps_numbers_in_full_and_negative_ones_are_numbers() -> None:
    rows = Rows("r", ("a", "b", "c", "d"), ((-0.1234567890123, None, True, "x,y\n"),))
    assert paper.csv_text(rows) == 'a,b,c,d\n-0.1234567890123,,True,"x,y "\n'


def test_tables_of_a_terminal_become_tables(tmp_path: Path) -> None:
    from rich.console import Group

    first = terminal_table(("language", "gain"), [("de", "-0.50"), ("fr", "–")])
    second = terminal_table(("term", "value"), [("x", "1,234")], title="fits")
    tables = paper.of_shown(Group("about it", "gains by language", first, "", "a note", Group("more"), second, "end"))
    assert [table.caption for table in tables] == ["gains by language", "fits"]
    assert tables[0].notes == ("about it", "a note", "more") and tables[1].notes == ("end",)
    assert body(paper.latex(tables)) == [r"de & $-$0.50 \\", r"fr & -- \\", r"x & 1,234 \\"]
    wanted = Wanted(csv=str(tmp_path / "t.csv"))
    wanted.write(lambda: tables, lambda: paper.rows_of(tables))
    assert (tmp_path / "t.csv").read_text() == "language,gain\nde,-0.5\nfr,\n"
    assert (tmp_path / "t-table-2.csv").read_text() == "term,value\nx,1234.0\n"


def test_what_is_asked_for_is_checked_first(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is a folder; give a file name"):
        Wanted(latex=str(tmp_path)).check()
    with pytest.raises(SettingError, match="'-' prints one file"):
        Wanted(latex="-", csv="-").check()
    with pytest.raises(SettingError, match="'-' prints one file"):
        Wanted(latex="-").check("-")
    with pytest.raises(UnknownName, match="did you mean languages"):
        paper.axis("language")


@needs_tex
def test_tex_reads_all_of_it_and_no_table_is_wider_than_the_text(tmp_path: Path) -> None:
    """Hostile names, marks, signs and splits compiled; TeX says of every line that is too wide how much it is."""
    tables = [wide(16), wide(9), wide(1, models=60), wide(4, models=3)]
    for name in (name for name in STRINGS if name.isascii()):
        row = [Cell(text=name[:20]), Cell(-1.0, marks="ᵖ†*≠~", is_signed=True)]
        tables.append(table_of([row], notes=(name[:60],), name=name))
    text = paper.latex(tables)
    start = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}\begin{document}"
    (tmp_path / "t.tex").write_text(f"{start}\n{text}\n\\end{{document}}\n")
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "-no-shell-escape", "t.tex"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "t.pdf").stat().st_size > 10_000
    wider = re.findall(r"Overfull .hbox .([0-9.]+)pt too wide. in paragraph at lines (\d+)", done.stdout)
    assert [found for found in wider if float(found[0]) > 1] == []
