"""Training steps and memory on a multilingual encoder with 250,037 word pieces: ours against the Trainer.

The Trainer pads each batch to its longest row. Both sides have a process of their own, the same rows in every step, the
same precision and the same dropout (the base's, attention included); losses are compared without dropout. Threads wait
for each other as OpenMP does by default, and as users have it: on a quiet machine with two cores, bfloat16, ours took a
third longer and the Trainer a seventh where they slept.

python -m benchmarks.training_e5 SIDE TASK PRECISION STEPS     one side, printed as JSON
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers

from benchmarks import breakdown, inputs, measure, training
from benchmarks.inputs import Size
from benchmarks.measure import Agreement, Comparison, Contender, Measured
from xstilts_eval import kinds, waiting
from xstilts_eval.benchmark import UPOS
from xstilts_eval.kinds import Kind
from xstilts_eval.models import products
from xstilts_eval.models.encoder import Loaded
from xstilts_eval.training import batches, rows

BATCH = 16
WINDOW = 256
_COMPARED = 4
"""Steps without dropout whose losses are compared."""
PRECISIONS = {"fp32": "float32", "bf16": "bfloat16"}


@dataclass(frozen=True)
class Job:
    """Rows to train on: the head's class, its kind, and documents to rows of the model."""

    title: str
    what: str
    head: str
    kind: Kind
    rows: Callable[[Loaded, int], Sequence[dict[str, Any]]]
    length: int
    classes: dict[str, int]
    wanted: dict[str, float]
    share: int = 4
    """Of a benchmark's steps, one in so many is taken."""


def _pairs(model: Loaded, count: int) -> Sequence[dict[str, Any]]:
    return rows.pair_rows(model, inputs.pairs(count, ("en",)))


def _tags(model: Loaded, count: int) -> Sequence[dict[str, Any]]:
    return rows.tagged_rows(model, inputs.documents("udpos", ("en",), count, "dev"), UPOS)


def _windows(model: Loaded, count: int) -> Sequence[dict[str, Any]]:
    """Full ones only: nothing is saved by leaving padding out."""
    found = rows.question_rows(model, inputs.documents("xquad", ("en",), 4 * count))
    return [row for row in found if rows.length(row) == WINDOW]


JOBS = {
    "tags": Job("Training on tagged sentences", "UD-POS sentences", "TokenClassification", kinds.TAGGED, _tags,
                128, {"num_labels": len(UPOS)}, {"fp32": 3.0, "bf16": 2.0}, share=2),
    "pairs": Job("Training on sentence pairs", "PAWS-X pairs", "SequenceClassification", kinds.PAIR, _pairs,
                 128, {"num_labels": 2}, {"fp32": 2.5, "bf16": 2.0}),
    "windows": Job("Training on question windows", f"full windows of {WINDOW} tokens", "QuestionAnswering",
                   kinds.QUESTION, _windows, WINDOW, {}, {"fp32": 2.5, "bf16": 1.8}, share=8),
}  # fmt: skip


def comparison(task: str, precision: str, size: Size) -> Comparison:
    """One job in one precision; time by process, without its start."""
    job = JOBS[task]
    steps = max(2, size.steps // job.share)

    def side(name: str) -> Callable[[], Measured]:
        return functools.partial(_in_a_process, name, task, precision, steps)

    peer = Contender(f"Trainer, padding to the longest of {BATCH}, {precision}", side("trainer"))
    return Comparison(
        name=f"training_e5_{task}_{precision}",
        title=f"{job.title}, multilingual-e5-small, {precision}",
        inputs=f"{steps} steps of {BATCH} {job.what}, base with a random head, its dropout, AdamW; the same rows in "
        "every step of both",
        ours=Contender("loop.train", side("ours")),
        peers=(peer,),
        agree=lambda one, other: _agree(one, other, precision),
        targets={peer.name: job.wanted[precision]},
        limits="Matrix products.",
    )


def _agree(one: dict[str, Any], other: dict[str, Any], precision: str) -> Agreement:
    found = training.same_losses(one["losses"], other["losses"], training.CLOSE[PRECISIONS[precision]])
    tokens = one["tokens"]
    spent = ", ".join(f"{name} {share:.0%}" for name, share in one["shares"].items())
    return Agreement(found.holds and tokens == other["tokens"], f"{found.text}; {tokens:,} tokens; of our time {spent}")


def _in_a_process(side: str, task: str, precision: str, steps: int) -> Measured:
    command = [sys.executable, "-m", "benchmarks.training_e5", side, task, precision, str(steps)]
    environment = {name: value for name, value in os.environ.items() if name not in (waiting.POLICY, waiting.SPINS)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).resolve().parents[1], env=environment
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[2:])}: {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Measured(found, found["seconds"], found["mib"])


# ----------------------------------------------------------------------------------- one side, in its process


def _model(side: str, job: Job, **options: Any) -> Any:
    import torch

    torch.manual_seed(inputs.SEED)
    made = getattr(transformers, f"AutoModelFor{job.head}").from_pretrained(inputs.e5(), **job.classes, **options)
    if side == "ours":  # as `CheckpointSource.load` does
        products.use_fastest(made)
    return made.train()


def one_side(side: str, task: str, precision: str, steps: int) -> dict[str, Any]:
    """Seconds of the steps, peak memory of the process in them (MiB), tokens, and losses of a few without dropout."""
    job, dtype = JOBS[task], PRECISIONS[precision]
    model = _model(side, job)
    tokenizer = transformers.AutoTokenizer.from_pretrained(inputs.e5())
    found = list(job.rows(Loaded(model, tokenizer, inputs.runtime(), job.length), steps * BATCH))[: steps * BATCH]
    lengths = [rows.length(row) for row in found]
    planned = batches.plan({"task": batches.Part(lengths, BATCH, 1)}, batches.Sampling(), 1, group_by_length=False)
    run = functools.partial(_train, side, job, found, dtype, tokenizer.pad_token_id)
    _forget_peak()
    begin = time.perf_counter()
    run(model, planned)
    seconds = time.perf_counter() - begin
    mib = _peak()
    losses = run(_model(side, job, **training.NO_DROPOUT), planned[:_COMPARED])
    shares = breakdown.shares(lambda: run(model, planned[:_COMPARED]))
    return {"seconds": seconds, "mib": mib, "losses": losses, "tokens": sum(lengths), "shares": shares}


def _train(
    side: str, job: Job, found: list[dict[str, Any]], dtype: str, pad: int, model: Any, steps: list[batches.Step]
) -> list[float]:
    if side == "ours":
        return training.ours(model, job.kind, found, steps, BATCH, dtype, pad)
    chosen = [found[row] for step in steps for row in step.rows]
    ordered = [{name: value for name, value in row.items() if name != "document"} for row in chosen]
    return training.trainers(model, ordered, BATCH, 1, dtype, lambda batch: rows.collate(batch, pad))


def _forget_peak() -> None:
    """Linux: the peak counts anew from here (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def __getattr__(name: str) -> Callable[[Size], Comparison]:
    """``tags_fp32`` and so on: a comparison by its name in the list of all."""
    task, _, precision = name.partition("_")
    if task not in JOBS or precision not in PRECISIONS:
        raise AttributeError(name)
    return functools.partial(comparison, task, precision)


def main(side: str, task: str, precision: str, steps: str) -> None:
    measure.use_threads(int(os.environ["OMP_NUM_THREADS"]))
    transformers.utils.logging.set_verbosity_error()
    print(json.dumps(one_side(side, task, precision, int(steps))))


if __name__ == "__main__":
    main(*sys.argv[1:])
