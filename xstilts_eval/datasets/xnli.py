"""XNLI: does one sentence follow from another, contradict it, or neither? 15 languages, the same pairs in all."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xstilts_eval.data import converters, readers
from xstilts_eval.data.examples import Pair
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import (
    Archive,
    Category,
    Data,
    Dataset,
    HubFiles,
    Repository,
    Text,
    is_processed,
    processed,
    under,
)  # fmt: skip
from xstilts_eval.datasets._places import PARQUET
from xstilts_eval.kinds import PAIR

LABELS = ("contradiction", "entailment", "neutral")
WORDS = {
    # language: question word, entailment, neutral, contradiction
    "ar": ("صحيح", "نعم", "لذا", "رقم"),
    "bg": ("правилно", "да", "така", "не"),
    "de": ("richtig", "Ja", "Auch", "Nein"),
    "el": ("σωστός", "Ναί", "Έτσι", "όχι"),
    "en": ("right", "Yes", "Also", "No"),
    "es": ("correcto", "Sí", "Asi que", "No"),
    "fr": ("correct", "Oui", "Aussi", "Non"),
    "hi": ("सही", "हाँ", "इसलिए", "नहीं"),
    "ru": ("правильно", "Да", "Так", "Нет"),
    "sw": ("sahihi", "Ndiyo", "Hivyo", "Hapana"),
    "th": ("ถูกต้อง", "ใช่", "ดังนั้น", "ไม่"),
    "tr": ("doğru", "Evet", "Böylece", "Hayır"),
    "ur": ("صحیح", "جی ہاں", "اس لئے", "نہیں"),
    "vi": ("đúng", "Vâng", "Vì vậy", "Không"),
    "zh": ("正确", "是的", "所以", "不是的"),
}
"""lm-evaluation-harness's words, kept for comparability; its Arabic contradiction word means "numeral"."""
CLOZE = Text(WORDS, choices="xnli_choices", question="xnli_question", answers="xnli_answers")
ENGLISH_CLOZE = replace(CLOZE, words={"*": WORDS["en"]})
"""For the question in languages that have no words of their own here."""

_FOLDERS = ("xnli/XNLI-1.0/", "XNLI-1.0/", "xnli/", "")
_TRAINING = ("xnli/XNLI-MT-1.0/multinli/", "XNLI-MT-1.0/multinli/", "xnli/multinli/", "xnli/", "")
_HUB = Repository(
    "facebook/xnli",
    "b8dd5d7af51114dbda02c0e3f6133f332186418e",
    "ten public repositories that pin it, one with the sha256 of all_languages/test-00000-of-00001.parquet",
)
_MADE_FROM = "https://dl.fbaipublicfiles.com/XNLI/"
# Checksums: the `dataset_infos.json` of huggingface/datasets (xnli @ 0006d14).
_OFFICIAL = "4ba1d5e1afdb7161f0f23c66dc787802ccfa8a25a3ddd3b165a35e50df346ab1"
_TRANSLATED = "f732517ba2fb1d550e9f3c2aabaef6017c91ee2dcec90e878f138764d224db05"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Pair]:
    if is_processed(paths[0]):
        return readers.processed_pairs(paths[0], LABELS, f"xnli.{split}.tsv of XNLI-1.0.zip")
    if split == "train":
        return readers.multinli(paths[0], LABELS)
    return readers.xnli(paths[0], language, LABELS)


def _hub(split: str, there: str) -> HubFiles:
    official = (f"xnli/XNLI-1.0/xnli.{split}.tsv",)
    return HubFiles(_HUB, f"{{lg}}/{there}{PARQUET}", official, converters.xnli, "row numbers for pair ids", "all")


def _archive(split: str) -> tuple[Archive, ...]:
    return (Archive(f"{_MADE_FROM}XNLI-1.0.zip", r"xnli/\g<0>", rf"XNLI-1\.0/xnli\.{split}\.tsv", _OFFICIAL),)


XTREME = Dataset(
    "xtreme",
    "xnli",
    "XNLI",
    PAIR,
    ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
    Data(
        "XNLI-1.0.zip (training data: XNLI-MT-1.0.zip) of facebookresearch/XNLI",
        {
            "test": under(_FOLDERS, "xnli.test.tsv") + processed("xnli", "test"),
            "dev": under(_FOLDERS, "xnli.dev.tsv") + processed("xnli", "dev"),
            "train": under(_TRAINING, "multinli.train.en.tsv") + processed("xnli", "train"),
        },
        read,
        licence="CC BY-NC 4.0",
        citation="Conneau et al. 2018, XNLI: Evaluating Cross-lingual Sentence Representations",
        sizes={"test": {"*": 5_010}, "dev": {"*": 2_490}, "train": {"*": 392_702}},
        english=frozenset(["train"]),
        hub={
            "test": _hub("test", "test"),
            "dev": _hub("dev", "validation"),
            "train": HubFiles(
                _HUB, f"en/train{PARQUET}", ("xnli/XNLI-MT-1.0/multinli/multinli.train.en.tsv",), converters.multinli,
                "numbers for ids", "english",
            ),
        },
        archives={
            "test": _archive("test"),
            "dev": _archive("dev"),
            "train": (
                Archive(f"{_MADE_FROM}XNLI-MT-1.0.zip", r"xnli/\g<0>",
                        r"XNLI-MT-1\.0/multinli/multinli\.train\.en\.tsv", _TRANSLATED),
            ),
        },
    ),
    _scoring.ACCURACY,
    Category.CLASSIFICATION,
    labels=LABELS,
    prompt=CLOZE,
    parallel=True,
    learned="mnli",
    predictions="tsv",
    # Met in public checkpoints: the data's own, cross-encoders, models trained on MNLI in fairseq.
    likely_orders=(
        LABELS,
        ("entailment", "neutral", "contradiction"),
        ("contradiction", "neutral", "entailment"),
    ),
)  # fmt: skip
XTREMER = XTREME.again("xtremer")
