"""`model_zoo.yaml` and the files it includes → models, sources and one typed record per published number.

A file holds `models`, `sources` and `tables`; a table says once what its rows share, and a row gives the values of one
model by language. A row may override anything its table says. Unknown keys are refused, "unknown" is written out, and
a number that is not there is absent, never 0.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from xstilts_eval import reading
from xstilts_eval.errors import DataError, UnknownName
from xstilts_eval.paths import zoo_path
from xstilts_eval.validation import complaint

SHIPPED = "shipped"
"""Word in `include` for the package's own model_zoo.yaml."""
AVERAGE = "avg"
"""What stands for a language in the mean over languages."""

Unknown = Literal["unknown"]
Scale = Literal["fraction", "percent"]
Confidence = Literal["seen", "secondary", "recalled"]
Number = Annotated[float, Strict()]
"""Neither words nor YAML's yes and no, which would become 1 and 0."""
Architecture = Literal["encoder", "encoder-decoder", "decoder", "dual-encoder", "static", "other", "unknown"]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


class Source(_Frozen):
    """Where numbers were published: title, address, table or file in it; `read_in` is the copy that was read."""

    key: str
    title: str = Field(min_length=1)
    url: str
    table: str
    read_in: str = ""


class Evaluate(_Frozen):
    """How a model is evaluated so that its records can be met; what is absent was not published or does not apply.

    `heads` is ``family: hub id`` of heads that are published with the model; `layer` is "last" or a number from 0.
    """

    recipe: str | None = None
    heads: dict[str, str] | None = None
    layer: str | int | None = None
    pooling: str | None = None
    prompt: str | None = None
    max_length: int | None = None
    direction: str | None = None
    note: str | None = None


class Copy(_Frozen):
    """What a quantised copy is a copy of, and how far its scores lie from those of the original, for no other reason.

    Rounded weights change some answers, right to wrong and wrong to right alike. `variance` is that of the difference
    of the two scores in units of p (1 - p) / n, the variance of one score, by metric; `reason` says how it was
    measured.
    """

    model: str
    variance: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    reason: str = Field(min_length=1)


class Model(_Frozen):
    """One checkpoint: `parameters` in total, `languages` as codes or as a number where only that is published."""

    name: str = Field(min_length=1)
    hub_id: str = Field(min_length=1)
    revision: str = Field(min_length=1)
    architecture: Architecture
    parameters: Annotated[int, Field(ge=0)] | Unknown
    languages: tuple[str, ...] | int | Unknown
    licence: str = Field(min_length=1)
    parent: str = Field(min_length=1)
    weights_sha256: str | None = None
    note: str = ""
    evaluate: Evaluate = Evaluate()
    copy_of: Copy | None = None


class Record(_Frozen):
    """One number as somebody published it, in the published scale: "fraction" 0-1, "percent" 0-100.

    `family` is the task family whose score it can be compared with, or "none", and `note` then says why. `language`
    is our code, a pair of FLORES codes, a LASER code for `bitext_tatoeba`, or "avg". `tolerance` and `stderr` are in
    the same scale as `value`; `n` is the number of scored examples, of an average that of its smallest language.
    `copy_of` names the model that the number was published of, where `model` is a quantised copy (`Copy`).
    `derived` numbers are unweighted means computed from published ones. `recalled` numbers were read nowhere and may
    never decide anything.
    """

    model: str
    stage: str
    setting: str
    benchmark: str
    benchmark_version: str
    family: str
    task: str
    language: str
    metric: str
    value: float
    scale: Scale
    tolerance: float | None = Field(default=None, ge=0)
    tolerance_reason: str = ""
    n: int | None = Field(default=None, gt=0)
    stderr: float | None = Field(default=None, ge=0)
    source: str
    confidence: Confidence
    derived: bool = False
    note: str = ""
    data_revision: str | None = None
    model_revision: str | None = None
    signature: str | None = None
    copy_of: str | None = None
    copy_variance: float | None = None

    @property
    def percent(self) -> float:
        """The value on the scale 0-100."""
        return self.value * 100 if self.scale == "fraction" else self.value

    @property
    def half_digit(self) -> float:
        """Half a unit of the last digit that was printed, on the scale 0-100; zeros at the end are not seen."""
        digits = re.sub(r"e.*$", "", repr(self.value).partition(".")[2])
        exponent = int(found.group(1)) if (found := re.search(r"e(-?\d+)$", repr(self.value))) else 0
        unit: float = 10.0 ** (exponent - len(digits))
        return 0.5 * unit * (100 if self.scale == "fraction" else 1)

    @property
    def key(self) -> tuple[str, ...]:
        """What the number is about: two records with one key must give one value, whatever their source."""
        return (
            self.model,
            self.stage,
            self.setting,
            self.benchmark,
            self.benchmark_version,
            self.family,
            self.task,
            self.metric,
            self.model_revision or "",
            self.data_revision or "",
            self.language,
        )


class Size(_Frozen):
    """Documents of a family's official test set, in every language or by language; `read_in` says where that stands."""

    n: Annotated[int, Field(gt=0)] | dict[str, Annotated[int, Field(gt=0)]]
    read_in: str = Field(min_length=1)

    def of(self, language: str) -> int | None:
        """Of an average those of its smallest language."""
        if isinstance(self.n, int):
            return self.n
        return min(self.n.values()) if language == AVERAGE else self.n.get(language)


class Known(_Frozen):
    """A finding of ``xstilts zoo check`` that stands in the publications themselves, and why it is left standing."""

    finding: str
    reason: str = Field(min_length=1)


class Zoo(_Frozen):
    """Everything that was read: models and sources by name, records in the order of the files."""

    models: dict[str, Model]
    records: tuple[Record, ...]
    sources: dict[str, Source]
    sizes: dict[str, Size] = {}
    known: tuple[Known, ...] = ()

    def model(self, name: str) -> Model:
        """The model of this name; raises `UnknownName` with close matches."""
        if name not in self.models:
            raise UnknownName.of("model of the zoo", name, self.models)
        return self.models[name]

    def parse(self, text: str) -> tuple[str, str | None]:
        """``MODEL`` or ``MODEL@STAGE``, where the name of a model may itself hold an @; raises `UnknownName`."""
        name, sign, stage = text.rpartition("@")
        if text in self.models or not sign:
            return self.model(text).name, None
        return self.model(name).name, stage or None

    def of(self, model: str, stage: str | None = None) -> tuple[Record, ...]:
        """Records of a model, of one stage where given; raises `UnknownName` for a name that does not exist.

        Those of a copy are the original's.
        """
        found_model = self.model(model)
        copied = found_model.copy_of
        name = copied.model if copied else found_model.name
        records = tuple(record for record in self.records if record.model == name)
        if copied:
            records = tuple(_of_copy(record, found_model.name, copied) for record in records)
        if stage is None:
            return records
        found = tuple(record for record in records if record.stage == stage)
        if not found:
            raise UnknownName.of(f"stage of {model}", stage, {record.stage for record in records})
        return found


def _of_copy(record: Record, name: str, copied: Copy) -> Record:
    """A record as one of a copy; of means over languages nothing is known."""
    variance = None if record.language == AVERAGE else copied.variance.get(record.metric)
    changes = {"model": name, "copy_of": copied.model, "copy_variance": variance, "tolerance": None}
    return record.model_copy(update=changes)


class _Shared(_Frozen):
    """What a table says for all of its rows; a row may say it anew."""

    stage: str | None = None
    setting: str | None = None
    benchmark: str | None = None
    benchmark_version: str | None = None
    family: str | None = None
    task: str | None = None
    metric: str | None = None
    scale: Scale | None = None
    tolerance: float | None = None
    tolerance_reason: str | None = None
    n: int | dict[str, int] | None = None
    source: str | None = None
    confidence: Confidence | None = None
    data_revision: str | None = None
    model_revision: str | None = None
    signature: str | dict[str, str] | None = None


class Column(_Frozen):
    """What one column of a table is about, where a row holds several tasks in one `language`."""

    family: str
    task: str
    metric: str


class Row(_Shared):
    """Values of one model by language, or its `cells` by column of the table.

    `derived` holds means computed from the values; `stderr`, `n` and `signature` may go by language.
    """

    model: str
    values: dict[str, Number] = {}
    derived: dict[str, Number] = {}
    cells: dict[str, Number] = {}
    language: str = "avg"
    stderr: dict[str, float] = {}
    note: str = ""


class Table(_Shared):
    """Rows and what they share; the `note` is every row's."""

    note: str = ""
    columns: dict[str, Column] = {}
    rows: tuple[Row, ...] = Field(min_length=1)


class File(_Frozen):
    """One YAML file of the zoo; `include` names further ones, relative to it."""

    include: tuple[str, ...] = ()
    models: tuple[Model, ...] = ()
    sources: dict[str, dict[str, str]] = {}
    sizes: dict[str, Size] = {}
    tables: tuple[Table, ...] = ()
    known: tuple[Known, ...] = ()


_JUST_NOW = 2_000_000_000
"""Nanoseconds: a file that was written so lately may be written again within one tick of the file system's clock."""


def load(path: Path | None = None) -> Zoo:
    """The zoo of a file and of all it includes; default: the shipped one.

    Raises `MissingData` for a file that is not there and `DataError`, naming file and place, for one that breaks the
    schema, names a model or source that does not exist, or repeats a model or source.
    """
    models: dict[str, Model] = {}
    sources: dict[str, Source] = {}
    sizes: dict[str, Size] = {}
    known: list[Known] = []
    files = list(_with_included(path or zoo_path(), seen=set()))
    for place, file in files:
        for model in file.models:
            _once(models, model.name, model, f"{place}: model")
        for key, fields in file.sources.items():
            _once(sources, key, _checked(Source, {**fields, "key": key}, f"{place}: source {key}"), f"{place}: source")
        for family, size in file.sizes.items():
            _once(sizes, family, size, f"{place}: sizes")
        known.extend(file.known)
    for model in models.values():
        if model.copy_of and (model.copy_of.model not in models or models[model.copy_of.model].copy_of):
            raise DataError(f"{model.name} is a copy of {model.copy_of.model!r}, which is no model of the zoo's own")
    records: list[Record] = []
    for place, file in files:
        for number, table in enumerate(file.tables, start=1):
            for index, row in enumerate(table.rows, start=1):
                where = f"{place}: table {number}, row {index} ({row.model})"
                records.extend(records_of(table, row, models, sources, where, sizes))
    return Zoo.model_construct(models=models, records=tuple(records), sources=sources, sizes=sizes, known=tuple(known))


def read_file(path: Path) -> File:
    """One file without what it includes; raises `MissingData` and `DataError`, naming file and place."""
    try:
        stat = path.stat()
    except OSError:
        return _read(path)  # which says what is wrong
    if time.time_ns() - stat.st_mtime_ns < _JUST_NOW:
        return _read(path)
    return _read_once(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=32)
def _read_once(path: Path, size: int, changed: int) -> File:
    """A file that has not changed is parsed once a process: the shipped ones take a second."""
    return _read(path)


def _read(path: Path) -> File:
    file: File = _checked(File, reading.read_yaml(path, "a YAML file of the zoo"), str(path))
    return file


def _with_included(path: Path, seen: set[Path]) -> Iterator[tuple[str, File]]:
    """Files in the order in which they are named, each once."""
    if path.resolve() in seen:
        return
    seen.add(path.resolve())
    file = read_file(path)
    yield str(path), file
    for name in file.include:
        yield from _with_included(zoo_path() if name == SHIPPED else path.parent / name, seen)


T = TypeVar("T")


def _once(found: dict[str, T], key: str, value: T, where: str) -> None:
    if key in found:
        raise DataError(f"{where} {key!r} is there twice; give every name once")
    found[key] = value


_NEEDED = (
    "stage", "setting", "benchmark", "benchmark_version", "family", "task", "metric", "scale", "source", "confidence",
)  # fmt: skip


def records_of(
    table: Table,
    row: Row,
    models: Mapping[str, Model],
    sources: Collection[str],
    where: str,
    sizes: Mapping[str, Size] | None = None,
) -> Iterator[Record]:
    """Records of one row; `where` names the place in an error. Raises `DataError` as `load` does.

    Numbers whose table says no `n` take that of `sizes`, by family; recalled ones have none, as they decide nothing.
    """
    shared = {name: value for name in _Shared.model_fields if (value := _said(table, row, name)) is not None}
    _check_row(table, row, where)
    if row.model not in models:
        raise DataError(f"{where}: {UnknownName.of('model', row.model, models)}")
    note = "; ".join(part for part in (row.note, table.note) if part)
    for language, value, own in _numbers(table, row):
        fields = {**shared, "model": row.model, "language": language, "value": value, "note": note, **own}
        missing = [name for name in _NEEDED if name not in fields]
        if missing:
            raise DataError(f"{where} does not say its {', '.join(missing)}; give it in the row or in its table")
        if fields["source"] not in sources:
            raise DataError(f"{where}: {UnknownName.of('source', str(fields['source']), sources)}")
        if (
            "n" not in fields
            and fields["confidence"] != "recalled"
            and (size := (sizes or {}).get(str(fields["family"])))
        ):
            fields["n"] = size.of(language)
        fields["n"] = _of(fields.get("n"), language)
        fields["signature"] = _of(fields.get("signature"), language)
        yield _checked(Record, fields, f"{where}, {language}")


def _numbers(table: Table, row: Row) -> Iterator[tuple[str, float, dict[str, object]]]:
    """Language, value and what only this number says."""
    for column, value in row.cells.items():
        yield row.language, value, dict(table.columns[column])
    for language, value in row.values.items():
        yield language, value, {"stderr": row.stderr.get(language)}
    for language, value in row.derived.items():
        yield language, value, {"derived": True}


def _check_row(table: Table, row: Row, where: str) -> None:
    if twice := set(row.values) & set(row.derived):
        raise DataError(f"{where} gives {', '.join(sorted(twice))} as published and as derived; keep one of them")
    if not (row.values or row.derived or row.cells):
        raise DataError(f"{where} has no values")
    if other := sorted(set(row.cells) - set(table.columns)):
        raise DataError(f"{where}: {UnknownName.of('column', other[0], table.columns)}")
    for name in ("n", "stderr", "signature"):
        by_language = getattr(row, name)
        if isinstance(by_language, dict) and (foreign := sorted(set(by_language) - set(row.values))):
            raise DataError(f"{where} gives {name} for {', '.join(foreign)}, which has no value")


def _said(table: Table, row: Row, name: str) -> Any:
    own = getattr(row, name)
    return own if own is not None else getattr(table, name)


def _of(given: Any, language: str) -> Any:
    return given.get(language) if isinstance(given, dict) else given


def _checked(kind: Any, fields: Mapping[str, Any], where: str) -> Any:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise DataError(f"{where}: {complaint(error)}") from error
