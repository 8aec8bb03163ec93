"""AfriXNLI: XNLI's question in sixteen African languages, English and French, the same pairs in all (IrokoBench)."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import columns
from xstilts_eval.data.examples import Pair
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, under
from xstilts_eval.datasets.xnli import ENGLISH_CLOZE, LABELS
from xstilts_eval.kinds import PAIR

# Class numbers as the hub's copy and lm-evaluation-harness 0.4.13 (`tasks/afrixnli`) have them.
NUMBERS = ("2", "0", "1")
SIZES = {"test": {"*": 600}, "dev": {"*": 450}}
_FOLDERS = ("afrixnli/data/{lg}/", "data/{lg}/", "afrixnli/{lg}/")
# The pin is mteb's (`tasks/PairClassification/multilingual`); the path of the files, public programs that fetch them.
_HUB = "https://huggingface.co/datasets/masakhane/afrixnli/resolve/e3ca06b30f3e7af2a86f6c8609ea76fee326bc56/data/"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Pair]:
    """Labels are class numbers."""
    return columns.pairs(paths[0], LABELS, NUMBERS, quoted=True)


BEYOND = Dataset(
    "beyond",
    "afrixnli",
    "AfriXNLI",
    PAIR,
    ("amh", "eng", "ewe", "fra", "hau", "ibo", "kin", "lin", "lug", "orm", "sna", "sot", "swa", "twi", "wol", "xho",
     "yor", "zul"),
    Data(
        "the folder data/{lg} of the hub's masakhane/afrixnli",
        {split: under(_FOLDERS, f"{split}.tsv") for split in SIZES},
        read,
        licence="CC BY 4.0 as mteb states it (the card was not read)",
        citation="Adelani et al. 2024, IrokoBench: A New Benchmark for African Languages in the Age of Large Language "
        "Models",
        sizes=SIZES,
        hub="its files on the hub are the official ones; they are fetched as they are with --from archives",
        archives={
            split: (Archive(f"{_HUB}{{lg}}/{split}.tsv", f"afrixnli/data/{{lg}}/{split}.tsv"),) for split in SIZES
        },
    ),
    _scoring.ACCURACY,
    Category.CLASSIFICATION,
    labels=LABELS,
    prompt=ENGLISH_CLOZE,
    parallel=True,
    code_standard="iso639_3",
    learned="mnli",
    served_by=("xnli",),
)  # fmt: skip
