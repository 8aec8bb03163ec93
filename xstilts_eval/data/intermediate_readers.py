"""Official raw formats of the intermediate tasks → examples, one function per format.

A reader takes paths and a `Dropped`, in which it counts what cannot be trained on (no gold label, an answer that is not
in its context, a damaged line); a file whose form is another, or that leaves no example, raises `DataError` naming
file and line. Examples stay in file order; ids that repeat get ``#2``, ``#3`` …. Input formats follow
nyu-mll/jiant @ daa5a258, `jiant/tasks/lib/*.py`, and google-research/xtreme @ 838c13b, `third_party/run_xcopa.py`.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

from xstilts_eval import reading
from xstilts_eval.data import files, readers
from xstilts_eval.data.examples import Answer, Choice, Match, Pair, Question, Tagged
from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.wording import counted

T = TypeVar("T")
Named = TypeVar("Named", Pair, Question, Choice, Tagged, Match)
Row = dict[str, Any]

_SHOWN = 3
"""Ids named per reason in a note."""
NO_LABEL = "without a gold label"
NO_ANSWER = "without an answer"
NOT_IN_CONTEXT = "whose answer is not where it should stand in the context"
DAMAGED = "on damaged lines"


class Dropped:
    """What was left out, by reason: how many, and the first few ids."""

    def __init__(self) -> None:
        self._ids: dict[str, list[str]] = {}
        self._counts: Counter[str] = Counter()

    def add(self, reason: str, name: str) -> None:
        """Count one example, known by its id or line."""
        self._counts[reason] += 1
        shown = self._ids.setdefault(reason, [])
        if len(shown) < _SHOWN:
            shown.append(name)

    @property
    def total(self) -> int:
        """Number of examples left out for any reason."""
        return self._counts.total()

    @property
    def notes(self) -> tuple[str, ...]:
        """One phrase per reason: ``dropped 785 without a gold label (3416050480.jpg#4r1n, …)``."""
        return tuple(
            f"dropped {count:,} {reason} ({', '.join(self._ids[reason])}{', …' if count > _SHOWN else ''})"
            for reason, count in self._counts.items()
        )


# --- sentence pairs


def nli_table(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Pair]:
    """TAB-separated NLI with a header: MultiNLI's and SNLI's ``.txt``, GLUE's MNLI ``.tsv``; quotes are characters."""
    (path,) = paths
    pairs = []
    for number, row in _table(path, ("gold_label", "sentence1", "sentence2"), dropped):
        name = row.get("pairID") or str(number)
        label = _gold(path, number, row["gold_label"], labels)
        if label is None:
            dropped.add(NO_LABEL, name)
        else:
            pairs.append(Pair(name, row["sentence1"].strip(), row["sentence2"].strip(), label))
    return _done(path, pairs, dropped)


def nli_lines(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Pair]:
    """JSON lines of MultiNLI 1.0 and SNLI 1.0."""
    (path,) = paths
    pairs = []
    for number, row in _objects(path):
        name = str(row.get("pairID") or number)
        label = _gold(path, number, _text(path, number, row, "gold_label"), labels)
        if label is None:
            dropped.add(NO_LABEL, name)
            continue
        premise, hypothesis = (_text(path, number, row, field).strip() for field in ("sentence1", "sentence2"))
        pairs.append(Pair(name, premise, hypothesis, label))
    return _done(path, pairs, dropped)


_ANLI = {"c": "contradiction", "e": "entailment", "n": "neutral"}


def anli(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Pair]:
    """JSON lines of one ANLI round: `uid`, `context` (the premise), `hypothesis`, `label` of e, n, c."""
    (path,) = paths
    pairs = []
    for number, row in _objects(path):
        letter = _text(path, number, row, "label")
        if letter not in _ANLI:
            raise _bad_label(path, number, letter, _ANLI)
        premise, hypothesis = (_text(path, number, row, field).strip() for field in ("context", "hypothesis"))
        pairs.append(Pair(str(row.get("uid") or number), premise, hypothesis, labels.index(_ANLI[letter])))
    return _done(path, pairs, dropped)


def qqp(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Pair]:
    """GLUE's QQP ``.tsv``; its few lines with a line end inside a question are short, and dropped."""
    (path,) = paths
    pairs = []
    for number, row in _table(path, ("id", "question1", "question2", "is_duplicate"), dropped):
        label = row["is_duplicate"].strip()
        if label not in labels:
            raise _bad_label(path, number, label, labels)
        first, second = row["question1"].strip(), row["question2"].strip()
        pairs.append(Pair(row["id"], first, second, labels.index(label)))
    return _done(path, pairs, dropped)


# --- tagging


def ccg(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Tagged]:
    """Lines ``text TAB tags``, both separated by single blanks; `paths` are the file and the map of tags to ids."""
    path, tag_map = paths
    known = frozenset(ccg_tags(tag_map))
    sentences = []
    for number, line in files.lines(path):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != 2:
            found = counted(len(cells), "column")
            raise DataError(f"{path}, line {number}: {found} separated by TAB; expected 2 (text, tags)")
        tokens, tags = cells[0].strip().split(" "), cells[1].split()
        if len(tokens) != len(tags) or not all(tokens):
            found = f"{counted(len(tokens), 'word')} and {counted(len(tags), 'tag')}"
            raise DataError(f"{path}, line {number}: {found}; every word needs one, with single blanks between")
        strange = [tag for tag in tags if tag not in known]
        if strange:
            raise DataError(f"{path}, line {number}: tag {strange[0]!r} is not in {tag_map.name}; add it there")
        sentences.append(Tagged(str(number), tuple(tokens), tuple(tags)))
    return _done(path, sentences, dropped)


def ccg_tags(path: Path) -> tuple[str, ...]:
    """The tags of ``tags_to_id.json`` in the order of their ids, which must count from 0 without gaps."""
    content = files.read_json(path)
    try:
        by_id = {int(number): str(tag) for tag, number in content.items()}
    except reading.UNFIT as error:
        raise DataError(f"{path}: a JSON object of tag: id was expected ({error})") from error
    if not by_id or len(by_id) != len(content) or sorted(by_id) != list(range(len(by_id))):
        raise DataError(f"{path}: the ids of its {len(content)} tags must be 0 to {len(content) - 1}, each once")
    return tuple(by_id[number] for number in range(len(by_id)))


# --- questions about a passage


def squad(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Question]:
    """SQuAD's JSON, v1.1 or v2.0; an unanswerable question (``is_impossible``) has no answers.

    Answers that do not stand at their place are left out; a question that loses all of them is dropped.
    """
    (path,) = paths
    questions = []
    for place, context, raw in readers._questions(path):
        name = readers._field(path, place, raw, "id", str)
        text = readers._field(path, f"question {name!r}", raw, "question", str)
        if isinstance(raw, Mapping) and raw.get("is_impossible") is True:
            questions.append(Question(name, context, text, (), place))
            continue
        given = readers._field(path, f"question {name!r}", raw, "answers", list)
        gold = [answer for answer in map(_answer, given) if answer.text.strip()]
        answers = tuple(answer for answer in gold if _stands(answer, context))
        if answers:
            questions.append(Question(name, context, text, answers, place))
        else:
            dropped.add(NOT_IN_CONTEXT if gold else NO_ANSWER, name)
    return _done(path, questions, dropped)


def _answer(raw: Any) -> Answer:
    try:
        return Answer(str(raw["text"]), int(raw["answer_start"]))
    except reading.UNFIT:
        return Answer("", 0)  # counted as none


def _stands(answer: Answer, context: str) -> bool:
    start = answer.answer_start
    return start >= 0 and context.startswith(answer.text, start)


# --- one of several options


def hellaswag(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Choice]:
    """JSON lines of HellaSwag: premise `ctx_a`, options `ctx_b` + blank + ending."""
    (path,) = paths
    choices: list[Choice] = []
    for number, row in _objects(path):
        name = str(row.get("ind", number))
        start = _text(path, number, row, "ctx_b").strip()
        endings = _texts(path, number, row.get("endings"), "endings")
        options = tuple(f"{start} {ending.strip()}".strip() for ending in endings)
        premise = _text(path, number, row, "ctx_a").strip()
        _choose(path, number, Choice(name, premise, "", options, -1), row.get("label"), choices, dropped)
    return _done(path, choices, dropped)


def cosmosqa(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Choice]:
    """CSV of Cosmos QA: premise `context` + blank + `question`, options `answer0` to `answer3`."""
    (path,) = paths
    columns = ("id", "context", "question", "answer0", "answer1", "answer2", "answer3", "label")
    table = csv.DictReader(io.StringIO(files.read_text(path), newline=""), strict=True)
    choices: list[Choice] = []
    try:
        _needs(path, table.fieldnames or (), columns)
        for row in table:
            number = table.line_num
            if any(not isinstance(row[column], str) for column in columns):
                dropped.add(DAMAGED, f"line {number}")
                continue
            options = tuple(row[column].strip() for column in columns[3:7])
            premise = f"{row['context'].strip()} {row['question'].strip()}"
            _choose(path, number, Choice(row["id"], premise, "", options, -1), row["label"], choices, dropped)
    except csv.Error as error:
        raise DataError(f"{path}, line {table.line_num}: not CSV ({error})") from error
    return _done(path, choices, dropped)


def commonsenseqa(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Choice]:
    """JSON lines of CommonsenseQA: premise the question's `stem`, options in the order of the file."""
    (path,) = paths
    choices: list[Choice] = []
    for number, row in _objects(path):
        question = row.get("question")
        listed = question.get("choices") if isinstance(question, dict) else None
        if (
            not isinstance(question, dict)
            or not isinstance(listed, list)
            or not all(isinstance(o, dict) for o in listed)
        ):
            raise DataError(f"{path}, line {number}: field 'question' needs 'stem' and a list of 'choices'")
        options = _texts(path, number, [option.get("text") for option in listed], "choices")
        letters = [option.get("label") for option in listed]
        key = row.get("answerKey")
        label = letters.index(key) if key in letters else key
        name, stem = str(row.get("id", number)), _text(path, number, question, "stem")
        _choose(path, number, Choice(name, stem.strip(), "", options, -1), label, choices, dropped)
    return _done(path, choices, dropped)


_SIQA = ("answerA", "answerB", "answerC")


def siqa(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Choice]:
    """JSON lines of Social IQa v1.4 with the field `correct` (A, B, C): premise `context` + blank + `question`."""
    (path,) = paths
    choices: list[Choice] = []
    for number, row in _objects(path):
        letter = row.get("correct")
        label = "ABC".index(letter) if letter in ("A", "B", "C") else letter
        _choose(path, number, _siqa_choice(path, number, row), label, choices, dropped)
    return _done(path, choices, dropped)


def siqa_apart(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Choice]:
    """The release with answers in a second file: one of 1, 2, 3 a line."""
    path, answers = paths
    rows = list(_objects(path))
    golds = [line.strip() for _, line in files.lines(answers) if line.strip()]
    if len(rows) != len(golds):
        raise DataError(f"{path} has {len(rows):,} questions and {answers.name} {len(golds):,} answers")
    choices: list[Choice] = []
    for (number, row), gold in zip(rows, golds, strict=True):
        if gold not in ("1", "2", "3"):
            raise _bad_label(answers, number, gold, ("1", "2", "3"))
        _choose(path, number, _siqa_choice(path, number, row), int(gold) - 1, choices, dropped)
    return _done(path, choices, dropped)


def _siqa_choice(path: Path, number: int, row: Row) -> Choice:
    context, question, *options = (_text(path, number, row, name).strip() for name in ("context", "question", *_SIQA))
    return Choice(str(number), f"{context} {question}", "", tuple(options), -1)


_COPA_QUESTIONS = ("cause", "effect")


def copa_lines(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Choice]:
    """JSON lines of SuperGLUE's COPA and of XCOPA; labels 0 and 1."""
    (path,) = paths
    choices: list[Choice] = []
    for number, row in _objects(path):
        premise, *options = (_text(path, number, row, name).strip() for name in ("premise", "choice1", "choice2"))
        question = _asked(path, number, _text(path, number, row, "question"))
        choice = Choice(str(row.get("idx", number)), premise, question, tuple(options), -1)
        _choose(path, number, choice, row.get("label"), choices, dropped)
    return _done(path, choices, dropped)


def copa_xml(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Choice]:
    """The XML of COPA and of Balanced COPA, all items; alternatives are 1 and 2 there, 0 and 1 here."""
    (path,) = paths
    try:
        root = ElementTree.fromstring(files.read_text(path))
    except ElementTree.ParseError as error:
        raise DataError(f"{path}: not XML ({error})") from error
    choices: list[Choice] = []
    for number, item in enumerate(root.iter("item"), 1):
        premise, *options = ((item.findtext(tag) or "").strip() for tag in ("p", "a1", "a2"))
        if not premise or not all(options):
            raise DataError(f"{path}, item {number}: needs the elements p, a1 and a2")
        question = _asked(path, number, item.get("asks-for", ""))
        gold = item.get("most-plausible-alternative", "")
        if gold not in ("1", "2", ""):
            raise DataError(f"{path}, item {number}: most plausible alternative {gold!r}; allowed: 1, 2")
        choice = Choice(item.get("id", str(number)), premise, question, tuple(options), -1)
        _choose(path, number, choice, int(gold) - 1 if gold else None, choices, dropped)
    return _done(path, choices, dropped)


def _asked(path: Path, number: int, question: str) -> str:
    if question not in _COPA_QUESTIONS:
        raise DataError(f"{path}, item {number}: question {question!r}; allowed: {', '.join(_COPA_QUESTIONS)}")
    return question


def _choose(path: Path, number: int, choice: Choice, label: Any, choices: list[Choice], dropped: Dropped) -> None:
    """Add `choice` with its label, a place among the options or its decimal; without one it is dropped."""
    if label is None or label == "":
        dropped.add(NO_LABEL, choice.id)
        return
    place = int(label) if isinstance(label, str) and label.isdecimal() else label
    if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < len(choice.choices):
        raise _bad_label(path, number, label, map(str, range(len(choice.choices))))
    choices.append(replace(choice, label=place))


# --- pieces


def _objects(path: Path) -> Iterator[tuple[int, Row]]:
    """JSON objects by line; blank lines are passed over."""
    for number, row in files.json_lines(path):
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: a JSON object was expected, not {type(row).__name__}")
        yield number, row


def _table(path: Path, needed: Sequence[str], dropped: Dropped) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a TAB-separated file by column name; lines of another width than the header's are dropped."""
    header: list[str] = []
    for number, line in files.lines(path):
        cells = line.split("\t")
        if not header:
            header = [cell.strip() for cell in cells]
            _needs(path, header, needed)
        elif len(cells) == len(header):
            yield number, dict(zip(header, cells, strict=True))
        elif line.strip():
            dropped.add(DAMAGED, f"line {number}")


def _needs(path: Path, header: Sequence[str], needed: Iterable[str]) -> None:
    absent = [name for name in needed if name not in header]
    if absent:
        raise DataError(f"{path}, line 1: no column {absent[0]!r}; the columns are {', '.join(header) or 'none'}")


def _text(path: Path, number: int, row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise DataError(f"{path}, line {number}: field {name!r} (a string) is missing or of another type")
    return value


def _texts(path: Path, number: int, values: Any, name: str) -> tuple[str, ...]:
    if not isinstance(values, list) or len(values) < 2 or not all(isinstance(value, str) for value in values):
        raise DataError(f"{path}, line {number}: field {name!r} needs two or more strings")
    return tuple(value.strip() for value in values)


def _gold(path: Path, number: int, word: str, labels: Sequence[str]) -> int | None:
    """The class of an NLI word; None for ``-``, which says that the annotators did not agree."""
    word = word.strip()
    if word in labels:
        return labels.index(word)
    if word in ("-", ""):
        return None
    raise _bad_label(path, number, word, labels)


def _bad_label(path: Path, number: int, found: Any, allowed: Iterable[str]) -> DataError:
    return DataError(f"{path}, line {number}: label {found!r}; allowed: {', '.join(allowed)}")


def _done(path: Path, examples: list[Named], dropped: Dropped) -> list[Named]:
    """The examples under distinct ids; raises when none are left."""
    if not examples and dropped.total:
        raise MissingData(f"{path}: no example that can be trained on; {'; '.join(dropped.notes)}")
    if not examples:
        raise DataError(f"{path}: no examples")
    seen: Counter[str] = Counter()
    result = []
    for example in examples:
        seen[example.id] += 1
        count = seen[example.id]
        result.append(example if count == 1 else replace(example, id=f"{example.id}#{count}"))
    return result
