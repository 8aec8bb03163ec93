"""MasakhaNER 2.0: names of persons, organisations and places in news in twenty African languages; dates stay out."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import columns
from xstilts_eval.data.examples import Tagged
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, sizes, under
from xstilts_eval.datasets.panx import TAGS
from xstilts_eval.kinds import TAGGED

# Sentences counted in the files of the commit;
# its README has other numbers for bam, fon, mos, pcm, tsn and yor.
SIZES = {
    "train": sizes(
        "bam 4462 bbj 3384 ewe 3505 fon 4343 hau 5716 ibo 7634 kin 7825 lug 4942 luo 5161 mos 4532 nya 6250 "
        "pcm 5646 sna 6207 swa 6593 tsn 3489 twi 4240 wol 4593 xho 5718 yor 6876 zul 5848"
    ),
    "dev": sizes(
        "bam 638 bbj 483 ewe 501 fon 623 hau 816 ibo 1090 kin 1118 lug 706 luo 737 mos 648 nya 893 pcm 806 "
        "sna 887 swa 942 tsn 499 twi 605 wol 656 xho 817 yor 983 zul 836"
    ),
    "test": sizes(
        "bam 1274 bbj 966 ewe 1001 fon 1228 hau 1633 ibo 2181 kin 2235 lug 1412 luo 1474 mos 1294 nya 1785 "
        "pcm 1613 sna 1773 swa 1883 tsn 996 twi 1211 wol 1312 xho 1633 yor 1964 zul 1670"
    ),
}
DATES = ("B-DATE", "I-DATE")
_FOLDERS = ("masakhaner/MasakhaNER2.0/data/{lg}/", "MasakhaNER2.0/data/{lg}/", "masakhaner/{lg}/")
_RAW = "https://raw.githubusercontent.com/masakhane-io/masakhane-ner/ba5843cd08aa491d5f96a5e809e71eb9ec461391/MasakhaNER2.0/data/"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Tagged]:
    """DATE, which no English name tagger knows, is read as outside, as for transfer in the paper."""
    return columns.tagged(paths[0], TAGS, DATES)


BEYOND = Dataset(
    "beyond",
    "masakhaner",
    "MasakhaNER 2.0",
    TAGGED,
    tuple(SIZES["test"]),
    Data(
        "the folder MasakhaNER2.0/data of masakhane-io/masakhane-ner",
        {split: under(_FOLDERS, f"{split}.txt") for split in SIZES},
        read,
        licence="CC BY-NC 4.0",
        citation="Adelani et al. 2022, MasakhaNER 2.0: Africa-centric Transfer Learning for Named Entity Recognition",
        sizes=SIZES,
        hub="masakhane/masakhaner2 on the hub is a program that reads the same files; use --from archives",
        archives={
            split: (Archive(f"{_RAW}{{lg}}/{split}.txt", f"masakhaner/MasakhaNER2.0/data/{{lg}}/{split}.txt"),)
            for split in SIZES
        },
    ),
    _scoring.ENTITIES,
    Category.TAGGING,
    labels=TAGS,
    filler="O",
    code_standard="iso639_3",
    learned="panx",
    served_by=("panx",),
)
