"""Many documents: `xstilts report` and `compare` over runs of them, each in a process of its own.

python -m benchmarks.scale DOCUMENTS [--runs N]   one size, printed as JSON
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from math import log
from pathlib import Path
from statistics import fmean
from typing import Any

READING, EVALUATING = "reading", "evaluating"
Row = dict[str, Any]
SHARES_OF_XTREME = (0.1, 1)
SIZES = (20_000, 200_000)
RUNS = 10
SHARES = {"xnli": (15, 0.375), "panx": (10, 0.5), "mlqa": (5, 0.125)}
"""Languages, and the share of all documents: right or wrong, counts of entities, questions of passages."""
FILLING = "In the year that followed, the town's council met twelve times about the bridge over the river. "
"""What makes a line as long as those of a run: about a kilobyte."""


def reading(sizes: Sequence[int] = SIZES, runs: int = RUNS, say: Callable[[str], None] = print) -> list[Row]:
    """Rows of `report` and `compare`, from the files of units and from the samples of the same runs."""
    rows: list[Row] = []
    for size in sizes:
        rows += _in_a_process("benchmarks.scale", size, "--runs", runs)
        say(f"{READING}: {json.dumps(rows[-1])}")
    return rows


def evaluating(shares: Sequence[float] = SHARES_OF_XTREME, say: Callable[[str], None] = print) -> list[Row]:
    """Rows of `xstilts eval`, and of plain `lm_eval`, on shares of XTREME."""
    rows: list[Row] = []
    for words in ((), ("--host",)):
        for share in shares:
            rows += _in_a_process("benchmarks.scale_evaluation", share, *words)
            say(f"{EVALUATING}: {json.dumps(rows[-1])}")
    return rows


def exponent(rows: Sequence[Row], measure: str) -> float | None:
    """Slope of the logarithm of a measure over that of the number of documents, from the first row to the last."""
    first, last = rows[0], rows[-1]
    if first["documents"] == last["documents"]:
        return None
    return log(last[measure] / first[measure]) / log(last["documents"] / first["documents"])


def _in_a_process(module: str, *words: object) -> list[Row]:
    found = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip
    rows: list[Row] = json.loads(found.stdout.splitlines()[-1])
    return rows


# ------------------------------------------------------------------------------------ runs that were never run


def write_runs(folder: Path, documents: int, runs: int) -> list[Path]:
    """Output folders of `xstilts eval` with made-up answers, each run a little better than the one before."""
    return [_write_run(folder / f"run{number}", documents, number) for number in range(runs)]


def _write_run(folder: Path, documents: int, number: int) -> Path:
    from tests.host_results import host_results
    from xstilts_eval.benchmark import FAMILIES
    from xstilts_eval.results import kept, statistics

    chance = random.Random(number)
    for part in ("samples", "units"):
        (folder / part).mkdir(parents=True)
    scores, sizes = {}, {}
    for name, (languages, share) in SHARES.items():
        family = FAMILIES[f"xtreme_{name}"]
        count = round(documents * share / languages)
        for language in family.languages[:languages]:
            leaf = family.leaf(language)
            rows = list(_ROWS[name](chance, language, count, 0.6 + number / 100))
            for path, content in kept.files(family, leaf, rows, statistics.counts(family, rows), "json", str):
                (folder / path).write_bytes(content)
            scores[leaf], sizes[leaf] = _SCORES[name](rows), count
    results = host_results(scores, checkpoint=f"checkpoint{number}")
    for leaf, count in sizes.items():
        results["n-samples"][leaf] = {"original": count, "effective": count}
        results["configs"][leaf]["metadata"]["xs_data"]["documents"] = count
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    return folder


def _common(language: str, number: int, doc: dict[str, Any], answer: str) -> dict[str, Any]:
    doc = {"id": f"{language}-{number}", "family": "made-up", "language": language, **doc}
    return {
        "doc_id": number, "doc": doc, "target": "", "arguments": {"gen_args_0": {"arg_0": FILLING * 3, "arg_1": ""}},
        "resps": [[answer]], "filtered_resps": [answer], "filter": "none", "metrics": ["f1"],
        "doc_hash": "0" * 64, "prompt_hash": "0" * 64, "target_hash": "0" * 64,
    }  # fmt: skip


def _xnli(chance: random.Random, language: str, count: int, skill: float) -> Iterator[dict[str, Any]]:
    for number in range(count):
        right = int(chance.random() < skill)
        doc = {"premise": FILLING, "hypothesis": FILLING, "label": 1}
        yield _common(language, number, doc, "") | {"acc": right, "acc_ci95": [str(number), right]}


def _panx(chance: random.Random, language: str, count: int, skill: float) -> Iterator[dict[str, Any]]:
    tags = ["B-PER", "I-PER", "O", "O", "B-LOC", "O", "B-ORG", "I-ORG"]
    for number in range(count):
        predicted = [tag if chance.random() < skill else "O" for tag in tags]
        right = sum(predicted[at : at + 2] == tags[at : at + 2] for at in (0, 4, 6))
        counts = [right, max(right, 2), 3]
        row = _common(language, number, {"tokens": FILLING.split()[:8], "tags": tags}, " ".join(predicted))
        yield row | {"f1": counts, "precision": counts, "recall": counts, "f1_ci95": [f"s{number}", *counts]}


def _mlqa(chance: random.Random, language: str, count: int, skill: float) -> Iterator[dict[str, Any]]:
    for number in range(count):
        exact, unit = int(chance.random() < skill), f"article {number // 5}"
        f1 = max(exact, round(chance.random(), 4))
        row = _common(language, number, {"context": FILLING * 2, "question": "Who?", "answers": []}, "an answer")
        yield row | {"f1": f1, "exact_match": exact, "f1_ci95": [unit, f1], "exact_match_ci95": [unit, exact]}


def _f1(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    right, predicted, gold = (sum(column) for column in zip(*(row["f1"] for row in rows), strict=True))
    return {"f1": 2 * right / (predicted + gold), "precision": right / predicted, "recall": right / gold}


_ROWS: dict[str, Any] = {"xnli": _xnli, "panx": _panx, "mlqa": _mlqa}
_SCORES: dict[str, Any] = {
    "xnli": lambda rows: {"acc": fmean(row["acc"] for row in rows)},
    "panx": _f1,
    "mlqa": lambda rows: {name: fmean(row[name] for row in rows) for name in ("f1", "exact_match")},
}


# ------------------------------------------------------------------------------------ one point


def _reading_rows(documents: int, runs: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        folders = write_runs(Path(scratch), documents, runs)
        names = [str(folder) for folder in folders]
        commands = {
            "report": ["report", *names, "-o", f"{scratch}/report.html"],
            "compare": ["compare", *names, "--json", f"{scratch}/compare.json"],
        }
        rows = []
        for way in ("units", "samples"):
            if way == "samples":
                for folder in folders:
                    shutil.rmtree(folder / "units")
            for name, command in commands.items():
                rows.append({"what": f"{name}, {way}", "documents": documents, **_measured(command)})
    return rows


def _measured(command: Sequence[str]) -> Row:
    """Seconds, processor seconds and MiB at most of a command; a process in between has no other children."""
    inner = (
        "import resource, subprocess, sys, time; b = time.perf_counter(); "
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "r = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(time.perf_counter() - b, r.ru_utime + r.ru_stime, r.ru_maxrss / 1024)"
    )
    words = [sys.executable, "-c", inner, sys.executable, "-m", "xstilts_eval.cli", *command]
    found = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    seconds, processor, mib = map(float, found.stdout.split())
    return {"seconds": round(seconds, 1), "processor_seconds": round(processor, 1), "mib": round(mib)}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("documents", type=int)
    parser.add_argument("--runs", type=int, default=RUNS)
    given = parser.parse_args(arguments)
    print(json.dumps(_reading_rows(given.documents, given.runs)), flush=True)


if __name__ == "__main__":
    main()
