"""The intermediate tasks on the Hugging Face hub: pinned repositories, and their rows back in the official raw formats.

The counterpart of `hub` for training tasks, English only. Tasks whose data XTREME has too (SQuAD v1.1, PAWS-X, UD-POS,
PAN-X, TyDiQA) come from `hub` itself; CCGbank is licensed by the LDC and on no hub. Pins were read in public code, not
on the hub; `Repository.seen` says where. Columns and class names are those of the dataset cards. Two repositories
hold a program instead of data, so the pin is the commit of the hub's own conversion to parquet.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from xstilts_eval.data import converters
from xstilts_eval.data.hub import Output, Part, Plan, Repository, Row
from xstilts_eval.errors import MissingData
from xstilts_eval.training_tasks import TrainingTask

GLUE = Repository(
    "nyu-mll/glue",
    "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
    "ten public files that pin it, one with the address of a parquet file",
)
SNLI = Repository(
    "stanfordnlp/snli",
    "cdb5c3d5eed6ead6e5a341c8e56e669bb666725b",
    "ten public files that pin it, three with the paths of its parquet files",
)
ANLI = Repository(
    "facebook/anli",
    "8e4813d81f46d313dac7892e1c28076917cfcdf9",
    "ten public files that pin it, two with the paths of its parquet files, one with their sha256",
)
SQUAD_V2 = Repository(
    "rajpurkar/squad_v2",
    "3ffb306f725f7d2ce8394bc1873b24868140c412",
    "ten public files that pin it, two with the sha256 of its parquet files, one of them with row counts",
)
HELLASWAG = Repository(
    "Rowan/hellaswag",
    "218ec52e09a7e7462a5400043bb9a69a41d06b76",
    "ten public files that pin it, two with the sha256 of the validation file",
)
COMMONSENSEQA = Repository(
    "tau/commonsense_qa",
    "94630fe30dad47192a8546eb75f094926d47e155",
    "ten public files that pin it, one with the sha256 of its parquet files",
)
SUPERGLUE = Repository(
    "aps/super_glue",
    "3de24cf8022e94f4ee4b9d55a6f539891524d646",
    "ten public files that pin it, one with the configuration copa, one with the path of a parquet file",
)
COSMOSQA = Repository(
    "allenai/cosmos_qa",
    "ed50fe83db62b355759053b1cd5eef344ee371e0",
    "one public file that pins this commit of refs/convert/parquet and the path of the train file",
)
SIQA = Repository(
    "allenai/social_i_qa",
    "537a2ec8ec565adc0b70b70752893e59e024df26",
    "one public file that pins this commit of refs/convert/parquet and the path of the train file",
)
REPOSITORIES = (GLUE, SNLI, ANLI, SQUAD_V2, HELLASWAG, COMMONSENSEQA, SUPERGLUE, COSMOSQA, SIQA)


# --- rows → official files, one function per format


def _lines(rows: Iterable[Row], paths: Sequence[str], output: Output) -> None:
    """JSON lines, counted."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    output.files[paths[0]] = "".join(lines)
    output.rows += len(lines)


def _word(label: object) -> str:
    """The class name; -1, which the hub writes for pairs without agreement, is ``-`` in the official files."""
    if label == -1:
        return "-"
    if not isinstance(label, str):  # without names in the file, numbers would be guesses: GLUE's order is not ours
        raise ValueError(f"label {label!r} has no class name")
    return label


def _nli(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    rows = (
        {
            "gold_label": _word(row["label"]),
            "sentence1": row["premise"],
            "sentence2": row["hypothesis"],
            "pairID": str(row.get("idx", number)),
        }
        for number, row in enumerate(parts[0].rows)
    )
    _lines(rows, paths, output)


def _anli(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    letters = {"entailment": "e", "neutral": "n", "contradiction": "c"}
    rows = (
        {
            "uid": row["uid"],
            "context": row["premise"],
            "hypothesis": row["hypothesis"],
            "label": letters[_word(row["label"])],
        }
        for row in parts[0].rows
    )
    _lines(rows, paths, output)


def _qqp(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    digits = {"not_duplicate": "0", "duplicate": "1"}
    lines = ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"]
    for row in parts[0].rows:
        texts = f"{output.flat(row['question1'])}\t{output.flat(row['question2'])}"
        lines.append(f"{row['idx']}\t\t\t{texts}\t{digits[_word(row['label'])]}\n")
    output.files[paths[0]] = "".join(lines)
    output.rows += len(lines) - 1


def _squad_v2(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    data = []
    for title, article in groupby(parts[0].rows, key=lambda row: row.get("title") or ""):
        paragraphs = []
        for context, rows in groupby(article, key=lambda row: str(row["context"])):
            questions = [converters.question(row, context, output) for row in rows]
            asked = [question | {"is_impossible": not question["answers"]} for question in questions]
            paragraphs.append({"context": context, "qas": asked})
        data.append({"title": title, "paragraphs": paragraphs})
    output.files[paths[0]] = json.dumps({"version": "v2.0", "data": data}, ensure_ascii=False) + "\n"
    output.rows += len(parts[0].rows)


def _hellaswag(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    columns = ("ind", "activity_label", "ctx_a", "ctx_b", "ctx", "split", "split_type", "endings", "source_id")
    rows = ({name: row[name] for name in columns} | {"label": int(row["label"])} for row in parts[0].rows)
    _lines(rows, paths, output)


def _commonsenseqa(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    def official(row: Row) -> Row:
        both = zip(row["choices"]["label"], row["choices"]["text"], strict=True)
        options = [{"label": letter, "text": text} for letter, text in both]
        question = {"question_concept": row["question_concept"], "choices": options, "stem": row["question"]}
        return {"answerKey": row["answerKey"], "id": row["id"], "question": question}

    _lines(map(official, parts[0].rows), paths, output)


def _cosmosqa(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    columns = ("id", "context", "question", "answer0", "answer1", "answer2", "answer3", "label")
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows([row[column] for column in columns] for row in parts[0].rows)
    output.files[paths[0]] = text.getvalue()
    output.rows += len(parts[0].rows)


def _siqa(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    columns = ("context", "question", "answerA", "answerB", "answerC")
    letters = {"1": "A", "2": "B", "3": "C"}
    rows = (
        {name: row[name] for name in columns} | {"correct": letters[str(row["label"]).strip()]} for row in parts[0].rows
    )
    _lines(rows, paths, output)


def _copa(parts: Sequence[Part], paths: Sequence[str], output: Output) -> None:
    columns = ("premise", "choice1", "choice2", "question", "idx")
    places = {"choice1": 0, "choice2": 1, 0: 0, 1: 1}
    rows = ({name: row[name] for name in columns} | {"label": places[row["label"]]} for row in parts[0].rows)
    _lines(rows, paths, output)


# --- the table


@dataclass(frozen=True)
class _Where:
    """`files` are patterns and `paths` the official file, both by split."""

    repository: Repository
    files: Mapping[str, str]
    paths: Mapping[str, str]
    convert: Callable[[Sequence[Part], Sequence[str], Output], None]
    differences: str = "none known"


def _splits(text: str, train: str, dev: str) -> dict[str, str]:
    return {"train": text.format(train), "dev": text.format(dev)}


_PARQUET = r"{}-\d+-of-\d+\.parquet"
_CONVERTED = r"default/{}/\d+\.parquet"


def _anli_round(number: int) -> _Where:
    return _Where(
        ANLI,
        _splits(f"plain_text/{_PARQUET}", f"train_r{number}", f"dev_r{number}"),
        _splits(f"anli/anli_v1.0/R{number}/{{}}.jsonl", "train", "dev"),
        _anli,
    )


_TABLE: Mapping[str, _Where] = {
    "mnli": _Where(
        GLUE,
        _splits(f"mnli/{_PARQUET}", "train", "validation_matched"),
        _splits("mnli/multinli_1.0/multinli_1.0_{}.jsonl", "train", "dev_matched"),
        _nli,
        "row numbers for pair ids",
    ),
    "snli": _Where(
        SNLI,
        _splits(f"plain_text/{_PARQUET}", "train", "validation"),
        _splits("snli/snli_1.0/snli_1.0_{}.jsonl", "train", "dev"),
        _nli,
        "row numbers for pair ids",
    ),
    "anli_r1": _anli_round(1),
    "anli_r2": _anli_round(2),
    "anli_r3": _anli_round(3),
    "qqp": _Where(
        GLUE,
        _splits(f"qqp/{_PARQUET}", "train", "validation"),
        _splits("glue/QQP/{}.tsv", "train", "dev"),
        _qqp,
        "row numbers for ids",
    ),
    "squad_v2": _Where(
        SQUAD_V2,
        _splits(f"squad_v2/{_PARQUET}", "train", "validation"),
        _splits("squad/{}-v2.0.json", "train", "dev"),
        _squad_v2,
        "questions regrouped; no plausible answers",
    ),
    "hellaswag": _Where(
        HELLASWAG,
        _splits(f"data/{_PARQUET}", "train", "validation"),
        _splits("hellaswag/data/hellaswag_{}.jsonl", "train", "val"),
        _hellaswag,
    ),
    "cosmosqa": _Where(
        COSMOSQA,
        _splits(_CONVERTED, "train", "validation"),
        _splits("cosmosqa/data/{}.csv", "train", "valid"),
        _cosmosqa,
    ),
    "commonsenseqa": _Where(
        COMMONSENSEQA,
        _splits(f"data/{_PARQUET}", "train", "validation"),
        _splits("commonsenseqa/{}_rand_split.jsonl", "train", "dev"),
        _commonsenseqa,
    ),
    "siqa": _Where(
        SIQA, _splits(_CONVERTED, "train", "validation"), _splits("siqa/socialIQa_v1.4_{}.jsonl", "trn", "dev"), _siqa
    ),
    "copa": _Where(
        SUPERGLUE,
        _splits(f"copa/{_PARQUET}", "train", "validation"),
        _splits("copa/COPA/{}.jsonl", "train", "val"),
        _copa,
    ),
}


def knows(task: TrainingTask) -> bool:
    """Whether the hub's files of a task are known here."""
    return task.name in _TABLE


def plan(task: TrainingTask, split: str) -> Plan:
    """Where the hub keeps one split of a task that `hub` itself does not know, and the official file it becomes.

    Raises `MissingData` for CCG, for joint tasks and for splits other than train and dev.
    """
    where = _TABLE.get(task.name)
    if where is None or split not in where.files:
        what = "train and dev of " + ", ".join(_TABLE)
        raise MissingData(f"the hub has no {split} data of {task.name} as known here; it has {what}")
    return Plan(where.repository, {"en": where.files[split]}, (where.paths[split],), where.convert, where.differences)
