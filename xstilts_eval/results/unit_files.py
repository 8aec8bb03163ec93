"""The counts of a task's units as columns in one small file: what comparisons read in the place of its samples.

``units/units_TASK.safetensors`` beside ``samples/``: a tensor for each count, in the smallest type that holds it, the
units' names as JSON, and in the header what was counted. Read through a memory map, without any code from the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from xstilts_eval import fingerprints, reading
from xstilts_eval.benchmark import Family
from xstilts_eval.errors import PredictionError
from xstilts_eval.results.output import MARKER
from xstilts_eval.results.record import results_file
from xstilts_eval.results.statistics import Named

FOLDER = "units"
FORMAT = "1"
_NAMES, _COUNT, _HEADER = "names", "count{}", "xstilts"
_SMALLEST = (np.uint8, np.uint16, np.uint32)


class Names(Sequence[str]):
    """Names of units that are read when one of them is asked for; two of the same bytes are equal without that."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._names: list[str] | None = None

    @classmethod
    def of(cls, names: Sequence[str]) -> Names:
        return cls(json.dumps(list(names), separators=(",", ":")).encode())

    @property
    def packed(self) -> bytes:
        return self._packed

    def _all(self) -> list[str]:
        if self._names is None:
            self._names = [str(name) for name in reading.parse_json(self._packed.decode(), "names of units")]
        return self._names

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return self._all()[place]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Names):
            return self._packed == other._packed
        return isinstance(other, Sequence) and self._all() == list(other)

    __hash__ = None  # type: ignore[assignment]


def name(leaf: str) -> str:
    """The file of a task, relative to the folder of its run."""
    return f"{FOLDER}/{FOLDER}_{leaf}.safetensors"


def content(family: Family, counted: Named, documents: int, more: Mapping[str, str]) -> bytes:
    """The file of a task: counts of units (`statistics.counts`) of so many documents; `more` is for its header."""
    from safetensors.numpy import save

    names, counts = counted
    tensors: dict[str, NDArray[np.generic]] = {
        _COUNT.format(place): _packed(column) for place, column in enumerate(counts.T)
    }
    tensors[_NAMES] = np.frombuffer(Names.of(names).packed, dtype=np.uint8)
    header = {**more, "format": FORMAT, "statistic": family.scoring.statistic, "documents": str(documents)}
    found: bytes = save(tensors, metadata={_HEADER: json.dumps(header)})  # of several the order is left to chance
    return found


class UnitFile:
    """What the file of a task holds; made by `find`, read when it is asked."""

    def __init__(self, path: Path, header: Mapping[str, str]) -> None:
        self.path, self.header = path, header

    @property
    def documents(self) -> int:
        return int(self.header["documents"])

    def counts(self, family: Family) -> Named:
        """Names of units and their counts [units, counts]; raises `PredictionError` for another layout."""
        from safetensors import SafetensorError, safe_open

        try:
            if self.header["statistic"] != family.scoring.statistic:
                raise ValueError(f"counts of {self.header['statistic']}")
            with safe_open(self.path, framework="np") as file:
                packed = file.get_tensor(_NAMES).tobytes()
                columns = [file.get_tensor(_COUNT.format(place)) for place in range(len(file.keys()) - 1)]
            counts = np.array(columns, dtype=np.float64).T
        except (*reading.UNFIT, SafetensorError, OSError) as error:
            raise PredictionError(f"{self.path} holds no counts that this version can read ({error})") from error
        return Names(packed), np.ascontiguousarray(counts)


def find(run: Path, leaf: str) -> UnitFile | None:
    """The file of a task of a run; None where there is none, it is of another format, or not the one that was written.

    The samples are there for all of these.
    """
    from safetensors import SafetensorError, safe_open

    folder = results_file(run).parent
    path = folder / name(leaf)
    if not path.is_file():
        return None
    try:
        written = _sums(folder).get(name(leaf))
        if written is not None and fingerprints.file_sha256(path) != written:
            return None
        with safe_open(path, framework="np") as file:
            header = reading.parse_json((file.metadata() or {})[_HEADER], path)
    except (*reading.UNFIT, SafetensorError, OSError):
        return None
    is_ours = isinstance(header, dict) and header.get("format") == FORMAT
    return UnitFile(path, {name: str(value) for name, value in header.items()}) if is_ours else None


_SUMS: dict[tuple[Path, int, int], dict[str, str]] = {}
"""By marker, its size and time: the sha256 of a run's files."""


def _sums(folder: Path) -> dict[str, str]:
    """sha256 of the files of a run by name, as its marker has them; {} where it has none."""
    marker = folder / MARKER
    try:
        stat = marker.stat()
    except OSError:
        return {}
    key = (marker, stat.st_size, stat.st_mtime_ns)
    if key not in _SUMS:
        try:
            parts = reading.read_json(marker, "the marker of a run")["finished"].values()
            _SUMS[key] = {file: str(digest) for files in parts for file, digest in files.items()}
        except reading.UNFIT:
            _SUMS[key] = {}
    return _SUMS[key]


def _packed(column: NDArray[np.float64]) -> NDArray[np.generic]:
    """The column in the smallest type of whole numbers that holds it, else as it is."""
    if len(column) and np.isfinite(column).all() and column.min() >= 0 and np.array_equal(column, np.rint(column)):
        for kind in _SMALLEST:
            if column.max() <= np.iinfo(kind).max:
                return column.astype(kind)
    return np.ascontiguousarray(column)
