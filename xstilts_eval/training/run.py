"""From a recipe to a bundle: stages are looked up or trained, one after the other, and put together at the end."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from xstilts_eval import bundle, foreign, heap, paths, processes, reading
from xstilts_eval.errors import SettingError, UnfitCheckpoint, XstiltsError
from xstilts_eval.models.checkpoint import is_language_model, resolve
from xstilts_eval.models.source import Source
from xstilts_eval.reading import Json
from xstilts_eval.training import stage
from xstilts_eval.training.recipe import Recipe, TaskEntry
from xstilts_eval.training.stage import Parent, Plan, Say
from xstilts_eval.wording import counted
from xstilts_eval.writing import write_atomically

log = logging.getLogger("xstilts_eval")

RECIPE = "recipe.json"
_PAUSE = 5.0
"""Seconds between two looks at a stage that another process trains; processes of one run meet as often."""


def run(
    recipe: Recipe,
    output: Path,
    data: str | None = None,
    stages: Path | None = None,
    report_to: Sequence[str] = (),
    overwrite: bool = False,
    say: Say = print,
    wait: bool = False,
) -> list[Path]:
    """Train everything a recipe asks for that is not there yet; returns the bundle of each seed.

    `stages` keeps the trained stages of all recipes (default: ``stages`` beside `output`). One seed is written to
    `output`, several to ``output/seed-N``. With `wait` a stage that another process trains is waited for. Raises
    `SettingError` for an `output` made by another recipe.
    """
    stages = stages or output.parent / "stages"
    if len(recipe.seeds) > 1 and output.exists() and any(output.iterdir()) and not any(output.glob("seed-*")):
        raise SettingError(f"{output} exists and is no folder of seeds; give another --output")
    made = []
    for seed in recipe.seeds:
        folder = output if len(recipe.seeds) == 1 else output / f"seed-{seed}"
        check_output(recipe, folder, overwrite)
        made.append(_one_seed(recipe, seed, folder, data, stages, report_to, say, wait))
    return made


def check_output(recipe: Recipe, folder: Path, overwrite: bool) -> None:
    """Raise `SettingError` when `folder` holds anything but this recipe's own run."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    written = folder / RECIPE
    try:
        found = reading.json_object(written, "the recipe of a run")
    except (OSError, ValueError):
        raise SettingError(f"{folder} exists and is no run of a recipe; give another --output") from None
    other = found.get("recipe")
    if not _is_of(recipe, other, folder) and not overwrite:
        raise SettingError(
            f"{folder} was made by another recipe ({_name_of(other)}, other settings than now); give another --output, "
            "or --overwrite"
        )


def _name_of(written: object) -> str:
    return str(written.get("name", "?")) if isinstance(written, dict) else "?"


def _is_of(recipe: Recipe, written: object, folder: Path) -> bool:
    """Whether a folder's recipe is this one; keys that came later have their default in an older one."""
    try:
        return isinstance(written, dict) and _named(Recipe(**written), folder) == _named(recipe, folder)
    except (ValidationError, XstiltsError):
        return False


def _named(recipe: Recipe, folder: Path, always: bool = True) -> dict[str, Json]:
    """A recipe as plain data, its paths named relative to the folder of the run (see `paths.Names`)."""
    content = recipe.model_dump(mode="json")
    named: dict[str, Json] = paths.Names(paths.absolute_in(content), folder, always).in_value(content)
    return named


def plans(
    recipe: Recipe, seed: int, data: str | None = None, without_data: bool = False, base: Source | None = None
) -> list[Plan]:
    """Every stage of a recipe, data read and settings settled, before anything is trained.

    `without_data`: see `stage.plan`. `base` is the recipe's, opened already: its hash is not computed again.
    """
    base = base or Source(recipe.base.model, recipe.base.revision)
    is_text = is_language_model(base.config)
    if is_text:
        _refuse_dual_encoders(recipe, base.name)
    parent = Parent(base, base.identity)
    found: list[Plan] = []
    for wanted in recipe.intermediate:
        if is_text and wanted.mlm:
            raise SettingError(f"recipe {recipe.name}: {base.name} is a language model; mlm is for encoders")
        found.append(
            stage.plan(
                wanted.tasks,
                parent,
                wanted.preset,
                wanted.settings,
                seed,
                data,
                recipe.name,
                wanted.mixture,
                wanted.mlm,
                recipe.reuse_heads,
                without_data,
            )
        )
        parent = Parent(base, found[-1].key, found[-1])
    # An encoder gets a stage per target; a language model answers all with the same weights and learns them together.
    groups = [recipe.targets.tasks] if is_text else [(entry,) for entry in _distinct(recipe.targets.tasks)]
    found += [
        stage.plan(
            group,
            parent,
            recipe.targets.preset,
            recipe.targets.settings,
            seed,
            data,
            recipe.name,
            reuse_heads=recipe.reuse_heads,
            without_data=without_data,
        )
        for group in groups
        if group
    ]
    return found


def _refuse_dual_encoders(recipe: Recipe, base: str) -> None:
    entries = [entry for stage in recipe.intermediate for entry in stage.tasks] + list(recipe.targets.tasks)
    for entry in entries:
        if entry.task.kind.learns == "encoder":
            raise SettingError(
                f"recipe {recipe.name}: {base} is a language model and {entry.task.name} trains a dual encoder; give "
                "an encoder such as XLM-R, or take the task out"
            )


def _distinct(entries: Sequence[TaskEntry]) -> list[TaskEntry]:
    """XQuAD and MLQA are trained on the same examples: once."""
    return list({(entry.task.name, entry.model_dump_json(exclude={"name"})): entry for entry in entries}.values())


def _one_seed(
    recipe: Recipe,
    seed: int,
    output: Path,
    data: str | None,
    stages: Path,
    report_to: Sequence[str],
    say: Say,
    wait: bool = False,
) -> Path:
    planned = plans(recipe, seed, data)
    folders = []
    for one in planned:
        folder = _ready(one, stages, say) if wait else stage.find(one, stages)
        if folder is None:
            say(stage.described(one))
            folder = train_stage(one, stages, report_to)
            say(summary(one, folder))
        else:
            say(f"stage {one.name} ({one.key}) is there already: {folder}")
            stage.remove_left_over(one, stages)
        folders.append(folder)
    if processes.is_first():
        assemble(recipe, seed, planned, folders, output, stages)
    processes.wait_for_everyone()
    say(f"bundle of recipe {recipe.name}, seed {seed}: {output}")
    return output


def _ready(plan: Plan, stages: Path, say: Say) -> Path | None:
    """The stage, once nobody else trains it; None where it is our turn. The first process decides for all of a run."""
    told = False
    while True:
        here = stage.find(plan, stages) if processes.is_first() else None
        other = stage.holder(plan, stages) if processes.is_first() and here is None else ""
        if processes.is_first() and here is None and not other:
            here = stage.find(plan, stages)  # it may have been finished between the two looks
        here, other = processes.from_first((here, other))
        if here is not None or not other:
            return here
        if not told:
            say(f"stage {plan.name} ({plan.key}) is being trained by {other}: waiting for it")
            told = True
        time.sleep(_PAUSE)


def train_stage(plan: Plan, stages: Path, report_to: Sequence[str] = ()) -> Path:
    """Train one stage and write it; goes on from its last checkpoint where there is one."""
    from xstilts_eval.training import fit

    with stage.working_folder(plan, stages) as work:
        folder = fit.fit(plan, work, stages, report_to)
    heap.give_back()  # the Trainer and its model refer to each other, and the next stage needs the memory
    return folder


def assemble(
    recipe: Recipe, seed: int, planned: Sequence[Plan], folders: Sequence[Path], output: Path, stages: Path
) -> None:
    """The bundle of a run: encoder of the last intermediate stage (or the base), a head for every family trained.

    Where a family was trained twice, in an intermediate stage and as a target, the target's head counts. Files are
    linked to those of the stages where the file system allows, else copied. A bundle that is there already and as it
    should be is left alone; of another one only its own parts are replaced, not what others put beside them.
    """
    made, parts = _manifest(recipe, seed, planned, folders)
    content = {
        "recipe": _named(recipe, output, always=False),
        "seed": seed,
        "stages": {plan.key: os.path.relpath(folder, output) for plan, folder in zip(planned, folders, strict=True)},
    }
    text = foreign.in_json(json.dumps(content, indent=1, ensure_ascii=False)) + "\n"
    if _is_whole(output, text):
        return
    new = output.with_name(f".{output.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    base = planned[0].parent.base
    for path, source in parts.items():
        if source is None:
            _copy_base(base, new / path)
        else:
            _link(source, new / path)
    bundle.write(made, new)
    write_atomically(new / RECIPE, text)
    if not output.exists():
        new.rename(output)
        return
    own = sorted({path.split("/")[0] for path in parts})
    for name in _parts_of(output) - set(own):
        _remove(output / name)
    for name in [*own, bundle.MANIFEST, RECIPE]:
        _remove(output / name)
        (new / name).rename(output / name)
    shutil.rmtree(new)


def _manifest(
    recipe: Recipe, seed: int, planned: Sequence[Plan], folders: Sequence[Path]
) -> tuple[bundle.Bundle, dict[str, Path | None]]:
    """What the bundle says, and where each of its sub-folders comes from (None: the base)."""
    base = planned[0].parent.base
    parts: dict[str, Path | None] = {"encoder": None}
    heads: dict[str, bundle.Head] = {}
    trained: dict[str, bundle.TrainedHead] = {}
    revisions: dict[str, str] = {}
    languages: dict[str, tuple[str, ...]] = {}
    language_model = None
    for number, (plan, folder) in enumerate(zip(planned, folders, strict=True)):
        manifest = bundle.read(folder)
        revisions |= manifest.data_revisions
        if manifest.language_model:
            parts["encoder"], language_model = folder / manifest.language_model, "encoder"
            languages["encoder"] = tuple(plan.languages)
        elif number < len(recipe.intermediate):
            parts["encoder"] = folder / (manifest.encoder or "encoder")
            languages["encoder"] = tuple(plan.languages)

        def placed(path: str, plan: Plan = plan, folder: Path = folder) -> str:
            place = f"{plan.name}-{plan.key}/{Path(path).name}"
            parts[place] = folder / path
            languages[place] = tuple(plan.languages)
            return place

        heads |= {name: head.model_copy(update={"path": placed(head.path)}) for name, head in manifest.heads.items()}
        trained |= {
            name: head.model_copy(update={"path": placed(head.path)}) for name, head in manifest.trained.items()
        }
    made = bundle.Bundle(
        encoder="encoder",
        heads=heads,
        trained=trained,
        language_model=language_model,
        retrieval=resolve(base.name, base.revision).retrieval if language_model is None else None,
        parent=base.identity,
        recipe=f"{recipe.name}: {' → '.join(f'{plan.name}@{plan.key}' for plan in planned)}",
        seed=seed,
        data_revisions=revisions,
        languages=languages,
        versions=stage.versions(),
    )
    used = {"encoder", *made.paths}
    return made, {path: source for path, source in parts.items() if path in used}


def _is_whole(output: Path, recipe: str) -> bool:
    """Whether a run folder holds this recipe's bundle, none of its files missing or changed."""
    try:
        if (output / RECIPE).read_text(encoding="utf-8") != recipe:
            return False
        found = bundle.read(output)
        for path in found.paths:
            bundle.verify(found, output, path)
    except (OSError, UnfitCheckpoint):
        return False
    return True


def _parts_of(output: Path) -> set[str]:
    """Sub-folders that the bundle in `output` owns; none where it has no readable manifest."""
    try:
        return {path.split("/")[0] for path in bundle.read(output).paths}
    except (OSError, UnfitCheckpoint):
        return set()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(source, target, copy_function=os.link)
    except (OSError, shutil.Error):  # another file system, or one without links
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)


def _copy_base(base: Source, target: Path) -> None:
    from xstilts_eval import fingerprints

    if base.folder is not None:
        fingerprints.copy_part(base.folder, target)
        return
    import transformers

    base.load(transformers.AutoModel).save_pretrained(target)
    base.write_tokenizer(base.tokenizer(), target)


def summary(plan: Plan, folder: Path) -> str:
    """One line about a finished stage."""
    record = stage.read_record(folder)
    outcome, mixture = record.outcome, record.mixture
    losses = [loss for _, loss in outcome.losses]
    loss = f", loss {losses[0]:.3f} → {losses[-1]:.3f}" if losses else ""
    chosen = [score for score in outcome.scores if outcome.best_step in (None, score["step"])]
    shown = "".join(
        f", {name} {100 * value:.1f}"
        for name, value in (chosen[-1] if chosen else {}).items()
        if name not in ("step", "seconds", "score")
    )
    best = f" (step {outcome.best_step} kept)" if outcome.best_step else ""
    cut = sum(counts.longer_than_window for counts in record.rows.values())
    long = f"; {counted(cut, 'example')} longer than a row" if cut else ""
    shares = "".join(f", {name} {100 * mixture.seen.get(name, 0):.0f} % of steps (asked {100 * share:.0f} %)"
                     for name, share in mixture.asked.items() if len(mixture.asked) > 1)  # fmt: skip
    return (
        f"stage {plan.name} ({plan.key}): {counted(outcome.steps, 'step')}, {outcome.tokens:,} tokens, "
        f"{outcome.seconds:.0f} s, {outcome.tokens_per_second:,.0f} tokens/s on {outcome.processes} x "
        f"{outcome.device}{loss}; English development{shown or ': no score'}{best}{long}{shares} → {folder}"
    )
