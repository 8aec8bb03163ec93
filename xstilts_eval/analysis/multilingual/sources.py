"""The arms of `multilingual` from runs or a score table, and which languages the multilingual one was trained on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xstilts_eval import bundle, paths, reading
from xstilts_eval.analysis import observations
from xstilts_eval.analysis.features import features
from xstilts_eval.analysis.multilingual.analyse import Arms
from xstilts_eval.analysis.observations import ENGLISH, Observation, TableRow
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import MissingData, PredictionError, SettingError, XstiltsError
from xstilts_eval.results import gains, record
from xstilts_eval.results.alignment import Reader
from xstilts_eval.results.run import Run

RECIPE = "recipe.json"
_NOT_COMPARED = frozenset({"name", "description", "source_language", "language", "seeds"})
"""Parts of a recipe in which two arms are meant to differ."""


def benchmark_of(folder: Path, family: str | None) -> str:
    """The one benchmark of a run that fits `family`; raises `SettingError` for none, `PredictionError` for several."""
    groups = sorted({leaf.family.group for leaf in record.read(folder).leaves})
    found = [group for group in groups if observations.is_called(group, family)]
    if not found:
        raise SettingError(f"{folder} has no results on {family}; there is: {', '.join(groups)}")
    if len(found) > 1:
        raise PredictionError(f"{folder} has results of different benchmarks ({', '.join(found)}); name one by --tasks")
    return found[0]


def from_runs(runs: Sequence[Run], benchmark: str) -> Arms:
    """Gains of both arms and their difference, from baseline, English and multilingual arm with the same seeds.

    Raises `PredictionError` where the runs scored other tasks or documents.
    """
    base, english, other = runs
    between = f"{other.name} - {english.name}"
    pairs = ((english.name, base, english), (other.name, base, other), (between, english, other))
    family, reader = FAMILIES[benchmark], Reader()
    rows: list[list[Observation]] = []
    lacking: list[str] = []
    for name, before, after in pairs:
        pairing = gains.pair(before, after, reader)
        lacking += [f"{family.title} {line}" for line in pairing.left_out.get(benchmark, ())]
        if family not in pairing.families:
            raise PredictionError(f"{before.places[0]} and {after.places[0]} have not both scored {benchmark}")
        rows.append(observations.from_gains(name, pairing.gains(family)))
    return Arms(tuple(rows[0]), tuple(rows[1]), tuple(rows[2]), left_out=tuple(dict.fromkeys(lacking)))


def from_table(
    rows: Sequence[TableRow], baseline: str | None, english: str, multilingual: str, family: str | None
) -> Arms:
    """The arms from a table's models: rows of gains, or of scores over the scores of `baseline`.

    Intervals are joined as if models were independent, so those of parallel test sets are too wide.
    """
    known = observations.from_table(rows)
    outcome: observations.Outcome = "score" if baseline else "gain"
    sides = [observations.select(known, outcome, family, model) for model in (english, multilingual)]
    if baseline:
        base = {(row.benchmark, row.language): row for row in observations.select(known, "score", family, baseline)}
        before, after = ([_minus(r, base[k], r.model) for r in side if (k := (r.benchmark, r.language)) in base]
                         for side in sides)  # fmt: skip
    else:
        before, after = sides
    scores = {(row.benchmark, row.language): row for row in sides[0]}
    both = {(row.benchmark, row.language) for row in before} & {(row.benchmark, row.language) for row in after}
    name = f"{multilingual} - {english}"
    difference = [_minus(row, scores[key], name) for row in sides[1] if (key := (row.benchmark, row.language)) in both]
    if not difference:
        raise PredictionError(f"{english} and {multilingual} have no language of one benchmark in common")
    return Arms(tuple(before), tuple(after), tuple(difference))


def _minus(one: Observation, other: Observation, name: str) -> Observation:
    widths = (one.half_width, other.half_width)
    half = None if None in widths else math.hypot(*(width or 0.0 for width in widths))
    start = other.value if one.outcome == "score" else None
    return replace(one, model=name, outcome="gain", value=one.value - other.value, half_width=half, baseline=start,
                   seeds=observations.fewest_seeds([one, other]))  # fmt: skip


def trained_on(folders: Sequence[Path], benchmark: str) -> tuple[str, ...]:
    """Languages of all labelled data behind what answered `benchmark`, as results or else the bundle say; () if none.

    Masked text does not count. Seeds that were trained on other languages raise `PredictionError`.
    """
    found: dict[tuple[str, ...], Path] = {}
    for folder in folders:
        run = record.read(folder)
        said = {code for leaf in run.leaves if leaf.family.group == benchmark for code in leaf.trained_on}
        found.setdefault(tuple(sorted(said)) or _of_bundle(run.checkpoint_folder), folder)
    if len(found) > 1:
        shown = "; ".join(f"{folder}: {', '.join(codes) or 'not said'}" for codes, folder in found.items())
        raise PredictionError(f"the seeds were not trained on the same languages ({shown})")
    return next(iter(found))


def _of_bundle(checkpoint: Path) -> tuple[str, ...]:
    """Languages of the encoder of a bundle that is on this machine."""
    manifest = _manifest(checkpoint)
    if manifest is None:
        return ()
    return tuple(sorted(manifest.languages.get(manifest.language_model or manifest.encoder or "", ())))


def _manifest(checkpoint: Path) -> bundle.Bundle | None:
    if not (checkpoint / bundle.MANIFEST).is_file():
        return None
    try:
        return bundle.read(checkpoint)
    except XstiltsError:
        return None


def the_mix(said: Sequence[str], given: Sequence[str], english_said: Sequence[str]) -> tuple[str, ...]:
    """The languages of the mix: what the multilingual arm was trained on and the English-only one was not.

    `given` (codes of any standard) stands in where the run does not say. Raises `MissingData` when neither does, and
    `PredictionError` where they disagree, or the English-only arm saw data of the mix.
    """
    codes = tuple(sorted({features(code).code for code in given}))
    if not said and not codes:
        raise MissingData("no run says which languages the multilingual arm was trained on; give --trained-on de,sw")
    if said and codes and set(said) - {ENGLISH} != set(codes) - {ENGLISH}:
        raise PredictionError(
            f"--trained-on names {', '.join(codes)}, but the multilingual arm was trained on {', '.join(said)}"
        )
    mix = said or codes
    if shared := sorted((set(english_said) & set(mix)) - {ENGLISH}):
        raise PredictionError(
            f"the English-only arm was trained on {', '.join(shared)} too; such languages cannot tell the arms apart"
        )
    return tuple(mix)


def notes(english: Path, multilingual: Path, english_said: Sequence[str]) -> list[str]:
    """What the two arms' recipes differ in besides languages, or that this could not be looked up."""
    found = []
    if extra := [code for code in english_said if code != ENGLISH]:
        found.append(f"the English-only arm was trained on {', '.join(extra)} too")
    recipes = [_recipe(record.read(folder).checkpoint_folder) for folder in (english, multilingual)]
    if None in recipes:
        return [*found, "equal examples, steps and labels in both arms are taken on trust: no recipe is at hand"]
    one, other = (dict(_leaves(recipe)) for recipe in recipes)
    differing = sorted(key for key in {*one, *other} if one.get(key) != other.get(key))
    shown = "; ".join(f"{key}: {one.get(key, 'none')} / {other.get(key, 'none')}" for key in differing[:6])
    if differing:
        return [*found, f"besides their languages the recipes differ (English / multilingual): {shown}"]
    return [*found, "the two recipes differ in nothing but languages"]


def _recipe(checkpoint: Path) -> Any:
    try:
        recipe = reading.read_json(checkpoint / RECIPE, "the recipe of a run")["recipe"]
    except (*reading.UNFIT, OSError):
        return None
    base = recipe.get("base") if isinstance(recipe, dict) else None
    if isinstance(base, dict) and str(base.get("model")).startswith(".."):  # relative to its bundle
        base["model"] = str(paths.located(base["model"], checkpoint))
    return recipe


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Plain values of nested data by path, without those in which arms are meant to differ."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _NOT_COMPARED or (key == "name" and path):
                yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}.{number}")
    else:
        yield path, value
