"""The bundled sample as the hub's repositories would hold it: their configurations, columns and class numbers.

Written down from the dataset cards, independently of `xstilts_eval.data.hub`; the text is the sample's own.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Dataset, Features, Value, disable_progress_bars
from datasets import Sequence as ListOf

from tests.hub_server import Hub
from xstilts_eval.paths import sample_path

disable_progress_bars()
SAMPLE = sample_path()
SHA = {
    "google/xtreme": "ec5f1f46e9af79639a90684a7a70a956c4998f04",
    "facebook/xnli": "b8dd5d7af51114dbda02c0e3f6133f332186418e",
    "google-research-datasets/paws-x": "4cd8187c404bda33cb1f62b49b001115862acf37",
    "google/xquad": "51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
    "mteb/BUCC": "414572247440f0ccacf7eb0bb70a31533a0e5443",
    "mteb/tatoeba-bitext-mining": "69e8f12da6e31d59addadda9a9c8a2e601a0e282",
}
NLI = ["entailment", "neutral", "contradiction"]
UPOS = [
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
]
NER = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
TEXT = Value("string")


def parquet(rows: Sequence[dict[str, Any]], **features: Any) -> bytes:
    """A file as `push_to_hub` writes it."""
    buffer = io.BytesIO()
    Dataset.from_list(list(rows), features=Features(features)).to_parquet(buffer)
    return buffer.getvalue()


def tsv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def xnli() -> dict[str, bytes]:
    header, *rows = tsv(SAMPLE / "XNLI-1.0/xnli.test.tsv")
    columns = {name: header.index(name) for name in ("language", "gold_label", "sentence1", "sentence2")}
    by_language: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        one = {
            "premise": row[columns["sentence1"]],
            "hypothesis": row[columns["sentence2"]],
            "label": NLI.index(row[columns["gold_label"]]),
        }
        by_language.setdefault(row[columns["language"]], []).append(one)
    features = {"premise": TEXT, "hypothesis": TEXT, "label": ClassLabel(names=NLI)}
    return {f"{lg}/test-00000-of-00001.parquet": parquet(rows, **features) for lg, rows in by_language.items()}


def pawsx(language: str) -> dict[str, bytes]:
    _, *rows = tsv(SAMPLE / f"x-final/{language}/test_2k.tsv")
    made = [{"id": int(r[0]), "sentence1": r[1], "sentence2": r[2], "label": int(r[3])} for r in rows]
    made.append({"id": 9999, "sentence1": "no label", "sentence2": "here", "label": -1})
    label = Value("int64")
    content = parquet(made, id=Value("int32"), sentence1=TEXT, sentence2=TEXT, label=label)
    return {f"{language}/test-00000-of-00001.parquet": content}


def panx(language: str) -> dict[str, bytes]:
    sentences: list[dict[str, Any]] = []
    for block in (SAMPLE / f"panx_dataset/{language}/test").read_text(encoding="utf-8").strip().split("\n\n"):
        cells = [line.split("\t") for line in block.split("\n")]
        sentences.append(
            {
                "tokens": [cell[0][len(language) + 1 :] for cell in cells],
                "ner_tags": [NER.index(cell[1]) for cell in cells],
                "langs": [language] * len(cells),
            }
        )
    features = {"tokens": ListOf(TEXT), "ner_tags": ListOf(ClassLabel(names=NER)), "langs": ListOf(TEXT)}
    return {f"PAN-X.{language}/test-00000-of-00001.parquet": parquet(sentences, **features)}


def udpos(language: str, name: str) -> dict[str, bytes]:
    """Split words, as the hub has them: spans (``3-4``) and empty nodes are left out."""
    sentences: list[dict[str, Any]] = []
    for path in sorted(SAMPLE.rglob(f"UD_*/{language}_*-ud-test.conllu")):
        for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
            words = [line.split("\t") for line in block.split("\n") if not line.startswith("#")]
            words = [word for word in words if word[0].isdigit()]
            sentences.append({"tokens": [w[1] for w in words], "pos_tags": [UPOS.index(w[3]) for w in words]})
    features = {"tokens": ListOf(TEXT), "pos_tags": ListOf(ClassLabel(names=UPOS))}
    # Two files: large configurations are cut into numbered pieces.
    half = len(sentences) // 2
    return {
        f"udpos.{name}/test-00000-of-00002.parquet": parquet(sentences[:half], **features),
        f"udpos.{name}/test-00001-of-00002.parquet": parquet(sentences[half:], **features),
    }


def questions(path: Path, with_title: bool) -> list[dict[str, Any]]:
    """One row a question, contexts and answers stripped, positions as they were."""
    rows = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answers = question["answers"]
                row = {
                    "id": question["id"],
                    "context": paragraph["context"].strip(),
                    "question": question["question"].strip(),
                    "answers": {
                        "answer_start": [one["answer_start"] for one in answers],
                        "text": [one["text"].strip() for one in answers],
                    },
                }
                rows.append(row | ({"title": article.get("title", "")} if with_title else {}))
    return rows


def squad_parquet(rows: list[dict[str, Any]]) -> bytes:
    answers = {"answer_start": ListOf(Value("int32")), "text": ListOf(TEXT)}
    features = {"id": TEXT, "context": TEXT, "question": TEXT, "answers": answers}
    return parquet(rows, **features, **({"title": TEXT} if "title" in rows[0] else {}))


def xquad(language: str) -> dict[str, bytes]:
    rows = questions(SAMPLE / f"xquad/xquad.{language}.json", with_title=False)
    return {f"xquad.{language}/validation-00000-of-00001.parquet": squad_parquet(rows)}


def mlqa(language: str) -> dict[str, bytes]:
    path = SAMPLE / f"MLQA_V1/test/test-context-{language}-question-{language}.json"
    name = f"MLQA.{language}.{language}/test-00000-of-00001.parquet"
    return {name: squad_parquet(questions(path, with_title=True))}


def tydiqa() -> dict[str, bytes]:
    rows: list[dict[str, Any]] = []
    for path in sorted(SAMPLE.glob("tydiqa-goldp-v1.1-dev/*.json")):
        rows += questions(path, with_title=True)
    return {"tydiqa/validation-00000-of-00001.parquet": squad_parquet(rows)}


def squad_train() -> dict[str, bytes]:
    rows = questions(SAMPLE / "squad/train-v1.1.json", with_title=True)
    return {"SQuAD/train-00000-of-00001.parquet": squad_parquet(rows)}


def tatoeba(code: str) -> dict[str, bytes]:
    sides = []
    for side in (code, "eng"):
        sides.append((SAMPLE / f"tatoeba/v1/tatoeba.{code}-eng.{side}").read_text(encoding="utf-8").split("\n")[:-1])
    lines = [json.dumps({"sentence1": a, "sentence2": b}) for a, b in zip(*sides, strict=True)]
    return {f"test/{code}-eng.jsonl.gz": gzip.compress("\n".join(lines).encode(), mtime=0)}


def bucc(language: str) -> dict[str, bytes]:
    folder = SAMPLE / f"bucc2018/{language}-en"
    sides = {side: tsv(folder / f"{language}-en.training.{side}") for side in (language, "en", "gold")}
    places = {side: {row[0]: n for n, row in enumerate(sides[side], 1)} for side in (language, "en")}
    row = {
        "sentence1": [row[1] for row in sides[language]],
        "sentence2": [row[1] for row in sides["en"]],
        "gold": [[places[language][left], places["en"][right]] for left, right in sides["gold"]],
    }
    features = {"sentence1": ListOf(TEXT), "sentence2": ListOf(TEXT), "gold": ListOf(ListOf(Value("int32")))}
    return {f"{language}-en/test-00000-of-00001.parquet": parquet([row], **features)}


def fill(hub: Hub) -> None:
    """All nine families in a few languages, most of them in Chinese, at the pinned commits."""
    tagged = panx("sw") | panx("yo") | panx("zh") | udpos("fr", "French") | udpos("zh", "Chinese")
    xtreme = tagged | mlqa("zh") | tydiqa() | squad_train()
    sentences = tatoeba("cmn") | tatoeba("kat")
    repositories = {
        "google/xtreme": xtreme,
        "facebook/xnli": xnli(),
        "google-research-datasets/paws-x": pawsx("zh"),
        "google/xquad": xquad("zh"),
        "mteb/BUCC": bucc("zh"),
        "mteb/tatoeba-bitext-mining": sentences,
    }
    for name, files in repositories.items():
        hub.add("datasets", name, SHA[name], files)
