"""Examples taken apart and put together again: labels and ids stay, offsets are right, nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.fakes import Fake
from xstilts_eval.data.examples import Answer, Choice, Pair, Question
from xstilts_eval.translation import projection, segments
from xstilts_eval.translation.projection import Dropped
from xstilts_eval.translation.segments import Translatable


def through(example: Translatable, speak: Callable[[str], str | None] = str.upper, longest: int = 200) -> Translatable:
    parts = segments.texts(example, Fake(longest=longest))
    found = {piece: speak(piece) for piece in segments.distinct([parts])}
    return segments.rebuilt(example, parts, found, " ")


def question(context: str, answer: str, start: int | None = None) -> Question:
    place = context.index(answer) if start is None else start
    return Question("q", context, "Who came? And when?", (Answer(answer, place),), "passage")


def reason(example: Translatable, speak: Callable[[str], str | None] = str.upper, longest: int = 200) -> str:
    with pytest.raises(Dropped) as caught:
        through(example, speak, longest)
    return str(caught.value)


SENTENCES = st.lists(
    st.lists(st.text(alphabet="abcd", min_size=1, max_size=5), min_size=1, max_size=6).map(
        lambda words: " ".join(words).capitalize() + "."
    ),
    min_size=1,
    max_size=5,
)


@given(SENTENCES, st.data(), st.sampled_from([200, 20]))
def test_answers_keep_their_place(sentences: list[str], data: st.DataObject, longest: int) -> None:
    """A translator that keeps the order of letters: the answer must be the translated English answer, where it was."""
    context = " ".join(sentences)
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    text = context[start:end]
    if not text.strip().strip("."):
        return
    example = question(context, text, start)
    try:
        found = through(example, longest=longest)
    except Dropped as why:
        assert str(why) == segments.TOO_LONG and longest < 200
        return
    assert isinstance(found, Question)
    assert found.context == context.upper()
    assert found.answers == (Answer(text.strip().upper(), start + len(text) - len(text.lstrip())),)
    assert (found.id, found.group) == ("q", "passage")


def test_the_right_one_of_two_equal_words_is_marked() -> None:
    context = "Rome is old. Rome is big. Rome is far."
    found = through(question(context, "Rome", 13), lambda piece: piece.replace("Rome", "Rom"))
    assert isinstance(found, Question)
    assert found.answers == (Answer("Rom", found.context.index("Rom is big")),)


def test_sentences_without_the_answer_are_shared_by_questions() -> None:
    context = "Ada came. Bob went. Eve stayed."
    sizes = Fake()
    parts = [segments.texts(question(context, name), sizes) for name in ("Ada", "Bob", "Eve")]
    pieces = segments.distinct(parts)
    assert len(pieces) == 2 + 3 + 3  # the question's two, three plain, three marked
    assert sum("[" in piece for piece in pieces) == 3


def test_unanswerable_questions_have_no_marks() -> None:
    found = through(Question("q", "See [1]. It rained.", "Why?", (), "p"))
    assert found == Question("q", "SEE [1]. IT RAINED.", "WHY?", (), "p")


def test_line_ends_stay_and_spaces_go_where_the_script_has_none() -> None:
    example = question("One came. Two went.\n\nThree stayed.", "Three")
    parts = segments.texts(example, Fake())
    found = {piece: piece.upper() for piece in segments.distinct([parts])}
    whole = segments.rebuilt(example, parts, found, "")
    assert isinstance(whole, Question)
    assert whole.context == "ONE CAME.TWO WENT.\n\nTHREE STAYED."
    assert whole.context.startswith("THREE", whole.answers[0].answer_start)


def test_pairs_and_choices_keep_labels() -> None:
    assert through(Pair("p", "It rains. It pours.", "It is wet.", 1)) == Pair(
        "p", "IT RAINS. IT POURS.", "IT IS WET.", 1
    )
    assert through(Choice("c", "He fell.", "cause", ("He ran.", "He sat."), 1)) == Choice(
        "c", "HE FELL.", "cause", ("HE RAN.", "HE SAT."), 1
    )


@pytest.mark.parametrize(
    "example, speak, longest, expected",
    [
        (Pair("p", "It rains.", " ", 0), str.upper, 200, segments.NO_TEXT),
        (Pair("p", "It rains.", "Wet.", 0), lambda piece: None, 200, segments.UNFINISHED),
        (Pair("p", "It rains.", "Wet.", 0), lambda piece: "  ", 200, segments.UNTRANSLATED),
        (Choice("c", "He fell.", "", ("He ran.", "He sat."), 0), lambda piece: "x", 200, segments.ALIKE),
        (Pair("p", "x" * 400, "Wet.", 0), str.upper, 0, segments.TOO_LONG),
        (question("a b c d e f g h i j k l m n", "b c d e f g h i j k l m"), str.upper, 5, segments.TOO_LONG),
        (question("Ada came.", "Ada"), lambda piece: piece.replace("[", ""), 200, projection.LOST),
        (question("Ada came.", "Ada"), lambda piece: "[][]", 200, projection.DOUBLED),
        (question("[Ada} came> home.", "Ada"), str.upper, 200, projection.TAKEN),
        (question("Ada came.", "Bob", 2), str.upper, 200, segments.NOT_THERE),
        (question("Ada  came.", " ", 3), str.upper, 200, segments.NOT_THERE),
    ],
)
def test_reasons(example: Translatable, speak: Callable[[str], str | None], longest: int, expected: str) -> None:
    assert reason(example, speak, longest) == expected


def test_wrong_options_that_fall_together_are_harmless() -> None:
    example = Choice("c", "He fell.", "", ("He ran.", "She ran.", "It sat."), 2)
    found = through(example, lambda piece: piece.replace("He ran", "X").replace("She ran", "X"))
    assert isinstance(found, Choice) and found.choices == ("X.", "X.", "It sat.")


def test_long_sentences_are_cut_outside_the_answer() -> None:
    context = " ".join(f"w{number}" for number in range(60)) + "."
    answer = "w30 w31 w32"
    parts = segments.texts(question(context, answer), Fake(longest=8))
    pieces = parts[1].pieces
    assert len(pieces) > 7 and all(len(piece.split()) <= 8 for piece in pieces)
    assert sum(f"[{answer}]" in piece for piece in pieces) == 1
    found = through(question(context, answer), longest=8)
    assert isinstance(found, Question) and found.context == context.upper()
