"""Per-document samples of a run: where `xstilts eval` and `lm_eval --log_samples` put them, read one task at a time."""

from __future__ import annotations

from pathlib import Path

from xstilts_eval import reading
from xstilts_eval.data import files
from xstilts_eval.errors import MissingData, PredictionError
from xstilts_eval.results.host import Row
from xstilts_eval.results.record import results_file

Sample = Row
COMPRESSED = ".gz"


def name(leaf: str) -> str:
    """Where `xstilts eval` puts the samples of a task in the folder of the run; compressed, with an ending."""
    return f"samples/samples_{leaf}.jsonl"


def path_of(run: Path, leaf: str) -> Path | None:
    """The samples file of a leaf, or None; `run` is a results file or an output folder.

    `xstilts eval` writes `name`; the host ``samples_LEAF_TIME.jsonl`` beside
    ``results_TIME.json``.
    """
    results = results_file(run)
    stamp = results.stem.removeprefix("results")
    of_host = results.parent / f"samples_{leaf}{stamp}.jsonl"
    return path_in(results.parent, leaf) or (of_host if of_host.is_file() else None)


def path_in(folder: Path, leaf: str) -> Path | None:
    """The samples file of a task that `xstilts eval` wrote into a folder, or None."""
    candidates = (folder / name(leaf), folder / f"{name(leaf)}{COMPRESSED}")
    return next((path for path in candidates if path.is_file()), None)


def read(run: Path, leaf: str) -> list[Sample]:
    """Samples of a leaf, in the order of the test file.

    Raises `MissingData` without the file and `PredictionError` for a line that is not a sample.
    """
    path = path_of(run, leaf)
    if path is None:
        raise MissingData(f"{run} keeps no samples of {leaf}; score with xstilts eval, or lm_eval --log_samples")
    return read_file(path)


def read_file(path: Path) -> list[Sample]:
    """Samples of one file; raises `PredictionError` for a line that is none."""
    found: list[Sample] = []
    for number, line in enumerate(files.read_text(path).split("\n"), start=1):
        if not line:
            continue
        try:
            sample = reading.parse_json(line, path, number)
            sample["doc_id"] = int(sample["doc_id"])
            if not isinstance(sample.get("doc", {}), dict):
                raise TypeError("its doc is no object")
        except reading.UNFIT as error:
            raise PredictionError(f"{path}, line {number} is not a sample ({error}); was the file cut off?") from error
        found.append(sample)
    return sorted(found, key=lambda sample: int(sample["doc_id"]))
