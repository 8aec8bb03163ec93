"""Raw formats → pairs of a query and its candidate, for training the dual encoders of LAReQA and Mewsli-X.

Texts are those that `ranking` makes for scoring. Sources: google-research/xtreme @ 838c13b,
`third_party/processors/{lareqa,mewslix}.py`. There the trainer of LAReQA gives sentence and paragraph as two segments,
and scoring as one text; here both are one text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from xstilts_eval.data import ranking
from xstilts_eval.data.examples import Match, Question
from xstilts_eval.data.intermediate_readers import Dropped, _done, squad
from xstilts_eval.data.sentences import Piece, sentences
from xstilts_eval.errors import DataError
from xstilts_eval.reading import Json

NO_SENTENCE = "whose answer begins in no sentence"
CUT = "whose answer the sentence splitter cuts"
NOT_WHOLE = "whose mention no sentence holds whole"


def question_sentences(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Match]:
    """SQuAD v1.1: question, and the sentence of its first answer in front of the whole paragraph.

    Sentences come from `sentences`. Where the answer begins in none of them, or runs over the end of its own, the
    splitter has failed and the question is dropped.
    """
    found: list[Match] = []
    for question in squad(paths, labels, dropped):
        sentence = _answer_sentence(question)
        if isinstance(sentence, str):
            query, candidate = map(ranking._without_feeds, (question.question, sentence + question.context))
            found.append(Match(question.id, query, candidate, question.group))
        else:
            dropped.add(CUT if sentence else NO_SENTENCE, question.id)
    return _done(paths[0], found, dropped)


def _answer_sentence(question: Question) -> str | bool:
    """The sentence that holds the first answer, else whether the answer begins in one."""
    if not question.answers:
        return False
    answer = question.answers[0]
    start, end = answer.answer_start, answer.answer_start + len(answer.text.rstrip())
    for piece in _sentences(question.context):
        if piece.start <= start < piece.end:
            return question.context[piece.start : piece.end] if end <= piece.end else True
    return False


@lru_cache(maxsize=1)
def _sentences(text: str) -> list[Piece]:
    """As `sentences`; the questions of a paragraph come one after another."""
    return sentences(text)


def mention_entities(paths: Sequence[Path], labels: Sequence[str], dropped: Dropped) -> list[Match]:
    """``wikipedia_pairs-{split}.jsonl``: a mention in its sentence, and the description of its entity.

    A mention that no sentence of its text holds whole is dropped. `group` is the page it stands in.
    """
    (path,) = paths
    found: list[Match] = []
    for number, row in ranking._objects(path):
        place = f"line {number}"
        mentioned = ranking._field(path, place, row, "contextual_mention", dict)
        context, mention = (ranking._field(path, place, mentioned, name, dict) for name in ("context", "mention"))
        entity = ranking._field(path, place, row, "entity", dict)
        name = ranking._field(path, place, mention, "example_id", str)
        wanted, given = (ranking._field(path, place, one, "entity_id", str) for one in (mention, entity))
        if wanted != given:
            raise DataError(f"{path}, {place}: the mention {name!r} is of {wanted}, the entity beside it {given}")
        text = ranking._field(path, place, context, "text", str)
        spans = ranking._spans(path, place, context, "sentence_spans", len(text))
        span = ranking._field(path, place, mention, "mention_span", dict)
        start, end = (ranking._field(path, place, span, side, int) for side in ("start", "end"))
        if not any(first <= start and end <= last for first, last in spans):
            dropped.add(NOT_WHOLE, name)
            continue
        query = ranking._mention_text(path, name, text, spans, span)
        page = ranking._field(path, place, context, "document_id", str)
        found.append(Match(name, query, _description(path, place, entity), page))
    return _done(path, found, dropped)


def _description(path: Path, place: str, entity: Json) -> str:
    """The description's sentences joined by blanks, as the candidates are written."""
    text = ranking._field(path, place, entity, "description", str)
    spans = ranking._spans(path, place, entity, "sentence_spans", len(text))
    return ranking._one_line(" ".join(text[start:end] for start, end in spans))
