"""Templates of MultiCheckList's six tests: ours by language, or those of the official file.

`TESTS` follow google-research/xtreme @ 838c13b, `multichecklist/` (Ruder et al. 2021, arXiv:2104.07412): what each asks
is theirs, the words in ``words/`` are ours.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from xstilts_eval import reading
from xstilts_eval.errors import DataError, UnknownName
from xstilts_eval.validation import complaint

FOLDER = Path(__file__).with_name("words")
TESTS: dict[str, str] = {
    "comparison": "A is COMP than B. Who is more / less COMP?",
    "intensifiers": "Intensifiers (very, super, extremely) and reducers (somewhat, kinda, etc)?",
    "properties": "size, shape, age, color",
    "profession": "Profession vs nationality",
    "animal_vehicle": "Animal vs Vehicle",
    "animal_vehicle_v2": "Animal vs Vehicle v2",
}
"""Our name of each test, and the official file's."""
PAIRS = ("adj", "obj")
"""Values that come as two forms of one thing: comparative and plain adjective, "a chair" and "the chair"."""
FIELDS = frozenset({"first_name", "first_name1", "first_name2", "p", "s", *PAIRS})
FIELDS |= {"very", "somewhat", "nationality", "profession", "animal", "vehicle"}
"""Everything that may stand in braces."""


class Template(BaseModel):
    """One test in one language: every case asks all `questions` (with their answers) of all `contexts`.

    `values` holds what is drawn for a case, `properties` the values of each property (two of them are drawn), and
    `property_names` how a question calls the property.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    contexts: tuple[str, ...] = Field(min_length=1)
    questions: tuple[tuple[str, str], ...] = Field(min_length=1)
    values: dict[str, tuple[str, ...]] = {}
    properties: dict[str, tuple[str, ...]] = {}
    property_names: dict[str, str] = {}
    separator: str = ", "
    capitalise: bool = True

    @model_validator(mode="after")
    def _has_what_it_names(self) -> Template:
        wanted = _fields([*self.contexts, *(text for question in self.questions for text in question)])
        if unknown := wanted - FIELDS:
            raise ValueError(f"unknown field {{{min(unknown)}}}; known: {', '.join(sorted(FIELDS))}")
        needed = {name for name in wanted if name != "p" and not name.startswith("first_name")}
        if absent := sorted(name for name in needed if not self.values.get(name)):
            raise ValueError(f"no values for {{{absent[0]}}}")
        if "p" in wanted and (len(self.properties) < 2 or self.properties.keys() - self.property_names.keys()):
            raise ValueError("{p} needs two properties or more, each with a name")
        for name in PAIRS:
            for value in self.values.get(name, ()):
                if len(value.split(self.separator)) < 2:
                    raise ValueError(f"{name} {value!r} needs two forms, separated by {self.separator!r}")
        return self


def _fields(texts: Iterable[str]) -> set[str]:
    names = [name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    return {name.split("[")[0].split(".")[0] for name in names}


class Language(BaseModel):
    """First names, all masculine, so that adjectives agree, and the tests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...] = Field(min_length=3)
    comparison: Template
    intensifiers: Template
    properties: Template
    profession: Template
    animal_vehicle: Template
    animal_vehicle_v2: Template

    @property
    def tests(self) -> dict[str, Template]:
        """By name, in the order of `TESTS`."""
        return {name: getattr(self, name) for name in TESTS}


def own_languages() -> tuple[str, ...]:
    """The languages that templates were written in for this package."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@cache
def own(code: str) -> Language:
    """Our templates in one language; raises `UnknownName` where there are none."""
    if code not in own_languages():
        known = f"there are templates in {' '.join(own_languages())}; the official file has more (--templates)"
        raise UnknownName(f"no MultiCheckList templates in {code!r}; {known}")
    return read(FOLDER / f"{code}.yaml")


def read(path: Path) -> Language:
    """Templates of one language; raises `DataError` naming file and field."""
    try:
        return Language.model_validate(reading.read_yaml(path, "a file of MultiCheckList templates"))
    except ValidationError as error:
        raise DataError(f"{path}: {complaint(error)}") from error


def names(code: str) -> tuple[str, ...]:
    """First names for a language: ours, else the English ones."""
    return own(code if code in own_languages() else "en").names
