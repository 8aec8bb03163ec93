"""The one way to set runs side by side: what must agree, what only one of them has, and their units in one order.

`gains`, `compare`, `report` and the analyses all ask here. A run is what one folder of results holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import PredictionError
from xstilts_eval.metrics.bootstrap import SharedWeights
from xstilts_eval.results import units
from xstilts_eval.results.record import LeafResult
from xstilts_eval.results.signature import Signature
from xstilts_eval.results.statistics import Counts


@dataclass(frozen=True)
class Mismatch:
    """One thing in which two results of a leaf differ and must not: `what`, with the first's value and the second's."""

    what: str
    first: str
    second: str

    @property
    def is_about_documents(self) -> bool:
        """Whether the documents are others, so that no unit of one run belongs to one of the other."""
        return self.what in ("data", "split", "documents", "limit")

    def __str__(self) -> str:
        return f"{self.what} {self.first} / {self.second}"


def comparable(one: LeafResult, other: LeafResult) -> list[Mismatch]:
    """Why two results of a leaf must not stand side by side: other data, split, documents or versions; none, they may.

    Where samples are shards, one or more per process, not their number counts, but the limit.
    """
    ours, theirs = one.signed, other.signed
    found = [
        Mismatch("data", one.data.revision, other.data.revision),
        Mismatch("split", one.data.split, other.data.split),
        Mismatch("task version", ours.task, theirs.task),
        Mismatch("metric", ours.metric, theirs.metric),
    ]
    if one.family.scoring.is_sharded:
        found.append(Mismatch("limit", ours.limit or "none", theirs.limit or "none"))
    else:
        found.append(Mismatch("documents", f"{one.scored:,}", f"{other.scored:,}"))
    return [mismatch for mismatch in found if mismatch.first != mismatch.second]


def same_measurement(one: Signature, other: Signature, but: Collection[str] = ()) -> list[Mismatch]:
    """Why two scores are not of one measurement: every field of what was measured and how, `but` these; none, they are.

    Stricter than `comparable`, which sets models and settings against each other.
    """
    ours, theirs = one.measured(), other.measured()
    names = [name for name in {**ours, **theirs} if name not in but and ours.get(name) != theirs.get(name)]
    return [Mismatch(name, ours.get(name, "not given"), theirs.get(name, "given")) for name in names]


def refusal(leaf: str, names: Sequence[str], differing: Sequence[object], more: str = "") -> PredictionError:
    """The sentence for runs of one leaf that must not be set side by side; `more` says which others there are."""
    return PredictionError(
        f"{leaf}{more} of {' and '.join(names)} cannot be compared: {', '.join(map(str, differing))}; score both in "
        "the same way"
    )


@dataclass(frozen=True)
class Holdings:
    """The leaves that a run has a score of; `unusable` maps places to the reason why there is none that counts."""

    name: str
    leaves: Collection[str]
    unusable: Mapping[str, str] = field(default_factory=dict)


def only_in_one(first: Holdings, second: Holdings) -> dict[str, tuple[str, ...]]:
    """By family what only one of two runs has, or what cannot be used, in words; what neither has is not mentioned."""
    found: dict[str, tuple[str, ...]] = {}
    for family in FAMILIES.values():
        have = [{code for code in family.languages if family.leaf(code) in run.leaves} for run in (first, second)]
        reasons: dict[str, list[str]] = {}
        for place in (*family.languages, "average"):
            name = f"{family.group} average" if place == "average" else family.leaf(place)
            said = [run.unusable[name] for run in (first, second) if name in run.unusable]
            if place in have[0] ^ have[1] and not said:
                said = [f"{(second if place in have[0] else first).name} has no result"]
            for reason in dict.fromkeys(said):
                reasons.setdefault(reason, []).append(place)
        if reasons:
            found[family.group] = tuple(f"{' '.join(places)}: {reason}" for reason, places in reasons.items())
    return found


def nothing_in_common(first: str, second: str, lacking: Mapping[str, Sequence[str]]) -> PredictionError:
    """The sentence for two runs without a common task, given what `only_in_one` says of them."""
    reason = next(iter(lacking.values()), ("nothing was scored",))[0]
    return PredictionError(f"{first} and {second} have no task in common ({reason})")


class Reader:
    """Counts of the units of leaves; every samples file is read once, whatever the number of comparisons."""

    def __init__(self) -> None:
        self._units: dict[tuple[Path, str], units.Units] = {}
        self.weights = SharedWeights()
        """Draws that comparisons of the same units share."""

    def side_by_side(self, runs: Sequence[tuple[Path, LeafResult]]) -> Counts | None:
        """Counts [runs, units, counts] of the same leaf in several runs; None where their samples name other items.

        Raises what `units.read` raises.
        """
        return units.side_by_side(runs[0][1].family, [self._read(folder, leaf) for folder, leaf in runs])

    def _read(self, folder: Path, leaf: LeafResult) -> units.Units:
        key = (folder, leaf.leaf)
        if key not in self._units:
            self._units[key] = units.read(folder, leaf)
        return self._units[key]
