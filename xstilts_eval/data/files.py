"""Text files as they are stored: plain, ``.gz`` or ``.xz``, UTF-8 and nothing else; JSON in them passes `reading`.

Every function takes the path of a file on disk and raises `DataError` naming file and, if there is one, line; files
that a ``SHA256SUMS`` beside them lists are compared with it.
Lines end at ``\\n`` only: real files carry U+2028 inside sentences, where `str.splitlines` would cut.
"""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from xstilts_eval import fingerprints, reading
from xstilts_eval.data import sums
from xstilts_eval.errors import DataError, MissingData

COMPRESSED = (".gz", ".xz")
_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 20


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """The uncompressed bytes of `path`; a damaged or cut-off archive becomes a `DataError`."""
    reading.note(path)
    try:
        sums.check(path)
        if path.suffix == ".gz":
            # Both make every line a Python call; a buffer in front is several times as fast.
            with gzip.open(path, "rb") as packed, io.BufferedReader(packed, _CHUNK) as buffered:
                yield buffered
        elif path.suffix == ".xz":
            with lzma.open(path, "rb") as squeezed, io.BufferedReader(squeezed, _CHUNK) as buffered:
                yield buffered
        else:
            with path.open("rb") as plain:
                yield plain
    except FileNotFoundError as error:
        raise MissingData(f"{path}: no such file") from error
    except EOFError as error:
        raise DataError(f"{path}: the compressed file is cut off; fetch it again") from error
    except (zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: the compressed file is damaged ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line, without its ``\\n`` or ``\\r\\n``; a leading BOM is dropped."""
    first = 1
    with open_bytes(path) as file:
        while block := file.readlines(_CHUNK):
            yield from enumerate(_texts(path, first, block), first)
            first += len(block)


def _texts(path: Path, first: int, block: Sequence[bytes]) -> Iterable[str]:
    """The lines of a block, decoded together; one by one where that fails, so that those before the fault are given."""
    together = b"".join(block)
    if first == 1:
        together = together.removeprefix(_BOM)
    try:
        text = together.decode("utf-8")
    except UnicodeDecodeError:
        return _until_the_fault(path, first, block)
    found = text.split("\n")
    rest = found.pop()  # what no newline ends: nothing, but in the last line of a file
    if "\r" in text:
        found = [line.removesuffix("\r") for line in found]
    return found if len(found) == len(block) else [*found, rest]


def _until_the_fault(path: Path, first: int, block: Sequence[bytes]) -> Iterator[str]:
    for number, raw in enumerate(block, first):
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _not_utf8(path, number, error) from error
        yield from _texts(path, number, [raw])


def read_text(path: Path) -> str:
    """The whole file as one string, without a leading BOM."""
    with open_bytes(path) as file:
        data = file.read().removeprefix(_BOM)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, data.count(b"\n", 0, error.start) + 1, error) from error


def read_json(path: Path) -> Any:
    """The content of a JSON file whose text is all Unicode."""
    return reading.parse_json(read_text(path), path)


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Number (from 1) and value of every line that is not blank."""
    for number, line in lines(path):
        if line.strip():
            yield number, reading.parse_json(line, path, number)


def sha256(path: Path) -> str:
    """Hex sha256 of the uncompressed content, so that a file and its ``.gz`` agree."""
    with open_bytes(path) as file:
        return fingerprints.stream_sha256(file)


def plain_name(path: Path) -> str:
    """File name without a compression ending: ``x.tsv.gz`` gives ``x.tsv``."""
    return path.stem if path.suffix in COMPRESSED else path.name


def find(folder: Path, candidates: Iterable[str]) -> Path | None:
    """The first candidate that is a file under `folder`, each also tried with ``.gz`` and ``.xz``; else None.

    Candidates are relative and may not climb out of the folder (`ValueError`: they come from tables).
    """
    for candidate in candidates:
        parts = PurePosixPath(candidate)
        if parts.is_absolute() or ".." in parts.parts or not parts.parts:
            raise ValueError(f"{candidate!r} does not lie inside a data folder")
        for ending in ("", *COMPRESSED):
            path = folder / f"{candidate}{ending}"
            try:
                if path.is_file():
                    return path
            except OSError as error:  # a folder that may not be entered
                raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    return None


def _not_utf8(path: Path, number: int, error: UnicodeDecodeError) -> DataError:
    byte = f"byte 0x{error.object[error.start]:02x}"
    return DataError(f"{path}, line {number}: not UTF-8 ({byte}, {error.reason}); convert the file to UTF-8")
