"""The head that answers each kind of dataset: the one table of classes, names and lengths, found by the kind."""

from __future__ import annotations

from dataclasses import dataclass

from xstilts_eval import kinds
from xstilts_eval.kinds import Halves


@dataclass(frozen=True)
class Head:
    """A class of transformers that answers a kind of dataset.

    `architecture` ends the class's name, `title` is what messages call it, `max_length` the sub-words of an input in
    the benchmark's own scripts. `epochs` is how often `xstilts fit-head` goes through English data by default, a choice
    of ours; 0 where it fits no such head.
    """

    architecture: str
    title: str
    max_length: int
    epochs: int = 0

    @property
    def auto_class(self) -> str:
        """Name of the class that loads it: ``AutoModelForTokenClassification``."""
        return f"AutoModel{self.architecture}"


HEADS: Halves[Head] = Halves("head")
"""A kind of one's own registers its head here."""

# Lengths: google-research/xtreme, scripts/train_xnli.sh and train_pawsx.sh; preprocess_udpos.sh and preprocess_panx.sh;
# train_qa.sh; train_xcopa.sh. Of texts: SIB-200's, dadelani/sib-200 @ 593cea88, code/xlmr_all.sh.
HEADS.register(kinds.PAIR, Head("ForSequenceClassification", "sequence-classification", 128, 4))
HEADS.register(kinds.TEXT, Head("ForSequenceClassification", "sequence-classification", 164, 10))
HEADS.register(kinds.TAGGED, Head("ForTokenClassification", "token-classification", 128, 8))
HEADS.register(kinds.QUESTION, Head("ForQuestionAnswering", "question-answering", 384, 2))
HEADS.register(kinds.CHOICE, Head("ForMultipleChoice", "multiple-choice", 128))
