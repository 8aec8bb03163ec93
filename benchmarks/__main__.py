"""Measure, keep, show.

python -m benchmarks                      everything, one to two hours on two quiet cores
python -m benchmarks --only mining pos_f1
python -m benchmarks --quick              small inputs, two rounds; printed, not kept
python -m benchmarks --curve              memory of mining up to 200,000 x 200,000, minutes more
python -m benchmarks --curve 1024         the same for vectors of a large model, extrapolated to 400,000 x 400,000
python -m benchmarks --tables             only write docs/benchmarks.md from the kept results
"""

from __future__ import annotations

import os

from xstilts_eval import waiting

THREADS = int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
# Read once by the libraries that the imports below load: the same number of threads for all, waiting as in a command.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = str(THREADS)
waiting.briefly()
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ["XSTILTS_STORE"] = "off"

import argparse  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from importlib import import_module  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks import mining_memory, precision, report, scale  # noqa: E402

NAMES = {
    "classification": "encoders:classification",
    "classification_e5": "encoders:classification_e5",
    "classification_long": "encoders:classification_long",
    "classification_bf16": "encoders:classification_bf16",
    "question_windows": "encoders:question_windows",
    "question_windows_e5": "encoders:question_windows_e5",
    "question_windows_bf16": "encoders:question_windows_bf16",
    "embedding": "encoders:embedding",
    "embedding_e5": "encoders:embedding_e5",
    "embedding_middle": "encoders:embedding_middle",
    "embedding_bf16": "encoders:embedding_bf16",
    "ner_f1": "metrics:ner_f1",
    "pos_f1": "metrics:pos_f1",
    "mining": "metrics:mining",
    "choices": "decoders:choices",
    "choices_few_shot": "decoders:choices_few_shot",
    "choices_long": "decoders:choices_long",
    "training_pairs": "training:sentence_pairs",
    "training_pairs_bf16": "training:sentence_pairs_bf16",
    "training_tags": "training:tagged_sentences",
    "training_tags_bf16": "training:tagged_sentences_bf16",
    "training_e5_tags_fp32": "training_e5:tags_fp32",
    "training_e5_tags_bf16": "training_e5:tags_bf16",
    "training_e5_pairs_fp32": "training_e5:pairs_fp32",
    "training_e5_pairs_bf16": "training_e5:pairs_bf16",
    "training_e5_windows_fp32": "training_e5:windows_fp32",
    "training_e5_windows_bf16": "training_e5:windows_bf16",
    "harness_pairs": "harness:pairs",
    "harness_tagging": "harness:tagging",
    "harness_questions": "harness:questions",
    "harness_retrieval": "harness:retrieval",
    "help": "startup:help_page",
    "first_batch": "startup:first_batch",
    "stage": "startup:stage",
    "bridge": "startup:bridge",
}
"""Name → module:function that takes a size and gives a comparison or a cost; imported when it is its turn."""


KEPT = (*NAMES, mining_memory.NAME, mining_memory.WIDE, precision.NAME, scale.READING, scale.EVALUATING, "gpu")
"""What the page shows, in its order."""


def main(arguments: list[str] | None = None) -> int:
    """0 when everything ran and every result agreed, 1 otherwise; a missed target is shown, not an error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=[*NAMES], metavar="NAME", help=" ".join(NAMES))
    parser.add_argument("--repeats", type=int, default=None, help="counted rounds: 5, with --quick 2")
    parser.add_argument("--quick", action="store_true", help="small inputs; results are printed, not kept")
    parser.add_argument("--curve", type=int, nargs="?", const=mining_memory.WIDTH, choices=[*mining_memory.SIZES],
                        help="the memory curve of mining instead, for vectors of this width; default 64")  # fmt: skip
    parser.add_argument("--note", default="", help="what else the machine did, for the title of the curve")
    parser.add_argument("--tables", action="store_true", help="write the page from the kept results and stop")
    parser.add_argument("--json", type=Path, help="also write all results of this run into one file")
    options = parser.parse_args(arguments)
    if not options.tables:
        results, failed = _curve(options) if options.curve else _measure(options)
        if options.json:
            options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if options.quick or failed:
            return int(failed)
    report.write(report.kept(KEPT))
    return 0


def _measure(options: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    from benchmarks import inputs, measure

    _quiet()
    measure.use_threads(THREADS)
    size = inputs.QUICK if options.quick else inputs.FULL
    repeats = options.repeats or (2 if options.quick else 5)
    results, failed = [], False
    for name in options.only or NAMES:
        begin = time.monotonic()
        module, function = NAMES[name].split(":")
        try:
            made = getattr(import_module(f"benchmarks.{module}"), function)(size)
            run = measure.compare if isinstance(made, measure.Comparison) else measure.spend
            result = run(made, repeats) | {"machine": measure.machine(THREADS)}
        except Exception as error:  # one comparison that cannot run must not take the others along
            print(f"{name}: FAILED: {type(error).__name__}: {error}", file=sys.stderr)
            failed = True
            continue
        results.append(result)
        if not options.quick:
            report.keep(result)
        print(*report.lines(result), f"    ({time.monotonic() - begin:.0f} s)", sep="\n", flush=True)
    return results, failed


def _curve(options: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    from benchmarks import measure

    sizes = mining_memory.SIZES[options.curve][: 2 if options.quick else None]
    result = mining_memory.curve(options.curve, sizes, options.note) | {"machine": measure.machine(THREADS)}
    if not options.quick:
        report.keep(result)
    return [result], False


def _quiet() -> None:
    import datasets
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()


if __name__ == "__main__":
    sys.exit(main())
