"""Ready translations of training tasks: canonical documents as JSON lines, below a data folder.

    translated/<task>/<language>.<split>.jsonl            one document per line
    translated/<task>/<language>.<split>.manifest.json    where it came from; optional for files made elsewhere

A line holds the fields of its kind (`data.examples`) and may name `family` (the task) and `language`, which must then
be the file's. `xstilts translate` writes both files; translations from elsewhere need the first alone, plain, ``.gz``
or ``.xz``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from xstilts_eval import kinds, reading
from xstilts_eval.data import files
from xstilts_eval.data.examples import Answer, Choice, Pair, Question, Tagged, document
from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.languages import language as language_of
from xstilts_eval.training_tasks import TrainingTask, training_task
from xstilts_eval.validation import complaint
from xstilts_eval.writing import write_atomically

FOLDER = "translated"
Translated: TypeAlias = Pair | Tagged | Question | Choice


class Manifest(BaseModel):
    """Where a file of translations came from.

    `examples` English ones were read from the data `source_revision`; `written` + all `dropped` (ids by reason) are as
    many. `model` is hub id and commit or a hash of its files, `sha256` that of the uncompressed JSON lines.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    task: str
    language: str
    split: str
    source_revision: str
    source_notes: tuple[str, ...] = ()
    model: str
    settings: dict[str, str | int | None]
    versions: dict[str, str] = {}
    examples: int
    written: int
    dropped: dict[str, tuple[str, ...]]
    sha256: str

    @model_validator(mode="after")
    def _counts_agree(self) -> Manifest:
        dropped = sum(map(len, self.dropped.values()))
        if self.written + dropped != self.examples:
            raise ValueError(f"{self.written} written and {dropped} dropped are not {self.examples} examples")
        return self

    @property
    def summary(self) -> str:
        """``1,000 of 1,034 examples, 34 dropped (marks lost 30, too long for the model 4)``."""
        reasons = ", ".join(f"{reason} {len(ids):,}" for reason, ids in self.dropped.items())
        lost = f", {self.examples - self.written:,} dropped ({reasons})" if reasons else ""
        return f"{self.written:,} of {self.examples:,} examples{lost}"


# --- one line


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = Field(min_length=1)
    family: str | None = None
    language: str | None = None


class _Pair(_Row):
    premise: str = Field(min_length=1)
    hypothesis: str = Field(min_length=1)
    label: int = Field(ge=0)

    def example(self) -> Pair:
        return Pair(self.id, self.premise, self.hypothesis, self.label)


class _Tagged(_Row):
    tokens: list[str] = Field(min_length=1)
    tags: list[str]

    @model_validator(mode="after")
    def _equal(self) -> _Tagged:
        if len(self.tokens) != len(self.tags):
            raise ValueError(f"{len(self.tokens)} tokens, {len(self.tags)} tags")
        return self

    def example(self) -> Tagged:
        return Tagged(self.id, tuple(self.tokens), tuple(self.tags))


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    text: str = Field(min_length=1)
    answer_start: int = Field(ge=0)


class _Question(_Row):
    context: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answers: list[_Answer]
    group: str

    @model_validator(mode="after")
    def _stand_there(self) -> _Question:
        for answer in self.answers:
            if not self.context.startswith(answer.text, answer.answer_start):
                raise ValueError(
                    f"the answer {answer.text[:40]!r} does not stand at {answer.answer_start} in the context"
                )
        return self

    def example(self) -> Question:
        answers = tuple(Answer(answer.text, answer.answer_start) for answer in self.answers)
        return Question(self.id, self.context, self.question, answers, self.group)


class _Choice(_Row):
    premise: str = Field(min_length=1)
    question: str
    choices: list[str] = Field(min_length=2)
    label: int = Field(ge=0)

    @model_validator(mode="after")
    def _in_range(self) -> _Choice:
        if self.label >= len(self.choices):
            raise ValueError(f"label {self.label} of {len(self.choices)} choices")
        return self

    def example(self) -> Choice:
        return Choice(self.id, self.premise, self.question, tuple(self.choices), self.label)


_ROWS: kinds.Halves[type[_Pair] | type[_Tagged] | type[_Question] | type[_Choice]] = kinds.Halves("translated rows")
_ROWS.register(kinds.PAIR, _Pair)
_ROWS.register(kinds.TAGGED, _Tagged)
_ROWS.register(kinds.QUESTION, _Question)
_ROWS.register(kinds.CHOICE, _Choice)


# --- reading


def can_be(task: TrainingTask) -> bool:
    """Whether there may be translations of a task."""
    return task.kind in _ROWS


def place(folder: Path, task: str, language: str, split: str) -> Path:
    """Where the JSON lines of a task lie below a data folder."""
    return folder / FOLDER / task / f"{language}.{split}.jsonl"


def manifest_place(rows: Path) -> Path:
    """Where the manifest of a file of JSON lines lies."""
    return rows.with_name(files.plain_name(rows).removesuffix(".jsonl") + ".manifest.json")


def load(task_name: str, language: str, split: str, folder: Path) -> tuple[tuple[Translated, ...], tuple[Path, ...]]:
    """The examples of one task in one language, in file order, and the files they were read from.

    Raises `MissingData` where there is no such file, `DataError` naming file and line where it breaks the format or is
    not the one its manifest describes, `UnknownName` for a task or language that does not exist.
    """
    task, code = training_task(task_name), language_of(language).code
    wanted = place(folder, task.name, code, split)
    path = files.find(folder, [wanted.relative_to(folder).as_posix()])
    if path is None:
        raise MissingData(
            f"no {split} translations of {task.name} into {code!r} under {folder}; looked for "
            f"{wanted.relative_to(folder)} (also with .gz or .xz); make them with xstilts translate {task.name} "
            f"--to {code}"
        )
    manifest = read_manifest(path)
    if manifest and manifest.sha256 != files.sha256(path):
        raise DataError(
            f"{path} is not the file that {manifest_place(path).name} describes (its sha256 differs); translate again, "
            "or remove the manifest of a file that was changed on purpose"
        )
    examples = tuple(_examples(path, task, code))
    if not examples:
        raise DataError(f"{path}: no examples")
    return examples, (path,)


def read_manifest(rows: Path) -> Manifest | None:
    """The manifest of a file of JSON lines, None where there is none; raises `DataError`."""
    path = manifest_place(rows)
    if not path.is_file():
        return None
    try:
        return Manifest.model_validate(files.read_json(path))
    except ValidationError as error:
        raise DataError(f"{path}: {complaint(error)}; translate again, or remove the file") from error


def _examples(path: Path, task: TrainingTask, language: str) -> Iterator[Translated]:
    row = _ROWS.of(task.kind)
    for number, line in files.lines(path):
        content = reading.parse_json(line, path, number)
        if not isinstance(content, dict):
            raise DataError(f"{path}, line {number}: a JSON object was expected, not {type(content).__name__}")
        try:
            found = row.model_validate(content)
            _check(found, task, language)
        except ValueError as error:
            what = complaint(error) if isinstance(error, ValidationError) else str(error)
            raise DataError(f"{path}, line {number}: {what}") from error
        yield found.example()


def _check(row: _Pair | _Tagged | _Question | _Choice, task: TrainingTask, language: str) -> None:
    """What one line can break that depends on the task; raises `ValueError`."""
    if row.family not in (None, task.name):
        raise ValueError(f"the dataset is {row.family!r}, the file's task {task.name!r}")
    if row.language not in (None, language):
        raise ValueError(f"the language is {row.language!r}, the file's {language!r}")
    if isinstance(row, _Pair) and task.labels and row.label >= len(task.labels):
        raise ValueError(f"label {row.label}; {task.name} has {len(task.labels)} ({', '.join(task.labels)})")
    if isinstance(row, _Tagged) and task.labels and (strange := set(row.tags) - set(task.labels)):
        raise ValueError(f"unknown tag {min(strange)!r}; {task.name} has {', '.join(task.labels)}")


# --- writing


def text(examples: Iterable[Translated], task: str, language: str) -> str:
    """The JSON lines of examples, equal for equal examples."""
    rows = [document(example, task, language) for example in examples]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def digest(lines: str) -> str:
    """sha256 of JSON lines, as a manifest holds it."""
    return hashlib.sha256(lines.encode()).hexdigest()


def write(path: Path, lines: str, manifest: Manifest) -> None:
    """Write both files, each whole or not at all; the manifest first, so that lines of ours are never without one."""
    write_atomically(manifest_place(path), manifest.model_dump_json(indent=1) + "\n")
    write_atomically(path, lines)


def notes(paths: Sequence[Path]) -> tuple[str, ...]:
    """What is to be said of files of translations: model and what was dropped, or that their origin is unknown."""
    found = []
    for path in paths:
        manifest = read_manifest(path)
        name = files.plain_name(path)
        found.append(f"{name}: {manifest.summary}, by {manifest.model}" if manifest else f"{name}: no manifest")
    return tuple(found)
