"""`xstilts eval`: the host's evaluator behind a fast front door that skips, shows progress and saves as it goes.

One family at a time: its results and samples are written (atomically) before the next begins, so that a killed run
loses at most the family it was in. Calling again with the same settings goes on where it stopped.
"""

from __future__ import annotations

import copy
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from xstilts_eval import __version__, own_datasets
from xstilts_eval.benchmark import SUITES, Family, leaf_parts
from xstilts_eval.errors import DataError, MissingData, SettingError, UnfitCheckpoint
from xstilts_eval.models.info import ModelInfo
from xstilts_eval.paths import Names, tasks_path
from xstilts_eval.results import intervals, record, scoreboard
from xstilts_eval.results import output as outputs
from xstilts_eval.results.host import HostResults, Row, RunConfig
from xstilts_eval.results.output import Identity, Output
from xstilts_eval.selection import select
from xstilts_eval.tasks import generate
from xstilts_eval.wording import counted
from xstilts_eval.writing import write_atomically

if TYPE_CHECKING:
    from xstilts_eval.models.checkpoint import Checkpoint

log = logging.getLogger("xstilts_eval")

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a run computes; two runs with equal settings may share an output folder."""

    pretrained: str
    tasks: tuple[str, ...] = ("xtreme_*",)
    data: str | None = None
    split: str | None = None
    limit: float | None = None
    num_fewshot: int = 0
    apply_chat_template: bool = False
    model_args: tuple[tuple[str, Any], ...] = ()
    gen_kwargs: tuple[tuple[str, Any], ...] = ()

    def identity(self, revisions: dict[str, str], checkpoint: object) -> Identity:
        """What makes a run the same run, as plain data: settings, data revisions by leaf, checkpoint files, version."""
        settings = asdict(self)
        for name in ("model_args", "gen_kwargs"):
            settings[name] = dict(settings[name])
        found = {"settings": settings, "data": revisions, "checkpoint": checkpoint, "xstilts": __version__}
        families = {leaf_parts(leaf)[0] for leaf in revisions}
        if origins := {family.group: file for family in families if (file := own_datasets.origin(family))}:
            found["datasets"] = origins
        plain: Identity = json.loads(json.dumps(found, default=str))
        return plain


def runnable(
    selected: dict[Family, list[str]], checkpoint: Checkpoint, settings: Settings
) -> tuple[dict[Family, list[str]], dict[str, str]]:
    """What can run, and for everything else the reason, by group name or, where others of a group run, by leaf.

    A leaf whose files are broken is left out like one without files, and is always named by itself.
    """
    from xstilts_eval.tasks.documents import load_leaf

    fit: dict[Family, list[str]] = {}
    skipped: dict[str, str] = {}
    for family, languages in selected.items():
        try:
            checkpoint.check(family)
            if (settings.num_fewshot or settings.apply_chat_template) and checkpoint.has_head(family):
                raise UnfitCheckpoint("a head takes neither examples nor a chat template")
        except UnfitCheckpoint as error:
            skipped[family.group] = str(error)
            continue
        errors: dict[str, DataError] = {}
        for language in languages:
            try:
                load_leaf(family, language, settings.data, settings.split)
            except DataError as error:
                errors[language] = error
        present = [language for language in languages if language not in errors]
        if present:
            fit[family] = present
        together = [] if present else [reason for reason in errors.values() if isinstance(reason, MissingData)]
        for language, reason in errors.items():
            if reason not in together:
                leaf = family.leaf(language)
                skipped[leaf] = str(reason).removeprefix(f"{leaf}: ")
        if together:
            others = len(together) - 1
            skipped[family.group] = str(together[0]) + (f" (and so on for {others} more languages)" if others else "")
    return fit, skipped


def evaluate(
    settings: Settings, output: Path, overwrite: bool, say: Say, store: str | None = None
) -> scoreboard.Scoreboard | None:
    """Run everything the checkpoint and the data allow; write results, samples and scoreboard into `output`.

    `store` is the folder in which answers are kept, or ``off``; see `store.answers.folder` for the default.

    Under several processes only the first writes and returns the scoreboard. Raises `UnfitCheckpoint` when nothing can
    run and `SettingError` when `output` holds another run.
    """
    from xstilts_eval.tasks.documents import load_leaf, resolve_folder

    started = time.monotonic()
    if settings.limit is not None and settings.limit <= 0:
        raise SettingError(f"--limit must be above 0, got {settings.limit:g}")
    selected = select(settings.tasks)
    resolve_folder(settings.data)
    session = _Session(settings, {family.suite for family in selected}, store)
    fit, skipped = runnable(selected, session.checkpoint, settings)
    for name, reason in skipped.items():
        say(f"skipped {name}: {reason}")
    if not fit:
        raise UnfitCheckpoint(f"{settings.pretrained} can run none of the selected tasks; see the reasons above")
    revisions = {
        family.leaf(language): load_leaf(family, language, settings.data, settings.split).revision
        for family, languages in fit.items()
        for language in languages
    }
    given = _places(settings, session)
    names, identity = Names(given, output), settings.identity(revisions, session.checkpoint.fingerprint())
    identity = Names(given, output, always=True).in_value(identity)  # the same run, however its files are named
    if not session.is_first:
        _run_families(session, fit, None, say, names)
        return None
    with outputs.opened(output, identity, overwrite, say, may_wait=session.is_alone) as folder:
        parts = _run_families(session, fit, folder, say, names)
        merged = merge(parts)
        write_atomically(output / "results.json", _dump(merged))
        board = scoreboard.build([record.from_host(merged, str(output / "results.json"))], names.in_value(skipped))
        write_scoreboard(board, output)
    say(f"{counted(len(parts), 'family', 'families')} in {time.monotonic() - started:.0f} s")
    return board


def _places(settings: Settings, session: _Session) -> list[str | Path | None]:
    """Folders and files that a run's files name: what was given, and where tasks come from."""
    given = [settings.pretrained, settings.data, *(str(value) for _, value in settings.model_args)]
    own = [own_datasets.file_of(dataset) for dataset in own_datasets.own()]
    return [*given, *own, *session.folders, tasks_path(), Path.cwd()]


def write_scoreboard(board: scoreboard.Scoreboard, output: Path) -> None:
    """``scoreboard.json`` and ``scoreboard.md`` into `output`."""
    from xstilts_eval.results import render

    write_atomically(output / "scoreboard.json", json.dumps(board.to_json(), indent=1, ensure_ascii=False) + "\n")
    write_atomically(output / "scoreboard.md", render.markdown(board))


def _run_families(
    session: _Session, fit: dict[Family, list[str]], output: Output | None, say: Say, names: Names
) -> list[HostResults]:
    """Results family by family, on the first process, which has the `output`; finished ones are not run again."""
    done = session.from_first(output.whole(say) if output else [])
    parts = []
    for family, languages in fit.items():
        if family.group in done:
            say(f"{family.group}: done before, kept")
            if output:
                parts.append(output.read(family.group))
            continue
        results = session.run([family.leaf(language) for language in languages])
        if results is None or output is None:
            continue
        samples = results.pop("samples")
        interval = intervals.family_interval(family, {leaf_parts(leaf)[1]: rows for leaf, rows in samples.items()})
        results["xstilts_intervals"] = {family.group: interval}
        for part in ("config", "configs", "model_name"):
            results[part] = names.in_value(results[part])
        output.finish(family.group, _dump(results), {leaf: _lines(rows) for leaf, rows in samples.items()})
        parts.append(results)
    return parts


class _Session:
    """One loaded adapter and one task manager for all families."""

    def __init__(self, settings: Settings, suites: set[str], store: str | None = None) -> None:
        import lm_eval.models  # noqa: F401  (fills the registry before ours is added)
        from lm_eval.tasks import TaskManager

        from xstilts_eval.models.adapter import XstiltsLM

        logging.getLogger("lm_eval").setLevel(logging.WARNING)
        self._settings = settings
        self._model = XstiltsLM(pretrained=settings.pretrained, store=store, **dict(settings.model_args))
        metadata = {name: value for name, value in (("data", settings.data), ("split", settings.split)) if value}
        # Each file costs a parse, so those of other suites are left out.
        folders: list[str | Path] = [str(tasks_path() / suite) for suite in sorted(suites) if SUITES[suite].built_in]
        if own := [one for one in own_datasets.own() if one.suite in suites]:
            self._written = tempfile.TemporaryDirectory(prefix="xstilts-tasks-")
            generate.write_own(Path(self._written.name), own)
            folders.append(self._written.name)
        self.folders = folders
        self._manager = TaskManager(include_path=folders, include_defaults=False, metadata=metadata)

    @property
    def checkpoint(self) -> Checkpoint:
        return self._model.checkpoint

    @property
    def is_first(self) -> bool:
        return self._model.processes.is_first

    @property
    def is_alone(self) -> bool:
        return self._model.processes.world_size == 1

    def from_first(self, value: T) -> T:
        """The first process's value, on every process."""
        return self._model.processes.all_gather_object(value)[0]

    def run(self, leaves: list[str]) -> HostResults | None:
        """Host results of the leaves with samples; None on any process but the first.

        The host's `evaluate` does the work; what `simple_evaluate` adds around it (a survey of the machine that takes
        seconds, a call to git) is left out, and what the results file needs of it is filled in here.
        """
        from lm_eval import __version__ as lm_eval_version
        from lm_eval import evaluate

        from xstilts_eval.tasks.leaf import is_filler

        loaded = self._manager.load(leaves)
        for task in loaded["tasks"].values():
            task.set_config("num_fewshot", 0 if task.is_retrieval else self._settings.num_fewshot)
            task.limit = self._settings.limit
            if self._settings.gen_kwargs and task.config.generation_kwargs:
                task.set_config("generation_kwargs", dict(self._settings.gen_kwargs), update=True)
        results: HostResults | None = evaluate(
            self._model,
            loaded,
            limit=self._settings.limit,
            apply_chat_template=self._settings.apply_chat_template,
            fewshot_as_multiturn=self._settings.apply_chat_template,  # as the host's command
            log_samples=True,
            bootstrap_iters=0,
        )
        if results is None:
            return None
        for leaf, rows in results["samples"].items():
            results["samples"][leaf] = [row for row in rows if not is_filler(row["doc"])]
        arguments = {"pretrained": self._settings.pretrained, **dict(self._settings.model_args)}
        config = {"model": "xstilts", "model_args": arguments, "limit": self._settings.limit}
        more: HostResults = {
            "config": cast(RunConfig, config | self._model.get_model_info()),
            "model_name": self._settings.pretrained,
            "date": time.time(),
            "lm_eval_version": lm_eval_version,
        }
        return cast(HostResults, {**results, **more})


def merge(parts: Sequence[HostResults]) -> HostResults:
    """One host results dictionary from those of single families."""
    merged: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            if name == "config" and name in merged:
                _add_model_info(merged[name]["xstilts"], part["config"]["xstilts"])
            elif isinstance(value, dict) and name != "config":
                merged.setdefault(name, {}).update(value)
            else:
                merged[name] = copy.deepcopy(value)
    return cast(HostResults, merged)


def _add_model_info(merged: ModelInfo, other: ModelInfo) -> None:
    """Add what another family's run says about the same model."""
    into, more = cast(dict[str, Any], merged), cast(dict[str, Any], other)
    for field in ("heads", "rankers", "trained_on", "counts", "max_length", "label_order", "label_maps", "first_piece"):
        into.setdefault(field, {}).update(more.get(field, {}))
    if into["language_model"]:
        for field in ("families", "forced_languages"):
            into["language_model"][field] += more["language_model"].get(field, [])
    into["chat_template"] |= more["chat_template"]


def _dump(value: Any) -> str:
    from lm_eval.utils import handle_non_serializable

    return json.dumps(value, indent=1, ensure_ascii=False, default=handle_non_serializable) + "\n"


def _lines(samples: Iterable[Row]) -> str:
    from lm_eval.utils import handle_non_serializable

    ordered = sorted(samples, key=lambda sample: sample["doc_id"])
    return "".join(json.dumps(sample, ensure_ascii=False, default=handle_non_serializable) + "\n" for sample in ordered)
