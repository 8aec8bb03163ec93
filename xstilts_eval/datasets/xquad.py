"""XQuAD: questions on SQuAD's paragraphs, translated by people; the same questions in all languages."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import converters, readers
from xstilts_eval.data.examples import Question
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, HubFiles, Repository, Text, under
from xstilts_eval.datasets._places import PARQUET, SQUAD_ARCHIVES, SQUAD_FILES, SQUAD_HUB, TRIMMED
from xstilts_eval.datasets._words import CONTEXT_QUESTION_ANSWER
from xstilts_eval.kinds import QUESTION

_HUB = Repository(
    "google/xquad",
    "51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
    "embeddings-benchmark/mteb @ a905523, mteb/tasks/retrieval/multilingual/x_qu_ad_retrieval.py",
)
_RAW = "https://raw.githubusercontent.com/google-deepmind/xquad/7d30520c717524000f0d9d2f9c10a069acd9d285/"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Question]:
    return readers.squad(paths[0], "paragraph")


XTREME = Dataset(
    "xtreme",
    "xquad",
    "XQuAD",
    QUESTION,
    ("en", "es", "de", "el", "ru", "tr", "ar", "vi", "th", "zh", "hi"),
    Data(
        "google-deepmind/xquad (train and dev: SQuAD v1.1 of rajpurkar/SQuAD-explorer)",
        {"test": under(("xquad/", ""), "xquad.{lg}.json"), **SQUAD_FILES},
        read,
        licence="CC BY-SA 4.0",
        citation="Artetxe et al. 2020, On the Cross-lingual Transferability of Monolingual Representations",
        sizes={"test": {"*": 1_190}, "dev": {"*": 10_570}, "train": {"*": 87_599}},
        english=frozenset(["train", "dev"]),
        hub={
            "test": HubFiles(
                _HUB, rf"xquad\.{{lg}}/validation{PARQUET}", ("xquad/xquad.{lg}.json",), converters.squad,
                f"{TRIMMED}; articles joined",
            ),
            **SQUAD_HUB,
        },
        archives={"test": (Archive(f"{_RAW}xquad.{{lg}}.json", "xquad/xquad.{lg}.json"),), **SQUAD_ARCHIVES},
    ),
    _scoring.SQUAD,
    Category.QA,
    prompt=Text(CONTEXT_QUESTION_ANSWER),
    parallel=True,
    learned="squad",
    predictions="json",
)  # fmt: skip
XTREMER = XTREME.again("xtremer", "ro")
