"""From templates to cases, by a seed: equal calls give equal cases."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

from xstilts_eval.checklist.templates import PAIRS, Template
from xstilts_eval.errors import SettingError

Value = str | list[str] | SimpleNamespace
"""What a field of a template stands for."""
_TRIES = 20
"""Draws per case before templates are taken to have too few different ones."""
_SENTENCE_START = re.compile(r"(^|\. )(\w)")


@dataclass(frozen=True)
class Question:
    """One question of a case and its right answer."""

    context: str
    question: str
    answer: str


Case = tuple[Question, ...]
"""Every question asked of every context, about the same things; it passes when all its answers do."""


def cases(test: Template, names: Sequence[str], count: int, seed: str) -> list[Case]:
    """So many different cases; raises `SettingError` where the templates do not make as many."""
    draw = random.Random(seed)
    found: dict[Case, None] = {}
    for _ in range(count * _TRIES):
        if len(found) == count:
            break
        found.setdefault(_case(test, _drawn(test, names, draw)))
    if len(found) < count:
        raise SettingError(f"the templates of {seed} make {len(found)} different cases; ask for fewer than {count}")
    return list(found)


def _drawn(test: Template, names: Sequence[str], draw: random.Random) -> dict[str, Value]:
    """A value for every field."""
    first, second, third = draw.sample(list(names), 3)
    values: dict[str, Value] = {"first_name": first, "first_name1": second, "first_name2": third}
    for name, listed in test.values.items():
        value = draw.choice(listed)
        values[name] = value.split(test.separator) if name in PAIRS else value
    if test.properties:
        one, other = sorted(draw.sample(range(len(test.properties)), 2))
        keys = list(test.properties)
        values["p"] = SimpleNamespace(
            p1=test.property_names[keys[one]],
            p2=test.property_names[keys[other]],
            v1=draw.choice(test.properties[keys[one]]),
            v2=draw.choice(test.properties[keys[other]]),
        )
    return values


def _case(test: Template, values: Mapping[str, Value]) -> Case:
    return tuple(
        Question(_context(test, context.format(**values)), question.format(**values), answer.format(**values))
        for context in test.contexts
        for question, answer in test.questions
    )


def _context(test: Template, text: str) -> str:
    """With a capital at the beginning of every sentence."""
    if not test.capitalise:
        return text
    return _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)
