"""`xstilts eval`: the host's evaluator behind a fast front door that skips, shows progress and saves as it goes.

One dataset at a time: its results and samples are written (atomically) before the next begins, so that a killed run
loses at most the dataset it was in. Calling again with the same settings goes on where it stopped, and adds whatever
tasks were not asked for before.
"""

from __future__ import annotations

import copy
import json
import logging
import shlex
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from xstilts_eval import __version__, cycles, foreign, own_datasets, printing
from xstilts_eval.benchmark import FAMILIES, SUITES, Family, leaf_parts
from xstilts_eval.bundle import MANIFEST
from xstilts_eval.errors import DataError, MissingData, SettingError, UnfitCheckpoint
from xstilts_eval.label_reading import joined_order
from xstilts_eval.models import memory
from xstilts_eval.models.info import ModelInfo
from xstilts_eval.paths import Names, tasks_path
from xstilts_eval.results import intervals, kept, record, scoreboard, skips, statistics
from xstilts_eval.results import output as outputs
from xstilts_eval.results.host import HostResults, RunConfig
from xstilts_eval.results.kept import SamplesAs
from xstilts_eval.results.output import Identity, Output
from xstilts_eval.results.run import seed_number
from xstilts_eval.results.statistics import Counts as UnitCounts
from xstilts_eval.selection import select
from xstilts_eval.tasks import generate
from xstilts_eval.wording import counted
from xstilts_eval.writing import write_atomically

if TYPE_CHECKING:
    from xstilts_eval.models.checkpoint import Checkpoint
    from xstilts_eval.tasks.leaf import LeafTask

log = logging.getLogger("xstilts_eval")

PORTION = 10_000
"""Documents of a dataset that the host is given at once: it holds requests, answers and samples of all of them."""
Say = Callable[[str], None]
T = TypeVar("T")
Counts = dict[str, dict[str, int]]
"""By dataset, then by what is counted."""


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a run computes; calls that differ in `tasks` alone may share an output folder."""

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
        del settings["tasks"]
        for name in ("model_args", "gen_kwargs"):
            settings[name] = dict(settings[name])
        found = {"settings": settings, "data": revisions, "checkpoint": checkpoint, "xstilts": __version__}
        families = {leaf_parts(leaf)[0] for leaf in revisions}
        if origins := {family.group: file for family in families if (file := own_datasets.origin(family))}:
            found["datasets"] = origins
        plain: Identity = json.loads(json.dumps(found, default=str))
        return plain


@dataclass(frozen=True)
class Keeping:
    """What is kept beside the results, and changes none: `store` is the folder of answers, or ``off``, and `samples`.

    See `store.answers.folder` for the default of the store.
    """

    store: str | None = None
    samples: SamplesAs = "json"


def runnable(
    selected: dict[Family, list[str]], checkpoint: Checkpoint, settings: Settings
) -> tuple[dict[Family, list[str]], dict[str, str]]:
    """What can run, and for everything else the reason, by group name or, where others of a group run, by leaf.

    A leaf whose files are broken is left out like one without files, and is always named by itself.
    """
    from xstilts_eval.tasks.documents import leaf_facts

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
                leaf_facts(family, language, settings.data, settings.split)
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
    settings: Settings, output: Path, overwrite: bool, say: Say, keeping: Keeping | None = None
) -> scoreboard.Scoreboard | None:
    """Run everything the checkpoint and the data allow; write results, samples and scoreboard into `output`.

    What earlier calls of the same run wrote there stays; of a dataset that was scored in other languages all are scored
    together. Under several processes only the first writes and returns the scoreboard. Raises `UnfitCheckpoint` when
    nothing can run and `SettingError` when `output` holds another run.
    """
    from xstilts_eval.tasks.documents import resolve_folder

    started, keeping = time.monotonic(), keeping or Keeping()
    if settings.limit is not None and settings.limit <= 0:
        raise SettingError(f"--limit must be above 0, got {settings.limit:g}")
    selected = select(settings.tasks)
    resolve_folder(settings.data)
    session = _Session(settings, {family.suite for family in selected}, keeping)
    with cycles.searched_less():
        return _evaluate(session, selected, output, overwrite, say, keeping, started)


def _evaluate(
    session: _Session,
    selected: dict[Family, list[str]],
    output: Path,
    overwrite: bool,
    say: Say,
    keeping: Keeping,
    started: float,
) -> scoreboard.Scoreboard | None:
    settings = session.settings
    fit, skipped = runnable(selected, session.checkpoint, settings)
    for line in skips.lines(skipped):
        say(line)
    for line in _orders_to_type(selected, session.checkpoint, settings, output):
        say(line)
    if not fit:
        raise UnfitCheckpoint(f"{settings.pretrained} can run none of the selected tasks; see the reasons above")
    if not overwrite:
        fit = _with_those_there(fit, session.from_first(outputs.leaves_there(output)))
    revisions = _revisions(fit, settings)
    given = _places(settings, session)
    names, identity = Names(given, output), settings.identity(revisions, session.checkpoint.fingerprint())
    identity = Names(given, output, always=True).in_value(identity)  # the same run, however its files are named
    if not session.is_first:
        _run_families(session, fit, None, say, names, keeping.samples)
        return None
    with outputs.opened(output, identity, overwrite, say, may_wait=session.is_alone) as folder:
        parts = _run_families(session, fit, folder, say, names, keeping.samples)
        merged = merge(parts)
        write_atomically(output / "results.json", _dump(merged))
        board = scoreboard.build([record.from_host(merged, str(output / "results.json"))], names.in_value(skipped))
        write_scoreboard(board, output)
    say(f"{counted(len(parts), 'dataset')} in {time.monotonic() - started:.0f} s")
    return board


def _orders_to_type(
    selected: Iterable[Family], checkpoint: Checkpoint, settings: Settings, output: Path
) -> Iterator[str]:
    """For heads whose classes have no names: the command again, once with every order that they are likely to have."""
    if settings.pretrained.startswith(memory.SCHEME):  # nobody typed a command
        return
    for family in selected:
        try:
            checkpoint.check(family)
        except UnfitCheckpoint as error:
            if error.label_orders:
                yield f"{family.group}: its authors know the order of the classes; type one of these, or with another:"
            for order in error.label_orders:
                given = {**dict(settings.model_args), "label_order": joined_order(order)}
                again = replace(settings, tasks=(family.group,), model_args=tuple(given.items()))
                yield f"  {_typed(again, output)}"


def _typed(settings: Settings, output: Path) -> str:
    """The command of these settings."""

    def pairs(values: Iterable[tuple[str, Any]]) -> str:
        return ",".join(f"{name}={value}" for name, value in values)

    options = {
        "-t": ",".join(settings.tasks), "-a": pairs(settings.model_args), "--data": settings.data,
        "--split": settings.split, "--limit": None if settings.limit is None else f"{settings.limit:g}",
        "--gen-kwargs": pairs(settings.gen_kwargs), "-o": str(output),
    }  # fmt: skip
    words = [part for option, value in options.items() if value for part in (option, value)]
    return shlex.join(["xstilts", "eval", settings.pretrained, *words])


def _with_those_there(fit: dict[Family, list[str]], there: Collection[str]) -> dict[Family, list[str]]:
    """The selected languages of each dataset and those that an earlier call scored: they share an interval."""
    return {
        family: [one for one in family.languages if one in languages or family.leaf(one) in there]
        for family, languages in fit.items()
    }


def _revisions(fit: dict[Family, list[str]], settings: Settings) -> dict[str, str]:
    from xstilts_eval.tasks.documents import leaf_facts

    return {
        family.leaf(language): leaf_facts(family, language, settings.data, settings.split).revision
        for family, languages in fit.items()
        for language in languages
    }


def seeds_of(pretrained: str) -> dict[str, str]:
    """The bundles of a folder of seeds (``runs/squad/seed-1`` …) by number; none where `pretrained` is anything else.

    Raises `UnfitCheckpoint` for a seed whose training has not finished.
    """
    folder = Path(pretrained).expanduser()
    if any((folder / name).exists() for name in ("config.json", MANIFEST)):
        return {}
    seeds = sorted((path for path in folder.glob("seed-*") if path.is_dir()), key=seed_number)
    for seed in seeds:
        if not (seed / MANIFEST).is_file():
            raise UnfitCheckpoint(f"{seed} holds no {MANIFEST}: finish its training, or name the seeds that are there")
    return {seed.name.removeprefix("seed-"): str(Path(pretrained) / seed.name) for seed in seeds}


def evaluate_seeds(
    settings: Settings,
    seeds: Mapping[str, str],
    output: Path,
    overwrite: bool,
    say: Say,
    keeping: Keeping | None = None,
) -> list[scoreboard.Scoreboard]:
    """`evaluate` for each seed of a recipe, into ``output/seed-N/eval``; none under processes but the first.

    Raises `SettingError` where `output` itself holds the results of one checkpoint.
    """
    if (output / outputs.MARKER).exists():
        raise SettingError(f"{output} holds the results of one checkpoint, not of seeds; give another --output")
    boards = []
    for seed, pretrained in seeds.items():
        say(f"seed {seed}: {pretrained}")
        folder = output / f"seed-{seed}" / "eval"
        boards.append(evaluate(replace(settings, pretrained=pretrained), folder, overwrite, say, keeping))
    return [board for board in boards if board is not None]


def _places(settings: Settings, session: _Session) -> list[str | Path | None]:
    """Folders and files that a run's files name: what was given, and where tasks come from."""
    given = [settings.pretrained, settings.data, *(str(value) for _, value in settings.model_args)]
    own = [own_datasets.file_of(dataset) for dataset in own_datasets.own()]
    return [*given, *own, *session.folders, tasks_path(), Path.cwd()]


def write_scoreboard(board: scoreboard.Scoreboard, output: Path) -> None:
    """``scoreboard.json`` and ``scoreboard.md`` into `output`."""
    from xstilts_eval.results import render

    printing.write_json(board.to_json(), str(output / "scoreboard.json"))
    write_atomically(output / "scoreboard.md", render.markdown(board))


def _run_families(
    session: _Session,
    fit: dict[Family, list[str]],
    output: Output | None,
    say: Say,
    names: Names,
    samples_as: SamplesAs,
) -> list[HostResults]:
    """Results dataset by dataset, on the first process, which has the `output`; finished ones are not run again.

    Those of earlier calls are among them, whether or not they were asked for again.
    """
    asked = {family.group for family in fit}
    parts = {part: output.read(part) for part in output.whole(say, asked)} if output else {}
    if earlier := [group for group in FAMILIES if group in parts and group not in asked]:
        say(f"kept from earlier calls: {' '.join(earlier)}")
    for stranger in parts.keys() - FAMILIES.keys():
        say(f"{stranger}: left out, nothing here knows this dataset (--include FILE names one of your own)")
    done = session.from_first({part: set(results["configs"]) for part, results in parts.items()})
    for family, languages in fit.items():
        if {family.leaf(language) for language in languages} <= done.get(family.group, set()):
            say(f"{family.group}: done before, kept")
            continue
        results = _run_family(session, family, languages, output, samples_as)
        if results is None or output is None:
            continue
        for part in ("config", "configs", "model_name"):
            results[part] = names.in_value(results[part])
        output.finish(family.group, _dump(results))
        parts[family.group] = results
    return [parts[group] for group in FAMILIES if group in parts]


def _run_family(
    session: _Session, family: Family, languages: Sequence[str], output: Output | None, samples_as: SamplesAs
) -> HostResults | None:
    """Results of one dataset, a portion of its languages after the other; what is kept of documents is written at once.

    None on any process but the first.
    """
    joined: HostResults = {}
    counts: dict[str, UnitCounts] = {}
    for portion in session.portions(family, languages):
        results = session.run([family.leaf(language) for language in portion], samples_as != "none")
        if results is None or output is None:
            continue
        for leaf, rows in results.pop("samples").items():
            counted = statistics.counts(family, rows)
            counts[leaf_parts(leaf)[1]] = counted[1]
            for name, content in kept.files(family, leaf, rows, counted, samples_as, _plain):
                output.add(family.group, name, content)
        joined = _joined(joined, results)
    if not joined:
        return None
    joined["xstilts_intervals"] = {family.group: intervals.of_counts(family, counts)}
    return joined


def _joined(first: HostResults, second: HostResults) -> HostResults:
    """Two portions of one dataset: tables of tasks and counts together; what else the model says as it is at last."""
    both = {
        name: {**cast(Mapping[str, Any], first.get(name, {})), **value}
        if isinstance(value, dict) and name != "config"
        else value
        for name, value in second.items()
    }
    joined = cast(HostResults, both)
    if first:
        info = joined["config"]["xstilts"]
        info["counts"] = _summed(first["config"]["xstilts"]["counts"], info["counts"])
    return joined


class _Session:
    """One loaded adapter and one task manager for all families."""

    def __init__(self, settings: Settings, suites: set[str], keeping: Keeping) -> None:
        import lm_eval.models  # noqa: F401  (fills the registry before ours is added)
        from lm_eval.tasks import TaskManager

        from xstilts_eval.models.adapter import XstiltsLM

        logging.getLogger("lm_eval").setLevel(logging.WARNING)
        self.settings = settings
        self._model = XstiltsLM(pretrained=settings.pretrained, store=keeping.store, **dict(settings.model_args))
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

    def portions(self, family: Family, languages: Sequence[str]) -> Iterator[list[str]]:
        """Languages side by side that have `PORTION` documents together, or are one that has more.

        A pool of candidates is embedded for all its languages at once.
        """
        from xstilts_eval.tasks.documents import leaf_facts

        if family.is_embedded and family.kind.learns:
            yield list(languages)
            return
        gathered: list[str] = []
        documents = 0
        for language in languages:
            gathered.append(language)
            documents += leaf_facts(family, language, self.settings.data, self.settings.split).documents
            if documents >= PORTION:
                yield gathered
                gathered, documents = [], 0
        if gathered:
            yield gathered

    def run(self, leaves: list[str], is_whole: bool = True) -> HostResults | None:
        """Host results of the leaves with samples, whole ones or not; None on any process but the first.

        The host's `evaluate` does the work; what `simple_evaluate` adds around it (a survey of the machine that takes
        seconds, a call to git) is left out, and what the results file needs of it is filled in here.
        """
        from lm_eval import __version__ as lm_eval_version
        from lm_eval import evaluate

        from xstilts_eval.tasks import logged

        loaded = self._manager.load(leaves)
        tasks: Mapping[str, LeafTask] = loaded["tasks"]
        for task in tasks.values():
            task.scored = []
            task.set_config("num_fewshot", 0 if task.is_retrieval else self.settings.num_fewshot)
            task.limit = self.settings.limit
            if self.settings.gen_kwargs and task.config.generation_kwargs:
                task.set_config("generation_kwargs", dict(self.settings.gen_kwargs), update=True)
        self._model.count_anew()
        results: HostResults | None = evaluate(
            self._model,
            loaded,
            limit=self.settings.limit,
            apply_chat_template=self.settings.apply_chat_template,
            fewshot_as_multiturn=self.settings.apply_chat_template,  # as the host's command
            log_samples=False,
            bootstrap_iters=0,
        )
        rows = self._model.gather_object({leaf: logged.rows(task, is_whole) for leaf, task in tasks.items()})
        if results is None or rows is None:
            return None
        arguments = {"pretrained": self.settings.pretrained, **dict(self.settings.model_args)}
        config = {"model": "xstilts", "model_args": arguments, "limit": self.settings.limit}
        more: HostResults = {
            "config": cast(RunConfig, config | {"xstilts": self._info(leaves)}),
            "model_name": self.settings.pretrained,
            "date": time.time(),
            "lm_eval_version": lm_eval_version,
            "samples": {leaf: [row for part in rows for row in part[leaf]] for leaf in tasks},
        }
        return cast(HostResults, {**results, **more})

    def _info(self, leaves: Sequence[str]) -> ModelInfo:
        """What the adapter says of itself, without the lengths of what other parts of the run made it load."""
        info = self._model.get_model_info()["xstilts"]
        families = {leaf_parts(leaf)[0] for leaf in leaves}
        mine = {"language_model", *(family.name for family in families)}
        if any(family.is_embedded for family in families):
            mine.add("retrieval")
        info["max_length"] = {name: length for name, length in info["max_length"].items() if name in mine}
        return info


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
    for field in ("heads", "rankers", "trained_on", "max_length", "label_order", "label_maps", "first_piece"):
        into.setdefault(field, {}).update(more.get(field, {}))
    merged["counts"] = _summed(merged.get("counts", {}), other.get("counts", {}))
    if into["language_model"]:
        for field in ("families", "forced_languages"):
            into["language_model"][field] += more["language_model"].get(field, [])
    into["chat_template"] |= more["chat_template"]


def _summed(one: Counts, other: Counts) -> Counts:
    """Counts of two parts of a run together."""
    found = {of: dict(counts) for of, counts in one.items()}
    for of, counts in other.items():
        for name, value in counts.items():
            found.setdefault(of, {})[name] = found.get(of, {}).get(name, 0) + value
    return found


def _dump(value: Any) -> str:
    from lm_eval.utils import handle_non_serializable

    text = json.dumps(value, indent=1, ensure_ascii=False, default=handle_non_serializable)
    return foreign.in_json(text) + "\n"


def _plain(value: Any) -> Any:
    from lm_eval.utils import handle_non_serializable

    return handle_non_serializable(value)
