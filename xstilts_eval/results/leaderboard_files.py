"""What a line of the leaderboard's files holds: from logged samples to the text of prediction and label files.

A kind of family has both its sides in one line at the end. Layout: google-research/xtreme @ 838c13b,
`evaluate.py:31-98,239-330`.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter

from xstilts_eval import kinds, reading
from xstilts_eval.benchmark import SUITES, Family
from xstilts_eval.data.examples import QuestionDocument
from xstilts_eval.errors import PredictionError
from xstilts_eval.kinds import Halves
from xstilts_eval.results.samples import Sample
from xstilts_eval.tasks.answers import read_tags

_NUMPY = re.compile(r"\bnp\.float(?:32|64)\(([^()]*)\)")

Pair = tuple[str, str]


class Nearest(BaseModel):
    """Response to a query of Tatoeba: 0-based line of the foreign file."""

    nearest_source: int


class Mined(BaseModel):
    """Response to a shard of BUCC: foreign id, English id, margin score."""

    pairs: list[tuple[str, str, float]]


_CHOICES: TypeAdapter[list[tuple[float, Any]]] = TypeAdapter(list[tuple[float, Any]])
_TEXT: TypeAdapter[str] = TypeAdapter(str)


class Side(NamedTuple):
    """`read` turns one sample into an item, `write` all items of a leaf into the text of its file."""

    read: Callable[[Family, Sample], Any]
    write: Callable[[Iterable[Any]], str]


class Files(NamedTuple):
    """Both files of a leaf; no `labels` where samples do not hold them."""

    predictions: Side
    labels: Side | None


def predictions(family: Family, samples: Sequence[Sample], origin: str) -> str:
    """Text of the prediction file of one leaf; `samples` in the order of the test file.

    Raises `PredictionError`, which names `origin` and the document, for a response that cannot be read.
    """
    return _text(_FILES.of(family.kind).predictions, family, samples, origin)


def labels(family: Family, samples: Sequence[Sample], origin: str) -> str:
    """Text of the label file of one leaf, from the documents in its samples; for others, see `has_labels`."""
    side = _FILES.of(family.kind).labels
    assert side is not None
    return _text(side, family, samples, origin)


def has_labels(family: Family) -> bool:
    """Whether samples hold what the label file says; of BUCC they do not, see `pair_lines`."""
    return _FILES.of(family.kind).labels is not None


def pair_lines(pairs: Iterable[Pair]) -> str:
    """``foreign id TAB English id``, one pair per line."""
    return _lines("\t".join(pair) for pair in pairs)


def can_write(family: Family) -> bool:
    """Whether the leaderboard has files for families of this kind."""
    return SUITES[family.suite].is_main and bool(family.predictions) and family.kind in _FILES


def _text(side: Side, family: Family, samples: Sequence[Sample], origin: str) -> str:
    items = []
    for sample in samples:
        try:
            items.append(side.read(family, sample))
        except (*reading.UNFIT, SyntaxError, RecursionError, MemoryError) as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise PredictionError(f"{origin}, document {sample['doc_id']} cannot be exported ({first})") from error
    try:
        return side.write(items)
    except ValueError as error:
        raise PredictionError(f"{origin}: {error}") from error


# --- one sample to one item


def _chosen(family: Family, sample: Sample) -> str:
    """Label with the highest log-likelihood, the first among equals."""
    scores = [score for score, _ in _CHOICES.validate_python(sample["filtered_resps"])]
    if len(scores) != len(family.labels):
        raise ValueError(f"{len(scores)} choices for {len(family.labels)} labels")
    return family.labels[max(range(len(scores)), key=scores.__getitem__)]


def predicted_tags(family: Family, sample: Sample) -> list[str]:
    """One tag for each word of a sample's document, read from its answer."""
    return read_tags(_answer(sample), sample["doc"]["tokens"], (*family.labels, *family.extra_tags), family.filler)[0]


def _answered(_: Family, sample: Sample) -> Pair:
    return sample["doc"]["id"], _answer(sample)


def _nearest(_: Family, sample: Sample) -> int:
    return Nearest.model_validate(_object(sample)).nearest_source


def _mined(_: Family, sample: Sample) -> list[Pair]:
    return [(source, target) for source, target, _ in Mined.model_validate(_object(sample)).pairs]


def _answer(sample: Sample) -> str:
    return _TEXT.validate_python(sample["filtered_resps"][0])


def _object(sample: Sample) -> Any:
    """A response that is an object; the host's own log keeps its Python text."""
    response = sample["filtered_resps"][0]
    return ast.literal_eval(_NUMPY.sub(r"\1", response)) if isinstance(response, str) else response


def _gold_class(family: Family, sample: Sample) -> str:
    label: int = sample["doc"]["label"]
    return family.labels[label]


# --- all items to the text of a file


def _lines(items: Iterable[Any]) -> str:
    return "".join(f"{item}\n" for item in items)


def _sentences(items: Iterable[Sequence[str]]) -> str:
    return "".join(_lines(tags) + "\n" for tags in items)


def _shards(items: Iterable[Sequence[Pair]]) -> str:
    return pair_lines(pair for shard in items for pair in shard)


def _answers(items: Iterable[Pair]) -> str:
    pairs = list(items)
    answers = dict(pairs)
    if len(answers) < len(pairs):
        (repeated, _), *_ = Counter(id_ for id_, _ in pairs).most_common(1)
        raise ValueError(f"question id {repeated} occurs twice")
    return json.dumps(answers, indent=1) + "\n"  # ASCII only: the evaluator opens files in the platform's encoding


def _squad(documents: Iterable[QuestionDocument]) -> str:
    """SQuAD's layout: neighbouring questions about one passage share a paragraph."""
    paragraphs = []
    for context, group in groupby(documents, key=lambda doc: doc["context"]):
        questions = [{name: doc[name] for name in ("id", "question", "answers")} for doc in group]
        paragraphs.append({"context": context, "qas": questions})
    return json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]}, indent=1) + "\n"


def _gold_tags(_: Family, sample: Sample) -> Any:
    return sample["doc"]["tags"]


def _gold_answers(_: Family, sample: Sample) -> Any:
    return sample["doc"]


def _gold_line(_: Family, sample: Sample) -> Any:
    return sample["doc"]["gold"]


_FILES: Halves[Files] = Halves("layout on the leaderboard")
_FILES.register(kinds.PAIR, Files(Side(_chosen, _lines), Side(_gold_class, _lines)))
_FILES.register(kinds.TAGGED, Files(Side(predicted_tags, _sentences), Side(_gold_tags, _sentences)))
_FILES.register(kinds.QUESTION, Files(Side(_answered, _answers), Side(_gold_answers, _squad)))
_FILES.register(kinds.BITEXT, Files(Side(_nearest, _lines), Side(_gold_line, _lines)))
_FILES.register(kinds.MINING, Files(Side(_mined, _shards), None))
