"""The sample of the intermediate tasks in their official raw formats, made of ``source/{train,dev}``.

SNLI and the three rounds of ANLI share out the blocks of ``xnli.txt``, SQuAD v2.0 takes the passages of SQuAD v1.1 and
asks each one question of the next passage too, which has no answer there. MultiNLI and SQuAD v1.1 are in `build`.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from xstilts_eval.data.sentences import sentences
from xstilts_eval.sample.source import (
    ChoiceBlock,
    NliBlock,
    Passage,
    choices,
    nli_blocks,
    paraphrases,
    passages,
    supertags,
)

Files = dict[str, str]
SPLITS = ("train", "dev")
NLI_LABELS = ("entailment", "neutral", "contradiction")
SNLI_SHARE = 0.3
"""Part of the NLI blocks that SNLI takes; the rounds of ANLI divide the rest."""


def files(source: Path) -> Files:
    """Contents of every file by path below the target folder; raises `SampleError`."""
    made: Files = {}
    for split in SPLITS:
        folder = source / split
        made |= _nli(split, nli_blocks(folder / "xnli.txt")) | _choices(split, folder)
        made[f"QQP/{split}.tsv"] = _qqp(paraphrases(folder / "qqp.txt"))
        found = passages(folder / "passages.txt")
        made[f"squad/{split}-v2.0.json"] = _squad_v2(split, found)
        made[f"mewsli-x/wikipedia_pairs-{split}.jsonl"] = _lines(_mentions(split, found))
    return made | _ccg(source)


def _nli(split: str, blocks: Sequence[NliBlock]) -> Files:
    cut = round(len(blocks) * SNLI_SHARE)
    made = {f"snli_1.0/snli_1.0_{split}.jsonl": _lines(_snli_rows(split, blocks[:cut]))}
    for number in (1, 2, 3):
        own = blocks[cut + number - 1 :: 3]
        made[f"anli_v1.0/R{number}/{split}.jsonl"] = _lines(_anli_rows(f"r{number}-{split}", own))
    return made


def _snli_rows(split: str, blocks: Sequence[NliBlock]) -> list[dict[str, object]]:
    """Three pairs a premise, and one whose annotators did not agree, as the official files have."""
    rows = []
    for number, block in enumerate(blocks, 1):
        for label in NLI_LABELS:
            name = f"{split}-{number}#{label[0]}"
            texts = {"sentence1": block.premise, "sentence2": getattr(block, label)}
            rows.append({"annotator_labels": [label], "gold_label": label, "pairID": name, **texts})
    undecided = {"annotator_labels": ["neutral", "entailment"], "gold_label": "-", "pairID": f"{split}-0#n"}
    return [*rows, undecided | {"sentence1": blocks[0].premise, "sentence2": blocks[-1].neutral}]


def _anli_rows(prefix: str, blocks: Sequence[NliBlock]) -> list[dict[str, object]]:
    return [
        {
            "uid": f"{prefix}-{number}-{label[0]}",
            "context": block.premise,
            "hypothesis": getattr(block, label),
            "label": label[0],
        }
        for number, block in enumerate(blocks, 1)
        for label in NLI_LABELS
    ]


def _qqp(rows: Sequence[tuple[int, str, str]]) -> str:
    lines = ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"]
    for number, (label, first, second) in enumerate(rows):
        lines.append(f"{number}\t{2 * number + 1}\t{2 * number + 2}\t{first}\t{second}\t{label}")
    return "".join(f"{line}\n" for line in lines)


def _squad_v2(split: str, found: Sequence[Passage]) -> str:
    data = []
    for number, passage in enumerate(found, 1):
        foreign = found[number % len(found)].questions[0].question
        questions: list[dict[str, object]] = [
            {
                "id": f"{split}-v2-p{number}-q{index}",
                "question": item.question,
                "answers": [{"text": item.answer, "answer_start": passage.text.index(item.answer)}],
                "is_impossible": False,
            }
            for index, item in enumerate(passage.questions, 1)
        ]
        impossible = {"id": f"{split}-v2-p{number}-q0", "question": foreign, "answers": [], "is_impossible": True}
        paragraph = {"context": passage.text, "qas": [*questions, impossible | {"plausible_answers": []}]}
        data.append({"title": f"Sample {number}", "paragraphs": [paragraph]})
    return json.dumps({"version": "v2.0", "data": data}, ensure_ascii=False, indent=1) + "\n"


def _mentions(split: str, found: Sequence[Passage]) -> Iterator[dict[str, object]]:
    """Every answer as a mention in its passage; what describes its entity is the question it answers."""
    for number, passage in enumerate(found, 1):
        context = {
            "document_title": f"Sample {number}",
            "document_url": "",
            "document_id": f"{split}-{number}",
            "language": "en",
            "text": passage.text,
            "sentence_spans": [{"start": piece.start, "end": piece.end} for piece in sentences(passage.text)],
        }
        for index, item in enumerate(passage.questions, 1):
            name, start = f"{split}-{number}-{index}", passage.text.index(item.answer)
            span = {"start": start, "end": start + len(item.answer), "text": item.answer}
            description = f"{item.answer}. {item.question}"
            entity = {
                "entity_id": f"Q-{name}",
                "title": item.answer,
                "description": description,
                "description_language": "en",
                "description_url": "",
                "sentence_spans": [{"start": 0, "end": len(description)}],
            }
            mention = {"example_id": name, "mention_span": span, "entity_id": entity["entity_id"]}
            yield {"contextual_mention": {"context": context, "mention": mention}, "entity": entity}


def _choices(split: str, folder: Path) -> Files:
    def read(name: str, options: int) -> list[tuple[int, ChoiceBlock]]:
        return list(enumerate(choices(folder / f"{name}.txt", options)))

    names = {
        "hellaswag": {"train": "train", "dev": "val"}[split],
        "cosmosqa": {"train": "train", "dev": "valid"}[split],
        "siqa": {"train": "trn", "dev": "dev"}[split],
        "copa": {"train": "train", "dev": "val"}[split],
    }
    return {
        f"hellaswag/hellaswag_{names['hellaswag']}.jsonl": _lines(
            {
                "ind": number,
                "activity_label": "Sample",
                "ctx_a": item.premise,
                "ctx_b": item.question,
                "ctx": f"{item.premise} {item.question}",
                "split": names["hellaswag"],
                "split_type": "indomain",
                "label": item.right,
                "endings": list(item.options),
                "source_id": f"sample~{number}",
            }
            for number, item in read("hellaswag", 4)
        ),
        f"cosmosqa/{names['cosmosqa']}.csv": _csv(split, read("cosmosqa", 4)),
        f"commonsenseqa/{split}_rand_split.jsonl": _lines(
            {
                "answerKey": "ABCDE"[item.right],
                "id": f"{split}-{number}",
                "question": {
                    "question_concept": "sample",
                    "choices": [
                        {"label": letter, "text": text} for letter, text in zip("ABCDE", item.options, strict=True)
                    ],
                    "stem": item.premise,
                },
            }
            for number, item in read("commonsenseqa", 5)
        ),
        f"siqa/socialIQa_v1.4_{names['siqa']}.jsonl": _lines(
            {"context": item.premise, "question": item.question}
            | dict(zip(("answerA", "answerB", "answerC"), item.options, strict=True))
            | {"correct": "ABC"[item.right]}
            for _, item in read("siqa", 3)
        ),
        f"COPA/{names['copa']}.jsonl": _lines(
            {
                "premise": item.premise,
                "choice1": item.options[0],
                "choice2": item.options[1],
                "question": item.question,
                "idx": number,
                "label": item.right,
            }
            for number, item in read("copa", 2)
        ),
    }


def _csv(split: str, items: Sequence[tuple[int, ChoiceBlock]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["id", "context", "question", "answer0", "answer1", "answer2", "answer3", "label"])
    for number, item in items:
        table.writerow([f"{split}-{number}", item.premise, item.question, *item.options, item.right])
    return text.getvalue()


def _ccg(source: Path) -> Files:
    found = {split: supertags(source / split / "ccg.txt") for split in SPLITS}
    tags = sorted({tag for tagged in found.values() for words in tagged for _, tag in words})
    made = {"ccg/tags_to_id.json": json.dumps({tag: number for number, tag in enumerate(tags)}, indent=1) + "\n"}
    for split, tagged in found.items():
        lines = ["\t".join(" ".join(side) for side in zip(*words, strict=True)) for words in tagged]
        made[f"ccg/ccg.{split}"] = "".join(f"{line}\n" for line in lines)
    return made


def _lines(rows: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
