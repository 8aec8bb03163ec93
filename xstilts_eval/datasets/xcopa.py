"""XCOPA: which of two sentences is the cause, or the effect, of a third? Eleven languages, the same items in all."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import intermediate_readers
from xstilts_eval.data.examples import Choice
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import (
    Archive,
    Category,
    Data,
    Dataset,
    Text,
    processed,
    under,
)
from xstilts_eval.errors import MissingData
from xstilts_eval.kinds import CHOICE

WORDS = {
    # language: before a cause, before an effect
    "et": ("sest", "seetõttu"),
    "ht": ("poukisa", "donk sa"),
    "id": ("karena", "maka"),
    "it": ("perché", "quindi"),
    "qu": ("imataq", "chaymi"),
    "sw": ("kwa sababu", "kwa hiyo"),
    "ta": ("காரணமாக", "எனவே"),
    "th": ("เพราะ", "ดังนั้น"),
    "tr": ("çünkü", "bu yüzden"),
    "vi": ("bởi vì", "vì vậy"),
    "zh": ("因为", "所以"),
    # Of the few-shot examples, which are COPA's (Lin et al. 2021).
    "en": ("because", "so"),
}
_FOLDERS = ("xcopa/data/{lg}/", "xcopa/{lg}/", "data/{lg}/", "xcopa/")
_NAMES = {"test": "test", "dev": "val"}
_RAW = "https://raw.githubusercontent.com/cambridgeltl/xcopa/e2e9d7f105a758ee869cd13e0fe251ef93a29840/data/"

_MANY = 20
"""Questions that are not all right at the first choice by chance (one in a million)."""


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Choice]:
    dropped = intermediate_readers.Dropped()
    choices = intermediate_readers.copa_lines(paths, (), dropped)
    if dropped.total:
        raise MissingData(
            f"{paths[0]}: {dropped.total:,} questions have no label (XTREME's preprocessing removes those of the test "
            "sets); use the file of cambridgeltl/xcopa"
        )
    if len(choices) >= _MANY and not any(choice.label for choice in choices):
        raise MissingData(
            f"{paths[0]}: all {len(choices):,} questions have the label 0, which XTREME's preprocessing writes over "
            "those of the test sets; use the file of cambridgeltl/xcopa"
        )
    return choices


def _archive(name: str) -> tuple[Archive, ...]:
    path = f"{{lg}}/{name}.{{lg}}.jsonl"
    return (Archive(_RAW + path, f"xcopa/data/{path}"),)


XTREMER = Dataset(
    "xtremer",
    "xcopa",
    "XCOPA",
    CHOICE,
    ("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"),
    Data(
        "the folder data/{lg} of cambridgeltl/xcopa",
        {
            split: under(_FOLDERS, f"{name}.{{lg}}.jsonl") + processed("xcopa", name, "jsonl")
            for split, name in _NAMES.items()
        },
        read,
        licence="CC BY 4.0",
        citation="Ponti et al. 2020, XCOPA: A Multilingual Dataset for Causal Commonsense Reasoning",
        # Counted in the published files, which have as many in every language.
        sizes={"test": {"*": 500}, "dev": {"*": 100}},
        hub="no commit of XCOPA on the hub is known here",
        archives={split: _archive(name) for split, name in _NAMES.items()},
    ),
    _scoring.ACCURACY,
    Category.CLASSIFICATION,
    prompt=Text(WORDS, text="xcopa_text", choices="xcopa_choices", delimiter=""),
    parallel=True,
    learned="copa",
    predictions="jsonl",
)
