"""The order of training, fixed before the first step: which rows make up which optimiser step.

A plan is a function of the row lengths, the settings and the seed. A run that is resumed or that uses other numbers of
processes and micro-batches walks through the same steps.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import SettingError

MEGABATCH = 50
"""Batches whose rows are sorted by length together, as in transformers (LengthGroupedSampler)."""

Method = Literal["proportional", "capped", "temperature", "uniform", "weights"]


@dataclass(frozen=True)
class Part:
    """One task of a mixture: `lengths` of its rows in tokens, rows per step, passes over them, a weight if given."""

    lengths: Sequence[int]
    batch_size: int
    epochs: float
    weight: float | None = None

    @property
    def steps(self) -> int:
        """epochs x ceil(rows / batch), as jiant counts (`configurator.py`)."""
        return max(1, round(self.epochs * math.ceil(len(self.lengths) / self.batch_size)))


@dataclass(frozen=True)
class Step:
    """One optimiser step: rows of one task, longest first."""

    task: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Sampling:
    """How a mixture draws the task of a step (jiant `task_sampler.py`).

    ``proportional`` to the number of rows; ``capped`` at `cap` rows (Raffel et al. 2020, arXiv:1910.10683, section
    3.5.2); ``temperature``: rows ** (1 / temperature), after the cap where there is one; ``uniform``; ``weights`` as
    given.
    """

    method: Method = "proportional"
    cap: int | None = None
    temperature: float = 1.0

    def shares(self, parts: Mapping[str, Part]) -> dict[str, float]:
        """The probability of each task; they sum to 1. Raises `SettingError` for weights that do not."""
        sizes = {name: float(len(part.lengths)) for name, part in parts.items()}
        if self.method == "weights":
            given = {name: part.weight for name, part in parts.items()}
            if None in given.values() or not math.isclose(sum(given.values()), 1.0, abs_tol=1e-6):  # type: ignore[arg-type]
                shown = ", ".join(f"{name} {weight}" for name, weight in given.items())
                raise SettingError(f"mixture weights {shown} do not sum to 1; give every task a weight, 1 in all")
            return {name: float(weight) for name, weight in given.items() if weight is not None}
        if self.method == "uniform":
            sizes = dict.fromkeys(sizes, 1.0)
        if self.method == "capped" and self.cap is None:
            raise SettingError("capped sampling needs a cap: the number of rows above which a task counts no more")
        if self.cap is not None:
            sizes = {name: min(size, self.cap) for name, size in sizes.items()}
        if self.method == "temperature":
            sizes = {name: size ** (1.0 / self.temperature) for name, size in sizes.items()}
        total = sum(sizes.values())
        return {name: size / total for name, size in sizes.items()}


def plan(
    parts: Mapping[str, Part], sampling: Sampling, seed: int, group_by_length: bool = True, max_steps: int | None = None
) -> list[Step]:
    """Every optimiser step of a run, one task each; a single task is walked through epoch by epoch."""
    total = sum(part.steps for part in parts.values())
    total = total if max_steps is None else min(total, max_steps)
    streams = {
        name: _stream(part, np.random.default_rng([seed, number]), group_by_length)
        for number, (name, part) in enumerate(parts.items())
    }
    names = list(parts)
    if len(names) == 1:
        drawn = [0] * total
    else:
        shares = sampling.shares(parts)
        drawn = np.random.default_rng([seed, len(names)]).choice(
            len(names), size=total, p=[shares[name] for name in names]
        ).tolist()  # fmt: skip
    return [Step(names[task], next(streams[names[task]])) for task in drawn]


def extra_steps(steps: int, share: float) -> int:
    """How many steps beside `steps` make up a `share` (0-1) of them all; at least one."""
    return max(1, round(steps * share / (1 - share)))


def interleave(
    steps: Sequence[Step], task: str, count: int, size: int, lengths: Sequence[int], seed: int
) -> list[Step]:
    """`steps` in their order with `count` steps of another task between them, at places drawn with the seed.

    Step `k` of that task takes the rows ``k * size`` to ``(k + 1) * size``.
    """
    places = set(np.random.default_rng([seed, count]).permutation(len(steps) + count)[:count].tolist())
    own = iter(steps)
    found: list[Step] = []
    done = 0
    for place in range(len(steps) + count):
        if place not in places:
            found.append(next(own))
            continue
        rows = range(done * size, (done + 1) * size)
        found.append(Step(task, tuple(sorted(rows, key=lambda row: -lengths[row]))))
        done += 1
    return found


def seen(steps: Sequence[Step]) -> dict[str, float]:
    """The share of steps that each task got."""
    counts = Counter(step.task for step in steps)
    return {name: count / len(steps) for name, count in counts.items()}


def _stream(part: Part, draw: np.random.Generator, group_by_length: bool) -> Iterator[tuple[int, ...]]:
    lengths = np.asarray(part.lengths)
    first = True
    while True:
        order = draw.permutation(len(lengths))
        yield from _epoch(order, lengths, part.batch_size, draw, group_by_length, first)
        first = False


def _epoch(
    order: NDArray[np.int64], lengths: NDArray[np.int64], size: int, draw: np.random.Generator, group: bool, first: bool
) -> Iterator[tuple[int, ...]]:
    """Batches of one pass, rows longest first; the very first holds the longest row, to run out of memory early."""
    if group:
        mega = size * MEGABATCH
        parts = [order[start : start + mega] for start in range(0, len(order), mega)]
        order = np.concatenate([part[np.argsort(-lengths[part], kind="stable")] for part in parts])
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    turn = list(draw.permutation(len(batches)))
    if first and group:
        longest = max(range(len(batches)), key=lambda index: int(lengths[batches[index]].max()))
        turn.remove(longest)
        turn.insert(0, longest)
    for index in turn:
        batch = batches[index]
        yield tuple(int(row) for row in batch[np.argsort(-lengths[batch], kind="stable")])


def pieces(rows: Sequence[int], lengths: Sequence[int], budget: int, most: int | None = None) -> list[list[int]]:
    """Cut `rows`, longest first, into neighbours whose padded size is at most `budget` tokens and `most` rows.

    A row longer than the budget stands alone.
    """
    found: list[list[int]] = []
    for row in rows:
        if found:
            size = len(found[-1]) + 1
            if size * lengths[found[-1][0]] <= budget and (most is None or size <= most):
                found[-1].append(row)
                continue
        found.append([row])
    return found
