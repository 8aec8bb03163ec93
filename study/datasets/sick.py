"""SICK: English sentence pairs with XNLI's three classes (Marelli et al. 2014)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts_eval.data import files
from xstilts_eval.data.examples import Pair
from xstilts_eval.datasets import ACCURACY, Data, Dataset, Text
from xstilts_eval.errors import DataError
from xstilts_eval.kinds import PAIR

LABELS = ("contradiction", "entailment", "neutral")
SETS = {"TRAIN": "train", "TRIAL": "dev", "TEST": "test"}


def read(paths: Sequence[Path], language: str, split: str) -> list[Pair]:
    """Rows of one split. Columns: id, both sentences, class, …; the last one names the split."""
    pairs = []
    for number, line in files.lines(paths[0]):
        name, first, second, label, *_, part = line.split("\t")
        if name == "pair_ID":
            continue
        if label.lower() not in LABELS or part not in SETS:
            raise DataError(f"{paths[0]}, line {number}: no class or no split of SICK")
        if SETS[part] == split:
            pairs.append(Pair(name, first, second, LABELS.index(label.lower())))
    return pairs


def choices(doc: Mapping[str, Any]) -> list[str]:
    """What a language model chooses from, in the order of LABELS."""
    return [f"{doc['premise']}, right? {word}, {doc['hypothesis']}" for word in ("No", "Yes", "Also")]


SICK = Dataset(
    suite="own",
    name="sick",
    title="SICK",
    kind=PAIR,
    languages=("en",),
    data=Data(
        archive="SICK.txt",
        files={split: (("SICK.txt",), ("sick/SICK.txt",)) for split in SETS.values()},
        read=read,
        licence="CC BY-NC-SA 3.0",
        citation="Marelli et al. 2014, A SICK cure for the evaluation of compositional distributional semantic models",
        hub="no commit on the hub is known here",
        archives="fetched by hand",
    ),
    scoring=ACCURACY,
    labels=LABELS,
    prompt=Text(choices="sick.choices"),
)
