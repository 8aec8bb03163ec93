"""`xstilts export --format mteb`: scores as MTEB's results repository holds them, a JSON file per task.

Only datasets whose measurement is MTEB's own (`Dataset.mteb`) are written; the rest of a run is named and left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

from xstilts_eval import __version__
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.datasets import Mteb
from xstilts_eval.errors import SettingError
from xstilts_eval.results import publishing
from xstilts_eval.results.record import LeafResult
from xstilts_eval.writing import write_atomically

UNKNOWN = "no_revision_available"
"""What MTEB calls the revision of a model that has none."""
_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def export(
    results: Path, output: Path, name: str = "", only: Collection[str] | None = None, overwrite: bool = False
) -> list[Path]:
    """Write ``{output}/{owner}__{model}/{revision}/{task}.json`` and ``model_meta.json``; returns the files.

    `name` is ``owner/model``, by default the checkpoint's if that is a hub id. Raises `SettingError` for a name of
    another form, for results without a task of MTEB, of the sample or of a part of the documents, and for files that
    are there already without `overwrite`.
    """
    run = publishing.read(results, only)
    name = name or run.checkpoint
    if not _NAME.fullmatch(name):
        raise SettingError(f"MTEB calls models owner/model, and this one is {name!r}; give --name owner/model")
    tasks = [(family, family.mteb) for family in FAMILIES.values() if family.mteb]
    written = {}
    for family, of_mteb in tasks:
        if leaves := [leaf for leaf in run.leaves if leaf.family == family]:
            written[f"{of_mteb.task}.json"] = _task(family, of_mteb, leaves)
    if not written:
        known = ", ".join(f"{family.group} ({of_mteb.task})" for family, of_mteb in tasks)
        raise SettingError(f"{results} holds nothing that MTEB measures in the same way; that is: {known}")
    hub_id, _, commit = (run.leaves[0].signed.checkpoint or "").partition("@")
    revision = commit if "/" in hub_id and commit else UNKNOWN
    folder = output / name.replace("/", "__") / revision
    written["model_meta.json"] = {"name": name, "revision": revision, "framework": ["PyTorch"]}
    if not overwrite and (there := next((file for file in written if (folder / file).exists()), None)):
        raise SettingError(f"{folder / there} exists; give another folder or --overwrite")
    for file, content in written.items():
        write_atomically(folder / file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return [folder / file for file in written]


def _task(family: Family, of_mteb: Mteb, leaves: list[LeafResult]) -> dict[str, object]:
    """One task in MTEB's layout (mteb 2.26.24, `TaskResult`): fractions, a row for each pair."""
    rows = []
    for leaf in leaves:
        scores = {theirs: leaf.metrics[ours] for theirs, ours in of_mteb.metrics.items()}
        tags = [of_mteb.tag(leaf.language), "eng-Latn"]
        about = {"hf_subset": f"{leaf.language}-eng", "languages": tags, "xstilts_signature": leaf.signature}
        rows.append({**scores, "main_score": scores[of_mteb.main], **about})
    return {
        "dataset_revision": of_mteb.revision,
        "task_name": of_mteb.task,
        "mteb_version": None,  # MTEB's own program has not run
        "scores": {"test": rows},
        "evaluation_time": None,
        "xstilts_version": __version__,
    }
