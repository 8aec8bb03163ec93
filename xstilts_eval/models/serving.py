"""Answers from the store where it has them, else from the model; what that says is kept portion by portion."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts_eval.reading import Json
from xstilts_eval.store import key as keys
from xstilts_eval.store.answers import Answered, Kept, Store
from xstilts_eval.store.key import Key
from xstilts_eval.tasks.leaf import is_filler

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

    def __init__(self, store: Store | None) -> None:
        self.store = store
        self.served = self.asked = 0

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
        goes through the model in the portions that it would have gone in.
        """
        found: list[Answered | None] = [None] * len(asked)
        kept: dict[str, Kept] = {}
        of_task: dict[str, Key | None] = {}
        parts = -(-len(asked) // size)
        for part in range(parts):
            places = range(part * size, min((part + 1) * size, len(asked)))
            tasks = dict.fromkeys(asked[place].task for place in places)
            of_task |= {task: key(task) for task in tasks if task not in of_task} if self.store else {}
            kept = {task: kept[task] if task in kept else self.kept(of_task.get(task)) for task in tasks}
            for place in places:
                found[place] = kept[asked[place].task].answers.get(asked[place].digest)
            for task in dict.fromkeys(asked[place].task for place in places if found[place]):
                remember(kept[task].facts)
            missing = [place for place in places if found[place] is None]
            self.served += len(places) - len(missing)
            if not missing:
                continue
            chosen = [asked[place] for place in missing]
            said, facts = ask(chosen, f" · {part + 1} of {parts}" if parts > 1 else "")
            remember(facts)
            for place, answer in zip(missing, said, strict=True):
                found[place] = answer
            for task in dict.fromkeys(item.task for item in chosen):
                new = {item.digest: one for item, one in zip(chosen, said, strict=True) if item.task == task}
                self.keep(of_task.get(task), new, facts)
            self.asked += len(missing)
        return [one for one in found if one is not None]

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
