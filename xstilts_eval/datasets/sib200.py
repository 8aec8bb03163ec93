"""SIB-200: the topic of a sentence of FLORES-200, one of seven, in 205 languages; the same sentences in all."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import texts
from xstilts_eval.data.examples import LabelledText
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, under
from xstilts_eval.kinds.text import TEXT
from xstilts_eval.language_codes import flores_languages

TOPICS = ("science/technology", "travel", "politics", "sports", "health", "entertainment", "geography")
HEADER = ("index_id", "category", "text")
LANGUAGES = (*flores_languages(), "nqo_Nkoo")
"""Those of FLORES-200 and N'Ko, which was added later."""
# The order of topics and the sizes are those of dadelani/sib-200 @ 593cea88, README and files.
SIZES = {"train": 701, "dev": 99, "test": 204}
_FOLDERS = ("sib200/data/annotated/{lg}/", "data/annotated/{lg}/", "sib200/{lg}/")
_RAW = "https://raw.githubusercontent.com/dadelani/sib-200/593cea88519930f776c1a4a1980b6a35b39dca57/data/annotated/"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[LabelledText]:
    """Sentences in the order of their numbers in FLORES-200, which is the same in every language.

    The test files are sorted by topic: their first 50 sentences are all of one.
    """
    found = texts.table(paths[0], HEADER, TOPICS)
    return sorted(found, key=lambda one: (len(one.id), one.id))


BEYOND = Dataset(
    "beyond",
    "sib200",
    "SIB-200",
    TEXT,
    LANGUAGES,
    Data(
        "the folder data/annotated of dadelani/sib-200",
        {split: under(_FOLDERS, f"{split}.tsv") for split in SIZES},
        read,
        licence="CC BY-SA 4.0",
        citation="Adelani et al. 2024, SIB-200: A Simple, Inclusive, and Big Evaluation Dataset for Topic "
        "Classification in 200+ Languages and Dialects",
        sizes={split: {"*": size} for split, size in SIZES.items()},
        hub="no commit of Davlan/sib200 on the hub is known here",
        archives={
            split: (Archive(f"{_RAW}{{lg}}/{split}.tsv", f"sib200/data/annotated/{{lg}}/{split}.tsv"),)
            for split in SIZES
        },
    ),
    _scoring.ACCURACY,
    Category.CLASSIFICATION,
    labels=TOPICS,
    parallel=True,
    code_standard="flores",
    learned="sib200",
)
