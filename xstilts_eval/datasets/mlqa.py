"""MLQA: questions on Wikipedia articles in seven languages; only a part of the questions is in each pair of them."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import converters, readers
from xstilts_eval.data.examples import Question
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Category, Data, Dataset, HubFiles, Text, sizes, under
from xstilts_eval.datasets._places import PARQUET, SQUAD_ARCHIVES, SQUAD_FILES, SQUAD_HUB, TRIMMED
from xstilts_eval.datasets._places import XTREME as HUB_XTREME
from xstilts_eval.datasets._words import CONTEXT_QUESTION_ANSWER
from xstilts_eval.kinds import QUESTION

_FOLDERS = ("mlqa/MLQA_V1/", "MLQA_V1/", "mlqa/")
_URL = "https://dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip"
_HUB_NAMES = {"test": "test", "dev": "validation"}


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Question]:
    return readers.squad(paths[0], "paragraph" if split == "train" else "article")


def _hub(split: str) -> HubFiles:
    pattern = rf"MLQA\.{{lg}}\.{{lg}}/{_HUB_NAMES[split]}{PARQUET}"
    path = f"mlqa/MLQA_V1/{split}/{split}-context-{{lg}}-question-{{lg}}.json"
    return HubFiles(HUB_XTREME, pattern, (path,), converters.squad, TRIMMED)


def _archive(split: str) -> tuple[Archive, ...]:
    member = rf"MLQA_V1/{split}/{split}-context-{{lg}}-question-{{lg}}\.json"
    return (Archive(_URL, r"mlqa/\g<0>", member),)


XTREME = Dataset(
    "xtreme",
    "mlqa",
    "MLQA",
    QUESTION,
    ("en", "es", "de", "ar", "hi", "vi", "zh"),
    Data(
        "MLQA_V1.zip of facebookresearch/MLQA (train: SQuAD v1.1 of rajpurkar/SQuAD-explorer)",
        {
            "test": under(_FOLDERS, "test/test-context-{lg}-question-{lg}.json"),
            "dev": under(_FOLDERS, "dev/dev-context-{lg}-question-{lg}.json"),
            "train": SQUAD_FILES["train"],
        },
        read,
        licence="CC BY-SA 3.0",
        citation="Lewis et al. 2020, MLQA: Evaluating Cross-lingual Extractive Question Answering",
        sizes={
            "test": sizes("en 11590 ar 5335 de 4517 es 5253 hi 4918 vi 5495 zh 5137"),
            "dev": sizes("en 1148 ar 517 de 512 es 500 hi 507 vi 511 zh 504"),
            "train": {"*": 87_599},
        },
        english=frozenset(["train"]),
        hub={"test": _hub("test"), "dev": _hub("dev"), "train": SQUAD_HUB["train"]},
        archives={"test": _archive("test"), "dev": _archive("dev"), "train": SQUAD_ARCHIVES["train"]},
    ),
    _scoring.MLQA,
    Category.QA,
    prompt=Text({"*": CONTEXT_QUESTION_ANSWER["en"]}, text="mlqa_text"),  # English in all, as the harness does
    learned="squad",
    predictions="json",
)
XTREMER = XTREME.again("xtremer")
