"""Queries against candidates that all languages of a dataset share."""

from xstilts_eval.data.examples import Query
from xstilts_eval.kinds._kind import Kind, Template

RANKING = Kind(
    "ranking",
    Query,
    "embed",
    Template("query_text", "query_target", shots=""),
    rows="queries",
    learns="encoder",
    hub_task="text-retrieval",
)
