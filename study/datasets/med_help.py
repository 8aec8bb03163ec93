"""Two-label English NLI: HELP's conjunctions to train on, MED's pairs for what was learned (Yanaka et al. 2019)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts_eval.data import files
from xstilts_eval.data.examples import Pair
from xstilts_eval.datasets import ACCURACY, Data, Dataset, Text
from xstilts_eval.errors import DataError
from xstilts_eval.kinds import PAIR

LABELS = ("neutral", "entailment")
COLUMNS = {"MED.tsv": ("sentence1", "sentence2"), "leskexppmb_and.tsv": ("ori_sentence", "new_sentence")}
EVERY = 10
"""Every tenth pair of MED is held out for development, the one after it for testing; the others are trained on."""


def read(paths: Sequence[Path], language: str, split: str) -> list[Pair]:
    """Pairs of both files; HELP's are all for training."""
    return [pair for path in paths for pair in _pairs(path, split)]


def _pairs(path: Path, split: str) -> Iterator[Pair]:
    name = path.name.removesuffix(".gz")
    first, second = COLUMNS[name]
    header: list[str] = []
    for number, line in files.lines(path):
        cells = line.split("\t")
        if not header:
            header = cells
            continue
        row = dict(zip(header, cells, strict=True))
        if row["gold_label"] not in LABELS:
            raise DataError(f"{path}, line {number}: class {row['gold_label']!r}; expected {' or '.join(LABELS)}")
        part = "train" if name != "MED.tsv" else {0: "dev", 1: "test"}.get(number % EVERY, "train")
        if part == split:
            yield Pair(f"{name[:3]}-{number}", row[first], row[second], LABELS.index(row["gold_label"]))


def choices(doc: Mapping[str, Any]) -> list[str]:
    """What a language model chooses from, in the order of LABELS."""
    return [f"{doc['premise']} {word}, {doc['hypothesis']}" for word in ("Perhaps", "So")]


MED_HELP = Dataset(
    suite="own",
    name="med_help",
    title="MED and HELP",
    kind=PAIR,
    languages=("en",),
    data=Data(
        archive="MED.tsv of verypluming/MED and output_en/leskexppmb_and.tsv of verypluming/HELP",
        files={
            split: (("med_help/MED.tsv", "med_help/HELP/leskexppmb_and.tsv"),) for split in ("train", "dev", "test")
        },
        read=read,
        licence="CC BY-SA 4.0",
        citation="Yanaka et al. 2019, Can neural networks understand monotonicity reasoning?",
        hub="no commit on the hub is known here",
        archives="fetched by hand",
    ),
    scoring=ACCURACY,
    labels=LABELS,
    prompt=Text(choices="med_help.choices"),
)
