"""Bring the data of one training task from the hub into a folder; `fetch` does so for the benchmark's datasets.

Both share the folder's lock and manifest, so they may work on the same folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from xstilts_eval import fingerprints
from xstilts_eval.benchmark import family
from xstilts_eval.data import fetch, hub, intermediate, intermediate_hub
from xstilts_eval.data.fetch import Entry
from xstilts_eval.data.hub import Plan
from xstilts_eval.errors import DataError, FetchError, SettingError
from xstilts_eval.training_tasks import TrainingTask
from xstilts_eval.writing import write_atomically


def ensure(
    task: TrainingTask,
    split: intermediate.Split,
    folder: Path,
    revisions: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> None:
    """Fetch one English split from the hub unless `folder` has its files.

    `revisions` replaces pins by repository name; `timeout` is in seconds without an answer. Raises `FetchError`,
    `SettingError` for a file that somebody else put where one would go, and `MissingData` when the hub does not have
    it (CCG).
    """
    if intermediate.present(task, split, folder):
        return
    if not intermediate_hub.knows(task) and (name := task.fetched_as or task.dataset):
        dataset = family(name)
        leaf = (dataset, dataset.spelled("en"), "test" if split == "dev" and task.dev_is_scored else split)
        hub.plan(*leaf)
        fetch.fetch([leaf], folder, revisions=revisions, timeout=timeout, keep_bar=False)
        return
    plan = intermediate_hub.plan(task, split)
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder} is a file; give a folder for the data")
    folder.mkdir(parents=True, exist_ok=True)
    with fetch._only_one(folder), fetch._Progress(keep=False) as progress:
        if intermediate.present(task, split, folder):  # another process was faster
            return
        client = fetch._Client(dict(revisions or {}), timeout)
        stage = folder / f".fetching-{os.getpid()}"
        stage.mkdir()
        try:
            entry = _download(task, split, plan, client, progress, stage)
            _move(entry, stage, folder)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def _download(
    task: TrainingTask,
    split: intermediate.Split,
    plan: Plan,
    client: fetch._Client,
    progress: fetch._Progress,
    stage: Path,
) -> Entry:
    """The official files in `stage`, read once as a run would."""
    name = plan.repository.name
    commit, listed = client.listing(plan.repository)
    remotes = fetch._matching(plan, commit, listed, plan.patterns["en"])
    progress.expect(sum(remote.size for remote in remotes))
    progress.job(f"{task.name} {split}")
    rows: list[hub.Row] = []
    downloads: dict[str, str] = {}
    for remote in remotes:
        path = client.download(name, commit, remote, progress)
        downloads[remote.path] = remote.sha256 or fingerprints.file_sha256(path)
        rows += hub.read_rows(path, remote.path)
    output = hub.convert(plan, [hub.Part("en", rows)])
    for relative, text in output.files.items():
        write_atomically(stage / relative, text)
    try:
        intermediate.load(task, split, stage)
    except DataError as error:
        reason = str(error).replace(f"{stage}/", "")
        raise FetchError(f"{task.name} {split}: what was fetched cannot be used: {reason}") from error
    made = {relative: fingerprints.file_sha256(stage / relative) for relative in output.files}
    changes = "".join(f"; {count:,} {what}" for what, count in sorted(output.changes.items()))
    differences = plan.differences + changes
    return Entry(task.name, ("en",), split, "hub", name, commit, downloads, made, output.rows, differences)


def _move(entry: Entry, stage: Path, folder: Path) -> None:
    for relative in entry.files:
        target = folder / relative
        if target.exists() and not any(relative in old.files for old in fetch.manifest(folder)):
            raise SettingError(f"{target} is there already and was not fetched; move it away or give another folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / relative, target)
    fetch._enter(folder, entry)
