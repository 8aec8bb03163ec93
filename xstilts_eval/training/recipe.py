"""Recipes: base, intermediate stages, targets and seeds as data; read from YAML, refused where anything is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from xstilts_eval import reading
from xstilts_eval.errors import DataError, SettingError, UnknownName
from xstilts_eval.languages import language
from xstilts_eval.paths import recipes_path
from xstilts_eval.training.batches import Sampling
from xstilts_eval.training.mlm import MlmSettings
from xstilts_eval.training_tasks import TrainingTask, training_task
from xstilts_eval.validation import complaint, place


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _language_codes(value: Any) -> tuple[str, ...]:
    """One code or several; raises `UnknownName` for one that XTREME(-R) does not have, `ValueError` for none."""
    codes = (value,) if isinstance(value, str) else value
    if not isinstance(codes, list | tuple) or not codes or not all(isinstance(code, str) for code in codes):
        raise ValueError(f"source_language {value}: give one code or a list of codes")
    if len(set(codes)) < len(codes):
        raise ValueError(f"source_language {list(codes)}: name each language once")
    return tuple(language(code).code for code in codes)


Languages = Annotated[tuple[str, ...], BeforeValidator(_language_codes)]
_LANGUAGE_KEYS = frozenset({"source_language", "language"})
"""`language` is what a task's `source_language` was called before a stage had one too."""


class Base(_Strict):
    """The checkpoint everything starts from: a folder, or a hub id at a pinned `revision` (a commit)."""

    model: str
    revision: str | None = None


class Entry(_Strict):
    """What is said of a task: which examples, its share of a mixture, and settings that differ from the stage's.

    The task may be one that nothing here knows, as long as nobody trains it.

    `source_language` names the languages of the training data, one (``ko``) or several (``[ko, sw]``), whose examples
    are put together; by default the stage's. With `split` ``dev``, for tasks whose training file is not at hand, the
    first `holdout` examples of each language stay the development set.
    """

    name: str
    source_language: Languages = Field(default=("en",), validation_alias=AliasChoices("source_language", "language"))
    split: Literal["train", "dev"] = "train"
    holdout: int = Field(default=0, ge=0)
    weight: float | None = Field(default=None, ge=0)
    settings: dict[str, JsonValue] = {}


class TaskEntry(Entry):
    """A task that is trained on: raises `UnknownName` for a name that no task has."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        training_task(name)
        return name

    @property
    def task(self) -> TrainingTask:
        return training_task(self.name)


def _with_entries(values: Any) -> Any:
    """Tasks given by name alone in their long form, with the stage's languages where they name none."""
    if not isinstance(values, Mapping) or not isinstance(values.get("tasks") or (), (list, tuple)):
        return values
    found = []
    for value in values.get("tasks") or ():
        entry = {"name": value} if isinstance(value, str) else value
        if isinstance(entry, Mapping) and "source_language" in values and not entry.keys() & _LANGUAGE_KEYS:
            entry = {**entry, "source_language": values["source_language"]}
        found.append(entry)
    return {**values, "tasks": found}


class Mixture(_Strict):
    """How the tasks of one stage share its steps; see `batches.Sampling`."""

    method: Literal["proportional", "capped", "temperature", "uniform", "weights"] = "proportional"
    cap: int | None = Field(default=None, ge=1)
    temperature: float = Field(default=1.0, gt=0)

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.method, self.cap, self.temperature)


class Stage(_Strict):
    """One intermediate stage: a task or a mixture, with masked-language-model steps in between where `mlm` is set.

    `source_language` is that of all its tasks which do not name their own.
    """

    tasks: tuple[TaskEntry, ...] = Field(min_length=1)
    source_language: Languages = ("en",)
    mixture: Mixture = Mixture()
    mlm: MlmSettings | None = None
    preset: str = "paper"
    settings: dict[str, JsonValue] = {}

    _short = model_validator(mode="before")(_with_entries)


class Targets(_Strict):
    """Target tasks, each trained from the same weights in a stage of its own (a language model: all in one).

    `source_language` as for `Stage`.
    """

    tasks: tuple[TaskEntry, ...] = ()
    source_language: Languages = ("en",)
    preset: str = "jiant"
    settings: dict[str, JsonValue] = {}

    _short = model_validator(mode="before")(_with_entries)


class Recipe(_Strict):
    """base → intermediate stages, in order → one stage per target → a bundle, for every seed.

    `reuse_heads`: ``matching`` carries a head on to a task of the same kind with the same labels, ``never`` starts all
    heads anew, as jiant does unless names coincide.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    base: Base
    intermediate: tuple[Stage, ...] = ()
    targets: Targets = Targets()
    seeds: tuple[int, ...] = Field(default=(1,), min_length=1)
    reuse_heads: Literal["matching", "never"] = "matching"

    @field_validator("base", mode="before")
    @classmethod
    def _short_base(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value

    @field_validator("targets", mode="before")
    @classmethod
    def _short_targets(cls, value: Any) -> Any:
        return {"tasks": value} if isinstance(value, (list, tuple)) else value

    @model_validator(mode="after")
    def _does_something(self) -> Recipe:
        if not self.intermediate and not self.targets.tasks:
            raise ValueError("a recipe needs an intermediate stage or a target")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {list(self.seeds)} name one twice")
        return self


def find(name: str) -> Path:
    """The file of a recipe: a path, or the name of one that is shipped; raises `UnknownName`."""
    path = Path(name).expanduser()
    if path.is_file():
        return path
    known = shipped()
    wanted = name.removeprefix("recipes/").removesuffix(".yaml")
    if wanted not in known:
        raise UnknownName.of("recipe", name, known)
    return known[wanted]


def shipped() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    return {file.stem: file for file in sorted(recipes_path().glob("*.yaml"))}


def read(path: Path, base: str | None = None) -> Recipe:
    """Read and validate a recipe, with `base` where it names none; raises `DataError` naming file and key."""
    content = reading.read_yaml(path, "a recipe")
    return validated({"name": path.stem} | ({"base": base} if base else {}) | content, str(path))


def validated(content: Mapping[str, Any], where: str) -> Recipe:
    """A recipe of plain values; raises `DataError` that names the key and what was allowed."""
    try:
        return Recipe(**content)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            holder = _holder(first["loc"][:-1])
            allowed = f"; allowed there: {', '.join(holder.model_fields)}" if holder else ""
            raise DataError(f"{where}: unknown key {place(error)}{allowed}") from error
        raise DataError(f"{where}: {complaint(error, 'the recipe')}") from error


def _holder(path: Iterable[Any]) -> type[BaseModel] | None:
    keys = [part for part in path if isinstance(part, str)]
    classes: dict[tuple[str, ...], type[BaseModel]] = {
        (): Recipe,
        ("base",): Base,
        ("targets",): Targets,
        ("targets", "tasks"): TaskEntry,
        ("intermediate",): Stage,
        ("intermediate", "tasks"): TaskEntry,
        ("intermediate", "mixture"): Mixture,
        ("intermediate", "mlm"): MlmSettings,
    }
    return classes.get(tuple(keys))


def quick(
    base: str,
    intermediate: Iterable[str],
    targets: Iterable[str],
    seeds: Iterable[int] = (1,),
    intermediate_preset: str | None = None,
    target_preset: str | None = None,
) -> Recipe:
    """A recipe from command-line options: the intermediate tasks together in one stage, then the targets.

    Sets of hyper-parameters: ``paper`` for the stage where it has all of its tasks, else ``defaults``; ``jiant`` for
    targets in the same way.
    """
    from xstilts_eval.training.settings import PRESETS

    stage, wanted = list(intermediate), list(targets)
    for name in [*stage, *wanted]:
        training_task(name)

    def preset(given: str | None, usual: str, names: list[str]) -> str:
        known = {training_task(name).name for name in names} <= set(PRESETS[usual])
        return given or (usual if known else "defaults")

    content: dict[str, Any] = {
        "name": "_".join(["xstilts", *stage]) if stage else "baseline",
        "base": base,
        "targets": {"tasks": distinct(wanted), "preset": preset(target_preset, "jiant", wanted)},
        "seeds": tuple(seeds),
    }
    if stage:
        content["intermediate"] = [{"tasks": stage, "preset": preset(intermediate_preset, "paper", stage)}]
    return validated(content, "command line")


def distinct(names: Iterable[str]) -> list[str]:
    """One name per training task: xquad and mlqa are one, SQuAD."""
    return list({training_task(name).name: name for name in reversed(list(names))}.values())[::-1]


def overridden(recipe: Recipe, pairs: Mapping[str, str]) -> Recipe:
    """`recipe` with ``--set``: ``intermediate.limit=500``, ``targets.epochs=1`` change settings of all those stages."""
    content = recipe.model_dump()
    for key, text in pairs.items():
        part, _, name = key.partition(".")
        value = reading.parse_yaml(text, f"--set {key}", fault=SettingError)
        if part == "targets" and name:
            content["targets"]["settings"][name] = value
        elif part == "intermediate" and name:
            for stage in content["intermediate"]:
                stage["settings"][name] = value
        else:
            raise SettingError(f"--set {key}: write intermediate.NAME=VALUE or targets.NAME=VALUE, NAME a setting")
    return validated(content, "--set")
