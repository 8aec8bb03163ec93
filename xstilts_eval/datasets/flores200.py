"""FLORES-200: sentences in 204 languages, line by line; translation and retrieval with English on one side."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data.examples import Translation
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Data, Dataset, Text
from xstilts_eval.kinds import BITEXT, TRANSLATION
from xstilts_eval.language_codes import ENGLISH, flores_languages

NAMES = {"test": "devtest", "dev": "dev"}
"""What is scored as test is devtest; the release's own test set was never published."""
LINES = {"test": 1_012, "dev": 997}
"""Sentences in each split of the release (NLLB Team 2022, arXiv:2207.04672)."""
URL = "https://dl.fbaipublicfiles.com/nllb/flores200_dataset.tar.gz"
"""Where the link of facebookresearch/flores, `flores200/README.md`, leads."""
# The example of the Croissant specification (mlcommons/croissant).
_SHA256 = "b8b0b76783024b85797e5cc75064eb83fc5288b41e9654dabc7be6ae944011f6"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Translation]:
    raise NotImplementedError("lines of two languages are read side by side, by data.flores")


def _archive(name: str) -> tuple[Archive, ...]:
    member = rf"(?:\./)?(flores200_dataset/(?:{name}/(?:{ENGLISH}|{{lg}})\.{name}|metadata_{name}\.tsv))"
    return (Archive(URL, r"flores200/\1", member, _SHA256),)


DATA = Data(
    URL,
    {split: () for split in NAMES},
    read,
    licence="CC BY-SA 4.0",
    citation="NLLB Team 2022, No Language Left Behind: Scaling Human-Centered Machine Translation",
    sizes={split: {"*": lines} for split, lines in LINES.items()},
    search="lines",
    hub="no commit of FLORES-200 on the hub is known here",
    archives={split: _archive(name) for split, name in NAMES.items()},
)
_LANGUAGES = tuple(code for code in flores_languages() if code != ENGLISH)


def _translation(name: str, title: str) -> Dataset:
    return Dataset(
        "flores200", name, title, TRANSLATION, _LANGUAGES, DATA, _scoring.CHRF, parallel=True, code_standard="flores",
        separator="-", english_side="source" if name == "from_eng" else "target",
    )  # fmt: skip


TO_ENGLISH = _translation("to_eng", "FLORES-200 to English")
FROM_ENGLISH = _translation("from_eng", "FLORES-200 from English")
RETRIEVAL = Dataset(
    "flores200", "retrieval", "FLORES-200 retrieval", BITEXT, _LANGUAGES, DATA, _scoring.MATCHES,
    prompt=Text(text="foreign_text"), parallel=True, code_standard="flores", separator="-", english_side="target",
)  # fmt: skip
