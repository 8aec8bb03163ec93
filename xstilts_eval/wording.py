"""How counts, p-values and foreign text are written: one way for every table, sentence and page."""

from __future__ import annotations

import re

ABSENT = "–"
"""A number that is not there; never 0."""
_SMALLEST_P = 0.001
LONGEST = 200
"""Characters of a text from outside that a message quotes at most."""

_LONGEST_MESSAGE = 4000
"""Characters of a whole message; the longest of ours name some 160 tasks."""
_QUOTED = re.compile(
    rf"""(?<!\w)(?:'(?:[^'\\]|\\.){{{LONGEST + 1},}}'|"(?:[^"\\]|\\.){{{LONGEST + 1},}}")(?!\w)""", re.S
)

_UNBROKEN = re.compile(rf"""[^\s/'"]{{{LONGEST + 1},}}""")
"""A text from outside that nobody quoted; what has a blank or is a path is none."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 problem``, ``2,000 problems``; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def p_value(p: float | None) -> str:
    """``0.012``, ``< 0.001`` for what three digits cannot tell from 0, ``–`` where there is none."""
    if p is None:
        return ABSENT
    return f"< {_SMALLEST_P}" if p < _SMALLEST_P else f"{p:.3f}"


def signed(value: float) -> str:
    """To one decimal, with its sign; what rounds to nothing is 0.0."""
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def shortened(text: str, longest: int = LONGEST) -> str:
    """A text as a message quotes it: of a longer one the beginning, and how long it is."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def bounded(message: str) -> str:
    """A message in which no quotation is longer than `LONGEST` characters; of a very long one both ends.

    Whoever writes a message quotes with ``!r`` and need not think of a cell with ten million characters.
    """
    if len(message) <= LONGEST:
        return message
    message = _QUOTED.sub(_cut, message)
    message = _UNBROKEN.sub(lambda found: found[0] if found[0].endswith("…") else shortened(found[0]), message)
    if len(message) <= _LONGEST_MESSAGE:
        return message
    return f"{message[: _LONGEST_MESSAGE - 550]} … ({len(message):,} characters) … {message[-500:]}"


def _cut(found: re.Match[str]) -> str:
    mark, quoted = found[0][0], found[0][1:-1]
    return found[0] if quoted.endswith(" characters)") else mark + shortened(quoted) + mark  # cut already


BASELINE_HELP = "Run that the others are compared with, by path or its name in the table; default: first of RUNS."
"""Of the option that names a baseline, wherever runs are given as a list."""
