"""Answer spans carried over by marking: brackets around the answer go through the translation with it.

Square brackets survive translation better than tags or quotation marks (Chen et al. 2023, arXiv:2211.15613, recalled,
unverified here). What comes back is checked; nothing is guessed where the marks are gone.
"""

from __future__ import annotations

from dataclasses import dataclass


class Dropped(Exception):
    """An example that cannot be translated; its text is the reason under which it is counted."""


LOST, DOUBLED, REVERSED = "marks lost", "marks doubled", "marks reversed"
EMPTY, TAKEN = "projected answer empty", "no free marks"


@dataclass(frozen=True)
class Marks:
    """One pair of marks, each with the forms it may come back in: as it was, and full-width."""

    opening: str
    closing: str

    @property
    def characters(self) -> str:
        return self.opening + self.closing


MARKS = (Marks("[［【〔", "]］】〕"), Marks("{｛", "}｝"), Marks("<＜〈", ">＞〉"))
"""Tried in this order: the first pair of which the sentence holds no form."""


@dataclass(frozen=True)
class Projected:
    """A text without marks, and where in it the answer stands: characters [start, start + len(answer))."""

    text: str
    answer: str
    start: int


def free_marks(text: str) -> Marks:
    """The first pair that does not occur in `text`; raises `Dropped`."""
    for marks in MARKS:
        if not any(character in text for character in marks.characters):
            return marks
    raise Dropped(TAKEN)


def mark(text: str, start: int, end: int, marks: Marks) -> str:
    """`text` with the marks around characters [start, end)."""
    return f"{text[:start]}{marks.opening[0]}{text[start:end]}{marks.closing[0]}{text[end:]}"


def unmark(text: str, marks: Marks) -> Projected:
    """Take the marks out again, and white space that the model put inside them; raises `Dropped`.

    There must be one of each, in order, with a letter or digit between them.
    """
    opened = [place for place, character in enumerate(text) if character in marks.opening]
    closed = [place for place, character in enumerate(text) if character in marks.closing]
    if not opened or not closed:
        raise Dropped(LOST)
    if len(opened) > 1 or len(closed) > 1:
        raise Dropped(DOUBLED)
    if closed[0] < opened[0]:
        raise Dropped(REVERSED)
    before, inner, after = text[: opened[0]].lstrip(), text[opened[0] + 1 : closed[0]], text[closed[0] + 1 :].rstrip()
    answer = inner.strip()
    if not any(character.isalnum() for character in answer):
        raise Dropped(EMPTY)
    if inner[0].isspace() and before and before[-1].isalnum():
        before += " "
    if inner[-1].isspace() and after and after[0].isalnum():
        after = " " + after
    return Projected(before + answer + after, answer, len(before))
