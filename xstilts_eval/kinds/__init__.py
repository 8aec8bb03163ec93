"""Kinds of datasets by name. A kind of one's own is one more `Kind`, with its halves registered where they belong."""

from xstilts_eval.kinds._kind import KINDS, Halves, Kind, Request, Template, kind
from xstilts_eval.kinds.bitext import BITEXT
from xstilts_eval.kinds.choice import CHOICE
from xstilts_eval.kinds.mining import MINING
from xstilts_eval.kinds.pair import PAIR
from xstilts_eval.kinds.question import QUESTION
from xstilts_eval.kinds.ranking import RANKING
from xstilts_eval.kinds.tagged import TAGGED
from xstilts_eval.kinds.text import TEXT
from xstilts_eval.kinds.translation import TRANSLATION

__all__ = [
    "BITEXT", "CHOICE", "KINDS", "MINING", "PAIR", "QUESTION", "RANKING", "TAGGED", "TEXT", "TRANSLATION", "Halves",
    "Kind", "Request", "Template", "kind",
]  # fmt: skip
