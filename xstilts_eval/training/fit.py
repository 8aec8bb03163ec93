"""Train one planned stage: load, encode, walk the plan, write the stage's bundle."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts_eval import bundle, processes
from xstilts_eval.errors import DataError, SettingError
from xstilts_eval.models.batching import default_batch_tokens
from xstilts_eval.models.checkpoint import is_language_model, resolve
from xstilts_eval.models.encoder import Loaded, Runtime, model_positions
from xstilts_eval.models.heads import HEADS
from xstilts_eval.models.source import Source
from xstilts_eval.models.tokenizer_check import refuse_foreign_tokenizer
from xstilts_eval.reading import Json
from xstilts_eval.training import batches, development, dual_encoder, loop, lora, mlm, rows, stage, text, vocabulary
from xstilts_eval.training import model as heads
from xstilts_eval.training.losses import MASKED
from xstilts_eval.training.material import Material
from xstilts_eval.training.stage import Plan
from xstilts_eval.training_tasks import TrainingTask

if TYPE_CHECKING:
    import torch

log = logging.getLogger("xstilts_eval")

MLM = heads.MLM


def usual_length(task: TrainingTask) -> int:
    """Sub-words of the longest input of a task where its settings name no `max_length`."""
    return max(task.lengths) if task.lengths else HEADS.of(task.kind).max_length


def fit(plan: Plan, work: Path, stages: Path, report_to: Sequence[str] = ()) -> Path:
    """Train `plan` in the folder `work`, going on from its checkpoints, and write the finished stage.

    Raises `UnfitCheckpoint` for a base without the tokenizer or the head that is needed, `SettingError` for lengths the
    model has no positions for, `DataError` for a set without a usable row, `NumericError` when the loss diverges.
    """
    import transformers

    transformers.set_seed(plan.seed)
    source = plan.parent.source(stages)
    learner = Text(plan, source) if is_language_model(source.config) else Heads(plan, source, stages)
    outcome, mixture = train(learner, work, report_to)
    folder = plan.folder(stages)
    if processes.is_first():
        record = stage.record_of(plan, outcome, mixture, learner.counts)
        folder = stage.write(plan, work, stages, learner.save, record)
    processes.wait_for_everyone()
    return folder


def train(
    learner: Heads | Text, work: Path, report_to: Sequence[str] = (), keep_checkpoints: bool = True
) -> tuple[loop.Outcome, dict[str, Json]]:
    """Plan the steps over a learner's rows and walk them; what came out, and the mixture's shares asked and seen."""
    plan = learner.plan
    parts = {name: batches.Part(task.lengths, *learner.part[name]) for name, task in learner.tasks.items()}
    settings = plan.settings
    steps = batches.plan(parts, plan.mixture.sampling, plan.seed, settings.group_by_length, settings.max_steps)
    asked = plan.mixture.sampling.shares(parts) if len(parts) > 1 else dict.fromkeys(parts, 1.0)
    tasks = dict(learner.tasks)
    if plan.mlm is not None and isinstance(learner, Heads):
        count = batches.extra_steps(len(steps), plan.mlm.share)
        tasks[MLM] = learner.masked_text(plan.mlm, count * settings.batch_size)
        steps = batches.interleave(steps, MLM, count, settings.batch_size, tasks[MLM].lengths, plan.seed)
        asked = {name: share * (1 - plan.mlm.share) for name, share in asked.items()} | {MLM: plan.mlm.share}
    if isinstance(learner, Heads):
        learner.model.use_fast_paths()
        if settings.embeddings == "frozen":
            learner.model.encoder.get_input_embeddings().requires_grad_(False)
        if plan.mlm is None:  # its softmax, and the words it puts in at random, need every row
            learner.model.table = vocabulary.compact(learner.model.encoder, learner.ids)
    if settings.lora is not None:
        lora.add(learner.model.encoder, settings.lora)
    job = loop.Work(
        model=learner.model,
        tasks=tasks,
        steps=steps,
        settings=settings,
        seed=plan.seed,
        folder=work,
        label=f"{plan.name} · seed {plan.seed}",
        collate=learner.collate,
        evaluate=learner.scores if any(m.development for m in plan.materials) else None,
        report_to=tuple(report_to),
        keep_checkpoints=keep_checkpoints,
    )
    outcome = loop.train(job)
    if settings.lora is not None:
        lora.merge(learner.model.encoder)
    if isinstance(learner, Heads):
        learner.model.table = None
        vocabulary.put_back(learner.model.encoder)
        learner.model.encoder.requires_grad_(True)
    return outcome, {"asked": asked, "seen": batches.seen(steps)}


class Heads:
    """An encoder with one head per task."""

    def __init__(self, plan: Plan, source: Source, stages: Path) -> None:
        self.plan, self.source = plan, source
        specs: dict[str, heads.HeadSpec] = {}
        self.origins: dict[str, str] = {}
        for material in plan.materials:
            old = plan.parent.head(material, plan.reuse_heads)
            parent = None
            if old is not None and plan.parent.stage is not None:
                parent = Source(str(plan.parent.stage.folder(stages) / old.path))
            specs.setdefault(material.head, heads.HeadSpec(material.head, material.task.kind, material.labels, parent))
            self.origins[material.head] = "of the parent" if parent else "new"
        self.tokenizer = source.tokenizer()
        changes = heads.dropouts(source.config, plan.settings.hidden_dropout, plan.settings.attention_dropout)
        self.model = heads.build(source, list(specs.values()), changes, plan.layers)
        refuse_foreign_tokenizer(source.name, self.tokenizer, self.model.encoder)
        self.tasks: dict[str, loop.TaskRows] = {}
        self.part: dict[str, tuple[int, float, float | None]] = {}
        self.counts: dict[str, dict[str, Json]] = {}
        self.ids: set[int] = set(self.tokenizer.all_special_ids)
        """Tokens of the stage's data, training and development."""
        for material in plan.materials:
            self._add(material)

    def _add(self, material: Material) -> None:
        name, how = material.task.name, rows.ROWS.of(material.task.kind)
        loaded = self.loaded(material)
        if how.are_whole:
            dual_encoder.check(name, material.settings)
        found = how.make(loaded, material.training, material.labels)
        self.ids |= rows.ids_of(found)
        if material.development:
            self.ids |= rows.ids_of(how.make(loaded, material.development, material.labels))
        items = [how.items(row) for row in found]
        kept = [index for index, count in enumerate(items) if count]
        if not kept:
            raise DataError(
                f"{name}: none of {len(material.training)} examples gives a row with a label to train on; labels are "
                + ", ".join(material.labels)
            )
        ids = [str(material.training[row["document"]]["id"]) for row in found]
        self.tasks[name] = loop.TaskRows(
            head=material.head,
            lengths=[rows.length(found[index]) for index in kept],
            row=lambda index, _: found[kept[index]],
            items=lambda index, _: items[kept[index]],
            name=lambda index: ids[kept[index]],
            is_whole=how.are_whole,
        )
        settings = material.settings
        self.part[name] = (settings.batch_size, settings.epochs, material.entry.weight)
        self.counts[name] = {
            "rows": len(kept),
            "rows_without_labels": len(found) - len(kept),
            "longer_than_window": how.longer(found, loaded),
            "tokens": sum(self.tasks[name].lengths),
            "longest": max(self.tasks[name].lengths),
            "head": self.origins[material.head],
        }

    def loaded(self, material: Material) -> Loaded:
        """The head of a task, ready to encode and to run where it is."""
        import torch

        task = material.task
        model: Any = self.model.encoder if task.kind.learns == "encoder" else self.model.heads[material.head]
        device = next(model.parameters()).device
        dtype = torch.float32
        runtime = Runtime(device, dtype, default_batch_tokens(device), show_progress=False, automatic=True)
        wanted, positions = material.settings.max_length, model_positions(model)
        if wanted and positions and wanted > positions:
            raise SettingError(f"{task.name}: max_length {wanted}; {self.source.name} has {positions} positions")
        usual = usual_length(task)
        length = wanted or min(usual, positions or usual)
        lengths = dual_encoder.lengths(task, length) if task.lengths else None
        return Loaded(model, self.tokenizer, runtime, length, task.name, material.settings.first_piece, lengths)

    def collate(self, batch: Sequence[rows.Labelled]) -> dict[str, torch.Tensor]:
        """Tensors of a micro-batch."""
        return rows.collate(batch, int(self.tokenizer.pad_token_id or 0))

    def masked_text(self, settings: mlm.MlmSettings, count: int) -> loop.TaskRows:
        """`count` rows of masked text, and the head that predicts it, from the base's own."""
        texts = mlm.read(settings)
        found = mlm.MaskedRows(
            texts,
            self.tokenizer,
            settings,
            count,
            self.plan.seed,
            self.model.encoder.get_input_embeddings().num_embeddings,
            self.loaded(self.plan.materials[0]).fields,
        )
        head = mlm.mlm_head(self.plan.parent.base, self.model.encoder)
        self.model.heads[MLM], self.model.losses[MLM] = head, MASKED
        self.counts[MLM] = {
            "rows": count,
            "lines": {language: len(text.lines) for language, text in texts.items()},
            "languages_asked": found.asked,
            "languages_seen": found.draws.seen(),
            "cut": found.cut,
            "new_weights": head.new,
        }
        return loop.TaskRows(
            head=MLM,
            lengths=found.lengths.tolist(),
            row=lambda index, _: found[index],
            items=lambda index, _: sum(label != rows.IGNORED for label in found[index]["labels"]),
            name=lambda index: f"masked text {index}",
        )

    def scores(self) -> dict[str, float]:
        """Scores on the English development data of every task; ``score`` is their plain mean (jiant's selection)."""
        found: dict[str, float] = {}
        deciding = []
        for material in self.plan.materials:
            if not material.development:
                continue
            scores = development.score(self.loaded(material), material.development, material.task, material.labels)
            deciding.append(scores.pop("score"))
            several = len(self.plan.materials) > 1
            found |= {f"{material.task.name}_{name}" if several else name: value for name, value in scores.items()}
        return {"score": sum(deciding) / len(deciding)} | found

    def save(self, folder: Path) -> bundle.Bundle:
        """Write encoder and heads; the manifest that goes with them."""
        self.model.cpu().eval()
        plan = self.plan
        trained = plan.trained_heads
        paths = {material.head: trained[material.task.name].path for material in plan.materials}
        heads.save(self.model, partial(self.source.write_tokenizer, self.tokenizer), folder, paths)
        serves = {
            family: bundle.Head(path=paths[material.head], first_piece=trained[material.task.name].first_piece)
            for material in plan.materials
            for family in material.task.serves
        }
        base = plan.parent.base
        return bundle.Bundle(
            encoder="encoder",
            heads=serves,
            trained=trained,
            retrieval=_retrieval(resolve(base.name, base.revision).retrieval, plan.layers),
            parent=plan.parent.identity,
            recipe=f"{plan.recipe}: {plan.name}@{plan.key}",
            seed=plan.seed,
            data_revisions=dict(revisions(plan)),
            languages=dict.fromkeys(["encoder", *paths.values()], tuple(plan.languages)),
            versions=stage.versions(),
        )


def _retrieval(own: bundle.Retrieval | None, layers: int | None) -> bundle.Retrieval | None:
    """How the base makes vectors, from the last block of an encoder cut below the base's own block."""
    if own is None or layers is None or own.layer is None or own.layer <= layers:
        return own
    return own.model_copy(update={"layer": layers})


def revisions(plan: Plan) -> Mapping[str, str]:
    """Data revision by ``task.language``."""
    return {f"{m.task.name}.{code}": origin for m in plan.materials for code, origin in m.origins.items()}


class Text:
    """A language model that learns tasks as text, in the prompts that evaluation asks with."""

    def __init__(self, plan: Plan, source: Source) -> None:
        import transformers

        self.plan, self.source = plan, source
        if plan.layers is not None or plan.settings.embeddings != "trained":
            raise SettingError("layers and embeddings are settings of encoders; leave them out for a language model")
        self.tokenizer = source.tokenizer(needs_offsets=False)
        shape = "AutoModelForSeq2SeqLM" if source.config.is_encoder_decoder else "AutoModelForCausalLM"
        changes: Any = heads.dropouts(source.config, plan.settings.hidden_dropout, plan.settings.attention_dropout)
        self.own_settings = {name: getattr(source.config, name) for name in changes}
        self.language_model = source.load(getattr(transformers, shape), **changes)
        refuse_foreign_tokenizer(source.name, self.tokenizer, self.language_model)
        self.model = heads.TextModel(self.language_model)
        self.tasks: dict[str, loop.TaskRows] = {}
        self.part: dict[str, tuple[int, float, float | None]] = {}
        self.counts: dict[str, dict[str, Json]] = {}
        for material in plan.materials:
            self._add(material)

    def _add(self, material: Material) -> None:
        name = material.task.name
        counts: dict[str, int] = {}
        length = material.settings.max_length or text.default_length(self.tokenizer)
        found = text.rows_of(self.tokenizer, self.source.config, material.training, material.task, length, counts)
        if not found:
            raise DataError(f"{name}: none of {len(material.training)} examples fits into {length} tokens")
        self.tasks[name] = loop.TaskRows(
            head=heads.TEXT,
            lengths=[text.length(row) for row in found],
            row=lambda index, _: found[index],
            items=lambda index, _: text.items_of(found[index]),
            name=lambda index: str(material.training[found[index]["document"]]["id"]),
        )
        settings = material.settings
        self.part[name] = (settings.batch_size, settings.epochs, material.entry.weight)
        self.counts[name] = {"rows": len(found), "tokens": sum(self.tasks[name].lengths), **counts}

    def collate(self, batch: Sequence[rows.Labelled]) -> dict[str, torch.Tensor]:
        """Tensors of a micro-batch."""
        return text.collate(batch, self.tokenizer.pad_token_id)

    def scores(self) -> dict[str, float]:
        """`text.development_score` of every task with development data; ``score`` is their mean."""
        device = next(self.language_model.parameters()).device
        found = {
            m.task.name: text.development_score(
                self.language_model, self.tokenizer, m.development, m.task, device, m.settings.max_length
            )
            for m in self.plan.materials
            if m.development
        }
        return {"score": sum(found.values()) / len(found)} | found

    def save(self, folder: Path) -> bundle.Bundle:
        """Write the language model; the manifest that goes with it."""
        for field, value in self.own_settings.items():
            setattr(self.language_model.config, field, value)
        self.language_model.cpu().eval().save_pretrained(folder / "model")
        self.source.write_tokenizer(self.tokenizer, folder / "model")
        return bundle.Bundle(
            language_model="model",
            parent=self.plan.parent.identity,
            recipe=f"{self.plan.recipe}: {self.plan.name}@{self.plan.key}",
            seed=self.plan.seed,
            data_revisions=dict(revisions(self.plan)),
            languages={"model": tuple(self.plan.languages)},
            versions=stage.versions(),
        )
