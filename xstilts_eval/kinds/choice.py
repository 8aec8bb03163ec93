"""A text and options to go on with."""

from xstilts_eval.data.examples import Choice
from xstilts_eval.kinds._kind import Kind, Template

CHOICE = Kind(
    "choice", Choice, "multiple_choice", Template("no_context", "label"), rows="questions", hub_task="multiple-choice"
)
