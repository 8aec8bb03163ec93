"""Train one planned stage: load, encode, walk the plan, write the stage's bundle."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts_eval import bundle
from xstilts_eval.benchmark import Kind
from xstilts_eval.errors import DataError, SettingError
from xstilts_eval.models import choices, pairs, spans, tagging
from xstilts_eval.models.batching import default_batch_tokens
from xstilts_eval.models.checkpoint import is_language_model, resolve
from xstilts_eval.models.encoder import Loaded, Runtime, model_positions
from xstilts_eval.models.source import Source
from xstilts_eval.models.tokenizer_check import refuse_foreign_tokenizer
from xstilts_eval.training import batches, development, loop, rows, stage
from xstilts_eval.training import model as heads
from xstilts_eval.training.material import Material
from xstilts_eval.training.run import is_first_process, wait_for_everyone
from xstilts_eval.training.stage import Plan

log = logging.getLogger("xstilts_eval")

ROWS = {
    Kind.PAIR: rows.pair_rows,
    Kind.TAGGED: rows.tagged_rows,
    Kind.QUESTION: rows.question_rows,
    Kind.CHOICE: rows.choice_rows,
}
LENGTHS = {
    Kind.PAIR: pairs.MAX_LENGTH,
    Kind.TAGGED: tagging.MAX_LENGTH,
    Kind.QUESTION: spans.MAX_LENGTH,
    Kind.CHOICE: choices.MAX_LENGTH,
}
"""The benchmark's lengths, for settings without one."""


def fit(plan: Plan, work: Path, stages: Path, report_to: Sequence[str] = ()) -> Path:
    """Train `plan` in the folder `work`, going on from its checkpoints, and write the finished stage.

    Raises `UnfitCheckpoint` for a base without the tokenizer or the head that is needed, `SettingError` for lengths the
    model has no positions for, `DataError` for a set without a usable row, `NumericError` when the loss diverges.
    """
    import transformers

    transformers.set_seed(plan.seed)
    source = plan.parent.source(stages)
    learner = Text(plan, source) if is_language_model(source.config) else Heads(plan, source, stages)
    parts = {name: batches.Part(task.lengths, *learner.part[name]) for name, task in learner.tasks.items()}
    steps = batches.plan(
        parts, plan.mixture.sampling, plan.seed, plan.settings.group_by_length, plan.settings.max_steps
    )
    job = loop.Work(
        model=learner.model,
        tasks=learner.tasks,
        steps=steps,
        settings=plan.settings,
        seed=plan.seed,
        folder=work,
        label=f"{plan.name} · seed {plan.seed}",
        pad_token_id=learner.pad_token_id,
        evaluate=learner.scores if any(m.development for m in plan.materials) else None,
        report_to=tuple(report_to),
    )
    outcome = loop.train(job)
    folder = plan.folder(stages)
    if is_first_process():
        mixture = {
            "asked": plan.mixture.sampling.shares(parts) if len(parts) > 1 else {name: 1.0 for name in parts},
            "seen": batches.seen(steps),
        }
        record = stage.record_of(plan, outcome, mixture, learner.counts)
        folder = stage.write(plan, work, stages, learner.save, record)
    wait_for_everyone()
    return folder


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
        self.model = heads.build(source, list(specs.values()))
        refuse_foreign_tokenizer(source.name, self.tokenizer, self.model.encoder)
        self.pad_token_id = int(self.tokenizer.pad_token_id or 0)
        self.tasks: dict[str, loop.TaskRows] = {}
        self.part: dict[str, tuple[int, float, float | None]] = {}
        self.counts: dict[str, dict[str, Any]] = {}
        for material in plan.materials:
            self._add(material)

    def _add(self, material: Material) -> None:
        name, kind = material.task.name, material.task.kind
        found = ROWS[kind](self._loaded(material), material.training, material.labels)
        if not found:
            raise DataError(f"{name}: none of {len(material.training)} examples gives a row to train on")
        items = [heads.items_of(kind, row) for row in found]
        kept = [index for index, count in enumerate(items) if count]
        ids = [str(material.training[row["document"]]["id"]) for row in found]
        self.tasks[name] = loop.TaskRows(
            head=material.head,
            lengths=[rows.length(found[index]) for index in kept],
            row=lambda index, _: found[kept[index]],
            items=lambda index, _: items[kept[index]],
            name=lambda index: ids[kept[index]],
        )
        settings = material.settings
        self.part[name] = (settings.batch_size, settings.epochs, material.entry.weight)
        self.counts[name] = {
            "rows": len(kept),
            "rows_without_labels": len(found) - len(kept),
            "tokens": sum(self.tasks[name].lengths),
            "longest": max(self.tasks[name].lengths),
            "head": self.origins[material.head],
        }

    def _loaded(self, material: Material) -> Loaded:
        import torch

        model = self.model.heads[material.head]
        device = next(model.parameters()).device
        dtype = torch.float32
        runtime = Runtime(device, dtype, default_batch_tokens(device), show_progress=False, automatic=True)
        wanted, positions = material.settings.max_length, model_positions(model)
        if wanted and positions and wanted > positions:
            raise SettingError(
                f"{material.task.name}: max_length {wanted}; {self.source.name} has {positions} positions"
            )
        usual = LENGTHS[material.task.kind]
        length = wanted or min(usual, positions or usual)
        return Loaded(model, self.tokenizer, runtime, length, material.task.name)

    def scores(self) -> dict[str, float]:
        """Scores on the English development data of every task; ``score`` is their plain mean (jiant's selection)."""
        found: dict[str, float] = {}
        deciding = []
        for material in self.plan.materials:
            if not material.development:
                continue
            scores = development.score(self._loaded(material), material.development, material.task, material.labels)
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
        heads.save(self.model, self.tokenizer, folder, paths)
        serves = {
            family: bundle.Head(path=paths[material.head])
            for material in plan.materials
            for family in material.task.serves
        }
        base = plan.parent.base
        return bundle.Bundle(
            encoder="encoder",
            heads=serves,
            trained=trained,
            retrieval=resolve(base.name, base.revision).retrieval,
            parent=plan.parent.identity,
            recipe=f"{plan.recipe}: {plan.name}@{plan.key}",
            seed=plan.seed,
            data_revisions=revisions(plan),
            versions=stage.versions(),
        )


def revisions(plan: Plan) -> Mapping[str, str]:
    """Data revision by ``task.language``."""
    return {f"{m.task.name}.{m.entry.language}": m.origin for m in plan.materials}


class Text:
    """A language model that learns tasks as text."""

    def __init__(self, plan: Plan, source: Source) -> None:
        raise SettingError(f"{source.name} is a language model")
