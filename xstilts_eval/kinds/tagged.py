"""A sentence of words with a tag each: parts of speech, entities."""

from xstilts_eval.data.examples import Tagged
from xstilts_eval.kinds._kind import Kind, Template

TAGGED = Kind(
    "tagged",
    Tagged,
    "generate_until",
    Template("tagging_text", "tagged_line", tokens=512),
    rows="sentences",
    has_labels=True,
    by_word=True,
    classes_of=lambda doc: doc["tags"],
    hub_task="token-classification",
)
