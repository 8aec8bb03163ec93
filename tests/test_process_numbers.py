"""What launchers say of a process."""

import pytest

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
