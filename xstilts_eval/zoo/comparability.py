"""Whether a score of ours and a published number are about the same thing: the signature says so, or says why not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import DataError
from xstilts_eval.results.alignment import same_measurement
from xstilts_eval.results.record import LeafResult
from xstilts_eval.results.signature import Signature
from xstilts_eval.zoo.manifest import Model, Record

DIRECTIONS = {"language to English": "query:foreign", "English to language": "query:en"}
"""Retrieval directions as the zoo and as the metric signatures write them."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CONTENT = re.compile(r"[0-9a-f]{12}")


def obstacle(record: Record, model: Model, leaf: LeafResult) -> str | None:
    """Why a leaf's score cannot be set against a record, or None: every field that differs, ours first."""
    differing = _as_measured(record, leaf) if record.signature else _as_published(record, model, leaf)
    return "; ".join(differing) or None


def _as_measured(record: Record, leaf: LeafResult) -> list[str]:
    """Differences from the signature that the record keeps; an average has no data of its own."""
    try:
        theirs = Signature.parse(record.signature or "")
    except DataError as error:
        return [f"its signature cannot be read ({error})"]
    found = same_measurement(leaf.signed, theirs, but=("data",) if record.language == "avg" else ())
    return [f"{mismatch.what} {mismatch.first}, not {mismatch.second}" for mismatch in found]


def _as_published(record: Record, model: Model, leaf: LeafResult) -> list[str]:
    """Differences from what a publication is taken to mean: the whole test split, scored as the zoo says."""
    ours = leaf.signed.fields()
    wanted = {"split": "test", "documents": "complete", "limit": "none", "task": leaf.family.version}
    if "zero-shot" in record.setting or "0-shot" in record.setting:
        wanted["shots"] = "0"
    wanted |= _settings(model, leaf)
    if "prompt" in wanted:
        ours = {"prompt": repr("")} | dict(ours)  # a signature names only a prompt that is there
    found = [_differs(name, ours, wanted) for name in wanted if ours.get(name) != wanted[name]]
    if "first_piece" in ours:
        found.append(f"first_piece {ours['first_piece']}, not any")
    if "scored" in ours:
        found.append(f"only {ours['scored']} documents have a score")
    direction = DIRECTIONS.get(model.evaluate.direction or "")
    metric = ours.get("metric", "")
    if direction and "|query:" in metric and not metric.endswith(direction):
        found.append(f"direction {metric.rpartition('|')[2]}, not {direction}")
    return found + _other_data(record, leaf, ours) + _other_weights(record, model, ours)


def _settings(model: Model, leaf: LeafResult) -> dict[str, str]:
    """What the zoo says about evaluating the model, as far as it concerns the leaf.

    Layer, pooling and prompt are settings of sentence vectors; a length that stands beside them is theirs, too.
    """
    evaluate = model.evaluate
    is_retrieval = leaf.family.is_embedded and not leaf.family.kind.learns
    is_about_retrieval = evaluate.layer is not None or evaluate.pooling is not None
    said = {"layer": evaluate.layer, "pooling": evaluate.pooling} if is_retrieval else {}
    if is_retrieval and evaluate.prompt is not None:
        said["prompt"] = repr(evaluate.prompt)
    if is_retrieval == is_about_retrieval:
        said["max_length"] = evaluate.max_length
    return {name: str(value) for name, value in said.items() if value is not None}


def _other_data(record: Record, leaf: LeafResult, ours: Mapping[str, str]) -> list[str]:
    """A content hash is compared with a content hash, a commit of the hub with a commit."""
    wanted = record.data_revision or ""
    if _CONTENT.fullmatch(wanted) and wanted != leaf.data.revision:
        return [f"data revision {leaf.data.revision}, not {wanted}"]
    commit = re.search(r"@([0-9a-f]{12})\b", ours.get("copy", ""))
    if _COMMIT.fullmatch(wanted) and commit and not wanted.startswith(commit[1]):
        return [f"data of commit {commit[1]}, not {wanted[:12]}"]
    return []


def _other_weights(record: Record, model: Model, ours: Mapping[str, str]) -> list[str]:
    """Only a checkpoint from the hub says which commit it is."""
    name, _, commit = ours.get("ckpt", "").rpartition("@")
    wanted = record.model_revision or model.revision
    if name != model.hub_id or not _COMMIT.fullmatch(wanted) or wanted.startswith(commit) or commit.startswith(wanted):
        return []
    return [f"weights of commit {commit[:12]}, not {wanted[:12]}"]


def has_same_weights(record: Record, signature: str) -> bool:
    """Whether no training lies between a record and a score of ours of this signature ("" for a score to come).

    A record of ours names its checkpoint; a published one is of weights that were published, where the task needs no
    head of its own.
    """
    if record.signature:
        theirs = _checkpoint(record.signature)
        return theirs is not None and (not signature or _checkpoint(signature) == theirs)
    family = FAMILIES.get(record.family)
    return family is not None and family.is_embedded


def _checkpoint(signature: str) -> str | None:
    """The checkpoint that a signature names; None where it names none or cannot be read."""
    try:
        return Signature.parse(signature).checkpoint
    except DataError:
        return None


def _differs(name: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    return f"{name} {ours.get(name, 'not given')}, not {theirs.get(name, 'given')}"
