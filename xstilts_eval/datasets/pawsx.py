"""PAWS-X: do two sentences with much the same words mean the same? Seven languages, the same pairs in all."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import converters, readers
from xstilts_eval.data.examples import Pair
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import (
    Alternatives,
    Archive,
    Category,
    Data,
    Dataset,
    HubFiles,
    Repository,
    Text,
    processed,
    under,
)
from xstilts_eval.datasets._places import PARQUET
from xstilts_eval.kinds import PAIR

LABELS = ("0", "1")
WORDS = {
    # language: question word, word for label 0 (different meaning), word for label 1 (paraphrase)
    "de": ("richtig", "Nein", "Ja"),
    "en": ("right", "No", "Yes"),
    "es": ("verdad", "No", "Sí"),
    "fr": ("n'est-ce pas", "Non", "Oui"),
    "ja": ("ですね", "いいえ", "はい"),
    "ko": ("맞죠", "아니요", "예"),
    "zh": ("对吧", "不是", "是"),
}
_NAMES = {"test": "test_2k", "dev": "dev_2k", "train": "train"}
_HUB_NAMES = {"test": "test", "dev": "validation", "train": "train"}
_HUB = Repository(
    "google-research-datasets/paws-x",
    "4cd8187c404bda33cb1f62b49b001115862acf37",
    "ten public repositories that pin it, two with addresses of its parquet files",
)
FOLDERS = ("pawsx/x-final/{lg}/", "x-final/{lg}/", "pawsx/{lg}/")
_URL = "https://storage.googleapis.com/paws/pawsx/x-final.tar.gz"
_SHA256 = "4146db499101d66e68ae4c8ed3cf9dadecd625f44b7d8cf3d4a0fe93afc4fd9f"
"""The `dataset_infos.json` of huggingface/datasets (paws-x @ 040102f)."""


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Pair]:
    return readers.pawsx(paths[0], LABELS)


def _files(split: str) -> Alternatives:
    official = under(FOLDERS, f"{_NAMES[split]}.tsv")
    return official + processed("pawsx", split)


def _hub(split: str) -> HubFiles:
    path = f"pawsx/x-final/{{lg}}/{_NAMES[split]}.tsv"
    return HubFiles(_HUB, f"{{lg}}/{_HUB_NAMES[split]}{PARQUET}", (path,), converters.pawsx, "none known")


def _archive(split: str) -> tuple[Archive, ...]:
    return (Archive(_URL, r"pawsx/\g<0>", rf"x-final/{{lg}}/{_NAMES[split]}\.tsv", _SHA256),)


XTREME = Dataset(
    "xtreme",
    "pawsx",
    "PAWS-X",
    PAIR,
    ("de", "en", "es", "fr", "ja", "ko", "zh"),
    Data(
        "x-final.tar.gz of google-research-datasets/paws (PAWS-X)",
        {split: _files(split) for split in _NAMES},
        read,
        licence="may be freely used for any purpose (acknowledge Google LLC)",
        citation="Yang et al. 2019, PAWS-X: A Cross-lingual Adversarial Dataset for Paraphrase Identification",
        sizes={"test": {"*": 2_000}, "dev": {"*": 2_000}, "train": {"*": 49_401}},
        english=frozenset(["train"]),
        hub={split: _hub(split) for split in _NAMES},
        archives={split: _archive(split) for split in _NAMES},
    ),
    _scoring.ACCURACY,
    Category.CLASSIFICATION,
    labels=LABELS,
    prompt=Text(WORDS, choices="pawsx_choices", delimiter="", question="pawsx_question", answers="pawsx_answers"),
    parallel=True,
    learned="pawsx",
    predictions="tsv",
    likely_orders=(LABELS, ("1", "0")),
)
