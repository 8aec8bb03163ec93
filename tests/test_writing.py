"""Files that are whole or not there, whatever the target is and whatever fails."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from xstilts_eval import writing
from xstilts_eval.errors import SettingError, WriteError
from xstilts_eval.writing import check_files, check_folders, folder_beside, move_into_place, write_atomically


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scores.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=r"scores\.json cannot be written: No space left on device"):
        write_atomically(path, "new")
    assert [file.name for file in tmp_path.iterdir()] == ["scores.json"] and path.read_text() == "old"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """As /dev/stdout is, which a command may be given as a file: a file in its place would break the machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for given in (pipe, link):
        received: list[str] = []
        reader = threading.Thread(target=lambda to=received: to.append(pipe.read_text()))
        reader.start()
        write_atomically(given, "text")
        reader.join(timeout=10)
        assert received == ["text"]
        assert stat.S_ISFIFO(pipe.stat().st_mode) and link.is_symlink()


def test_a_link_stays_one_and_its_target_is_written(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "real.md"
    target.parent.mkdir()
    target.write_text("old")
    link = tmp_path / "table.md"
    link.symlink_to(target)
    write_atomically(link, "new")
    assert link.is_symlink() and target.read_text() == "new"
    assert [file.name for file in target.parent.iterdir()] == ["real.md"]


def test_folders_and_what_lies_below_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path, said in (
        (tmp_path, "is a folder; give a file name"),
        (tmp_path / "file" / "a" / "b.md", "is a file, not"),
    ):
        with pytest.raises(SettingError, match=said):
            check_files(None, "-", tmp_path / "new" / "c.md", path)
        with pytest.raises(SettingError, match=said):
            write_atomically(path, "text")
    for path, said in ((tmp_path / "file", "is a file; give a folder"), (tmp_path / "file" / "a", "is a file, not")):
        with pytest.raises(SettingError, match=said):
            check_folders(None, tmp_path, path)
    with pytest.raises(WriteError, match="cannot be written"), folder_beside(tmp_path / "file" / "a"):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_folder_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    target = tmp_path / "export"
    for text in ("first", "second"):
        with folder_beside(target) as new:
            (new / "a.txt").write_text(text)
            move_into_place(new, target)
        assert (target / "a.txt").read_text() == text and [file.name for file in tmp_path.iterdir()] == ["export"]
    plain = tmp_path / "plain"
    plain.mkdir()
    assert target.stat().st_mode == plain.stat().st_mode, "others may read it as they may any folder"


def test_an_older_folder_comes_back_when_the_new_one_cannot_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "export"
    target.mkdir()
    (target / "old.txt").write_text("old")
    rename = Path.rename

    def failing(self: Path, to: Path) -> Path:
        if self.name == "new":
            full()
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="No space"), folder_beside(target) as new:
        move_into_place(new, target)
    assert [file.name for file in tmp_path.rglob("*")] == ["export", "old.txt"]


# ------------------------------------------------------------------------------- what killed processes leave


def dead_process() -> int:
    """The number of a process that has just ended."""
    return int(subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True).stdout)


def look_again() -> None:
    writing._LOOKED_AT.clear()


def test_what_a_killed_process_was_writing_goes(tmp_path: Path) -> None:
    dead, host = dead_process(), writing._host()
    left = [f".a.{host}-{dead}.tmp.json", f".b.c.{host}-{dead}.tmp", f".d.{host}-{dead}.tmpx9_k"]
    kept = [f".a.{host}-{os.getpid()}.tmp.json", ".a.12.tmp.json", ".hidden", "a.tmp", f".a.0000-{dead}.tmp.json"]
    (tmp_path / left[2] / "new").mkdir(parents=True)
    for name in (*left[:2], *kept):
        (tmp_path / name).write_text("x")
    look_again()
    writing.write_atomically(tmp_path / "other.json", "{}")
    assert {path.name for path in tmp_path.iterdir()} == {"other.json", *kept}
    os.utime(tmp_path / kept[-1], (0, 0))  # of another machine: after a day
    look_again()
    writing.write_atomically(tmp_path / "other.json", "{}")
    assert not (tmp_path / kept[-1]).exists()


def test_a_folder_that_was_being_replaced_comes_back(tmp_path: Path) -> None:
    """Killed between the two renames of `move_into_place`."""
    outer = tmp_path / f".bundle.{writing._host()}-{dead_process()}.tmpabc_1"
    (outer / "new").mkdir(parents=True)
    (outer / "old").mkdir()
    (outer / "old" / "bundle.json").write_text("old")
    look_again()
    with writing.folder_beside(tmp_path / "bundle") as new:
        assert (tmp_path / "bundle" / "bundle.json").read_text() == "old"
        (new / "bundle.json").write_text("new")
        writing.move_into_place(new, tmp_path / "bundle")
    assert {path.name for path in tmp_path.iterdir()} == {"bundle"}
    assert (tmp_path / "bundle" / "bundle.json").read_text() == "new"
