"""Two corpora with some translations of each other in them; a document is a shard of the foreign side."""

from xstilts_eval.data.examples import Corpus
from xstilts_eval.kinds._kind import Kind, Template

MINING = Kind(
    "mining",
    Corpus,
    "embed",
    Template("mining_text", "mining_target", shots=""),
    rows="gold pairs",
    learns="",
    tuned_on="dev",
    hub_task="sentence-similarity",
)
