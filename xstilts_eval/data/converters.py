"""From rows of a hub repository back to the official raw formats, one function per format.

The layouts of the repositories (configuration, column and file names) are those of their dataset cards, of
`datasets/xtreme/xtreme.py` @ 02bb18c7 of huggingface/datasets (which made the rows), and of the public code that pins
them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from xstilts_eval.errors import FetchError

Row = dict[str, Any]


@dataclass
class Output:
    """Official files made of hub rows: relative path → text, number of rows, what had to be changed."""

    files: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    changes: dict[str, int] = field(default_factory=dict)

    def changed(self, what: str) -> None:
        self.changes[what] = self.changes.get(what, 0) + 1

    def flat(self, value: Any) -> str:
        """One cell of a line-based format; a TAB or line end inside it becomes a blank and is counted."""
        text = "" if value is None else str(value).strip("\r\n")
        if re.search(r"[\t\r\n]", text):
            self.changed("texts with a TAB or line end inside, now a blank")
            text = re.sub(r"[\t\r\n]+", " ", text)
        return text


@dataclass(frozen=True)
class Part:
    """Rows of one configuration; `language` is the benchmark's code ("*" when it holds all of them)."""

    language: str
    rows: Sequence[Row]


Convert = Callable[[Sequence[Part], Sequence[str], Output], None]


XNLI_HEADER = ("language", "gold_label", "", "", "", "", "sentence1", "sentence2", "promptID", "pairID")
"""The first ten columns of the official file; the four without a name hold parses, which the hub does not keep."""


def xnli(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    """``xnli.{test,dev}.tsv``: ten columns, of which the readers use language, gold_label, sentences and pairID."""
    lines = ["\t".join(XNLI_HEADER)]
    for part in parts:
        for number, row in enumerate(part.rows, 1):
            texts = output.flat(row["premise"]), output.flat(row["hypothesis"])
            cells = [part.language, str(row["label"]), "", "", "", "", *texts, str(number), str(number)]
            lines.append("\t".join(cells))
    _lines(output, paths[0], lines, len(lines) - 1)


def multinli(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    lines = ["premise\thypo\tlabel"]
    for row in parts[0].rows:
        lines.append(f"{output.flat(row['premise'])}\t{output.flat(row['hypothesis'])}\t{row['label']}")
    _lines(output, paths[0], lines, len(lines) - 1)


def pawsx(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    lines = ["id\tsentence1\tsentence2\tlabel"]
    for row in parts[0].rows:
        if str(row["label"]) not in ("0", "1"):  # the card: "missing or wrong labels … replaced … with -1"
            output.changed("rows without a label left out")
            continue
        texts = output.flat(row["sentence1"]), output.flat(row["sentence2"])
        lines.append("\t".join([str(row["id"]), *texts, str(row["label"])]))
    _lines(output, paths[0], lines, len(lines) - 1)


def panx(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    (part,) = parts
    lines = []
    for row in part.rows:
        tagged = zip(row["tokens"], row["ner_tags"], strict=True)
        lines += [f"{part.language}:{output.flat(token)}\t{tag}" for token, tag in tagged] + [""]
    _lines(output, paths[0], lines, len(part.rows))


def udpos(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    """CoNLL-U with forms and UPOS only; the hub keeps neither heads nor multi-word tokens."""
    (part,) = parts
    lines = []
    for row in part.rows:
        for number, (form, tag) in enumerate(zip(row["tokens"], row["pos_tags"], strict=True), 1):
            lines.append(f"{number}\t{output.flat(form)}\t_\t{tag}" + "\t_" * 6)
        lines.append("")
    _lines(output, paths[0], lines, len(part.rows))


def squad(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    """Rows of one question each, back into articles (equal titles in a row) and paragraphs (equal contexts)."""
    (part,) = parts
    data = []
    for title, article in groupby(part.rows, key=lambda row: row.get("title") or ""):
        paragraphs = []
        for context, rows in groupby(article, key=lambda row: str(row["context"])):
            paragraphs.append({"context": context, "qas": [question(row, context, output) for row in rows]})
        data.append({"title": title, "paragraphs": paragraphs})
    output.files[paths[0]] = json.dumps({"version": "1.1", "data": data}, ensure_ascii=False) + "\n"
    output.rows += len(part.rows)


def question(row: Row, context: str, output: Output) -> Row:
    answers = row["answers"]
    if isinstance(answers, dict):  # columns of lists; some writers keep a list of answers
        answers = [dict(zip(answers, values, strict=True)) for values in zip(*answers.values(), strict=True)]
    aligned = [_aligned(str(row["id"]), context, one["text"], int(one["answer_start"]), output) for one in answers]
    return {"id": row["id"], "question": row["question"], "answers": aligned}


def _aligned(name: str, context: str, text: str, start: int, output: Output) -> Row:
    """The answer where it stands: white space was cut off contexts and answers without moving their positions."""
    if context[start : start + len(text)] != text:
        places = [found.start() for found in re.finditer(re.escape(text), context)] if text else []
        if not places:
            raise FetchError(f"question {name!r}: its answer {text!r} does not occur in its context")
        start = min(places, key=lambda place: abs(place - start))
        output.changed("answers moved to where they stand in the context")
    return {"text": text, "answer_start": start}


def bucc(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    """One row with both sides and 1-based pairs of positions; ids are written as the shared task's are."""
    (part,) = parts
    (row,) = part.rows
    sides = ((part.language, row["sentence1"]), ("en", row["sentence2"]))
    for path, (code, sentences) in zip(paths, sides, strict=False):
        numbered = [f"{_bucc_id(code, n)}\t{output.flat(text)}" for n, text in enumerate(sentences, 1)]
        output.files[path] = "".join(f"{line}\n" for line in numbered)
    pairs = [f"{_bucc_id(part.language, int(left))}\t{_bucc_id('en', int(right))}" for left, right in row["gold"]]
    _lines(output, paths[2], pairs, len(pairs))


def _bucc_id(code: str, number: int) -> str:
    return f"{code}-{number:09d}"


def tatoeba(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    (part,) = parts
    for path, column in zip(paths, ("sentence1", "sentence2"), strict=True):
        output.files[path] = "".join(f"{output.flat(row[column])}\n" for row in part.rows)
    output.rows += len(part.rows)


def _lines(output: Output, path: str, lines: Iterable[str], rows: int) -> None:
    output.files[path] = "".join(f"{line}\n" for line in lines)
    output.rows += rows
