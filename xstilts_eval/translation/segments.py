"""Examples taken apart into pieces that are translated, and put together again in the other language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from xstilts_eval.data.examples import Answer, Choice, Pair, Question
from xstilts_eval.translation.projection import Dropped, Marks, free_marks, mark, unmark
from xstilts_eval.translation.sentences import Piece, Span, fitting, sentences

Translatable = Pair | Choice | Question
Found = Mapping[str, str | None]
"""Translation by piece; None where the model did not come to an end."""

NO_TEXT, TOO_LONG, UNFINISHED = "empty text", "too long for the model", "translation unfinished"
UNTRANSLATED, ALIKE = "translation empty", "right option equals another"
NOT_THERE = "answer not in context"


class Sizes(Protocol):
    """What cutting needs to know of a translation model: the longest input, and the length of one, in tokens."""

    @property
    def longest(self) -> int: ...
    def length(self, text: str) -> int: ...


@dataclass(frozen=True)
class Text:
    """One text as pieces [n] with the gaps before each [n]; piece number `marked` holds the answer in `marks`."""

    pieces: tuple[str, ...]
    gaps: tuple[str, ...]
    marked: int = -1
    marks: Marks | None = None


def cut(text: str, sizes: Sizes, answer: Span | None = None) -> Text:
    """Cut into sentences, the answer's marked and never cut; raises `Dropped`."""
    if not text.strip():
        raise Dropped(NO_TEXT)
    if answer is not None:
        answer = _stripped(text, answer)

    def written(text: str, piece: Piece) -> str:
        found = text[piece.start : piece.end]
        if answer is None or not piece.start <= answer[0] < piece.end:
            return found
        return mark(found, answer[0] - piece.start, answer[1] - piece.start, free_marks(found))

    def fits(text: str, piece: Piece) -> bool:
        return _fits(written(text, piece), sizes)

    parts = [part for whole in sentences(text, answer) for part in fitting(text, whole, fits, answer)]
    pieces = tuple(written(text, part) for part in parts)
    if not all(_fits(piece, sizes) for piece in pieces):
        raise Dropped(TOO_LONG)
    gaps = tuple(part.gap for part in parts)
    if answer is None:
        return Text(pieces, gaps)
    marked = next(number for number, part in enumerate(parts) if part.start <= answer[0] < part.end)
    return Text(pieces, gaps, marked, free_marks(text[parts[marked].start : parts[marked].end]))


_SPECIAL = 8
"""More special tokens than any tokenizer puts around a text."""


def _fits(piece: str, sizes: Sizes) -> bool:
    # Sub-words are at least a byte long, so that short pieces need no tokenizer here. Where its normaliser makes a text
    # longer than it was, the translator gives none back.
    return len(piece.encode()) + _SPECIAL <= sizes.longest or sizes.length(piece) <= sizes.longest


def _stripped(text: str, span: Span) -> Span:
    inner = text[span[0] : span[1]]
    if not inner.strip():
        raise Dropped(NOT_THERE)
    return span[0] + len(inner) - len(inner.lstrip()), span[1] - len(inner) + len(inner.rstrip())


def joined(text: Text, found: Found, space: str) -> tuple[str, Answer | None]:
    """The translated text and the answer in it; `space` separates sentences of one line. Raises `Dropped`."""
    whole, answer = "", None
    for number, (piece, gap) in enumerate(zip(text.pieces, text.gaps, strict=True)):
        translation = found[piece]
        if translation is None:
            raise Dropped(UNFINISHED)
        translation = translation.strip()
        whole += space if gap == " " else gap
        if text.marks is not None and number == text.marked:
            projected = unmark(translation, text.marks)
            translation = projected.text
            answer = Answer(projected.answer, len(whole) + projected.start)
        elif not translation:
            raise Dropped(UNTRANSLATED)
        whole += translation
    return whole, answer


def texts(example: Translatable, sizes: Sizes) -> tuple[Text, ...]:
    """What of an example is translated, in a fixed order; raises `Dropped`.

    Of several answers of a question the first is kept: one pair of marks fits into a sentence.
    """
    if isinstance(example, Pair):
        return cut(example.premise, sizes), cut(example.hypothesis, sizes)
    if isinstance(example, Choice):
        return cut(example.premise, sizes), *(cut(choice, sizes) for choice in example.choices)
    question = cut(example.question, sizes)
    if not example.answers:  # a question that the context does not answer
        return question, cut(example.context, sizes)
    first = example.answers[0]
    span = first.answer_start, first.answer_start + len(first.text)
    if not first.text or example.context[slice(*span)] != first.text:
        raise Dropped(NOT_THERE)
    return question, cut(example.context, sizes, span)


def rebuilt(example: Translatable, parts: tuple[Text, ...], found: Found, space: str) -> Translatable:
    """The example in the other language: same id, label and group; raises `Dropped`."""
    whole = [joined(part, found, space) for part in parts]
    if isinstance(example, Pair):
        return replace(example, premise=whole[0][0], hypothesis=whole[1][0])
    if isinstance(example, Choice):
        choices = tuple(text for text, _ in whole[1:])
        if choices.count(choices[example.label]) > example.choices.count(example.choices[example.label]):
            raise Dropped(ALIKE)
        return replace(example, premise=whole[0][0], choices=choices)
    context, answer = whole[1]
    return replace(example, question=whole[0][0], context=context, answers=(answer,) if answer else ())


def distinct(parts: list[tuple[Text, ...]]) -> list[str]:
    """Every piece once, in order of first occurrence."""
    return list(dict.fromkeys(piece for texts in parts for text in texts for piece in text.pieces))
