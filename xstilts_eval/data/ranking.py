"""LAReQA and Mewsli-X: raw formats → queries and the candidates that all languages share.

Texts are built as google-research/xtreme @ 838c13b builds them for its dual encoders (`third_party/utils_lareqa.py`,
`third_party/evaluate_retrieval.py`, `third_party/utils_mewslix.py`). Errors are `DataError`, naming file and line, or
question.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts_eval import reading
from xstilts_eval.data import files
from xstilts_eval.data.examples import Candidate, Query
from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.reading import Json


@dataclass(frozen=True)
class Pool:
    """Candidates in search order: `ids` and `texts` are parallel.

    `correct` maps a query's id to its right candidates in every language (LAReQA); it is empty where the queries name
    theirs themselves (Mewsli-X). `notes` say which languages the pool lacks, and `is_complete` whether it is whole.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    correct: dict[str, tuple[str, ...]]
    revision: str
    is_complete: bool = True
    notes: tuple[str, ...] = ()


# --- LAReQA


def xquad_r(path: Path, language: str) -> tuple[list[Query], list[Candidate]]:
    """Questions of one language and its candidates: every sentence of every paragraph.

    A candidate's id is language, paragraph and sentence (``en_12_3``, from 0), its text the sentence and the whole
    paragraph, without anything in between; line feeds are taken out. A question's `correct` are the candidates, in this
    language, that are the sentence its answer begins in. As in the official loader, a question whose answer begins in
    no sentence is left out, and so is a paragraph without any other. `group` is article and paragraph.
    """
    queries: dict[str, Query] = {}
    candidates: list[Candidate] = []
    for number, (place, paragraph) in enumerate(_paragraphs(path)):
        context = _field(path, place, paragraph, "context", str)
        spans = _spans(path, place, paragraph, "sentence_breaks", len(context))
        sentences = [context[start:end] for start, end in spans]
        own = [f"{language}_{number}_{index}" for index in range(len(sentences))]
        found = [
            Query(
                name,
                _without_feeds(text),
                tuple(one for one, other in zip(own, sentences, strict=True) if other == sentence),
                place,
            )
            for name, text, start in _asked(path, place, paragraph)
            if (sentence := next((context[first:last] for first, last in spans if first <= start < last), ""))
        ]
        for query in found:
            if query.id in queries:
                raise DataError(f"{path}, paragraph {place}: question {query.id!r} occurs a second time")
            queries[query.id] = query
        if found:
            texts = (_without_feeds(sentence + context) for sentence in sentences)
            candidates += map(Candidate, own, texts)
    if not queries:
        raise DataError(f"{path}: no examples")
    return list(queries.values()), candidates


def _paragraphs(path: Path) -> Iterator[tuple[str, Json]]:
    content = files.read_json(path)
    for article, document in enumerate(_field(path, "top level", content, "data", list)):
        for paragraph, passage in enumerate(_field(path, f"article {article}", document, "paragraphs", list)):
            yield f"{article}.{paragraph}", passage


def _asked(path: Path, place: str, paragraph: Json) -> Iterator[tuple[str, str, int]]:
    """(Id, question, where its answer starts) of one paragraph."""
    for question in _field(path, place, paragraph, "qas", list):
        name = _field(path, place, question, "id", str)
        answers = _field(path, f"question {name!r}", question, "answers", list)
        if not answers:
            raise MissingData(
                f"{path}: question {name!r} has no answer; use the file of google-research-datasets/lareqa"
            )
        start = _field(path, f"question {name!r}", answers[0], "answer_start", int)
        yield name, _field(path, f"question {name!r}", question, "question", str), start


def _without_feeds(text: str) -> str:
    return text.replace("\n", "")


# --- Mewsli-X


def mentions(path: Path, language: str) -> list[Query]:
    """Mentions in the articles of one language, from ``wikinews_mentions-{split}.jsonl``.

    The query is the mention, a colon, and the one sentence that holds it, the mention in braces; braces that were in
    the sentence become parentheses. `correct` is the entity's QID, `group` the article.
    """
    queries: list[Query] = []
    for number, row in _objects(path):
        place = f"line {number}"
        context = _field(path, place, row, "context", dict)
        if _field(path, place, context, "language", str) != language:
            continue
        text = _field(path, place, context, "text", str)
        if not text:
            raise MissingData(
                f"{path}, line {number}: the article has no text; the released files come without it, and "
                "get-mewsli-x.sh of google-research/google-research puts it in"
            )
        spans = _spans(path, place, context, "sentence_spans", len(text))
        article = _field(path, place, context, "document_id", str)
        for mention in _field(path, place, row, "mentions", list):
            name = _field(path, place, mention, "example_id", str)
            if not _field(path, place, mention, "entity_id", str).strip():
                raise MissingData(
                    f"{path}: mention {name!r} names no entity (XTREME's preprocessing takes out those of the test "
                    "set); use wikinews_mentions-test.jsonl of the release"
                )
            query = _mention_text(path, name, text, spans, _field(path, place, mention, "mention_span", dict))
            queries.append(Query(name, query, (_field(path, place, mention, "entity_id", str).strip(),), article))
    if not queries:
        raise DataError(f"{path}: no examples in language {language!r}")
    return queries


_BRACES = re.compile(r"\{(.*?)\}")


def _mention_text(path: Path, name: str, text: str, spans: Sequence[tuple[int, int]], raw: Json) -> str:
    place = f"mention {name!r}"
    start, end = _field(path, place, raw, "start", int), _field(path, place, raw, "end", int)
    mention = _field(path, place, raw, "text", str)
    if text[start:end] != mention:
        raise DataError(f"{path}, {place}: it is {mention!r}, but its article has {text[start:end]!r} there")
    sentence = next(((first, last) for first, last in spans if first <= start < last and end <= last), None)
    if sentence is None:
        raise DataError(f"{path}, {place}: no sentence of its article holds it whole")
    left, right = (_BRACES.sub(r"(\1)", part) for part in (text[sentence[0] : start], text[end : sentence[1]]))
    return _one_line(f"{mention}: {left} {{ {mention} }} {right}")


def entities(path: Path) -> list[Candidate]:
    """The candidate set of Mewsli-X: QID and description (its sentences, joined by blanks) of every entity."""
    found = []
    for number, row in _objects(path):
        place = f"line {number}"
        description = _field(path, place, row, "description", str)
        spans = _spans(path, place, row, "sentence_spans", len(description))
        text = _one_line(" ".join(description[start:end] for start, end in spans))
        found.append(Candidate(_field(path, place, row, "entity_id", str), text))
    if not found:
        raise DataError(f"{path}: no candidates")
    return found


def _one_line(text: str) -> str:
    """Line ends and double blanks to single blanks, in one pass as the official code makes it."""
    return " ".join(text.splitlines()).replace("  ", " ").strip()


# --- pieces


def _objects(path: Path) -> Iterator[tuple[int, Json]]:
    for number, line in files.lines(path):
        yield number, reading.parse_json(line, path, number)


def _spans(path: Path, place: str, holder: Any, name: str, length: int) -> list[tuple[int, int]]:
    """Pairs of character positions, written ``[start, end]`` or ``{"start": …, "end": …}``."""
    found = []
    for raw in _field(path, place, holder, name, list):
        pair = (
            (raw.get("start"), raw.get("end")) if isinstance(raw, dict) else tuple(raw) if isinstance(raw, list) else ()
        )
        if len(pair) != 2 or not all(isinstance(one, int) for one in pair) or not 0 <= pair[0] <= pair[1] <= length:
            raise DataError(f"{path}, {place}: {name} has {raw!r}, which is no part of its text of {length} characters")
        found.append((pair[0], pair[1]))
    return found


def _field(path: Path, place: str, holder: Any, name: str, kind: Any) -> Any:
    value = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DataError(f"{path}, {place}: field {name!r} ({kind.__name__}) is missing or of another type")
    return value
