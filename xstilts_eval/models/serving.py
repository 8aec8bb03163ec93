"""Answers from the store where it has them, else from the model; what that says is kept portion by portion."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts_eval.reading import Json
from xstilts_eval.store import key as keys
from xstilts_eval.store.answers import Answered, Kept, Store
from xstilts_eval.store.key import Key
from xstilts_eval.tasks.leaf import is_filler

if TYPE_CHECKING:
    from xstilts_eval.models.processes import Processes

Facts = Mapping[str, Json]
"""What a results file says of a run beside its scores: lengths in use, how thoughts ended."""
DOCUMENTS = 2048
"""Documents that a head answers before they are kept: seconds of work, and few batches that are not full."""
CONVERSATIONS = 512
"""Documents that a language model answers before they are kept."""


@dataclass(frozen=True)
class Item:
    """One document of a task as this process asks it.

    `places` has for every distinct thing that is asked of it the places of the requests that ask it: the host repeats
    some, so that all processes have as many.
    """

    task: str
    document: Any
    places: tuple[tuple[int, ...], ...]
    digest: str

    @property
    def is_counted(self) -> bool:
        """Whether it is there for itself, and not only to keep a process busy."""
        return not (isinstance(self.document, Mapping) and is_filler(self.document))


Ask = Callable[[Sequence[Item], str], tuple[Sequence[Answered], Facts]]
"""(documents, which part of all they are, for the progress bar) to answers, and the facts that go with them."""


def is_drawn(options: Mapping[str, Any]) -> bool:
    """Whether text is drawn with these options, so that asking again gives another: without any, the host is greedy."""
    return bool(options.get("do_sample")) or options.get("temperature") not in (None, 0)


def items(
    requests: Sequence[Any], places: Iterable[int], with_arguments: bool, apart: Container[str] = ()
) -> list[Item]:
    """The documents behind the requests at `places`, in their order, each once.

    `with_arguments`: what is asked of them, and not the document alone, decides about the answer. Of the tasks `apart`
    equal requests are asked each by itself.
    """
    grouped: dict[tuple[str, int], list[int]] = {}
    for place in places:
        grouped.setdefault((requests[place].task_name, requests[place].doc_id), []).append(place)
    found = []
    for (task, _), own in grouped.items():
        document = requests[own[0]].doc
        if not with_arguments:
            found.append(Item(task, document, (tuple(own),), keys.of(document)[:24]))
            continue
        distinct: dict[str, list[int]] = {}
        for place in own:
            which = place if task in apart else 0
            distinct.setdefault(keys.of([requests[place].args, which]), []).append(place)
        found.append(Item(task, document, tuple(map(tuple, distinct.values())), keys.of([document, *distinct])[:24]))
    return found


class Serving:
    """Answers by way of a store, or straight from the model where there is none. Counts what came from where."""

    def __init__(self, store: Store | None, processes: Processes | None = None) -> None:
        self.store = store
        self.served = self.asked = 0
        self._part = f"-{processes.rank}-of-{processes.world_size}" if processes and processes.world_size > 1 else ""

    def answers(
        self,
        asked: Sequence[Item],
        key: Callable[[str], Key | None],
        ask: Ask,
        size: int,
        remember: Callable[[Facts], None],
    ) -> list[Answered]:
        """One answer per document. `key` gives that of a task, `remember` is told the facts of every task.

        Portions are of documents side by side, `size` of them, whether or not some are kept: after a kill, the rest
        goes through the model in the portions that it would have gone in. What another run is asking for is waited for.
        """
        found: list[Answered | None] = [None] * len(asked)
        shelf = _Shelf(self, key)
        parts = -(-len(asked) // size)
        for part in range(parts):
            places = range(part * size, min((part + 1) * size, len(asked)))
            shelf.turn_to({asked[place].task for place in places})
            missing = self._take(asked, places, found, shelf, remember)
            if not missing:
                continue
            with self.claimed(shelf.key(asked[place].task) for place in missing):
                shelf.read_again()
                if not (missing := self._take(asked, missing, found, shelf, remember)):
                    continue
                chosen = [asked[place] for place in missing]
                said, facts = ask(chosen, f" · {part + 1} of {parts}" if parts > 1 else "")
                remember(facts)
                for place, answer in zip(missing, said, strict=True):
                    found[place] = answer
                for task in dict.fromkeys(item.task for item in chosen):
                    new = {item.digest: one for item, one in zip(chosen, said, strict=True) if item.task == task}
                    shelf.keep(task, new, facts)
            self.asked += len(missing)
        return [one for one in found if one is not None]

    def _take(
        self,
        asked: Sequence[Item],
        places: Iterable[int],
        found: list[Answered | None],
        shelf: _Shelf,
        remember: Callable[[Facts], None],
    ) -> list[int]:
        """Put what is kept of the documents at `places` into `found`; the places of the others."""
        missing = []
        tasks: dict[str, None] = {}
        for place in places:
            found[place] = shelf.kept(asked[place].task).answers.get(asked[place].digest)
            if found[place] is None:
                missing.append(place)
            else:
                tasks[asked[place].task] = None
                self.served += 1
        for task in tasks:
            remember(shelf.kept(task).facts)
        return missing

    def claimed(self, keys: Iterable[Key | None], processes: Processes | None = None) -> AbstractContextManager[None]:
        """Be the one run that asks for these answers; a collective with `processes`, of which the first claims."""
        if self.store is None:
            return nullcontext()
        known = [one for one in keys if one is not None]
        if processes is None or processes.world_size == 1:
            return self.store.claimed(known, self._part)
        return self.store.claimed(
            known if processes.is_first else (), agreed=lambda own: bool(processes.all_gather_object(own)[0])
        )

    def taken(self) -> tuple[int, int]:
        """Documents answered from the store, and by the model, since the last time this was asked."""
        found, self.served, self.asked = (self.served, self.asked), 0, 0
        return found

    def kept(self, key: Key | None) -> Kept:
        """What is kept under a key; nothing without one."""
        return self.store.read(key) if self.store and key else Kept()

    def keep(self, key: Key | None, answers: Mapping[str, Answered], facts: Facts) -> None:
        """Keep answers under a key, where there is one."""
        if self.store and key:
            self.store.add(key, answers, facts)


class _Shelf:
    """What is kept of the tasks of a call, each file read once, and once more where another run has written it."""

    def __init__(self, serving: Serving, key: Callable[[str], Key | None]) -> None:
        self._serving, self._key = serving, key
        self._keys: dict[str, Key | None] = {}
        self._kept: dict[str, Kept] = {}
        self._versions: dict[str, object] = {}

    def turn_to(self, tasks: Set[str]) -> None:
        """Have what is kept of these tasks, and let go of all others."""
        self._kept = {task: kept for task, kept in self._kept.items() if task in tasks}
        for task in tasks - self._kept.keys():
            self._read(task)

    def read_again(self) -> None:
        for task in list(self._kept):
            if self._versions[task] != self._version(task):
                self._read(task)

    def key(self, task: str) -> Key | None:
        if task not in self._keys:
            self._keys[task] = self._key(task) if self._serving.store else None
        return self._keys[task]

    def kept(self, task: str) -> Kept:
        return self._kept[task]

    def keep(self, task: str, answers: Mapping[str, Answered], facts: Facts) -> None:
        """Keep answers to documents that no later portion asks about."""
        self._serving.keep(self.key(task), answers, facts)
        self._versions[task] = self._version(task)

    def _read(self, task: str) -> None:
        self._versions[task] = self._version(task)
        self._kept[task] = self._serving.kept(self.key(task))

    def _version(self, task: str) -> object:
        key = self.key(task)
        return self._serving.store.version(key) if self._serving.store and key else None


def tally(asked: Sequence[Item], answers: Sequence[Answered]) -> dict[str, int]:
    """Sums of what happened to the documents, fillers left out; names of which nothing happened have 0."""
    found: dict[str, int] = {}
    for item, answer in zip(asked, answers, strict=True):
        for name, number in answer.counts.items():
            found[name] = found.get(name, 0) + (number if item.is_counted else 0)
    return found


def answered(values: Iterable[Json], counts: Mapping[str, Sequence[int]]) -> list[Answered]:
    """Values with the counts of each document."""
    return [
        Answered(value, {name: int(numbers[place]) for name, numbers in counts.items()})
        for place, value in enumerate(values)
    ]
