"""One typed record per scored task, read from the host's results dictionary, with everything that could move it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from xstilts_eval import paths, reading
from xstilts_eval.benchmark import Family, leaf_parts
from xstilts_eval.errors import MissingData, NumericError, PredictionError, UnknownName
from xstilts_eval.models.info import ModelInfo
from xstilts_eval.results import signing
from xstilts_eval.results.host import HostResults
from xstilts_eval.results.signature import Signature
from xstilts_eval.validation import complaint, said


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Record):
    """Where a leaf's documents came from."""

    source: str
    split: str
    revision: str
    complete: bool
    notes: tuple[str, ...] = ()
    documents: int


class LeafResult(_Record):
    """Scores of one leaf: fractions 0-1 by metric name, 95 % intervals, counts and signature.

    `trained_on` holds the languages of the labelled data that the checkpoint learned for the family, where its bundle
    says so. `selected` = `scored` + `failed`; `unparsed` of the scored documents had a response that could not be read
    in full.
    """

    leaf: str
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    selected: int
    scored: int
    unparsed: int
    data: Data
    signature: str
    trained_on: tuple[str, ...] = ()

    @property
    def family(self) -> Family:
        return leaf_parts(self.leaf)[0]

    @property
    def language(self) -> str:
        return leaf_parts(self.leaf)[1]

    @property
    def signed(self) -> Signature:
        """The signature as an object."""
        return Signature.parse(self.signature)

    @property
    def points(self) -> float:
        """The family's official score in points (0-100), the mean of F1 and exact match for question answering."""
        return 100 * fmean(self.metrics[name] for name in self.family.official)

    @property
    def failed(self) -> int:
        return self.selected - self.scored


class RunResult(_Record):
    """All leaves of one run; `family_intervals` (fractions, by group) where the run kept its samples.

    `checkpoint` is a name: a hub id, or a path relative to the `folder` of the results (see `paths.named`).
    """

    checkpoint: str
    folder: Path = Path()
    leaves: tuple[LeafResult, ...]
    limit: float | None = None
    family_intervals: dict[str, tuple[float, float] | None] = {}

    @property
    def checkpoint_folder(self) -> Path:
        """Where the checkpoint lies if it is a folder."""
        return paths.located(self.checkpoint, self.folder)

    def is_of(self, other: RunResult) -> bool:
        """Whether both are of one checkpoint, by name or by place."""
        return self.checkpoint == other.checkpoint or self.checkpoint_folder.absolute() == (
            other.checkpoint_folder.absolute()
        )

    def only(self, names: Collection[str] | None) -> RunResult:
        """The same run with the leaves of these names alone; None: all. It may be left with none."""
        if names is None:
            return self
        kept = tuple(leaf for leaf in self.leaves if leaf.leaf in names)
        cut = {leaf.family.group for leaf in self.leaves if leaf.leaf not in names}
        whole = {group: interval for group, interval in self.family_intervals.items() if group not in cut}
        return self.model_copy(update={"leaves": kept, "family_intervals": whole})


def from_host(given: Mapping[str, Any], origin: str = "results") -> RunResult:
    """Records of this package's leaves in a host results dictionary; other tasks are passed over.

    Raises `PredictionError` when there are none, when a leaf lacks what a record needs, and for scores that are no
    fractions; `NumericError` for NaN.
    """
    if not all(isinstance(given.get(part), dict) for part in ("results", "config")):
        raise PredictionError(f"{origin} is not a results file of lm_eval or xstilts eval")
    results = cast(HostResults, given)
    model = results["config"].get("xstilts") or {}
    if not isinstance(model, dict):
        raise PredictionError(f"{origin} is not a results file of lm_eval or xstilts eval: config.xstilts is no object")
    name = model.get("checkpoint") or str(results.get("model_name") or results.get("config", {}).get("model", "?"))
    limit = results.get("config", {}).get("limit")
    leaves = []
    for leaf, scores in results.get("results", {}).items():
        try:
            family, _ = leaf_parts(leaf)
        except UnknownName:
            continue
        if isinstance(scores, dict) and any(key.startswith("bypass,") for key in scores):
            raise PredictionError(f"{origin}: {leaf} was run with --predict_only, which scores nothing; leave it out")
        try:
            leaves.append(_leaf(leaf, family, scores, results, model, limit))
        except reading.UNFIT as error:
            writer = f"lm_eval {version}" if (version := results.get("lm_eval_version")) else "an unknown version"
            raise PredictionError(
                f"{origin}: {leaf} is not a result this version can read ({said(error)}); {writer} wrote it, "
                "evaluate it again"
            ) from error
        _check(leaves[-1], origin)
    if not leaves:
        raise PredictionError(
            f"{origin} holds no result of tasks of this package (xtreme_*, xtremer_*, flores200_*, bitext_tatoeba); "
            "those of a dataset of your own are known with --include FILE"
        )
    folder = Path(origin).parent
    try:
        return RunResult(
            checkpoint=paths.named(str(name), folder),
            folder=folder,
            leaves=tuple(leaves),
            limit=limit,
            family_intervals=results.get("xstilts_intervals", {}),
        )
    except ValidationError as error:
        raise PredictionError(f"{origin} is not a results file that can be read: {complaint(error)}") from error


def _check(leaf: LeafResult, origin: str) -> None:
    """Refuse a leaf without its official metrics, with NaN, or with values out of 0-1.

    A value above 1 is most likely in percent; results hold fractions, and the two are never mixed.
    """
    for name in leaf.family.official:
        if name not in leaf.metrics:
            raise PredictionError(f"{origin}: {leaf.leaf} has no {name}, its official metric; score it again")
    for name, value in leaf.metrics.items():
        if not math.isfinite(value):
            raise NumericError(f"{origin}: {name} of {leaf.leaf} is {value}; score it again")
        if not all(map(math.isfinite, leaf.intervals.get(name, ()))):
            raise NumericError(f"{origin}: the interval of {name} of {leaf.leaf} is not finite; score it again")
        if not 0 <= value <= 1:
            hint = "; is it in percent?" if value > 1 else ""
            raise PredictionError(
                f"{origin}: {name} of {leaf.leaf} is {value:g}, but results hold fractions from 0 to 1{hint}"
            )


def _leaf(
    leaf: str,
    family: Family,
    scores: Mapping[str, Any],
    results: HostResults,
    model: ModelInfo,
    limit: float | None,
) -> LeafResult:
    values = {key.split(",")[0]: value for key, value in scores.items() if key.endswith(",none")}
    data = Data(**results["configs"][leaf]["metadata"]["xs_data"])
    samples = results["n-samples"][leaf]
    selected = min(samples["original"], _limited(limit, samples["original"]))
    if family.scoring.is_sharded:  # a limit has made its corpora smaller, not taken documents away
        selected = samples["original"]
    return LeafResult(
        leaf=leaf,
        metrics={name: value for name, value in values.items() if isinstance(value, float) and _is_metric(name)},
        intervals={
            name.removesuffix("_ci95"): tuple(value)
            for name, value in values.items()
            if name.endswith("_ci95") and isinstance(value, (list, tuple))
        },
        selected=selected,
        scored=samples["effective"],
        unparsed=int(values.get("unparsed", 0)),
        data=data,
        signature=str(signing.sign(leaf, family, results, data)),
        trained_on=tuple(model.get("trained_on", {}).get(family.name, ())),
    )


def _is_metric(name: str) -> bool:
    """Standard errors, which `lm_eval` has where it can, and counts stand among the scores."""
    return name != "unparsed" and not name.endswith("_stderr")


def _limited(limit: float | None, total: int) -> int:
    if not limit:
        return total
    return int(limit) if limit >= 1 else -int(-total * limit // 1)


def results_file(path: Path) -> Path:
    """A results file itself, or the newest ``results*.json`` of a folder.

    It lies in the folder, or in one below it (as `lm_eval` writes it). Raises `MissingData` without one, and
    `PredictionError` where several folders below have one: which of these runs is meant cannot be known.
    """
    if path.is_dir():
        found = sorted(path.rglob("results*.json"), key=lambda item: (item.stat().st_mtime, item.name))
        if not found:
            raise MissingData(f"no results*.json under {path}; give the output folder of xstilts eval or lm_eval")
        if own := [file for file in found if file.parent == path]:
            return own[-1]
        folders = sorted({str(file.parent) for file in found})
        if len(folders) > 1:
            more = " …" if len(folders) > 3 else ""
            raise PredictionError(
                f"{path} holds {len(folders)} runs ({', '.join(folders[:3])}{more}); give one of them"
            )
        return found[-1]
    if not path.is_file():
        raise MissingData(f"{path} does not exist; give a results file or the output folder of a run")
    return path


def read(path: Path) -> RunResult:
    """Read a results file, or the newest ``results*.json`` of a folder.

    Raises `MissingData` without one, `PredictionError` for one that cannot be read, and what `from_host` raises.
    """
    file = results_file(path)
    return from_host(reading.json_object(file, "a results file", PredictionError), str(file))
