"""The sample's intermediate tasks as the hub's repositories would hold them: configurations, columns, class numbers.

Written down from the dataset cards, independently of `xstilts_eval.data.intermediate_hub`; the text is the sample's.
"""

from __future__ import annotations

import csv
import json
from typing import Any

from datasets import ClassLabel, Value
from datasets import Sequence as ListOf

from tests.hub_rows import NLI, SAMPLE, TEXT, parquet, questions, squad_parquet, tsv
from tests.hub_server import Hub

SHA = {
    "nyu-mll/glue": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
    "stanfordnlp/snli": "cdb5c3d5eed6ead6e5a341c8e56e669bb666725b",
    "facebook/anli": "8e4813d81f46d313dac7892e1c28076917cfcdf9",
    "rajpurkar/squad_v2": "3ffb306f725f7d2ce8394bc1873b24868140c412",
    "Rowan/hellaswag": "218ec52e09a7e7462a5400043bb9a69a41d06b76",
    "tau/commonsense_qa": "94630fe30dad47192a8546eb75f094926d47e155",
    "aps/super_glue": "3de24cf8022e94f4ee4b9d55a6f539891524d646",
    "allenai/cosmos_qa": "ed50fe83db62b355759053b1cd5eef344ee371e0",
    "allenai/social_i_qa": "537a2ec8ec565adc0b70b70752893e59e024df26",
}
INT = Value("int32")
PAIR = {"premise": TEXT, "hypothesis": TEXT, "label": ClassLabel(names=NLI)}  # names in the order of the cards
Files = dict[str, bytes]


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / name).read_text(encoding="utf-8").splitlines()]


def mnli() -> Files:
    """MultiNLI's columns in GLUE, of the sample's XNLI dev pairs (which `load` gives for mnli there)."""
    header, *rows = tsv(SAMPLE / "XNLI-1.0/xnli.dev.tsv")
    premise, hypothesis, label = (header.index(name) for name in ("sentence1", "sentence2", "gold_label"))
    made = [
        {"premise": row[premise], "hypothesis": row[hypothesis], "label": NLI.index(row[label]), "idx": number}
        for number, row in enumerate(rows)
    ]
    return {"mnli/validation_matched-00000-of-00001.parquet": parquet(made, **PAIR, idx=INT)}


def qqp() -> Files:
    _, *rows = tsv(SAMPLE / "QQP/train.tsv")
    made = [{"question1": r[3], "question2": r[4], "label": int(r[5]), "idx": int(r[0])} for r in rows]
    label = ClassLabel(names=["not_duplicate", "duplicate"])
    return {"qqp/train-00000-of-00001.parquet": parquet(made, question1=TEXT, question2=TEXT, label=label, idx=INT)}


def snli() -> Files:
    words = {"-": -1} | {word: number for number, word in enumerate(NLI)}
    made = [
        {"premise": row["sentence1"], "hypothesis": row["sentence2"], "label": words[row["gold_label"]]}
        for row in _lines("snli_1.0/snli_1.0_train.jsonl")
    ]
    return {"plain_text/train-00000-of-00001.parquet": parquet(made, **PAIR)}


def anli() -> Files:
    made: Files = {}
    for number in (1, 2, 3):
        rows = [
            {
                "uid": row["uid"],
                "premise": row["context"],
                "hypothesis": row["hypothesis"],
                "label": ["e", "n", "c"].index(row["label"]),
                "reason": "",
            }
            for row in _lines(f"anli_v1.0/R{number}/dev.jsonl")
        ]
        made[f"plain_text/dev_r{number}-00000-of-00001.parquet"] = parquet(rows, uid=TEXT, **PAIR, reason=TEXT)
    return made


def squad_v2() -> Files:
    rows = questions(SAMPLE / "squad/train-v2.0.json", with_title=True)
    return {"squad_v2/train-00000-of-00001.parquet": squad_parquet(rows)}


def hellaswag() -> Files:
    rows = [row | {"label": str(row["label"])} for row in _lines("hellaswag/hellaswag_train.jsonl")]
    texts = ("activity_label", "ctx_a", "ctx_b", "ctx", "source_id", "split", "split_type", "label")
    features = {name: TEXT for name in texts} | {"ind": INT, "endings": ListOf(TEXT)}
    return {"data/train-00000-of-00001.parquet": parquet(rows, **features)}


def commonsenseqa() -> Files:
    rows = [
        {
            "id": row["id"],
            "question": row["question"]["stem"],
            "question_concept": row["question"]["question_concept"],
            "choices": {
                "label": [option["label"] for option in row["question"]["choices"]],
                "text": [option["text"] for option in row["question"]["choices"]],
            },
            "answerKey": row["answerKey"],
        }
        for row in _lines("commonsenseqa/train_rand_split.jsonl")
    ]
    texts = {name: TEXT for name in ("id", "question", "question_concept", "answerKey")}
    content = parquet(rows, **texts, choices={"label": ListOf(TEXT), "text": ListOf(TEXT)})
    return {"data/train-00000-of-00001.parquet": content}


def cosmosqa() -> Files:
    with (SAMPLE / "cosmosqa/train.csv").open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = [row | {"label": int(row["label"])} for row in csv.DictReader(file)]
    features = {name: TEXT for name in rows[0]} | {"label": INT}
    return {"default/train/0000.parquet": parquet(rows, **features)}


def siqa() -> Files:
    rows = []
    for row in _lines("siqa/socialIQa_v1.4_trn.jsonl"):
        letter = row.pop("correct")
        rows.append(row | {"label": str("ABC".index(letter) + 1)})
    return {"default/train/0000.parquet": parquet(rows, **{name: TEXT for name in rows[0]})}


def copa() -> Files:
    rows = _lines("COPA/train.jsonl")
    features = {name: TEXT for name in ("premise", "choice1", "choice2", "question")}
    label = ClassLabel(names=["choice1", "choice2"])
    return {"copa/train-00000-of-00001.parquet": parquet(rows, **features, idx=INT, label=label)}


def fill(hub: Hub) -> None:
    """Every repository at its pinned commit."""
    repositories = {
        "nyu-mll/glue": mnli() | qqp(),
        "stanfordnlp/snli": snli(),
        "facebook/anli": anli(),
        "rajpurkar/squad_v2": squad_v2(),
        "Rowan/hellaswag": hellaswag(),
        "tau/commonsense_qa": commonsenseqa(),
        "aps/super_glue": copa(),
        "allenai/cosmos_qa": cosmosqa(),
        "allenai/social_i_qa": siqa(),
    }
    for name, files in repositories.items():
        hub.add("datasets", name, SHA[name], files)
