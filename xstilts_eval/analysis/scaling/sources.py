"""Models with sizes for `scaling`, from a table, from runs or from the zoo."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
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
from xstilts_eval.benchmark import FAMILIES
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
        shared = _shared(path, rows, benchmark, outcome) if language == "avg" else None
        lacking = () if shared is None else tuple(row.language for row in scores if row.language not in shared)
        for o in averaged([row for row in scores if row.language not in lacking], language):
            found.append(
                Sized(model, benchmark, outcome, o.value, o.half_width, float(parameters or 0), embeddings, group,
                      bases, o.language, o.baseline, o.seeds, lacking)
            )  # fmt: skip
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


def _shared(path: Path, rows: Sequence[TableRow], benchmark: str, outcome: str) -> set[str]:
    """Languages that every model of the table has; averages that the table gives itself are taken as they are.

    Means over other languages are other quantities. Raises `DataError` where models have none in common.
    """
    own: dict[str, set[str]] = {}
    for row in rows:
        if (row.benchmark, row.outcome) == (benchmark, outcome):
            own.setdefault(row.model, set()).add(canonical(row.language))
    given = {model for model, languages in own.items() if "avg" in languages}
    return _in_all(
        {model: languages for model, languages in own.items() if model not in given}, str(path), benchmark
    ) | {code for model in given for code in own[model]}


def _in_all(own: Mapping[str, Collection[str]], where: str, benchmark: str) -> set[str]:
    shared = set.intersection(*map(set, own.values())) if own else set()
    if own and not shared:
        raise DataError(
            f"{where}: {' and '.join(list(own)[:2])} have no language of {benchmark} in common, so their means cannot "
            "share one fit; give the same languages, or name one by --language"
        )
    return shared


def sized_from_runs(path: Path, inner: str, language: str) -> list[Sized]:
    """Gains (where a baseline is named) or scores of runs listed in a CSV, in one language or averaged."""
    if not path.is_file():
        raise MissingData(f"{path} does not exist; give a CSV with the columns {', '.join(RunRow.model_fields)}")
    rows: list[RunRow] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for raw in reader:
            try:
                rows.append(RunRow.model_validate({name: value for name, value in raw.items() if value != ""}))
            except (ValidationError, TypeError) as error:
                said = complaint(error) if isinstance(error, ValidationError) else error
                raise DataError(f"{path}, line {reader.line_num}: {said}") from error
    scored = {place: _scores(row, path.parent, inner) for place, row in enumerate(rows)}
    found: list[Sized] = []
    for place in scored:
        for benchmark in dict.fromkeys(one.benchmark for one in scored[place]):
            found += _of_run(path, rows, place, scored, benchmark, inner, language)
    return found


def _scores(row: RunRow, folder: Path, inner: str, only: Collection[str] | None = None) -> list[Observation]:
    return from_runs(folder / row.run, folder / row.baseline if row.baseline else None, inner, only=only)


def _of_run(
    path: Path,
    rows: Sequence[RunRow],
    place: int,
    scored: Mapping[int, Sequence[Observation]],
    benchmark: str,
    inner: str,
    language: str,
) -> list[Sized]:
    """One model on one benchmark; where its runs lack languages that others have, over those that all have."""
    row, folder = rows[place], path.parent
    parameters, embeddings = _size(row, folder)
    own = [one for one in scored[place] if one.benchmark == benchmark]
    lacking: tuple[str, ...] = ()
    if language == "avg":
        sets = {
            rows[other].model: {one.language for one in found if one.benchmark == benchmark} - {"avg"}
            for other, found in scored.items() if any(one.benchmark == benchmark for one in found)
        }  # fmt: skip
        shared = _in_all(sets, str(path), benchmark)
        lacking = tuple(sorted(sets[row.model] - shared))
        if lacking:
            only = [FAMILIES[benchmark].leaf(FAMILIES[benchmark].spelled(code)) for code in shared]
            own = _scores(row, folder, inner, only)
    return [
        Sized(row.model, o.benchmark, o.outcome, o.value, o.half_width, parameters, embeddings, row.group, row.bases,
              baseline=o.baseline, seeds=o.seeds, left_out=lacking)
        for o in averaged(own, language)
    ]  # fmt: skip


def _size(row: RunRow, folder: Path) -> tuple[float, float | None]:
    if row.parameters is not None:
        return row.parameters, row.embedding_parameters
    if row.weights is None:
        raise DataError(f"{row.model}: give parameters, or weights (a folder with safetensors) to count them in")
    counted = sizes.count(folder / row.weights)
    return counted.parameters, float(counted.embeddings)


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
