"""Plain text by language: files of one text per line, or a hub corpus of which the first lines are kept in a cache.

Blank lines are counted and left out, other lines lose the blanks at both ends (jiant's `mlm.py` strips them too).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from xstilts_eval import hub_errors, reading
from xstilts_eval.data import files
from xstilts_eval.errors import FetchError, MissingData, UnknownName
from xstilts_eval.paths import cache_folder
from xstilts_eval.writing import replacing, write_atomically

_FILE = re.compile(r"(?P<language>[^.]+)\.txt(?:\.gz|\.xz)?")


@dataclass(frozen=True)
class Text:
    """What a corpus holds of one language.

    `lines` are the first ones, `size` tells how much the whole corpus has: non-blank lines of files, bytes of the
    language's files on the hub (compressed as they are there). `blank` lines were left out. `revision` is the first 12
    hex digits of a sha256 over the contents of the files, or repository, commit, pattern and column on the hub.
    """

    lines: tuple[str, ...]
    size: int
    blank: int
    revision: str


class HubCorpus(BaseModel):
    """A text corpus on the hub with files per language: parquet or JSON lines (plain or ``.gz``) with a text `column`.

    ``{lg}`` in `files` stands for the language, ``*`` for anything but a slash. The default is Wikipedia of November
    2023: its commit was read in ten public files that pin it, layout and column are those of its dataset card.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    repository: str = "wikimedia/wikipedia"
    revision: str = Field(default="b04c8d1ceb2f5cd4588862100d08de323dccfbaa", pattern="^[0-9a-f]{40}$")
    files: str = "20231101.{lg}/train-*.parquet"
    column: str = "text"

    def pattern(self, language: str) -> str:
        """The files of one language."""
        return self.files.replace("{lg}", language)

    def version(self, language: str) -> str:
        """What exactly is read of one language."""
        return f"{self.repository}@{self.revision}:{self.pattern(language)}:{self.column}"


def in_folder(folder: Path, languages: Sequence[str] = ()) -> dict[str, tuple[Path, ...]]:
    """The files ``<language>.txt`` (also ``.gz``, ``.xz``) of a folder, all of them or those of `languages`.

    Raises `MissingData` for a folder without any, `UnknownName` for a language without a file.
    """
    names = [path.name for path in sorted(folder.iterdir())] if folder.is_dir() else []
    present = sorted({found["language"] for name in names if (found := _FILE.fullmatch(name))})
    if not present:
        raise MissingData(f"{folder} has no text files; put one file per language there, as in sw.txt or sw.txt.gz")
    for language in languages:
        if language not in present:
            raise UnknownName.of(f"language of the text folder {folder}", language, present)
    paths = {language: files.find(folder, [f"{language}.txt"]) for language in languages or present}
    return {language: (path,) for language, path in paths.items() if path is not None}


def read_files(paths: Mapping[str, Sequence[Path]], max_lines: int | None = None) -> dict[str, Text]:
    """The text of every language, its files one after another; `max_lines` bounds what is kept, not what is counted.

    Raises `MissingData` for a file that is not there and for languages without any text, `DataError` for a file that
    is damaged or not UTF-8.
    """
    texts = {language: _read(list(several), max_lines) for language, several in paths.items()}
    _refuse_empty(texts, {language: ", ".join(map(str, several)) for language, several in paths.items()})
    return texts


def _read(paths: Sequence[Path], max_lines: int | None) -> Text:
    lines: list[str] = []
    size = blank = 0
    for path in paths:
        for _, line in files.lines(path):
            text = line.strip()
            if not text:
                blank += 1
                continue
            size += 1
            if max_lines is None or size <= max_lines:
                lines.append(text)
    return Text(tuple(lines), size, blank, revision(paths))


def revision(paths: Sequence[Path]) -> str:
    """First 12 hex digits of a sha256 over the contents of the files; raises `MissingData`, `DataError`."""
    digests = []
    for path in paths:
        if not path.is_file():
            raise MissingData(f"{path}: no such file")
        digests.append(_digest(path, path.stat().st_size, path.stat().st_mtime_ns))
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:12]


@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, changed: int) -> str:
    """A plan asks for it again and again; a file of another size or time is read again."""
    return files.sha256(path)


def _refuse_empty(texts: Mapping[str, Text], places: Mapping[str, str]) -> None:
    empty = [language for language, text in texts.items() if not text.lines]
    if empty:
        where = "; ".join(f"{language}: {places[language] or 'no file'}" for language in empty)
        raise MissingData(f"no text for {', '.join(empty)} ({where}); give other files or leave the language out")


# --- from the hub


def read_hub(hub: HubCorpus, languages: Sequence[str], max_lines: int | None = None) -> dict[str, Text]:
    """The first `max_lines` non-blank lines of every language; a text of several lines gives as many.

    As many whole files are downloaded as that takes. The lines go to a cache of their own, so that a run which goes on
    needs no hub. Raises `FetchError` where the hub or one of its files cannot be read, `MissingData` for languages
    without any text.
    """
    texts = {language: _from_cache(hub, language, max_lines) for language in languages}
    _refuse_empty(texts, {language: text.revision for language, text in texts.items()})
    return texts


def _from_cache(hub: HubCorpus, language: str, max_lines: int | None) -> Text:
    path = _cached(hub, language, max_lines)
    counts = reading.read_json(_sidecar(path), "the counts of a kept corpus")
    return replace(_read([path], None), size=counts["bytes"], blank=counts["blank"], revision=hub.version(language))


def _cached(hub: HubCorpus, language: str, max_lines: int | None) -> Path:
    """The file of the cache that holds the lines of one language, written first where it is not there."""
    folder = cache_folder() / "corpora" / f"{hub.repository.replace('/', '+')}@{hub.revision[:12]}"
    parts = (hub.pattern(language), hub.column, "all" if max_lines is None else str(max_lines))
    path = folder / ("-".join(quote(part, safe="") for part in parts) + ".txt.gz")
    if path.is_file() and _sidecar(path).is_file():
        return path
    with replacing(path) as temporary:
        counts = _extract(hub, language, max_lines, temporary)
        write_atomically(_sidecar(path), json.dumps(counts))
    return path


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".txt.gz") + ".json")


def _extract(hub: HubCorpus, language: str, max_lines: int | None, output: Path) -> dict[str, int]:
    """Write the first lines to `output`; returns how many blank ones there were and the bytes of all files."""
    kept = blank = 0
    remotes = _listed(hub, language)
    with gzip.open(output, "wt", encoding="utf-8", newline="\n", compresslevel=5) as file:
        for line in _lines(hub, [path for path, _ in remotes]):
            text = line.strip()
            if not text:
                blank += 1
                continue
            file.write(f"{text}\n")
            kept += 1
            if kept == max_lines:
                break
    return {"blank": blank, "bytes": sum(size for _, size in remotes)}


def _listed(hub: HubCorpus, language: str) -> list[tuple[str, int]]:
    """Path and bytes of the files of one language."""
    from huggingface_hub import HfApi

    with _in_one_sentence(hub):
        info = HfApi().dataset_info(hub.repository, revision=hub.revision, files_metadata=True)
    if info.sha != hub.revision:
        raise FetchError(f"the hub gives commit {info.sha} of {hub.repository} where {hub.revision} is pinned")
    pattern = re.compile(re.escape(hub.pattern(language)).replace(r"\*", "[^/]*"))
    found = [(one.rfilename, one.size or 0) for one in info.siblings or () if pattern.fullmatch(one.rfilename)]
    if not found:
        raise FetchError(
            f"{hub.repository}@{hub.revision[:12]} has no files {hub.pattern(language)}; give another pattern, or "
            f"leave the language {language} out"
        )
    return sorted(found)


def _lines(hub: HubCorpus, paths: Sequence[str]) -> Iterator[str]:
    """Lines of all texts, file after file, each downloaded when its turn comes."""
    from huggingface_hub import hf_hub_download

    for name in paths:
        with _in_one_sentence(hub):
            path = Path(hf_hub_download(hub.repository, name, repo_type="dataset", revision=hub.revision))
        for text in _parquet(path, name, hub.column) if name.endswith(".parquet") else _json(path, name, hub.column):
            yield from (text or "").split("\n")


def _parquet(path: Path, name: str, column: str) -> Iterator[str | None]:
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.ParquetFile(path)
        if column not in table.schema_arrow.names:
            raise FetchError(f"{name} has no column {column!r}; it has {', '.join(table.schema_arrow.names)}")
        for batch in table.iter_batches(batch_size=1_000, columns=[column]):
            yield from batch.column(0).to_pylist()
    except (ArrowException, OSError) as error:
        if isinstance(error, FetchError):
            raise
        raise FetchError(f"{name}: cannot be read ({str(error).splitlines()[0][:150]})") from error


def _json(path: Path, name: str, column: str) -> Iterator[str | None]:
    # The download is called by its hash where links are not to be had, so the ending is told by the name on the hub.
    with gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            row = reading.parse_json(line, name, number, FetchError)
            try:
                yield row[column]
            except (ValueError, LookupError, TypeError) as error:
                raise FetchError(f"{name}, line {number}: not a JSON object with {column!r}") from error


@contextmanager
def _in_one_sentence(hub: HubCorpus) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the library's errors have many roots
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        why = hub_errors.why(error, hub.repository, hub.revision)
        raise FetchError(why or f"{hub.repository}@{hub.revision}: {first}") from error
