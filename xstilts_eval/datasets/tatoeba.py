"""Tatoeba: sentences and their English translations, from LASER's files; XTREME asks in English for the foreign one."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import converters, readers
from xstilts_eval.data.examples import Bitext
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, HubFiles, Repository, Sizes, sizes, under
from xstilts_eval.kinds import BITEXT

_FOLDERS = ("tatoeba/v1/", "tatoeba/", "v1/", "")
_NAMES = ("tatoeba.{xxx}-eng.{xxx}", "tatoeba.{xxx}-eng.eng")
# By the codes of LASER, read off its files; 1,000 but for the smaller ones named, and those nobody here has counted.
SIZES: Sizes = (
    {"*": 1_000}
    | dict.fromkeys(["amh", "cym", "gle", "isl", "mon", "slk", "swe"])
    | sizes(
        "ang 134 arq 911 arz 477 ast 127 awa 231 bos 354 ceb 600 cha 137 csb 253 dsb 479 fao 262 fry 173 gla 829 "
        "gsw 117 hsb 483 hye 742 jav 205 kat 746 kaz 575 khm 722 kur 410 mal 687 max 284 nov 257 orv 835 pms 525 "
        "slv 823 swg 112 swh 390 tam 307 tel 234 tha 548 tuk 203 tzl 104 uzb 428 xho 142 yid 848"
    )
)
_HUB = Repository(
    "mteb/tatoeba-bitext-mining",
    "69e8f12da6e31d59addadda9a9c8a2e601a0e282",
    "embeddings-benchmark/mteb @ a905523, mteb/tasks/bitext_mining/multilingual/tatoeba_bitext_mining.py",
)
_LASER = (
    "https://raw.githubusercontent.com/facebookresearch/LASER/74bc6ae7ffb7cba670fe0f428d0ede9f666fb821/data/tatoeba/v1/"
)


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Bitext]:
    source, target = paths
    return readers.tatoeba(source, target)


DATA = Data(
    "facebookresearch/LASER, folder data/tatoeba/v1",
    {"test": under(_FOLDERS, *_NAMES)},
    read,
    licence="CC BY 2.0 FR",
    citation="Artetxe and Schwenk 2019, Massively Multilingual Sentence Embeddings",
    sizes={"test": SIZES},
    sizes_by="xxx",
    stripped={
        "test": ("tatoeba/{lg}-en.en", "its English side sorted, so that no line says which one it translates"),
    },
    hub={
        # One file per pair; whether as JSON lines or as parquet is left to what the repository lists.
        "test": HubFiles(
            _HUB,
            r"(?:test/)?{xxx}-eng(?:/test\S*)?\.(?:jsonl|jsonl\.gz|parquet)|{xxx}-eng/\S+\.(?:jsonl\.gz|parquet)",
            tuple(f"tatoeba/v1/{name}" for name in _NAMES),
            converters.tatoeba,
            "line ends cut",
        )
    },
    archives={"test": tuple(Archive(_LASER + name, f"tatoeba/v1/{name}") for name in _NAMES)},
)

XTREME = Dataset(
    "xtreme",
    "tatoeba",
    "Tatoeba",
    BITEXT,
    ("ar", "he", "vi", "id", "jv", "tl", "eu", "ml", "ta", "te", "af", "nl", "de", "el", "bn", "hi", "mr", "ur", "fa",
     "fr", "it", "pt", "es", "bg", "ru", "ja", "ka", "ko", "th", "sw", "zh", "kk", "tr", "et", "fi", "hu"),
    DATA,
    _scoring.FROM_ENGLISH,
    Category.RETRIEVAL,
    predictions="tsv",
)  # fmt: skip
XTREMER = XTREME.again("xtremer", "az lt pl uk ro")
