"""TyDiQA-GoldP: questions that people asked in nine languages before they saw the passage."""

import re
from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import converters, files, readers
from xstilts_eval.data.examples import Question
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import (
    Alternatives,
    Archive,
    Category,
    Data,
    Dataset,
    HubFiles,
    Text,
    sizes,
    under,
)  # fmt: skip
from xstilts_eval.datasets._places import PARQUET, TRIMMED
from xstilts_eval.datasets._places import XTREME as HUB_XTREME
from xstilts_eval.datasets._words import CONTEXT_QUESTION_ANSWER
from xstilts_eval.errors import DataError
from xstilts_eval.kinds import QUESTION
from xstilts_eval.languages import language as language_of

_FOLDERS = ("tydiqa/", "")
_NAMES = {"test": "dev", "train": "train"}
"""The benchmark scores the official dev files."""
_HUB_NAMES = {"test": "validation", "train": "train"}
# The `dataset_infos.json` of huggingface/datasets (tydiqa @ 040102f).
_SHA256 = {
    "test": "b286e0f34bc7f52259359989716f369b160565bd12ad8f3a3e311f9b0dbad1c0",
    "train": "cefc8e09ff2548d9b10a678d3a6bbbe5bc036be543f92418819ea676c97be23b",
}


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Question]:
    return of_language(readers.squad(paths[0]), paths[0], language)


def of_language(questions: Sequence[Question], path: Path, language: str) -> Sequence[Question]:
    """Those of one language, of a file that holds all: their ids begin with its English name."""
    if not re.fullmatch(r"tydiqa-goldp-v1\.1-(dev|train)\.json", files.plain_name(path)):
        return questions
    # The archive's undivided files hold all languages; question ids begin with the language's name.
    prefix = f"{language_of(language).name.lower()}-"
    mine = [question for question in questions if question.id.startswith(prefix)]
    if not mine:
        raise DataError(f"{path}: no questions whose id begins with {prefix!r}")
    return mine


def _files(split: str) -> Alternatives:
    name = _NAMES[split]
    inner = tuple(f"{folder}tydiqa-goldp-v1.1-{name}/" for folder in _FOLDERS)
    return (
        under(inner, f"tydiqa.goldp.{{lg}}.{name}.json")
        + under(inner, f"tydiqa-goldp-{name}-{{small_name}}.json")
        + under((*_FOLDERS, *inner), f"tydiqa-goldp-v1.1-{name}.json")
    )


def _hub(split: str) -> HubFiles:
    pattern, path = f"tydiqa/{_HUB_NAMES[split]}{PARQUET}", f"tydiqa/tydiqa-goldp-v1.1-{_NAMES[split]}.json"
    return HubFiles(HUB_XTREME, pattern, (path,), converters.squad, TRIMMED, "mixed")


def _archive(split: str) -> tuple[Archive, ...]:
    name = f"tydiqa-goldp-v1.1-{_NAMES[split]}.json"
    return (Archive(f"https://storage.googleapis.com/tydiqa/v1.1/{name}", f"tydiqa/{name}", sha256=_SHA256[split]),)


XTREME = Dataset(
    "xtreme",
    "tydiqa",
    "TyDiQA-GoldP",
    QUESTION,
    ("en", "ar", "bn", "fi", "id", "ko", "ru", "sw", "te"),
    Data(
        "tydiqa-goldp-v1.1-dev.tgz (train: tydiqa-goldp-v1.1-train.json) of google-research-datasets/tydiqa",
        {split: _files(split) for split in _NAMES},
        read,
        licence="Apache 2.0",
        citation="Clark et al. 2020, TyDi QA: A Benchmark for Information-Seeking QA",
        # Read off the published files, which add up to the 5,077 of the card.
        sizes={
            "test": sizes("ar 921 bn 113 en 440 fi 782 id 565 ko 276 ru 812 sw 499 te 669"),
            "train": sizes("en 3696 ko 1625 sw 2755"),
        },
        hub={split: _hub(split) for split in _NAMES},
        archives={split: _archive(split) for split in _NAMES},
    ),
    _scoring.SQUAD,
    Category.QA,
    prompt=Text(CONTEXT_QUESTION_ANSWER),
    learned="tydiqa",
    predictions="json",
    column="TyDiQA",
)
XTREMER = XTREME.again("xtremer")
