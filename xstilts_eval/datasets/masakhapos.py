"""MasakhaPOS: parts of speech in twenty African languages; scored by the share of words with the right tag."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import columns
from xstilts_eval.data.conllu import UPOS
from xstilts_eval.data.examples import Tagged
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, sizes, under
from xstilts_eval.datasets.udpos import NO_CHUNK
from xstilts_eval.kinds import TAGGED

# Sentences counted in the files of the commit.
SIZES = {
    "train": sizes(
        "bam 775 bbj 750 ewe 728 fon 810 hau 753 ibo 803 kin 757 lug 733 luo 758 mos 757 nya 728 pcm 752 sna "
        "747 swa 693 tsn 754 twi 785 wol 782 xho 752 yor 893 zul 753"
    ),
    "dev": sizes(
        "bam 154 bbj 149 ewe 145 fon 161 hau 150 ibo 160 kin 151 lug 146 luo 151 mos 151 nya 145 pcm 150 sna "
        "149 swa 138 tsn 150 twi 157 wol 156 xho 150 yor 178 zul 150"
    ),
    "test": sizes(
        "bam 619 bbj 599 ewe 582 fon 646 hau 601 ibo 642 kin 604 lug 586 luo 606 mos 604 nya 582 pcm 600 sna "
        "596 swa 553 tsn 602 twi 628 wol 625 xho 601 yor 713 zul 601"
    ),
}
_FOLDERS = ("masakhapos/data/{lg}/", "data/{lg}/", "masakhapos/{lg}/")
_RAW = "https://raw.githubusercontent.com/masakhane-io/masakhane-pos/a42273eb27d37f3dedfc3914bfccb88199e10454/data/"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Tagged]:
    return columns.tagged(paths[0], UPOS)


BEYOND = Dataset(
    "beyond",
    "masakhapos",
    "MasakhaPOS",
    TAGGED,
    tuple(SIZES["test"]),
    Data(
        "the folder data of masakhane-io/masakhane-pos",
        {split: under(_FOLDERS, f"{split}.txt") for split in SIZES},
        read,
        licence="CC BY-NC 4.0",
        citation="Dione et al. 2023, MasakhaPOS: Part-of-Speech Tagging for Typologically Diverse African languages",
        sizes=SIZES,
        hub="masakhane/masakhapos on the hub is a program that reads the same files; use --from archives",
        archives={
            split: (Archive(f"{_RAW}{{lg}}/{split}.txt", f"masakhapos/data/{{lg}}/{split}.txt"),) for split in SIZES
        },
    ),
    _scoring.WORDS,
    Category.TAGGING,
    labels=UPOS,
    extra_tags=NO_CHUNK,
    filler="X",
    code_standard="iso639_3",
    learned="udpos",
    served_by=("udpos",),
)
