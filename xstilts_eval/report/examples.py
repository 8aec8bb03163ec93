"""What changed between two runs, document by document, from their samples: gained and lost answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from xstilts_eval.analysis.pitfalls.samples import SHOWN, wrong
from xstilts_eval.benchmark import Family
from xstilts_eval.errors import MissingData
from xstilts_eval.results import samples
from xstilts_eval.results.host import Row
from xstilts_eval.results.run import Run
from xstilts_eval.wording import shortened

_LONGEST = 400
_CLEAR = 0.5
"""Change of a document's share of right answers that makes it an example."""


@dataclass(frozen=True)
class Changed:
    """A document that one run answers better than the other; `before` and `after` are their answers."""

    run: str
    family: Family
    language: str
    is_gain: bool
    document: str
    text: str
    target: str
    before: str
    after: str


def read(baseline: Run, run: Run, most: int) -> tuple[list[Changed], list[str]]:
    """Up to `most` gained and lost documents of every task that both have, of their first seeds, and what is missing.

    Documents that are mined or translated as a whole have no place here; samples that are not there are named.
    """
    found: list[Changed] = []
    problems: list[str] = []
    theirs = {leaf.leaf for parts in run.results.values() for part in parts for leaf in part.leaves}
    for place, part in zip(_folders(baseline), next(iter(baseline.results.values())), strict=True):
        for leaf in part.leaves:
            other = next((folder for folder in _folders(run) if leaf.leaf in theirs and _has(folder, leaf.leaf)), None)
            if leaf.leaf not in theirs or leaf.family.kind not in SHOWN:
                continue
            if other is None or not _has(place, leaf.leaf):
                problems.append(
                    f"{leaf.leaf}: no examples, {run.name if other is None else baseline.name} has no samples"
                )
                continue
            changed = list(_changed(place, other, run.name, leaf.leaf, leaf.family, leaf.language))
            for is_gain in (True, False):
                found += islice((one for one in changed if one.is_gain is is_gain), most)
    return found, problems


def _answer(sample: Row, family: Family) -> str:
    """The class or choice of the highest likelihood, or the text that was answered."""
    given = sample["filtered_resps"]
    if not isinstance(given[0], list):
        return str(given[0])
    place = max(range(len(given)), key=lambda one: float(given[one][0]))
    return str((family.labels or sample["doc"]["choices"])[place])


def _folders(run: Run) -> Sequence[Path]:
    """Where the results of the first seed lie."""
    return [next(iter(by_seed.values())) for by_seed in run.folders.values()]


def _has(folder: Path, leaf: str) -> bool:
    return samples.path_of(folder, leaf) is not None


def _changed(one: Path, other: Path, name: str, leaf: str, family: Family, language: str) -> Iterator[Changed]:
    try:
        before, after = ({sample["doc_id"]: sample for sample in samples.read(place, leaf)} for place in (one, other))
    except MissingData:
        return
    for number in before.keys() & after.keys():
        first, second = before[number], after[number]
        try:
            if first["doc"] != second["doc"]:
                continue  # other data: no document of one is the other's
            change = wrong(first, family) - wrong(second, family)
            text, target = SHOWN.of(family.kind)(first["doc"], family)
            answers = [_answer(sample, family) for sample in (first, second)]
        except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError):
            continue  # a sample of another program
        if abs(change) >= _CLEAR:
            shown = (shortened(part, _LONGEST) for part in (text, target, *answers))
            yield Changed(name, family, language, change > 0, str(first["doc"].get("id", number)), *shown)
