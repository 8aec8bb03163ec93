"""What a kind of dataset is, and how the halves that other packages keep of it are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from xstilts_eval.errors import SettingError, UnknownName

Request = Literal["multiple_choice", "generate_until", "embed"]
T = TypeVar("T")


def _none(_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True)
class Template:
    """The lines of a task's YAML template that all datasets of a kind share, by the host's names.

    `text`, `choices` and `target` name functions of `tasks.prompts`; a dataset may name others. `tokens` is the longest
    answer; 0 for requests that generate none. `shots` is the split that few-shot examples come from, "" for none.
    """

    text: str
    target: str
    choices: str = ""
    tokens: int = 0
    shots: str = "train"


@dataclass(frozen=True, eq=False)
class Kind:
    """What a dataset asks of a model.

    `example` is the dataclass of one item, `request` the host's request type, `rows` what its items are called, and
    `has_labels` says whether datasets of the kind name their classes or tags, `by_word` whether every word has one.
    `learns` says what is trained for it: a head on an encoder, an encoder of its own, or nothing. `tuned_on` is the
    split of the same language that answers depend on, "" for none. `classes_of` gives the classes of a document,
    index or name, one for each word where it is `by_word`, none for kinds that have no classes. `hub_task` is what
    the hub calls the task in model cards. Heads, training rows and translators of a kind are found in the `Halves`
    of their packages, so that nothing here needs torch. A kind registers itself when it is made; raises
    `SettingError` for a name that is taken.
    """

    name: str
    example: type
    request: Request
    template: Template
    rows: str = "pairs"
    has_labels: bool = False
    by_word: bool = False
    learns: Literal["head", "encoder", ""] = "head"
    tuned_on: str = ""
    classes_of: Callable[[Any], Sequence[int | str]] = _none
    hub_task: str = "other"

    @property
    def is_embedded(self) -> bool:
        """Whether sentence vectors answer it."""
        return self.request == "embed"

    @property
    def is_generated(self) -> bool:
        """Whether nothing but a language model answers it."""
        return not (self.is_embedded or self.learns)

    @property
    def value(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Kind({self.name!r})"

    def __post_init__(self) -> None:
        if self.name in KINDS:
            raise SettingError(f"there is a kind {self.name!r} already; give the new one another name")
        KINDS[self.name] = self

    def __reduce__(self) -> tuple[Callable[[str], Kind], tuple[str]]:
        return kind, (self.name,)  # one object each, in copies and in other processes too


KINDS: dict[str, Kind] = {}
"""Every kind by name; those of this package in the order of its `__init__`."""


def kind(name: str) -> Kind:
    """The kind called `name`; raises `UnknownName` with close matches."""
    if name not in KINDS:
        raise UnknownName.of("kind of dataset", name, KINDS)
    return KINDS[name]


class Halves(Generic[T]):
    """What one package knows about kinds: a head for each, or training rows. Modules register what they define."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._of: dict[str, T] = {}

    def register(self, kind: Kind, half: T) -> T:
        """Add a half; raises `SettingError` for a kind that has one already."""
        if kind.name in self._of:
            raise SettingError(f"the kind {kind.name!r} has a {self._what} already; give the new kind another name")
        self._of[kind.name] = half
        return half

    def of(self, kind: Kind) -> T:
        """The half of a kind; raises `UnknownName` with those there are."""
        if kind.name not in self._of:
            known = ", ".join(sorted(self._of)) or "none"
            raise UnknownName(f"no {self._what} for datasets of the kind {kind.name!r}; there is one for: {known}")
        return self._of[kind.name]

    def __contains__(self, kind: Kind) -> bool:
        return kind.name in self._of

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)
