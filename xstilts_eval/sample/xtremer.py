"""The sample of the datasets that XTREME-R adds, in their official raw formats.

XCOPA is written out (``source/xcopa``); LAReQA's XQuAD-R is XQuAD's passages with their sentences marked; the mentions
of Mewsli-X are the place names in ``source/sentences``, its candidates ``source/entities.txt``.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from xstilts_eval.benchmark import family
from xstilts_eval.sample.source import (
    SampleError,
    Token,
    choices,
    detokenize,
    entities,
    passages,
    sentences,
)

Files = dict[str, str]
Span = tuple[int, int]
ARTICLE_SENTENCES = 8
ENTITY = "S{number}"
"""Ids of the sample's entities: no QIDs, because its descriptions are not Wikipedia's."""


def files(source: Path) -> Files:
    """Contents of every file by path below the target folder; raises `SampleError`."""
    return _xcopa(source) | _xquad_r(source) | _mewslix(source)


def _lines(rows: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _xcopa(source: Path) -> Files:
    made = {}
    for code in family("xcopa").languages:
        rows = [
            {
                "premise": block.premise,
                "choice1": block.options[0],
                "choice2": block.options[1],
                "question": block.question,
                "label": block.right,
                "idx": number,
                "changed": False,
            }
            for number, block in enumerate(choices(source / "xcopa" / f"{code}.txt", 2))
        ]
        made[f"xcopa/data/{code}/test.{code}.jsonl"] = _lines(rows)
    return made


# --- LAReQA

_ENDS = re.compile(r"(?<=[.!?]) +(?=\S)|(?<=[。！？।])\s*(?=\S)|(?<=[ก-๛]) (?=[ก-๛])")
"""Between two sentences: a full stop and a blank, a Chinese or Hindi one, a blank between Thai letters."""


def spans(text: str) -> list[Span]:
    """Start and end of every sentence of `text`, without the blanks between them."""
    found, start = [], 0
    for gap in _ENDS.finditer(text):
        found.append((start, gap.start()))
        start = gap.end()
    return [*found, (start, len(text))]


def _xquad_r(source: Path) -> Files:
    made = {}
    for code in family("lareqa").languages:
        data = []
        for number, passage in enumerate(passages(source / "passages" / f"{code}.txt"), 1):
            text = passage.text
            questions = [
                {
                    "id": f"sample-p{number}-q{index}",
                    "question": item.question,
                    "answers": [{"text": item.answer, "answer_start": text.index(item.answer)}],
                }
                for index, item in enumerate(passage.questions, 1)
            ]
            breaks = spans(text)
            paragraph = {
                "context": text,
                "qas": questions,
                "sentence_breaks": [list(span) for span in breaks],
                "sentences": [text[start:end] for start, end in breaks],
            }
            data.append({"title": f"Sample {number}", "paragraphs": [paragraph]})
        made[f"lareqa/xquad-r/{code}.json"] = json.dumps({"data": data, "version": "1.1"}, ensure_ascii=False) + "\n"
    return made


# --- Mewsli-X


def _mewslix(source: Path) -> Files:
    described = entities(source / "entities.txt")
    articles = [row for code in family("mewslix").languages for row in _articles(source, code, len(described))]
    rows = [
        {
            "entity_id": ENTITY.format(number=number),
            "title": title,
            "description": text,
            "description_language": code,
            "description_url": "",
            "sentence_spans": _described(spans(text)),
        }
        for number, (code, title, text) in enumerate(described, 1)
    ]
    rows.sort(key=lambda row: str(row["title"]))  # no candidate is right for being among the first
    return {
        "mewsli-x/wikinews_mentions-test.jsonl": _lines(articles),
        "mewsli-x/candidate_set_entities.jsonl": _lines(rows),
    }


def _described(found: Sequence[Span]) -> list[dict[str, int]]:
    return [{"start": start, "end": end} for start, end in found]


def _articles(source: Path, code: str, known: int) -> list[dict[str, object]]:
    """Articles of eight sentences each; the places come in the order of ``entities.txt`` in every language."""
    rows: list[dict[str, object]] = []
    place, tagged = 0, sentences(source / "sentences" / f"{code}.txt")
    for first in range(0, len(tagged), ARTICLE_SENTENCES):
        text, found, mentions = "", [], []
        for tokens in tagged[first : first + ARTICLE_SENTENCES]:
            text += "\n" if text else ""
            start = len(text)
            for mention_start, form in _places(tokens):
                place += 1
                span = {"start": start + mention_start, "end": start + mention_start + len(form), "text": form}
                entity = ENTITY.format(number=place)
                mentions.append({"example_id": f"{code}-sample-{place}", "entity_id": entity, "mention_span": span})
            text += detokenize(tokens)
            found.append((start, len(text)))
        name = f"{code}-sample-article-{first // ARTICLE_SENTENCES + 1}"
        context = {
            "document_title": name,
            "document_url": "",
            "document_id": name,
            "language": code,
            "text": text,
            "sentence_spans": _described(found),
        }
        rows.append({"context": context, "mentions": mentions})
    if place > known:
        raise SampleError(f"sentences/{code}.txt names {place} places, entities.txt describes {known}")
    return rows


def _places(tokens: Sequence[Token]) -> list[tuple[int, str]]:
    """(Start in the sentence, surface form) of every place name."""
    found = []
    for index, token in enumerate(tokens):
        if token.ner != "B-LOC":
            continue
        end = index + 1
        while end < len(tokens) and tokens[end].ner == "I-LOC":
            end += 1
        before = detokenize(tokens[:index])
        form = detokenize(tokens[index:end])
        found.append((len(before) + (1 if before and token.space_before else 0), form))
    return found
