"""Two sentences and a class: natural-language inference, paraphrases."""

from xstilts_eval.data.examples import Pair
from xstilts_eval.kinds._kind import Kind, Template

PAIR = Kind(
    "pair",
    Pair,
    "multiple_choice",
    Template("no_context", "label"),
    has_labels=True,
    classes_of=lambda doc: (doc["label"],),
    hub_task="text-classification",
)
