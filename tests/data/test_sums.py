"""Data beside a list of checksums: what was changed is refused, whoever reads it."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import shared_data
from xstilts_eval.benchmark import family
from xstilts_eval.data import archives, files, sources, sums
from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.suites import DATASETS


def listed(folder: Path, *options: str) -> Path:
    """A list of all files in a folder, made by the system's own program."""
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    text = subprocess.run(
        ["sha256sum", *options, *names], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    (folder / "SHA256SUMS").write_text(text)
    return folder


def write(folder: Path) -> Path:
    (folder / "v1").mkdir(parents=True)
    (folder / "v1" / "a.tsv").write_text("Anna\tPROPN\n")
    (folder / "b.tsv.gz").write_bytes(gzip.compress(b"Anna\tPROPN\n"))
    (folder / "odd\\name.tsv").write_text("x\n")
    return folder


@pytest.mark.parametrize("options", [(), ("--binary",), ("--tag",)])
def test_a_changed_file_is_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    folder = listed(write(tmp_path / "data"), *options)
    for name in ("v1/a.tsv", "b.tsv.gz"):
        assert files.read_text(folder / name) == "Anna\tPROPN\n"
    (folder / "v1" / "a.tsv").write_text("Anne\tPROPN\n")
    (folder / "b.tsv.gz").write_bytes(gzip.compress(b"Anne\tPROPN\n"))
    for name in ("v1/a.tsv", "b.tsv.gz"):
        with pytest.raises(
            DataError, match=rf"{name} is not the file that .*SHA256SUMS lists \(sha256 [0-9a-f]{{12}}…"
        ):
            files.read_text(folder / name)


def test_what_is_not_listed_passes(tmp_path: Path) -> None:
    folder = listed(write(tmp_path / "data"))
    (folder / "new.tsv").write_text("x")
    assert files.read_text(folder / "new.tsv") == "x"
    with pytest.raises(MissingData, match="no such file"):
        files.read_text(folder / "absent.tsv")
    (folder / "v1" / "a.tsv").unlink()
    with pytest.raises(MissingData, match="no such file"):
        files.read_text(folder / "v1" / "a.tsv")


def test_the_nearest_list_counts(tmp_path: Path) -> None:
    folder = write(tmp_path / "data")
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  v1/a.tsv\n# a remark\n\n{'0' * 64} *./b.tsv.gz\n")
    listed(folder / "v1")
    assert files.read_text(folder / "v1" / "a.tsv") == "Anna\tPROPN\n"
    with pytest.raises(DataError, match=r"listed 000000000000…"):
        files.read_text(folder / "b.tsv.gz")


def test_a_list_that_is_none(tmp_path: Path) -> None:
    folder = write(tmp_path / "data")
    (folder / "SHA256SUMS").write_text("v1/a.tsv is good\n")
    with pytest.raises(DataError, match=r"SHA256SUMS, line 1 is not a line of sha256sum"):
        files.read_text(folder / "v1" / "a.tsv")


def test_pins_are_of_addresses_that_are_asked() -> None:
    """A dataset that moves to another commit leaves its pins behind; then they are to be made again."""
    asked = set()
    for one in DATASETS.values():
        for split in one.data.archives if not isinstance(one.data.archives, str) else ():
            for language in one.languages:
                with contextlib.suppress(MissingData):
                    asked |= {found.url.removeprefix("https://") for found in archives.archives(one, language, split)}
    pins = sums.read(archives.PINS)
    assert len(pins) == 474 and not pins.keys() - asked
    (known, _) = archives.archives(family("tatoeba"), "de", "test")
    assert known.sha256 == pins[known.url.removeprefix("https://")]


@pytest.mark.skipif(not shared_data.DATA.is_dir(), reason="../shared/data is not there")
def test_pins_are_those_of_the_lists_beside_the_data() -> None:
    """The lists were made with the data, ours from the data: of files that are stored as they are both say the same."""
    pins = sums.read(archives.PINS)
    lists = {path.parent: sums.read(path) for path in shared_data.DATA.glob("*/SHA256SUMS")}
    said = {f"{folder.name}/{name}": digest for folder, found in lists.items() for name, digest in found.items()}
    checked = 0
    for name, language in [("tatoeba", "de"), ("tatoeba", "sw"), ("xquad", "th"), ("xcopa", "qu"), ("xquad", "de")]:
        for one in archives.archives(family(name), language, "test"):
            assert said[one.path] == one.sha256 == pins[one.url.removeprefix("https://")]
            checked += 1
    assert checked == 7


@pytest.mark.skipif(not shared_data.DATA.is_dir(), reason="../shared/data is not there")
def test_real_data(tmp_path: Path) -> None:
    """XQuAD in German, whole and with one bit of one letter turned."""
    shutil.copytree(shared_data.DATA / "xquad", tmp_path / "xquad", copy_function=os.link)
    assert len(sources.load(family("xquad"), "de", "test", tmp_path).examples) == 1190
    path = tmp_path / "xquad" / "xquad.de.json"
    content = bytearray(path.read_bytes())
    content[content.index(b"Panthers") + 1] ^= 1
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"xquad\.de\.json is not the file that .*SHA256SUMS lists"):
        sources.load(family("xquad"), "de", "test", tmp_path)
