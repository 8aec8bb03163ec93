"""One way to write counts and p-values, and no second one anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xstilts_eval.wording import counted, p_value

PACKAGE = Path(__file__).resolve().parents[1] / "xstilts_eval"


@pytest.mark.parametrize(
    ("p", "written"),
    [(None, "–"), (1.0, "1.000"), (0.0124, "0.012"), (0.001, "0.001"), (0.00099, "< 0.001"), (0.0, "< 0.001")],
)
def test_p_values_never_round_to_nothing(p: float | None, written: str) -> None:
    assert p_value(p) == written


@pytest.mark.parametrize(
    ("number", "written"), [(0, "0 leaves"), (1, "1 leaf"), (2, "2 leaves"), (1234, "1,234 leaves")]
)
def test_counts_agree_with_their_noun(number: int, written: str) -> None:
    assert counted(number, "leaf", "leaves") == written
    assert counted(number, "problem").endswith("problem" if number == 1 else "problems")


def test_no_table_or_sentence_formats_a_p_value_by_itself() -> None:
    """``{…p:.3f}`` in a format string would write 0.000; such a thing once stood in six places."""
    own = re.compile(r"\{[^{}]*\bp(_holm|_value)?:\.\df\}|\{[^{}]*(adjusted|permutation)_p:\.\df\}|<\.0\d*1")
    found = [
        f"{path.relative_to(PACKAGE)}: {match[0]}"
        for path in PACKAGE.rglob("*.py")
        if path.name != "wording.py"
        for match in own.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
