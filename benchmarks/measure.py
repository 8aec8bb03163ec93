"""Interleave contenders, summarise ratios, say on what machine: the machinery shared by all comparisons."""

from __future__ import annotations

import os
import platform
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import breakdown

SEED = 1
PACKAGES = (
    "torch",
    "transformers",
    "lm_eval",
    "tokenizers",
    "numpy",
    "sentence-transformers",
    "faiss-cpu",
    "seqeval",
)


@dataclass(frozen=True)
class Summary:
    """Median with the quartiles around it, and the extremes."""

    median: float
    lower: float
    upper: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        """Quantiles by linear interpolation between order statistics (Hyndman & Fan 1996, type 7)."""
        ordered = sorted(values)

        def quantile(share: float) -> float:
            place = share * (len(ordered) - 1)
            low = int(place)
            high = min(low + 1, len(ordered) - 1)
            return ordered[low] + (place - low) * (ordered[high] - ordered[low])

        return cls(quantile(0.5), quantile(0.25), quantile(0.75), ordered[0], ordered[-1])


@dataclass(frozen=True)
class Measured:
    """What a contender in a process of its own gives back: its result, its seconds, its peak of memory in MiB."""

    result: Any
    seconds: float
    mib: float


@dataclass(frozen=True)
class Contender:
    """One way to do the job: `run` takes nothing and returns the result, which is compared with the others'."""

    name: str
    run: Callable[[], Any]


@dataclass(frozen=True)
class Agreement:
    """Whether two results are what the comparison asks for, and the sentence for the table."""

    holds: bool
    text: str


@dataclass(frozen=True)
class Comparison:
    """One job done by us and by peers.

    `agree(ours, theirs)` judges the results. `targets` holds the least ratio wanted against a peer, by its name.
    `limits` says what keeps the ratio from growing, `inputs` what was processed, in numbers. `models`, where given,
    are those that all of them use: the token positions that each computes are counted, and shown with the share of
    matrix products in our time, which together say what a ratio could reach.
    """

    name: str
    title: str
    inputs: str
    ours: Contender
    peers: tuple[Contender, ...]
    agree: Callable[[Any, Any], Agreement]
    limits: str
    targets: dict[str, float] = field(default_factory=dict)
    models: Sequence[Any] = ()


@dataclass(frozen=True)
class Cost:
    """Something whose absolute size is promised: `run` gives one measured value in `unit`, at most `target` wanted.

    `parts`, filled while it runs, says where the value comes from: name → values in the same unit.
    """

    name: str
    title: str
    inputs: str
    unit: str
    run: Callable[[], float]
    limits: str
    target: float | None = None
    repeats: int | None = None
    parts: dict[str, list[float]] = field(default_factory=dict)


def compare(comparison: Comparison, repeats: int, clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Run all contenders `repeats` times, in a new random order each round, after one round that is not counted.

    A ratio is a peer's time over ours in the same round. Results are compared in every round; the worst agreement is
    kept. Raises `RuntimeError` with the sentence when a result does not agree.
    """
    contenders = (comparison.ours, *comparison.peers)
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    memory: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    agreements: dict[str, Agreement] = {}
    generator = random.Random(SEED)
    for number in range(repeats + 1):
        results = {}
        for contender in generator.sample(contenders, len(contenders)):
            begin = clock()
            result = contender.run()
            taken = clock() - begin
            if isinstance(result, Measured):
                memory[contender.name].append(result.mib)
                result, taken = result.result, result.seconds
            results[contender.name] = result
            if number:
                seconds[contender.name].append(taken)
        for peer in comparison.peers:
            found = comparison.agree(results[comparison.ours.name], results[peer.name])
            if not found.holds:
                raise RuntimeError(f"{comparison.name}: ours against {peer.name}: {found.text}")
            agreements[peer.name] = found
    positions = {
        one.name: breakdown.positions(one.run, comparison.models) if comparison.models else None for one in contenders
    }
    products = breakdown.shares(comparison.ours.run)["matrix products"] if comparison.models else None
    return {
        "name": comparison.name,
        "kind": "ratio",
        "title": comparison.title,
        "inputs": comparison.inputs,
        "ours": comparison.ours.name,
        "rounds": repeats,
        "seconds": seconds,
        "peers": [
            {
                "name": peer.name,
                "ratio": asdict(ratios(seconds[peer.name], seconds[comparison.ours.name])),
                "target": comparison.targets.get(peer.name),
                "agreement": agreements[peer.name].text + _peaks(memory[comparison.ours.name], memory[peer.name]),
                "positions": positions[peer.name],
            }
            for peer in comparison.peers
        ],
        "limits": comparison.limits,
        "positions": positions[comparison.ours.name],
        "products": products,
    }


def _peaks(ours: Sequence[float], theirs: Sequence[float]) -> str:
    if not ours or not theirs:
        return ""
    own, other = Summary.of(ours).median, Summary.of(theirs).median
    return f"; peak memory {own:,.0f} MiB for {other:,.0f} ({own / other:.0%})"


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> Summary:
    """Summary of peer time over our time, round by round."""
    return Summary.of([their / our for their, our in zip(theirs, ours, strict=True)])


def spend(cost: Cost, repeats: int) -> dict[str, Any]:
    """Measure a cost `repeats` times (or as often as it asks for) after one run that is not counted."""
    cost.run()
    cost.parts.clear()
    values = [cost.run() for _ in range(cost.repeats or repeats)]
    return {
        "name": cost.name,
        "kind": "cost",
        "title": cost.title,
        "inputs": cost.inputs,
        "unit": cost.unit,
        "rounds": len(values),
        "values": values,
        "value": asdict(Summary.of(values)),
        "parts": {name: asdict(Summary.of(found)) for name, found in cost.parts.items()},
        "target": cost.target,
        "limits": cost.limits,
    }


def machine(threads: int) -> dict[str, Any]:
    """What the figures depend on: processor, cores, memory, threads in use, versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _processor() -> str:
    """Model name and the instruction sets that decide matrix products."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(part for line in lines if len(part := line.split(":", 1)) == 2)
    named = {name.strip(): value.strip() for name, value in fields.items()}
    flags = set(named.get("flags", "").split())
    sets = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return f"{named.get('model name', platform.machine())} ({', '.join(sets)})"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def use_threads(threads: int) -> None:
    """Let every library that computes use `threads` threads (numpy reads the environment, see `__main__`)."""
    import torch

    torch.set_num_threads(threads)
    with suppress(ImportError):
        import faiss

        faiss.omp_set_num_threads(threads)
