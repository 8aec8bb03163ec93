"""What a head says of documents, by kind: log-probabilities of choices, or text. A kind of one's own registers its own.

`CLASSIFIERS` are for kinds whose requests are `multiple_choice`, `EXTRACTORS` for those whose answer is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts_eval import kinds
from xstilts_eval.kinds import Halves
from xstilts_eval.models import choices, pairs, spans, tagging, texts
from xstilts_eval.models.encoder import Counts, Loaded
from xstilts_eval.models.label_map import LabelMap

Values = Sequence[NDArray[np.float32]] | NDArray[np.float32]
Classifier = Callable[[Loaded, Sequence[Any], Sequence[int]], tuple[Values, Counts]]
"""(head, documents, the head's class of each label) to log-probabilities [choices] of each, and what was cut."""
Extractor = Callable[[Loaded, Sequence[Any], LabelMap | None], tuple[list[str], Counts]]
"""(head, documents, how its classes are read, where it has any) to answers as text, and what happened to each."""

CLASSIFIERS: Halves[Classifier] = Halves("answer by choice")
EXTRACTORS: Halves[Extractor] = Halves("answer by text")


def _choose(head: Loaded, documents: Sequence[Any], _: Sequence[int]) -> tuple[Values, Counts]:
    """Options are no classes: they come in the order of the document."""
    return choices.choose(head, documents), {"truncated": choices.truncated(head, documents)}


def _tag(head: Loaded, documents: Sequence[Any], labels: LabelMap | None) -> tuple[list[str], Counts]:
    assert labels is not None
    found, counts = tagging.tag(head, documents, labels)
    return [" ".join(sequence) for sequence in found], counts


def _answer(head: Loaded, documents: Sequence[Any], _: LabelMap | None) -> tuple[list[str], Counts]:
    return spans.answer(head, documents)


CLASSIFIERS.register(kinds.PAIR, pairs.classify)
CLASSIFIERS.register(kinds.TEXT, texts.classify)
CLASSIFIERS.register(kinds.CHOICE, _choose)
EXTRACTORS.register(kinds.TAGGED, _tag)
EXTRACTORS.register(kinds.QUESTION, _answer)
