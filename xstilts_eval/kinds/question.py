"""A question about a passage, answered by a span of it."""

from xstilts_eval.data.examples import Question
from xstilts_eval.kinds._kind import Kind, Template

QUESTION = Kind(
    "question",
    Question,
    "generate_until",
    Template("question_text", "first_answer", tokens=64),
    rows="questions",
    hub_task="question-answering",
)
