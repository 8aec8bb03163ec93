"""A data folder in the official formats with as many documents as asked for, and a model that looks answers up.

Texts are made up on the spot. The model knows the answers by the documents' ids and gets every `EVERY`-th one
wrong, so that what a leaf must score is known without any metric: right / all.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval import evaluate
from lm_eval.api.model import LM

from tests.run_host import load_tasks
from xstilts_eval.languages import language as language_of

Sizes = Mapping[str, Mapping[str, int]]
"""Family → language → documents; of bucc2018 gold pairs."""


def write_leaf(folder: Path, family: str, language: str, count: int) -> None:
    """The files of one leaf of XTREME; the file that all languages of XNLI share is added to."""
    for name, text in _FILES[family](language, count):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if family == "xnli" and path.exists():
            text = text.split("\n", 1)[1]
        with path.open("a" if family == "xnli" else "w", encoding="utf-8") as file:
            file.write(text)


def write_all(folder: Path, sizes: Sizes) -> None:
    for family, by_language in sizes.items():
        for language, count in by_language.items():
            write_leaf(folder, family, language, count)


def _joined(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


Files = Iterator[tuple[str, str]]


def _xnli(language: str, count: int) -> Files:
    header = ["language", "gold_label", "a", "b", "c", "d", "sentence1", "sentence2", "promptID", "pairID"]
    rows = ([language, "neutral", *"----", f"Premise {n}.", f"Hypothesis {n}.", str(n), str(n)] for n in range(count))
    yield "xnli/XNLI-1.0/xnli.test.tsv", _joined("\t".join(row) for row in [header, *rows])


def _pawsx(language: str, count: int) -> Files:
    rows = (f"{n}\tOne {n}.\tOther {n}.\t1" for n in range(count))
    yield f"pawsx/x-final/{language}/test_2k.tsv", "id\tsentence1\tsentence2\tlabel\n" + _joined(rows)


def _panx(language: str, count: int) -> Files:
    yield f"panx/panx_dataset/{language}/test", _joined(f"{language}:Town{n}\tB-LOC\n" for n in range(count))


def _udpos(language: str, count: int) -> Files:
    rows = (f"1\tword{n}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n" for n in range(count))
    yield f"ud/ud-treebanks-v2.5/UD_Made-Up/{language}_up-ud-test.conllu", _joined(rows)


def _squad(name: str) -> Any:
    def write(language: str, count: int) -> Files:
        asked = [
            {
                "context": f"It is answer{n} here.",
                "qas": [
                    {
                        "id": f"{language}{n}",
                        "question": "What is it?",
                        "answers": [{"text": f"answer{n}", "answer_start": 6}],
                    }
                ],
            }
            for n in range(count)
        ]
        yield name.format(lg=language), json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": asked}]})

    return write


def _tatoeba(language: str, count: int) -> Files:
    code = language_of(language).tatoeba
    yield f"tatoeba/v1/tatoeba.{code}-eng.{code}", _joined(f"foreign {n}" for n in range(count))
    yield f"tatoeba/v1/tatoeba.{code}-eng.eng", _joined(f"english {n}" for n in range(count))


def _bucc2018(language: str, count: int) -> Files:
    for part, pairs in (("training", count), ("sample", 1)):
        start = f"bucc2018/{language}-en/{language}-en.{part}"
        # One sentence more on either side, so that a wrong pair can be told.
        yield f"{start}.{language}", _joined(f"{language}-{n}\tforeign {n}" for n in range(pairs + 1))
        yield f"{start}.en", _joined(f"en-{n}\tenglish {n}" for n in range(pairs + 1))
        yield f"{start}.gold", _joined(f"{language}-{n}\ten-{n}" for n in range(pairs))


_FILES = {
    "xnli": _xnli,
    "pawsx": _pawsx,
    "panx": _panx,
    "udpos": _udpos,
    "xquad": _squad("xquad/xquad.{lg}.json"),
    "mlqa": _squad("mlqa/MLQA_V1/test/test-context-{lg}-question-{lg}.json"),
    "tydiqa": _squad("tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{lg}.dev.json"),
    "tatoeba": _tatoeba,
    "bucc2018": _bucc2018,
}


EVERY = {
    "xnli": 2, "pawsx": 3, "udpos": 4, "panx": 5, "xquad": 6, "mlqa": 7, "tydiqa": 8, "bucc2018": 9, "tatoeba": 10,
}  # fmt: skip
"""Of this many documents the table gets one wrong; by family, so that no two families have one score."""


class Table(LM):  # type: ignore[misc]
    """Looks every answer up by the number in the document's id."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes

    @classmethod
    def share(cls, family: str, count: int) -> float:
        """The share of right answers among `count`."""
        return sum(cls._knows(family, number) for number in range(count)) / count

    @staticmethod
    def _knows(family: str, number: int) -> bool:
        return number % EVERY[family] != 0

    def _right(self, doc: dict[str, Any]) -> bool:
        digits = "".join(one for one in doc["id"].rpartition(".")[2] if one.isdigit())
        return self._knows(doc["family"], int(digits))

    def loglikelihood(self, requests: Any, **_: Any) -> list[tuple[float, bool]]:
        # Choice `idx` is class `idx` of the family's labels; "neutral" is 2 of XNLI's, "1" is 1 of PAWS-X's.
        right = {"xnli": 2, "pawsx": 1}
        return [
            (0.0 if (one.idx == right[one.doc["family"]]) == self._right(one.doc) else -9.0, False) for one in requests
        ]

    def generate_until(self, requests: Any, **_: Any) -> list[str]:
        return [self._text(one.doc) for one in requests]

    def _text(self, doc: dict[str, Any]) -> str:
        known, right = doc["family"], self._right(doc)
        if known == "udpos":
            return "NOUN" if right else "VERB"
        if known == "panx":
            return "B-LOC" if right else "B-PER"
        return doc["answers"][0]["text"] if right else "elsewhere"

    def embed(self, requests: Any, **_: Any) -> list[dict[str, Any]]:
        return [self._found(one.doc) for one in requests]

    def _found(self, doc: dict[str, Any]) -> dict[str, Any]:
        if doc["family"] == "tatoeba":
            line = doc["gold"] if self._right(doc) else -1
            return {"nearest_source": line, "nearest_target": line}
        language = doc["language"]
        last = self.sizes["bucc2018"][language]  # its sentences belong to no pair
        numbers = range(last)
        ends = [(n, n if self._knows("bucc2018", n) else last) for n in numbers]
        return {"pairs": [(f"{language}-{n}", f"en-{end}", 1.0) for n, end in ends]}

    def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any:
        raise NotImplementedError


def score(folder: Path, sizes: Sizes) -> dict[str, Any]:
    """The host's results of the table on all leaves of `sizes`."""
    leaves = [f"xtreme.{family}.{language}" for family, by_language in sizes.items() for language in by_language]
    results: dict[str, Any] = evaluate(
        Table(sizes), load_tasks(leaves, str(folder)), log_samples=False, bootstrap_iters=0
    )
    return results | {"config": {"limit": None}, "model_name": "table"}
