"""Answer spans by marking: what comes back is right, or is dropped under its reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts_eval.translation import projection
from xstilts_eval.translation.projection import MARKS, Dropped, free_marks, mark, unmark

WORDS = st.lists(st.text(alphabet="abcé水ไम्", min_size=1, max_size=6).filter(str.isalnum), min_size=1, max_size=12)


@given(WORDS, st.data(), st.sampled_from(MARKS))
def test_marks_go_in_and_out(words: list[str], data: st.DataObject, marks: projection.Marks) -> None:
    text = " ".join(words)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    if not text[start:end].strip():
        return
    found = unmark(mark(text, start, end, marks), marks)
    assert found.answer == text[start:end].strip()
    assert found.text[found.start : found.start + len(found.answer)] == found.answer
    assert found.text == text


@given(WORDS, st.data())
def test_a_reordering_translator_moves_the_answer(words: list[str], data: st.DataObject) -> None:
    """Words are translated one by one and the sentence turned round, marks and spaces as real models leave them."""
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    inner = data.draw(st.sampled_from(["", " "]))
    form = data.draw(st.sampled_from(list(zip(MARKS[0].opening, MARKS[0].closing, strict=True))))
    foreign = [f"{word.upper()}x" for word in words]
    answer = " ".join(reversed(foreign[first : last + 1]))
    parts = [*reversed(foreign[last + 1 :]), f"{form[0]}{inner}{answer}{inner}{form[1]}", *reversed(foreign[:first])]
    found = unmark(" ".join(parts), MARKS[0])
    assert found.answer == answer
    assert found.text == " ".join(reversed(foreign))
    assert found.text.split()[: len(words) - 1 - last] == foreign[:last:-1]
    assert found.start == len("".join(f"{word} " for word in reversed(foreign[last + 1 :])))


@pytest.mark.parametrize(
    "translation, reason",
    [
        ("no marks at all", projection.LOST),
        ("only [ one", projection.LOST),
        ("only ] one", projection.LOST),
        ("[a] and [b]", projection.DOUBLED),
        ("[[nested]]", projection.DOUBLED),
        ("[a [b]", projection.DOUBLED),
        ("]turned[ round", projection.REVERSED),
        ("empty [] here", projection.EMPTY),
        ("only [ . ] signs", projection.EMPTY),
        ("", projection.LOST),
    ],
)
def test_broken_marks_are_named(translation: str, reason: str) -> None:
    with pytest.raises(Dropped) as caught:
        unmark(translation, MARKS[0])
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "translation, text, answer",
    [
        ("der [ Hund ] , der bellt", "der Hund , der bellt", "Hund"),
        ("我[苹果]吃", "我苹果吃", "苹果"),
        ("我［ 苹果 ］吃", "我 苹果 吃", "苹果"),
        ("in[ Rom ].", "in Rom.", "Rom"),
        ("  [Rom]  ", "Rom", "Rom"),
        ("([Rom])", "(Rom)", "Rom"),
    ],
)
def test_white_space_around_marks(translation: str, text: str, answer: str) -> None:
    found = unmark(translation, MARKS[0])
    assert (found.text, found.answer) == (text, answer)
    assert found.text.startswith(answer, found.start)


def test_marks_in_the_text_are_avoided() -> None:
    assert free_marks("plain") is MARKS[0]
    assert free_marks("see [1]") is MARKS[1]
    assert free_marks("see ］ and {") is MARKS[2]
    with pytest.raises(Dropped, match=projection.TAKEN):
        free_marks("[ } >")
