"""FLORES-200 between any two of its languages, which are named when it is run."""

from dataclasses import replace

from xstilts_eval.datasets import _scoring, flores200
from xstilts_eval.datasets._dataset import Dataset

ANY = ("any",)


def _chrf(pair: str) -> str:
    return f"{_scoring.translation(pair)}|pair:{pair}"


def _matches(pair: str) -> str:
    return f"{_scoring.matching(pair)}|pair:{pair}"


_DATA = replace(flores200.DATA, archives="a pair has no data of its own; fetch flores200-retrieval")
TRANSLATION = Dataset(
    "flores200pair", "translation", "FLORES-200, a pair", flores200.TO_ENGLISH.kind, ANY, _DATA,
    replace(_scoring.CHRF, metric=_chrf), parallel=True, code_standard="flores", english_side="",
)  # fmt: skip
RETRIEVAL = replace(
    flores200.RETRIEVAL,
    suite="flores200pair",
    title="FLORES-200 retrieval, a pair",
    languages=ANY,
    data=_DATA,
    scoring=replace(_scoring.MATCHES, metric=_matches),
    separator="_",
    like="flores200",
    english_side="",
)
