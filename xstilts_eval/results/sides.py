"""The sides of a comparison: our own runs, with one or several seeds, or published rows of the zoo."""

from __future__ import annotations

import statistics as simple
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xstilts_eval.benchmark import Family
from xstilts_eval.errors import PredictionError, SettingError
from xstilts_eval.results import alignment, run
from xstilts_eval.results.record import LeafResult

ZOO = "zoo:"
"""What the name of a side begins with that is a model of the zoo; `zoo.sides` reads it."""


@dataclass(frozen=True)
class Score:
    """The official score of one leaf on one side, in points (0-100): one per seed, with the results it came from.

    `results` is empty for a published number; `note` is what a reader must know of it.
    """

    points: tuple[float, ...]
    results: tuple[LeafResult, ...] = ()
    note: str = ""

    @property
    def mean(self) -> float:
        return simple.fmean(self.points)


def sources_in(note: str) -> list[str]:
    """The keys of the sources that the note of a published score names."""
    return [part.partition(" ")[0] for part in note.split(", ") if part]


@dataclass(frozen=True)
class Side:
    """`scores` by leaf; `runs` and `seeds` in one order.

    Published: `averages` (points, by group) over all languages of a family, why leaves are `unusable`, and the title of
    each of the `sources` that the notes of scores name.
    """

    name: str
    given: str
    scores: Mapping[str, Score]
    runs: tuple[Path, ...] = ()
    seeds: tuple[str, ...] = ()
    averages: Mapping[str, Score] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_published(self) -> bool:
        return not self.runs


def short_names(given: Sequence[str]) -> list[str]:
    """Short names of paths (`run.names`); models of the zoo keep their own."""
    paths = [text for text in given if not text.startswith(ZOO)]
    short = dict(zip(paths, run.names(paths), strict=True))
    return [short.get(text, text) for text in given]


def over_baseline(given: Sequence[str], baseline: str | None) -> tuple[str, list[str]]:
    """The baseline and the runs over it: what the option names, else the first.

    The option may give the path or the short name of one of the runs, or a further path. Raises `SettingError` when no
    run is left.
    """
    places = {str(Path(text)): text for text in given}
    named = dict(zip(short_names(given), given, strict=True))
    first = given[0] if baseline is None else places.get(str(Path(baseline)), named.get(baseline, baseline))
    rest = list(given[1:]) if baseline is None else [text for text in given if text != first]
    if not rest:
        raise SettingError(f"nothing to compare with {first}; give the runs, and the baseline first or as --baseline")
    return first, rest


def of_run(given: str, name: str | None = None, inner: str = "eval", only: Collection[str] | None = None) -> Side:
    """The side that a results file, an output folder, or a run with ``seed-N/inner`` inside makes.

    `only` names the leaves that are wanted. Raises `MissingData` for what is not there, `PredictionError` for files
    that cannot be read, seeds that scored other data, or scores out of range, and `NumericError` for NaN.
    """
    found = run.read(Path(given), inner, name or Path(given).name, only)
    by_leaf = found.leaves()
    for leaf_name, (first, *others) in by_leaf.items():
        for leaf in others:
            if entries := alignment.comparable(first, leaf):
                raise PredictionError(
                    f"{given}: the seeds of {leaf_name} were not scored in the same way: {', '.join(map(str, entries))}"
                )
    return Side(
        name=found.name,
        given=given,
        scores={leaf: Score(tuple(one.points for one in leaves), tuple(leaves)) for leaf, leaves in by_leaf.items()},
        runs=found.places,
        seeds=tuple(f"seed-{seed}" for seed in found.seeds) if found.has_seeds else (),
        notes=() if found.has_seeds else (f"checkpoint {found.checkpoints[0]}",),
    )


# ---------------------------------------------------------------------------------------- what may be compared


def differing(one: Score, other: Score) -> list[str]:
    """What forbids setting two scores of a leaf against each other: other data, split, documents or versions.

    A published number is taken to be of the whole test split.
    """
    if not one.results and not other.results:
        return []
    if not (one.results and other.results):
        return _not_as_published((one.results or other.results)[0])
    return [str(mismatch) for mismatch in alignment.comparable(one.results[0], other.results[0])]


def have_same_documents(one: Score, other: Score) -> bool:
    """Whether both are of the same documents, whatever else differs; a published number has none that are known."""
    if not (one.results and other.results):
        return True
    found = alignment.comparable(one.results[0], other.results[0])
    return not any(mismatch.is_about_documents for mismatch in found)


def _not_as_published(leaf: LeafResult) -> list[str]:
    found = []
    if leaf.data.source == "sample":
        return ["the sample / published data"]
    if leaf.data.split != "test":
        found.append(f"split {leaf.data.split} / test")
    if not leaf.data.complete:
        found.append("partial / whole test data")
    elif not leaf.family.scoring.is_sharded and leaf.scored < leaf.data.documents:
        found.append(f"documents {leaf.scored:,} / {leaf.data.documents:,}")
    return found


def settings(score: Score) -> dict[str, str]:
    """How a score was made: precision, lengths, prompt, versions; empty for a published number."""
    return score.results[0].signed.conditions() if score.results else {}


def common_languages(family: Family, one: Side, other: Side) -> list[str]:
    """Languages of the family that both sides have, English first, then in the benchmark's order."""
    leaves = set(one.scores) & set(other.scores)
    found = [language for language in family.languages if family.leaf(language) in leaves]
    return sorted(found, key=lambda language: language != family.spelled("en"))
