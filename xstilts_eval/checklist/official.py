"""The official templates, ``checklist_templates.tsv`` of google-research/xtreme @ 838c13b, `multichecklist/`.

A row is a field (Name, Context, Question, Answer, or something that is drawn), a column a language. Languages with
several columns, and columns ``LANG-placeholders``, say which wording goes with which value. Only tests without such
rules are read: the others need the official generator, language by language, and are named as left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from xstilts_eval.checklist.templates import TESTS, Template
from xstilts_eval.data import files
from xstilts_eval.errors import DataError, UnknownName

PLACEHOLDERS = "-placeholders"
_SEPARATORS = dict.fromkeys(("my", "th"), " ") | dict.fromkeys(("ur", "ar", "fa"), "،") | {"zh": "，"}
_AS_WRITTEN = frozenset(("my", "he", "th", "zh", "hi", "ja", "ta", "ko", "ml", "mr", "pa", "tr", "az"))
"""Not capitalised: scripts without capitals, and languages in which i has another one."""
_PROPERTIES = ("color", "size", "age", "shape", "material")
_RENAMED = {"state": "s"}
Rows = list[tuple[str, list[str]]]


def read(path: Path) -> dict[str, dict[str, Template]]:
    """Language → test → template; what cannot be read is not in it. Raises `DataError` for another kind of file."""
    lines = [line.split("\t") for _, line in files.lines(path)]
    if not lines or lines[0][0] != "Field" or "en" not in lines[0]:
        raise DataError(f"{path}, line 1: the columns Field, en … were expected; give checklist_templates.tsv")
    columns: dict[str, list[int]] = defaultdict(list)
    rules: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(lines[0][1:]):
        (rules if name.endswith(PLACEHOLDERS) else columns)[name.removesuffix(PLACEHOLDERS)].append(place)
    blocks = _blocks(path, lines[1:])
    found: dict[str, dict[str, Template]] = {}
    for code in columns:
        tests = {name: _test(path, code, name, blocks, columns[code], rules[code]) for name in TESTS}
        found[code] = {name: test for name, test in tests.items() if test is not None}
    return found


def _blocks(path: Path, lines: Sequence[Sequence[str]]) -> dict[str, Rows]:
    """The rows of every test by its official name."""
    found: dict[str, Rows] = {}
    name = ""
    for cells in lines:
        field = cells[0].strip()
        if field == "Name":
            name = cells[1].strip()
            found[name] = []
        elif field and name:
            found[name].append((field, [cell.strip() for cell in cells[1:]]))
    if absent := [name for name in TESTS.values() if name not in found]:
        raise DataError(f"{path}: no test {absent[0]!r}; it has {', '.join(found) or 'none'}")
    return found


def _test(
    path: Path, code: str, name: str, blocks: dict[str, Rows], columns: Sequence[int], rules: Sequence[int]
) -> Template | None:
    """One test in one language, None where wording depends on values or something is missing."""
    rows = blocks[TESTS[name]]
    if name == "animal_vehicle_v2":  # it has no animals and vehicles of its own
        own = {"animal", "vehicle"}
        rows = [*rows, *(row for row in blocks[TESTS["animal_vehicle"]] if row[0] in own)]
    texts: dict[str, list[str]] = defaultdict(list)
    for field, cells in rows:
        if any(cells[place] for place in rules if place < len(cells)):
            return None
        if any(cells[place] for place in columns[1:] if place < len(cells)):
            return None
        if columns[0] < len(cells) and cells[columns[0]]:
            texts[field].append(cells[columns[0]])
        elif field == "property":
            texts[field].append("")  # parallel to the English ones
    if len(texts["Question"]) != len(texts["Answer"]) or not texts["Context"]:
        return None
    names = dict(zip(_english_properties(rows), texts["property"], strict=False))
    listed = {name: tuple(texts[name]) for name in _PROPERTIES if texts[name] and names.get(name)}
    skipped = {"Context", "Question", "Answer", "Capability", "property", *_PROPERTIES}
    try:
        return Template(
            contexts=tuple(texts["Context"]),
            questions=tuple(zip(texts["Question"], texts["Answer"], strict=True)),
            values={_RENAMED.get(field, field): tuple(found) for field, found in texts.items() if field not in skipped},
            properties=listed,
            property_names={name: names[name] for name in listed},
            separator=_SEPARATORS.get(code, ", "),
            capitalise=code not in _AS_WRITTEN,
        )
    except ValidationError:
        return None


def _english_properties(rows: Rows) -> list[str]:
    return [cells[0] for field, cells in rows if field == "property"]


def of(templates: dict[str, dict[str, Template]], code: str, path: Path) -> dict[str, Template]:
    """The tests of one language; raises `UnknownName`, also where none of them can be read."""
    if code not in templates:
        raise UnknownName.of(f"language of {path.name}", code, templates)
    if not templates[code]:
        raise UnknownName(f"{path.name}: every test in {code!r} has wording that depends on values; leave it out")
    return templates[code]
