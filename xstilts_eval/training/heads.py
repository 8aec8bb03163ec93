"""`xstilts fit-head`: the smallest real path from a base encoder to a bundle, for pairs, tags and answer spans.

The loop is transformers' Trainer. Only English data is read, for training and for the development score.
"""

from __future__ import annotations

import math
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts_eval import __version__, bundle
from xstilts_eval.benchmark import UPOS, Family, Kind
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.data import fetch, sources
from xstilts_eval.data.examples import document
from xstilts_eval.errors import FetchError, MissingData, NumericError, SettingError
from xstilts_eval.metrics import qa, tagging
from xstilts_eval.metrics.classification import ACCURACY
from xstilts_eval.models import pairs, spans
from xstilts_eval.models import tagging as tagger
from xstilts_eval.models.batching import default_batch_tokens
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.models.encoder import Loaded, Runtime, model_positions
from xstilts_eval.models.source import Source
from xstilts_eval.tasks.documents import resolve_folder
from xstilts_eval.training import rows, store
from xstilts_eval.training.rows import Document, Labelled

WARM_UP = 0.1
"""Share of steps with a rising learning rate, before linear decay to 0 (Devlin et al. 2019, arXiv:1810.04805)."""
MAX_NORM = 1.0
"""Longer gradients are cut to this norm (XTREME's `max_grad_norm`)."""
DEVELOPMENT = 500
"""At most this many English development examples are scored after training."""
MIN_LENGTH = 16
"""As for inference, see `models.arguments`."""
SPLITS, DTYPES = ("train", "dev"), ("float32", "bfloat16")
LOGGED = 20
"""Times the training loss is noted."""


@dataclass(frozen=True)
class Settings:
    """What one head is fitted with; None means the default of the family's kind, or all examples."""

    base: str
    family: str = "udpos"
    data: str | None = None
    split: str = "train"
    limit: int | None = None
    epochs: int | None = None
    learning_rate: float = 1e-4
    batch_size: int = 16
    max_length: int | None = None
    dtype: str = "float32"
    seed: int = 1


@dataclass(frozen=True)
class HeadKind:
    """All that differs between kinds: model class, default length and epochs, training rows, development score."""

    auto_class: str
    unit: str
    max_length: int
    epochs: int
    rows: Callable[[Loaded, Sequence[Document], Sequence[str]], list[Labelled]]
    score: Callable[[Loaded, Sequence[Document], Family], str]


def _accuracy(head: Loaded, documents: Sequence[Document], family: Family) -> str:
    values, _ = pairs.classify(head, documents, range(len(family.labels)))
    found = ACCURACY.corpus_score([doc["label"] for doc in documents], [int(row.argmax()) for row in values])
    return f"accuracy {100 * found['acc']:.1f}"


def _chunk_f1(head: Loaded, documents: Sequence[Document], family: Family) -> str:
    predicted, _ = tagger.tag(head, documents, family.labels)
    metric = tagging.POS_F1 if family.labels == UPOS else tagging.NER_F1
    return f"chunk F1 {100 * metric.corpus_score([doc['tags'] for doc in documents], predicted)['f1']:.1f}"


def _answer_f1(head: Loaded, documents: Sequence[Document], family: Family) -> str:
    predicted, _ = spans.answer(head, documents)
    found = qa.SQUAD.corpus_score([[answer["text"] for answer in doc["answers"]] for doc in documents], predicted)
    return f"F1 {100 * found['f1']:.1f}, exact match {100 * found['exact_match']:.1f}"


KINDS = {
    Kind.PAIR: HeadKind("AutoModelForSequenceClassification", "pairs", pairs.MAX_LENGTH, 4, rows.pair_rows, _accuracy),
    Kind.TAGGED: HeadKind(
        "AutoModelForTokenClassification", "sentences", tagger.MAX_LENGTH, 8, rows.tagged_rows, _chunk_f1
    ),
    Kind.QUESTION: HeadKind(
        "AutoModelForQuestionAnswering", "questions", spans.MAX_LENGTH, 2, rows.question_rows, _answer_f1
    ),
}


def served(family: Family) -> tuple[str, ...]:
    """Families that a head fitted on `family` serves: XQuAD, MLQA and TyDiQA share one trained on SQuAD.

    TyDiQA's own training data gives a head for TyDiQA alone.
    """
    return ("xquad", "mlqa", "tydiqa") if family.name in ("xquad", "mlqa") else (family.name,)


def fit(settings: Settings, output: Path, overwrite: bool = False, into: bool = False) -> str:
    """Train a head on top of the base (all weights move), write it as a bundle, return a one-line report.

    `output` is a new bundle or, with `into`, an existing one of the same base whose other heads are kept.

    Raises `SettingError` for options that do not fit or an occupied `output`, `MissingData` without English data,
    `UnfitCheckpoint` for a base that cannot be read, `NumericError` when the loss is no longer finite.
    """
    family = find_family(settings.family)
    if family.kind not in KINDS:
        raise SettingError(f"{family.name} needs no head; fit-head fits xnli, pawsx, udpos, panx, xquad, mlqa, tydiqa")
    kind = KINDS[family.kind]
    source = Source(settings.base)
    _check_settings(settings)
    store.check_output(output, overwrite, into)
    if source.folder is None:
        raise MissingData(f"{settings.base} is not a folder; fit-head works on a local base encoder")
    old = store.existing(output, source) if into else None
    loaded, origin = _english(family, settings.split, settings.data)
    training = _documents(loaded.examples, family, settings.limit, settings.seed)

    started = time.monotonic()
    head, losses = train(source, family, training, settings)
    score = _development(head, family, settings)
    seconds = time.monotonic() - started
    what = (
        f"fit-head {family.name} en {settings.split}: {len(training):,} of {len(loaded.examples):,} {origin} "
        f"{kind.unit}, {settings.epochs or kind.epochs} epochs, lr {settings.learning_rate:g}, "
        f"batch {settings.batch_size}, length {head.max_length}, {settings.dtype}, seed {settings.seed}"
    )
    made = bundle.Bundle(
        encoder="encoder",
        heads={name: bundle.Head(path=family.name) for name in served(family)},
        retrieval=resolve(settings.base).retrieval,
        parent=source.identity,
        recipe=what,
        seed=settings.seed,
        data_revisions={f"{family.name}.en.{settings.split}": f"{origin}@{loaded.revision}"},
        versions=_versions(),
    )
    if old is None:
        store.write(output, made, head, source.folder)
    else:
        store.add(output, old, made, head)
    loss = f"loss {losses[0]:.2f} → {losses[-1]:.2f}"
    return f"{family.title} head for {', '.join(served(family))}: {what}; {seconds:.0f} s, {loss}, {score} → {output}"


def _check_settings(settings: Settings) -> None:
    for name, value, allowed in (("split", settings.split, SPLITS), ("dtype", settings.dtype, DTYPES)):
        if value not in allowed:
            raise SettingError(f"--{name} {value!r}; a head can be trained with {' or '.join(allowed)}")
    if settings.max_length is not None and settings.max_length < MIN_LENGTH:
        raise SettingError(f"--max-length {settings.max_length} is too short; give at least {MIN_LENGTH}")


def _english(family: Family, split: str, data: str | None) -> tuple[sources.Loaded, str]:
    """The English examples and where they come from: ``sample``, ``local`` or ``hub``."""
    folder, origin = resolve_folder(data)
    if origin == "sample":
        return sources.load(family, "en", split, folder), origin
    if origin == "hub":
        fetch.ensure(family, "en", split, folder)
    loaded = sources.load(family, "en", split, folder)
    return loaded, fetch.provenance(folder, loaded.files)[0] or "local"


def _documents(examples: Sequence[Any], family: Family, limit: int | None, seed: int) -> list[Document]:
    """All examples, or `limit` of them drawn with the seed, in file order."""
    if limit is not None and limit < len(examples):
        examples = [examples[index] for index in sorted(random.Random(seed).sample(range(len(examples)), limit))]
    return [document(example, family.name, "en") for example in examples]


def train(
    source: Source, family: Family, documents: Sequence[Document], settings: Settings
) -> tuple[Loaded, list[float]]:
    """A model with a trained head, ready to run on the CPU, and its mean training loss in successive stretches."""
    import torch
    import transformers

    kind = KINDS[family.kind]
    epochs = settings.epochs or kind.epochs
    transformers.set_seed(settings.seed)
    names = dict(enumerate(family.labels))
    classes = {"num_labels": len(names), "id2label": names, "label2id": {name: i for i, name in names.items()}}
    model = source.load(getattr(transformers, kind.auto_class), new_weights=True, **(classes if family.labels else {}))
    cpu = torch.device("cpu")
    runtime = Runtime(cpu, torch.float32, default_batch_tokens(cpu), show_progress=False)
    head = Loaded(model, source.tokenizer(), runtime, _length(settings.max_length, kind.max_length, model))
    labelled = kind.rows(head, documents, family.labels)
    steps = math.ceil(len(labelled) / settings.batch_size) * epochs
    with tempfile.TemporaryDirectory() as scratch:
        arguments = transformers.TrainingArguments(
            output_dir=scratch,
            num_train_epochs=epochs,
            learning_rate=settings.learning_rate,
            per_device_train_batch_size=settings.batch_size,
            bf16=settings.dtype == "bfloat16",
            use_cpu=not torch.cuda.is_available(),  # the CPU has to be asked for where bf16 is
            weight_decay=0.0,
            warmup_steps=WARM_UP,
            lr_scheduler_type="linear",
            max_grad_norm=MAX_NORM,
            train_sampling_strategy="group_by_length",
            logging_steps=max(1, steps // LOGGED),
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=settings.seed,
            dataloader_pin_memory=False,
        )
        trainer = transformers.Trainer(
            model=model,
            args=arguments,
            train_dataset=labelled,
            data_collator=lambda batch: rows.collate(batch, head.pad_token_id),
            callbacks=[_progress(f"{family.name} · {len(documents):,} {kind.unit}", settings.learning_rate)],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    model.to(cpu).eval()
    with torch.inference_mode():  # what the last step left has not been seen yet
        loss = model(**rows.collate(labelled[: settings.batch_size], head.pad_token_id)).loss
    if not math.isfinite(loss):
        raise _diverged(settings.learning_rate, trainer.state.global_step)
    return head, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def _progress(label: str, learning_rate: float) -> Any:
    """A progress bar with the training loss; ends a training whose loss is no longer finite."""
    from tqdm import tqdm
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar = tqdm(
                total=state.max_steps, desc=label, unit="step", mininterval=1 if sys.stderr.isatty() else 30
            )

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar.update(1)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
            if not math.isfinite(logs.get("loss", 0.0)):
                raise _diverged(learning_rate, state.global_step)
            if "loss" in logs:
                self.bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar.close()

    return Progress()


def _diverged(learning_rate: float, step: int) -> NumericError:
    return NumericError(
        f"training gave NaN or infinite numbers at step {step}; give a --learning-rate below {learning_rate:g}"
    )


def _length(wanted: int | None, default: int, model: Any) -> int:
    positions = model_positions(model)
    if wanted and positions and wanted > positions:
        raise SettingError(f"--max-length {wanted}: the model has {positions} positions")
    return min(wanted or default, positions or wanted or default)


def _development(head: Loaded, family: Family, settings: Settings) -> str:
    """The score on the English development split, or why there is none."""
    if settings.split != "train":
        return f"no score: the {settings.split} split was trained on"
    try:
        loaded, _ = _english(family, "dev", settings.data)
    except (MissingData, FetchError):
        return "no score: no English development data"
    kind = KINDS[family.kind]
    documents = _documents(loaded.examples, family, DEVELOPMENT, settings.seed)
    return f"{kind.score(head, documents, family)} on {len(documents)} English development {kind.unit}"


def _versions() -> dict[str, str]:
    import torch
    import transformers

    return {
        "xstilts-eval": __version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    }
