"""AmericasNLI: XNLI's question in ten Indigenous languages of the Americas, translated from its Spanish part."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import columns
from xstilts_eval.data.examples import Pair
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, under
from xstilts_eval.datasets.xnli import ENGLISH_CLOZE, LABELS
from xstilts_eval.kinds import PAIR

# Counted in the files of the commit; the paper has other numbers of Nahuatl's dev pairs.
SIZES = {"test": {"*": 750, "nah": 738, "oto": 748}, "dev": {"*": 743, "cni": 658, "nah": 585, "oto": 222}}
_FOLDERS = ("americasnli/data/anli_final/", "data/anli_final/", "anli_final/", "americasnli/")
_RAW = "https://raw.githubusercontent.com/abteen/americasnli/bebd02ca1e4529016fca2e4554a5c48c285b8fba/data/anli_final/"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Pair]:
    return columns.pairs(paths[0], LABELS, ids="id")


BEYOND = Dataset(
    "beyond",
    "americasnli",
    "AmericasNLI",
    PAIR,
    ("aym", "bzd", "cni", "gn", "hch", "nah", "oto", "quy", "shp", "tar"),
    Data(
        "the folder data/anli_final of abteen/americasnli",
        {split: under(_FOLDERS, f"{split}/{{lg}}.tsv") for split in SIZES},
        read,
        licence="CC BY-SA 4.0",
        citation="Ebrahimi et al. 2022, AmericasNLI: Evaluating Zero-shot Natural Language Understanding of Pretrained "
        "Multilingual Models in Truly Low-resource Languages",
        sizes=SIZES,
        hub="no commit of nala-cub/americas_nli on the hub is known here; its rows have no ids",
        archives={
            split: (Archive(f"{_RAW}{split}/{{lg}}.tsv", f"americasnli/data/anli_final/{split}/{{lg}}.tsv"),)
            for split in SIZES
        },
    ),
    _scoring.ACCURACY,
    Category.CLASSIFICATION,
    labels=LABELS,
    prompt=ENGLISH_CLOZE,
    code_standard="iso639_3",
    learned="mnli",
    served_by=("xnli",),
)
