"""Kinds of datasets by name. A kind of one's own is one more `Kind`, with its halves registered where they belong."""

from xstilts_eval.errors import UnknownName
from xstilts_eval.kinds._kind import Halves, Kind, Template
from xstilts_eval.kinds.bitext import BITEXT
from xstilts_eval.kinds.choice import CHOICE
from xstilts_eval.kinds.mining import MINING
from xstilts_eval.kinds.pair import PAIR
from xstilts_eval.kinds.question import QUESTION
from xstilts_eval.kinds.ranking import RANKING
from xstilts_eval.kinds.tagged import TAGGED
from xstilts_eval.kinds.translation import TRANSLATION

__all__ = [
    "BITEXT", "CHOICE", "KINDS", "MINING", "PAIR", "QUESTION", "RANKING", "TAGGED", "TRANSLATION", "Halves", "Kind",
    "Template", "kind",
]  # fmt: skip

KINDS = {one.name: one for one in (PAIR, TAGGED, QUESTION, CHOICE, BITEXT, MINING, RANKING, TRANSLATION)}


def kind(name: str) -> Kind:
    """The kind called `name`; raises `UnknownName` with close matches."""
    if name not in KINDS:
        raise UnknownName.of("kind of dataset", name, KINDS)
    return KINDS[name]
