"""One bit of an archive turned: all members as they were packed, or an error; never others."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import shutil
import tarfile
import zipfile
from pathlib import Path

from tests.campaign.units import Outcome, Unit
from xstilts_eval.data.archives import unpack
from xstilts_eval.datasets._dataset import Archive
from xstilts_eval.errors import FetchError

ENDINGS = ("gz", "bz2", "xz", "zip")
WORDS = {f"UD/{name}.conllu": f"1\tAnna\t{name}\tPROPN\n".encode() * 40 for name in ("one", "two", "three")}
ANY = [Archive("u", r"\g<0>", ".*")]


def packed(path: Path) -> Path:
    """`WORDS` as a zip, or as a tar under what the path's ending names."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in WORDS.items():
                file.writestr(zipfile.ZipInfo(name), content)  # of 1980, whenever it is made
        return path
    content = plain_tar()
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content, mtime=0))
        return path
    with {".bz2": bz2, ".xz": lzma}[path.suffix].open(path, "wb") as file:
        file.write(content)
    return path


def plain_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in WORDS.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def refused(source: Path, folder: Path) -> bool:
    """Whether `source` is refused; asserts that what is not refused has exactly the words."""
    try:
        unpack(source, ANY, folder)
    except FetchError:
        return True
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == WORDS
    return False


def units(flips: int, seed: int) -> list[Unit]:
    """So many bits turned, one at a time, shared out among the kinds of archives."""
    each = -(-flips // len(ENDINGS))

    def unit(ending: str) -> Unit:
        def run(folder: Path) -> Outcome:
            return _flipped(ending, each, seed, folder)

        return Unit("archives", f"one bit turned in a .{_shown(ending)}", f"archives/{ending}/{each}", run)

    return [unit(ending) for ending in ENDINGS]


def _shown(ending: str) -> str:
    return ending if ending == "zip" else f"tar.{ending}"


def _flipped(ending: str, flips: int, seed: int, folder: Path) -> Outcome:
    source = packed(folder / f"x.{ending}")
    whole = source.read_bytes()
    draw = random.Random(f"{seed}/{ending}")
    outcome = Outcome()
    for place in draw.sample(range(8 * len(whole)), flips):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << (place % 8)
        source.write_bytes(damaged)
        outcome.tried += 1
        try:
            is_refused = refused(source, folder / "out")
            outcome.refused += is_refused
            outcome.same += not is_refused
        except AssertionError:
            outcome.faults.append(f".{_shown(ending)}, bit {place}: other members, and no word about it")
        except Exception as error:
            outcome.faults.append(f".{_shown(ending)}, bit {place}: {type(error).__name__}: {str(error)[:200]}")
        shutil.rmtree(folder / "out", ignore_errors=True)
    return outcome
