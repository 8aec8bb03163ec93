"""MasakhaNEWS: the topic of a news article, one of seven, in fourteen African languages, English and French."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import columns
from xstilts_eval.data.examples import LabelledText
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, sizes, under
from xstilts_eval.errors import DataError
from xstilts_eval.kinds import TEXT

# The order is that of the hub's copy and of lm-evaluation-harness 0.4.13 (`tasks/afrobench/masakhanews`).
TOPICS = ("business", "entertainment", "health", "politics", "religion", "sports", "technology")
# Counted in the files of the commit, English train in its README, which has other numbers for orm.
SIZES = {
    "train": {"eng": 3_309},
    "dev": sizes(
        "amh 188 eng 472 fra 211 hau 317 ibo 194 lin 87 lug 110 orm 162 "
        "pcm 152 run 159 sna 185 som 148 swa 237 tir 137 xho 147 yor 206"
    ),
    "test": sizes(
        "amh 376 eng 948 fra 422 hau 637 ibo 390 lin 175 lug 223 orm 325 "
        "pcm 305 run 322 sna 369 som 294 swa 476 tir 272 xho 297 yor 411"
    ),
}
_FOLDERS = ("masakhanews/data/{lg}/", "data/{lg}/", "masakhanews/{lg}/")
_RAW = "https://raw.githubusercontent.com/masakhane-io/masakhane-news/819be052e79e0a600e0ed4a7356594681cb5c4f3/data/"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[LabelledText]:
    """The text is headline and article, as in the authors' own programs; the id is the row from 0."""
    found: list[LabelledText] = []
    for number, row in columns.table(paths[0], ("category", "headline", "text"), quoted=True):
        label = columns.label(paths[0], number, row["category"], TOPICS)
        found.append(LabelledText(str(len(found)), f"{row['headline']} {row['text']}", label))
    if not found:
        raise DataError(f"{paths[0]} holds no articles")
    return found


BEYOND = Dataset(
    "beyond",
    "masakhanews",
    "MasakhaNEWS",
    TEXT,
    tuple(SIZES["test"]),
    Data(
        "the folder data of masakhane-io/masakhane-news",
        {split: under(_FOLDERS, f"{split}.tsv") for split in SIZES},
        read,
        licence="unknown: none in masakhane-io/masakhane-news @ 819be052",
        citation="Adelani et al. 2023, MasakhaNEWS: News Topic Classification for African Languages",
        sizes=SIZES,
        hub="the rows of masakhane/masakhanews on the hub are those of the same files; use --from archives",
        archives={
            split: (Archive(f"{_RAW}{{lg}}/{split}.tsv", f"masakhanews/data/{{lg}}/{split}.tsv"),) for split in SIZES
        },
    ),
    _scoring.WEIGHTED_F1,
    Category.CLASSIFICATION,
    labels=TOPICS,
    code_standard="iso639_3",
    learned="masakhanews",
    max_length=256,
)
