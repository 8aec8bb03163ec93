"""The archives the benchmark's makers published: addresses, safe unpacking, downloads that go on where they stopped.

Addresses: google-research/xtreme @ 838c13b, `scripts/download_data.sh`; XQuAD and the LASER files at a commit instead
of a branch. Checksums: the `dataset_infos.json` of huggingface/datasets (xnli @ 0006d14; squad, paws-x and tydiqa @
040102f), which recorded them when the files were downloaded, and of files at a commit copies of them
(``datasets/pinned.sha256``); where none was found, the sha256 of what came is kept in the manifest and nothing is
compared.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import http.client
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path, PurePosixPath
from time import sleep
from typing import IO, cast
from urllib.parse import urlsplit

from xstilts_eval import fingerprints
from xstilts_eval.benchmark import Family
from xstilts_eval.data import sums
from xstilts_eval.data.hub import refuse_absent
from xstilts_eval.datasets._dataset import Archive
from xstilts_eval.errors import FetchError, MissingData, WriteError

BASE = "XSTILTS_ARCHIVES"
"""Environment variable: a mirror; ``https://host/path`` is then asked for as ``<mirror>/host/path``."""
PINS = Path(__file__).parents[1] / "datasets" / "pinned.sha256"
"""sha256 of single files at their commits, by address."""
MEMBER_BYTES = 2 << 30
"""Largest member unpacked; the largest there is, MultiNLI in English, has 0.08 GB."""
TOTAL_BYTES = 4 << 30
"""Most that one archive may unpack to; the test files of all languages of UD 2.5 have 0.2 GB."""
_RETRIES = 5
_BLOCK = 1 << 20


def archives(family: Family, language: str, split: str) -> tuple[Archive, ...]:
    """What to download for one leaf and split.

    Raises `MissingData` where no archive can be downloaded or the benchmark has no such split, `UnknownName` for a
    language the family lacks.
    """
    refuse_absent(family, language, split)
    given = family.data.archives
    if isinstance(given, str):
        raise MissingData(given)
    found = family.data.release_archives.get(language, given).get(split)
    if found is None:
        raise MissingData(f"{family.group} has no {split} data; it has {' and '.join(given)}")
    return tuple(_pinned(archive.filled(family.codes(language))) for archive in found)


def _pinned(archive: Archive) -> Archive:
    """With the sha256 of its file where that is known; a dataset's module gives those of large archives itself."""
    known = _pins().get(archive.url.removeprefix("https://"))
    return replace(archive, sha256=archive.sha256 or known)


@cache
def _pins() -> dict[str, str]:
    return sums.read(PINS)


# --- downloading


def address(url: str) -> str:
    """`url`, or its place on the mirror that ``XSTILTS_ARCHIVES`` names."""
    mirror = os.environ.get(BASE)
    if not mirror:
        return url
    parts = urlsplit(url)
    return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}"


def download(
    url: str,
    folder: Path,
    sha256: str | None = None,
    expect: Callable[[int], None] = lambda size: None,
    advance: Callable[[int], None] = lambda size: None,
    timeout: float = 10.0,
) -> tuple[Path, str]:
    """Bring `url` into `folder`; returns the file and its sha256.

    A download that broke off leaves a ``.part`` file, and the next call asks for the rest of it. `timeout` is in
    seconds without a byte; five attempts without any progress end it. Raises `FetchError`; a file whose sha256 is not
    `sha256` is deleted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{url.rsplit('/', 1)[-1]}"
    target, part = folder / name, folder / f"{name}.part"
    if not target.is_file():
        _complete(url, part, expect, advance, timeout)
        os.replace(part, target)
        part.with_suffix(".etag").unlink(missing_ok=True)
    digest = fingerprints.file_sha256(target)
    if sha256 is not None and digest != sha256:
        target.unlink()
        raise FetchError(
            f"{url}: the file has sha256 {digest[:12]}… where {sha256[:12]}… is pinned; it was deleted, so call "
            "again, and if that does not help the publisher has changed it"
        )
    return target, digest


def _complete(
    url: str, part: Path, expect: Callable[[int], None], advance: Callable[[int], None], timeout: float
) -> None:
    """Ask again and again for what is missing of `part`, as long as something comes."""
    failures, announced = 0, False
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            with _open(url, part, before, timeout) as (response, start, total):
                if total is not None and not announced:
                    expect(total)
                    advance(start)
                    announced = True
                _copy(response, part, start, advance)
            if total is None or part.stat().st_size == total:
                return
            reason = f"{part.stat().st_size:,} of {total:,} bytes came"
        except urllib.error.HTTPError as error:
            if error.code == 416 and before:  # nothing is left to send, or another file is there now
                part.unlink()
            elif error.code < 500:
                raise FetchError(
                    f"{url}: the server answers {error.code} ({error.reason}); the archive may have moved, use "
                    "--from hub or get the file by hand as docs/data.md says"
                ) from error
            reason = f"the server answers {error.code}"
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", None) or error) or type(error).__name__
        grown = part.exists() and part.stat().st_size > before
        failures = 0 if grown else failures + 1
        if failures >= _RETRIES:
            raise FetchError(
                f"{url}: cannot be downloaded ({reason}); call the same command again when it is reachable, and it "
                "goes on where it stopped (--timeout for a slow server)"
            )
        sleep(min(1.0, 0.2 * (failures + 1)))


@contextmanager
def _open(url: str, part: Path, start: int, timeout: float) -> Iterator[tuple[IO[bytes], int, int | None]]:
    """The response from byte `start` on, where it really starts, and the size of the whole file."""
    request = urllib.request.Request(
        address(url), headers={"User-Agent": "xstilts-eval", "Accept-Encoding": "identity"}
    )
    etag = part.with_suffix(".etag")
    if start:
        request.add_header("Range", f"bytes={start}-")
        if etag.is_file():  # a file that has changed since is sent whole
            request.add_header("If-Range", etag.read_text(encoding="utf-8"))
    with urllib.request.urlopen(request, timeout=timeout) as response:
        if response.headers.get("ETag"):
            etag.write_text(response.headers["ETag"], encoding="utf-8")
        begins = start if response.status == 206 else 0
        length = response.headers.get("Content-Length")
        yield response, begins, None if length is None else begins + int(length)


def _copy(response: IO[bytes], part: Path, start: int, advance: Callable[[int], None]) -> None:
    with part.open("r+b" if start else "wb") as file:
        file.truncate(start)
        file.seek(start)
        while block := response.read(_BLOCK):
            file.write(block)
            advance(len(block))


# --- unpacking


def unpack(source: Path, wanted: list[Archive], folder: Path) -> list[str]:
    """Write the wanted members of one downloaded file under `folder`; returns their official paths.

    No member's name, wanted or not, may be absolute or climb out, no wanted one may be a link or longer than
    `MEMBER_BYTES`, and all wanted ones together may not be longer than `TOTAL_BYTES`. The archive is read to its very
    end, where compressed streams keep their checksum. Raises `FetchError`, and then `folder`, which the caller throws
    away, may hold a part, and `DataError` for a file that a ``SHA256SUMS`` beside it lists otherwise.
    """
    sums.check(source)
    if wanted[0].member is None:
        target = folder / wanted[0].path
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as whole:
            _write(whole, target, MEMBER_BYTES, source)
        return [wanted[0].path]
    written: list[str] = []
    left = TOTAL_BYTES
    try:
        opened = _zip_members(source) if zipfile.is_zipfile(source) else _tar_members(source)
        for name, is_plain, size, reader in opened:
            _check_name(source, name)
            path = next((place for one in wanted if (place := one.place(name)) is not None), None)
            if path is None:
                continue
            if not is_plain or size > MEMBER_BYTES:
                raise FetchError(
                    f"{source.name}: member {name!r} is a link or too large ({size:,} bytes); not unpacked"
                )
            left -= size
            if left < 0:
                raise FetchError(
                    f"{source.name}: its members are longer than {TOTAL_BYTES:,} bytes together; not unpacked"
                )
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with reader() as member:
                _write(member, target, size, source)
            written.append(path)
    except FetchError:
        raise
    except DAMAGE as error:
        refuse_full_disk(error, folder)
        raise FetchError(
            f"{source.name}: not an archive that can be read ({error}); delete {source} and call again"
        ) from error
    return written


DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,  # a method of compression, or a version of the format, that `zipfile` does not know
    RuntimeError,  # a member with a password
    ValueError,  # offsets and sizes that cannot be
    OverflowError,
    struct.error,
    UnicodeDecodeError,
)
"""What the libraries raise at damaged archives (found by flipping the bits of small ones)."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)


def refuse_full_disk(error: Exception, folder: Path) -> None:
    """Raise `WriteError` for an error of the disk that is written to, which is none of the archive's."""
    if isinstance(error, OSError) and error.errno in _FULL:
        raise WriteError(f"{folder} cannot be written: {error.strerror or error}") from error


Member = tuple[str, bool, int, Callable[[], IO[bytes]]]


_END_OF_DIRECTORY = b"PK\5\6"
"""Signature of a zip's last record (APPNOTE.TXT 6.3.10, 4.3.16); the number of entries is 10 bytes behind it."""
_LONGEST_END = (1 << 16) + 22
_ZIP64 = 0xFFFF
"""What stands for the number of entries where it is in another record."""


def _announced(source: Path) -> int | None:
    """How many members a zip file says it has; None where the number does not fit its field."""
    with source.open("rb") as file:
        file.seek(max(0, source.stat().st_size - _LONGEST_END))
        end = file.read()
    (number,) = struct.unpack_from("<H", end, end.rindex(_END_OF_DIRECTORY) + 10)
    return None if number == _ZIP64 else number


def _zip_members(source: Path) -> Iterator[Member]:
    """The members; `zipfile` compares the checksum of each when it is read to its end, but counts none."""
    with zipfile.ZipFile(source) as archive:
        if (announced := _announced(source)) not in (None, len(archive.infolist())):
            raise zipfile.BadZipFile(f"{len(archive.infolist())} of {announced} members are in its directory")
        for info in archive.infolist():
            is_plain = not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16)
            yield info.filename, is_plain, info.file_size, partial(archive.open, info)


_STREAMS: dict[bytes, Callable[[Path], IO[bytes]]] = {
    b"\x1f\x8b": gzip.open,  # type: ignore[dict-item]
    b"BZ": bz2.open,
    b"\xfd7": lzma.open,
}
"""How a compressed file is opened, by its first two bytes."""


def _tar_members(source: Path) -> Iterator[Member]:
    """The members, and then what `tarfile` leaves unread: the end of the stream, where its checksum is compared.

    `tarfile` takes a damaged header behind the first member for the end of the archive; behind the real end there is
    nothing but zeros.
    """
    with source.open("rb") as file:
        open_stream = _STREAMS.get(file.read(2), _plain)
    with (
        open_stream(source) as packed,
        io.BufferedReader(cast(io.RawIOBase, packed), _BLOCK) as stream,
        tarfile.open(fileobj=stream, mode="r:") as archive,
    ):
        for info in archive:
            yield info.name.removeprefix("./"), info.isreg(), info.size, partial(_tar_file, archive, info)
        stream.seek(archive.offset)
        while block := stream.read(_BLOCK):
            if block.strip(b"\0"):
                raise tarfile.ReadError("a header behind the first member is damaged")


def _plain(source: Path) -> IO[bytes]:
    return source.open("rb")


def _tar_file(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    assert file is not None  # asked for plain members only
    return file


def _check_name(source: Path, name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
        raise FetchError(f"{source.name}: member {name!r} would be written outside the folder; nothing was unpacked")


def _write(member: IO[bytes], target: Path, size: int, source: Path) -> None:
    """Copy at most `size` bytes: what an archive says of itself need not be true."""
    left = size
    with target.open("wb") as file:
        while block := member.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise FetchError(f"{source.name}: a member is longer than the archive says; not unpacked")
            file.write(block)
