"""One text and a class: its topic."""

from xstilts_eval.data.examples import LabelledText
from xstilts_eval.kinds._kind import Kind, Template

TEXT = Kind(
    "text",
    LabelledText,
    "multiple_choice",
    Template("xstilts_eval.tasks.texts.topic_text", "label", choices="xstilts_eval.tasks.texts.topics"),
    rows="texts",
    has_labels=True,
    classes_of=lambda doc: (doc["label"],),
    hub_task="text-classification",
)
