"""What this project's study has kept: the tables and the answers in the documents come out of the pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts_eval.study import grid, pieces, running, tables
from xstilts_eval.study.tables import Kept

STUDY = Path(__file__).resolve().parents[2] / "study"
MOST = 10 * 2**20


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept.unpacked(grid.read(STUDY), tmp_path_factory.mktemp("study"))


def test_the_pieces_are_of_the_grid_and_small(kept: Kept) -> None:
    listed = pieces.listed(kept.study)
    assert all(running.kept_parts(kept.study, cell) for cell in kept.study.cells if str(cell) in listed)
    files = [*(STUDY / pieces.FOLDER).iterdir()]
    assert {path.name for path in files} == {pieces.path_of(kept.study, name).name for name in listed}
    assert sum(path.stat().st_size for path in files) < MOST


def test_the_tables_come_out_of_the_pieces(kept: Kept) -> None:
    """Of gains those of the last base, the others take a minute; all of what was learned and of the hours."""
    written = (STUDY / "tables.md").read_text(encoding="utf-8")
    for table in (tables.learned(kept), tables.hours(kept), tables.gains_of(kept, kept.bases[-1])):
        assert "\n".join(table) in written
