"""Fit a tagging head on the English training split: the smallest real path from a base encoder to a bundle.

The loop is transformers' Trainer. Only English training data is read; the development score is English too.
"""

from __future__ import annotations

import platform
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xstilts_eval import __version__, bundle
from xstilts_eval.benchmark import UPOS, Kind
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.data import sources
from xstilts_eval.data.examples import Tagged
from xstilts_eval.errors import MissingData, SettingError
from xstilts_eval.metrics import tagging as metrics
from xstilts_eval.models import tagging
from xstilts_eval.models.batching import default_batch_tokens
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.models.encoder import Loaded, Runtime
from xstilts_eval.models.source import Source
from xstilts_eval.tasks.documents import resolve_folder

IGNORED = -100
"""Label of sub-words that carry no loss (`utils_tag.py:138-186`: all but the first of each word)."""
BATCH_SIZE = 16
_BASE_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "1_Pooling")


def fit(
    base: str,
    output: Path,
    family_name: str,
    data: str | None,
    epochs: int,
    learning_rate: float,
    seed: int,
    overwrite: bool,
) -> str:
    """Train a head on top of `base` (all weights move), write a bundle into `output`, return a one-line report.

    Raises `SettingError` for a family without tags or an occupied `output`, `MissingData` without English data.
    """
    family = find_family(family_name)
    if family.kind is not Kind.TAGGED:
        raise SettingError(f"fit-head fits tagging heads (udpos, panx), not {family.name}")
    if output.exists() and not overwrite:
        raise SettingError(f"{output} exists; give another --output or --overwrite")
    if output.exists() and not (output / bundle.MANIFEST).is_file():  # --overwrite replaces a bundle, nothing else
        raise SettingError(f"{output} exists and is not a bundle; give another --output")
    source = Source(base)
    if source.folder is None:
        raise MissingData(f"{base} is not a folder; fit-head works on a local base encoder")
    folder, kind = resolve_folder(data)
    train = sources.load(family, "en", "train", folder)
    development = sources.load(family, "en", "dev", folder)

    started = time.monotonic()
    tokenizer = source.tokenizer()
    model = _train(source, tokenizer, list(family.labels), _tagged(train.examples), epochs, learning_rate, seed)
    f1 = _score(model, tokenizer, _tagged(development.examples), list(family.labels))
    seconds = time.monotonic() - started

    import torch
    import transformers

    manifest = bundle.Bundle(
        encoder="encoder",
        heads={family.name: bundle.Head(path=family.name)},
        retrieval=resolve(base).retrieval,
        parent=source.identity,
        recipe=f"fit-head {family.name} en, {epochs} epochs, lr {learning_rate:g}, batch {BATCH_SIZE}",
        seed=seed,
        data_revisions={f"{family.name}.en.train": f"{kind}@{train.revision}"},
        versions={
            "xstilts-eval": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        },
    )
    _write(output, manifest, model, tokenizer, source.folder, family.name)
    return (
        f"{family.title} head: {len(train.examples)} English {kind} sentences, {epochs} epochs, {seconds:.0f} s, "
        f"chunk F1 {100 * f1:.1f} on {len(development.examples)} English development sentences → {output}"
    )


def _tagged(examples: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"id": example.id, "tokens": list(example.tokens), "tags": list(example.tags)}
        for example in examples
        if isinstance(example, Tagged)
    ]


def _train(
    source: Source,
    tokenizer: Any,
    names: list[str],
    documents: list[dict[str, Any]],
    epochs: int,
    learning_rate: float,
    seed: int,
) -> Any:
    from transformers import (
        AutoModelForTokenClassification,
        DataCollatorForTokenClassification,
        PrinterCallback,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    set_seed(seed)
    model = source.load(
        AutoModelForTokenClassification,
        new_weights=True,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: index for index, name in enumerate(names)},
    )
    rows = encode(tokenizer, model, documents, {name: index for index, name in enumerate(names)})
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            num_train_epochs=epochs,
            learning_rate=learning_rate,
            per_device_train_batch_size=BATCH_SIZE,
            weight_decay=0.0,
            lr_scheduler_type="linear",
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=seed,
            dataloader_pin_memory=False,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=rows,
            data_collator=DataCollatorForTokenClassification(tokenizer),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return trainer.model.eval()


def encode(
    tokenizer: Any, model: Any, documents: Sequence[dict[str, Any]], index: dict[str, int]
) -> list[dict[str, list[int]]]:
    """Training rows cut as at evaluation; the label stands on each word's first sub-word; stray tags: ``X``, ``O``."""
    limit = tagging.budget(tokenizer, model, tagging.MAX_LENGTH)
    known = tagging.WordTokenizer(tokenizer, limit)
    known.learn(word for doc in documents for word in doc["tokens"])
    before, after = tagging.template(tokenizer)
    filler = index["X"] if set(index) == set(UPOS) else index["O"]
    rows = []
    for number, doc in enumerate(documents):
        tags = iter(doc["tags"])
        for piece in tagging.cut(number, doc["tokens"], known, limit):
            ids = [*before, *piece.ids, *after]
            labels = [IGNORED] * len(ids)
            for position in piece.first:
                labels[len(before) + position] = index.get(next(tags), filler)
            rows.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
    return rows


def _score(model: Any, tokenizer: Any, documents: list[dict[str, Any]], names: list[str]) -> float:
    import torch

    device = torch.device("cpu")
    runtime = Runtime(device, torch.float32, default_batch_tokens(device), show_progress=False)
    head = Loaded(model.to("cpu"), tokenizer, runtime, tagging.MAX_LENGTH)
    predicted, _ = tagging.tag(head, documents, names)
    metric = metrics.POS_F1 if tuple(names) == UPOS else metrics.NER_F1
    return metric.corpus_score([doc["tags"] for doc in documents], predicted)["f1"]


def _write(output: Path, manifest: bundle.Bundle, model: Any, tokenizer: Any, base: Path, name: str) -> None:
    """Build the bundle beside `output`, then move it there in one step."""
    output.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    try:
        model.save_pretrained(scratch / name)
        tokenizer.save_pretrained(scratch / name)
        (scratch / "encoder").mkdir()
        for pattern in _BASE_FILES:
            for path in base.glob(pattern):
                copy = shutil.copytree if path.is_dir() else shutil.copy
                copy(path, scratch / "encoder" / path.name)
        bundle.write(manifest, scratch)
        scratch.chmod(0o755)
        if output.exists():
            shutil.rmtree(output)
        scratch.rename(output)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
