"""`xstilts export`: a run's predictions, and the labels they were scored against, as the leaderboard's folders.

The samples of the run are the only source, but for BUCC's gold pairs, which no sample holds. Before anything appears,
the files are scored by the benchmark's rules, and every number must be the run's own. A folder appears whole or not at
all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from xstilts_eval import __version__, foreign
from xstilts_eval.benchmark import XTREME, Family
from xstilts_eval.errors import PredictionError, SettingError
from xstilts_eval.results import leaderboard_files, official, record, samples
from xstilts_eval.results import run as runs
from xstilts_eval.results.leaderboard_files import Pair
from xstilts_eval.results.record import LeafResult, RunResult
from xstilts_eval.results.samples import Sample
from xstilts_eval.writing import check_folders, folder_beside, move_into_place, write_atomically

MANIFEST = "export.json"
TOLERANCE = 1e-9
"""Percentage points between the run's numbers and those of the files: summation order, nothing else."""
_FILLER = "xs_filler"
"""Marks the documents that only kept a process busy; `lm_eval` logs them too."""

_SHOWN = 8
"""Languages that a sentence names."""

GoldPairs = Callable[[LeafResult], Collection[Pair]]


@dataclass(frozen=True)
class Exported:
    """What was written: language files by family, numbers found equal to the run's, and remarks."""

    files: dict[str, int]
    equal: int
    remarks: tuple[str, ...]


def export(
    results: Path,
    output: Path,
    labels: Path | None = None,
    gold_pairs: GoldPairs | None = None,
    allow_incomplete: bool = False,
    overwrite: bool = False,
    only: Collection[str] | None = None,
) -> Exported:
    """Write ``{output}/{family}/test-{language}.tsv`` (or .json) for every XTREME leaf of a run, and the `labels`; of
    those in `only`, where it is given.

    `results` is a results file or output folder with samples; `gold_pairs` gives the (foreign id, English id) pairs of
    a BUCC leaf and is needed for its labels only. Raises `SettingError` for a run the leaderboard's files cannot be
    made of (without `allow_incomplete`) and for folders that may not be replaced, `MissingData` and `PredictionError`
    for samples that are missing, cut off or unreadable, and `PredictionError` where re-scoring gives another number
    than the run (BUCC is scored again only with `labels`).
    """
    output, labels = output.resolve(), labels.resolve() if labels is not None else None
    for folder in (output, labels):
        if folder is not None:
            _check_target(folder, overwrite)
    if labels is not None and (labels.is_relative_to(output) or output.is_relative_to(labels)):
        raise SettingError(f"{output} and {labels} must be two folders beside each other")
    results = record.results_file(results)  # found once, so that a run that ends meanwhile changes nothing
    ((run,),) = runs.read(results, only=only).results.values()
    leaves = _exportable(run, results)
    remarks = gaps(leaves)
    if remarks and not allow_incomplete:
        raise SettingError(
            f"{results} does not fill the leaderboard's files: {'; '.join(remarks)}; "
            "--allow-incomplete writes what there is"
        )
    with ExitStack() as stack:
        predicted = stack.enter_context(folder_beside(output))
        gold = stack.enter_context(folder_beside(labels or output))
        for leaf in leaves:
            _write_leaf(results, leaf, predicted, gold, labels is not None, gold_pairs)
        equal = _compare(leaves, predicted, gold)
        for built, role in ((predicted, "predictions"), (gold, "labels")):
            write_atomically(built / MANIFEST, _manifest(role, run, leaves, remarks))
        move_into_place(predicted, output)
        if labels is not None:
            move_into_place(gold, labels)
    return Exported(dict(Counter(leaf.family.name for leaf in leaves)), equal, (*remarks, *_sample_remark(leaves)))


def gaps(leaves: Sequence[LeafResult]) -> list[str]:
    """Why files made of these leaves are not the benchmark's: languages, documents or data that differ.

    The bundled sample is a small benchmark of its own and no gap.
    """
    by_family: dict[Family, list[LeafResult]] = {}
    for leaf in leaves:
        by_family.setdefault(leaf.family, []).append(leaf)
    found = []
    for family, members in by_family.items():
        there = {leaf.language for leaf in members}
        absent = [language for language in family.languages if language not in there]
        unscored = [leaf.language for leaf in members if leaf.scored < leaf.data.documents]
        partial = [leaf.language for leaf in members if not leaf.data.complete and leaf.data.source != "sample"]
        splits = sorted({leaf.data.split for leaf in members} - {"test"})
        found += [
            f"{family.name}: {what}"
            for what, holds in (
                (f"no {_some(absent)}", absent),
                (f"not all documents scored (--limit, --samples) in {_some(unscored)}", unscored),
                (f"data other than the benchmark's in {_some(partial)}", partial),
                (f"split {' '.join(splits)} instead of test", splits),
            )
            if holds
        ]
    return found


def _some(languages: Sequence[str]) -> str:
    more = len(languages) - _SHOWN
    return " ".join(languages[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _exportable(run: RunResult, results: Path) -> list[LeafResult]:
    leaves = [leaf for leaf in run.leaves if leaderboard_files.can_write(leaf.family)]
    if not leaves:
        names = ", ".join(family.name for family in XTREME)
        raise PredictionError(f"{results} has no result of an XTREME dataset ({names}), nothing to export")
    return leaves


def _sample_remark(leaves: Iterable[LeafResult]) -> list[str]:
    is_sample = any(leaf.data.source == "sample" for leaf in leaves)
    return ["the bundled SAMPLE, not XTREME: these files do not fit the leaderboard"] if is_sample else []


def _write_leaf(
    results: Path, leaf: LeafResult, predicted: Path, gold: Path, with_pairs: bool, gold_pairs: GoldPairs | None
) -> None:
    """One leaf's two files; of BUCC the labels only `with_pairs`."""
    rows = _rows(results, leaf)
    origin = str(samples.path_of(results, leaf.leaf))
    name = f"{leaf.family.name}/{official.file_name(leaf.family, leaf.language)}"
    write_atomically(predicted / name, leaderboard_files.predictions(leaf.family, rows, origin))
    if leaderboard_files.has_labels(leaf.family):
        write_atomically(gold / name, leaderboard_files.labels(leaf.family, rows, origin))
    elif with_pairs:
        if gold_pairs is None:
            raise SettingError(f"labels of {leaf.leaf} need the data that was scored; samples hold no gold pairs")
        write_atomically(gold / name, leaderboard_files.pair_lines(sorted(gold_pairs(leaf))))


def _rows(results: Path, leaf: LeafResult) -> list[Sample]:
    """Samples of a leaf; raises `PredictionError` unless each scored document is there once."""
    rows = [row for row in samples.read(results, leaf.leaf) if _FILLER not in row.get("doc", {})]
    counts = Counter(row["doc_id"] for row in rows)
    repeated = next((number for number, count in counts.items() if count > 1), None)
    if repeated is not None:
        raise PredictionError(f"{samples.path_of(results, leaf.leaf)} holds document {repeated} twice")
    if len(rows) != leaf.scored:
        raise PredictionError(
            f"{samples.path_of(results, leaf.leaf)} holds {len(rows)} documents, {results} counts {leaf.scored}; "
            "was the file cut off, or is it of another run?"
        )
    return rows


def _compare(leaves: Iterable[LeafResult], predicted: Path, gold: Path) -> int:
    """Number of scores that the files give again; raises `PredictionError` for the first that differs."""
    report = official.score_predictions(predicted, gold, allow_incomplete=True) if any(gold.iterdir()) else {}
    equal = 0
    for leaf in leaves:
        for metric, value in leaf.metrics.items():
            again = report.get(leaf.family.name, {}).get(official.official_name(metric), {}).get(leaf.language)
            if again is None:  # a number of ours beside the official ones, such as token accuracy
                continue
            if not abs(again - 100 * value) <= TOLERANCE:  # so that NaN differs
                raise PredictionError(
                    f"{leaf.leaf}: the exported files give {metric} {again}, the run says {100 * value}; results and "
                    "samples do not belong together, or another version scored them: run the evaluation again"
                )
            equal += 1
    return equal


def _manifest(role: str, run: RunResult, leaves: Iterable[LeafResult], remarks: Sequence[str]) -> str:
    content = {
        "format": "xtreme",
        "role": role,
        "xstilts": __version__,
        "checkpoint": run.checkpoint,
        "incomplete": list(remarks),
        "leaves": {
            leaf.leaf: {
                "file": f"{leaf.family.name}/{official.file_name(leaf.family, leaf.language)}",
                "documents": leaf.scored,
                "signature": leaf.signature,
            }
            for leaf in leaves
        },
    }
    return foreign.in_json(json.dumps(content, indent=1, ensure_ascii=False)) + "\n"


def _check_target(folder: Path, overwrite: bool) -> None:
    """Raise `SettingError` for a folder that holds something, unless it is an export and may be replaced."""
    check_folders(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / MANIFEST).is_file():  # not ours to empty, whatever the option
        raise SettingError(f"{folder} is not empty and holds no export; give another folder")
    if not overwrite:
        raise SettingError(f"{folder} holds an export; give another folder or --overwrite")
