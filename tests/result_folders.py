"""Output folders of `xstilts eval` with made-up answers: results and samples that belong together, and no model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.host_results import host_results
from xstilts_eval import kinds
from xstilts_eval.benchmark import leaf_parts

Answers = Sequence[Any]


def write_run(folder: Path, answers: Mapping[str, Answers], documents: int = 0, **options: Any) -> Path:
    """A folder with results.json and samples of leaves; `options` are those of `host_results`.

    Answers of a document: 0 or 1 (pairs, retrieval), (correct, predicted, gold) (tagging), (passage, F1, EM)
    (questions). Scores are formed here, from their definitions.
    """
    lines = {leaf: [_sample(leaf, i, answer) for i, answer in enumerate(rows)] for leaf, rows in answers.items()}
    results = host_results({leaf: _scores(leaf, rows) for leaf, rows in answers.items()}, **options)
    for leaf, rows in answers.items():
        results["n-samples"][leaf] = {"original": documents or len(rows), "effective": len(rows)}
        results["configs"][leaf]["metadata"]["xs_data"]["documents"] = documents or len(rows)
    (folder / "samples").mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results))
    for leaf, samples in lines.items():
        text = "".join(json.dumps(sample) + "\n" for sample in samples)
        (folder / "samples" / f"samples_{leaf}.jsonl").write_text(text)
    return folder


def _sample(leaf: str, number: int, answer: Any) -> dict[str, Any]:
    kind = leaf_parts(leaf)[0].kind
    if kind is kinds.TAGGED:
        return {"doc_id": number, "f1_ci95": [f"s{number}", *answer]}
    if kind is kinds.QUESTION:
        passage, f1, exact = answer
        return {"doc_id": number, "f1_ci95": [passage, f1], "exact_match_ci95": [passage, exact]}
    return {"doc_id": number, "acc_ci95": [f"d{number}", answer]}


def _scores(leaf: str, answers: Answers) -> dict[str, float]:
    kind = leaf_parts(leaf)[0].kind
    if kind is kinds.TAGGED:
        correct, predicted, gold = (sum(row[i] for row in answers) for i in range(3))
        return {"f1": 2 * correct / (predicted + gold), "precision": correct / predicted, "recall": correct / gold}
    if kind is kinds.QUESTION:
        return {"f1": fmean(f1 for _, f1, _ in answers), "exact_match": fmean(exact for _, _, exact in answers)}
    return {"acc": sum(answers) / len(answers)}


def edit(folder: Path, change: Any) -> Path:
    """Let `change` alter the results dictionary of a folder."""
    content = json.loads((folder / "results.json").read_text())
    change(content)
    (folder / "results.json").write_text(json.dumps(content))
    return folder
