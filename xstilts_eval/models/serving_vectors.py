"""Searches among sentence vectors by way of the store: leaf by leaf, and leaves that share a pool together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from xstilts_eval.models.processes import Processes
from xstilts_eval.models.retrieval import Found
from xstilts_eval.models.serving import Facts, Item, Serving, items
from xstilts_eval.reading import Json
from xstilts_eval.store.answers import Answered, Kept
from xstilts_eval.store.key import Key
from xstilts_eval.tasks.responses import Response

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

    from xstilts_eval.tasks.announced import Selection

TEXTS = 1 << 14
"""Sentences of bitexts that are embedded before what was found among them is kept."""


@dataclass
class Searched:
    """`responses` by request; by leaf the documents of this process, their answers, and what goes with them."""

    responses: list[Response]
    asked: dict[str, list[Item]]
    answers: dict[str, list[Answered]]
    facts: dict[str, Facts]


def search(
    requests: Sequence[Instance],
    selections: Sequence[Selection],
    serving: Serving,
    key: Callable[[Selection], Key | None],
    ask: Callable[[Sequence[Instance], Sequence[Selection]], Found],
    facts: Callable[[Selection, Found], Facts],
    processes: Processes,
) -> Searched:
    """Answers to `requests`, all of them to leaves of `selections`.

    Collective: a leaf is searched on every process unless all of them have every answer.
    """
    selected = {one.name: one for one in selections}
    asked: dict[str, list[Item]] = {name: [] for name in selected}
    for item in items(requests, range(len(requests)), with_arguments=False):
        asked[item.task].append(item)
    keys = {name: key(one) for name, one in selected.items()} if serving.store else {}
    answers: dict[str, list[Answered]] = {}
    found_facts: dict[str, Facts] = {}

    def take(names: Iterable[str]) -> None:
        """Take the leaves of which every process has every answer."""
        kept = {name: serving.kept(keys.get(name)) for name in names}
        whole = {name for name, one in kept.items() if one.facts and _has_all(one, asked[name])}
        for name in set.intersection(*processes.all_gather_object(whole)):
            answers[name] = [kept[name].answers[item.digest] for item in asked[name]]
            found_facts[name] = kept[name].facts
            serving.served += len(answers[name])

    take(selected)
    for portion in portions([one for name, one in selected.items() if name not in answers]):
        with serving.claimed([keys.get(one.name) for one in portion], processes):
            take([one.name for one in portion])  # another run may have been faster
            if not (portion := [one for one in portion if one.name not in answers]):
                continue
            own = [item for one in portion for item in asked[one.name]]
            found = ask([requests[item.places[0][0]] for item in own], portion)
            said = iter(zip(found.responses, found.cut_queries, strict=True))
            for one in portion:
                learns = one.task.family.kind.learns
                answers[one.name] = [
                    Answered(cast(Json, response), {"truncated_queries": is_cut} if learns else {})
                    for response, is_cut in (next(said) for _ in asked[one.name])
                ]
                found_facts[one.name] = facts(one, found)
                new = {item.digest: answer for item, answer in zip(asked[one.name], answers[one.name], strict=True)}
                serving.keep(keys.get(one.name), new, found_facts[one.name])
        serving.asked += len(own)
    responses: list[Response | None] = [None] * len(requests)
    for name, own in asked.items():
        for item, answer in zip(own, answers[name], strict=True):
            for place in item.places[0]:
                responses[place] = _response(answer.value)
    return Searched([one for one in responses if one is not None], asked, answers, found_facts)


def _response(value: Json) -> Response:
    """As it was before it was kept: the host writes responses as Python does, and JSON has no tuples."""
    if isinstance(value, dict) and "pairs" in value:
        value = {**value, "pairs": [tuple(pair) for pair in value["pairs"]]}
    return cast(Response, value)


def _has_all(kept: Kept, asked: Sequence[Item]) -> bool:
    return all(item.digest in kept.answers for item in asked)


def portions(selections: Sequence[Selection]) -> Iterator[list[Selection]]:
    """Leaves that are searched together: those of one pool of candidates, bitexts up to `TEXTS` lines, each corpus."""
    gathered: list[Selection] = []
    lines = 0
    of_pool: Mapping[int, list[Selection]] = {}
    for one in selections:
        data = one.task.data
        if data.candidates is not None:
            of_pool = {**of_pool, id(data.candidates): [*of_pool.get(id(data.candidates), []), one]}
        elif data.pool is None:
            yield [one]
        else:
            own = sum(map(len, data.pool))
            if gathered and lines + own > TEXTS:
                yield gathered
                gathered, lines = [], 0
            gathered.append(one)
            lines += own
    if gathered:
        yield gathered
    yield from of_pool.values()
