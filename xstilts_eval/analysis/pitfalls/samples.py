"""Samples that `xstilts eval` keeps, as examples with the share of each that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xstilts_eval import kinds
from xstilts_eval.analysis.observations import ENGLISH, canonical
from xstilts_eval.analysis.pitfalls.analyse import Example
from xstilts_eval.benchmark import Family
from xstilts_eval.data.examples import (
    BitextDocument,
    ChoiceDocument,
    PairDocument,
    QueryDocument,
    QuestionDocument,
    TaggedDocument,
    TextDocument,
    TranslationDocument,
)
from xstilts_eval.errors import PredictionError
from xstilts_eval.kinds import Halves
from xstilts_eval.results import samples
from xstilts_eval.results.host import Row

_LONGEST = 240


def read(folders: Sequence[Path], family: Family, languages: Sequence[str]) -> dict[str, list[dict[str, Example]]]:
    """Examples by language and run (a folder of `xstilts eval` each).

    Raises `PredictionError` where there are no samples, which studies do not keep. `languages` are called as in the
    analyses, `ENGLISH` for example, however the family spells them. English is read beside them in families whose items
    are translations of each other.
    """
    spelled = {canonical(code): code for code in family.languages}
    wanted = [*languages, ENGLISH] if family.parallel and ENGLISH in spelled else list(languages)
    leaves = {language: family.leaf(spelled[language]) for language in wanted}
    return {
        language: [_of_leaf(folder, family, leaf) for folder in folders]
        for language, leaf in leaves.items()
        if language != ENGLISH or samples.path_in(folders[0], leaf) is not None
    }


def _of_leaf(folder: Path, family: Family, leaf: str) -> dict[str, Example]:
    path = samples.path_in(folder, leaf)
    if path is None:
        raise PredictionError(
            f"{folder / samples.name(leaf)} is not there, and examples are read from it; --examples 0 leaves them out"
        )
    found = {}
    for sample in samples.read_file(path):
        try:
            document = str(sample["doc"]["id"])
            found[document] = _example(sample, leaf, document, family)
        except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise PredictionError(
                f"{folder}: document {sample['doc_id']} of {leaf} is no sample of {family.group} ({error!r})"
            ) from error
    return found


def _example(sample: Row, leaf: str, document: str, family: Family) -> Example:
    answer = sample["filtered_resps"][0]
    answer = json.dumps(answer, ensure_ascii=False) if isinstance(answer, dict) else str(answer)
    text, target = SHOWN.of(family.kind)(sample["doc"], family)
    return Example(leaf, document, wrong(sample, family), 1, _cut(text), _cut(target), (_cut(answer),))


def wrong(sample: Row, family: Family) -> float:
    """The share of one document that is wrong, 0-1: a decision or word, or 1 - the score of an answer or a ranking."""
    value = sample[family.scoring.of_document or family.official[0]]
    if isinstance(value, list):
        right, *total = value
        return 1 - float(right) / float(*total or (1,))
    return 1 - float(value)


Shown = Callable[[Any, Family], tuple[str, str]]
"""(document of the kind, its family) to its text and what would be right."""


def _tagged(doc: TaggedDocument, _: Family) -> tuple[str, str]:
    return " ".join(doc["tokens"]), " ".join(doc["tags"])


def _question(doc: QuestionDocument, _: Family) -> tuple[str, str]:
    return f"{doc['question']} | {doc['context']}", doc["answers"][0]["text"]


def _pair(doc: PairDocument, family: Family) -> tuple[str, str]:
    return f"{doc['premise']} | {doc['hypothesis']}", family.labels[doc["label"]]


def _text(doc: TextDocument, family: Family) -> tuple[str, str]:
    return doc["text"], family.labels[doc["label"]]


def _choice(doc: ChoiceDocument, _: Family) -> tuple[str, str]:
    return doc["premise"], doc["choices"][doc["label"]]


def _translation(doc: TranslationDocument | BitextDocument, _: Family) -> tuple[str, str]:
    return doc["source"], doc["target"]


def _query(doc: QueryDocument, _: Family) -> tuple[str, str]:
    return doc["query"], doc["correct"][0]


SHOWN: Halves[Shown] = Halves("example to show")
SHOWN.register(kinds.TAGGED, _tagged)
SHOWN.register(kinds.QUESTION, _question)
SHOWN.register(kinds.PAIR, _pair)
SHOWN.register(kinds.TEXT, _text)
SHOWN.register(kinds.CHOICE, _choice)
SHOWN.register(kinds.BITEXT, _translation)
SHOWN.register(kinds.TRANSLATION, _translation)
SHOWN.register(kinds.RANKING, _query)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
