"""LAReQA (XQuAD-R): the sentences that answer a question, among those of eleven languages."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import ranking
from xstilts_eval.data.examples import Query
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Archive, Data, Dataset, under
from xstilts_eval.kinds import RANKING

_RAW = "https://raw.githubusercontent.com/google-research-datasets/lareqa/9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c/xquad-r/"


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Query]:
    return ranking.xquad_r(paths[0], language)[0]


XTREMER = Dataset(
    "xtremer",
    "lareqa",
    "LAReQA (XQuAD-R)",
    RANKING,
    ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"),
    Data(
        "the folder xquad-r of google-research-datasets/lareqa",
        {"test": under(("lareqa/xquad-r/", "xquad-r/", "lareqa/"), "{lg}.json")},
        read,
        licence="CC BY-SA 4.0",
        citation="Roy et al. 2020, LAReQA: Language-agnostic Answer Retrieval from a Multilingual Pool",
        sizes={"test": {"*": 1_190}},
        hub="the hub has no copy of LAReQA",
        archives={"test": (Archive(f"{_RAW}{{lg}}.json", "lareqa/xquad-r/{lg}.json"),)},
    ),
    _scoring.AVERAGE_PRECISION,
    parallel=True,
    learned="lareqa",
    # google-research/xtreme, scripts/train_lareqa.sh.
    lengths=(96, 256),
    column="LAReQA",
)
