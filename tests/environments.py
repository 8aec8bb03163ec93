"""New environments with our package alone installed; the heavy dependencies are borrowed, nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (
    ".gitignore",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "model_zoo.yaml",
    "zoo",
    "harness_tasks",
    "recipes",
    "xstilts_eval",
)


@dataclass(frozen=True)
class Environment:
    """A virtual environment that holds one installation of this package."""

    folder: Path
    borrowed: Path

    @classmethod
    def make(cls, folder: Path, borrowed: Path) -> Environment:
        venv.create(folder, symlinks=True)
        made = cls(folder, borrowed)
        (made.site / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
        script = (Path(sys.executable).parent / "lm_eval").read_text(encoding="utf-8")
        made.command("lm_eval").write_text(f"#!{made.command('python')}\n{script.partition(chr(10))[2]}")
        made.command("lm_eval").chmod(0o755)
        return made

    @property
    def site(self) -> Path:
        return self.folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

    def command(self, name: str) -> Path:
        return self.folder / "bin" / name

    def install(self, *arguments: str | Path) -> None:
        finished = self.pip("install", "--no-deps", "--no-index", *arguments)
        assert finished.returncode == 0, finished.stderr

    def pip(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        pip = [sys.executable, "-m", "pip", "-qq", "--python", str(self.command("python"))]
        return subprocess.run([*pip, *map(str, arguments)], capture_output=True, text=True)

    def run(self, cwd: Path, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's commands as a user would, in `cwd`, with nothing of ours in the variables.

        Without the store, which lies in the user's own cache: one run's answers would be another's.
        """
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("XSTILTS_", "PYTHON"))}
        return subprocess.run(
            [str(self.command(str(command[0]))), *map(str, command[1:])],
            cwd=cwd,
            env=clean | {"OMP_NUM_THREADS": "1", "XSTILTS_STORE": "off"} | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )


def copy_checkout(folder: Path) -> Path:
    """A copy of the files that make the package, so that a test may edit them."""
    folder.mkdir(exist_ok=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def build_wheel(checkout: Path, folder: Path) -> Path:
    """The wheel as it is published: built from the source archive, which is built from the checkout."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(checkout)]
    finished = subprocess.run(build, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    (path,) = folder.glob("*.whl")
    return path


def borrow(folder: Path) -> Path:
    """Links to every package of the running environment except this one."""
    folder.mkdir(exist_ok=True)
    for place in (Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")):
        for package in place.iterdir():
            if "xstilts" not in package.name and not (folder / package.name).exists():
                (folder / package.name).symlink_to(package)
    return folder
