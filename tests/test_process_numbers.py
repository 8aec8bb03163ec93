"""What launchers say of a process."""

import re
from pathlib import Path

import pytest

import xstilts_eval
from xstilts_eval import processes
from xstilts_eval.errors import SettingError

NAMES = ("WORLD_SIZE", "RANK", "LOCAL_RANK")


@pytest.mark.parametrize(
    ("values", "expected"),
    [((), (1, 0, 0, True)), (("4", "2", "1"), (4, 2, 1, False)), (("0", "", ""), (1, 0, 0, True))],
)
def test_numbers(values: tuple[str, ...], expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in zip(NAMES, values, strict=False):
        monkeypatch.setenv(name, value)
    found = processes.world_size(), processes.rank(), processes.local_rank(), processes.is_first()
    assert found == expected


def test_what_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(SettingError, match="RANK='first' in the environment"):
        processes.rank()


def test_one_module_reads_them() -> None:
    folder = Path(xstilts_eval.__file__).parent
    asked = re.compile(rf"(environ|getenv)[^\n]*[\"']({'|'.join(NAMES)})[\"']")
    assert [path.name for path in folder.rglob("*.py") if asked.search(path.read_text(encoding="utf-8"))] == []
    assert all(f'"{name}"' in (folder / "processes.py").read_text(encoding="utf-8") for name in NAMES)
