"""What is kept of a study: packed, listed, unpacked as it was, and refused where it is not what was listed."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.study.test_grid import block, written
from xstilts_eval import fingerprints
from xstilts_eval.errors import DataError, MissingData, UnknownName
from xstilts_eval.study import grid, pieces
from xstilts_eval.study.grid import Study

CELL = "whole/none/seed-1"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "study").mkdir()
    return grid.read(written(tmp_path / "study", blocks=[block(seeds=[1, 2])]))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    for name in ("tags/units/units_a.safetensors", "tags/units/units_b.safetensors"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 50)
    (folder / "tags/results.json").write_text('{"é": 1}', encoding="utf-8")
    (folder / "tags/samples.jsonl").write_text("no text of a document is kept", encoding="utf-8")
    (folder / "stages.json").write_text("[]", encoding="utf-8")
    return folder


def keep(study: Study, results: Path) -> Path:
    return pieces.keep(study, study.cells[0], results, {"training": 1.5, "tags": 2.0}, "x86_64")


def test_results_come_back_as_they_were(study: Study, results: Path, tmp_path: Path) -> None:
    piece = keep(study, results)
    assert pieces.unpack(study, tmp_path / "out") == [CELL]
    out = tmp_path / "out" / CELL
    found = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    del found[".piece"]
    expected = {str(path.relative_to(results)): path.read_bytes() for path in results.rglob("*") if path.is_file()}
    del expected["tags/samples.jsonl"]
    assert found == expected
    first = piece.read_bytes()
    assert keep(study, results).read_bytes() == first, "the same results, the same bytes"
    assert pieces.listed(study)[CELL].settings == study.settings_of(study.cells[0])


def test_unpacked_results_are_replaced_when_their_piece_is_another(study: Study, results: Path, tmp_path: Path) -> None:
    keep(study, results)
    pieces.unpack(study, tmp_path / "out")
    (results / "tags/results.json").write_text("{}", encoding="utf-8")
    keep(study, results)
    pieces.unpack(study, tmp_path / "out")
    assert (tmp_path / "out" / CELL / "tags/results.json").read_text(encoding="utf-8") == "{}"


def test_a_missing_or_changed_piece_is_named(study: Study, results: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="has kept no cell yet"):
        pieces.unpack(study, tmp_path / "out")
    piece = keep(study, results)
    whole = piece.read_bytes()
    piece.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DataError, match=rf"the piece {piece} of the study is not the one that pieces\.json lists"):
        pieces.unpack(study, tmp_path / "out")
    piece.unlink()
    with pytest.raises(MissingData, match=rf"the piece {piece} of the study is not there"):
        pieces.unpack(study, tmp_path / "out")
    with pytest.raises(MissingData, match="the study has no results of whole/none/seed-2 yet"):
        pieces.unpack(study, tmp_path / "out", ["whole/none/seed-2"])
    assert not (tmp_path / "out" / CELL).exists()


@pytest.mark.parametrize(
    "content", ['{"pieces": {"a": {"sha256": 1}}}', '{"pieces": []}', "[]", "{", '{"pieces": {}, "more": 1}']
)
def test_a_list_that_cannot_be_read_is_refused(content: str, study: Study) -> None:
    (study.folder / pieces.LIST).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"pieces\.json"):
        pieces.listed(study)


def test_a_list_that_names_another_folder_leads_nowhere(study: Study, results: Path, tmp_path: Path) -> None:
    keep(study, results)
    listed = json.loads((study.folder / pieces.LIST).read_text(encoding="utf-8"))
    listed["pieces"]["../outside"] = listed["pieces"][CELL]
    (study.folder / pieces.LIST).write_text(json.dumps(listed), encoding="utf-8")
    assert pieces.unpack(study, tmp_path / "out") == [CELL]
    with pytest.raises(UnknownName):
        pieces.unpack(study, tmp_path / "out", ["../outside"])
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside", "link"])
def test_nothing_is_written_outside(name: str, study: Study, results: Path, tmp_path: Path) -> None:
    """Of a piece that somebody else made and listed."""
    piece = keep(study, results)
    with tarfile.open(piece, "w:xz") as archive:
        member = tarfile.TarInfo(name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member, io.BytesIO())
    listed = json.loads((study.folder / pieces.LIST).read_text(encoding="utf-8"))
    listed["pieces"][CELL]["sha256"] = fingerprints.file_sha256(piece)
    (study.folder / pieces.LIST).write_text(json.dumps(listed), encoding="utf-8")
    with pytest.raises(DataError, match="which is no file that a study has"):
        pieces.unpack(study, tmp_path / "out")
    assert not (tmp_path / "outside").exists() and not (tmp_path / "out" / CELL).exists()
