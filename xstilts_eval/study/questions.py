"""The research questions as data: each is answered by commands over the results that the study has kept."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from xstilts_eval import reading
from xstilts_eval.errors import DataError, MissingData, UnknownName
from xstilts_eval.study import pieces
from xstilts_eval.study.grid import Study
from xstilts_eval.validation import complaint
from xstilts_eval.writing import write_atomically

FILE = "questions.yaml"
LADDER = "ladder"
"""Every intermediate task on every base, with parameters, for `analyze scaling --runs`."""
ESTIMATES = "estimates"
"""What suits which target, of each run's first seed, for `analyze relatedness`."""
READERS = ("analyze", "compare", "gains", "score", "show")
"""Commands that a question may run: whoever wrote the file shall not train, push or include code here."""
Run = Callable[[list[str]], bool]
"""Runs a command of `xstilts`, given its words; whether it ended well."""
Say = Callable[[str], None]
_Rows = Sequence[Sequence[object]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Strict):
    """A command of `xstilts` and the cells it reads: patterns of BASE/INTERMEDIATE such as ``e5-12/*``, all seeds.

    ``{results}`` in it is the folder of the results, ``{ladder}`` the table of `LADDER`, ``{estimates}`` that of
    `ESTIMATES`, both of the step's own cells. With `some` it runs on the cells that there are, else when every base and
    intermediate task has a seed. One without cells asks the published numbers.
    """

    command: str
    cells: tuple[str, ...] = ()
    some: bool = False

    @field_validator("command")
    @classmethod
    def _reads(cls, command: str) -> str:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"the command {command!r} cannot be split into words ({error})") from error
        if not words or words[0] not in READERS or any(word.startswith("--include") for word in words):
            raise ValueError(f"the command {command!r} is not one that reads results: {', '.join(READERS)}")
        return command


class Question(_Strict):
    """A question and what answers it; `limits` says what the answer cannot tell."""

    title: str
    steps: tuple[Step, ...] = Field(min_length=1)
    limits: str


class _Questions(_Strict):
    questions: dict[int, Question]


def read(study: Study) -> Mapping[int, Question]:
    """The questions of a study, by number; raises `MissingData` without any, `DataError` for a bad file."""
    file = study.folder / FILE
    if not file.is_file():
        raise MissingData(f"{study.folder} asks no questions: there is no {FILE}; --study names a study that does")
    try:
        return _Questions.model_validate(reading.read_yaml(file, "the questions of a study")).questions
    except ValidationError as error:
        raise DataError(f"{file}: {complaint(error, 'the questions')}") from error


def answer(study: Study, number: int, results: Path, run: Run, say: Say) -> None:
    """Unpack what the question needs and run its commands; what a step lacks is named, and it is left out.

    Raises `UnknownName` for a question that is not asked, `MissingData` where no step can be run.
    """
    asked = read(study)
    if number not in asked:
        raise UnknownName.of("question", str(number), [str(one) for one in asked])
    question = asked[number]
    say(f"{number}. {question.title}")
    kept = pieces.listed(study)
    needed = [str(cell) for cell in study.cells if any(_is_of(str(cell), step) for step in question.steps)]
    if lacking := [name for name in needed if name not in kept]:
        say(f"not made yet: {', '.join(lacking)}")
    answered = [
        _take(study, step, kept, results, f"{number}-{place}", run, say) for place, step in enumerate(question.steps, 1)
    ]
    say(f"What this cannot say: {question.limits}")
    if not any(answered):
        raise MissingData(f"question {number} has too few cells to be answered from; xstilts study run makes them")


def _take(
    study: Study, step: Step, kept: Mapping[str, pieces.Piece], results: Path, name: str, run: Run, say: Say
) -> bool:
    """Run one command; whether it gave an answer.

    A table that it reads is written beside the results under the step's `name`, so that the printed command stays what
    it was when another is answered.
    """
    wanted = [str(cell) for cell in study.cells if _is_of(str(cell), step)]
    there = [name for name in wanted if name in kept]
    if not (there if step.some and wanted else _serves(wanted, there)):
        say(f"left out until they are: xstilts {step.command}")
        return False
    pieces.unpack(study, results, there)
    places = {"results": results}
    for table, rows in ((LADDER, _ladder), (ESTIMATES, _estimates)):
        if f"{{{table}}}" in step.command:
            places[table] = _written(results / f"{table}-{name}.csv", rows(study, there, results))
    command = step.command.format_map({word: shlex.quote(str(place)) for word, place in places.items()})
    say(f"$ xstilts {command}")
    return run(shlex.split(command))


def _is_of(cell: str, step: Step) -> bool:
    row, _, _ = cell.rpartition("/")
    return any(fnmatch(row, pattern) for pattern in step.cells)


def _serves(wanted: list[str], there: list[str]) -> bool:
    """Whether every base and intermediate task of a step has a seed at least."""
    return {name.rpartition("/")[0] for name in wanted} == {name.rpartition("/")[0] for name in there}


def _estimates(study: Study, cells: list[str], results: Path) -> _Rows:
    """`ESTIMATES` over the cells, of each intermediate task the means over the seeds that have one."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for cell in cells:
        for one in pieces.estimates(results / cell):
            found.setdefault((study.cell(cell).intermediate, one.target, one.estimate), []).append(one.value)
    rows: list[list[object]] = [[*place, fmean(values)] for place, values in found.items()]
    return [["intermediate", "target", "estimate", "value"], *rows]


def _ladder(study: Study, cells: list[str], results: Path) -> _Rows:
    """`LADDER` over the runs of the cells that have a baseline on the same base."""
    rows: list[list[object]] = []
    for row in dict.fromkeys(cell.rpartition("/")[0] for cell in cells):
        base, _, between = row.partition("/")
        baseline = study.grid.baseline
        if between == baseline or not (results / base / baseline).is_dir():
            continue
        of = study.grid.bases[base]
        rows.append(
            [row, row, f"{base}/{baseline}", of.parameters, of.embeddings, f"{of.weights} {between}", of.languages]
        )
    header = ["model", "run", "baseline", "parameters", "embedding_parameters", "group", "bases"]
    return [header, *rows]


def _written(file: Path, rows: _Rows) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_atomically(file, text.getvalue())
    return file
