"""Zero-shot prompts: the words belong to the labels, in every language."""

import pytest

from xstilts_eval.benchmark import family
from xstilts_eval.tasks import prompts

PAIR = {"premise": "P.", "hypothesis": "H."}


def test_english_choices_read_as_published() -> None:
    """XGLM's cloze in lm-evaluation-harness 0.4.13; order of the family's labels."""
    assert prompts.xnli_choices(PAIR | {"language": "en"}) == [
        "P., right? No, H.",
        "P., right? Yes, H.",
        "P., right? Also, H.",
    ]
    assert prompts.pawsx_choices(PAIR | {"language": "en"}) == ["P., right? No, H.", "P., right? Yes, H."]


@pytest.mark.parametrize("language", family("pawsx").languages)
def test_label_1_is_the_affirmative_word(language: str) -> None:
    """lm-evaluation-harness had PAWS-X reversed until its pull request 2434."""
    affirmative = {"de": "Ja", "en": "Yes", "es": "Sí", "fr": "Oui", "ja": "はい", "ko": "예", "zh": "是"}
    assert f"? {affirmative[language]}, " in prompts.pawsx_choices(PAIR | {"language": language})[1]


@pytest.mark.parametrize("language", family("xnli").languages)
def test_three_different_choices_in_every_language(language: str) -> None:
    assert len(set(prompts.xnli_choices(PAIR | {"language": language}))) == 3


@pytest.mark.parametrize("name", ["xquad", "tydiqa"])
def test_questions_have_words_in_every_language(name: str) -> None:
    for language in family(name).languages:
        text = prompts.question_text({"language": language, "context": "C", "question": "Q"})
        assert "C\n\n" in text and text.endswith(":")


def test_tagged_line() -> None:
    doc = {"tokens": ["Anna", "_", "lives"], "tags": ["PROPN", "PUNCT", "VERB"]}
    assert prompts.tagging_text(doc) == "C: Anna _ lives\nT:"
    assert prompts.tagged_line(doc) == "Anna_PROPN __PUNCT lives_VERB"
