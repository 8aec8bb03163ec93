"""What bfloat16 does to scores, on trained heads: `python -m benchmarks.precision CHECKPOINT --data DATA`.

Runs `xstilts eval` on the same documents in float32 and in bfloat16 and compares, family by family, the official score
and every single answer. Kept as `benchmarks/results/precision.json` and shown in docs/benchmarks.md. Random heads would
say nothing: their answers are near ties.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from xstilts_eval import waiting

waiting.briefly()
os.environ.setdefault("TQDM_DISABLE", "1")

NAME = "precision"
TASKS = "xtreme_xnli,xtreme_pawsx,xtreme_udpos,xtreme_panx,xtreme_xquad,xtreme_mlqa,xtreme_tatoeba"


def run(checkpoint: str, data: str | None, tasks: str, limit: float | None, split: str | None, dtype: str) -> Any:
    """Scoreboard and answers by (leaf, document) of one run."""
    from xstilts_eval import evaluation

    settings = evaluation.Settings(
        checkpoint, tuple(tasks.split(",")), data, split, limit, model_args=(("dtype", dtype),)
    )
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        board = evaluation.evaluate(settings, output, False, say=lambda line: print(line, file=sys.stderr))
        answers: dict[tuple[str, int], Any] = {}
        for path in (output / "samples").glob("*.jsonl"):
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                answers[path.stem.removeprefix("samples_"), row["doc_id"]] = _answer(row["resps"])
    return board, answers


def _answer(responses: list[Any]) -> Any:
    """What was answered, without the scores: the chosen class, the text, or the neighbours."""
    first = responses[0][0]
    if isinstance(first, str):
        return first
    if isinstance(first, dict):
        return [value for name, value in first.items() if not name.endswith("score")]
    scores = [response[0][0] for response in responses]
    return scores.index(max(scores))


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """One row per family: documents, both scores (percent), their difference, and how many answers changed."""
    common = (arguments.checkpoint, arguments.data, arguments.tasks, arguments.limit, arguments.split)
    exact, wanted = run(*common, dtype="float32")
    rounded, got = run(*common, dtype="bfloat16")
    changed: dict[str, list[bool]] = defaultdict(list)
    for (leaf, number), answer in wanted.items():
        changed["_".join(leaf.split(".")[:2])].append(answer != got[leaf, number])
    return {
        "name": NAME,
        "kind": "parity",
        "checkpoint": arguments.describe,
        "limit": arguments.limit,
        "rows": [
            {
                "family": row.title,
                "languages": len(row.cells),
                "documents": len(changed[group]),
                "float32": row.score,
                "bfloat16": rounded.families[group].score,
                "largest": max(abs(cell.score - rounded.families[group].cells[language].score)
                               for language, cell in row.cells.items()),
                "changed": sum(changed[group]),
            }
            for group, row in exact.families.items()
        ],
    }  # fmt: skip


def table(result: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [
        "| dataset | languages | documents | float32 | bfloat16 | difference | at most | answers changed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        difference = row["bfloat16"] - row["float32"]
        share = row["changed"] / row["documents"]
        lines.append(
            f"| {row['family']} | {row['languages']} | {row['documents']:,} | {row['float32']:.2f} | "
            f"{row['bfloat16']:.2f} | {difference:+.2f} | {row['largest']:.2f} | {row['changed']:,} ({share:.1%}) |"
        )
    limit = f", first {result['limit']:g} documents of every language" if result["limit"] else ""
    return f"**Scores in bfloat16 against float32** ({result['checkpoint']}{limit})\n\n" + "\n".join(lines)


def main() -> None:
    from benchmarks import measure, report

    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("checkpoint", help="a checkpoint with trained heads")
    parser.add_argument("--describe", required=True, help="what it is, for the table: base, heads, training data")
    parser.add_argument("--data", default=None)
    parser.add_argument("--split", default=None)
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--limit", type=float, default=None)
    result = compare(parser.parse_args())
    result["machine"] = measure.machine(int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))))
    report.keep(result)
    print(table(result))


if __name__ == "__main__":
    main()
