"""Training steps: ours against transformers' Trainer with XTREME's fixed padding, on the same batches."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks import inputs
from benchmarks.inputs import Size
from benchmarks.measure import Agreement, Comparison, Contender
from xstilts_eval import kinds
from xstilts_eval.benchmark import UPOS
from xstilts_eval.kinds import Kind
from xstilts_eval.models import pairs, tagging
from xstilts_eval.training import batches, loop, rows, vocabulary
from xstilts_eval.training import model as heads
from xstilts_eval.training.losses import LOSSES
from xstilts_eval.training.settings import StageSettings

_RATE = 2e-5
_MICRO = 8
"""XTREME's micro-batch for base-sized models (`scripts/train_*.sh`)."""
CLOSE = {"float32": 5e-3, "bfloat16": 0.15}
"""Largest difference of the two losses of one step: rounding, which every step carries on."""


def sentence_pairs(size: Size) -> Comparison:
    """Pairs in fp32, padded to 128 by the peer."""
    return _pairs("training_pairs", size, "float32", 2.0)


def sentence_pairs_bf16(size: Size) -> Comparison:
    """Pairs in bf16 autocast against the same fp32 peer, and against it in bf16."""
    return _pairs("training_pairs_bf16", size, "bfloat16", 3.0)


def tagged_sentences(size: Size) -> Comparison:
    """Sentences with a tag per word in fp32, padded to 128 by the peer."""
    return _tags("training_tags", size, "float32", 2.0)


def tagged_sentences_bf16(size: Size) -> Comparison:
    """Tagged sentences in bf16 autocast against the same fp32 peer, and against it in bf16."""
    return _tags("training_tags_bf16", size, "bfloat16", 3.0)


def _pairs(name: str, size: Size, precision: str, target: float) -> Comparison:
    model = inputs.encoder("AutoModelForSequenceClassification", num_labels=2, **NO_DROPOUT).train()
    documents = inputs.pairs(size.steps * _MICRO, ("en",))
    found = rows.pair_rows(inputs.loaded(model, pairs.MAX_LENGTH), documents)
    return _comparison(name, "Training on sentence pairs", "PAWS-X pairs", model, kinds.PAIR, found, _MICRO, 128,
                       precision, target)  # fmt: skip


def _tags(name: str, size: Size, precision: str, target: float) -> Comparison:
    model = inputs.encoder("AutoModelForTokenClassification", num_labels=len(UPOS), **NO_DROPOUT).train()
    documents = inputs.documents("udpos", ("en",), size.steps * _MICRO, "dev")
    found = rows.tagged_rows(inputs.loaded(model, tagging.MAX_LENGTH), documents, UPOS)
    return _comparison(
        name, "Training on tagged sentences", "UD-POS sentences", model, kinds.TAGGED, found, _MICRO, 128, precision,
        target,
    )  # fmt: skip


NO_DROPOUT: dict[str, Any] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
"""So that both sides compute the same losses."""


def _comparison(
    name: str,
    title: str,
    what: str,
    model: Any,
    kind: Kind,
    found: list[dict[str, Any]],
    batch: int,
    padded: int,
    precision: str,
    target: float,
) -> Comparison:
    found = found[: len(found) // batch * batch]
    lengths = [rows.length(row) for row in found]
    steps = batches.plan({"task": batches.Part(lengths, batch, 1)}, batches.Sampling(), seed=1)
    short = "fp32" if precision == "float32" else "bf16"
    other = [] if precision == "float32" else [_peer(model, found, steps, batch, padded, precision)]
    peers = (_peer(model, found, steps, batch, padded, "float32"), *other)
    return Comparison(
        name=name,
        title=f"{title}, {short}",
        inputs=f"{len(steps)} steps of {batch} {what} ({sum(lengths) / len(lengths):.0f} tokens on average), MiniLM-L6 "
        "with a random head, no dropout, AdamW; the same rows in every step of both",
        ours=Contender("loop.train", lambda: ours(copy.deepcopy(model), kind, found, steps, batch, precision)),
        peers=peers,
        agree=lambda one, other: same_losses(one, other, CLOSE[precision]),
        targets={peers[0].name: target},
        limits="Padding and rows of the vocabulary saved, then matrix products.",
    )


def ours(
    model: Any,
    kind: Kind,
    found: Sequence[dict[str, Any]],
    steps: list[batches.Step],
    batch: int,
    precision: str,
    pad_token_id: int = 0,
) -> list[float]:
    """Loss of each step; `model` is trained."""
    shared = heads.SharedEncoder(model.base_model, {"task": model}, {"task": LOSSES.of(kind)})
    shared.use_fast_paths()
    shared.table = vocabulary.compact(shared.encoder, rows.ids_of(found))
    items = rows.ROWS.of(kind).items
    task = loop.TaskRows(
        head="task",
        lengths=[rows.length(row) for row in found],
        row=lambda index, _: found[index],
        items=lambda index, _: items(found[index]),
        name=str,
    )
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    settings = StageSettings(learning_rate=_RATE, batch_size=batch, warmup=0.0, precision=precision, selection="last")  # type: ignore[arg-type]
    work = loop.Work(
        shared,
        {"task": task},
        steps,
        settings,
        1,
        folder,
        "ours",
        lambda rows_: rows.collate(rows_, pad_token_id),
        keep_checkpoints=False,  # as the peer
    )
    try:
        return [loss for _, loss in loop.train(work).losses]
    finally:
        shutil.rmtree(folder)


def _peer(
    model: Any, found: Sequence[dict[str, Any]], steps: Sequence[batches.Step], batch: int, padded: int, precision: str
) -> Contender:
    """The Trainer as XTREME's scripts would call it: everything padded to one length, micro-batches of eight."""
    dataset = [_fixed(found[row], padded) for step in steps for row in step.rows]

    def run() -> list[float]:
        return trainers(copy.deepcopy(model), dataset, _MICRO, batch // _MICRO, precision)

    short = "fp32" if precision == "float32" else "bf16"
    return Contender(f"Trainer, fixed padding to {padded}, micro-batch {_MICRO}, {short}", run)


def trainers(
    model: Any, dataset: Sequence[dict[str, Any]], batch: int, accumulated: int, precision: str, collate: Any = None
) -> list[float]:
    """Loss of each step of transformers' Trainer, which takes the rows in their order; `model` is trained."""
    folder = tempfile.mkdtemp(prefix="benchmarks-")
    arguments = transformers.TrainingArguments(
        output_dir=folder,
        num_train_epochs=1,
        learning_rate=_RATE,
        weight_decay=0.0,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulated,
        train_sampling_strategy="sequential",
        bf16=precision == "bfloat16",
        use_cpu=True,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=collate is None,
    )
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=dataset, data_collator=collate)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    shutil.rmtree(folder, ignore_errors=True)
    return [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]


def _fixed(row: dict[str, Any], length: int) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for name, value in row.items():
        if name != "document":
            is_list = isinstance(value, list)
            padding = [rows.IGNORED if name == "labels" else 0] * (length - len(value)) if is_list else []
            filled[name] = torch.tensor(value + padding if is_list else value)
    return filled


def same_losses(found: list[float], theirs: list[float], close: float) -> Agreement:
    """Whether two runs have the same loss in every step, but for rounding."""
    worst = max(abs(one - other) for one, other in zip(found, theirs, strict=True))
    text = f"losses of all {len(found)} steps within {worst:.0e} ({found[0]:.3f} to {found[-1]:.3f})"
    return Agreement(worst <= close, text)
