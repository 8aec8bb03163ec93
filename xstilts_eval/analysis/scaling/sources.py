"""Models with sizes for `scaling`, from a table, from runs or from the zoo."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xstilts_eval.analysis import published
from xstilts_eval.analysis.observations import (
    Observation,
    TableRow,
    Which,
    canonical,
    fewest_seeds,
    from_runs,
    from_table,
    is_called,
    read_table,
)
from xstilts_eval.analysis.scaling import sizes
from xstilts_eval.analysis.scaling.analyse import Sized
from xstilts_eval.analysis.scaling.sizes import Bases
from xstilts_eval.errors import DataError, MissingData, PredictionError, SettingError
from xstilts_eval.validation import complaint
from xstilts_eval.zoo import manifest


class RunRow(BaseModel):
    """One row of a CSV of runs; folders are relative to the CSV, sizes counted in the run's weights where empty."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: str = Field(min_length=1)
    run: Path
    baseline: Path | None = None
    weights: Path | None = None
    parameters: float | None = Field(default=None, gt=0)
    embedding_parameters: float | None = Field(default=None, ge=0)
    group: str = "all"
    bases: Bases = "multilingual"


def sized_from_table(path: Path, language: str) -> list[Sized]:
    """Rows of a score table that name parameters, in one language or averaged (``avg``).

    Raises `DataError` when no row names parameters, or when rows of one model name different ones.
    """
    rows = [row for row in read_table(path) if row.parameters]
    if not rows:
        raise DataError(f"{path} names no parameters; scaling needs them beside every score")
    made: dict[tuple[str, str, str], set[tuple[float | None, float | None, str, str]]] = {}
    for row in rows:
        size = (row.parameters, row.embedding_parameters, row.group, row.bases)
        made.setdefault((row.model, row.benchmark, row.outcome), set()).add(size)
    found = []
    for (model, benchmark, outcome), kinds in made.items():
        if len(kinds) > 1:
            raise DataError(
                f"{path}: the rows of {model} on {benchmark} name different parameters, embedding_parameters, group or "
                "bases; they are those of the model, and the same in all its rows"
            )
        ((parameters, embeddings, group, bases),) = kinds
        own = [row for row in rows if (row.model, row.benchmark, row.outcome) == (model, benchmark, outcome)]
        scores = from_table(own)
        _check_languages(path, scores)
        for o in averaged(scores, language):
            found.append(
                Sized(model, benchmark, outcome, o.value, o.half_width, float(parameters or 0), embeddings, group,
                      bases, o.language, o.baseline, o.seeds)
            )  # fmt: skip
    if language == "avg":
        _check_same_languages(path, rows)
    if not found:
        there = ", ".join(sorted({canonical(row.language) for row in rows}))
        raise SettingError(f"{path} has no row of the language {language}; there is: {there}")
    return found


def _check_languages(path: Path, rows: Sequence[Observation]) -> None:
    languages = [row.language for row in rows]
    if twice := next((code for code in languages if languages.count(code) > 1), None):
        raise DataError(
            f"{path}: {twice} occurs twice for {rows[0].model} on {rows[0].benchmark}; keep one value of it"
        )


def _check_same_languages(path: Path, rows: Sequence[TableRow]) -> None:
    """Means over other languages are other quantities; averages that the table gives itself are taken as they are."""
    sets: dict[tuple[str, str], dict[str, set[str]]] = {}
    for row in rows:
        sets.setdefault((row.benchmark, row.outcome), {}).setdefault(row.model, set()).add(canonical(row.language))
    for (benchmark, _), models in sets.items():
        own = {model: languages for model, languages in models.items() if "avg" not in languages}
        for model, languages in own.items():
            first, whole = next(iter(own.items()))
            if lacking := sorted(languages ^ whole):
                raise DataError(
                    f"{path}: {model} and {first} have other languages on {benchmark} ({', '.join(lacking)}), so their "
                    "means cannot share one fit; give the same languages, or name one by --language"
                )


def sized_from_runs(path: Path, inner: str, language: str) -> list[Sized]:
    """Gains (where a baseline is named) or scores of runs listed in a CSV, in one language or averaged."""
    if not path.is_file():
        raise MissingData(f"{path} does not exist; give a CSV with the columns {', '.join(RunRow.model_fields)}")
    found: list[Sized] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for raw in reader:
            try:
                row = RunRow.model_validate({name: value for name, value in raw.items() if value != ""})
            except (ValidationError, TypeError) as error:
                said = complaint(error) if isinstance(error, ValidationError) else error
                raise DataError(f"{path}, line {reader.line_num}: {said}") from error
            found += _of_run(row, path.parent, inner, language)
    return found


def _of_run(row: RunRow, folder: Path, inner: str, language: str) -> list[Sized]:
    baseline = folder / row.baseline if row.baseline else None
    observations = from_runs(folder / row.run, baseline, inner)
    parameters, embeddings = row.parameters, row.embedding_parameters
    if parameters is None:
        if row.weights is None:
            raise DataError(f"{row.model}: give parameters, or weights (a folder with safetensors) to count them in")
        counted = sizes.count(folder / row.weights)
        parameters, embeddings = counted.parameters, float(counted.embeddings)
    return [
        Sized(row.model, o.benchmark, o.outcome, o.value, o.half_width, parameters, embeddings, row.group, row.bases,
              baseline=o.baseline, seeds=o.seeds)
        for o in averaged(observations, language)
    ]  # fmt: skip


def sized_from_zoo(models: Sequence[str], which: Which, language: str) -> list[Sized]:
    """Published scores of models of the zoo; sizes from our table of counts, else the zoo's own total."""
    zoo = manifest.load()
    found = []
    for name in models:
        model = zoo.model(name)
        size = sizes.known_sizes().get(model.hub_id)
        parameters = size.parameters if size else model.parameters
        if parameters == "unknown":
            raise SettingError(f"the zoo does not know the number of parameters of {name}")
        for o in averaged(published.scores(name, which, averages=language == "avg"), language):
            one = Sized(name, o.benchmark, o.outcome, o.value, o.half_width, parameters, None)
            if size:
                one = replace(one, embedding_parameters=size.embedding_parameters, group=size.group, bases=size.bases)
            found.append(one)
    return found


def averaged(rows: Sequence[Observation], language: str) -> list[Observation]:
    """Rows of one language, or of every benchmark its average: as given, else the mean over its languages."""
    if language != "avg":
        return [row for row in rows if row.language == canonical(language)]
    found = []
    for benchmark in dict.fromkeys(row.benchmark for row in rows):
        own = [row for row in rows if row.benchmark == benchmark]
        given = [row for row in own if row.language == "avg"]
        if given:
            found += given
        else:
            first = own[0]
            mean = fmean(row.value for row in own)
            starts = [row.baseline for row in own if row.baseline is not None]
            start = fmean(starts) if len(starts) == len(own) else None
            found.append(
                Observation(first.model, benchmark, "avg", first.outcome, mean, None, start, fewest_seeds(own))
            )
    return found


def chosen(points: Sequence[Sized], family: str | None, outcome: str | None) -> list[Sized]:
    """Points of one benchmark and outcome; raises `SettingError` for none, `PredictionError` for a mixture."""
    found = [
        point for point in points
        if is_called(point.benchmark, family)
        and (outcome is None or point.outcome == outcome)
    ]  # fmt: skip
    if not found:
        there = sorted({f"{p.outcome} on {p.benchmark} in {p.language}" for p in points})
        raise SettingError(f"nothing fits --tasks and --outcome; there is: {'; '.join(there[:8])}")
    names = sorted({point.benchmark for point in found})
    if len(names) > 1:
        raise PredictionError(f"several benchmarks ({', '.join(names)}) cannot share one fit; name one by --tasks")
    return found
