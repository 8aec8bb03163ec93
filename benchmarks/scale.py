"""Many documents: `xstilts report` and `compare` over runs of them, each in a process of its own.

python -m benchmarks.scale reading DOCUMENTS [--runs N]   one size, printed as JSON
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

READING = "reading"
SIZES = (20_000, 200_000)
RUNS = 10
SHARES = {"xnli": (15, 0.375), "panx": (10, 0.5), "mlqa": (5, 0.125)}
"""Languages, and the share of all documents: right or wrong, counts of entities, questions of passages."""
FILLING = "In the year that followed, the town's council met twelve times about the bridge over the river. "
"""What makes a line as long as those of a run: about a kilobyte."""


def reading(sizes: Sequence[int] = SIZES, runs: int = RUNS, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Seconds and MiB of `report` and `compare`, from JSON lines and from columns of the same runs."""
    points = []
    for size in sizes:
        points.append(_in_a_process("reading", size, "--runs", runs))
        say(f"{READING}: {json.dumps(points[-1])}")
    return {
        "name": READING,
        "kind": "scale",
        "title": "report and compare over many documents",
        "inputs": f"{runs} runs of XNLI (15 languages), PAN-X (10) and MLQA (5), {sizes[-1]:,} documents each",
        "points": points,
        "exponents": exponents(points),
    }


def exponents(points: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Slope of the logarithm of each measure over that of the size, between the first and the last point."""
    first, last = points[0], points[-1]
    if first is last:
        return {}
    scale = log(last["documents"] / first["documents"])
    return {name: round(log(last[name] / first[name]) / scale, 2) for name in first if name.endswith(("_s", "_mib"))}


def _in_a_process(*words: object) -> dict[str, Any]:
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", *map(str, words)],
        check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip
    point: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return point


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


def _reading_point(documents: int, runs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folders = write_runs(Path(scratch), documents, runs)
        size = sum(path.stat().st_size for path in folders[0].glob("samples/*.jsonl")) / 1e6
        point: dict[str, Any] = {"documents": documents, "runs": runs, "samples_mb_a_run": round(size, 1)}
        names = [str(folder) for folder in folders]
        commands = {
            "report": ["report", *names, "-o", f"{scratch}/report.html"],
            "compare": ["compare", *names, "--json", f"{scratch}/compare.json"],
            "compare_two": ["compare", *names[:2], "--json", f"{scratch}/compare.json"],
        }
        for way in ("units", "lines"):
            if way == "lines":
                for folder in folders:
                    shutil.rmtree(folder / "units", ignore_errors=True)
            for name, command in commands.items():
                seconds, mib = _measured([sys.executable, "-m", "xstilts_eval.cli", *command])
                point |= {f"{name}_{way}_s": round(seconds, 1), f"{name}_{way}_mib": round(mib)}
    return point


def _measured(command: Sequence[str]) -> tuple[float, float]:
    """Seconds and MiB at most of a command; for the latter a process in between has no other children."""
    inner = (
        "import json, resource, subprocess, sys, time; b = time.perf_counter(); "
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(time.perf_counter() - b, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    found = subprocess.run([sys.executable, "-c", inner, *command], check=True, stdout=subprocess.PIPE, text=True)
    seconds, kilobytes = map(float, found.stdout.split())
    return seconds, kilobytes / 1024


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=["reading"])
    parser.add_argument("documents", type=int)
    parser.add_argument("--runs", type=int, default=RUNS)
    given = parser.parse_args(arguments)
    print(json.dumps(_reading_point(given.documents, given.runs)), flush=True)


if __name__ == "__main__":
    main()
