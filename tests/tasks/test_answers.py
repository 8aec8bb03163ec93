"""What can be read out of generated text, by hand-written examples, and what is counted as unread."""

from typing import Any

import pytest

from xstilts_eval.benchmark import PANX_TAGS, UPOS
from xstilts_eval.datasets.udpos import NO_CHUNK
from xstilts_eval.tasks import scoring
from xstilts_eval.tasks.answers import may_be_extracted, read_tags

WORDS = ["dog", "barks", "."]


@pytest.mark.parametrize(
    ("response", "tags", "parsed"),
    [
        ("NOUN VERB PUNCT", ["NOUN", "VERB", "PUNCT"], True),
        ("dog_NOUN barks_VERB ._PUNCT", ["NOUN", "VERB", "PUNCT"], True),
        ("dog_noun barks_verb ._punct", ["NOUN", "VERB", "PUNCT"], True),
        ("_ O NOUN", ["_", "O", "NOUN"], True),
        ("NOUN VERB", ["NOUN", "VERB", "X"], False),
        ("NOUN VERB PUNCT NOUN", ["NOUN", "VERB", "PUNCT"], False),
        ("dog_NOUN barks_BANANA ._PUNCT", ["NOUN", "X", "PUNCT"], False),
        ("", ["X", "X", "X"], False),
        ("I cannot do that.", ["X", "X", "X"], False),
        # One word left out, one too many, one spelled differently: the others keep their tags.
        ("dog_NOUN ._PUNCT", ["NOUN", "X", "PUNCT"], False),
        ("the_DET dog_NOUN barks_VERB ._PUNCT", ["NOUN", "VERB", "PUNCT"], False),
        ("dog_NOUN barked_VERB ._PUNCT", ["NOUN", "VERB", "PUNCT"], True),
        ("dog_NOUN barks_VERB ._PUNCT and so on", ["NOUN", "VERB", "PUNCT"], False),
    ],
)
def test_tags_are_read_or_counted_as_unread(response: str, tags: list[str], parsed: bool) -> None:
    assert read_tags(response, WORDS, (*UPOS, *NO_CHUNK), "X") == (tags, parsed)


def test_words_may_hold_blanks_and_underscores() -> None:
    """Vietnamese words of Universal Dependencies hold blanks; file names hold underscores."""
    words = ["sinh viên", "mở", "a_b.txt", "_"]
    response = "sinh viên_NOUN mở_VERB a_b.txt_PROPN __PUNCT"
    assert read_tags(response, words, UPOS, "X") == (["NOUN", "VERB", "PROPN", "PUNCT"], True)


def test_a_word_left_out_does_not_shift_the_rest() -> None:
    words = ["Anna", "Lind", "lives", "in", "Oslo", "and", "Oslo", "likes", "her"]
    response = "Anna_B-PER lives_O in_O Oslo_B-LOC and_O Oslo_B-LOC likes_O her_O"
    tags, parsed = read_tags(response, words, PANX_TAGS, "O")
    assert tags == ["B-PER", "O", "O", "O", "B-LOC", "O", "B-LOC", "O", "O"] and not parsed


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("a red house", True),
        ("Red.", True),
        ("", False),
        (" ?! ", False),
        ("un edificio", False),
        ("北", False),
    ],
)
def test_an_answer_shares_a_word_with_its_passage_or_is_counted(answer: str, expected: bool) -> None:
    assert may_be_extracted(answer, "They live in a red house by the sea.") is expected


def test_scripts_without_blanks_need_no_word_borders() -> None:
    assert may_be_extracted("北京", "他住在北京市。")
    assert not may_be_extracted("Beijing", "他住在北京市。")


def test_unreadable_answers_are_scored_and_counted() -> None:
    answers = [{"text": "red", "answer_start": 15}]
    doc: Any = {"id": "1", "group": "1", "language": "en", "context": "They live in a red house.", "answers": answers}
    assert scoring.squad(doc, ["blau"]) | {"f1_ci95": 0, "exact_match_ci95": 0} == {
        "f1": 0.0, "exact_match": 0.0, "unparsed": 1, "f1_ci95": 0, "exact_match_ci95": 0,
    }  # fmt: skip
    assert scoring.squad(doc, ["red"])["unparsed"] == 0
