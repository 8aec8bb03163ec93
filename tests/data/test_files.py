"""Stored text: compression, encoding, line ends, look-up by candidates."""

import gzip
import hashlib
import io
import lzma
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts_eval.data import files
from xstilts_eval.errors import DataError, MissingData

TEXT = "eins\nzw\u00f6lf\n\u0e2a\u0e32\u0e21\n"


def _stored(folder: Path, ending: str, content: bytes) -> Path:
    path = folder / f"x.txt{ending}"
    packed = {"": content, ".gz": gzip.compress(content), ".xz": lzma.compress(content)}
    path.write_bytes(packed[ending])
    return path


@pytest.mark.parametrize("ending", ["", ".gz", ".xz"])
def test_reads_the_same_whatever_the_compression(tmp_path: Path, ending: str) -> None:
    path = _stored(tmp_path, ending, TEXT.encode())
    assert list(files.lines(path)) == [(1, "eins"), (2, "zwölf"), (3, "สาม")]
    assert files.read_text(path) == TEXT
    assert files.sha256(path) == hashlib.sha256(TEXT.encode()).hexdigest()
    assert files.plain_name(path) == "x.txt"


PIECES = [b"a", b"\xc3\xa9", b"\xff", b"\r", b"\n", b"\n\n", b"\r\n", b"\xe2\x80\xa8", b"\xef\xbb\xbf"]


@given(st.lists(st.sampled_from(PIECES)), st.integers(1, 8))
def test_blocks_change_no_line(pieces: list[bytes], size: int) -> None:
    """Against reading line by line, the fault of one line included, whatever the size of a block."""

    def one_by_one() -> Iterator[tuple[int, str]]:
        for number, raw in enumerate(io.BytesIO(b"".join(pieces)), 1):
            text = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            yield number, re.sub(rb"\r?\n\Z", b"", text).decode()

    def seen(lines: Iterator[tuple[int, str]]) -> list[object]:
        found: list[object] = []
        try:
            for line in lines:
                found.append(line)  # what came before the fault counts
        except (UnicodeDecodeError, DataError) as error:
            cause = error.__cause__ if isinstance(error, DataError) else error
            assert isinstance(cause, UnicodeDecodeError)
            found.append((cause.object[cause.start], cause.reason))
        return found

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(files, "_CHUNK", size):
        path = Path(folder) / "lines"
        path.write_bytes(b"".join(pieces))
        assert seen(files.lines(path)) == seen(one_by_one())


def test_lines_end_at_newline_only(tmp_path: Path) -> None:
    content = "a\u2028b\u0085c\x0bd\x0ce\rf\r\ng\r\r\n\nlast".encode()
    assert list(files.lines(_stored(tmp_path, "", content))) == [
        (1, "a\u2028b\u0085c\x0bd\x0ce\rf"),
        (2, "g\r"),  # one carriage return goes, a second one is content
        (3, ""),
        (4, "last"),
    ]


def test_byte_order_mark_is_dropped_at_the_start_only(tmp_path: Path) -> None:
    path = _stored(tmp_path, "", b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n")
    assert [text for _, text in files.lines(path)] == ["a", "\ufeffb"]
    assert files.read_text(path) == "a\n\ufeffb\n"


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_other_encodings_are_refused_with_the_line(tmp_path: Path, ending: str) -> None:
    path = _stored(tmp_path, ending, "eins\nzw\u00f6lf\n".encode("latin-1"))
    for read in (lambda: list(files.lines(path)), lambda: files.read_text(path)):
        with pytest.raises(DataError, match=r"x\.txt.*line 2: not UTF-8 \(byte 0xf6"):
            read()


def test_encoding_errors_come_when_their_line_is_reached(tmp_path: Path) -> None:
    rows = files.lines(_stored(tmp_path, "", b"good\n\xff\n"))
    assert next(rows) == (1, "good")
    with pytest.raises(DataError, match="line 2"):
        next(rows)


@pytest.mark.parametrize("ending", [".gz", ".xz"])
def test_a_truncated_archive_is_named(tmp_path: Path, ending: str) -> None:
    path = _stored(tmp_path, ending, TEXT.encode() * 5_000)
    path.write_bytes(path.read_bytes()[:-20])
    for read in (lambda: list(files.lines(path)), lambda: files.read_text(path), lambda: files.sha256(path)):
        with pytest.raises(DataError, match=rf"x\.txt\{ending}: the compressed file is cut off"):
            read()


@pytest.mark.parametrize("ending", [".gz", ".xz"])
def test_a_file_that_is_no_archive_is_named(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.txt{ending}"
    path.write_bytes(b"plain text")
    with pytest.raises(DataError, match="damaged"):
        files.read_text(path)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = _stored(tmp_path, ".gz", TEXT.encode() * 5_000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"x\.txt\.gz: the compressed file is (damaged|cut off)"):
        files.read_text(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="no such file"):
        files.read_text(tmp_path / "nothing.txt")
    with pytest.raises(DataError, match="cannot be read"):
        list(files.lines(tmp_path))


def test_find_takes_the_first_candidate_and_prefers_plain_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.tsv.xz").touch()
    (tmp_path / "c.tsv.gz").touch()
    (tmp_path / "d.tsv").mkdir()  # a folder of that name is not the file
    assert files.find(tmp_path, ["a.tsv", "d.tsv", "b/x.tsv", "c.tsv"]) == tmp_path / "b" / "x.tsv.xz"
    assert files.find(tmp_path, ["c.tsv", "b/x.tsv"]) == tmp_path / "c.tsv.gz"
    assert files.find(tmp_path, ["a.tsv", "d.tsv"]) is None
    (tmp_path / "c.tsv").touch()
    assert files.find(tmp_path, ["c.tsv"]) == tmp_path / "c.tsv"


@pytest.mark.parametrize("candidate", ["../secret", "a/../../secret", "/etc/hosts", ""])
def test_find_stays_inside_the_folder(tmp_path: Path, candidate: str) -> None:
    inside = tmp_path / "data"
    inside.mkdir()
    (tmp_path / "secret").touch()
    with pytest.raises(ValueError, match="inside a data folder"):
        files.find(inside, [candidate])


def test_find_follows_a_linked_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.tsv").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert files.find(tmp_path / "link", ["x.tsv"]) == tmp_path / "link" / "x.tsv"
