"""Canonical documents: what readers produce and everything after them consumes, whatever the source.

One frozen dataclass per kind of task. `document` turns an example into the plain dictionary that the host stores
as `doc` (fields of the example plus `family` and `language`).
"""

from dataclasses import dataclass
from typing import Any, TypedDict, overload


@dataclass(frozen=True)
class Pair:
    """Two sentences and a class (xnli, pawsx); `label` is an index into the family's label list."""

    id: str
    premise: str
    hypothesis: str
    label: int


@dataclass(frozen=True)
class LabelledText:
    """One text and its class; `label` is an index into the dataset's label list."""

    id: str
    text: str
    label: int


@dataclass(frozen=True)
class Tagged:
    """A sentence of words with one tag name each (udpos, panx); `tokens` and `tags` have equal length."""

    id: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A gold answer; `answer_start` counts characters (code points) of the context."""

    text: str
    answer_start: int


@dataclass(frozen=True)
class Question:
    """A question about a passage (xquad, mlqa, tydiqa); `group` is the unit of independence: the passage."""

    id: str
    context: str
    question: str
    answers: tuple[Answer, ...]
    group: str


@dataclass(frozen=True)
class Choice:
    """A text and the options to go on with (xcopa, the multiple-choice intermediate tasks).

    `premise` is the whole first segment but for `question`, which XCOPA gives as ``cause`` or ``effect`` and which is
    empty elsewhere; `label` is the place of the right one among `choices`.
    """

    id: str
    premise: str
    question: str
    choices: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class Bitext:
    """One line of a parallel file (tatoeba): `source` is the foreign sentence, `target` the English one."""

    id: str
    source: str
    target: str


@dataclass(frozen=True)
class Corpus:
    """Two monolingual sides and the gold pairs between them (bucc2018).

    `source` (foreign) and `target` (English) map sentence ids to texts in file order;
    `gold` holds (source id, target id).
    """

    id: str
    source: dict[str, str]
    target: dict[str, str]
    gold: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Query:
    """Something to be found among candidates (lareqa, mewslix); `group` is the unit of independence.

    `correct` holds the ids of the right candidates.
    """

    id: str
    query: str
    correct: tuple[str, ...]
    group: str


@dataclass(frozen=True)
class Match:
    """A query and the text it is to find, for training dual encoders (lareqa, mewslix); `group` is the passage."""

    id: str
    query: str
    candidate: str
    group: str


@dataclass(frozen=True)
class Candidate:
    """One text of a pool that queries of all languages share."""

    id: str
    text: str


@dataclass(frozen=True)
class Translation:
    """One line of FLORES-200 in two languages, named by their codes there; `group` is the article it comes from."""

    id: str
    source: str
    target: str
    source_language: str
    target_language: str
    group: str


Example = Pair | LabelledText | Tagged | Question | Choice | Bitext | Corpus | Query | Match | Translation


# --- documents: examples as the host stores them, with the dataset that says their words and the language


class Document(TypedDict):
    """What every document has; `family` names the dataset."""

    id: str
    family: str
    language: str


class PairDocument(Document):
    premise: str
    hypothesis: str
    label: int


class TextDocument(Document):
    text: str
    label: int


class TaggedDocument(Document):
    tokens: list[str]
    tags: list[str]


class AnswerDocument(TypedDict):
    text: str
    answer_start: int


class AskedDocument(TypedDict):
    """What a question needs to be answered."""

    id: str
    context: str
    question: str


class QuestionDocument(Document):
    context: str
    question: str
    answers: list[AnswerDocument]
    group: str


class ChoiceDocument(Document):
    premise: str
    question: str
    choices: list[str]
    label: int


class BitextDocument(Document):
    """`gold` is the line of the translation in the foreign file."""

    source: str
    target: str
    gold: int


class QueryDocument(Document):
    query: str
    correct: list[str]
    group: str


class MatchDocument(Document):
    query: str
    candidate: str
    group: str


class TranslationDocument(Document):
    source: str
    target: str
    source_language: str
    target_language: str
    group: str


class LineDocument(TranslationDocument):
    """A line whose translation is to be found among the others; `gold` is its number."""

    gold: int


class ShardDocument(Document):
    """A part of the foreign side of a corpus that is mined: sentences [`source_from`, `source_to`) of so many."""

    source_from: int
    source_to: int
    source_sentences: int
    target_sentences: int


@overload
def document(example: Pair, family: str, language: str) -> PairDocument: ...
@overload
def document(example: LabelledText, family: str, language: str) -> TextDocument: ...
@overload
def document(example: Tagged, family: str, language: str) -> TaggedDocument: ...
@overload
def document(example: Question, family: str, language: str) -> QuestionDocument: ...
@overload
def document(example: Choice, family: str, language: str) -> ChoiceDocument: ...
@overload
def document(example: Query, family: str, language: str) -> QueryDocument: ...
@overload
def document(example: Match, family: str, language: str) -> MatchDocument: ...
@overload
def document(example: Translation, family: str, language: str) -> TranslationDocument: ...
@overload
def document(example: Example, family: str, language: str) -> Document: ...


def document(example: Example, family: str, language: str) -> Any:
    """The example as a plain dictionary with `family` and `language`; tuples become lists."""
    fields = dict(vars(example))  # `asdict` copies deeply and takes three times as long
    for name, value in fields.items():
        if isinstance(value, tuple):
            fields[name] = [dict(vars(item)) if isinstance(item, Answer) else item for item in value]
    return fields | {"family": family, "language": language}
