"""A sentence to be translated."""

from xstilts_eval.data.examples import Translation
from xstilts_eval.kinds._kind import Kind, Template

TRANSLATION = Kind(
    "translation",
    Translation,
    "generate_until",
    Template("translation_text", "translation_target", tokens=256, shots="dev"),
    learns="",
    hub_task="translation",
)
