"""How counts, p-values and foreign text are written: one way for every table, sentence and page."""

from __future__ import annotations

ABSENT = "–"
"""A number that is not there; never 0."""
_SMALLEST_P = 0.001
LONGEST = 200
"""Characters of a text from outside that a message quotes at most."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 problem``, ``2,000 problems``; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def p_value(p: float | None) -> str:
    """``0.012``, ``< 0.001`` for what three digits cannot tell from 0, ``–`` where there is none."""
    if p is None:
        return ABSENT
    return f"< {_SMALLEST_P}" if p < _SMALLEST_P else f"{p:.3f}"


def shortened(text: str, longest: int = LONGEST) -> str:
    """A text as a message quotes it: of a longer one the beginning, and how long it is."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


BASELINE_HELP = "Run that the others are compared with, by path or its name in the table; default: first of RUNS."
"""Of the option that names a baseline, wherever runs are given as a list."""
