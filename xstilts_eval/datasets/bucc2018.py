"""BUCC 2018: translations hidden in two corpora. The training set plays test, the sample set gives thresholds."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import converters, readers
from xstilts_eval.data.examples import Corpus
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import (
    Alternatives,
    Archive,
    Category,
    Data,
    Dataset,
    HubFiles,
    Repository,
    sizes,
)  # fmt: skip
from xstilts_eval.datasets._places import PARQUET
from xstilts_eval.kinds import MINING

_FOLDERS = ("bucc2018/{lg}-en/", "bucc2018/bucc2018/{lg}-en/", "{lg}-en/", "bucc2018/", "")
_NAMES = {"test": "training", "dev": "sample"}
_ENDINGS = ("{lg}", "en", "gold")
_HUB = Repository(
    "mteb/BUCC",
    "414572247440f0ccacf7eb0bb70a31533a0e5443",
    "embeddings-benchmark/mteb @ a905523, mteb/tasks/bitext_mining/multilingual/bucc_bitext_mining.py",
)
_URL = "https://comparable.limsi.fr/bucc2018/bucc2018-{{lg}}-en.{name}-gold.tar.bz2"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Corpus]:
    source, target, gold = paths
    return [readers.bucc(source, target, gold, f"{language}-en.{split}")]


def _files(split: str) -> Alternatives:
    return tuple(
        tuple(f"{folder}{{lg}}-en.{name}.{ending}" for ending in _ENDINGS)
        for name in (_NAMES[split], split)
        for folder in _FOLDERS
    )


def _archive(split: str) -> tuple[Archive, ...]:
    member = rf"bucc2018/{{lg}}-en/{{lg}}-en\.{_NAMES[split]}\.(?:{{lg}}|en|gold)"
    return (Archive(_URL.format(name=_NAMES[split]), r"\g<0>", member),)


XTREME = Dataset(
    "xtreme",
    "bucc2018",
    "BUCC 2018",
    MINING,
    ("de", "fr", "ru", "zh"),
    Data(
        "bucc2018-{lg}-en.training-gold.tar.bz2 and …sample-gold.tar.bz2 of the BUCC 2018 shared task",
        {split: _files(split) for split in _NAMES},
        read,
        licence="none found",
        citation="Zweigenbaum et al. 2018, Overview of the Third BUCC Shared Task",
        sizes={"test": sizes("de 9580 fr 9086 ru 14435 zh 1899"), "dev": sizes("de 1038 fr 929 ru 2374 zh 257")},
        stripped={
            "test": (
                "bucc2018/{lg}-en.test.{lg}",
                "without the gold pairs (it deletes the .gold files of its test sets; the dev files keep theirs)",
            )
        },
        hub={
            "test": HubFiles(
                _HUB, f"{{lg}}-en/test{PARQUET}",
                tuple(f"bucc2018/{{lg}}-en/{{lg}}-en.training.{ending}" for ending in _ENDINGS), converters.bucc,
                "positions for ids",
            ),
            "dev": "the hub has no sample (dev) set of BUCC 2018, and BUCC is not scored without one, because it gives "
            "the threshold; get it with xstilts data fetch bucc2018 --split dev --from archives, into the same folder",
        },
        archives={split: _archive(split) for split in _NAMES},
    ),
    _scoring.MINED,
    Category.RETRIEVAL,
    predictions="tsv",
    column="BUCC",
)  # fmt: skip
