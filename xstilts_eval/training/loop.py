"""The one training loop: transformers' Trainer, walked along a plan made beforehand.

What is ours: the order of rows (`batches.plan`), a loss divided by the items of the whole optimiser step (so that
processes and accumulated micro-batches give one and the same gradient), scores on English development data, checkpoints
that count only once they are whole, and a halved micro-batch when memory runs out. The rest is the library's.
"""

from __future__ import annotations

import contextlib
import logging
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transformers
from pydantic import BaseModel, ValidationError
from torch.utils.data import DataLoader, Dataset

from xstilts_eval import printing, processes, reading
from xstilts_eval.errors import DataError, NumericError, SettingError, WriteError
from xstilts_eval.models import products
from xstilts_eval.training.batches import Step, pieces
from xstilts_eval.training.rows import Labelled
from xstilts_eval.training.settings import StageSettings
from xstilts_eval.training.vocabulary import ROWS
from xstilts_eval.validation import complaint
from xstilts_eval.writing import telling_of_a_full_disk, write_atomically

log = logging.getLogger("xstilts_eval")

Batch = dict[str, Any]
"""Collated rows with the name of their `head`, `keep` and `items`: what `SharedEncoder.forward` takes."""

MICRO_BATCH_TOKENS: Mapping[tuple[str, str], int] = {
    ("cpu", "float32"): 512,
    ("cpu", "bfloat16"): 2048,
    ("cuda", "float32"): 16_384,
    ("cuda", "bfloat16"): 16_384,
}
"""Padded tokens of one forward and backward pass, at most; halved for the rest of the run when memory runs out.

On a CPU what a float32 pass keeps for the way back should stay near the caches. With passes of 2,048, 1,024, 512 and
256 tokens multilingual-e5-small took 44.5, 43.8, 41.4 and 42.8 s and 3.8, 2.5, 1.9 and 1.6 GB on windows of 256 tokens,
and 9.8, 9.8, 9.0 and 10.5 s on pairs (own measurement, two cores of an EPYC with AVX2). In bfloat16 each pass rounds
every weight, so that fewer are better: 2,048, 1,024 and 512 took 6.2, 7.2 and 8.5 s on pairs, 3.9, 3.9 and 4.7 s on
tagged sentences, in the same memory (own measurement, two cores of a Xeon with AMX). CUDA's is not measured.
"""
LOGGED = 200
"""Points of a loss curve, at most about; shorter runs note every step."""
SAVE_EVERY = 500
"""Steps between checkpoints of a run that is not evaluated on the way."""
WHOLE = "whole.json"
"""Written last into a checkpoint; one without it was cut off."""
WEIGHTS = "model.safetensors"
BROKEN = "the model gives NaN or infinite numbers after"


@dataclass(frozen=True)
class TaskRows:
    """Training rows of one task and the head that answers it.

    `row(index, step)` gives a row (masked text differs from visit to visit), `items(index, step)` what it adds to the
    divisor of the loss, `name(index)` the example it is made of. The rows of a step belong together where `is_whole`:
    each is the others' negative, so that no micro-batches are cut.
    """

    head: str
    lengths: Sequence[int]
    row: Callable[[int, int], Labelled]
    items: Callable[[int, int], int]
    name: Callable[[int], str]
    is_whole: bool = False


@dataclass(frozen=True)
class Work:
    """All that one training needs; `evaluate` gives scores in 0-1 with the one that decides under ``score``.

    Without `keep_checkpoints` an interrupted training starts anew; `settings` select the last weights then.
    """

    model: Any
    tasks: Mapping[str, TaskRows]
    steps: Sequence[Step]
    settings: StageSettings
    seed: int
    folder: Path
    label: str
    collate: Callable[[Sequence[Labelled]], dict[str, torch.Tensor]]
    evaluate: Callable[[], dict[str, float]] | None = None
    report_to: tuple[str, ...] = ()
    keep_checkpoints: bool = True

    @cached_property
    def tokens_by_step(self) -> list[int]:
        """Unpadded tokens of every step."""
        return [sum(self.tasks[step.task].lengths[row] for row in step.rows) for step in self.steps]


@dataclass
class Outcome:
    """What a training leaves beside its weights; `seconds` and `tokens` count what this and earlier calls did.

    `table_rows` of the `vocabulary`'s word vectors were in the model while it trained; `products` is the library that
    multiplied in float32 on a CPU.
    """

    losses: list[tuple[int, float]] = field(default_factory=list)
    scores: list[dict[str, float]] = field(default_factory=list)
    best_step: int | None = None
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    processes: int = 1
    micro_batch_tokens: int = 0
    device: str = "cpu"
    table_rows: int = 0
    vocabulary: int = 0
    products: str = "default"

    @property
    def tokens_per_second(self) -> float:
        """Unpadded tokens per second over all processes; evaluations are not counted."""
        return self.tokens / self.seconds if self.seconds else math.nan


def train(work: Work) -> Outcome:
    """Train `work.model` in place; goes on from the last whole checkpoint in `work.folder`.

    Raises `NumericError` naming step and batch when the loss or the gradient is no longer finite (no weight has moved
    by it then, and the last checkpoint is kept), `SettingError` when not even one row fits in memory.
    """
    trainer = _trainer(work)
    checkpoint = last_whole_checkpoint(work.folder)
    try:
        if checkpoint is not None and _mark(checkpoint).finished:
            trainer.take_over(checkpoint)
        else:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    finally:
        trainer._progress.close()
    trainer.check_weights()
    return _outcome(work, trainer)


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; cut-off ones are deleted by the first process."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    whole = [path for path in found if (path / WHOLE).is_file()]
    if processes.is_first():
        for path in found:
            if path not in whole:
                shutil.rmtree(path, ignore_errors=True)
    return whole[0] if whole else None


class Mark(BaseModel):
    """``whole.json``: training time in `seconds`, and whether the training had `finished`."""

    seconds: float
    finished: bool


def _mark(checkpoint: Path) -> Mark:
    """Raises `DataError` for a mark that is none."""
    path = checkpoint / WHOLE
    try:
        return Mark.model_validate(reading.read_json(path, "the mark of a whole checkpoint"))
    except ValidationError as error:
        raise DataError(f"{path}: {complaint(error)}; delete the folder it lies in") from error


def _delete(checkpoint: Path) -> None:
    """The mark goes first: a deletion that is cut off leaves nothing that looks whole."""
    (checkpoint / WHOLE).unlink(missing_ok=True)
    shutil.rmtree(checkpoint, ignore_errors=True)


class _Planned(Dataset):  # type: ignore[type-arg]
    """One item per optimiser step: its number."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def __len__(self) -> int:
        return len(self.work.steps)

    def __getitem__(self, number: int) -> int:
        return number


def _trainer(work: Work) -> Any:
    settings = work.settings
    world_size = processes.world_size()
    total = len(work.steps)
    is_evaluated = work.evaluate is not None
    every = min(total, settings.evaluate_every or total)
    chooses_best = is_evaluated and settings.selection == "best"
    arguments = transformers.TrainingArguments(
        output_dir=str(work.folder),
        num_train_epochs=1,
        learning_rate=settings.learning_rate,
        per_device_train_batch_size=1,  # the Trainer sees whole steps; `training_step` cuts them to pieces
        bf16=settings.precision == "bfloat16",
        use_cpu=not torch.cuda.is_available(),
        optim="adamw_torch_fused",
        weight_decay=settings.weight_decay,
        adam_epsilon=settings.adam_epsilon,
        warmup_steps=settings.warmup,
        lr_scheduler_type="linear",
        max_grad_norm=settings.max_grad_norm,
        logging_steps=max(1, total // LOGGED),
        logging_nan_inf_filter=False,
        eval_strategy="steps" if is_evaluated else "no",
        eval_steps=every,
        save_strategy="steps" if work.keep_checkpoints else "no",
        save_steps=every if chooses_best else settings.save_every or min(every, SAVE_EVERY),
        save_total_limit=None,  # `_save_checkpoint` deletes, once the new one is whole
        load_best_model_at_end=chooses_best,
        metric_for_best_model="score" if chooses_best else None,
        greater_is_better=True if chooses_best else None,
        restore_callback_states_from_checkpoint=True,
        report_to=list(work.report_to),
        run_name=work.label,
        disable_tqdm=True,
        seed=work.seed,
        data_seed=work.seed,
        dataloader_pin_memory=torch.cuda.is_available(),
        ddp_find_unused_parameters=world_size > 1,  # each step leaves other tasks' heads alone
    )
    if settings.gradient_checkpointing:
        work.model.recompute_activations()
    if arguments.bf16 and arguments.use_cpu:
        work.model.suit_bfloat16()
    arguments._n_gpu = min(1, arguments.n_gpu)  # several devices are used through torchrun, not through DataParallel
    callbacks: list[Any] = [_Progress(work)]
    if chooses_best and settings.patience:
        callbacks.append(transformers.EarlyStoppingCallback(settings.patience))
    trainer = _PlannedTrainer(work, model=work.model, args=arguments, eval_dataset=[0], callbacks=callbacks)
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


class _OutOfMemory(Exception):
    """A micro-batch of so many padded `tokens` did not fit."""

    def __init__(self, tokens: int) -> None:
        super().__init__(tokens)
        self.tokens = tokens


class _PlannedTrainer(transformers.Trainer):  # type: ignore[misc]
    """The library's Trainer, one planned optimiser step after the other."""

    def __init__(self, work: Work, **options: Any) -> None:
        super().__init__(train_dataset=_Planned(work), **options)
        self.work = work
        self.loss_is_scaled_for_ga = True
        device = "cuda" if self.args.device.type == "cuda" else "cpu"
        self.budget = MICRO_BATCH_TOKENS[device, work.settings.precision]
        self.step_loss: Any = None
        self.weights: int = sum(p.numel() for n, p in work.model.encoder.named_parameters() if "embeddings" not in n)

    def get_train_dataloader(self) -> Any:
        """The numbers of the steps, in order; every process reads its own rows of a step."""
        return DataLoader(self.train_dataset, batch_size=1, collate_fn=lambda numbers: numbers[0])

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], None]:
        """One step; its items are counted in `_micro_batches`."""
        return [number for _, number in zip(range(num_batches), epoch_iterator, strict=False)], None

    def floating_point_ops(self, inputs: Any) -> float:
        """Of one step: 6 per token and weight of the blocks (Kaplan et al. 2020, arXiv:2001.08361, section 2.1)."""
        return float(6.0 * self.work.tokens_by_step[int(inputs)] * self.weights)

    def training_step(self, model: Any, number: int, *_: Any, **__: Any) -> Any:
        """Forward and backward passes over this process's rows of a step, in micro-batches that memory holds.

        When memory runs out, the step is done again in micro-batches half as large.
        """
        while True:
            try:
                self.step_loss = self._accumulated(model, number)
                return self.step_loss
            except _OutOfMemory as error:
                model.zero_grad()
                self._refuse_to_cut(number, error)
                self._halve(error)

    def _accumulated(self, model: Any, number: int) -> Any:
        batches = list(self._micro_batches(number))
        total = None
        for place, batch in enumerate(batches):
            is_last = place == len(batches) - 1
            with contextlib.nullcontext() if is_last else self.accelerator.no_sync(model=model):
                loss = self._one_pass(model, batch)
            total = loss if total is None else total + loss
        return total

    def _one_pass(self, model: Any, batch: Batch) -> Any:
        try:
            return super().training_step(model, batch)
        except torch.OutOfMemoryError as error:
            raise _OutOfMemory(batch["input_ids"].numel()) from error
        except RuntimeError as error:
            if "can't allocate memory" in str(error):  # the CPU's allocator has no class of its own
                raise _OutOfMemory(batch["input_ids"].numel()) from error
            raise

    def _refuse_to_cut(self, number: int, error: _OutOfMemory) -> None:
        step = self.work.steps[number]
        if self.work.tasks[step.task].is_whole:
            raise SettingError(
                f"{self.work.label}: out of memory with the {len(step.rows)} pairs of a step of {step.task}, which are "
                "each other's negatives and stay together; give a smaller batch_size or max_length, precision bfloat16 "
                "or gradient_checkpointing"
            ) from error

    def _halve(self, error: _OutOfMemory) -> None:
        settings = self.work.settings
        if self.args.world_size > 1:  # the other processes wait for this one's gradients
            raise SettingError(
                f"{self.work.label}: out of memory with {error.tokens} tokens at once on one of {self.args.world_size} "
                f"processes; give micro_batch a number of rows below {settings.micro_batch or settings.batch_size}"
            ) from error
        if self.budget <= 1:
            raise SettingError(
                f"{self.work.label}: one row does not fit in the memory of {self.args.device}; use a smaller "
                "max_length, precision bfloat16 or gradient_checkpointing"
            ) from error
        self.budget = min(self.budget, error.tokens) // 2
        log.warning(
            "%s: out of memory; going on with micro-batches of at most %d tokens, half as large, accumulated twice as "
            "often",
            self.work.label,
            self.budget,
        )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _micro_batches(self, number: int) -> Iterator[Batch]:
        """This process's rows of a step, collated in pieces of at most `budget` padded tokens."""
        step = self.work.steps[number]
        task = self.work.tasks[step.task]
        items = sum(task.items(row, number) for row in step.rows)
        mine = step.rows[self.args.process_index :: self.args.world_size]
        if task.is_whole:
            yield self._whole(number, task, mine, items)
            return
        keep = 1.0 if mine else 0.0
        for piece in pieces(mine or step.rows[-1:], task.lengths, self.budget, self.work.settings.micro_batch):
            batch = self.work.collate([task.row(row, number) for row in piece])
            yield batch | {
                "head": task.head,
                "keep": torch.full((len(piece),), keep),
                "items": torch.tensor(float(max(1, items))),
            }

    def _whole(self, number: int, task: TaskRows, mine: Sequence[int], items: int) -> Batch:
        """All of this process's rows, filled up so that every process has equally many."""
        rows = self.work.steps[number].rows
        share = -(-len(rows) // self.args.world_size)
        filled = [*mine, *rows[:1] * (share - len(mine))]
        keep = [1.0] * len(mine) + [0.0] * (share - len(mine))
        batch = self.work.collate([task.row(row, number) for row in filled])
        return batch | {"head": task.head, "keep": torch.tensor(keep), "items": torch.tensor(float(max(1, items)))}

    def compute_loss(self, model: Any, inputs: Batch, *_: Any, **__: Any) -> Any:
        """This micro-batch's share of the step's mean loss; gradients are averaged over processes, hence the factor."""
        return model(**inputs)["loss"] * self.args.world_size

    def _clip_grad_norm(self, model: Any) -> Any:
        """As the library's; a step that is not finite ends the training before it moves a weight."""
        norm = super()._clip_grad_norm(model)
        if not (math.isfinite(float(self.step_loss)) and math.isfinite(float(norm))):
            number = self.state.global_step
            raise self._diverged("the loss became NaN or infinite in", number)
        return norm

    def check_weights(self) -> None:
        """Raise `NumericError` when the final weights give no finite loss; no later step looks at what the last did."""
        last = len(self.work.steps) - 1
        self.model.eval()
        with torch.no_grad():
            loss = self.accelerator.unwrap_model(self.model)(**self._prepare_inputs(next(self._micro_batches(last))))
        if not math.isfinite(float(loss["loss"])):
            raise self._diverged(BROKEN, last)

    def _diverged(self, what: str, number: int) -> NumericError:
        step = self.work.steps[number]
        names = list(dict.fromkeys(self.work.tasks[step.task].name(row) for row in step.rows))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        last = last_whole_checkpoint(self.work.folder)
        kept = (
            f"the last good weights are those of step {last.name.rpartition('-')[2]}" if last else "no weight was kept"
        )
        return NumericError(
            f"{self.work.label}: {what} step {number + 1} of {len(self.work.steps)}, a batch of {step.task} with the "
            f"examples {shown}; {kept}; give a learning_rate below {self.work.settings.learning_rate:g} or check those "
            "examples"
        )

    # --- development scores

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Scores on the English development data, computed by the first process for all."""
        from accelerate.utils import broadcast_object_list

        assert self.work.evaluate is not None
        started = time.monotonic()
        scores: list[Any] = [None]
        if self.is_world_process_zero():
            self.model.eval()
            try:
                scores = [self.work.evaluate()]
            except NumericError as error:
                raise self._diverged(BROKEN, self.state.global_step - 1) from error
            self.model.train()
        if self.args.world_size > 1:
            scores = broadcast_object_list(scores)
        metrics = {f"eval_{name}": value for name, value in scores[0].items()}
        metrics["eval_seconds"] = time.monotonic() - started
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    # --- checkpoints

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Weights as one safetensors file, those that heads share once."""
        from safetensors.torch import save_model

        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            save_model(self.accelerator.unwrap_model(self.model), str(folder / WEIGHTS))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self._load(Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        self._load(self._checkpoint(self.state.best_global_step))

    def _load(self, folder: Path) -> None:
        from safetensors.torch import load_file, load_model

        table = getattr(self.work.model, "table", None)
        if table is not None:
            saved = load_file(folder / WEIGHTS)
            rows = next((tensor for name, tensor in saved.items() if name.endswith(ROWS)), torch.empty(0))
            table.refuse_other_rows(rows, str(folder))
        load_model(self.accelerator.unwrap_model(self.model), str(folder / WEIGHTS))

    def take_over(self, checkpoint: Path) -> None:
        """The weights and the history of a training that ended with `checkpoint`."""
        self.state = transformers.TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
        self._progress.before = _mark(checkpoint).seconds
        if self.args.load_best_model_at_end:
            self._load_best_model()
        else:
            self._load(checkpoint)

    @property
    def _progress(self) -> _Progress:
        found: _Progress = next(cb for cb in self.callback_handler.callbacks if isinstance(cb, _Progress))
        return found

    def _checkpoint(self, step: int) -> Path:
        return Path(self.args.output_dir) / f"checkpoint-{step}"

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """As the library's, then the mark that says that it is whole; older ones go after that.

        Raises `WriteError` where it cannot be written; what there is of it is deleted then.
        """
        folder = self._checkpoint(self.state.global_step)
        try:
            with telling_of_a_full_disk(f"{self.work.label}: the checkpoint of step {self.state.global_step}"):
                super()._save_checkpoint(model, trial)
                self.accelerator.wait_for_everyone()
                if self.args.should_save:
                    write_atomically(folder / WHOLE, self._mark().model_dump_json() + "\n")
        except WriteError as error:
            _delete(folder)
            last = last_whole_checkpoint(self.work.folder)
            where = f"step {last.name.rpartition('-')[2]}" if last else "its beginning"
            raise WriteError(f"{error}; make room and give the same command again, it goes on from {where}") from error
        if self.args.should_save:
            self._drop_old_checkpoints()

    def _mark(self) -> Mark:
        has_finished = self.control.should_training_stop or self.state.global_step >= self.state.max_steps
        return Mark(seconds=self._progress.seconds, finished=has_finished)

    def _drop_old_checkpoints(self) -> None:
        last = self.state.global_step
        steps = sorted(int(path.name.rpartition("-")[2]) for path in self.work.folder.glob("checkpoint-*"))
        best = self.state.best_global_step if self.args.load_best_model_at_end else None
        before = [step for step in steps if step < last]
        kept = {last, best or (before[-1] if before else last)}
        for step in before:
            if step not in kept:
                _delete(self._checkpoint(step))


class _Progress(transformers.TrainerCallback):  # type: ignore[misc]
    """One bar with loss, tokens per second and the time left; evaluates and saves at the very end too."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.before = 0.0
        self.started = self.paused = 0.0
        self.tokens = 0
        self.bar: Any = None

    @property
    def seconds(self) -> float:
        """Training time so far, in this and earlier calls."""
        return self.before + (time.monotonic() - self.started - self.paused if self.started else 0.0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        from tqdm import tqdm

        done = state.global_step
        checkpoint = self.work.folder / f"checkpoint-{done}" / WHOLE
        if done and checkpoint.is_file():
            self.before = _mark(checkpoint.parent).seconds
        self.tokens = 0
        self.started, self.paused = time.monotonic(), 0.0
        self.bar = tqdm(
            total=state.max_steps,
            initial=done,
            desc=self.work.label,
            unit="step",
            disable=not state.is_local_process_zero or printing.is_quiet(),
            mininterval=0.5 if sys.stderr.isatty() else 30,
        )

    def on_optimizer_step(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        table = getattr(self.work.model, "table", None)
        if table is not None:
            table.note_step(optimizer)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.tokens += self.work.tokens_by_step[state.global_step - 1]
        self.bar.update(1)
        if state.global_step >= state.max_steps:
            control.should_evaluate = self.work.evaluate is not None
            control.should_save = self.work.keep_checkpoints

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, float], **_: Any) -> None:
        self.paused += metrics.get("eval_seconds", 0.0)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, float], **_: Any) -> None:
        if "loss" in logs and self.bar is not None:
            rate = self.tokens / max(1e-9, time.monotonic() - self.started - self.paused)
            self.bar.set_postfix_str(f"loss {logs['loss']:.3f}, {rate:,.0f} tokens/s", refresh=False)

    def close(self) -> None:
        """End the bar's line: an error message would stand in it."""
        if self.bar is not None:
            self.bar.close()


def _outcome(work: Work, trainer: Any) -> Outcome:
    state = trainer.state
    table = work.model.encoder.get_input_embeddings()
    scores = [
        {"step": entry["step"]}
        | {name.removeprefix("eval_"): value for name, value in entry.items() if name.startswith("eval_")}
        for entry in state.log_history
        if "eval_seconds" in entry
    ]
    return Outcome(
        losses=[(entry["step"], entry["loss"]) for entry in state.log_history if "loss" in entry],
        scores=scores,
        best_step=state.best_global_step if trainer.args.load_best_model_at_end else None,
        steps=state.global_step,
        tokens=sum(work.tokens_by_step[: state.global_step]),
        seconds=trainer._progress.seconds,
        processes=trainer.args.world_size,
        micro_batch_tokens=trainer.budget,
        device=_device_name(trainer.args.device),
        table_rows=len(table.weight),
        vocabulary=table.num_embeddings,
        products=products.fastest() if trainer.args.device.type == "cpu" else "default",
    )


def _device_name(device: Any) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
