"""Tables of the terminal: whatever its width, every number is there whole."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from xstilts_eval.tables import terminal_table


def lines(width: int, header: list[str], rows: list[list[str]], keys: int = 1, title: str | None = None) -> list[str]:
    output = io.StringIO()
    Console(width=width, file=output).print(terminal_table(header, rows, title, keys))
    return output.getvalue().splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.replace("┃", "│").split("│")]


def test_a_table_that_fits_is_one() -> None:
    header, rows = ["language", "XNLI", "PAWS-X"], [["en", "89.1 ±0.9", "–"], ["sw", "73.9 ±1.2", "94.7 ±1.0"]]
    shown = lines(33, header, rows, title="points")
    assert shown[0].strip() == "points"
    assert [cells(line) for line in shown[1:] if "━" not in line] == [header, *rows]


def test_a_wider_one_comes_in_parts_with_its_keys() -> None:
    header = ["family", "language", "XLM-R Large", "mT5-XXL", "mBERT"]
    rows = [["XNLI", "en", "89.1", "91.5", "82.1"], ["XNLI", "sw", "73.9", "79.8", "50.4"]]
    parts = "\n".join(lines(42, header, rows, keys=2)).split("\n\n")
    assert [[cells(line) for line in part.splitlines() if "━" not in line] for part in parts] == [
        [["family", "language", "XLM-R Large", "mT5-XXL"], ["XNLI", "en", "89.1", "91.5"],
         ["XNLI", "sw", "73.9", "79.8"]],
        [["family", "language", "mBERT"], ["XNLI", "en", "82.1"], ["XNLI", "sw", "50.4"]],
    ]  # fmt: skip


@given(
    st.integers(20, 160),
    st.lists(st.lists(st.floats(-100, 100).map(lambda v: f"{v:+.1f} ±{abs(v):.1f}"), min_size=6, max_size=6),
             min_size=1, max_size=4),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_no_number_is_ever_cut(width: int, numbers: list[list[str]]) -> None:
    header = ["language", *(f"run {i}" for i in range(6))]
    shown = lines(width + 12, header, [[f"l{i}", *row] for i, row in enumerate(numbers)])
    for place, row in enumerate(numbers):
        found = [cell for line in shown if cells(line)[0] == f"l{place}" for cell in cells(line)[1:]]
        assert found == row
    assert max(len(line) for line in shown) <= width + 12


def test_running_text_wraps_before_a_table_is_parted() -> None:
    note = "scored on the dev split, whose items are not those of the test split"
    shown = lines(60, ["family", "score", "note"], [["XNLI", "33.3", note]])
    assert sum("score" in line for line in shown[:1]) == 1 and not any(line == "" for line in shown)
    assert " ".join(cells(line)[2] for line in shown[2:]) == note


@pytest.mark.parametrize("text", ["[red]x[/]", "[/]", "a[0]"])
def test_brackets_are_text_and_no_markup(text: str) -> None:
    shown = lines(80, ["model", text], [[text, text]])
    assert cells(shown[-1]) == [text, text] and cells(shown[0])[1] == text
