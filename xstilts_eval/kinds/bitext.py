"""Lines that are translations of each other; each is to be found among the others."""

from xstilts_eval.data.examples import Bitext
from xstilts_eval.kinds._kind import Kind, Template

BITEXT = Kind(
    "bitext",
    Bitext,
    "embed",
    Template("bitext_text", "bitext_target", shots=""),
    learns="",
    hub_task="sentence-similarity",
)
