"""Groups of languages: by language family, by script, by how well resourced they are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from xstilts_eval.language_codes import candidates
from xstilts_eval.languages import Language, languages, resource_classes

KINDS = ("family", "script", "resources")
UNKNOWN = "not stated"


def groups(codes: Iterable[str], kind: str) -> dict[str, list[str]]:
    """Codes by group, largest groups first; `kind` is one of `KINDS`.

    Codes are ISO 639-1 or those of LASER's Tatoeba files. Families are the top level (``Indo-European``), resource
    levels the classes of Joshi et al. 2020. What no source states is in the group `UNKNOWN`, at the end.
    """
    found: dict[str, list[str]] = {}
    for code in codes:
        found.setdefault(group_of(code, kind), []).append(code)
    return dict(sorted(found.items(), key=lambda item: (item[0] == UNKNOWN, _rank(kind, item[0], item[1]))))


def group_of(code: str, kind: str) -> str:
    """The group of a language: a name, or `UNKNOWN`."""
    language = _by_code().get(code)
    if language is None:
        return _by_flores(code, kind)
    if kind == "family":
        top = language.family.partition(" (")[0]
        return (language.family if top == "isolate" else top) or UNKNOWN  # two isolates are no family
    if kind == "script":
        return language.script
    level = resource_classes().get(language.code)
    return UNKNOWN if level is None else f"class {level}"


def _by_flores(code: str, kind: str) -> str:
    """The group of a language beyond XTREME(-R), from the table of FLORES-200's languages."""
    found = candidates(code)
    if not found:
        return UNKNOWN
    values = {"family": found[0].family, "script": found[0].script}
    values["resources"] = f"class {found[0].resource_class}" if found[0].resource_class else ""
    return values[kind] or UNKNOWN


def _rank(kind: str, name: str, members: list[str]) -> tuple[int, str]:
    """Resource classes in their order, other groups by size."""
    return (0, name) if kind == "resources" else (-len(members), name)


@cache
def _by_code() -> dict[str, Language]:
    return {language.tatoeba: language for language in languages().values() if language.tatoeba} | languages()
