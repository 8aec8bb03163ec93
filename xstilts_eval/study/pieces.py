"""What is kept of a study: one small archive for each cell, listed with its sha256, and ordinary results made of it.

A piece holds the results of every part (scores, signatures, counts of the units of every document) and what each
training stage learned; no text of any document and no weights. Unpacked, it is a folder like those of `xstilts eval`,
so that every command that reads results reads it.
"""

from __future__ import annotations

import io
import json
import lzma
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from xstilts_eval import fingerprints, locking, reading
from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.results.unit_files import FOLDER as UNITS
from xstilts_eval.study.grid import Cell, Study
from xstilts_eval.validation import complaint
from xstilts_eval.writing import folder_beside, move_into_place, write_atomically

FOLDER = "pieces"
LIST = "pieces.json"
STAGES = "stages.json"
ESTIMATES = "estimates.json"
"""How well a cell's encoder and intermediate heads suit the targets, asked before they are removed."""
RESULTS = "results.json"
_LARGEST = 200 * 2**20
"""Bytes of a piece once unpacked; scores in 25 languages of UD-POS and 190 of SIB-200 have less than 2 MiB."""


class Piece(BaseModel):
    """A finished cell: the archive's sha256, the parts in it, and the seconds that training and each part took.

    `settings` is `Study.settings_of` the cell as it was made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    settings: str
    parts: tuple[str, ...]
    seconds: Mapping[str, float]
    machine: str


class Suits(BaseModel):
    """An estimate (``LogME``) of how well a run suits a target (``xtreme_udpos``)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    estimate: str
    target: str
    value: float


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Examples(_Read):
    trained: int
    development: int


class _Outcome(_Read):
    steps: int
    seconds: float
    losses: tuple[tuple[int, float], ...]
    scores: tuple[Mapping[str, float], ...]


class _Identity(_Read):
    format: int


class Stage(_Read):
    """As much of a trained stage's record as is read again; the scores are those of English development data."""

    key: str
    identity: _Identity
    tasks: Mapping[str, _Examples]
    outcome: _Outcome

    def went_as(self, other: Stage) -> bool:
        """Whether losses and scores are those of the other, so that the weights are taken to be."""
        mine, theirs = ([{**row, "seconds": 0.0} for row in one.outcome.scores] for one in (self, other))
        return self.outcome.losses == other.outcome.losses and mine == theirs


class _List(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    pieces: dict[str, Piece]


def listed(study: Study) -> dict[str, Piece]:
    """The pieces that a study has, by cell; raises `DataError` for a list that cannot be read."""
    file = study.folder / LIST
    if not file.is_file():
        return {}
    try:
        return _List.model_validate(reading.read_json(file, "the list of a study's pieces")).pieces
    except ValidationError as error:
        raise DataError(f"{file}: {complaint(error, 'the list')}") from error


def estimates(results: Path) -> list[Suits]:
    """What a cell's `ESTIMATES` say, none without them; raises `DataError` for a file that cannot be read."""
    file = results / ESTIMATES
    if not file.is_file():
        return []
    try:
        return TypeAdapter(list[Suits]).validate_python(reading.read_json(file, "the estimates of a study"))
    except ValidationError as error:
        raise DataError(f"{file}: {complaint(error, 'the estimates')}") from error


def stages(results: Path) -> list[Stage]:
    """The stages of a cell, in the order in which they were trained; raises `DataError` for a bad file."""
    file = results / STAGES
    try:
        return TypeAdapter(list[Stage]).validate_python(reading.read_json(file, "the stages of a cell"))
    except ValidationError as error:
        raise DataError(f"{file}: {complaint(error, 'the stages')}") from error


def path_of(study: Study, cell: str) -> Path:
    """Where the piece of a cell lies."""
    return study.folder / FOLDER / f"{cell.replace('/', '_')}.tar.xz"


def keep(study: Study, cell: Cell, results: Path, seconds: Mapping[str, float], machine: str) -> Path:
    """Pack the results of a cell, whose parts lie in `results`, and list them; the same results give the same bytes."""
    path = path_of(study, str(cell))
    content = _packed(results, cell.parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locking.held(study.folder / f".{LIST}.lock"):
        found = listed(study)
        write_atomically(path, content)
        sha256 = fingerprints.file_sha256(path)
        settings = study.settings_of(cell)
        found[str(cell)] = Piece(sha256=sha256, settings=settings, parts=cell.parts, seconds=seconds, machine=machine)
        plain = {"pieces": {name: found[name].model_dump(mode="json") for name in sorted(found)}}
        write_atomically(study.folder / LIST, json.dumps(plain, indent=1) + "\n")
    return path


def _packed(results: Path, parts: Iterable[str]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in _members(results, parts):
            content = (results / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return lzma.compress(raw.getvalue(), preset=9 | lzma.PRESET_EXTREME)


def _members(results: Path, parts: Iterable[str]) -> Iterator[str]:
    yield STAGES
    if (results / ESTIMATES).is_file():
        yield ESTIMATES
    for part in parts:
        yield f"{part}/{RESULTS}"
        yield from sorted(str(path.relative_to(results)) for path in (results / part / UNITS).glob("*.safetensors"))


def unpack(study: Study, target: Path, cells: Iterable[str] | None = None) -> list[str]:
    """Write the results of the cells (None: of all of the study that are kept) below `target`; returns their names.

    What is there already is left. Raises `MissingData` where nothing is kept and for a piece that is listed and not
    there, `DataError` for one that is not as it was listed.
    """
    pieces = listed(study)
    wanted = [str(cell) for cell in study.cells if str(cell) in pieces] if cells is None else list(cells)
    if cells is None and not wanted:
        raise MissingData(f"the study in {study.folder} has kept no cell yet; xstilts study run makes them")
    for cell in wanted:
        study.cell(cell)
        if cell not in pieces:
            raise MissingData(f"the study has no results of {cell} yet; xstilts study run makes them")
        _unpack(study, cell, pieces[cell], target / cell)
    return wanted


def _unpack(study: Study, cell: str, piece: Piece, folder: Path) -> None:
    path = path_of(study, cell)
    if not path.is_file():
        raise MissingData(f"the piece {path} of the study is not there; check it out again")
    if fingerprints.file_sha256(path) != piece.sha256:
        raise DataError(f"the piece {path} of the study is not the one that {LIST} lists; check it out again")
    made_of = folder / ".piece"
    if made_of.is_file() and made_of.read_text(encoding="utf-8").strip() == piece.sha256:
        return
    with folder_beside(folder) as new:
        for name, content in _contents(path):
            place = new / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        (new / made_of.name).write_text(piece.sha256 + "\n", encoding="utf-8")
        move_into_place(new, folder)


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a piece; raises `DataError` for members that are no plain files below the folder."""
    left = _LARGEST
    with lzma.open(path) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as archive:
        for member in archive:
            name, left = PurePosixPath(member.name), left - member.size
            file = archive.extractfile(member) if member.isreg() else None
            if file is None or name.is_absolute() or ".." in name.parts or left < 0:
                raise DataError(f"the piece {path} holds {member.name!r}, which is no file that a study has")
            yield member.name, file.read()
