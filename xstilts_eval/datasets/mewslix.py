"""Mewsli-X: the entity that a mention in WikiNews means, among a million."""

from collections.abc import Sequence
from pathlib import Path

from xstilts_eval.data import ranking
from xstilts_eval.data.examples import Query
from xstilts_eval.datasets import _scoring
from xstilts_eval.datasets._dataset import Category, Data, Dataset, sizes, under
from xstilts_eval.kinds import RANKING

FOLDERS = ("mewslix/", "mewsli-x/", "mewsli_x/output/dataset/", "mewslix/dataset/", "")
_OF_ONE = ("mewslix/", "mewsli-x/", "")
"""Where XTREME's preprocessing puts the mentions of one language."""
_ENTITIES = "candidate_set_entities.jsonl"
CANDIDATES = 1_003_893
"""Entities of the candidate set (mewsli-x.md of google-research/google-research @ 47071fbe, as all sizes here)."""


def read(paths: tuple[Path, ...], language: str, split: str) -> Sequence[Query]:
    return ranking.mentions(paths[0], language)


XTREMER = Dataset(
    "xtremer",
    "mewslix",
    "Mewsli-X",
    RANKING,
    ("ar", "de", "en", "es", "fa", "ja", "pl", "ro", "ta", "tr", "uk"),
    Data(
        "mewsli-x_20220518_6.zip, with get-mewsli-x.sh of google-research/google-research",
        {
            split: under(FOLDERS, f"wikinews_mentions-{split}.jsonl", _ENTITIES)
            + under(_OF_ONE, f"wikinews_mentions/{split}-{{lg}}.jsonl", _ENTITIES)
            for split in ("test", "dev")
        },
        read,
        licence="not stated with the data",
        citation="Ruder et al. 2021, XTREME-R: Towards More Challenging and Nuanced Multilingual Evaluation",
        sizes={
            "test": sizes("ar 1501 de 1551 en 1490 es 1552 fa 458 ja 1519 pl 1562 ro 672 ta 1567 tr 1215 uk 1537"),
            "dev": sizes("ar 318 de 326 en 316 es 311 fa 72 ja 310 pl 304 ro 145 ta 312 tr 262 uk 315"),
        },
        hub="the hub has no copy of Mewsli-X, which comes without its texts and is put together by a script",
        archives="the published archive of Mewsli-X has no article texts; run get-mewsli-x.sh of "
        "google-research/google-research, and copy what it writes into mewsli_x/output/dataset to a folder mewsli-x",
        candidates=CANDIDATES,
    ),
    _scoring.RECIPROCAL_RANK,
    Category.RETRIEVAL,
    learned="mewslix",
    # google-research/xtreme, scripts/train_mewslix.sh.
    lengths=(64, 64),
    predictions="json",
)
