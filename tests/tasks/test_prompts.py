"""Zero-shot prompts: the words belong to the labels, in every language."""

from dataclasses import replace
from typing import Any

import pytest

from xstilts_eval import suites
from xstilts_eval.benchmark import family
from xstilts_eval.errors import UnknownName
from xstilts_eval.tasks import prompts

PAIR: Any = {"premise": "P.", "hypothesis": "H."}


def test_english_choices_read_as_published() -> None:
    """XGLM's cloze in lm-evaluation-harness 0.4.13; order of the family's labels."""
    assert prompts.xnli_choices(PAIR | {"family": "xnli", "language": "en"}) == [
        "P., right? No, H.",
        "P., right? Yes, H.",
        "P., right? Also, H.",
    ]
    assert prompts.pawsx_choices(PAIR | {"family": "pawsx", "language": "en"}) == [
        "P., right? No, H.",
        "P., right? Yes, H.",
    ]


@pytest.mark.parametrize("language", family("pawsx").languages)
def test_label_1_is_the_affirmative_word(language: str) -> None:
    """lm-evaluation-harness had PAWS-X reversed until its pull request 2434."""
    affirmative = {"de": "Ja", "en": "Yes", "es": "Sí", "fr": "Oui", "ja": "はい", "ko": "예", "zh": "是"}
    assert f"? {affirmative[language]}, " in prompts.pawsx_choices(PAIR | {"family": "pawsx", "language": language})[1]


@pytest.mark.parametrize("language", family("xnli").languages)
def test_three_different_choices_in_every_language(language: str) -> None:
    assert len(set(prompts.xnli_choices(PAIR | {"family": "xnli", "language": language}))) == 3


@pytest.mark.parametrize("name", ["xquad", "tydiqa"])
def test_questions_have_words_in_every_language(name: str) -> None:
    for language in family(name).languages:
        doc: Any = {"family": name, "language": language, "context": "C", "question": "Q"}
        text = prompts.question_text(doc)
        assert "C\n\n" in text and text.endswith(":")


def test_tagged_line() -> None:
    doc: Any = {"tokens": ["Anna", "_", "lives"], "tags": ["PROPN", "PUNCT", "VERB"]}
    assert prompts.tagging_text(doc) == "C: Anna _ lives\nT:"
    assert prompts.tagged_line(doc) == "Anna_PROPN __PUNCT lives_VERB"


def test_a_language_without_words_is_refused() -> None:
    """Romanian is XTREME-R's; MLQA asks in English whatever the language."""
    question: Any = {"language": "ro", "context": "C", "question": "Q"}
    with pytest.raises(UnknownName, match="unknown language of this prompt 'ro'"):
        prompts.xnli_choices(PAIR | {"family": "xnli", "language": "ro"})
    assert prompts.mlqa_text(question | {"family": "mlqa"}) == "Context: C\n\nQuestion: Q\n\nAnswer:"


def test_a_dataset_with_other_words_and_a_known_name_says_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    english = {"en": ("correct", "True", "Neither", "False")}
    xnli = family("xnli")
    mine = replace(xnli, suite="mine", languages=("en",), prompt=replace(xnli.prompt, words=english))
    monkeypatch.setitem(suites.DATASETS, mine.group, mine)
    assert suites.name_in_documents(mine) == "mine_xnli"
    assert suites.name_in_documents(family("xtremer_xnli")) == suites.name_in_documents(family("xnli")) == "xnli"
    doc = PAIR | {"family": "mine_xnli", "language": "en"}
    assert prompts.xnli_choices(doc) == ["P., correct? False, H.", "P., correct? True, H.", "P., correct? Neither, H."]
