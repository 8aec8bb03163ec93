"""Prompts in English for datasets whose languages have no words of their own here: topics and reading.

Labels are asked for in English in every language, as lm-evaluation-harness 0.4.13 does. `topic_text` has a wording of
its own (the five of `tasks/afrobench/sib` are other ones), so numbers of those tasks and of these differ; reading is
asked as in `tasks/belebele`.
"""

from __future__ import annotations

from xstilts_eval.data.examples import ChoiceDocument, Document, TextDocument
from xstilts_eval.suites import dataset

LETTERS = "ABCD"


def topic_text(doc: TextDocument) -> str:
    """The text on a line of its own, and the word that a topic follows."""
    return f"{doc['text']}\nTopic:"


def topics(doc: Document) -> list[str]:
    """The names of the classes, in the order of the labels."""
    return list(dataset(doc["family"]).labels)


def reading_text(doc: ChoiceDocument) -> str:
    """Passage, question and lettered options, and the word that a letter follows."""
    passage, _, question = doc["premise"].rpartition("\n")
    options = "".join(f"{letter}: {option}\n" for letter, option in zip(LETTERS, doc["choices"], strict=False))
    return f"P: {passage}\nQ: {question}\n{options}Answer:"


def reading_choices(doc: ChoiceDocument) -> list[str]:
    """The letters of the options."""
    return list(LETTERS[: len(doc["choices"])])
