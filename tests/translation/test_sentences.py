"""Cutting English text: every character stays, answers stay whole, abbreviations do not end sentences."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts_eval.translation.sentences import Piece, fitting, halves, sentences

TEXTS = st.text(alphabet="abAB12 .!?,;:\"'()[]\n\u2028", max_size=120)


def cut(text: str, keep: tuple[int, int] | None = None) -> list[str]:
    return [text[piece.start : piece.end] for piece in sentences(text, keep)]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("It rained. We left.", ["It rained.", "We left."]),
        (
            '"Stop!" He ran. (It was late.) Then 3 came?  Yes',
            ['"Stop!"', "He ran.", "(It was late.)", "Then 3 came?", "Yes"],
        ),
        (
            "Dr. Smith met J. Doe of the U.S. Army, e.g. Mondays.",
            ["Dr. Smith met J. Doe of the U.S. Army, e.g. Mondays."],
        ),
        ("version 2.5 is out. it is lower case", ["version 2.5 is out. it is lower case"]),
        ("one line\nanother line\n\nThird. Fourth", ["one line", "another line", "Third.", "Fourth"]),
        ("Wait... What?", ["Wait...", "What?"]),
        ("  padded. Text  ", ["padded.", "Text"]),
        ("   ", []),
    ],
)
def test_boundaries(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_line_ends_are_kept_as_gaps() -> None:
    assert [piece.gap for piece in sentences("It is. So Mr.\n\n Bell sat.")] == ["", " ", "\n\n"]


def test_an_answer_over_a_boundary_keeps_it_together() -> None:
    text = "He said it. She left. They stayed."
    start = text.index("it. She")
    assert cut(text, (start, start + len("it. She"))) == ["He said it. She left.", "They stayed."]
    assert cut(text, (text.index("it."), text.index("it.") + 3)) == ["He said it.", "She left.", "They stayed."]


@given(TEXTS, st.data())
def test_nothing_but_white_space_between_pieces_is_lost(text: str, data: st.DataObject) -> None:
    keep = None
    if text.strip():
        first = data.draw(st.integers(0, len(text) - 1))
        keep = (first, data.draw(st.integers(first + 1, len(text))))
        if not text[slice(*keep)].strip() or text[slice(*keep)] != text[slice(*keep)].strip():
            keep = None
    pieces = sentences(text, keep)
    position = 0
    for piece in pieces:
        assert not text[position : piece.start].strip() and piece.start >= position
        assert piece.end > piece.start
        assert text[piece.start : piece.end] == text[piece.start : piece.end].strip()
        position = piece.end
    assert not text[position:].strip()
    if keep:
        assert sum(piece.start <= keep[0] and keep[1] <= piece.end for piece in pieces) == 1


@given(TEXTS, st.integers(1, 40))
def test_long_sentences_are_halved_until_they_fit(text: str, longest: int) -> None:
    def fits(text: str, piece: Piece) -> bool:
        return piece.end - piece.start <= longest

    for whole in sentences(text):
        parts = fitting(text, whole, fits)
        assert (parts[0].start, parts[-1].end, parts[0].gap) == (whole.start, whole.end, whole.gap)
        for one, other in pairwise(parts):
            assert one.end < other.start and not text[one.end : other.start].strip()
        for part in parts:  # what is still too long is one word
            assert fits(text, part) or len(text[part.start : part.end].split()) == 1


def test_halves_prefer_a_clause_and_spare_the_answer() -> None:
    text = "aa bb cc, dd ee ff gg"
    whole = Piece(0, len(text), "")
    one, other = halves(text, whole) or (whole, whole)
    assert (text[one.start : one.end], text[other.start : other.end]) == ("aa bb cc,", "dd ee ff gg")
    one, other = halves(text, whole, keep=(6, 18)) or (whole, whole)  # "cc, dd ee ff"
    assert text[one.start : one.end] in ("aa bb", "aa bb cc, dd ee ff")
    assert halves("one", Piece(0, 3, "")) is None
    assert halves("one two", Piece(0, 7, ""), keep=(0, 7)) is None
