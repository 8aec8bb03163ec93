"""Bring data from the hub or from the official archives into a folder, in the layout that `sources` reads.

One manifest, ``fetched.json`` at the root of the folder, says of every file where it came from. A leaf is downloaded,
converted and read once in a staging folder, moved into place, and then entered; so a killed or failed call leaves only
whole leaves behind, and the next one goes on with the first that is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from xstilts_eval import fingerprints, hub_errors, locking, printing, reading
from xstilts_eval.benchmark import XTREME, Family
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.data import archives, files, hub, sources
from xstilts_eval.datasets._dataset import Archive
from xstilts_eval.errors import DataError, FetchError, MissingData, SettingError, UnknownName
from xstilts_eval.paths import cache_folder
from xstilts_eval.validation import said
from xstilts_eval.writing import remove_left_over, write_atomically

MANIFEST = "fetched.json"
Origin = Literal["hub", "archives"]
Leaf = tuple[Family, str, str]
"""Family, language, split."""


def hub_folder() -> Path:
    """The managed data folder of ``--data hub``, whether it is there yet or not."""
    return cache_folder() / "data"


# --- what was asked for


def select(families: Sequence[str], languages: Sequence[str] | None, splits: Sequence[str]) -> list[Leaf]:
    """Leaves of the named families (default: XTREME's nine) in the benchmark's order.

    Languages that a family lacks are passed over, but each must belong to one. A split in English only gives English.
    Raises `UnknownName` and `SettingError`.
    """
    chosen = [find_family(name) for name in families] or list(XTREME)
    known = {language for family in chosen for language in family.languages}
    for language in languages or ():
        if language not in known:
            raise UnknownName.of("language", language, known)
    for split in splits:
        if split not in sources.SPLITS:
            raise SettingError(f"split {split!r}; allowed: {', '.join(sources.SPLITS)}")
    return [
        (family, language, split)
        for family in chosen
        for split in splits
        for language in _languages(family, split)
        if languages is None or language in languages
    ]


def _languages(family: Family, split: str) -> tuple[str, ...]:
    """Languages with such data; English alone for training data, which serve few-shot examples and heads only."""
    if split == "train" or split in family.data.english:
        return ("en",) if "en" in family.languages else family.languages[:1]
    return family.languages


def parse_origin(text: str) -> Origin:
    """``hub`` or ``archives``; raises `SettingError`."""
    if text == "hub":
        return "hub"
    if text == "archives":
        return "archives"
    raise SettingError(f"--from {text!r}; allowed: hub, archives")


def parse_revisions(texts: Iterable[str]) -> dict[str, str]:
    """``REPOSITORY=COMMIT`` as a dictionary; raises `SettingError`."""
    found = {}
    for text in texts:
        name, sign, revision = text.partition("=")
        if not sign or not revision:
            raise SettingError(f"--revision {text!r}; write REPOSITORY=COMMIT")
        found[name] = revision
    return found


# --- the manifest


@dataclass(frozen=True)
class Entry:
    """Files that came together.

    `origin` is ``hub`` or ``archives``; `revision` a commit sha (hub) or the sha256 of what was downloaded; `downloads`
    and `files` map names to sha256; `rows` counts the source's rows (0: not counted); `differences` from the official
    files is one phrase.
    """

    family: str
    languages: tuple[str, ...]
    split: str
    origin: str
    repository: str
    revision: str
    downloads: dict[str, str]
    files: dict[str, str]
    rows: int
    differences: str


def _entries(content: Any) -> tuple[Entry, ...]:
    from pydantic import TypeAdapter

    found = TypeAdapter(tuple[Entry, ...]).validate_python(content)
    for name in (name for entry in found for name in entry.files):
        parts = PurePosixPath(name).parts
        if (
            name.startswith("/")
            or ".." in parts
            or not parts
            or max(len(part.encode()) for part in parts) > _LONGEST_NAME
            or "\0" in name
        ):
            raise ValueError(f"{name!r} is no file below the folder")
    return found


_LONGEST_NAME = 255
"""Of a file, on all common file systems."""


@lru_cache(maxsize=16)
def _read_manifest(path: Path, stamp: int) -> tuple[Entry, ...]:
    try:
        return _entries(reading.read_json(path, "a manifest")["entries"])
    except reading.UNFIT as error:
        raise DataError(
            f"{path}: not a manifest of xstilts data fetch ({said(error)}); delete it and fetch again"
        ) from error


def manifest(folder: Path) -> tuple[Entry, ...]:
    """What was fetched into `folder`; empty when nothing was. Raises `DataError` for a broken manifest."""
    path = folder / MANIFEST
    try:
        return _read_manifest(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return ()


def _enter(folder: Path, entry: Entry) -> None:
    kept = [old for old in manifest(folder) if not set(old.files) & set(entry.files)]
    content = {"format": 1, "entries": [vars(one) for one in [*kept, entry]]}
    write_atomically(folder / MANIFEST, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def provenance(folder: Path, paths: Iterable[Path]) -> tuple[str | None, tuple[str, ...]]:
    """``hub`` and what to know of it when the manifest names all of these files and their bytes are still those.

    The source is None for files that nobody fetched from the hub. A fetched file that was changed is no hub file, and
    the note says so.
    """
    by_file = {name: entry for entry in manifest(folder) for name in entry.files}
    found: dict[str, None] = {}
    origins = set()
    for path in paths:
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""
        entry = by_file.get(name)
        if entry is None:
            return None, ()
        if files.sha256(path) != entry.files[name]:
            return None, (f"{name} was changed after it was fetched from {entry.repository}",)
        origins.add(entry.origin)
        if entry.origin == "hub":
            found[f"{entry.repository}@{entry.revision[:12]} ({entry.differences})"] = None
    return ("hub" if origins == {"hub"} else None), tuple(found)


# --- jobs: what has to be downloaded together


@dataclass
class Job:
    """One official file or archive and the leaves it serves; `run` fills a staging folder and returns its entry."""

    leaves: list[Leaf]
    run: Callable[[Path], Entry]

    @property
    def title(self) -> str:
        family, language, split = self.leaves[0]
        return f"{family.group} {split} {language if len(self.leaves) == 1 else f'({len(self.leaves)} tasks)'}"


@dataclass
class Summary:
    """Counts of leaves: fetched now, already there, and not to be had with the reason."""

    fetched: int = 0
    kept: int = 0
    absent: list[str] = field(default_factory=list)


def fetch(
    leaves: Sequence[Leaf],
    folder: Path,
    origin: Origin = "hub",
    revisions: Mapping[str, str] | None = None,
    timeout: float | None = None,
    say: Callable[[str], None] = lambda line: None,
    keep_bar: bool = True,
) -> Summary:
    """Bring every leaf that `folder` lacks; raises `FetchError`, `SettingError`, `DataError` at the first that fails.

    `revisions` replaces pins by repository name; `timeout` is in seconds without an answer (default:
    ``HF_HUB_DOWNLOAD_TIMEOUT``, 10). Leaves that the origin does not have are counted and named, not errors.
    """
    known = {one.name for one in hub.repositories()}
    if unknown := sorted(set(revisions or {}) - known):
        raise SettingError(f"--revision names {unknown[0]!r}; the repositories are {', '.join(sorted(known))}")
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder} is a file; give a folder for the data")
    folder.mkdir(parents=True, exist_ok=True)
    client = _Client(dict(revisions or {}), timeout)
    summary = Summary()
    with _only_one(folder), _Progress(keep_bar) as progress:
        wanted = []
        for leaf in leaves:
            if _is_there(leaf, folder):
                summary.kept += 1
            else:
                wanted.append(leaf)
        planner = _hub_jobs if origin == "hub" else _archive_jobs
        jobs = planner(wanted, client, progress, summary)
        for number, job in enumerate(jobs, 1):
            progress.job(f"{job.title} [{number}/{len(jobs)}]")
            _run(job, folder)
            summary.fetched += len(job.leaves)
    for line in summary.absent:
        say(f"not fetched: {line}")
    return summary


@lru_cache(maxsize=4096)
def ensure(family: Family, language: str, split: str, folder: Path) -> None:
    """Fetch one leaf from the hub unless `folder` has it.

    Raises like `fetch`, and `MissingData` when the hub does not have it.
    """
    if not _is_there((family, language, split), folder):
        hub.plan(family, language, split)
        fetch([(family, language, split)], folder, keep_bar=False)


def _is_there(leaf: Leaf, folder: Path) -> bool:
    """Whether the folder has the leaf's files, fetched or put there by hand."""
    family, language, split = leaf
    for entry in manifest(folder):
        if (family.name, split) == (entry.family, entry.split) and language in entry.languages:
            return all((folder / name).is_file() for name in entry.files)
    try:
        sources.load(family, language, split, folder)
    except MissingData:
        return False
    return True


def _run(job: Job, folder: Path) -> None:
    stage = folder / f".fetching-{os.getpid()}"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    try:
        entry = job.run(stage)
        _check(job, stage)
        for name in entry.files:
            if (folder / name).exists() and not any(name in old.files for old in manifest(folder)):
                raise SettingError(
                    f"{folder / name} is there already and was not fetched; move it away or give another --output"
                )
        _enter(folder, entry)  # before its files: one that a kill leaves without an entry would be nobody's
        for name in entry.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(stage / name, folder / name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _check(job: Job, stage: Path) -> None:
    """Read what was made as a run would; of files that hold many languages the first is enough."""
    seen: set[tuple[Path, ...]] = set()
    for family, language, split in job.leaves:
        try:
            paths = sources.located(family, language, split, stage)
            if paths and paths in seen:
                continue
            seen.add(paths)
            sources.load(family, language, split, stage)
        except DataError as error:
            reason = str(error).replace(f"{stage}/", "")
            raise FetchError(f"{family.leaf(language)}: what was fetched cannot be used: {reason}") from error


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """One fetching process a folder; the others wait, and then find everything there."""
    with locking.held(folder / ".fetch.lock"):
        for old in folder.glob(".fetching-*"):  # of a call that was killed
            shutil.rmtree(old, ignore_errors=True)
        remove_left_over(folder)
        yield


# --- from the hub


@dataclass(frozen=True)
class _Remote:
    """A file of a repository: size in bytes, and its sha256 (large files) or git blob id as the hub lists them."""

    path: str
    size: int
    sha256: str | None
    blob: str | None


class _Client:
    """The hub, asked once per repository what it has."""

    def __init__(self, revisions: dict[str, str], timeout: float | None) -> None:
        from huggingface_hub import constants
        from huggingface_hub.utils import logging as hub_logging

        # Its warnings about single attempts would stand between the lines of the bar.
        hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        if timeout is not None:
            if timeout <= 0:
                raise SettingError(f"--timeout must be above 0 seconds, got {timeout:g}")
            constants.HF_HUB_DOWNLOAD_TIMEOUT = timeout  # type: ignore[assignment]  # read at every request
        self.timeout = float(timeout or constants.HF_HUB_DOWNLOAD_TIMEOUT)
        self._revisions = revisions

    def listing(self, repository: hub.Repository) -> tuple[str, dict[str, _Remote]]:
        """The commit and the files at it; raises `FetchError`."""
        return _listing(repository.name, self._revisions.get(repository.name, repository.revision), self.timeout)

    def download(self, name: str, commit: str, remote: _Remote, progress: _Progress) -> Path:
        """One file, compared with what the hub lists of it; raises `FetchError`, and then the file is gone."""
        from huggingface_hub import hf_hub_download

        with progress.file(remote.size) as bar_class:
            try:
                path = hf_hub_download(
                    name,
                    remote.path,
                    repo_type="dataset",
                    revision=commit,
                    etag_timeout=self.timeout,
                    tqdm_class=bar_class,
                )
            except Exception as error:  # the library's errors have many roots
                raise _fetch_error(error, name, commit[:12]) from error
        found = Path(path)
        if not _as_listed(found, remote):
            found.resolve().unlink()
            found.unlink(missing_ok=True)
            raise FetchError(
                f"{name}@{commit[:12]}: {remote.path} is not what the hub lists (its checksum or size differs); it was "
                "deleted, call the same command again"
            )
        return found


@lru_cache(maxsize=32)
def _listing(name: str, revision: str, timeout: float) -> tuple[str, dict[str, _Remote]]:
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(name, revision=revision, timeout=timeout, files_metadata=True)
    except Exception as error:  # the library's errors have many roots
        raise _fetch_error(error, name, revision) from error
    if re.fullmatch(r"[0-9a-f]{40}", revision) and info.sha != revision:
        raise FetchError(f"the hub gives commit {info.sha} of {name} where {revision} is pinned; nothing was read")
    return str(info.sha), {
        one.rfilename: _Remote(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else None, one.blob_id)
        for one in info.siblings or ()
    }


def _fetch_error(error: Exception, name: str, revision: str) -> FetchError:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return FetchError(hub_errors.why(error, name, revision) or f"{name}@{revision}: {first[:200]}")


def _as_listed(path: Path, remote: _Remote) -> bool:
    if path.stat().st_size != remote.size:
        return False
    if remote.sha256:
        return fingerprints.file_sha256(path) == remote.sha256
    content = path.read_bytes()
    return remote.blob in (None, hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())


def _hub_jobs(leaves: Iterable[Leaf], client: _Client, progress: _Progress, summary: Summary) -> list[Job]:
    jobs: dict[tuple[str, ...], Job] = {}
    for leaf in leaves:
        try:
            plan = hub.plan(*leaf)
        except MissingData as error:
            if str(error) not in summary.absent:
                summary.absent.append(str(error))
            continue
        if plan.paths in jobs:
            jobs[plan.paths].leaves.append(leaf)
            continue
        commit, listed = client.listing(plan.repository)
        wanted = {code: _matching(plan, commit, listed, pattern) for code, pattern in plan.patterns.items()}
        progress.expect(sum(remote.size for remotes in wanted.values() for remote in remotes))
        own: list[Leaf] = [leaf]
        jobs[plan.paths] = Job(own, partial(_run_hub, plan, own, commit, wanted, client, progress))
    return list(jobs.values())


def _matching(plan: hub.Plan, commit: str, listed: Mapping[str, _Remote], pattern: str) -> list[_Remote]:
    found = [remote for path, remote in sorted(listed.items()) if re.fullmatch(pattern, path)]
    if not found:
        shown = pattern.replace(r"-\d+-of-\d+", "-*").replace("\\", "")
        raise FetchError(
            f"{plan.repository.name}@{commit[:12]} on the hub has no file {shown}; give another commit with "
            f"--revision {plan.repository.name}=SHA, or use --from archives or a local folder"
        )
    return found


def _run_hub(
    plan: hub.Plan,
    leaves: Sequence[Leaf],
    commit: str,
    wanted: Mapping[str, Sequence[_Remote]],
    client: _Client,
    progress: _Progress,
    stage: Path,
) -> Entry:
    name = plan.repository.name
    downloads: dict[str, str] = {}
    parts = []
    for code, remotes in wanted.items():
        rows: list[hub.Row] = []
        for remote in remotes:
            path = client.download(name, commit, remote, progress)
            downloads[remote.path] = remote.sha256 or fingerprints.file_sha256(path)
            rows += hub.read_rows(path, remote.path)
        parts.append(hub.Part(code, rows))
    output = hub.convert(plan, parts)
    for relative, text in output.files.items():
        write_atomically(stage / relative, text)
    changes = "".join(f"; {count:,} {what}" for what, count in sorted(output.changes.items()))
    return _entry(leaves, "hub", name, commit, downloads, stage, output.files, output.rows, plan.differences + changes)


# --- from the archives


def _archive_jobs(leaves: Iterable[Leaf], client: _Client, progress: _Progress, summary: Summary) -> list[Job]:
    """One job for all languages of an archive: a large one is read through once."""
    grouped: dict[tuple[str, str, tuple[str, ...]], tuple[list[Leaf], list[Archive]]] = {}
    for leaf in leaves:
        family, language, split = leaf
        try:
            needed = archives.archives(family, language, split)
        except MissingData as error:
            if str(error) not in summary.absent:
                summary.absent.append(str(error))
            continue
        key = (family.name, split, tuple(one.url for one in needed))
        own, wanted = grouped.setdefault(key, ([], []))
        own.append(leaf)
        wanted += needed
    return [Job(own, partial(_run_archives, own, wanted, client, progress)) for own, wanted in grouped.values()]


def _run_archives(
    leaves: Sequence[Leaf], wanted: Sequence[Archive], client: _Client, progress: _Progress, stage: Path
) -> Entry:
    downloads: dict[str, str] = {}
    written: dict[str, None] = {}
    for url in dict.fromkeys(one.url for one in wanted):
        of_url = [one for one in wanted if one.url == url]
        path, digest = archives.download(
            url, cache_folder() / "archives", of_url[0].sha256, progress.expect, progress.advance, client.timeout
        )
        downloads[url] = digest
        written |= dict.fromkeys(archives.unpack(path, of_url, stage))
    first, digest = next(iter(downloads.items()))
    return _entry(leaves, "archives", first, digest, downloads, stage, written, 0, "none: the official files")


def _entry(
    leaves: Sequence[Leaf],
    origin: str,
    repository: str,
    revision: str,
    downloads: dict[str, str],
    stage: Path,
    names: Iterable[str],
    rows: int,
    differences: str,
) -> Entry:
    family, _, split = leaves[0]
    languages = tuple(dict.fromkeys(language for _, language, _ in leaves))
    made = {name: fingerprints.file_sha256(stage / name) for name in names}
    return Entry(family.name, languages, split, origin, repository, revision, downloads, made, rows, differences)


# --- progress


class _Progress:
    """One bar of bytes over everything, with the leaf that is under way; shown once there is something to download."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep
        self._bar: Any = None
        self._total = 0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def expect(self, size: int) -> None:
        """More bytes are to come."""
        self._total += size
        if self._bar is None:
            from tqdm import tqdm

            # Asked for in so many words, so that it also shows where a run has silenced the bars of its libraries.
            self._bar = tqdm(unit="B", unit_scale=True, file=sys.stderr, disable=printing.is_quiet(), leave=self._keep)
        self._bar.total = self._total

    def job(self, title: str) -> None:
        if self._bar is not None:
            self._bar.set_description_str(title)

    def advance(self, size: int) -> None:
        if self._bar is not None:
            self._bar.update(size)

    @contextmanager
    def file(self, size: int) -> Iterator[type]:
        """A stand-in for the library's own bar of one file; the file counts once, however often it is reported."""
        state = [0]

        def report(more: float) -> None:
            step = min(int(more), size - state[0])
            if step > 0:
                state[0] += step
                self.advance(step)

        yield _silent_bar(report)
        report(size)


def _silent_bar(report: Callable[[float], None]) -> type:
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            report(n or 0)
            return None

    return Bar
