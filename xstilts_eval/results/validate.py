"""`xstilts export --check`: prediction files against the leaderboard's rules, every breach with its file and line.

Stricter than the benchmark's evaluator (google-research/xtreme @ 838c13b, `evaluate.py:31-98,239-330`) where that one
miscounts in silence: labels it does not know, words of a sentence, answers to unknown questions, pairs given twice.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from xstilts_eval import kinds, reading
from xstilts_eval.benchmark import XTREME, Family
from xstilts_eval.errors import DataError, MissingData, UnknownName
from xstilts_eval.kinds import Halves
from xstilts_eval.results import official
from xstilts_eval.wording import counted

PER_FILE = 10
"""Breaches of one file that a listing shows."""
IN_ALL = 200
"""Breaches that a listing shows."""
LARGEST_POOL = 1000
"""Sentences of the largest Tatoeba files (LASER `data/tatoeba/v1`): the bound where the number of lines is no pool."""
_NUMBER = re.compile(r"0|[1-9][0-9]*")  # compared as text, so 07 is not 7
_JSON_STRING = re.compile(r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?')
_DIGITS = 9
_BOM = b"\xef\xbb\xbf"


class Problem(NamedTuple):
    """A breach of a rule: the file, its line (from 1; None where there is none) and what is wrong."""

    file: Path
    line: int | None
    what: str

    def __str__(self) -> str:
        text = f"{self.file}{f', line {self.line}' if self.line else ''}: {self.what}"
        return text.encode("utf-8", "backslashreplace").decode()  # JSON can hold half a character, terminals cannot


@dataclass(frozen=True)
class Checked:
    """All breaches, in the order of the files, and the number of language files read by task."""

    problems: tuple[Problem, ...]
    files: dict[str, int]
    with_labels: bool


Breach = tuple[int | None, str]
Rule = Callable[[Family, str, str, Path | None], Iterator[Breach]]
"""(family, language, text of the predictions, label file or None) to breaches by line; may raise `DataError` about
the label file."""


def check(predictions: Path, labels: Path | None = None) -> Checked:
    """Check every task folder of `predictions`; against `labels`, also line, sentence, word and id counts.

    Raises `MissingData` where there is no folder or no task folder in it.
    """
    for root in (predictions, labels):
        if root is not None and not root.is_dir():
            raise MissingData(f"{root} is not a folder; expected {{task}}/test-{{language}}.tsv below it")
    tasks = [family for family in XTREME if (predictions / family.name).is_dir()]
    if not tasks:
        names = ", ".join(family.name for family in XTREME)
        raise MissingData(f"{predictions} has no task folder; known tasks: {names}")
    problems = [*_strangers(predictions)]
    files = {}
    for family in tasks:
        gold = labels / family.name if labels is not None else None
        if gold is not None and not gold.is_dir():
            problems.append(Problem(gold, None, "is missing: the evaluator would leave the task out in silence"))
            gold = None
        problems += _check_task(family, predictions / family.name, gold)
        files[family.name] = sum((predictions / family.name / name).is_file() for name in _names(family).values())
    return Checked(tuple(problems), files, labels is not None)


def listing(problems: Sequence[Problem]) -> Iterator[str]:
    """One line per breach: the first `PER_FILE` of a file, `IN_ALL` in all, and how many are not shown."""
    shown: Counter[Path] = Counter()
    total = Counter(problem.file for problem in problems)
    for problem in problems:
        if shown.total() == IN_ALL:
            break
        if shown[problem.file] < PER_FILE:
            shown[problem.file] += 1
            yield str(problem)
            if shown[problem.file] == PER_FILE < total[problem.file]:
                yield f"{problem.file}: {total[problem.file] - PER_FILE:,} more"
    if shown.total() == IN_ALL and len(problems) > IN_ALL:
        yield f"{len(problems):,} in all; the first {IN_ALL} are shown"


def summary(checked: Checked) -> str:
    """One line: what was read, and whether it is right."""
    files = ", ".join(f"{task} {count}" for task, count in checked.files.items())
    against = "against the labels" if checked.with_labels else "without labels, so no counts were compared"
    verdict = counted(len(checked.problems), "problem") if checked.problems else "no problems"
    absent = [family.name for family in XTREME if family.name not in checked.files]
    overall = f"; no overall score without {', '.join(absent)}" if absent else ""
    return f"{verdict} in {files} files, {against}{overall}"


def _names(family: Family) -> dict[str, str]:
    return {language: official.file_name(family, language) for language in family.languages}


def _strangers(root: Path) -> Iterator[Problem]:
    """Folders under a name the evaluator does not look for, which it leaves out in silence."""
    known = [family.name for family in XTREME]
    elsewhere = {family.name for suite in official.VERSIONS.values() for family in suite.families}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if folder.name not in {*known, *elsewhere} and not folder.name.startswith((".", "_")):
            yield Problem(folder, None, str(UnknownName.of("task folder", folder.name, known)))


def _check_task(family: Family, folder: Path, labels: Path | None) -> Iterator[Problem]:
    for language, name in _names(family).items():
        gold = labels / name if labels is not None else None
        if gold is not None and not gold.is_file():
            yield Problem(gold, None, "is missing: the evaluator stops without it")
            gold = None
        path = folder / name
        if not path.is_file():
            yield Problem(path, None, "is missing: the evaluator stops without it")
            continue
        text, breaches = _text(path)
        yield from (Problem(path, line, what) for line, what in breaches)
        if text is None:
            continue
        try:
            yield from (Problem(path, *breach) for breach in _RULES.of(family.kind)(family, language, text, gold))
        except DataError as error:
            yield Problem(gold or path, None, str(error))


def _text(path: Path) -> tuple[str | None, list[Breach]]:
    content = path.read_bytes()
    breaches: list[Breach] = []
    if content.startswith(_BOM):
        breaches.append((1, "byte order mark, which the evaluator reads as part of the line; save without it"))
        content = content[len(_BOM) :]
    try:
        return content.decode("utf-8"), breaches
    except UnicodeDecodeError as error:
        return None, [*breaches, (content.count(b"\n", 0, error.start) + 1, f"not UTF-8 text ({error.reason})")]


def _lines(text: str) -> list[str]:
    """Lines as the evaluator reads them: without outer whitespace, no line behind the last line end."""
    lines = text.split("\n")
    return [line.strip() for line in (lines if lines[-1] else lines[:-1])]


# --- one rule per kind


def _check_classes(family: Family, language: str, text: str, gold: Path | None) -> Iterator[Breach]:
    lines = _lines(text)
    for number, line in enumerate(lines, start=1):
        if line not in family.labels:
            yield number, _unknown_label(line, family.labels)
    yield from _check_count(lines, gold)


def _check_neighbours(family: Family, language: str, text: str, gold: Path | None) -> Iterator[Breach]:
    lines = _lines(text)
    pool = _pool(lines, gold)
    for number, line in enumerate(lines, start=1):
        if not _NUMBER.fullmatch(line):
            yield number, f"expected a line number of the foreign file, from 0, in plain digits; got {line!r}"
        elif len(line) > _DIGITS or int(line) >= pool:
            yield number, f"{line[: _DIGITS + 1]} is no line of the foreign file; allowed: 0 to {pool - 1}"
    yield from _check_count(lines, gold)


def _pool(lines: Sequence[str], gold: Path | None) -> int:
    """Sentences of the foreign file: as many as labels where these are all its lines, else what is possible at most."""
    labels = official.lines(gold, DataError) if gold else []
    whole = bool(labels) and {*labels} == {str(number) for number in range(len(labels))}
    return len(labels) if whole else max(LARGEST_POOL, len(lines))


def _check_count(lines: Sequence[str], gold: Path | None) -> Iterator[Breach]:
    if gold is None:
        return
    expected = len(official.lines(gold, DataError))
    if len(lines) != expected:
        yield min(len(lines), expected) + 1, f"the file has {counted(len(lines), 'line')}, {gold} has {expected:,}"


def _check_pairs(family: Family, language: str, text: str, gold: Path | None) -> Iterator[Breach]:
    seen: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(_lines(text), start=1):
        pair = tuple(line.split("\t"))
        if len(pair) != 2 or not all(pair):
            yield number, f"expected 'foreign id TAB English id', got {line!r}"
        elif pair[0].startswith("en-") and not pair[1].startswith("en-"):
            yield number, f"the foreign id comes first, then the English one; got {line!r}"
        elif pair in seen:
            yield number, f"the pair of line {seen[pair]} again"
        seen.setdefault(pair, number)
    if gold is not None:
        official.pairs(gold, DataError)  # only that it can be read: pairs have no count


def _check_tags(family: Family, language: str, text: str, gold: Path | None) -> Iterator[Breach]:
    allowed = (*family.labels, *family.extra_tags)
    sentences = [*_numbered_sentences(_lines(text))]
    for start, tags in sentences:
        for offset, tag in enumerate(tags):
            if tag not in allowed:
                yield start + offset, _unknown_label(tag, allowed)
    if gold is None:
        yield from ((start, "empty sentence: two blank lines in a row") for start, tags in sentences if not tags)
        return
    expected = [len(tags) for tags in official.sentences(gold, DataError)]
    different = [
        (start, f"sentence {number} has {counted(len(tags), 'label')} for {counted(words, 'word')} (by {gold})")
        for number, ((start, tags), words) in enumerate(zip(sentences, expected, strict=False), start=1)
        if len(tags) != words
    ]
    if len(sentences) == len(expected):
        yield from different
        return
    what = f"the file has {counted(len(sentences), 'sentence')}, {gold} has {len(expected):,}"
    if different:  # what follows the first is shifted
        place, first = different[0]
        yield place, f"{what}; the first that differs: {first}"
    else:
        yield (sentences[len(expected)][0] if len(sentences) > len(expected) else len(_lines(text)) + 1), what


def _numbered_sentences(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """(Line of the first label, labels) by sentence; every blank line ends one."""
    start, current = 1, list[str]()
    for number, line in enumerate(lines, start=1):
        if line:
            current.append(line)
        else:
            yield start, current
            start, current = number + 1, []
    if current:
        yield start, current


def _check_answers(family: Family, language: str, text: str, gold: Path | None) -> Iterator[Breach]:
    try:
        content = json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        yield error.lineno, f"not JSON: {error.msg}"
        return
    except ValueError as error:  # a number of thousands of digits
        yield None, f"not JSON: {error}"
        return
    except RecursionError:
        yield None, "nested too deeply; expected question id → answer text"
        return
    if not isinstance(content, _Object):
        yield 1, f"expected one JSON object, question id → answer text; got a {type(content).__name__}"
        return
    places = _key_lines(text)
    if "data" in content:
        yield places["data"][0], "the key 'data' makes this a label file; expected question id → answer text"
        return
    for id_, count in Counter(content.keys()).items():
        if count > 1:
            yield places[id_][1], f"question {id_} occurs {count} times; only the last answer counts"
    for id_, answer in content.items():
        if not isinstance(answer, str):
            given = json.dumps(answer, ensure_ascii=False, default=lambda _: {})[:60]
            yield places[id_][0], f"question {id_}: the answer must be text, got {given}"
        elif not reading.is_unicode(answer):
            yield places[id_][0], f"question {id_}: the answer holds half a surrogate pair, which is no Unicode text"
    if gold is not None:
        asked = dict.fromkeys(id_ for id_, _ in official.gold_answers(gold))
        for id_ in dict.fromkeys(content.keys()):
            if id_ not in asked:
                yield places[id_][0], f"question {id_} is not in {gold}; its answer does not count"
        for id_ in asked:
            if id_ not in content:
                yield None, f"question {id_} of {gold} has no answer, which scores 0"


class _Object:
    """A JSON object that remembers repeated keys."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self._pairs = [*pairs]
        self._keys = {key for key, _ in self._pairs}

    def keys(self) -> list[str]:
        return [key for key, _ in self._pairs]

    def items(self) -> list[tuple[str, Any]]:
        return self._pairs

    def __contains__(self, key: str) -> bool:
        return key in self._keys


def _key_lines(text: str) -> dict[str, list[int]]:
    """Lines of every key of a JSON text, in the order of the file."""
    found: dict[str, list[int]] = {}
    line, end = 1, 0
    for match in _JSON_STRING.finditer(text):  # values are matched too, so that no quote inside one opens a string
        line += text.count("\n", end, match.start())
        end = match.start()
        if match["colon"]:
            found.setdefault(json.loads(match["string"]), []).append(line)
    return found


def _unknown_label(label: str, allowed: Sequence[str]) -> str:
    if not label:
        return "empty line where a label was expected"
    hint = "; a line holds the label alone" if len(label.split()) > 1 else f"; allowed: {' '.join(allowed)}"
    return f"unknown label {label!r}{hint}"


_RULES: Halves[Rule] = Halves("rule of the leaderboard")
_RULES.register(kinds.PAIR, _check_classes)
_RULES.register(kinds.TAGGED, _check_tags)
_RULES.register(kinds.QUESTION, _check_answers)
_RULES.register(kinds.BITEXT, _check_neighbours)
_RULES.register(kinds.MINING, _check_pairs)
